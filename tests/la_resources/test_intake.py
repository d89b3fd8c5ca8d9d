"""The intake's promises: every content once, changed files replace their rows, copies add nothing, nothing stops the good files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from landing_desk import ARRIVED, ATTENDANCE, HEAD, MAPPING, SECRET, Desk, day_rows

from la_assets.landing.schema import ONEROSTER_ORGS, QUARANTINE
from la_resources.privacy import Hasher
from la_resources.sources.definitions import DefinitionError
from la_resources.sources.oneroster import fold_bundles

AUTUMN, NEXT = "2023-09-01", "2024-09-02"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def counts(record) -> tuple[str, int, int, int, int]:
    r = record.receipt
    return record.status, r.rows_read, r.rows_loaded, r.rows_duplicate, r.rows_quarantined


# -- every content once ---------------------------------------------------------------------------------------------------


def test_reading_twice_touches_no_file(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_copy.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_empty.csv", HEAD)
    desk.put("sis/attendance_empty_too.csv", HEAD)
    desk.put_zip("sis/more.zip", {"attendance_b.csv": day_rows(NEXT)})
    first, before, lines = desk.land(), desk.touched(), []
    again = desk.intake().land(("2023-24", "2024-25"), {ATTENDANCE.name}, lines.append)
    assert desk.touched() == before
    assert lines == []
    assert {r.path: r for r in again} == first


def test_copies_in_one_delivery_count_once_whoever_is_read_first(desk: Desk) -> None:
    for name in "fbadce":
        desk.put(f"sis/attendance_{name}.csv", day_rows(AUTUMN, students=40))
    seen = []
    for run in range(4):
        fresh = desk.fresh(f"run{run}")
        records = fresh.land()
        seen.append({path: counts(r) for path, r in records.items()})
        assert fresh.rows().height == 40
    assert all(found == seen[0] for found in seen)
    assert seen[0]["sis/attendance_a.csv"] == ("loaded", 40, 40, 0, 0)
    assert {found for path, found in seen[0].items() if path != "sis/attendance_a.csv"} == {("repeated", 40, 0, 40, 0)}


def test_the_same_content_under_another_name_adds_nothing_later(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    before = desk.rows()
    desk.put("sis/archive/attendance_old.csv", day_rows(AUTUMN))
    assert counts(desk.land()["sis/archive/attendance_old.csv"]) == ("repeated", 2, 0, 2, 0)
    assert desk.rows().equals(before)


def test_a_changed_file_replaces_its_rows_in_every_year(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows("2022-09-01", AUTUMN))
    desk.put("sis/attendance_other.csv", day_rows("2023-10-02"))
    desk.land()
    desk.put("sis/attendance.csv", day_rows(NEXT, students=3))
    desk.land("2023-24")
    assert [(str(day), n) for day, n in desk.rows().group_by("date").len().sort("date").rows()] == [("2023-10-02", 2), (NEXT, 3)]


def test_a_file_that_only_looks_newer_keeps_its_rows(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    desk.put("sis/attendance.csv", day_rows(AUTUMN), ARRIVED + timedelta(days=1))
    assert counts(desk.land()["sis/attendance.csv"]) == ("loaded", 2, 2, 0, 0)
    assert desk.rows()["landed_at"].unique().to_list() == [ARRIVED + timedelta(days=1)]


def test_a_change_that_keeps_size_and_time_is_noticed(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    before = file.stat()
    desk.put("sis/attendance.csv", day_rows("2023-10-02"))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    desk.land()
    assert [str(day) for day in desk.rows()["date"].unique()] == ["2023-10-02"]


def test_a_file_that_only_looks_changed_is_not_read_again(desk: Desk) -> None:
    """Other permissions, another inode: the content's hash says that nothing happened."""
    file = desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    tables = {name: seen for name, seen in desk.touched().items() if ".receipts" not in name}
    for change in (lambda: file.chmod(0o600), lambda: (file.unlink(), desk.put("sis/attendance.csv", day_rows(AUTUMN)))):
        change()
        read: list[str] = []
        records = desk.intake().land(("2023-24",), {"landing.attendance"}, read.append)
        assert [counts(record) for record in records] == [("loaded", 2, 2, 0, 0)]
        assert read == []
        assert {name: seen for name, seen in desk.touched().items() if ".receipts" not in name} == tables
    settled = desk.touched()
    desk.land()
    assert desk.touched() == settled


def test_a_renamed_file_survives_the_new_file_under_its_old_name(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    desk.put("sis/attendance_september.csv", day_rows(AUTUMN))
    desk.put("sis/attendance.csv", day_rows("2023-10-02"), ARRIVED + timedelta(days=1))
    records = desk.land()
    assert {record.status for record in records.values()} == {"loaded"}
    fresh = desk.fresh("fresh")
    fresh.land()
    assert desk.state() == fresh.state()


def test_a_copy_takes_over_when_its_original_changes(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_copy.csv", day_rows(AUTUMN))
    assert desk.land()["sis/attendance_copy.csv"].status == "repeated"
    desk.put("sis/attendance.csv", day_rows("2023-10-02"), ARRIVED + timedelta(days=1))
    assert desk.land()["sis/attendance_copy.csv"].status == "loaded"
    assert desk.rows()["source_file"].unique().sort().to_list() == ["sis/attendance.csv", "sis/attendance_copy.csv"]


def test_a_file_that_left_the_zone_keeps_its_rows_and_its_place_in_the_ledger(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    file.unlink()
    assert counts(desk.land("2023-24")["sis/attendance.csv"]) == ("loaded", 2, 2, 0, 0)
    assert desk.rows().height == 2


def test_a_refused_file_that_left_the_zone_is_said_to_be_gone(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", "NAME,NOTE\nAda,ill\n")
    assert desk.land()["sis/attendance.csv"].status == "quarantined"
    file.unlink()
    gone = desk.land()["sis/attendance.csv"]
    assert gone.status == "gone"
    assert gone.receipt.reason.startswith("it is no longer in the landing zone; nothing of it was loaded")
    assert gone.receipt.balanced
    desk.put("sis/attendance.csv", "NAME,NOTE\nAda,ill\n")
    assert desk.land()["sis/attendance.csv"].status == "quarantined"


def test_a_renamed_refused_file_is_refused_under_its_new_name(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", "NAME,NOTE\nAda,ill\n")
    desk.land()
    file.rename(desk.landing / "sis/attendance_fall.csv")
    assert {path: record.status for path, record in desk.land().items()} == {"sis/attendance_fall.csv": "quarantined"}


def test_a_copy_of_a_refused_file_is_refused_when_the_first_is_gone(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", "NAME,NOTE\nAda,ill\n")
    desk.put("sis/attendance_copy.csv", "NAME,NOTE\nAda,ill\n")
    assert desk.land()["sis/attendance_copy.csv"].status == "repeated"
    file.unlink()
    assert {path: record.status for path, record in desk.land().items()} == {"sis/attendance_copy.csv": "quarantined"}


def test_the_ledger_names_files_of_other_tables_too(desk: Desk) -> None:
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    assert "sis/attendance.csv" in desk.land("2023-24", tables={"landing.incidents"})


def test_a_run_leaves_new_files_of_other_years_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, MAPPING.replace("multi_year: true\n", ""))
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    assert desk.land("2024-25") == {}
    assert list(desk.land("2023-24")) == ["sis/attendance.csv"]


# -- how a file is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mapping",
    [
        MAPPING.replace("date: DAY}", "date: ENTERED}"),
        MAPPING.replace("name: sis_attendance", "name: sis_attendance_v2"),
        MAPPING.replace("absent: ABSENT", "absent: {from: ABSENT, values: {'0': '1'}}"),
    ],
    ids=["another year rule", "another name", "another translation"],
)
def test_a_changed_mapping_reads_every_file_anew(tmp_path: Path, mapping: str) -> None:
    text = "STUDENT,SCHOOL,DAY,ABSENT,ENTERED\n1,0101,2023-09-01,1,2022-09-01\n2,0101,2023-09-01,0,2022-09-02\n"
    desk = Desk(tmp_path)
    desk.put("sis/attendance.csv", text)
    desk.put("sis/attendance_copy.csv", text)
    desk.land()
    changed = Desk(tmp_path, mapping)
    changed.land()
    fresh = changed.fresh("fresh")
    fresh.land()
    assert changed.state() == fresh.state()
    assert changed.rows().height == 2


def test_another_secret_gives_every_row_another_key_and_leaves_none_of_the_old(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.land()
    Desk(tmp_path, secret=b"another secret, also long enough for a test").land()
    assert not set(desk.rows()["student_key"]) & set(Hasher(SECRET)("student", ["1", "2"]))
    assert desk.rows().height == 2


def test_a_copy_is_read_anew_where_the_original_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    original = desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_copy.csv", day_rows(AUTUMN))
    desk.land()
    original.unlink()
    changed = Desk(tmp_path, MAPPING.replace("date: DAY}", "date: DAY, formats: ['%Y-%m-%d']}"))
    assert list(changed.land()) == ["sis/attendance_copy.csv"]
    assert changed.rows()["source_file"].unique().to_list() == ["sis/attendance_copy.csv"]


def test_a_mapping_that_fits_no_table_is_an_error_after_the_other_files(tmp_path: Path) -> None:
    wrong = (
        MAPPING.replace("sis_attendance", "sis_wrong")
        .replace("**/attendance*.csv", "wrong*.csv")
        .replace("absent: ABSENT", "absend: ABSENT")
    )
    desk = Desk(tmp_path, MAPPING + "---" + wrong)
    desk.put("sis/wrong.csv", day_rows(AUTUMN))
    desk.put("sis/attendance.csv", day_rows(AUTUMN))
    with pytest.raises(DefinitionError, match="absend"):
        desk.land()
    assert desk.rows().height == 2
    assert list(desk.intake().records()) == ["sis/attendance.csv"]


# -- withdrawal -------------------------------------------------------------------------------------------------------------


def test_withdrawing_a_file_removes_its_rows_and_says_what_to_rebuild(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows("2022-09-01", AUTUMN) + "3,0101,not a day,0\n")
    desk.put("sis/attendance_other.csv", day_rows("2023-10-02"))
    desk.land()
    file.unlink()
    assert desk.intake().withdraw("sis/attendance.csv") == [
        ("directory.quarantine", "2022-23"), ("landing.attendance", "2022-23"), ("landing.attendance", "2023-24"),
    ]  # fmt: skip
    desk.land()
    assert desk.rows()["source_file"].unique().to_list() == ["sis/attendance_other.csv"]


def test_withdrawing_a_file_lets_its_copy_in(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_copy.csv", day_rows(AUTUMN))
    desk.land()
    file.unlink()
    desk.intake().withdraw("sis/attendance.csv")
    assert counts(desk.land()["sis/attendance_copy.csv"]) == ("loaded", 2, 2, 0, 0)


def test_only_a_file_that_was_read_can_be_withdrawn(desk: Desk) -> None:
    with pytest.raises(LookupError, match=r"sis/never\.csv has no receipt"):
        desk.intake().withdraw("sis/never.csv")


# -- what cannot be read ----------------------------------------------------------------------------------------------------


def test_a_bad_file_never_stops_the_good_ones(desk: Desk) -> None:
    desk.put("sis/attendance_a.csv", day_rows(AUTUMN))
    desk.put("sis/attendance_garbage.csv", bytes(range(256)) * 40)
    desk.put("sis/attendance_garbage_copy.csv", bytes(range(256)) * 40)
    desk.put("sis/attendance_nothing.csv", "")
    desk.put("sis/attendance_truncated.csv.gz", b"\x1f\x8b\x08")
    desk.put("sis/attendance_broken.zip", b"PK\x03\x04 no archive")
    desk.put("sis/attendance_strange.csv", HEAD.encode("utf-16") + b"\xff\xfe\x00")
    (desk.landing / "sis" / "attendance_folder.csv").mkdir()
    desk.put("sis/attendance_folder.csv/attendance_inside.csv", day_rows("2023-09-05"))
    (desk.landing / "sis" / "attendance_gone.csv").symlink_to(desk.root / "nowhere.csv")
    secret = desk.root / "outside.csv"
    secret.write_text(day_rows("2023-09-06"))
    (desk.landing / "sis" / "attendance_link.csv").symlink_to(secret)
    os.mkfifo(desk.landing / "sis" / "attendance_pipe.csv")
    desk.put(os.fsdecode(b"sis/attendance_\xff.csv"), day_rows("2023-09-08"))
    desk.put_zip("sis/climbing.zip", {"../attendance_up.csv": day_rows("2023-09-07"), "attendance_in.csv": day_rows("2023-09-04")})
    flipped = desk.put_zip("sis/flipped.zip", {"attendance_x.csv": day_rows("2023-09-11", students=500)})
    damaged = bytearray(flipped.read_bytes())
    damaged[60:90] = bytes(30)
    desk.put("sis/flipped.zip", bytes(damaged))
    desk.put("sis/attendance_z.csv", day_rows("2023-09-12"))

    records = {**desk.land("2023-24"), **desk.land("2024-25")}
    assert set(desk.rows()["source_file"]) == {
        "sis/attendance_a.csv", "sis/attendance_folder.csv/attendance_inside.csv", "sis/climbing.zip!attendance_in.csv",
        "sis/attendance_z.csv",
    }  # fmt: skip
    reasons = {path.removeprefix("sis/"): record.receipt.reason for path, record in records.items() if record.status != "loaded"}
    expected = {
        "attendance_gone.csv": "outside the landing zone",
        "attendance_link.csv": "outside the landing zone",
        "attendance_�.csv": "not UTF-8",
        "attendance_broken.zip": "cannot be opened as a zip",
        "climbing.zip!../attendance_up.csv": "leaves the archive",
        "flipped.zip!attendance_x.csv": "damaged",
        "attendance_truncated.csv.gz": "no source definition",
        "attendance_nothing.csv": "empty|no header",
    }
    for path, part in expected.items():
        assert any(word in reasons[path] for word in part.split("|")), (path, reasons[path])
    assert {"attendance_garbage.csv", "attendance_strange.csv"} <= set(reasons), reasons
    assert all(record.receipt.balanced for record in records.values())
    before = desk.state()
    desk.land()
    assert desk.state() == before


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of a user whom file permissions hold (root is not held by any)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


def test_a_file_without_permission_is_named_and_read_once_it_may_be() -> None:
    Desk(Path()).intake()
    with ordinary_user() as folder:
        desk = Desk(folder)
        locked = desk.put("sis/attendance.csv", day_rows(AUTUMN))
        desk.put("sis/attendance_ok.csv", day_rows("2023-10-02"))
        locked.chmod(0)
        found = desk.land()["sis/attendance.csv"]
        assert (found.status, "Permission denied" in found.receipt.reason) == ("quarantined", True)
        assert desk.rows().height == 2
        locked.chmod(0o600)
        assert counts(desk.land()["sis/attendance.csv"]) == ("loaded", 2, 2, 0, 0)
        locked.chmod(0)
        os.utime(locked)
        assert desk.land("2023-24")["sis/attendance.csv"].status == "quarantined"
        assert desk.rows().height == 4, "rows read before stand"


def test_a_file_still_being_written_waits_for_the_next_run(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows(AUTUMN))

    def growing(kind: str, ids: list[str]) -> list[str]:
        if set(ids) == {"1", "2"}:
            with file.open("a") as handle:
                handle.write("3,0101,2023-09-01,0\n")
        return Hasher(SECRET)(kind, ids)

    (record,) = desk.intake(hash_ids=growing).land(("2023-24",), {ATTENDANCE.name})
    assert "changed while it was read" in record.receipt.reason
    assert desk.rows().height == 0
    assert counts(desk.land()["sis/attendance.csv"]) == ("loaded", 3, 3, 0, 0)


@pytest.mark.parametrize(
    ("path", "content", "arrived", "reason"),
    [
        ("sis/attendance.csv", HEAD + "1,0101,someday,0\n", ARRIVED, ""),
        ("sis/attendance.csv", HEAD + "1,0101,someday,0\n", datetime(1980, 1, 1, tzinfo=UTC), ""),
        ("sis/unknown.csv", "a,b\n1,2\n", ARRIVED, "no source definition claims"),
        ("sis/unknown.csv", "a,b\n1,2\n", datetime(2035, 1, 1, tzinfo=UTC), "no source definition claims"),
        ("nobody.csv", "a,b\n1,2\n", ARRIVED, "no source definition claims"),
        ("strict/late.csv", day_rows("2001-09-03"), ARRIVED, "outside the school years 2021-22 to 2024-25"),
    ],
)
def test_a_file_without_a_year_or_an_owner_is_seen_in_one_ledger(
    tmp_path: Path, path: str, content: str, arrived: datetime, reason: str
) -> None:
    strict = MAPPING.replace("name: sis_", "name: strict_").replace("source: sis", "source: strict").replace("attendance*", "*")
    desk = Desk(tmp_path, MAPPING + "---" + strict.replace("multi_year: true\n", ""))
    desk.put(path, content, arrived)
    seen = {year: records[path] for year in ("2021-22", "2022-23", "2023-24", "2024-25") if path in (records := desk.land(year))}
    (year,) = seen
    assert year == ("2023-24" if arrived == ARRIVED else "2024-25"), "the year of its arrival, the last there is where that is none"
    assert reason in seen[year].receipt.reason
    assert set(desk.rows(QUARANTINE)["school_year"]) <= {year}


# -- OneRoster --------------------------------------------------------------------------------------------------------------


def bundle(start: int, names: str, delivery: str = "bulk") -> dict[str, str]:
    """A small bundle: manifest, the school year's session, and schools."""
    return {
        "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\n"
        f"file.academicSessions,bulk\nfile.orgs,{delivery}\n",
        "academicSessions.csv": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
        f"year,active,{start}-07-01,Year,schoolYear,{start}-08-10,{start + 1}-05-30,,{start + 1}\n",
        "orgs.csv": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n" + names,
    }


def schools(desk: Desk) -> list[tuple[str, str, str]]:
    years = desk.rows(ONEROSTER_ORGS).partition_by("school_year")
    return sorted(row for year in years for row in fold_bundles(year.lazy()).select("school_year", "sourced_id", "name").collect().rows())


def test_a_delta_bundle_changes_adds_and_removes_rows_of_the_bulk(desk: Desk) -> None:
    desk.put_zip("oneroster/bulk.zip", bundle(2023, "a,active,,Oak,school,1,\nb,active,,Elm,school,2,\n"))
    desk.land()
    delta = bundle(2023, "a,active,,Oak Hill,school,1,\nb,tobedeleted,,Elm,school,2,\nc,active,,Fir,school,3,\n", "delta")
    desk.put_zip("oneroster/delta.zip", delta, ARRIVED + timedelta(days=7))
    desk.land()
    assert schools(desk) == [("2023-24", "a", "Oak Hill"), ("2023-24", "c", "Fir")]
    again = bundle(2023, "a,active,,Oak Hill,school,1,\nd,active,,Ash,school,4,\n")
    desk.put_zip("oneroster/bulk_later.zip", again, ARRIVED + timedelta(days=14))
    desk.land()
    assert schools(desk) == [("2023-24", "a", "Oak Hill"), ("2023-24", "d", "Ash")]


def test_an_unchanged_list_of_schools_counts_again_in_the_next_years_bundle(desk: Desk) -> None:
    names = "a,active,,Oak,school,1,\n"
    desk.put_zip("oneroster/2023.zip", bundle(2023, names))
    desk.put_zip("oneroster/2024.zip", bundle(2024, names))
    assert desk.land()["oneroster/2024.zip!orgs.csv"].status == "loaded"
    assert schools(desk) == [("2023-24", "a", "Oak"), ("2024-25", "a", "Oak")]
    desk.intake().withdraw("oneroster/2023.zip!orgs.csv")
    assert schools(desk) == [("2024-25", "a", "Oak")]


def test_corrected_sessions_alone_carry_the_rest_of_their_folder_into_the_right_year(desk: Desk) -> None:
    for name, content in bundle(2023, "a,active,,Oak,school,1,\n").items():
        desk.put(f"oneroster/fall/{name}", content)
    desk.land()
    assert schools(desk) == [("2023-24", "a", "Oak")]
    desk.put("oneroster/fall/academicSessions.csv", bundle(2024, "")["academicSessions.csv"])
    desk.land()
    assert schools(desk) == [("2024-25", "a", "Oak")]


def test_sessions_corrected_within_their_year_change_nothing_else(desk: Desk) -> None:
    for name, content in bundle(2023, "a,active,,Oak,school,1,\n").items():
        desk.put(f"oneroster/fall/{name}", content)
    desk.land()
    sessions = desk.landing / "oneroster/fall/academicSessions.csv"
    desk.put("oneroster/fall/academicSessions.csv", sessions.read_text().rstrip("\n"), ARRIVED + timedelta(days=1))
    read: list[str] = []
    desk.intake().land(("2023-24",), {"landing.oneroster_orgs"}, read.append)
    assert not [line for line in read if "orgs.csv" in line]
    assert schools(desk) == [("2023-24", "a", "Oak")]


def test_the_same_bundle_sent_again_adds_nothing(desk: Desk) -> None:
    desk.put_zip("oneroster/one.zip", bundle(2023, "a,active,,Oak,school,1,\n"))
    desk.put_zip("oneroster/one (1).zip", bundle(2023, "a,active,,Oak,school,1,\n"))
    statuses = [record.status for record in desk.land().values()]
    assert sorted(statuses) == ["loaded", "loaded", "repeated", "repeated"]
