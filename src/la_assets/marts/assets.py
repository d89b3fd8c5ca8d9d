"""The marts: one dbt build makes them for the school years of a run, and each becomes partitions of the lake.

Which tables a mart reads is said here, so that a code location loads without dbt; a test holds it against what dbt itself finds.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from la_assets.assessments.schema import SCORES
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE
from la_assets.behavior.schema import INCIDENTS
from la_assets.coursework.schema import STUDENT_YEAR as COURSEWORK
from la_assets.early_warning.schema import DROPOUT_SCORES, RISK_CHANGES
from la_assets.engagement.schema import LMS_DAILY
from la_assets.forecasts.schema import PREDICTIONS
from la_assets.marts.schema import (
    CLASS_OVERVIEW,
    DISTRICT_OVERVIEW,
    EARLY_WARNING_ROSTER,
    EQUITY_GAPS,
    MTSS_ROSTER,
    SCHOOL_OVERVIEW,
    STUDENT_360,
)
from la_assets.mtss.schema import CLUSTERS, TIERS
from la_assets.roster.schema import ENROLLMENTS, PROGRESSION, SCHOOLS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_assets.school_years import SCHOOL_YEARS, years_of
from la_assets.yearly_tables import CADENCE_TAG, OWNER, asset_key, table_metadata, table_tags
from la_resources.contracts import Table
from la_resources.dbt.project import DbtProject

READS: dict[Table, tuple[Table, ...]] = {
    STUDENT_360: (STUDENTS, ENROLLMENTS, PROGRESSION, ATTENDANCE, COURSEWORK, SCORES, INCIDENTS, LMS_DAILY, DROPOUT_SCORES, TIERS),
    CLASS_OVERVIEW: (STUDENT_360, SECTIONS, SECTION_ENROLLMENTS),
    SCHOOL_OVERVIEW: (STUDENT_360, SCHOOLS),
    DISTRICT_OVERVIEW: (STUDENT_360,),
    EQUITY_GAPS: (STUDENT_360,),
    EARLY_WARNING_ROSTER: (DROPOUT_SCORES, RISK_CHANGES),
    MTSS_ROSTER: (TIERS, CLUSTERS, PREDICTIONS),
}
"""Every mart and the tables it reads."""

SOURCES = tuple({table: None for reads in READS.values() for table in reads if table not in READS})
PROJECT = DbtProject(Path(__file__).with_name("dbt_project"), SOURCES, tuple(READS))

_FRESH = (
    "**Fresh** after the night's run, like the tables it reads. **If it fails**, the message names the dbt model or test and what "
    "dbt said; the marts of before stay."
)
_PAGES = {
    STUDENT_360: "A student's school year in one row: attendance, marks, behaviour, newest test results, activity, tiers, dropout risk. "
    "**From** the tables of every room. What no file has said for a year yet is missing, not zero.",
    CLASS_OVERVIEW: "A class in a school year: shares and means of its students. **From** `marts.student_360` and the sections. "
    "Small cells are withheld and named in `suppressed`.",
    SCHOOL_OVERVIEW: "A school in a school year: shares and means of its students. **From** `marts.student_360`. "
    "Small cells are withheld, with a second one where a single one could be had by subtraction from the district.",
    DISTRICT_OVERVIEW: "The district in a school year: shares and means of its students. **From** `marts.student_360`. "
    "Small cells are withheld.",
    EQUITY_GAPS: "The gap between a group of students and its reference group, with its standard error. **From** `marts.student_360`, "
    "student rows, never means of means. Small groups are withheld, and with them the counts of the attribute's other groups.",
    EARLY_WARNING_ROSTER: "Each student's newest dropout score of the year with its range, reasons in words, recommendations, and "
    "whether the level changed. **From** `early_warning.dropout_scores` and `early_warning.risk_changes`. Without a model the "
    "status says so.",
    MTSS_ROSTER: "Each student's newest tier in a subject, with reasons, standards to re-teach, cluster and forecast. "
    "**From** `mtss.tiers`, `mtss.clusters` and `forecasts.predictions`; what a model has not said yet is missing.",
}


def _name(table: Table) -> str:
    return table.name.replace(".", "__")


@dg.multi_asset(
    name="marts",
    outs={
        _name(mart): dg.AssetOut(
            key=asset_key(mart),
            description=f"{_PAGES[mart]}\n\n{_FRESH}",
            group_name=mart.schema,
            kinds={"dbt", "parquet"},
            owners=[OWNER],
            metadata=table_metadata(mart),
            tags=table_tags(mart) | {CADENCE_TAG: "nightly"},
            io_manager_key="lake_io_manager",
            is_required=False,
        )
        for mart in READS
    },
    deps=[asset_key(table) for table in SOURCES],
    internal_asset_deps={_name(mart): {asset_key(table) for table in reads} for mart, reads in READS.items()},
    partitions_def=SCHOOL_YEARS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    required_resource_keys={"marts_engine", "district"},
)
def marts(context: dg.AssetExecutionContext) -> Iterator[dg.Output]:
    """Build the selected marts of the run's school years with dbt, and hand each year to the lake."""
    wanted = set(context.op_execution_context.selected_output_names)
    years = years_of(context.partition_keys)
    chosen = [mart for mart in READS if _name(mart) in wanted]
    variables = context.resources.district.settings().marts.model_dump()
    engine = context.resources.marts_engine.engine()
    with engine.built(PROJECT, [m.name for m in chosen], [y.label for y in years], variables) as rows:
        for mart in chosen:
            yield dg.Output({year.key: rows[mart.name].filter(school_year=year.label) for year in years}, _name(mart))
