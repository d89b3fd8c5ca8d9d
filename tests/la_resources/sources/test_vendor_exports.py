"""What the shipped definitions make of vendors' exports: windows, official attempts, standards, totals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
from landing_bench import Landed, Zone, key_of

from la_resources.sources.definitions import definition_of, load_definitions
from la_resources.sources.landed_file import local_file

BLOCK = "Category,Benchmark,Points Earned,Points Possible"


def land(zone: Zone, path: str, content: str) -> Landed:
    definition = definition_of(path, load_definitions())
    assert definition is not None, path
    return zone.land(zone.put(path, content), definition)


def sample(zone: Zone, shared_data: Path, path: str) -> pl.DataFrame:
    definition = definition_of(path, load_definitions())
    assert definition is not None, path
    return zone.land(local_file(shared_data / "vendor", path), definition).rows("landing.assessment_scores")


def test_fast_scores_and_standards_come_from_one_row(zone: Zone):
    landed = land(
        zone,
        "fast/FAST_2023-24_PM1_Grade3_ELA.csv",
        "Student ID,Enrolled School,Enrolled Grade,Test Reason,Date Taken,Grade 3 FAST ELA Reading Scale Score,"
        "Grade 3 FAST ELA Reading Achievement Level,Grade 3 FAST ELA Reading Percentile Rank," + f"{BLOCK},{BLOCK}\n"
        "1001,0101,3,FAST PM1,09/15/2023,201,Level 3,55,Prose,ELA.3.R.1.1,2,3,Vocabulary,ELA.3.V.1.1,0,1\n"
        "1002,0101,3,FAST PM1,09/15/2023,,,,,,,,,,,\n",
    )
    first, untested = landed.rows("landing.assessment_scores").to_dicts()
    assert (first["subject"], first["grade_level"], first["window"], first["administered_on"]) == ("ELA", "03", "PM1", date(2023, 9, 15))
    assert (first["scale_score"], first["level"], first["percentile"], first["is_official"], first["is_vertical_scale"]) == (
        201,
        3,
        55,
        True,
        True,
    )
    assert (untested["scale_score"], untested["is_official"]) == (None, False)
    standards = landed.rows("landing.assessment_standards").sort("standard_code")
    assert standards.select("student_key", "standard_code", "points_earned", "points_possible").rows() == [
        (key_of("student", "1001"), "ELA.3.R.1.1", 2.0, 3.0),
        (key_of("student", "1001"), "ELA.3.V.1.1", 0.0, 1.0),
    ]


def test_fast_math_is_told_by_its_header_without_the_prefix(zone: Zone):
    header = "Student ID,Enrolled Grade,Test Reason,Date Taken,Grade 5 Mathematics Scale Score,Grade 5 Mathematics Achievement Level"
    landed = land(zone, "fast/math.csv", header + "\n1001,5,PM3,5/10/2024,230,4\n")
    assert landed.rows("landing.assessment_scores").select("subject", "window", "level").rows() == [("Math", "PM3", 4)]


def test_end_of_course_tests_are_told_by_their_headers(zone: Zone):
    heads = {"Algebra 1": "B.E.S.T. Algebra 1 EOC", "Geometry": "B.E.S.T. Geometry EOC", "Biology": "Biology 1 EOC"}
    for subject, head in heads.items():
        content = f"Student ID,Enrolled Grade,Date Taken,{head} Scale Score,{head} Achievement Level\n1001,9,05/06/2024,410,3\n"
        rows = land(zone, f"eoc/EOC_2023-24_{subject}.csv", content).rows("landing.assessment_scores")
        assert rows.select("assessment_id", "subject", "scale_score", "is_vertical_scale").rows() == [("EOC", subject, 410.0, False)]


def test_a_fast_file_named_for_another_year_is_quarantined(zone: Zone):
    header = "Student ID,Enrolled Grade,Test Reason,Date Taken,Grade 5 Mathematics Scale Score"
    landed = land(zone, "fast/FAST_2022-23_PM3.csv", header + "\n1001,5,PM3,5/10/2024,230\n")
    assert landed.receipt.reasons == {"name and content disagree on the school year": 1}


MAP = "TermName,StudentID,Subject,TestStartDate,TestRITScore,TestStandardError,TestPercentile,RapidGuessingPercentage\n"


def test_a_rushed_map_test_is_kept_and_not_official(zone: Zone):
    rows = land(
        zone,
        "map_growth/MAP.csv",
        MAP + "Winter 2023-2024,1,Mathematics,01/16/2024,208,3.4,57,30\nWinter 2023-2024,2,Reading,01/16/2024,160,3.2,4,31\n",
    ).rows("landing.assessment_scores")
    assert rows.select("subject", "window", "is_official", "school_year").rows() == [
        ("Math", "winter", True, "2023-24"),
        ("ELA", "winter", False, "2023-24"),
    ]


def test_map_samples_keep_score_error_and_percentile(zone: Zone, shared_data: Path):
    first = sample(zone, shared_data, "MAP_Growth/sample_anonymized_file.csv").row(0, named=True)
    assert (first["subject"], first["scale_score"], first["standard_error"], first["percentile"]) == ("Science", 208.0, 3.4, 57.0)


def test_i_ready_windows_follow_the_norming_window(zone: Zone, shared_data: Path):
    rows = sample(zone, shared_data, "i-Ready/sample_anonymized_file_ela.csv")
    assert rows.select("window", "scale_score", "school_year").row(0) == ("winter", 424.0, "2025-26")
    assert rows["is_official"].all()


def test_sat_gives_two_sections_and_a_total_by_the_latest_date(zone: Zone, shared_data: Path):
    rows = sample(zone, shared_data, "PSAT_SAT/sample_anonymized_file_sat.csv").filter(pl.col("source_row") == 2)
    assert rows.select("assessment_id", "subject", "scale_score", "grade_level").sort("assessment_id", "subject").rows() == [
        ("SAT", "ELA", 670.0, "10"),
        ("SAT", "Math", 640.0, "10"),
        ("SAT Total", "Other", 1310.0, "10"),
    ]


def test_act_dates_name_a_month(zone: Zone, shared_data: Path):
    rows = sample(zone, shared_data, "ACT/sample_anonymized_file.csv").filter(pl.col("source_row") == 2)
    assert rows["administered_on"].unique().to_list() == [date(2024, 9, 1)]
    assert dict(rows.select("assessment_id", "scale_score").iter_rows()) == {
        "ACT Composite": 16.0,
        "ACT English": 15.0,
        "ACT Math": 14.0,
        "ACT Reading": 23.0,
        "ACT Science": 10.0,
    }


def test_dibels_levels_and_periods_are_translated(zone: Zone, shared_data: Path):
    first = sample(zone, shared_data, "Dibels_8_Benchmark/sample_anonymized_file.csv").row(0, named=True)
    assert (first["window"], first["level"], first["grade_level"], first["scale_score"]) == ("fall", 1, "KG", 271.0)
