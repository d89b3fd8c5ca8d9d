"""Typing rows: what each kind of value accepts, what it rejects, and that a row is taken or rejected as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import polars as pl
import pytest
from landing_bench import Landed, key_of

from la_resources.contracts import Column
from la_resources.school_year import of_dates
from la_resources.sources.definitions import ColumnRule
from la_resources.sources.typed_values import school_year_named, typing_steps

Land = Callable[..., Landed]
NULLS = ("NA", "N/A", "NULL", "--")


def typed(texts: list[str], column: Column, required: bool = False, **rule: object) -> tuple[list[object], list[str | None]]:
    steps = typing_steps(column, ColumnRule.model_validate({"from": "x", **rule}), NULLS, rule.get("default"), required=required)
    frame = steps.frame(pl.Series(texts))
    return frame["value"].to_list(), frame["rule"].to_list()


NUMBER = Column("score", pl.Float64, "A number.", nullable=True, minimum=0, maximum=300)
WHOLE = Column("count", pl.Int16, "A whole number.", nullable=True)
FLAG = Column("flag", pl.Boolean, "A flag.", nullable=True)
DAY = Column("day", pl.Date, "A day.", nullable=True)
TIME = Column("at", pl.Datetime("us", "UTC"), "A time.", nullable=True)
TEXT = Column("name", pl.String, "A text.", nullable=True)
CHOICE = Column("grade", pl.String, "A grade.", nullable=True, options=("KG", "01"))


@pytest.mark.parametrize("text", ["12.5", " 12.5 ", "+12.5", "12.50", "1.25e1"])
def test_a_number_is_read(text: str):
    assert typed([text], NUMBER) == ([12.5], [None])


@pytest.mark.parametrize("text", ["1,234", "nan", "inf", "1e309", "12,5", "12.5%", "=1+1", "0x1F", "١٢", "1_000", "1.2.3", "."])
def test_what_is_not_plainly_a_number_is_rejected(text: str):
    assert typed([text], NUMBER) == ([None], ["not a number"])


def test_a_time_is_one_in_utc_to_the_microsecond():
    moment = datetime(2026, 11, 20, 13, 5, 0, 250, tzinfo=UTC)
    assert typed(["2026-11-20T13:05:00.000250Z"], TIME) == ([moment], [None])
    assert typed(["2026-11-20T13:05:00", "2026-11-20T13:05:00-05:00", "noon"], TIME) == ([None] * 3, ["not a time in UTC"] * 3)


def test_numbers_keep_to_the_contract_s_bounds():
    assert typed(["-0.1", "0", "300", "300.5"], NUMBER)[1] == ["below the minimum 0", None, None, "above the maximum 300"]


def test_whole_numbers_are_whole_and_fit_their_type():
    assert typed(["3", "3.0", "-3", "3.5", "40000", "3x"], WHOLE) == (
        [3, 3, -3, None, None, None], [None, None, None, "not a whole number", "not a whole number", "not a whole number"],
    )  # fmt: skip


def test_flags_have_the_field_s_spellings():
    yes, no = ["true", "T", "Yes", "y", "1", "TRUE"], ["false", "F", "No", "n", "0", "FALSE"]
    assert typed([*yes, *no, "maybe"], FLAG) == ([True] * 6 + [False] * 6 + [None], [None] * 12 + ["not true or false"])


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("2023-09-01", ()),
        ("2023-09-01T08:30:00Z", ()),
        ("2023-09-01 08:30:00", ()),
        ("9/1/2023", ("%m/%d/%Y",)),
        ("09/01/2023", ("%m/%d/%Y",)),
        ("09012023", ("%m%d%Y",)),
        ("092023", ("%m%Y",)),
        ("2023-09-01", ("%m/%d/%Y", "%Y-%m-%d")),
    ],
)
def test_dates_are_read_in_the_definition_s_formats(text: str, formats: tuple[str, ...]):
    assert typed([text], DAY, formats=list(formats)) == ([date(2023, 9, 1)], [None])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2023-02-30", "not a date"),
        ("2023-13-01", "not a date"),
        ("09/01/2023", "not a date"),
        ("yesterday", "not a date"),
        ("0202-09-01", "impossible date"),
        ("2999-09-01", "impossible date"),
        ("2023-09-01x", "not a date"),
    ],
)
def test_impossible_dates_are_rejected(text: str, rule: str):
    assert typed([text], DAY) == ([None], [rule])


def test_blank_and_null_tokens_are_null_and_not_wrong():
    assert typed(["", "  ", "NA", "n/a", "NULL", "--"], NUMBER) == ([None] * 6, [None] * 6)


def test_a_required_value_may_not_be_blank():
    assert typed(["", "NA", "1"], NUMBER, required=True)[1] == ["empty value", "empty value", None]


def test_option_sets_are_translated_without_regard_to_case_and_then_checked():
    values, rules = typed(["k", "GRADE 1", "1", "13th"], CHOICE, option_set="grade_levels", values={"Grade 1": "01"})
    assert values == ["KG", "01", "01", None]
    assert rules[3] is not None
    assert rules[3].startswith("not one of")


def test_a_translation_may_catch_all_others_and_leave_blanks_alone():
    assert typed(["A", "z", ""], NUMBER, values={"A": "1", "*": "0"})[0] == [1.0, 0.0, None]
    assert typed(["A", "z", ""], NUMBER, values={"A": "1", "*": None}, default="7")[0] == [1.0, 7.0, 7.0]


def test_a_threshold_turns_a_number_into_a_flag():
    rule = {"threshold": {"above": 30, "then": "false", "otherwise": "true"}}
    assert typed(["31", "30", "", "fast"], FLAG, **rule) == ([False, True, True, None], [None, None, None, "not true or false"])


def test_part_of_a_text_can_be_extracted():
    assert typed(["Winter (November 16 - March 1)"], TEXT, extract=r"^(\w+)", values={"Winter": "winter"})[0] == ["winter"]


def test_an_exclusive_end_lands_as_the_last_day():
    assert typed(["2023-06-01"], DAY, exclusive_end=True)[0] == [date(2023, 5, 31)]


def test_a_formula_is_text_where_text_is_allowed_and_wrong_where_a_number_is():
    assert typed(["=cmd|'/c calc'!A0"], TEXT) == (["=cmd|'/c calc'!A0"], [None])
    assert typed(["=cmd|'/c calc'!A0"], NUMBER)[1] == ["not a number"]


@pytest.mark.parametrize(
    ("text", "spelling", "year"),
    [
        ("2024", "end_year", "2023-24"),
        ("2023", "start_year", "2023-24"),
        ("2023-24", "2023-24", "2023-24"),
        ("2023_2024", "2023_2024", "2023-24"),
        ("Fall 2021-2022", "Fall 2021-2022", "2021-22"),
        ("2023/24", "2023/24", "2023-24"),
        ("1999-00", "2023-24", "1999-00"),
        ("2023-25", "2023-24", None),
        ("23-24", "2023-24", None),
        ("", "end_year", None),
        ("20230", "start_year", None),
    ],
)
def test_school_years_are_read_as_the_vendor_spells_them(text: str, spelling: str, year: str | None):
    assert pl.select(school_year_named(pl.lit(text), spelling)).item() == year


def test_a_school_year_turns_on_the_first_of_july():
    days = pl.Series([date(2023, 6, 30), date(2023, 7, 1), date(2024, 1, 1), date(2024, 6, 30)])
    assert pl.select(of_dates(pl.lit(days)))[:, 0].to_list() == ["2022-23", "2023-24", "2023-24", "2023-24"]


def test_one_rejected_row_lists_every_broken_rule(land: Land):
    landed = land("STUDENT,SCHOOL,DAY,ABSENT,MINUTES\n7,0101,2022-09-01,2,99999\n8,0101,2022-09-01,1,\n")
    (rejected,) = landed.quarantine.to_dicts()
    assert rejected["source_row"] == 2
    assert rejected["table"] == "landing.attendance"
    assert rejected["column"] == "absent; minutes"
    assert rejected["rule"] == "above the maximum 1; not a whole number"
    assert rejected["value"] == "2; 99999"
    assert rejected["text"] == "7,0101,2022-09-01,2,99999"
    assert landed.receipt.reasons == {"above the maximum 1": 1, "not a whole number": 1}


def test_identifiers_land_as_keys_only(land: Land):
    rows = land("STUDENT,SCHOOL,DAY,ABSENT,MINUTES\n 0007 ,0101,2022-09-01,1,\n0008,0101,2022-09-01,0,420\n").rows("landing.attendance")
    assert rows["student_key"].to_list() == [key_of("student", "0007"), key_of("student", "0008")]
    assert "0007" not in str(rows.to_dicts())


def test_the_first_filled_of_several_identifiers_is_used(land: Land):
    definition = """
name: exits
source: sis
patterns: ["*.csv"]
year: {date: DAY}
records:
  - table: landing.exits
    columns:
      student_key: {from: [LOCAL, NUMBER], or_from: [STATE], person: student}
      exit_code: CODE
      exit_date: DAY
"""
    rows = land("number,state,code,day\n1,FL1,W06,2023-05-25\n,FL2,W06,2023-05-25\nNA,FL3,W06,2023-05-25\n", definition).rows(
        "landing.exits"
    )
    assert rows["student_key"].to_list() == [key_of("student", i) for i in ("1", "FL2", "FL3")]


SAT = """
name: sat
source: sis
patterns: ["*.csv"]
year: {date: DAY}
records:
  - table: landing.assessment_scores
    only_if: [scale_score]
    columns:
      student_key: {from: ID, person: student}
      assessment_id: {const: SAT}
      subject: {const: ELA}
      administered_on: DAY
      scale_score: EBRW
  - table: landing.assessment_scores
    only_if: [scale_score]
    columns:
      student_key: {from: ID, person: student}
      assessment_id: {const: SAT}
      subject: {const: Math}
      administered_on: DAY
      scale_score: MATH
"""


def test_a_row_may_give_several_records_but_counts_once(land: Land):
    landed = land("ID,DAY,EBRW,MATH\n1,2022-10-01,500,510\n2,2022-10-01,,520\n", SAT)
    assert landed.rows("landing.assessment_scores").select("subject", "scale_score").rows() == [
        ("ELA", 500.0),
        ("Math", 510.0),
        ("Math", 520.0),
    ]
    assert (landed.receipt.rows_read, landed.receipt.rows_loaded, landed.receipt.written) == (
        2,
        2,
        {"landing.assessment_scores": {"2022-23": 3}},
    )


def test_a_row_with_one_wrong_record_lands_none(land: Land):
    landed = land("ID,DAY,EBRW,MATH\n1,2022-10-01,500,high\n2,2022-10-01,510,520\n", SAT)
    assert landed.rows("landing.assessment_scores")["scale_score"].to_list() == [510.0, 520.0]
    assert landed.receipt.rows_quarantined == 1


def test_a_row_that_gives_no_record_is_quarantined(land: Land):
    landed = land("ID,DAY,EBRW,MATH\n1,2022-10-01,,\n2,2022-10-01,510,520\n", SAT)
    assert landed.receipt.reasons == {"gives no record": 1}


def test_rows_that_are_not_wanted_are_skipped_and_counted(land: Land):
    definition = SAT.replace("records:", "skip_when: [{column: EBRW, is: [void]}]\nrecords:", 1)
    receipt = land("ID,DAY,EBRW,MATH\n1,2022-10-01,VOID,\n2,2022-10-01,510,520\n", definition).receipt
    assert (receipt.rows_skipped, receipt.rows_loaded, receipt.rows_quarantined) == (1, 1, 0)


def test_rows_that_the_file_itself_holds_unfit_are_quarantined_as_it_says_and_not_looked_at_further(land: Land):
    definition = SAT.replace("records:", "refused: {rule: WHY, value: DETAIL}\nrecords:", 1)
    landed = land("ID,DAY,EBRW,MATH,WHY,DETAIL\n1,2022-10-01,high,,not JSON,at 7\n2,2022-10-01,510,520,,\n,,,,empty, \n", definition)
    assert landed.receipt.reasons["not JSON"] == 1
    assert (landed.receipt.rows_read, landed.receipt.rows_loaded, landed.receipt.rows_quarantined) == (3, 1, 2)
    assert landed.quarantine.sort("source_row").select("rule", "value").row(0) == ("not JSON", "at 7")


def test_a_file_without_the_columns_that_say_what_is_unfit_is_refused(land: Land):
    definition = SAT.replace("records:", "refused: {rule: WHY, value: DETAIL}\nrecords:", 1)
    assert land("ID,DAY,EBRW,MATH\n2,2022-10-01,510,520\n", definition).receipt.status == "quarantined"


STANDARDS = """
name: fast
source: sis
patterns: ["*.csv"]
year: {date: Date Taken}
records:
  - table: landing.assessment_standards
    repeat: 45
    only_if: [standard_code]
    columns:
      student_key: {from: Student ID, person: student}
      assessment_id: {const: FAST}
      subject: {const: ELA}
      administered_on: Date Taken
      category: {from: Category, block: true}
      standard_code: {from: Benchmark, block: true}
      points_earned: {from: Points Earned, block: true}
      points_possible: {from: Points Possible, block: true}
"""
BLOCK = "Category,Benchmark,Points Earned,Points Possible"


def test_repeated_blocks_of_columns_give_a_record_each_and_empty_blocks_none(land: Land):
    first = "1,2022-09-15,Prose,ELA.3.R.1.1,2,3,Vocabulary,ELA.3.V.1.1,1,1\n"
    content = f"Student ID,Date Taken,{BLOCK},{BLOCK}\n{first}2,2022-09-15,Prose,ELA.3.R.1.1,0,3,,,,\n"
    rows = land(content, STANDARDS).rows("landing.assessment_standards").sort("source_row", "standard_code")
    assert rows.select("source_row", "standard_code", "points_earned").rows() == [
        (2, "ELA.3.R.1.1", 2.0), (2, "ELA.3.V.1.1", 1.0), (3, "ELA.3.R.1.1", 0.0),
    ]  # fmt: skip


def test_a_mapped_header_that_stands_twice_refuses_the_file(land: Land):
    receipt = land("STUDENT,SCHOOL,DAY,ABSENT,ABSENT\n1,0101,2022-09-01,1,1\n").receipt
    assert (receipt.status, receipt.reasons) == ("quarantined", {"duplicate header": 1})


def test_headers_match_regardless_of_case_blanks_and_underscores(land: Land):
    assert land("student,School ,d_a_y, Absent,minutes\n1,0101,2022-09-01,1,\n").receipt.rows_loaded == 1


def test_a_missing_column_is_told_with_what_is_there_and_the_nearest_name(land: Land):
    receipt = land("STUDENTS,SCHOOL,DAY,ABSENT\n1,0101,2022-09-01,1\n").receipt
    assert receipt.status == "quarantined"
    assert "student_key (known as 'STUDENT'; nearest header: 'STUDENTS')" in receipt.reason
    assert "It has: 'STUDENTS', 'SCHOOL', 'DAY', 'ABSENT'" in receipt.reason


def test_a_constant_may_carry_the_row_s_year(land: Land):
    definition = SAT.replace("administered_on: DAY", 'administered_on: {const: "{year_end}-04-15"}')
    rows = land("ID,DAY,EBRW,MATH\n1,2022-10-01,500,\n", definition).rows("landing.assessment_scores")
    assert rows["administered_on"].to_list() == [date(2023, 4, 15)]


def test_a_text_may_come_from_the_file_s_name(land: Land):
    definition = SAT.replace("subject: {const: ELA}", "subject: {const: ELA}\n      window: {from_name: '(PM\\d)'}")
    rows = land("ID,DAY,EBRW,MATH\n1,2022-10-01,500,\n", definition, "sis/FAST_PM2_Grade3.csv").rows("landing.assessment_scores")
    assert rows["window"].to_list() == ["PM2"]
