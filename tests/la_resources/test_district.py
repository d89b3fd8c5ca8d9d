"""The district's numbers: defaults of the field, a YAML file over them, and errors that name file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from la_resources.district import District, load_district


def file_of(folder: Path, text: str) -> str:
    file = folder / "district.yaml"
    file.write_text(text)
    return str(file)


def test_without_a_file_the_defaults_of_the_field_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LA_DISTRICT_FILE", raising=False)
    settings = load_district()
    assert settings == District()
    assert (settings.chronic_absence_rate, settings.minimum_days_enrolled) == (0.10, 10)
    assert settings.years_without_spring_tests == ("2019-20",)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LA_DISTRICT_FILE", file_of(tmp_path, "minimum_days_enrolled: 20\nexit_codes: {x1: graduated}\n"))
    settings = load_district()
    assert settings == District(minimum_days_enrolled=20, exit_codes={"x1": "graduated"})


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_district(file_of(tmp_path, "# nothing yet\n")) == District()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chronic_absence_rate: 10\n", "chronic_absence_rate"),
        ("chronic_absense_rate: 0.1\n", "chronic_absense_rate"),
        ("minimum_days_enrolled: ten\n", "minimum_days_enrolled"),
        ("- a list\n", "mapping|list"),
        ("a: [unclosed\n", "line 1, column 4"),
        ("\x00\x01", "special characters"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"district\.yaml is not a valid district file: (.|\n)*({message})"):
        load_district(file_of(tmp_path, text))


@pytest.mark.parametrize("name", ["missing.yaml", ""])
def test_a_file_that_is_none_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"LA_DISTRICT_FILE names .* which is not a file; unset it"):
        load_district(str(tmp_path / name))
