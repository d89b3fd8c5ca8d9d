"""What the demo refuses to start with, and what it says at the end."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from la_assets.demo import main, print_summary, require_mappings
from la_assets.landing.schema import FILES
from la_resources.environments import Places
from la_resources.lake import Lake


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    for setting in ("LA_LANDING_ROOT", "LA_LAKE_ROOT", "LA_WAREHOUSE", "LA_DELIVERABLES_ROOT", "LA_MAPPINGS"):
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv("LA_DATA_ROOT", str(tmp_path))
    return Places.from_environment()


def file_row(name: str, status: str) -> dict:
    texts = {c.name: "" for c in FILES.columns if c.dtype == pl.String}
    numbers = {c.name: 0 for c in FILES.columns if c.dtype == pl.Int64}
    known = {"source_file": name, "status": status, "is_late": False, "landed_at": dt.datetime(2024, 6, 1, tzinfo=dt.UTC)}
    return texts | numbers | known | {"school_year": "2023-24"}


def test_a_folder_of_mappings_that_is_not_there_is_named_before_anything_is_written(
    places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LA_STUDENT_KEY_SECRET", "x" * 40)
    assert main(["--students", "5", "--no-ui"]) == 2
    said = capsys.readouterr().err
    assert places.mappings[0] in said
    assert "LA_MAPPINGS" in said
    assert not Path(places.landing).exists()


def test_every_folder_of_mappings_has_to_be_there(places: Places, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    require_mappings(replace(places, mappings=(str(tmp_path / "own"),)))
    with pytest.raises(ValueError, match="theirs"):
        require_mappings(replace(places, mappings=(str(tmp_path / "own"), str(tmp_path / "theirs"))))


def test_the_summary_counts_files_by_what_became_of_them(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [file_row("a.csv", "loaded"), file_row("b.csv", "loaded"), file_row("c.csv", "unclaimed")]
    frame = pl.DataFrame(rows, schema=FILES.polars_schema())
    Lake(places.lake).publish(FILES, "2023-24", frame)
    print_summary(places)
    assert "2 loaded, 1 unclaimed" in capsys.readouterr().out
