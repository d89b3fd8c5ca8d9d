"""Workbooks opened again: every figure is the tables', every student is the teacher's, and what is missing is said in words."""

import datetime as dt
import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from la_assets.mtss.schema import CLUSTER_PROFILES, CLUSTERS, TIERS
from la_assets.reports import class_rows, ethical_use, teacher_workbook, workbook_files
from la_assets.reports.workbook import Book, Column, safe_name, sheet_name
from la_assets.reports.workbook_files import NO_LINKS, NO_RESULTS, PAST, WRITTEN, Sources, coach_files, teacher_files
from la_assets.roster.schema import DIRECTORY_STUDENTS, INSTRUCTIONAL_LINKS

from . import two_classes as given
from .two_classes import ABEL, ANN, AS_OF, BEN, BOYD, CEM, COLE, DEE, EVE, FAY, GUS, TABLES, frame, link

SOURCES = Sources(
    school_year=given.YEAR,
    tables=TABLES,
    profiles=given.PROFILE_ROWS,
    staff=given.STAFF_ROWS,
    schools=given.SCHOOL_ROWS,
    student_names=given.STUDENT_NAMES,
    staff_names=given.STAFF_NAMES,
    subjects=given.SUBJECTS,
    taught_as=given.TAUGHT_AS,
)
pytestmark = pytest.mark.filterwarnings("ignore:.*xtension is not supported and will be removed:UserWarning")  # of solid data bars
SHOWN = {key: f"{family}, {first}" for key, (first, family) in given.NAMES.items()}


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def values(sheet: Worksheet) -> Iterator[Any]:
    return (cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None)


def lines(sheet: Worksheet) -> list[dict[str, Any]]:
    """The rows under the header of a sheet's table, as the filter marks it."""
    table = sheet[sheet.auto_filter.ref]
    names = [cell.value for cell in table[0]]
    return [dict(zip(names, (cell.value for cell in row), strict=True)) for row in table[1:]]


@pytest.fixture(scope="module")
def files() -> dict[tuple[str, str], workbook_files.File]:
    return {(file.row["staff_key"], file.row["subject"]): file for file in teacher_files(SOURCES)}


@pytest.fixture(scope="module")
def abel(files: dict) -> openpyxl.Workbook:
    return opened(files[ABEL, "ELA"].content)


@pytest.fixture(scope="module")
def coach() -> openpyxl.Workbook:
    return opened(next(file for file in coach_files(SOURCES) if file.row["school_id"] == "0101").content)


# -- whose students -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("teacher", "students"), [(ABEL, {ANN, BEN, CEM, DEE, EVE}), (BOYD, {EVE, FAY})], ids=["Abel", "Boyd"])
def test_a_workbook_holds_exactly_the_linked_students_and_no_other_name(files: dict, teacher: str, students: set[str]) -> None:
    book = opened(files[teacher, "ELA"].content)
    listed = [line["Student"] for sheet in book.worksheets[1:] for line in lines(sheet)]
    assert sorted(listed) == sorted(SHOWN[key] for key in students)
    everything = " ".join(str(value) for sheet in book for value in values(sheet))
    for key, (first, family) in given.NAMES.items():
        assert (family in everything or first in everything) == (key in students)
        assert key not in everything


def test_the_index_names_nobody_and_says_where_each_file_is(files: dict) -> None:
    row = files[ABEL, "ELA"].row
    assert (row["school_id"], row["status"], row["sheets"]) == ("0101", WRITTEN, 6)
    assert [row[k] for k in ("students", "tier_1", "tier_2", "tier_3", "students_without_tier")] == [5, 1, 1, 2, 1]
    told = " ".join(f"{file.row} {file.name}" for file in files.values())
    assert not any(part in told for name in given.NAMES.values() for part in name)
    assert not any(part in told for part in ("Abel", "Boyd", "Cole"))
    assert not any(key in told for key in given.NAMES)
    assert len({file.name for file in files.values() if file.name}) == sum(file.name is not None for file in files.values()) == 2


def test_a_class_without_results_has_a_row_that_says_so_and_no_file(files: dict) -> None:
    file = files[COLE, "Math"]
    assert (file.row["status"], file.row["students"], file.name) == (NO_RESULTS, 1, None)
    assert (ABEL, "PE") not in files


def test_course_results_go_with_the_links_of_the_subject_it_is_taught_as() -> None:
    """A Math teacher's students in Algebra 1 stand in an Algebra 1 workbook, and not a second time in the one of Math."""
    tiers = [
        given.tier(ANN, "EOC1", 1, score=420.0, level=3, subject="Algebra 1", assessment_id="EOC", is_latest=True),
        given.tier(BEN, "PM1", 1, score=240.0, level=3, subject="Math", is_latest=True),
        given.tier(CEM, "PM1", 1, score=240.0, level=3, subject="Math", is_latest=True),
        given.tier(CEM, "EOC1", 1, score=420.0, level=3, subject="Algebra 1", assessment_id="EOC", is_latest=True),
    ]
    links = [link(s, COLE, "Math") for s in (ANN, BEN, CEM, DEE)]
    made = class_rows.classes(frame(INSTRUCTIONAL_LINKS, *links), frame(TIERS, *tiers), given.SUBJECTS, given.TAUGHT_AS).collect()
    by_subject = {subject[0]: set(of["student_key"]) for subject, of in made.group_by(["subject"])}
    assert by_subject == {"Algebra 1": {ANN, CEM}, "Math": {BEN, CEM, DEE}}


def test_two_links_of_a_student_and_teacher_are_one_line_with_their_sum() -> None:
    links = frame(INSTRUCTIONAL_LINKS, link(ANN, ABEL, weight=0.25), link(ANN, ABEL, weight=0.5))
    made = class_rows.classes(links, given.TIER_ROWS, given.SUBJECTS, given.TAUGHT_AS).collect()
    assert made["weight"].to_list() == [0.75]


# -- what stands in the cells -------------------------------------------------------------------------------------------------


def test_every_student_stands_on_the_sheet_of_tier_and_cluster(abel: openpyxl.Workbook) -> None:
    assert {sheet.title: [line["Student"] for line in lines(sheet)] for sheet in abel.worksheets[1:]} == {
        "Tier 3 A": [SHOWN[BEN]], "Tier 3 B": [SHOWN[CEM]], "Tier 2": [SHOWN[EVE]], "Tier 1": [SHOWN[ANN]], "No tier yet": [SHOWN[DEE]],
    }  # fmt: skip


def test_every_figure_is_the_tables_figure(abel: openpyxl.Workbook) -> None:
    (ben,) = lines(abel["Tier 3 A"])
    assert ben == {
        "Student": "=HYPERLINK(1), Ben", "Grade": "4", "PM1": 201, "PM2": 202, "Level": 2, "PM1 to PM2": 1, "Growth percentile": 12,
        "Predicted final": 210.2, "Likely from": 199, "Likely to": 222, "Chance of level 3": 0.46, "Bubble": "bubble",
        "Why this tier": "level 2, low growth; standards below mastery", "Standards to re-teach": "ELA.4.R.2.1, ELA.4.R.1.1",
    }  # fmt: skip
    (ann,) = lines(abel["Tier 1"])
    assert [ann[name] for name in ("PM1", "PM2", "PM1 to PM2", "Growth percentile", "Predicted final", "Bubble", "Why this tier")] == [
        214, 224, 10, 71, 231.4, "no", "on track",
    ]  # fmt: skip
    assert ann["Standards to re-teach"] == "none below mastery"


def test_what_is_missing_is_said_in_words_and_never_a_zero(abel: openpyxl.Workbook) -> None:
    (cem,), (dee,), (eve,) = lines(abel["Tier 3 B"]), lines(abel["No tier yet"]), lines(abel["Tier 2"])
    assert (cem["PM1"], cem["PM1 to PM2"], cem["Growth percentile"]) == ("not tested: absent", "start not tested", "one window only")
    assert (cem["Predicted final"], cem["Likely from"], cem["Bubble"]) == (198, "too few past errors", "no cut score")
    assert (dee["PM1"], dee["PM2"], dee["Level"]) == ("not tested", "not tested: medical", "no level")
    assert (dee["Predicted final"], dee["Bubble"]) == ("no forecast: too few years", "no forecast")
    assert (dee["Why this tier"], dee["Standards to re-teach"]) == ("Not tested in any window so far", "no results by standard")
    assert (eve["PM2"], eve["PM1 to PM2"], eve["Predicted final"], eve["Share taught"]) == ("not tested", "not tested", "no forecast", 0.4)
    for sheet in abel.worksheets[1:]:
        for line in lines(sheet):
            assert None not in line.values()
            assert not any(value == 0 for value in line.values())


def test_a_tier_without_clusters_says_why(abel: openpyxl.Workbook) -> None:
    assert "No clusters: fewer than ten students in this tier." in values(abel["Tier 2"])
    assert "No clusters: no stable grouping of this tier." in values(abel["Tier 1"])


def test_a_cluster_s_sheet_says_what_sets_it_apart_and_what_to_reteach(abel: openpyxl.Workbook) -> None:
    told = list(values(abel["Tier 3 A"]))
    assert told[0] == "Tier 3 (intensive support), cluster A: low growth, often absent"
    assert "Growth far below the tier's, attendance 84 %." in told
    assert "To re-teach in this cluster, grade 4, across the district: ELA.4.R.1.1, ELA.4.R.2.1." in told


def test_a_cluster_s_standards_are_those_of_the_grade_counted_where_ten_students_are_below() -> None:
    many = [f"{n:032x}" for n in range(20, 34)]
    tiers = [given.tier(s, "PM2", 3, is_latest=True, not_proficient_standards=["ELA.4.R.2.1"]) for s in many[:12]]
    tiers += [given.tier(s, "PM2", 3, is_latest=True, grade_level="10", not_proficient_standards=["ELA.10.R.1.1"]) for s in many[12:]]
    member = {"subject": "ELA", "tier": 3, "window": "PM2", "status": "clustered", "cluster": "A", "cluster_name": "low growth"}
    clusters = frame(CLUSTERS, *({"student_key": s} | member for s in many))
    tables = replace(
        TABLES, tiers=pl.concat([TABLES.tiers, frame(TIERS, *tiers)]), clusters=pl.concat([TABLES.clusters, clusters])
    )  # fmt: skip
    file = next(f for f in teacher_files(replace(SOURCES, tables=tables)) if f.row["staff_key"] == ABEL)
    told = list(values(opened(file.content)["Tier 3 A"]))
    assert "To re-teach in this cluster, grade 4, across the district: ELA.4.R.2.1 (13 students), ELA.4.R.1.1." in told
    assert not any("ELA.10" in str(value) for value in told)


def test_the_summary_counts_tiers_and_lists_the_class_s_standards(abel: openpyxl.Workbook) -> None:
    sheet = abel["Summary"]
    cells = {row[0].value: [cell.value for cell in row[1:5]] for row in sheet.iter_rows() if row[0].value}
    assert {name: cells[name][0] for name in list(cells) if name.startswith(("Tier 1 (core", "Tier 2 (added", "No tier", "All"))} == {
        "Tier 1 (core)": 1, "Tier 2 (added support)": 1, "No tier yet": 1, "All students": 5,
    }  # fmt: skip
    assert cells["Of these on the bubble for level 3, by the newest forecast"][:2] == [1, "of 2 with a forecast"]
    # Tested on and below mastery in each student's newest window; Dee has no tier, and Ann's filled-in share counts nowhere.
    assert cells["ELA.4.R.2.1"] == [3, 2, pytest.approx(2 / 3), 0.25]
    assert cells["ELA.4.R.1.1"] == [3, 1, pytest.approx(1 / 3), pytest.approx(0.55)]
    assert cells["ELA.4.V.1.2"] == [3, 0, 0, 0.75]
    assert "ELA.4.C.1.1" not in cells
    (chart,) = sheet._charts
    assert chart.series[0].val.numRef.f == "Summary!$B$6:$B$9"
    assert [sheet["A6"].value, sheet["A9"].value] == ["Tier 1 (core)", "No tier yet"]
    links = {cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink}
    assert links == {f"'{other.title}'!A1" for other in abel.worksheets[1:]}


def test_the_newest_forecast_counts() -> None:
    made = class_rows.rows(TABLES, given.SUBJECTS, given.TAUGHT_AS).filter(student_key=BEN)
    assert made["predicted_score"].to_list() == [210.2]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"], ids=repr)
def test_a_name_that_looks_like_a_formula_is_text(name: str) -> None:
    names = frame(DIRECTORY_STUDENTS, {"student_key": FAY, "given_name": None, "family_name": name})
    (file,) = [f for f in teacher_files(replace(SOURCES, student_names=names)) if f.row["staff_key"] == BOYD]
    (cell,) = [
        cell
        for row in opened(file.content)["Tier 1"].iter_rows()
        for cell in row
        if str(cell.value).replace("_x000D_", "\r").strip() == name.strip()
    ]
    assert (cell.data_type, cell.quotePrefix, cell.number_format) == ("s", True, "@")


def test_no_cell_of_any_workbook_is_a_formula_or_a_link_out(abel: openpyxl.Workbook, coach: openpyxl.Workbook) -> None:
    for book in (abel, coach):
        assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.hyperlink and cell.hyperlink.target]


def test_a_student_without_a_directory_entry_is_listed_and_said_to_be_unknown() -> None:
    (file,) = [f for f in teacher_files(replace(SOURCES, student_names=given.STUDENT_NAMES.limit(0))) if f.row["staff_key"] == BOYD]
    assert {line["Student"] for line in lines(opened(file.content)["Tier 1"])} == {"name not in the directory"}


# -- how it looks and prints --------------------------------------------------------------------------------------------------


def test_sheets_are_frozen_filtered_and_print_on_landscape_pages(abel: openpyxl.Workbook, coach: openpyxl.Workbook) -> None:
    for sheet in (*abel.worksheets[1:], *coach.worksheets[1:]):
        header = int(sheet.auto_filter.ref.split(":")[0][1:])
        assert sheet.freeze_panes in {f"B{header + 1}", f"A{header + 1}"}
        assert sheet.print_title_rows == f"${header}:${header}"
    for sheet in (*abel.worksheets, *coach.worksheets):
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.page_setup.fitToWidth in (None, 1)  # 1 is what a file leaves out
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        footer = sheet.oddFooter.left.text
        assert "School year 2025-26, as of 1 February 2026" in footer
        assert ethical_use.STUDENTS_SHORT in footer
        assert "Page &P of &N" in sheet.oddFooter.right.text
        assert "Oak && Ash Elementary" in sheet.oddHeader.left.text


def test_low_growth_and_the_bubble_stand_out_and_words_do_not(abel: openpyxl.Workbook) -> None:
    sheet = abel["Tier 3 A"]
    rules = {str(r.sqref): (rule.type, rule.operator, rule.formula) for r in sheet.conditional_formatting for rule in r.rules}
    at = {cell.value: f"{cell.column_letter}{cell.row + 1}" for cell in sheet[sheet.auto_filter.ref][0]}
    assert rules[at["Growth percentile"]] == ("cellIs", "lessThan", ["20"])
    assert rules[at["Bubble"]] == ("cellIs", "equal", ['"bubble"'])
    assert rules[at["Chance of level 3"]][0] == "dataBar"


def test_the_same_tables_make_the_same_bytes(files: dict) -> None:
    again = {(file.row["staff_key"], file.row["subject"]): file for file in teacher_files(SOURCES)}
    assert {key: file.content for key, file in again.items()} == {key: file.content for key, file in files.items()}
    assert [f.content for f in coach_files(SOURCES)] == [f.content for f in coach_files(SOURCES)]
    assert opened(files[ABEL, "ELA"].content).properties.created == dt.datetime(2026, 2, 1)


def test_a_very_long_school_name_does_not_break_the_header() -> None:
    book = Book("t", "Teacher · ELA · " + "A & B " * 60, "2025-26", AS_OF)
    book.sheet("One")
    sheet = zipfile.ZipFile(io.BytesIO(book.content())).read("xl/worksheets/sheet1.xml").decode()
    (header,) = re.findall("<oddHeader>(.*)</oddHeader>", sheet)
    code = html.unescape(header)
    assert len(code) <= 255
    assert code.endswith("…&R&9&A")
    assert "&" not in code.removeprefix("&L&9").removesuffix("&R&9&A").replace("&&", "")


# -- the coach's workbook -----------------------------------------------------------------------------------------------------


def test_a_coach_s_workbook_holds_the_students_of_the_school_s_teachers_once(coach: openpyxl.Workbook) -> None:
    rows = {line["Student"]: line for line in lines(coach["ELA"])}
    assert len(lines(coach["ELA"])) == 6
    assert rows.keys() == {SHOWN[key] for key in (ANN, BEN, CEM, DEE, EVE, FAY)}
    assert rows[SHOWN[EVE]]["Teacher"] == "Ada Abel; Bo Boyd"
    assert (rows[SHOWN[BEN]]["Tier"], rows[SHOWN[BEN]]["Cluster"], rows[SHOWN[BEN]]["Predicted final"]) == (3, "A", 210.2)
    assert (rows[SHOWN[DEE]]["Tier"], rows[SHOWN[DEE]]["Why this tier"]) == ("none", "Not tested in any window so far")
    assert [line["Tier"] for line in lines(coach["ELA"])] == [3, 3, 2, 1, 1, "none"]
    assert SHOWN[GUS] not in " ".join(str(value) for sheet in coach for value in values(sheet))


def test_a_coach_s_summary_counts_students_once_and_names_each_teacher_s_file(coach: openpyxl.Workbook, files: dict) -> None:
    told = [[cell.value for cell in row] for row in coach["Summary"].iter_rows()]
    (ela,) = [row for row in told if row[0] == "ELA"]
    assert ela[2:8] == [6, 2, 1, 2, 1, 1]
    classes = {row[0]: row[1:] for row in told if row[0] in ("Ada Abel", "Bo Boyd")}
    assert classes == {
        "Ada Abel": ["ELA", 5, 1, 1, 2, 1, 1, files[ABEL, "ELA"].name],
        "Bo Boyd": ["ELA", 2, 1, 1, 0, 0, "no forecast", files[BOYD, "ELA"].name],
    }
    standards = {line["Standard"]: line for line in lines(coach["Standards"])}
    assert (standards["ELA.4.R.2.1"]["Tested"], standards["ELA.4.R.2.1"]["Below mastery"]) == (3, 2)


def test_a_school_without_links_or_results_has_a_row_that_says_so() -> None:
    made = {file.row["school_id"]: file for file in coach_files(SOURCES)}
    assert {school: (file.row["status"], file.name is not None) for school, file in made.items()} == {
        "0101": (WRITTEN, True), "0102": (NO_RESULTS, False), "0103": (NO_LINKS, False),
    }  # fmt: skip
    assert (made["0101"].row["students"], made["0101"].row["teachers"]) == (6, 2)


# -- poor input ---------------------------------------------------------------------------------------------------------------


def test_in_a_year_that_is_not_kept_there_are_rows_without_files_and_no_name_is_read() -> None:
    unread = pl.LazyFrame({"student_key": ["x"]}).select(pl.col("student_key").str.to_date())
    past = replace(SOURCES, kept=False, student_names=unread, staff_names=unread)
    assert {file.row["status"] for file in (*teacher_files(past), *coach_files(past))} == {PAST}
    assert not any(file.name for file in (*teacher_files(past), *coach_files(past)))


def test_an_empty_year_has_no_rows_but_its_schools() -> None:
    empty = replace(
        SOURCES,
        tables=class_rows.Tables(**{name: value.limit(0) for name, value in vars(TABLES).items()}),
        profiles=given.PROFILE_ROWS.limit(0),
    )
    assert list(teacher_files(empty)) == []
    assert {file.row["status"] for file in coach_files(empty)} == {NO_LINKS}


def test_a_subject_with_one_window_has_no_growth_columns() -> None:
    tables = replace(TABLES, tiers=TABLES.tiers.filter(pl.col("window") == "PM2"), growth=TABLES.growth.limit(0))
    (file,) = [f for f in teacher_files(replace(SOURCES, tables=tables)) if f.row["staff_key"] == BOYD]
    (fay,) = lines(opened(file.content)["Tier 1"])
    assert fay["PM2"] == 230
    assert not {"PM1", "PM1 to PM2", "Growth percentile"} & fay.keys()


def test_without_standards_forecasts_and_clusters_a_workbook_says_so() -> None:
    tables = replace(
        TABLES, standards=TABLES.standards.limit(0), predictions=TABLES.predictions.limit(0), clusters=TABLES.clusters.limit(0)
    )
    bare = replace(SOURCES, tables=tables, profiles=frame(CLUSTER_PROFILES))
    book = opened(next(f for f in teacher_files(bare) if f.row["staff_key"] == ABEL).content)
    told = list(values(book["Summary"]))
    assert "No results by standard" in told
    assert "no forecast" in told
    assert book.sheetnames == ["Summary", "Tier 3", "Tier 2", "Tier 1", "No tier yet"]
    assert "No cluster known." in values(book["Tier 3"])


def test_file_and_sheet_names_are_safe_and_tell_different_things_apart() -> None:
    assert teacher_workbook.file_name("0101", "Algebra 1", ABEL) == f"0101_Algebra-1_{ABEL[:16]}.xlsx"
    assert teacher_workbook.file_name(None, "ELA", ABEL).startswith("no-school_ELA_")
    names = [safe_name(text) for text in ("01/02", "01 02", "01.02", "../..", "", "Ä")]
    assert len(set(names)) == len(names)
    assert all(name and set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") for name in names)
    taken: list[str] = []
    for text in ("Tier 3: a/b?", "Tier 3  a b", "tier 3  a b", "x" * 40, "x" * 41, "'", ""):
        taken.append(sheet_name(text, taken))
        assert 0 < len(taken[-1]) <= 31
        assert not set(taken[-1]) & set("[]:*?/\\")
    assert len({name.casefold() for name in taken}) == len(taken)


def test_a_column_without_words_for_what_is_missing_stays_empty_not_zero() -> None:
    book = Book("t", "h", "2025-26", AS_OF)
    sheet = book.sheet("One")
    book.table(sheet, 0, [Column("A", "a", "whole")], [{"a": None}, {"a": 0}])
    assert [cell.value for cell in opened(book.content())["One"]["A"]] == ["A", None, 0]


def test_a_workbook_is_made_of_its_own_rows_and_of_no_others() -> None:
    """Another name of one student changes the fingerprint of her classes, and of no other class."""
    before = {(f.row["staff_key"], f.row["subject"]): f.made_of for f in teacher_files(SOURCES) if f.name}
    again = {(f.row["staff_key"], f.row["subject"]): f.made_of for f in teacher_files(SOURCES) if f.name}
    assert before == again
    assert len(set(before.values())) == len(before) > 1
    one = pl.col("student_key") == ANN
    names = given.STUDENT_NAMES.with_columns(family_name=pl.when(one).then(pl.lit("Newname")).otherwise("family_name"))
    after = {(f.row["staff_key"], f.row["subject"]): f for f in teacher_files(replace(SOURCES, student_names=names)) if f.name}
    changed = {key for key in before if after[key].made_of != before[key]}
    assert changed
    contents = {(f.row["staff_key"], f.row["subject"]): f.content for f in teacher_files(SOURCES) if f.name}
    assert {key for key in before if after[key].content != contents[key]} == changed


def test_sheets_of_the_index_are_those_of_the_file(files: dict) -> None:
    for file in [*files.values(), *coach_files(SOURCES)]:
        if file.name:
            assert file.row["sheets"] == len(opened(file.content).sheetnames)


def test_rows_that_were_only_loaded_anew_make_no_new_workbook() -> None:
    """Every night brings attendance, and with it a later time of loading of whatever was made with it."""
    later = dt.datetime(2026, 12, 24, tzinfo=dt.UTC)
    tables = {
        name: frame.with_columns(loaded_at=pl.lit(later))
        for name, frame in vars(SOURCES.tables).items()
        if "loaded_at" in frame.collect_schema()
    }
    profiles = SOURCES.profiles.with_columns(loaded_at=pl.lit(later))
    anew = replace(SOURCES, tables=replace(SOURCES.tables, **tables), profiles=profiles)
    assert SOURCES.profiles.collect().height > 0
    for files in (teacher_files, coach_files):
        assert [f.made_of for f in files(anew)] == [f.made_of for f in files(SOURCES)]
