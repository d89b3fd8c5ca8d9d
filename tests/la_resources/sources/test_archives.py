"""Zips: members are read by streaming; what cannot be trusted is refused with the reason, and nothing is written outside."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from landing_bench import Zone

from la_resources.sources.archives import Refused, members
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_file import refuse_file
from la_resources.sources.landing_writer import LandingFolder

ROWS = "STUDENT,SCHOOL,DAY,ABSENT,MINUTES\n7,0101,2022-09-01,1,\n"


def refused(found: list[LandedFile | Refused]) -> dict[str, str]:
    return {f.file.path.partition("!")[2]: f.rule for f in found if isinstance(f, Refused)}


def test_members_are_files_of_the_landing_zone(zone: Zone):
    (member,) = zone.put_zip("sis/a.zip", {"attendance/": "", "attendance/attendance.csv": ROWS})
    assert isinstance(member, LandedFile)
    landed = zone.land(member)
    assert landed.rows("landing.attendance")["source_file"].to_list() == ["sis/a.zip!attendance/attendance.csv"]


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:\\evil.csv"])
def test_a_path_that_leaves_the_archive_is_refused_and_written_nowhere(zone: Zone, name: str):
    before = set(zone.root.parent.rglob("*"))
    found = zone.put_zip("sis/a.zip", {name: ROWS, "attendance.csv": ROWS})
    assert list(refused(found).values()) == ["unsafe member path"]
    assert sum(isinstance(f, LandedFile) for f in found) == 1
    assert {p.name for p in set(zone.root.parent.rglob("*")) - before} <= {"landing", "sis", "a.zip"}


def test_a_bomb_is_refused_before_it_is_unpacked(zone: Zone):
    found = zone.put_zip("sis/a.zip", {"attendance.csv": b"0" * 20_000_000, "attendance2.csv": ROWS})
    assert refused(found) == {"attendance.csv": "implausible compression"}


def test_an_archive_that_unpacks_to_too_much_is_refused_from_there_on(zone: Zone):
    zone.put_zip("sis/a.zip", {f"{n}.csv": ROWS for n in range(5)})
    found = list(members(zone.put("sis/a.zip", (zone.root / "sis/a.zip").read_bytes()), maximum_bytes=3 * len(ROWS)))
    assert list(refused(found).values()) == ["archive too large"] * 2


def test_an_archive_in_an_archive_and_a_second_member_of_a_name_are_refused(zone: Zone):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("inner.zip", b"PK")
        zipped.writestr("attendance.csv", ROWS)
        with pytest.warns(UserWarning, match="Duplicate name"):
            zipped.writestr("attendance.csv", ROWS)
    found = list(members(zone.put("sis/a.zip", packed.getvalue())))
    assert refused(found) == {"inner.zip": "nested archive", "attendance.csv": "duplicate member"}


def test_an_encrypted_member_is_refused(zone: Zone):
    zone.put_zip("sis/a.zip", {"attendance.csv": ROWS}, zipfile.ZIP_STORED)
    data = bytearray((zone.root / "sis/a.zip").read_bytes())
    central = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, central + 8, struct.unpack_from("<H", data, central + 8)[0] | 1)
    assert refused(list(members(zone.put("sis/a.zip", bytes(data))))) == {"attendance.csv": "encrypted member"}


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 and then nothing"])
def test_what_only_calls_itself_a_zip_is_refused(zone: Zone, content: bytes):
    (only,) = members(zone.put("sis/a.zip", content))
    assert isinstance(only, Refused)
    assert only.rule == "not a zip file"


def test_a_member_that_breaks_off_or_lies_of_its_bytes_is_quarantined_whole(zone: Zone):
    rows = ROWS + "".join(f"{i},0101,2022-09-01,1,\n" for i in range(5_000))
    zone.put_zip("sis/a.zip", {"attendance.csv": rows}, zipfile.ZIP_STORED)
    data = bytearray((zone.root / "sis/a.zip").read_bytes())
    data[data.find(b"2022-09-01") + 3] = ord("3")
    (member,) = members(zone.put("sis/a.zip", bytes(data)))
    assert isinstance(member, LandedFile)
    landed = zone.land(member)
    assert (landed.receipt.status, landed.receipt.rows_loaded) == ("quarantined", 0)
    assert "damaged file" in landed.receipt.reasons


def test_a_refused_member_leaves_a_receipt_and_a_quarantine_row(zone: Zone, tmp_path: Path):
    found = zone.put_zip("sis/a.zip", {"../attendance.csv": ROWS})
    assert isinstance(found[0], Refused)
    receipt = refuse_file(found[0], "sis_attendance", LandingFolder(tmp_path / "refused"))
    assert (receipt.status, receipt.reasons, receipt.balanced) == ("quarantined", {"unsafe member path": 1}, True)
    assert (tmp_path / "refused/quarantine.parquet").exists()
