"""Contracts of the landing tables: the shapes into which every source definition reads.

A landing table holds rows of any source that tells the same kind of thing (a state test, an interim test and a
district's own CSV all land in ``landing.assessment_scores``), typed and range-checked, identifiers already replaced by
keys. Tables with names, birth dates or contact land in the restricted schema ``directory``. Nothing is joined here;
the rooms (roster, attendance, ...) make the canonical tables.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, Table, staff_key, student_key

SUBJECTS = (
    "ELA",
    "Math",
    "Algebra 1",
    "Geometry",
    "Biology",
    "Science",
    "Social Studies",
    "World Languages",
    "Arts",
    "PE",
    "Career",
    "Other",
)
GRADES = ("IT", "PK", "TK", "KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "UG", "Other")
"""Grade levels as CEDS codes them; 13 is a year after grade 12."""

RACE_ETHNICITY = (
    "American Indian or Alaska Native",
    "Asian",
    "Black or African American",
    "Hispanic or Latino",
    "Native Hawaiian or Other Pacific Islander",
    "White",
    "Two or More Races",
    "Unknown",
)
"""The federal roll-up of race and ethnicity (Hispanic of any race first)."""

GENDERS = ("Female", "Male", "Another", "Unknown")


def text(name: str, description: str, *, nullable: bool = True, options: tuple[str, ...] = (), pattern: str = "") -> Column:
    return Column(name, pl.String, description, nullable=nullable, options=options, pattern=pattern)


def day(name: str, description: str, *, nullable: bool = True) -> Column:
    return Column(name, pl.Date, description, nullable=nullable)


def flag(name: str, description: str, *, nullable: bool = True) -> Column:
    return Column(name, pl.Boolean, description, nullable=nullable)


def number(name: str, description: str, minimum: float | None = None, maximum: float | None = None, *, nullable: bool = True) -> Column:
    return Column(name, pl.Float64, description, nullable=nullable, minimum=minimum, maximum=maximum)


def whole(name: str, description: str, minimum: float | None = None, maximum: float | None = None, *, nullable: bool = True) -> Column:
    return Column(name, pl.Int32, description, nullable=nullable, minimum=minimum, maximum=maximum)


def at_end(column: Column) -> Column:
    """A column whose value comes when something ends; in a year in progress it may be missing throughout."""
    return replace(column, nullable=True, fills_at_end=True)


LINEAGE = (
    Column("school_year", pl.String, "School year the row belongs to, derived from dates in the content.", pattern=SCHOOL_YEAR_PATTERN),
    Column("source", pl.String, "The source definition that read the row."),
    Column("source_file", pl.String, "Path of the file below the landing zone's root (inside a zip: archive.zip!member)."),
    Column("source_row", pl.Int64, "Row in the file, the header being row 1.", minimum=1),
    Column("row_hash", pl.UInt64, "wyhash of the row's raw fields, for finding the same row again."),
    Column("landed_at", pl.Datetime("us", "UTC"), "When the file arrived in the landing zone (UTC)."),
)

_FILE_KEY = ("source_file", "source_row")


def _landing(name: str, grain: str, *columns: Column, restricted: bool = False, key: tuple[str, ...] = _FILE_KEY) -> Table:
    return Table(f"{'directory' if restricted else 'landing'}.{name}", grain, (*columns, *LINEAGE), key, restricted=restricted)


_status = text("status", "OneRoster status: active, tobedeleted, or blank (active).")
_modified = text("date_last_modified", "OneRoster dateLastModified, as sent.")

ONEROSTER_USERS = _landing(
    "oneroster_users",
    "A user (student, teacher, staff, guardian) as the roster bundle names them.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    flag("enabled_user", "Whether the account is enabled."),
    text("org_sourced_ids", "Comma-separated org sourcedIds (1.1)."),
    text("role", "OneRoster role (1.1; 1.2 uses roles.csv)."),
    text("username", "Account name."),
    text("user_ids", "{type:id} pairs of other identifiers."),
    text("given_name", "First name."),
    text("family_name", "Last name."),
    text("middle_name", "Middle name."),
    text("identifier", "Local number of the person."),
    text("email", "E-mail."),
    text("sms", "Mobile number."),
    text("phone", "Phone."),
    text("agent_sourced_ids", "Guardians' sourcedIds."),
    text("grades", "Grade level(s)."),
    text("user_master_identifier", "1.2: master identifier."),
    text("preferred_given_name", "1.2."),
    text("preferred_family_name", "1.2."),
    text("preferred_middle_name", "1.2."),
    text("primary_org_sourced_id", "1.2."),
    text("pronouns", "1.2."),
    restricted=True,
)
ONEROSTER_DEMOGRAPHICS = _landing(
    "oneroster_demographics",
    "Demographics of a user as the roster bundle gives them.",
    text("sourced_id", "sourcedId of the user.", nullable=False),
    _status,
    _modified,
    day("birth_date", "Birth date."),
    text("sex", "OneRoster sex: female, male, other, unspecified."),
    flag("american_indian_or_alaska_native", "Race flag."),
    flag("asian", "Race flag."),
    flag("black_or_african_american", "Race flag."),
    flag("native_hawaiian_or_other_pacific_islander", "Race flag."),
    flag("white", "Race flag."),
    flag("demographic_race_two_or_more_races", "Race flag."),
    flag("hispanic_or_latino_ethnicity", "Ethnicity flag."),
    text("country_of_birth_code", "ISO country."),
    text("state_of_birth_abbreviation", "State."),
    text("city_of_birth", "City."),
    text("public_school_residence_status", "Residence status."),
    restricted=True,
)
ONEROSTER_ORGS = _landing(
    "oneroster_orgs",
    "A school or district as the roster bundle names it.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("name", "Name."),
    text("type", "department, school, district, local, state, national."),
    text("identifier", "Local or NCES number."),
    text("parent_sourced_id", "Parent org."),
)
ONEROSTER_ACADEMIC_SESSIONS = _landing(
    "oneroster_academic_sessions",
    "A school year, semester, term or grading period of the bundle.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("title", "Title."),
    text("type", "schoolYear, semester, term, gradingPeriod."),
    day("start_date", "First day.", nullable=False),
    day("end_date", "Last day.", nullable=False),
    text("parent_sourced_id", "Parent session."),
    text("session_school_year", "OneRoster schoolYear: the year in which the session ends."),
)
ONEROSTER_COURSES = _landing(
    "oneroster_courses",
    "A course of the catalogue.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("school_year_sourced_id", "Session of the year."),
    text("title", "Title."),
    text("course_code", "Local course code."),
    text("grades", "Grades offered."),
    text("org_sourced_id", "Offering org."),
    text("subjects", "Subjects, as sent."),
    text("subject_codes", "SCED codes."),
)
ONEROSTER_CLASSES = _landing(
    "oneroster_classes",
    "A class (section) of the bundle.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("title", "Title."),
    text("grades", "Grades."),
    text("course_sourced_id", "Course."),
    text("class_code", "Code."),
    text("class_type", "homeroom or scheduled."),
    text("location", "Room."),
    text("school_sourced_id", "School."),
    text("term_sourced_ids", "Sessions, comma-separated."),
    text("subjects", "Subjects, as sent."),
    text("subject_codes", "SCED codes."),
    text("periods", "Periods."),
)
ONEROSTER_ENROLLMENTS = _landing(
    "oneroster_enrollments",
    "A user's enrolment in a class, as student or teacher.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("class_sourced_id", "Class.", nullable=False),
    text("school_sourced_id", "School."),
    Column("user_key", pl.String, "Key of the user's sourcedId, as student or staff by role."),
    text("role", "student, teacher, aide, proctor, administrator."),
    flag("primary", "Primary teacher."),
    day("begin_date", "First day."),
    day("end_date", "Last day (exclusive or inclusive as the source definition says; inclusive here)."),
)
ONEROSTER_ROLES = _landing(
    "oneroster_roles",
    "1.2: a role of a user at an org.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("user_sourced_id", "User.", nullable=False),
    text("role_type", "primary or secondary."),
    text("role", "student, teacher, ..."),
    day("begin_date", "First day."),
    day("end_date", "Last day."),
    text("org_sourced_id", "Org."),
    text("user_profile_sourced_id", "Profile."),
    restricted=True,
)
ONEROSTER_LINE_ITEMS = _landing(
    "oneroster_line_items",
    "A gradebook column (assignment) of a class.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("title", "Title."),
    text("class_sourced_id", "Class."),
    day("assign_date", "Assigned on."),
    day("due_date", "Due on."),
    text("category_sourced_id", "Category."),
    text("grading_period_sourced_id", "Session."),
    number("result_value_min", "Lowest value."),
    number("result_value_max", "Highest value."),
)
ONEROSTER_RESULTS = _landing(
    "oneroster_results",
    "A student's result on a line item.",
    text("sourced_id", "OneRoster sourcedId.", nullable=False),
    _status,
    _modified,
    text("line_item_sourced_id", "Line item."),
    student_key(),
    text("score_status", "fully graded, submitted, ..."),
    number("score", "Score."),
    day("score_date", "Scored on."),
)

SCHOOLS = _landing(
    "schools",
    "A school of the district with what the roster bundle does not say.",
    text("school_id", "Local school number.", nullable=False),
    text("name", "Name."),
    text("level", "Level.", options=("Elementary", "Middle", "High", "K-8", "K-12", "Other")),
    text("type", "Regular, charter, alternative, ..."),
    text("locale", "NCES locale.", options=("City", "Suburb", "Town", "Rural")),
    text("district_id", "District."),
    flag("title1", "Title I school."),
)
CALENDAR = _landing(
    "calendar",
    "A day of a school's calendar.",
    text("school_id", "School.", nullable=False),
    day("date", "Day.", nullable=False),
    flag("is_instructional", "Instruction takes place.", nullable=False),
    text("term", "Term."),
)
STUDENT_ATTRIBUTES = _landing(
    "student_attributes",
    "What the student system says of a student from a day on; several records a year are normal.",
    student_key(),
    day("effective_on", "Valid from.", nullable=False),
    flag("is_active", "Whether the record is active."),
    text("school_id", "School."),
    text("grade_level", "Grade (CEDS).", options=GRADES),
    whole("birth_year", "Year of birth.", 1990, 2030),
    text("gender", "Gender.", options=GENDERS),
    text("race_ethnicity", "Federal roll-up.", options=RACE_ETHNICITY),
    flag("american_indian_or_alaska_native", "Race flag."),
    flag("asian", "Race flag."),
    flag("black_or_african_american", "Race flag."),
    flag("native_hawaiian_or_other_pacific_islander", "Race flag."),
    flag("white", "Race flag."),
    flag("hispanic_or_latino", "Ethnicity flag."),
    flag("frl", "Free or reduced-price lunch."),
    flag("ell", "English learner."),
    flag("ese", "Exceptional student education (IEP)."),
    flag("section_504", "504 plan."),
    flag("gifted", "Gifted."),
    flag("homeless", "Homeless."),
    whole("cohort_year_9th", "Calendar year in which grade 9 was entered first.", 1990, 2100),
    flag("is_repeating", "Repeats the grade."),
)
SCHOOL_ENROLLMENTS = _landing(
    "school_enrollments",
    "A stay of a student at a school.",
    student_key(),
    text("school_id", "School.", nullable=False),
    day("entry_date", "First day.", nullable=False),
    day("exit_date", "Last day, inclusive."),
    text("entry_type", "Entry code, as sent."),
    text("exit_type", "Exit code, as sent."),
    flag("is_primary", "Primary school."),
    flag("is_no_show", "Enrolled but never came."),
    text("grade_level", "Grade (CEDS).", options=GRADES),
)
STAFF = _landing(
    "staff",
    "A member of staff, from the personnel system.",
    staff_key(),
    text("school_id", "School."),
    number("years_experience", "Years of experience.", 0, 70),
    text("education_level", "Highest degree."),
)
COURSE_CATALOG = _landing(
    "course_catalog",
    "A course with its subject, level and credits.",
    text("course_id", "Course code.", nullable=False),
    text("title", "Title."),
    text("subject", "Subject.", options=SUBJECTS),
    text("course_level", "Level.", options=("regular", "honors", "AP", "IB", "dual")),
    number("credits", "Credits.", 0, 10),
)
_EVENT = (
    text("event_id", "Names the event of a stream that told this; blank for rows of files. A row per event counts."),
    Column("event_time", pl.Datetime("us", "UTC"), "When the event happened (UTC); blank for rows of files.", nullable=True),
)

INSTRUCTIONAL_LINKS = _landing(
    "instructional_links",
    "Who taught a student a subject, with the dosage.",
    student_key(),
    staff_key(),
    text("subject", "Subject.", nullable=False, options=SUBJECTS),
    number("weight", "Share of the instruction.", 0, 1, nullable=False),
    text("link_source", "How the link was made."),
)
ATTENDANCE = _landing(
    "attendance",
    "A student's attendance on a day at a school; with negative attendance only days that were not plainly present.",
    student_key(),
    text("school_id", "School.", nullable=False),
    day("date", "Day.", nullable=False),
    Column("absent", pl.Float32, "Share of the day missed.", minimum=0, maximum=1),
    flag("excused", "Absence is excused."),
    flag("tardy", "Came late."),
    flag("early_dismissal", "Left early."),
    Column("minutes", pl.Int16, "Minutes attended.", nullable=True, minimum=0, maximum=1440),
    *_EVENT,
)
ASSESSMENT_SCORES = _landing(
    "assessment_scores",
    "An attempt of a student at a test.",
    student_key(),
    text("assessment_id", "Test family, e.g. FAST, EOC, MAP Growth, i-Ready, SAT, ACT.", nullable=False),
    text("subject", "Subject.", nullable=False, options=SUBJECTS),
    text("grade_level", "Grade tested.", options=GRADES),
    text("window", "Window: PM1, PM2, PM3, fall, winter, spring, EOC or blank."),
    day("administered_on", "Tested on."),
    day("reported_on", "Result became known on."),
    whole("attempt", "Attempt, from 1.", 1, 50),
    number("scale_score", "Scale score."),
    number("standard_error", "Standard error of measurement.", 0),
    whole("level", "Achievement level 1..5.", 1, 5),
    number("percentile", "Percentile rank.", 0, 100),
    flag("is_official", "The attempt that counts, where the source says so."),
    text("reason_not_tested", "Why there is no score."),
    flag("is_vertical_scale", "Scores compare across grades."),
    key=("source_file", "source_row", "assessment_id", "subject"),
)
ASSESSMENT_STANDARDS = _landing(
    "assessment_standards",
    "Points of a student on one standard of a test.",
    student_key(),
    text("assessment_id", "Test family.", nullable=False),
    text("subject", "Subject.", nullable=False, options=SUBJECTS),
    text("grade_level", "Grade tested.", options=GRADES),
    text("window", "Window."),
    day("administered_on", "Tested on."),
    day("reported_on", "Result became known on."),
    text("category", "Reporting category."),
    text("standard_code", "Benchmark code.", nullable=False),
    number("points_earned", "Points earned.", 0),
    number("points_possible", "Points possible.", 0),
    key=("source_file", "source_row", "standard_code"),
)
GRADES_POSTED = _landing(
    "grades",
    "A mark of a student in a section for a grading period.",
    student_key(),
    text("section_id", "Section.", nullable=False),
    text("grading_period", "Grading period.", nullable=False),
    text("letter", "Letter grade."),
    number("percent", "Percent.", 0, 150),
    number("gpa_points", "Grade points, 0 to 5.", 0, 5),
    number("credits_attempted", "Credits attempted.", 0, 10),
    number("credits_earned", "Credits earned.", 0, 10),
    day("posted_on", "Posted on."),
    *_EVENT,
)
INCIDENTS = _landing(
    "incidents",
    "A student's part in a behaviour incident.",
    text("incident_id", "Incident.", nullable=False),
    student_key(),
    text("school_id", "School."),
    day("date", "Day.", nullable=False),
    text("type", "Incident type."),
    whole("severity", "1 (minor) to 4.", 1, 4),
    text("action", "Action.", options=("none", "conference", "detention", "ISS", "OSS", "expulsion", "other")),
    number("days", "Days of the action.", 0, 365),
)
BEHAVIOR_POINTS = _landing(
    "behavior_points",
    "Positive behaviour points given to a student.",
    student_key(),
    day("date", "Day.", nullable=False),
    number("points", "Points.", 0, 1000, nullable=False),
    text("reason", "Reason."),
)
LMS_ACTIVITY = _landing(
    "lms_activity",
    "A student's day in the learning management system for a section.",
    student_key(),
    text("section_id", "Section.", nullable=False),
    day("date", "Day.", nullable=False),
    whole("logins", "Logins.", 0),
    number("minutes", "Minutes.", 0, 1440),
    whole("page_views", "Page views.", 0),
    whole("submissions", "Submissions.", 0),
    whole("late", "Late submissions.", 0),
    whole("missing", "Assignments that fell due unsubmitted.", 0),
    whole("posts", "Discussion posts.", 0),
    *_EVENT,
)
EXITS = _landing(
    "exits",
    "A student's exit from the district (or status at the end of a year).",
    student_key(),
    text("exit_code", "Exit code, as sent.", nullable=False),
    day("exit_date", "Last day."),
    day("observed_on", "The day the district knew."),
    whole("cohort_year_9th", "Cohort.", 1990, 2100),
)
POSTSECONDARY = _landing(
    "postsecondary",
    "A post-secondary enrolment.",
    student_key(),
    day("enrolled_on", "First day.", nullable=False),
    text("institution_type", "Type.", options=("2-year", "4-year", "less than 2-year", "unknown")),
    day("observed_on", "The day the district knew."),
)
PROGRAM_PARTICIPATION = _landing(
    "program_participation",
    "A student's stay in a program or intervention.",
    student_key(),
    text("program_id", "Program.", nullable=False),
    text("subject", "Subject.", options=SUBJECTS),
    day("begin_date", "First day.", nullable=False),
    day("end_date", "Last day, inclusive."),
    whole("tier", "MTSS tier.", 1, 3),
    number("dosage_minutes", "Minutes received.", 0),
    number("fidelity", "Fidelity 0..1.", 0, 1),
    number("cost", "Cost per student, dollars.", 0),
    text("assignment", "How students were assigned.", options=("random", "tier cut", "referral", "unknown")),
)
FINANCE = _landing(
    "finance",
    "Per-pupil spending of a school by category.",
    text("school_id", "School.", nullable=False),
    text("category", "Category.", nullable=False),
    number("per_pupil_spending", "Dollars per pupil.", 0, nullable=False),
)
ACCESS_USERS = _landing(
    "access_users",
    "A line of the district's list of users: who may look at students in the school year, in which role, and until when.",
    text("user_name", "Name the person signs in with.", nullable=False),
    text("role", "Role, as sent; the district's settings say what it stands for."),
    staff_key("The person in the personnel system; missing where the list has no number.", nullable=True),
    text("school_id", "School."),
    text("grades", "Grade levels of a caseload, separated by commas or semicolons."),
    text("programs", "Programs of a caseload, separated by commas or semicolons."),
    day("valid_from", "First day of access."),
    day("valid_until", "Last day of access, inclusive."),
    restricted=True,
)

LANDING_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ONEROSTER_USERS,
        ONEROSTER_DEMOGRAPHICS,
        ONEROSTER_ORGS,
        ONEROSTER_ACADEMIC_SESSIONS,
        ONEROSTER_COURSES,
        ONEROSTER_CLASSES,
        ONEROSTER_ENROLLMENTS,
        ONEROSTER_ROLES,
        ONEROSTER_LINE_ITEMS,
        ONEROSTER_RESULTS,
        SCHOOLS,
        CALENDAR,
        STUDENT_ATTRIBUTES,
        SCHOOL_ENROLLMENTS,
        STAFF,
        COURSE_CATALOG,
        INSTRUCTIONAL_LINKS,
        ATTENDANCE,
        ASSESSMENT_SCORES,
        ASSESSMENT_STANDARDS,
        GRADES_POSTED,
        INCIDENTS,
        BEHAVIOR_POINTS,
        LMS_ACTIVITY,
        EXITS,
        POSTSECONDARY,
        PROGRAM_PARTICIPATION,
        FINANCE,
        ACCESS_USERS,
    )
}

STATUSES = ("loaded", "partly quarantined", "quarantined", "empty", "repeated", "unclaimed", "gone")

FILES = Table(
    "landing.files",
    "A file of the landing zone as it was last read: what became of every row.",
    (
        text("source_file", "Path below the landing zone's root (inside a zip: archive.zip!member).", nullable=False),
        text("definition", "The source definition that read it; empty if none claims the file."),
        text("status", "What became of it.", nullable=False, options=STATUSES),
        text("reason", "Why it was set aside, and what to do."),
        text("delivery", "bulk, delta or full."),
        text("encoding", "Encoding found."),
        Column("bytes", pl.Int64, "Size in bytes.", minimum=0),
        text("content_hash", "SHA-256 of the bytes.", nullable=False),
        Column("rows_read", pl.Int64, "Source rows, counted at record ends.", minimum=0),
        Column("rows_loaded", pl.Int64, "Rows that went into landing tables.", minimum=0),
        Column("rows_duplicate", pl.Int64, "Exact repetitions of a row of the same file.", minimum=0),
        Column("rows_skipped", pl.Int64, "Rows that the definition does not want.", minimum=0),
        Column("rows_quarantined", pl.Int64, "Rows in directory.quarantine.", minimum=0),
        text("rules_broken", "Broken rules with the number of rows."),
        text("tables", "Landing tables it feeds."),
        flag("is_late", "Arrived long after the school year was over (the district says how long).", nullable=False),
        Column("landed_at", pl.Datetime("us", "UTC"), "When it arrived (UTC)."),
        Column(
            "school_year", pl.String, "School year of the rows; of the arrival where the content tells none.", pattern=SCHOOL_YEAR_PATTERN
        ),
    ),
    ("source_file",),
)

QUARANTINE = Table(
    "directory.quarantine",
    "A source row (or whole file) that broke its contract, with the text as it came; restricted, for the text may hold names.",
    (
        text("source", "The source definition.", nullable=False),
        text("source_file", "Path below the landing zone's root.", nullable=False),
        Column("source_row", pl.Int64, "Row in the file, the header being row 1; empty: the whole file.", nullable=True),
        text("table", "The landing table whose contract it broke."),
        text("column", "The column."),
        text("rule", "The rule broken.", nullable=False),
        text("value", "The value, cut to 200 characters."),
        text("text", "The raw row, cut to 2,000 characters."),
        Column("school_year", pl.String, "School year of the row, of its file, or of the arrival.", pattern=SCHOOL_YEAR_PATTERN),
        Column("landed_at", pl.Datetime("us", "UTC"), "When the file arrived (UTC)."),
    ),
    ("source_file", "source_row"),
    restricted=True,
)

TABLES = (*LANDING_TABLES.values(), FILES, QUARANTINE)
