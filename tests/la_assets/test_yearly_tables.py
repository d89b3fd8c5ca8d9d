"""What a table function may return, and how it becomes partitions and an asset's page, year by year."""

from pathlib import Path

import dagster as dg
import polars as pl

from la_assets.figures import picture
from la_assets.yearly_tables import Page, Year, asset_key, yearly_table
from la_resources.contracts import Column, Table
from la_resources.deliverables import Deliverables
from la_resources.environments import DeliverablesResource, DistrictResource
from la_resources.io_managers import LakeIOManager
from la_resources.lake import Lake
from tests.thrown_away import thrown_away_instance

PAGES = Table(
    "reports.pages",
    "A file.",
    (Column("path", pl.String, "File."), Column("school_year", pl.String, "School year.")),
    ("path",),
)


@yearly_table(PAGES, inputs=(), cadence="quarterly", kinds=("python",))
def pages(year: Year) -> Page:
    """A file of the year."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2], [2, 1])
    with year.delivery(PAGES) as delivery:
        path = delivery.put("page.txt", year.label.encode()).path
    rows = pl.DataFrame({"path": [path], "school_year": [year.label]})
    before = len(year.remembered)
    year.remembered[year.label] = path
    return Page(rows, {"before": before, "auc": 0.5 if year.label == "2022-23" else 0.75, "curve": picture(figure, "A falling line")})


def _built(folder: Path, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    resources = {
        "lake_io_manager": LakeIOManager(Lake(folder / "lake"), [PAGES]),
        "district": DistrictResource(),
        "deliverables": DeliverablesResource(root=str(folder / "files")),
    }
    tags = {"dagster/asset_partition_range_start": "2022-07-01", "dagster/asset_partition_range_end": "2023-07-01"}
    job = dg.Definitions(assets=[pages], resources=resources).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, tags=tags)


def test_a_page_shows_its_figures_and_pictures_on_the_partition_of_their_year(tmp_path: Path) -> None:
    with thrown_away_instance() as instance:
        result = _built(tmp_path, instance)
        shown = {m.partition: m.metadata for m in result.asset_materializations_for_node("reports__pages")}
    assert {key: (m["auc"].value, m["dagster/row_count"].value) for key, m in shown.items()} == {
        "2022-07-01": (0.5, 1),
        "2023-07-01": (0.75, 1),
    }
    assert shown["2023-07-01"]["curve"].value.startswith("![A falling line](data:image/png;base64,")


def test_what_a_year_remembers_is_there_for_the_next_and_gone_with_the_step(tmp_path: Path) -> None:
    with thrown_away_instance() as instance:
        for _ in range(2):
            made = _built(tmp_path, instance).asset_materializations_for_node("reports__pages")
            assert [(m.partition, m.metadata["before"].value) for m in made] == [("2022-07-01", 0), ("2023-07-01", 1)]


def test_files_and_their_index_go_together(tmp_path: Path) -> None:
    with thrown_away_instance() as instance:
        _built(tmp_path, instance)
    index = Lake(tmp_path / "lake").scan(PAGES).sort("school_year").collect()
    assert [(Deliverables(tmp_path / "files").root / path).read_text() for path in index["path"]] == ["2022-23", "2023-24"]


def test_a_fitted_model_says_so_to_the_schedules() -> None:
    spec = pages.specs_by_key[asset_key(PAGES)]
    assert spec.tags["cadence"] == "quarterly"
    assert spec.kinds == {"python"}
