"""A district's files end up in contracted tables: nothing lost, nothing counted twice, every planted defect found exactly.

The truth is known because the files are simulated; the pipeline sees only the files.
"""

import csv
import io
import zipfile

import duckdb
import polars as pl
import pytest

from la_assets.attendance.schema import STUDENT_YEAR
from la_assets.definitions import TABLES
from la_assets.landing.schema import FILES, QUARANTINE
from la_assets.outcomes.schema import EXITS
from la_assets.roster.schema import DEMOGRAPHIC_CONFLICTS, PROGRESSION, STUDENTS
from la_resources.contracts import validate
from la_resources.privacy import person_key, secret_from_environment

from .conftest import BuiltDistrict

YEARS = ["2022-23", "2023-24", "2024-25", "2025-26", "2026-27"]


@pytest.fixture(scope="module")
def files(built_district: BuiltDistrict) -> pl.DataFrame:
    return built_district.lake.scan(FILES).collect()


def test_every_asset_of_every_year_is_built(built_district: BuiltDistrict) -> None:
    assert built_district.failed_steps == []


def _rows_of_file(file: io.TextIOBase) -> int:
    return sum(1 for row in csv.reader(file) if row) - 1


def test_the_rows_read_are_the_rows_in_the_files(built_district: BuiltDistrict, files: pl.DataFrame) -> None:
    """Counted here by Python's csv module, and independently of the readers."""
    read = dict(files.filter(pl.col("status") != "unclaimed").select("source_file", "rows_read").iter_rows())
    for path, rows in read.items():
        archive, _, member = path.partition("!")
        if member:
            with zipfile.ZipFile(built_district.landing / archive) as zipped, zipped.open(member) as raw:
                assert _rows_of_file(io.TextIOWrapper(raw, "utf-8-sig", newline="")) == rows, path
        else:
            with (built_district.landing / path).open(encoding="utf-8-sig", newline="") as file:
                assert _rows_of_file(file) == rows, path


def test_every_row_read_is_accounted_for(files: pl.DataFrame) -> None:
    parts = pl.sum_horizontal("rows_loaded", "rows_duplicate", "rows_skipped", "rows_quarantined")
    assert files.filter(pl.col("rows_read") != parts).is_empty()
    assert files["rows_read"].sum() > 50_000


def test_every_file_but_the_planted_one_is_claimed(built_district: BuiltDistrict, files: pl.DataFrame) -> None:
    unclaimed = files.filter(pl.col("status") == "unclaimed")["source_file"].to_list()
    assert unclaimed == [d["file"] for d in built_district.planted("unclaimed_file")]


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.filter(pl.col(column) > 0).select("source_file", column).iter_rows())


def test_planted_duplicate_rows_are_found_exactly(built_district: BuiltDistrict, files: pl.DataFrame) -> None:
    planted = {d["file"]: d["rows"] for d in built_district.planted("duplicate_rows")}
    assert planted
    assert _counts(files, "rows_duplicate") == planted


def test_planted_impossible_values_and_the_wrong_year_file_are_quarantined_exactly(
    built_district: BuiltDistrict, files: pl.DataFrame
) -> None:
    planted = {d["file"]: d["rows"] for kind in ("impossible_gpa_points", "wrong_year_file") for d in built_district.planted(kind)}
    assert len(planted) >= 2
    assert _counts(files, "rows_quarantined") == planted
    whole = files.filter(pl.col("status") == "quarantined")["source_file"].to_list()
    assert whole == [d["file"] for d in built_district.planted("wrong_year_file")]


def test_quarantined_rows_keep_file_row_column_value_and_rule(built_district: BuiltDistrict) -> None:
    rows = built_district.lake.scan(QUARANTINE).filter(pl.col("source_row").is_not_null(), pl.col("column") == "gpa_points").collect()
    assert rows.height == sum(d["rows"] for d in built_district.planted("impossible_gpa_points"))
    assert set(rows["value"]) <= {"9.7", "-1"}
    for row in rows.to_dicts():
        with (built_district.landing / row["source_file"]).open(encoding="utf-8", newline="") as file:
            line = list(csv.reader(file))[row["source_row"] - 1]
        assert row["value"] in line


def test_planted_late_files_are_named_and_loaded(built_district: BuiltDistrict, files: pl.DataFrame) -> None:
    late = files.filter("is_late")
    assert sorted(late["source_file"]) == sorted(d["file"] for d in built_district.planted("late_file"))
    assert late["rows_loaded"].to_list() == late["rows_read"].to_list()


def test_planted_demographic_conflicts_are_listed_exactly(built_district: BuiltDistrict) -> None:
    found = built_district.lake.scan(DEMOGRAPHIC_CONFLICTS).select("school_year", "student_key").unique().collect()
    assert found.height == sum(d["rows"] for d in built_district.planted("conflicting_demographics"))


def test_planted_unknown_exit_codes_become_unknown_and_are_counted(built_district: BuiltDistrict) -> None:
    unknown = built_district.lake.scan(EXITS).filter(pl.col("status") == "unknown").select(pl.len()).collect().item()
    assert unknown == sum(d["rows"] for d in built_district.planted("unknown_exit_code"))


@pytest.mark.parametrize("table", [t for t in TABLES if t.schema not in ("landing",)], ids=lambda t: t.name)
def test_every_stored_partition_keeps_its_contract(built_district: BuiltDistrict, table) -> None:
    for year in built_district.lake.school_years(table):
        frame = built_district.lake.scan(table, [year]).collect()
        validate(table, frame)
        assert not frame.select(table.key).is_duplicated().any()
        assert frame["school_year"].is_in([year]).all()
    if table.schema not in ("directory", "finance") and not built_district.lake.scan(table).head(1).collect().is_empty():
        assert set(built_district.lake.school_years(table)) <= set(YEARS)


def _direct_identifiers(built_district: BuiltDistrict) -> set[str]:
    """Every name, mail address, number and birth date of a person in the roster bundles."""
    found: set[str] = set()
    for bundle in sorted((built_district.landing / "oneroster").rglob("users.csv")):
        found |= _identifiers(bundle.read_text(encoding="utf-8-sig"))
    for archive in sorted((built_district.landing / "oneroster").glob("*.zip")):
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                if name.endswith("users.csv"):
                    found |= _identifiers(zipped.read(name).decode("utf-8-sig"))
    return found


def _identifiers(users: str) -> set[str]:
    found: set[str] = set()
    for row in csv.DictReader(io.StringIO(users)):
        state = row["userIds"].removeprefix("{").removesuffix("}").partition(":")[2]
        full = f"{row['givenName']} {row['familyName']}"
        found |= {row["sourcedId"], row["identifier"], row["email"], row["username"], row["phone"], state, row["userIds"], full}
    return {value for value in found if len(value) >= 5}


def test_no_direct_identifier_stands_in_any_table_outside_the_directory(built_district: BuiltDistrict) -> None:
    identifiers = _direct_identifiers(built_district)
    assert len(identifiers) > 1000
    scanned = 0
    for table in TABLES:
        if table.restricted:
            continue
        frame = built_district.lake.scan(table).select(pl.col(pl.String)).collect()
        for column in frame.columns:
            values = set(frame[column].drop_nulls().unique().to_list())
            assert not values & identifiers, f"{table.name}.{column}"
            scanned += 1
    assert scanned > 150


def test_no_birth_date_stands_outside_the_directory(built_district: BuiltDistrict) -> None:
    for table in TABLES:
        if not table.restricted:
            assert not {"birth_date", "given_name", "family_name", "email", "phone"} & set(table.names)


def test_restricted_tables_have_no_view_in_the_sql_file(built_district: BuiltDistrict) -> None:
    with duckdb.connect(str(built_district.warehouse), read_only=True) as connection:
        schemas = {row[0] for row in connection.execute("SELECT DISTINCT schema_name FROM duckdb_views() WHERE NOT internal").fetchall()}
        students = connection.execute("SELECT count(*) FROM roster.students WHERE school_year = '2023-24'").fetchone()
    assert "roster" in schemas
    assert "directory" not in schemas
    assert students[0] == built_district.lake.scan(STUDENTS, ["2023-24"]).select(pl.len()).collect().item()


def test_a_student_who_stays_is_promoted_or_repeats(built_district: BuiltDistrict) -> None:
    progress = built_district.lake.scan(PROGRESSION, YEARS[1:4]).group_by("progress").len().collect()
    counts = dict(progress.iter_rows())
    assert counts["promoted"] > 5 * counts["repeated"] > 0
    assert counts.get("skipped", 0) < counts["repeated"]


def test_checks_fail_where_something_was_planted_and_name_it(built_district: BuiltDistrict) -> None:
    failed = {key: e.description for key, e in built_district.evaluations.items() if not e.passed}
    assert "sis" in failed["landing.files", "every_file_is_claimed"]
    assert built_district.planted("wrong_year_file")[0]["file"] in failed["landing.files", "quarantine_is_within_limit"]
    assert ("outcomes.exits", "exit_codes_are_known") in failed
    assert ("roster.instructional_links", "sent_links_cover") in failed
    assert built_district.evaluations["landing.files", "rows_are_accounted_for"].passed
    assert not {key for key in failed if key[1] in ("key_is_unique", "references_exist")}, failed


@pytest.mark.parametrize("year", YEARS[:-1])
def test_days_enrolled_and_absent_equal_the_truth_for_every_student(built_district: BuiltDistrict, year: str) -> None:
    """Through transfers, double enrolments, duplicate rows, late files and negative attendance: not one day lost or counted twice."""
    secret = secret_from_environment()
    truth = pl.read_parquet(built_district.folder / "truth" / f"student_years_{year}.parquet").select(
        pl.Series("student_key", [person_key(secret, "student", n) for n in _numbers(built_district, year)]), "days_enrolled", "days_absent"
    )
    found = built_district.lake.scan(STUDENT_YEAR, [year]).select("student_key", "days_enrolled", "days_absent").collect()
    both = truth.join(found, on="student_key", how="full", suffix="_found", coalesce=True)
    wrong = both.filter(
        pl.col("days_enrolled").ne_missing(pl.col("days_enrolled_found"))
        | ~(pl.col("days_absent") - pl.col("days_absent_found")).abs().lt(1e-6)
    )
    assert truth.height >= 190
    assert wrong.is_empty(), wrong


def _numbers(built_district: BuiltDistrict, year: str) -> list[str]:
    frame = pl.read_parquet(built_district.folder / "truth" / f"student_years_{year}.parquet")
    return frame["student_number"].cast(pl.String).to_list()
