"""The column names of the vendors' export layouts that the simulated test files carry.

Names only, in the vendors' order. The SAT layout is given up to its benchmarks: the item-level columns after them are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_GROWTH = (
    "ProjectedGrowth",
    "ObservedGrowth",
    "ObservedGrowthSE",
    "MetProjectedGrowth",
    "ConditionalGrowthIndex",
    "ConditionalGrowthPercentile",
    "GrowthQuintile",
)
_SPANS = ("FallToFall", "FallToWinter", "FallToSpring", "WinterToWinter", "WinterToSpring", "SpringToSpring")
MAP_HEADER: tuple[str, ...] = (
    "TermName",
    "DistrictName",
    "District_StateID",
    "SchoolName",
    "School_StateID",
    "StudentID",
    "Student_StateID",
    "Subject",
    "Course",
    "GrowthMeasureYN",
    "NormsReferenceData",
    "WISelectedAYFall",
    "WISelectedAYWinter",
    "WISelectedAYSpring",
    "WIPreviousAYFall",
    "WIPreviousAYWinter",
    "WIPreviousAYSpring",
    "TestType",
    "TestName",
    "TestID",
    "TestStartDate",
    "TestStartTime",
    "TestDurationMinutes",
    "TestRITScore",
    "TestStandardError",
    "TestPercentile",
    "AchievementQuintile",
    "PercentCorrect",
    "RapidGuessingPercentage",
    *(f"{span}{what}" for span in _SPANS for what in _GROWTH),
    "LexileScore",
    "LexileMin",
    "LexileMax",
    "QuantileScore",
    "QuantileMin",
    "QuantileMax",
    *(f"Goal{k}{what}" for k in range(1, 9) for what in ("Name", "RitScore", "StdErr", "Range", "Adjective")),
    *(f"Typical{span}Growth" for span in _SPANS),
    *(f"ProjectedProficiency{what}{k}" for k in range(1, 11) for what in ("Study", "Level")),
)
"""NWEA MAP Growth comprehensive export, 143 columns."""

_SAT_SCORES = (
    "TOTAL",
    "EBRW",
    "MATH_SECTION",
    "READING",
    "WRIT_LANG",
    "MATH_TEST",
    "SCI_CROSS",
    "HIST_SOCST_CROSS",
    "WORDS_CONTEXT",
    "COMM_EVIDENCE",
    "EXPR_IDEAS",
    "ENG_CONVENT",
    "HEART_ALGEBRA",
    "ADV_MATH",
    "PROBSLV_DATA",
)
_SAT_OLD = ("CRITICAL_READING", "MATH", "WRITING")
SAT_HEADER: tuple[str, ...] = (
    "AI_CODE",
    "AI_NAME",
    "FILLER_1",
    "COHORT_YEAR",
    "DISTRICT_NAME",
    "NAME_LAST",
    "NAME_FIRST",
    "NAME_MI",
    "GENDER",
    "RACE_ETH_CUBAN",
    "RACE_ETH_MEXICAN",
    "RACE_ETH_PUERTORICAN",
    "RACE_ETH_HISP_LAT",
    "RACE_ETH_NON_HISP_LAT",
    "RACE_ETH_INDIAN_ALASKAN",
    "RACE_ETH_ASIAN",
    "RACE_ETH_AFRICANAMERICAN",
    "RACE_ETH_HAWAIIAN_PI",
    "RACE_ETH_WHITE",
    "RACE_ETH_OTHER",
    "FILLER_2",
    "DERIVED_AGGREGATE_RACE_ETH",
    "BIRTH_DATE",
    "FILLER_3",
    "CB_ID",
    "SECONDARY_ID",
    "ADDRESS_LINE1",
    "ADDRESS_LINE2",
    "ADDRESS_CITY",
    "ADDRESS_STATE",
    "ADDRESS_ZIP",
    "ADDRESS_COUNTY",
    "ADDRESS_COUNTRY",
    "ADDRESS_PROVINCE",
    "FOREIGN_ADDRESS",
    "PHONE",
    "EMAIL",
    "HOMESCHOOL",
    "STUDENT_SEARCH_SERVICE",
    "GRAD_DATE",
    "SAA",
    "LATEST_REGISTRATION_NUM",
    "LATEST_MAKE_UP",
    "LATEST_SAT_DATE",
    "LATEST_SAT_GRADE",
    "LATEST_SAT_REVISED",
    *(f"LATEST_SAT_{x}" for x in _SAT_SCORES),
    "LATEST_SAT_ESSAY_READING",
    "LATEST_SAT_ESSAY_ANALYSIS",
    "LATEST_SAT_ESSAY_WRITING",
    "FILLER_4",
    *(f"LATEST_SAT_{x}" for x in _SAT_OLD),
    "LATEST_SAT_ESSAY",
    "LATEST_SAT_ESSAY_MC",
    "FILLER_5",
    "FILLER_6",
    *(f"PERCENTILE_NATREP_SAT_{x}" for x in _SAT_SCORES),
    *(f"PERCENTILE_CBSNATION_SAT_{x}" for x in _SAT_OLD),
    "FILLER_7",
    "FILLER_8",
    *(f"PERCENTILE_NATUSER_SAT_{x}" for x in _SAT_SCORES),
    *(f"PERCENTILE_CBSSTATE_SAT_{x}" for x in _SAT_OLD),
    "FILLER_9",
    "FILLER_10",
    "EBRW_CCR_BENCHMARK",
    "MATH_CCR_BENCHMARK",
)
"""The College Board's SAT export from its first column to the college-readiness benchmarks."""


_I_READY_DOMAINS = (
    "Phonological Awareness",
    "Phonics",
    "High-Frequency Words",
    "Vocabulary",
    "Comprehension: Overall",
    "Comprehension: Literature",
    "Comprehension: Informational Text",
)
_I_READY_STUDENT = (
    "Last Name,First Name,Student ID,Student Grade,Academic Year,School,Enrolled,District State ID,Account State ID,School State ID,"
    "Student State ID,User Name,Sex,Hispanic or Latino,Race,English Language Learner,Special Education,Economically Disadvantaged,"
    "Migrant,Class(es),Class Teacher(s),Report Group(s),Start Date,Completion Date,Norming Window,Baseline Diagnostic (Y/N),"
    "Most Recent Diagnostic YTD (Y/N),Duration (min),Rush Flag,Read Aloud,Overall Scale Score,Overall Placement,"
    "Overall Relative Placement,Percentile,Grouping,Lexile Measure,Lexile Range"
)
I_READY_HEADER: tuple[str, ...] = (
    *_I_READY_STUDENT.split(","),
    *(f"{domain} {what}" for domain in _I_READY_DOMAINS for what in ("Scale Score", "Placement", "Relative Placement")),
    "Diagnostic Gain",
    "Annual Typical Growth Measure",
    "Annual Stretch Growth Measure",
    "Percent Progress to Annual Typical Growth (%)",
    "Percent Progress to Annual Stretch Growth (%)",
    "Mid On Grade Level Scale Score",
    "Reading Difficulty Indicator (Y/N)",
)
"""Curriculum Associates' i-Ready Diagnostic results for reading, 65 columns."""


def blank_frame(header: Sequence[str], rows: int, filled: dict[str, pl.Series]) -> pl.DataFrame:
    """A frame with all columns of the layout, blank but for those given."""
    unknown = set(filled) - set(header)
    if unknown:
        raise KeyError(f"not columns of the layout: {sorted(unknown)}")
    blank = pl.Series([None], dtype=pl.String).new_from_index(0, rows)
    return pl.DataFrame({name: filled.get(name, blank) for name in header})
