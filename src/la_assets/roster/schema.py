"""Contracts of the roster: persons, schools, calendar, stays, sections, and who teaches whom.

Two schemas: ``directory`` is restricted (names, contact, birth dates, source identifiers, the list of identifiers), ``roster``
holds only keys. What is read stands in ``la_assets/landing/schema.py``; how rows are made stands in the room's plain modules.
"""

from __future__ import annotations

import polars as pl

from la_assets.landing.schema import GENDERS, GRADES, RACE_ETHNICITY, SUBJECTS, at_end, day, flag, number, text, whole
from la_resources.contracts import (
    SCHOOL_YEAR_PATTERN,
    STUDENT_KEY_PATTERN,
    Column,
    ForeignKey,
    Table,
    lineage_columns,
    staff_key,
    student_key,
)

KINDS = ("student", "staff")
COURSE_LEVELS = ("regular", "honors", "AP", "IB", "dual")
LEVELS = ("Elementary", "Middle", "High", "K-8", "K-12", "Other")
LOCALES = ("City", "Suburb", "Town", "Rural")

RACE_FLAGS = (
    flag("american_indian_or_alaska_native", "Race flag."),
    flag("asian", "Race flag."),
    flag("black_or_african_american", "Race flag."),
    flag("native_hawaiian_or_other_pacific_islander", "Race flag."),
    flag("white", "Race flag."),
    flag("hispanic_or_latino", "Ethnicity flag."),
)

CONTACT = (
    text("given_name", "First name."),
    text("middle_name", "Middle name."),
    text("family_name", "Last name."),
    text("preferred_given_name", "Preferred first name."),
    text("email", "E-mail."),
    text("phone", "Phone."),
    text("sms", "Mobile number."),
    text("sourced_id", "OneRoster sourcedId of the person, as sent."),
    text("identifier", "Local number of the person, as sent."),
    text("user_ids", "Other identifiers of the person, as sent: {type:id} pairs."),
)

IDENTIFIERS = Table(
    "directory.identifiers",
    "A hashed identifier of a person (sourcedId, local number, state number) and the key of that person.",
    (
        text("kind", "Whose number range the identifier belongs to.", nullable=False, options=KINDS),
        Column("identifier_key", pl.String, "Keyed hash of the identifier as found in files.", pattern=STUDENT_KEY_PATTERN),
        Column("person_key", pl.String, "The student_key or staff_key of the person.", pattern=STUDENT_KEY_PATTERN),
        *lineage_columns(),
    ),
    ("kind", "identifier_key"),
    restricted=True,
)

DIRECTORY_STUDENTS = Table(
    "directory.students",
    "A student's directory entry of the year: names, contact, birth date, source identifiers and demographics as sent.",
    (
        student_key(),
        *CONTACT,
        day("birth_date", "Birth date."),
        text("grades", "Grade level(s), as sent."),
        text("gender", "Gender, from the roster bundle's sex.", options=GENDERS),
        *RACE_FLAGS,
        flag("two_or_more_races", "The source says two or more races without saying which."),
        *lineage_columns(),
    ),
    ("student_key",),
    restricted=True,
)

DIRECTORY_STAFF = Table(
    "directory.staff",
    "A staff member's directory entry of the year: names, contact, source identifiers, role.",
    (
        staff_key(),
        *CONTACT,
        text("role", "Role, as sent (teacher, aide, administrator, ...)."),
        text("org_sourced_id", "The first org the person is listed at, as sent."),
        *lineage_columns(),
    ),
    ("staff_key",),
    restricted=True,
)

SCHOOL_IDENTIFIERS = Table(
    "roster.school_identifiers",
    "An identifier of a school as files use it, and the school it stands for.",
    (
        text("alias", "Any identifier of the school: org sourcedId, identifier, local number.", nullable=False),
        text("school_id", "The school's number in every canonical table.", nullable=False),
        *lineage_columns(),
    ),
    ("alias",),
)

SCHOOLS = Table(
    "roster.schools",
    "A school of the district in a school year.",
    (
        text("school_id", "School number.", nullable=False),
        text("name", "Name."),
        text("level", "Level.", options=LEVELS),
        text("type", "Regular, charter, alternative, ..."),
        text("locale", "NCES locale.", options=LOCALES),
        text("district_id", "District: its identifier, else its sourcedId."),
        flag("title1", "Title I school."),
        *lineage_columns(),
    ),
    ("school_id", "school_year"),
)

_school = ForeignKey(("school_id",), "roster.schools", ("school_id",))
_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_staff = ForeignKey(("staff_key",), "roster.staff", ("staff_key",))

CALENDAR = Table(
    "roster.calendar",
    "A day of a school's calendar.",
    (
        text("school_id", "School number.", nullable=False),
        day("date", "Day.", nullable=False),
        flag("is_instructional", "Instruction takes place.", nullable=False),
        text("term", "Term."),
        *lineage_columns(),
    ),
    ("school_id", "date"),
    (_school,),
)

STUDENTS = Table(
    "roster.students",
    "A student in a school year, with the demographics of the last active record.",
    (
        student_key(),
        text("grade_level", "Grade level (CEDS).", options=GRADES),
        whole("birth_year", "Year of birth.", 1990, 2030),
        text("gender", "Gender.", options=GENDERS),
        text("race_ethnicity", "Federal roll-up: Hispanic of any race first, then Two or More Races.", options=RACE_ETHNICITY),
        *RACE_FLAGS,
        flag("frl", "Free or reduced-price lunch."),
        flag("ell", "English learner."),
        flag("ese", "Exceptional student education (IEP)."),
        flag("section_504", "504 plan."),
        flag("gifted", "Gifted."),
        flag("homeless", "Homeless."),
        whole("cohort_year_9th", "Calendar year in which grade 9 was entered first.", 1990, 2100),
        flag("is_repeating", "Repeats the grade; missing where the source does not say."),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
)

PROGRESS = ("new", "promoted", "repeated", "skipped", "moved down", "returned", "unknown")

PROGRESSION = Table(
    "roster.progression",
    "A student in a school year against the student's own earlier years: promoted, repeated, skipped, new or back.",
    (
        student_key(),
        text("grade_level", "Grade level (CEDS) this year.", options=GRADES),
        text("prior_grade_level", "Grade level in the last earlier year seen, at most three years back.", options=GRADES),
        text("prior_school_year", "That year.", pattern=SCHOOL_YEAR_PATTERN),
        text("progress", "How the grade follows on the prior one; `returned` after a year or more away.", nullable=False, options=PROGRESS),
        flag("is_repeating", "Repeats the grade: as sent, else from the grades of two years in a row; missing where neither tells."),
        whole("schools_this_year", "Schools attended this year.", 0, nullable=False),
        whole("schools_in_four_years", "Distinct schools attended in this and the three years before.", 0, nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
    (_student,),
)

DEMOGRAPHIC_CONFLICTS = Table(
    "roster.demographic_conflicts",
    "A demographic value of a student that contradicts the value kept for the year.",
    (
        student_key(),
        text("attribute", "The attribute in conflict.", nullable=False),
        text("kept_value", "The value of the last active record, which stands in roster.students.", nullable=False),
        text("other_value", "The value that was not kept.", nullable=False),
        whole("rows", "Landed rows that say the other value.", 1, nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "attribute", "other_value"),
    (_student,),
)

ENROLLMENTS = Table(
    "roster.enrollments",
    "A stay of a student at a school; no-shows are left out, double enrolment is kept.",
    (
        student_key(),
        text("school_id", "School number.", nullable=False),
        day("entry_date", "First day of the stay.", nullable=False),
        at_end(day("exit_date", "Last day of the stay, inclusive; missing while it lasts.")),
        text("entry_type", "Entry code, as sent."),
        at_end(text("exit_type", "Exit code, as sent.")),
        flag("is_primary", "The student's main school: of stays that overlap, one at most is primary on a day.", nullable=False),
        text("grade_level", "Grade level (CEDS).", options=GRADES),
        *lineage_columns(),
    ),
    ("student_key", "school_id", "entry_date"),
    (_student, _school),
)

STAFF = Table(
    "roster.staff",
    "A member of staff in a school year.",
    (
        staff_key(),
        number("years_experience", "Years of experience.", 0, 70),
        text("education_level", "Highest degree, as sent."),
        text("school_id", "School number."),
        text("role", "Role, as sent (teacher, aide, administrator, ...)."),
        *lineage_columns(),
    ),
    ("staff_key", "school_year"),
    (_school,),
)

SECTIONS = Table(
    "roster.sections",
    "A section (class) in a term; a section of two terms has two rows.",
    (
        text("section_id", "The class's sourcedId.", nullable=False),
        text("term", "Title of the term, else its sourcedId; Year where the source names none.", nullable=False),
        text("course_id", "Course code, else the course's sourcedId."),
        text("school_id", "School number."),
        text("subject", "Subject; missing where neither code, text nor title is in the translation.", options=SUBJECTS),
        text("course_level", "Course level.", nullable=False, options=COURSE_LEVELS),
        whole("class_size", "Distinct students enrolled during the term.", 0, nullable=False),
        text("title", "Title of the section."),
        text("section_code", "Class code, as sent."),
        day("begin_date", "First day of the term."),
        day("end_date", "Last day of the term, inclusive."),
        *lineage_columns(),
    ),
    ("section_id", "term", "school_year"),
    (_school,),
)

SECTION_ENROLLMENTS = Table(
    "roster.section_enrollments",
    "A student's stay in a section.",
    (
        student_key(),
        text("section_id", "Section.", nullable=False),
        day("begin_date", "First day.", nullable=False),
        day("end_date", "Last day, inclusive; missing: to the end of the section."),
        *lineage_columns(),
    ),
    ("student_key", "section_id", "begin_date"),
    (_student, ForeignKey(("section_id",), "roster.sections", ("section_id",))),
)

INSTRUCTIONAL_LINKS = Table(
    "roster.instructional_links",
    "The share of a student's instruction in a subject that a member of staff gave in the year.",
    (
        student_key(),
        staff_key(),
        text("subject", "Subject.", nullable=False, options=SUBJECTS),
        number("weight", "Share of the instruction (dosage); at most 1 in sum per student, subject and year.", 0, 1, nullable=False),
        text("link_source", "How the link was made: as sent, or `sections` where derived from them.", nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "staff_key", "subject", "school_year"),
    (_student, _staff),
)

ROSTER_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        IDENTIFIERS,
        DIRECTORY_STUDENTS,
        DIRECTORY_STAFF,
        SCHOOL_IDENTIFIERS,
        SCHOOLS,
        CALENDAR,
        STUDENTS,
        PROGRESSION,
        DEMOGRAPHIC_CONFLICTS,
        ENROLLMENTS,
        STAFF,
        SECTIONS,
        SECTION_ENROLLMENTS,
        INSTRUCTIONAL_LINKS,
    )
}
