"""The MTSS tables of the small simulated district: nobody lost, no fact invented, and standards told of are truly weak."""

import polars as pl
import pytest

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.mtss import assets, schema
from la_assets.mtss.schema import ASSESSMENT_PANEL, CLUSTER_FITS, CLUSTER_PROFILES, CLUSTERS, GROWTH, TIERS
from la_resources.privacy import person_key, secret_from_environment

from ..called_assets import called
from ..conftest import BuiltDistrict

ORDER = (
    "assessment_panel", "standards_panel", "growth", "tiers", "tier_movement", "cluster_features", "cluster_fits", "cluster_profiles",
    "clusters",
)  # fmt: skip


def test_a_year_without_any_data_is_empty_and_breaks_nothing() -> None:
    from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE
    from la_assets.coursework.schema import STUDENT_YEAR as MARKS

    made = called(assets, schema, ORDER, "2023-24", {table: table.empty() for table in (SCORES, STANDARDS, ATTENDANCE, MARKS)})
    assert all(frame.is_empty() for frame in made.values())


def test_every_check_of_the_room_passes(built_district: BuiltDistrict) -> None:
    own = {
        "official_results_are_in_the_panel", "imputed_share_is_within_limit", "growth_percentiles_are_centred",
        "every_tested_student_has_a_tier", "levels_fit_the_cut_scores", "movement_adds_up", "clusters_are_stable",
        "every_student_is_in_the_clusters",
    }  # fmt: skip
    judged = {check: e for (table, check), e in built_district.evaluations.items() if table.startswith("mtss.") and check in own}
    assert judged.keys() == own
    assert [(check, e.description) for check, e in judged.items() if not e.passed] == []


def test_who_missed_a_test_is_missing_in_the_panel(built_district: BuiltDistrict) -> None:
    """The simulator knows who was enrolled and missed which test."""
    secret = secret_from_environment()
    truth = pl.read_parquet(built_district.folder / "truth" / "missing_tests_2024-25.parquet").filter(
        pl.col("test").is_in([f"{subject} {window}" for subject in ("ELA", "Math") for window in ("PM1", "PM2", "PM3")])
    )
    missed = {(person_key(secret, "student", number), *test.split(" ")) for number, test in truth.iter_rows()}
    panel = built_district.lake.scan(ASSESSMENT_PANEL, ["2024-25"]).filter(pl.col("assessment_id") == "FAST").collect()
    found = set(panel.filter(pl.col("status") != "tested").select("student_key", "subject", "window").iter_rows())
    assert len(missed) >= 10
    assert len(missed & found) / len(missed) >= 0.8, "those who left before the window's middle day were not to be expected"
    assert panel.filter("is_imputed", "is_final").is_empty()
    assert panel.filter("is_imputed")["imputation_peers"].min() >= 10


def test_standards_told_of_are_truly_weaker_than_the_students_others(built_district: BuiltDistrict) -> None:
    """The true probability of a point on the standards listed after PM3, against the same student's others: lower, far beyond chance."""
    secret = secret_from_environment()
    truth = pl.read_parquet(built_district.folder / "truth" / "standards_2024-25.parquet")
    true = (
        truth.with_columns(
            pl.col("student_number").map_elements(lambda n: person_key(secret, "student", n), return_dtype=pl.String).alias("student_key"),
            pl.col("benchmarks").str.split(","),
            pl.concat_list(f"p{i}" for i in range(1, 9)).alias("p"),
        )
        .select("student_key", "subject", "benchmarks", "p")
        .explode("benchmarks", "p")
    )
    listed = (
        built_district.lake.scan(TIERS, ["2024-25"])
        .filter(pl.col("window") == "PM3", pl.col("status") == "tiered", pl.col("standards_below").is_between(1, 7))
        .select("student_key", "subject", "not_proficient_standards")
        .collect()
    )
    told = true.join(listed, on=["student_key", "subject"]).with_columns(
        weak=pl.col("benchmarks").is_in(pl.col("not_proficient_standards"))
    )
    gaps = told.group_by("student_key", "subject").agg(
        (pl.col("p").filter(~pl.col("weak")).mean() - pl.col("p").filter("weak").mean()).alias("gap")
    )["gap"]
    assert gaps.len() > 80
    assert gaps.mean() / (gaps.std() / gaps.len() ** 0.5) > 8, "standard errors above no difference"
    assert gaps.mean() > 0.05


def test_the_current_year_tells_what_is_not_known_yet(built_district: BuiltDistrict) -> None:
    """On 20 November only the first windows are over."""
    rows = built_district.lake.scan(TIERS, ["2026-27"]).collect()
    assert set(rows.filter(pl.col("window") == "PM1")["status"]) <= {"tiered", "not tested"}
    assert set(rows.filter(pl.col("window") != "PM1")["status"]) == {"no results yet"}
    assert built_district.lake.scan(GROWTH, ["2026-27"]).collect().is_empty()


def test_small_groups_are_not_clustered_and_clusters_have_ten_students(built_district: BuiltDistrict) -> None:
    fits = built_district.lake.scan(CLUSTER_FITS).collect()
    assert set(fits.filter(pl.col("students") < 10)["status"]) == {"too few students"}
    assert fits.filter(pl.col("subject") == "Biology").height == 3 * 4, "four years with results, three tiers each"
    profiles = built_district.lake.scan(CLUSTER_PROFILES).collect()
    assert profiles.filter(pl.col("status") == "clustered")["students"].min() >= 10
    clustered = built_district.lake.scan(CLUSTERS).collect()
    assert clustered.height == profiles["students"].sum()
    assert profiles.select(pl.col("reteach_standards").list.len().max()).item() == 3


def test_no_row_is_known_before_what_it_is_made_from(built_district: BuiltDistrict) -> None:
    """A tier after a window is known no earlier than the student's own result of that window."""
    lake = built_district.lake
    own = (
        lake.scan(ASSESSMENT_PANEL)
        .filter(pl.col("status") == "tested")
        .select("student_key", "subject", "window", "school_year", "known_on")
    )
    both = (
        lake.scan(TIERS)
        .filter(pl.col("status") == "tiered")
        .join(own, on=["student_key", "subject", "window", "school_year"], suffix="_own")
    )
    assert both.filter(pl.col("known_on") < pl.col("known_on_own")).collect().is_empty()
    assert both.select(pl.len()).collect().item() > 1_000


@pytest.mark.parametrize("table", ["mtss.tiers", "mtss.cluster_profiles", "mtss.assessment_panel"])
def test_pages_show_figures_and_pictures(built_district: BuiltDistrict, table: str) -> None:
    assert {"tier_1_share", "tiers_by_window", "profiles", "imputed_share"} & built_district.shown[table]
