"""Landing a file: the year comes from the content, duplicates are dropped, every row is accounted for, reruns are identical."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from landing_bench import ARRIVED, ATTENDANCE, Landed, Zone, key_of

from la_assets.landing.schema import LANDING_TABLES
from la_resources.sources.definitions import definition_of, load_definitions, parse_definitions
from la_resources.sources.landed_file import local_file
from la_resources.sources.landing_file import peek_years

Land = Callable[..., Landed]
HEAD = "STUDENT,SCHOOL,DAY,ABSENT,MINUTES\n"
GOOD = HEAD + "7,0101,2022-09-01,1,\n8,0101,2022-09-01,0.5,210\n"


def test_a_row_lands_typed_with_its_lineage(land: Land):
    landed = land(GOOD)
    first = landed.rows("landing.attendance", "2022-23").row(0, named=True)
    hashed = first.pop("row_hash")
    assert first == {
        "student_key": key_of("student", "7"), "school_id": "0101", "date": date(2022, 9, 1), "absent": 1.0, "excused": None, "tardy": None,
        "early_dismissal": None, "minutes": None, "event_id": None, "event_time": None,
        "school_year": "2022-23", "source": "sis_attendance", "source_file": "sis/attendance.csv",
        "source_row": 2, "landed_at": ARRIVED,
    }  # fmt: skip
    assert isinstance(hashed, int)


def test_the_receipt_tells_what_was_read(land: Land):
    receipt = land(GOOD).receipt
    assert receipt.content_hash == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (receipt.status, receipt.school_years, receipt.size, receipt.delivery) == ("loaded", ("2022-23",), len(GOOD), "full")
    assert receipt.written == {"landing.attendance": {"2022-23": 2}}
    assert receipt.model_validate_json(receipt.model_dump_json()) == receipt


def test_landing_the_same_file_again_gives_the_same_bytes(zone: Zone):
    file = zone.put("sis/attendance.csv", GOOD)
    one, two = zone.land(file), zone.land(file)
    assert one.receipt == two.receipt
    assert [p.read_bytes() for p in sorted(one.folder.rglob("*.parquet"))] == [
        p.read_bytes() for p in sorted(two.folder.rglob("*.parquet"))
    ]


def test_an_exact_duplicate_is_dropped_and_the_first_is_kept(land: Land):
    landed = land(
        HEAD + "7,0101,2022-09-01,1,\n8,0101,2022-09-01,1,\n7,0101,2022-09-01,1,\n7,0101,2022-09-01,0,\n" + '"8","0101",2022-09-01,1,\n'
    )
    assert landed.rows("landing.attendance")["source_row"].to_list() == [2, 3, 5]
    assert (landed.receipt.rows_read, landed.receipt.rows_loaded, landed.receipt.rows_duplicate) == (5, 3, 2)


def test_duplicates_are_found_across_chunks(zone: Zone):
    rows = "".join(f"{i % 300},0101,2022-09-01,1,\n" for i in range(1000))
    landed = zone.land(zone.put("sis/attendance.csv", HEAD + rows), chunk_bytes=500)
    assert (landed.receipt.rows_loaded, landed.receipt.rows_duplicate) == (300, 700)
    assert landed.rows("landing.attendance")["source_row"].to_list() == list(range(2, 302))


def test_rows_of_another_year_are_quarantined_and_the_majority_is_landed(land: Land):
    landed = land(HEAD + "7,0101,2021-09-01,1,\n8,0101,2022-09-01,1,\n9,0101,2022-09-02,1,\n")
    assert landed.receipt.school_years == ("2022-23",)
    (rejected,) = landed.quarantine.to_dicts()
    assert (rejected["rule"], rejected["column"], rejected["value"], rejected["school_year"]) == (
        "date outside the file's school year", "DAY", "2021-09-01", "2021-22",
    )  # fmt: skip


def test_the_majority_counts_over_the_whole_file_and_not_its_beginning(zone: Zone):
    old = "".join(f"{i},0101,2021-09-01,1,\n" for i in range(1000, 1150))
    new = "".join(f"{i},0101,2022-09-01,1,\n" for i in range(2000, 2200))
    receipt = zone.land(zone.put("sis/attendance.csv", HEAD + old + new), chunk_bytes=1_000).receipt
    assert (receipt.school_years, receipt.rows_loaded, receipt.rows_quarantined) == (("2022-23",), 200, 150)


def test_a_file_of_several_years_is_split_where_the_definition_allows_it(land: Land):
    landed = land(HEAD + "7,0101,2021-09-01,1,\n8,0101,2022-09-01,1,\n", ATTENDANCE.replace("records:", "multi_year: true\nrecords:", 1))
    assert landed.receipt.written == {"landing.attendance": {"2021-22": 1, "2022-23": 1}}
    assert len(landed.rows("landing.attendance", "2021-22")) == 1


def test_a_file_whose_name_and_content_disagree_is_quarantined_whole(land: Land):
    landed = land(GOOD, path="sis/attendance_2023-24.csv")
    assert (landed.receipt.status, landed.receipt.rows_loaded, landed.receipt.rows_quarantined) == ("quarantined", 0, 2)
    assert "the name says 2023-24, the dates in it say 2022-23" in landed.receipt.reason
    assert landed.quarantine["source_row"].to_list() == [None]
    assert not list(landed.folder.glob("landing.*/*"))


def test_a_file_whose_name_agrees_is_landed(land: Land):
    assert land(GOOD, path="sis/attendance_2022-23.csv").receipt.status == "loaded"


def test_a_row_without_a_year_is_quarantined(land: Land):
    landed = land(HEAD + "7,0101,,1,\n8,0101,2022-09-01,1,\n")
    assert landed.quarantine["rule"].to_list() == ["no school year; empty value"]


@pytest.mark.parametrize(("content", "reason"), [("", "no header"), (HEAD, "a header and no rows"), (HEAD.strip(), "a header and no rows")])
def test_a_file_without_rows_is_empty_and_not_wrong(land: Land, content: str, reason: str):
    landed = land(content)
    assert (landed.receipt.status, landed.receipt.rows_read) == ("empty", 0)
    assert reason in landed.receipt.reason
    assert landed.quarantine.is_empty()


def test_wrong_rows_never_stop_the_good_ones(land: Land):
    landed = land(HEAD + "7,0101,2022-09-01,1,\n8,0101,2022-02-30,1,\n9,0101\n10,0101,2022-09-01,1,\n")
    assert (landed.receipt.status, landed.receipt.rows_loaded, landed.receipt.rows_quarantined) == ("partly quarantined", 2, 2)
    assert landed.rows("landing.attendance")["source_row"].to_list() == [2, 5]


def test_quarantine_keeps_at_most_two_thousand_characters_of_a_row(land: Land):
    landed = land(HEAD + "7," + "x" * 5_000 + ",never,1,\n")
    assert landed.quarantine["text"].str.len_chars().to_list() == [2_000]


@pytest.mark.parametrize(
    ("content", "years"),
    [(GOOD, {"2022-23"}), (HEAD, None), ("", None), ("nothing,known\n1,2\n", None), (b"\x00\x01\x02", None)],
)
def test_the_years_of_a_file_can_be_told_from_its_beginning(zone: Zone, content: str | bytes, years: set[str] | None):
    definition = parse_definitions(ATTENDANCE, "test.yaml")[0]
    assert peek_years(zone.put("sis/attendance.csv", content), definition, LANDING_TABLES) == years


def test_semicolons_and_a_declared_encoding_are_read(land: Land):
    definition = ATTENDANCE.replace("records:", "delimiter: ';'\nencoding: latin-1\nrecords:", 1)
    landed = land("STUDENT;SCHOOL;DAY;ABSENT;MINUTES\n7;Zoé,1;2022-09-01;1;\n".encode("latin-1"), definition)
    assert landed.rows("landing.attendance")["school_id"].to_list() == ["Zoé,1"]


def test_parquet_passes_the_same_rules_as_csv(zone: Zone, tmp_path: Path):
    frame = pl.DataFrame(
        {
            "STUDENT": [7, 8, 7, 9],
            "SCHOOL": ["0101"] * 4,
            "DAY": [date(2022, 9, 1)] * 4,
            "ABSENT": [1.0, 0.5, 1.0, 2.0],
            "MINUTES": [None, 210, None, 3],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    definition = ATTENDANCE.replace("records:", "format: parquet\nrecords:", 1)
    landed = zone.land(zone.put("sis/attendance.parquet", (tmp_path / "a.parquet").read_bytes()), definition)
    assert landed.rows("landing.attendance").select("source_row", "absent", "minutes").rows() == [(2, 1.0, None), (3, 0.5, 210)]
    assert (landed.receipt.rows_duplicate, landed.receipt.reasons) == (1, {"above the maximum 1": 1})
    assert zone.land(zone.put("sis/attendance.parquet", b"no parquet"), definition).receipt.reasons == {"not a Parquet file": 1}


KNOWN_EXCEPTIONS = {
    "MAP_Growth/sample_anonymized_file.csv": {"too few fields": 1},
}
"""Rows of the vendors' samples that are wrong as shipped: MAP's last row has 142 of 143 fields."""


def test_every_vendor_sample_lands_whole(zone: Zone, shared_data: Path):
    shipped = load_definitions()
    vendor = shared_data / "vendor"
    read = 0
    for sample in sorted(vendor.rglob("*.csv")):
        path = sample.relative_to(vendor).as_posix()
        file = local_file(vendor, path)
        definition = definition_of(path, shipped)
        if sample.name == "manifest.csv":
            assert definition is None
            continue
        assert definition is not None, path
        receipt = zone.land(file, definition).receipt
        assert receipt.reasons == KNOWN_EXCEPTIONS.get(path, {}), path
        assert receipt.rows_loaded + sum(receipt.reasons.values()) == receipt.rows_read > 0
        read += receipt.rows_read
    assert read == 144


def test_the_real_districts_land_whole_through_the_example_mappings(zone: Zone, shared_data: Path):
    mappings = Path(__file__).resolve().parents[3] / "data" / "mappings" / "sgp"
    definitions = load_definitions([mappings])
    scores = zone.land(local_file(shared_data, "sgp/scores.parquet"), next(d for d in definitions if d.name == "sgp_scores"))
    assert (scores.receipt.rows_loaded, scores.receipt.rows_read) == (209_708, 209_708)
    landed = scores.rows("landing.assessment_scores")
    assert landed["student_key"].n_unique() == 43_068
    assert landed["scale_score"].null_count() == landed["level"].null_count() == 1_064
    links = zone.land(local_file(shared_data, "sgp/instructor_links.parquet"), next(d for d in definitions if d.name == "sgp_links"))
    assert (links.receipt.rows_read, links.receipt.rows_loaded, links.receipt.rows_skipped) == (284_434, 283_641, 793)
