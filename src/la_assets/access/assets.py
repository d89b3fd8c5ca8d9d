"""Assets of access: who may see which students and classes in a school year, and who looked at what."""

import dagster as dg
import polars as pl

from la_assets.access import grants, log_rows, users
from la_assets.access.schema import CLASS_GRANTS, LOG, POLICIES, STUDENT_GRANTS
from la_assets.landing import schema as landing
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster import sections
from la_assets.roster.identity import resolve_keys, resolve_schools
from la_assets.roster.schema import CALENDAR, ENROLLMENTS, IDENTIFIERS, INSTRUCTIONAL_LINKS, SCHOOL_IDENTIFIERS, SCHOOLS, STAFF
from la_assets.school_years import SCHOOL_YEARS, years_of
from la_assets.yearly_tables import CADENCE_TAG, OWNER, Page, Year, asset_key, table_metadata, table_tags, yearly_table

_CLASSES = (
    landing.ONEROSTER_ENROLLMENTS,
    landing.ONEROSTER_CLASSES,
    landing.ONEROSTER_ACADEMIC_SESSIONS,
    IDENTIFIERS,
    SCHOOL_IDENTIFIERS,
)
_LISTS = (landing.ACCESS_USERS, landing.FILES, IDENTIFIERS, SCHOOL_IDENTIFIERS, STAFF, SCHOOLS)


@yearly_table(POLICIES, inputs=_LISTS)
def policies(year: Year) -> Page:
    """**A row** is a scope (a teacher's students, a school, grades or programs of a school, the district) that a line of the
    district's list of users gives to a user, from when to when; or why the line gives nothing. **Restricted.**

    **From** the newest list of users of the year in the landing zone, held against the roster: an unknown role, person or school, missing
    or contradictory dates, and a person whom the roster no longer has give nothing.

    **Fresh** when a list or a roster bundle has landed. **If a user sees nothing**, `status` says why; correct the list and deliver it
    again. A user who is not in the newest list has no access; a year without a list has no users.
    """
    lines = users.newest_list(year[landing.ACCESS_USERS], year[landing.FILES])
    known = resolve_schools(resolve_keys(lines, year[IDENTIFIERS], "staff_key", "staff"), year[SCHOOL_IDENTIFIERS])
    rows = users.policies(known, year[STAFF], year[SCHOOLS], year.district.access.roles).collect()
    granted = pl.col("status") == users.GRANTED
    users_with_access = rows.filter(granted)["user_name"].n_unique()
    return Page(rows, {"users_with_access": users_with_access, "lines_without_access": rows.filter(~granted).height})


@yearly_table(STUDENT_GRANTS, inputs=(*_CLASSES, INSTRUCTIONAL_LINKS, STAFF, ENROLLMENTS, CALENDAR, PARTICIPATION))
def student_grants(year: Year) -> pl.LazyFrame:
    """**A row** is a student in a scope of `access.policies`, from when to when, and by what link.

    **From** class enrolments with their days (student and teacher both in the section), instructional links as sent (on the days on
    which the student is enrolled at the teacher's school), stays at schools, and stays in programs; never on a day on which the student
    is not enrolled in the district. What runs to the last day of instruction holds until 30 June.

    **Fresh** when the roster is. **If a teacher misses a student**: the roster bundle has no enrolment of both in a section on the
    day, and the district sent no instructional link.
    """
    calendar = year[CALENDAR]
    stays = grants.stays(year[ENROLLMENTS], calendar)
    return grants.student_grants(
        _classes(year), year[INSTRUCTIONAL_LINKS], year[STAFF], stays, calendar=calendar, participation=year[PARTICIPATION]
    )


@yearly_table(CLASS_GRANTS, inputs=(*_CLASSES, CALENDAR))
def class_grants(year: Year) -> pl.LazyFrame:
    """**A row** is a section that a teacher teaches, from when to when: whose class overview the teacher may see.

    **From** the class enrolments of the roster bundle with the role teacher. **Fresh** when the last bundle has landed. **If a class is
    missing**: the bundle has no enrolment of its teacher.
    """
    return grants.class_grants(_classes(year), year[CALENDAR])


@dg.asset(
    key=asset_key(LOG),
    partitions_def=SCHOOL_YEARS,
    group_name=LOG.schema,
    kinds={"polars", "parquet"},
    owners=[OWNER],
    metadata=table_metadata(LOG),
    tags=table_tags(LOG) | {CADENCE_TAG: "nightly"},
    backfill_policy=dg.BackfillPolicy.single_run(),
    io_manager_key="lake_io_manager",
    required_resource_keys={"access_log"},
)
def access_log(context: dg.AssetExecutionContext) -> dict[str, pl.DataFrame]:
    """**A row** is a look at students' data through the query interface, or a refused attempt: who, which table, how many rows, when,
    for what purpose, as whom. **Restricted.**

    **From** the access log, where each event is a file that was written before any row was handed out. **Fresh** after the night's run.

    **If it fails**, a file of the log is not what was written there: the message names it, and somebody should ask why.
    """
    log = context.resources.access_log.log()
    return {
        year.key: log_rows.rows(log.events(year.label), year.label, LOG.name, LOG.polars_schema())
        for year in years_of(context.partition_keys)
    }


def _classes(year: Year) -> pl.LazyFrame:
    return sections.class_enrollments(*(year[table] for table in _CLASSES))
