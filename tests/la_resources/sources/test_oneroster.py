"""OneRoster bundles: versions, zips, deltas, the year of the bundle, and which rows are current after several bundles."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from landing_bench import Landed, Zone, key_of

from la_resources.sources.archives import Refused
from la_resources.sources.definitions import definition_of, load_definitions
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.oneroster import bundle_of, bundle_year, fold_bundles
from la_resources.sources.rows import UnreadableFileError

SESSIONS = "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
YEAR = "y23,,,Year of whatever,schoolYear,2023-08-10,2024-05-24,,2024\ns1,,,Fall,semester,2023-08-10,2023-12-20,y23,2024\n"
CLASSES = (
    "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,"
    "subjects,subjectCodes,periods\n"
)
ENROLLMENTS = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
USERS_12 = (
    "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,"
    "password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\n"
)
ROLES_12 = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n"


def manifest(version: str = "1.1", **files: str) -> str:
    lines = [f"oneroster.version,{version}"] + [f"file.{name},{delivery}" for name, delivery in files.items()]
    return "propertyName,value\nmanifest.version,1.0\n" + "\n".join(lines) + "\n"


def land_all(zone: Zone, files: list[LandedFile | Refused]) -> dict[str, Landed]:
    """Land every file of a bundle that a shipped definition claims."""
    shipped = load_definitions()
    landed = {}
    for file in files:
        assert isinstance(file, LandedFile), file
        if definition := definition_of(file.path, shipped):
            landed[file.name] = zone.land(file, definition)
    return landed


def test_a_bundle_as_a_zip_lands_like_a_folder(zone: Zone):
    bundle = {
        "manifest.csv": manifest(enrollments="bulk"), "academicSessions.csv": "\ufeff" + SESSIONS + YEAR,
        "classes.csv": CLASSES + "c1,,,ENG,09,k1,ENG,scheduled,1,o1,s1,,,1\n",
        "enrollments.csv": ENROLLMENTS + "e1,,,c1,o1,u1,student,,2023-08-10,\ne2,active,,c1,o1,u1,teacher,true,2023-08-10,\n",
    }  # fmt: skip
    zipped = land_all(zone, zone.put_zip("oneroster/b.zip", bundle))
    folder = land_all(zone, [zone.put(f"oneroster/b/{name}", text) for name, text in bundle.items()])
    assert zipped.keys() == folder.keys() == {"academicSessions.csv", "classes.csv", "enrollments.csv"}
    for name, landed in zipped.items():
        assert landed.receipt.school_years == ("2023-24",), name
        assert landed.receipt.written == folder[name].receipt.written
    rows = zipped["enrollments.csv"].rows("landing.oneroster_enrollments")
    assert rows["user_key"].to_list() == [key_of("student", "u1"), key_of("staff", "u1")]
    assert rows["source_file"].unique().to_list() == ["oneroster/b.zip!enrollments.csv"]
    assert rows["source"].unique().to_list() == ["oneroster"]


def test_version_1_2_keeps_roles_and_preferred_names_and_never_the_password(zone: Zone):
    landed = land_all(zone, zone.put_zip("oneroster/b12.zip", {
        "manifest.csv": manifest("1.2", users="bulk", roles="bulk"), "academicSessions.csv": SESSIONS + YEAR,
        "users.csv": USERS_12
        + "u1,active,2023-08-01T00:00:00Z,true,ann,{StateID:FL1},Ann,Lee,,1001,ann@example.org,,,,09,SECRET!,m1,,Annie,,,o1,she\n",
        "roles.csv": ROLES_12 + "r1,active,2023-08-01T00:00:00Z,u1,primary,student,,,o1,\n",
        "userProfiles.csv": "sourcedId\np1\n",
    }))  # fmt: skip
    user = landed["users.csv"].rows("directory.oneroster_users").row(0, named=True)
    assert (user["preferred_given_name"], user["primary_org_sourced_id"], user["pronouns"], user["user_ids"]) == (
        "Annie",
        "o1",
        "she",
        "{StateID:FL1}",
    )
    assert "SECRET!" not in str(user)
    assert landed["roles.csv"].rows("directory.oneroster_roles")["role"].to_list() == ["student"]
    assert bundle_of_zip(zone, "oneroster/b12.zip", "users.csv").version == "1.2"


def bundle_of_zip(zone: Zone, path: str, name: str):
    from la_resources.sources.archives import members
    from la_resources.sources.landed_file import local_file

    return bundle_of(next(m for m in members(local_file(zone.root, path)) if isinstance(m, LandedFile) and m.name == name))


def test_a_delta_file_says_so_in_its_rows_and_receipt(zone: Zone):
    landed = land_all(zone, [
        zone.put("oneroster/d/manifest.csv", manifest(enrollments="delta", academicSessions="bulk")),
        zone.put("oneroster/d/academicSessions.csv", SESSIONS + YEAR),
        zone.put("oneroster/d/enrollments.csv", ENROLLMENTS + "e1,tobedeleted,2023-10-01,c1,o1,u1,student,,2023-08-10,\n"),
    ])  # fmt: skip
    delta = landed["enrollments.csv"]
    assert delta.receipt.delivery == "delta"
    assert delta.rows("landing.oneroster_enrollments").select("source", "status").rows() == [("oneroster_delta", "tobedeleted")]
    assert landed["academicSessions.csv"].receipt.delivery == "bulk"


def test_a_delta_without_sessions_is_dated_by_its_newest_change(zone: Zone):
    file = zone.put(
        "oneroster/d/enrollments.csv",
        ENROLLMENTS + "e1,active,2019-01-01T00:00:00Z,c,o,u,student,,,\ne2,active,2023-10-01T00:00:00.000Z,c,o,u,student,,,\n",
    )
    assert bundle_of(file).school_year == "2023-24"


def test_a_bundle_without_any_date_is_quarantined_with_the_reason(zone: Zone):
    file = zone.put("oneroster/d/enrollments.csv", ENROLLMENTS + "e1,,,c,o,u,student,,,\n")
    with pytest.raises(UnreadableFileError, match=r"send academicSessions\.csv"):
        bundle_of(file)
    receipt = land_all(zone, [file])["enrollments.csv"].receipt
    assert (receipt.status, receipt.reasons) == ("quarantined", {"no school year": 1})


def sessions(*rows: tuple[str, str, date, date]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"sourced_id": pl.String, "type": pl.String, "start": pl.Date, "end": pl.Date}, orient="row")


LAST = ("y22", "schoolYear", date(2022, 8, 10), date(2023, 5, 24))
THIS = ("y23", "schoolYear", date(2023, 8, 10), date(2024, 5, 24))
FALL = ("f23", "semester", date(2023, 8, 10), date(2023, 12, 20))
SUMMER = ("su", "term", date(2023, 6, 5), date(2023, 7, 28))


def test_the_bundle_s_year_is_the_one_most_class_terms_lie_in():
    assert bundle_year(sessions(LAST, THIS, FALL), pl.Series(["y22", "f23", "f23"])) == "2023-24"
    assert bundle_year(sessions(LAST, THIS, FALL), pl.Series(["y22", "y22", "f23"])) == "2022-23"


def test_without_classes_the_latest_year_counts_and_without_years_the_terms():
    assert bundle_year(sessions(LAST, THIS), pl.Series([], dtype=pl.String)) == "2023-24"
    assert bundle_year(sessions(FALL), pl.Series(["f23"])) == "2023-24"
    assert bundle_year(sessions(), pl.Series([], dtype=pl.String)) is None


def test_a_summer_term_belongs_to_the_year_of_its_middle_day():
    assert bundle_year(sessions(SUMMER), pl.Series([], dtype=pl.String)) == "2023-24"
    assert bundle_year(sessions(THIS, SUMMER), pl.Series(["su"])) == "2023-24"


def test_the_oldest_spellings_of_demographics_are_known(zone: Zone, shared_data: Path):
    sample = (shared_data / "vendor/OneRoster/v1p0/demographics.csv").read_text()
    landed = land_all(
        zone, [zone.put("oneroster/v/academicSessions.csv", SESSIONS + YEAR), zone.put("oneroster/v/demographics.csv", sample)]
    )
    first = landed["demographics.csv"].rows("directory.oneroster_demographics").row(0, named=True)
    assert (first["sourced_id"], first["birth_date"], first["asian"]) == ("604863", date(1997, 5, 30), True)


# -- which rows are current ---------------------------------------------------------------------------------------------


def arrived(day: int) -> datetime:
    return datetime(2023, 9, day, tzinfo=UTC)


def landed_rows(*rows: tuple[str, str, str, int, str, int]) -> pl.LazyFrame:
    frame = pl.DataFrame(
        rows,
        schema={
            "sourced_id": pl.String,
            "title": pl.String,
            "status": pl.String,
            "day": pl.Int64,
            "source": pl.String,
            "source_row": pl.Int64,
        },
        orient="row",
    )
    return frame.lazy().select(
        "sourced_id", "title", "status", "source", "source_row", (pl.col("source") + pl.col("day").cast(pl.String)).alias("source_file"),
        pl.datetime(2023, 9, pl.col("day"), time_zone="UTC").alias("landed_at"),
    )  # fmt: skip


def current(frame: pl.LazyFrame) -> dict[str, str]:
    return dict(fold_bundles(frame).select("sourced_id", "title").sort("sourced_id").collect().iter_rows())


def test_the_latest_bulk_file_replaces_everything_before_it():
    frame = landed_rows(
        ("a", "old", "", 1, "oneroster", 2),
        ("b", "old", "", 1, "oneroster", 3),
        ("c", "d", "", 2, "oneroster_delta", 2),
        ("a", "new", "", 3, "oneroster", 2),
    )
    assert current(frame) == {"a": "new"}


def test_later_deltas_replace_add_and_delete():
    frame = landed_rows(
        ("a", "bulk", "active", 1, "oneroster", 2), ("b", "bulk", "", 1, "oneroster", 3), ("c", "bulk", "", 1, "oneroster", 4),
        ("a", "delta", "active", 2, "oneroster_delta", 2), ("b", "bulk", "tobedeleted", 2, "oneroster_delta", 3),
        ("d", "delta", "", 3, "oneroster_delta", 2),
    )  # fmt: skip
    assert current(frame) == {"a": "delta", "c": "bulk", "d": "delta"}


def test_deltas_without_any_bulk_file_fold_in_order_of_arrival():
    frame = landed_rows(("a", "second", "", 2, "oneroster_delta", 2), ("a", "first", "", 1, "oneroster_delta", 2))
    assert current(frame) == {"a": "second"}


def test_a_delta_of_the_same_moment_comes_after_the_bulk():
    frame = landed_rows(("a", "delta", "", 1, "oneroster_delta", 2), ("a", "bulk", "", 1, "oneroster", 2))
    assert current(frame) == {"a": "delta"}
