"""Assets of the roster and of the restricted directory: names, inputs, one call each.

The rules stand in the plain modules of this room. Keys of identifiers are made here, because only assets know the secret.
"""

import polars as pl

from la_assets.landing import schema as landing
from la_assets.roster import directory, links, personnel, progression, stays, student_years
from la_assets.roster import identifiers as identities
from la_assets.roster import schools as school_lists
from la_assets.roster import sections as classes
from la_assets.roster.schema import (
    CALENDAR,
    DEMOGRAPHIC_CONFLICTS,
    DIRECTORY_STAFF,
    DIRECTORY_STUDENTS,
    ENROLLMENTS,
    IDENTIFIERS,
    INSTRUCTIONAL_LINKS,
    PROGRESSION,
    SCHOOL_IDENTIFIERS,
    SCHOOLS,
    SECTION_ENROLLMENTS,
    SECTIONS,
    STAFF,
    STUDENTS,
)
from la_assets.school_years import own_and_earlier_years
from la_assets.yearly_tables import Year, yearly_table
from la_resources.privacy import Hasher, secret_from_environment

CLASS_INPUTS = (
    landing.ONEROSTER_ENROLLMENTS,
    landing.ONEROSTER_CLASSES,
    landing.ONEROSTER_ACADEMIC_SESSIONS,
    IDENTIFIERS,
    SCHOOL_IDENTIFIERS,
)


def class_enrollments(year: Year) -> pl.LazyFrame:
    """Who is in which class from when to when, for the assets that read it (their inputs include ``CLASS_INPUTS``)."""
    return classes.class_enrollments(*(year[table] for table in CLASS_INPUTS))


@yearly_table(IDENTIFIERS, inputs=(landing.ONEROSTER_USERS, landing.ONEROSTER_ROLES))
def identifiers(year: Year) -> pl.LazyFrame:
    """**A row** is an identifier of a person (sourcedId, local number, state number), as a keyed hash, and the key of that person.

    **From** the users of every roster bundle of the year, also of users deleted since, so that earlier facts still find their student.
    An identifier that two people claim alike is left out: its facts keep a key of their own and show up as students
    without a roster record.

    **Fresh** when the last bundle has landed. **If it fails**: `LA_STUDENT_KEY_SECRET` must be set, and be the same as at landing.
    """
    return identities.identifiers(year[landing.ONEROSTER_USERS], year[landing.ONEROSTER_ROLES], Hasher(secret_from_environment()))


@yearly_table(DIRECTORY_STUDENTS, inputs=(landing.ONEROSTER_USERS, landing.ONEROSTER_ROLES, landing.ONEROSTER_DEMOGRAPHICS, IDENTIFIERS))
def directory_students(year: Year) -> pl.LazyFrame:
    """**A row** is a student's directory entry: names, contact, birth date, source identifiers. **Restricted.**

    **From** users and demographics of the roster bundle (bulk and delta folded, `tobedeleted` removed); guardians are not kept.

    **Fresh** when the last bundle has landed. **If it fails**: see `directory.identifiers`, which must have been made with the same secret.
    """
    return directory.students(
        year[landing.ONEROSTER_USERS],
        year[landing.ONEROSTER_ROLES],
        year[landing.ONEROSTER_DEMOGRAPHICS],
        year[IDENTIFIERS],
        Hasher(secret_from_environment()),
    )


@yearly_table(DIRECTORY_STAFF, inputs=(landing.ONEROSTER_USERS, landing.ONEROSTER_ROLES, IDENTIFIERS))
def directory_staff(year: Year) -> pl.LazyFrame:
    """**A row** is a staff member's directory entry: names, contact, source identifiers, role. **Restricted.**

    **From** users of the roster bundle with any role but student, guardian, parent and relative.

    **Fresh** when the last bundle has landed. **If it fails**: see `directory.identifiers`.
    """
    return directory.staff(
        year[landing.ONEROSTER_USERS], year[landing.ONEROSTER_ROLES], year[IDENTIFIERS], Hasher(secret_from_environment())
    )


@yearly_table(SCHOOL_IDENTIFIERS, inputs=(landing.ONEROSTER_ORGS, landing.SCHOOLS))
def school_identifiers(year: Year) -> pl.LazyFrame:
    """**A row** is an identifier under which files name a school, and the school's number in every canonical table.

    **From** the orgs of the roster bundle (`identifier` is the number where given, else the sourcedId) and the district's list of schools.

    **Fresh** when the last bundle or list has landed. **If a school shows up twice**: give its org the local number as `identifier`.
    """
    return identities.school_identifiers(year[landing.ONEROSTER_ORGS], year[landing.SCHOOLS])


@yearly_table(SCHOOLS, inputs=(landing.ONEROSTER_ORGS, landing.SCHOOLS, SCHOOL_IDENTIFIERS))
def schools(year: Year) -> pl.LazyFrame:
    """**A row** is a school in a school year, with level, type, locale and Title I status.

    **From** the district's list of schools, completed by the orgs of the roster bundle.

    **Fresh** when the last bundle or list has landed. **If level or locale is missing**: bundles have neither; land a list of schools.
    """
    return school_lists.schools(year[landing.ONEROSTER_ORGS], year[landing.SCHOOLS], year[SCHOOL_IDENTIFIERS])


@yearly_table(CALENDAR, inputs=(landing.CALENDAR, SCHOOL_IDENTIFIERS))
def calendar(year: Year) -> pl.LazyFrame:
    """**A row** is a day of a school's calendar: instructional or not, and its term.

    **From** the district's calendar files; a day sent again (a snow day) replaces the day.

    **Fresh** once a year, and after every change of the calendar. **If it is empty**: attendance falls back on the days with records.
    """
    return school_lists.calendar(year[landing.CALENDAR], year[SCHOOL_IDENTIFIERS])


@yearly_table(STUDENTS, inputs=(landing.STUDENT_ATTRIBUTES, DIRECTORY_STUDENTS, IDENTIFIERS, ENROLLMENTS, SECTION_ENROLLMENTS))
def students(year: Year) -> pl.LazyFrame:
    """**A row** is a student in a school year. Every student listed or enrolled in the year has one.

    **From** the student system's records of the year (the last active record wins, blanks filled from earlier ones), completed by the
    roster bundle's demographics. Race and ethnicity are the federal roll-up. `is_repeating` is missing where the source does not say.

    **Fresh** daily with the student system. **If demographics contradict each other**: see `roster.demographic_conflicts`.
    """
    return student_years.students(
        year[landing.STUDENT_ATTRIBUTES], year[DIRECTORY_STUDENTS], year[IDENTIFIERS], year[ENROLLMENTS], year[SECTION_ENROLLMENTS]
    )


@yearly_table(DEMOGRAPHIC_CONFLICTS, inputs=(landing.STUDENT_ATTRIBUTES, DIRECTORY_STUDENTS, IDENTIFIERS, STUDENTS))
def demographic_conflicts(year: Year) -> pl.LazyFrame:
    """**A row** is a birth year, gender, race or ethnicity of a student that contradicts the one kept for the year.

    **From** all records of the year, of the student system and of the roster bundle; `rows` counts those that say the other value.

    **Fresh** with `roster.students`. **If it grows**: send it to the registrar, correct the record, land it again.
    """
    return student_years.demographic_conflicts(
        year[landing.STUDENT_ATTRIBUTES], year[DIRECTORY_STUDENTS], year[IDENTIFIERS], year[STUDENTS]
    )


@yearly_table(ENROLLMENTS, inputs=(landing.SCHOOL_ENROLLMENTS, DIRECTORY_STUDENTS, *CLASS_INPUTS))
def enrollments(year: Year) -> pl.LazyFrame:
    """**A row** is a stay of a student at a school; `exit_date` is inclusive and missing while the stay lasts.

    **From** the student system's enrolments; for a student of whom it has none, from the first and last day in classes of each school.
    No-shows (flagged, or ending before they begin) are left out. Transfers and double enrolment are kept; of stays that overlap one
    is primary: the one flagged, else the longest.

    **Fresh** daily with the student system. **If a student is missing**: look for a no-show in `landing.school_enrollments`.
    """
    return stays.enrollments(
        year[landing.SCHOOL_ENROLLMENTS], class_enrollments(year), year[DIRECTORY_STUDENTS], year[IDENTIFIERS], year[SCHOOL_IDENTIFIERS]
    )


@yearly_table(STAFF, inputs=(landing.STAFF, DIRECTORY_STAFF, landing.INSTRUCTIONAL_LINKS, *CLASS_INPUTS))
def staff(year: Year) -> pl.LazyFrame:
    """**A row** is a member of staff in a school year, with experience and education where the personnel system says them.

    **From** the personnel system, completed by the roster bundle's users and by the teachers of classes and links.

    **Fresh** when personnel or roster files land. **If experience is missing**: the person is in the bundle only.
    """
    return personnel.staff(
        year[landing.STAFF],
        year[DIRECTORY_STAFF],
        class_enrollments(year),
        year[landing.INSTRUCTIONAL_LINKS],
        identifiers=year[IDENTIFIERS],
        school_identifiers=year[SCHOOL_IDENTIFIERS],
    )


@yearly_table(SECTIONS, inputs=(landing.ONEROSTER_COURSES, landing.COURSE_CATALOG, *CLASS_INPUTS))
def sections(year: Year) -> pl.LazyFrame:
    """**A row** is a section (class) in a term; a section that runs in two terms has two rows.

    **From** classes, courses and sessions of the roster bundle, with subject and level from the course catalogue; where that is silent, the
    subject comes from the district's `subject_translations`, SCED codes, then words of subject and title.

    **Fresh** when the last bundle or catalogue has landed. **If a subject is missing**: add its text to `subject_translations` in the
    district file.
    """
    return classes.sections(
        year[landing.ONEROSTER_CLASSES],
        year[landing.ONEROSTER_COURSES],
        year[landing.ONEROSTER_ACADEMIC_SESSIONS],
        year[landing.COURSE_CATALOG],
        class_enrollments(year),
        school_identifiers=year[SCHOOL_IDENTIFIERS],
        translations=year.district.subject_translations,
    )


@yearly_table(SECTION_ENROLLMENTS, inputs=CLASS_INPUTS)
def section_enrollments(year: Year) -> pl.LazyFrame:
    """**A row** is a student's stay in a section.

    **From** the class enrolments of the roster bundle (bulk and delta folded); dates that are missing are those of the section's terms.

    **Fresh** when the last bundle has landed. **If a section is unknown**: the bundle has enrolments of a class it does not list.
    """
    return classes.section_enrollments(class_enrollments(year))


@yearly_table(INSTRUCTIONAL_LINKS, inputs=(landing.INSTRUCTIONAL_LINKS, SECTIONS, *CLASS_INPUTS))
def instructional_links(year: Year) -> pl.LazyFrame:
    """**A row** is the share of a student's instruction in a subject that a member of staff gave: the dosage, for value-added models.

    **From** the links that the district sends (verified by teachers); for a student and subject without one, from the days that the
    student and the teachers of record shared in sections of the subject. Weights that sum to more than 1 are scaled to 1.

    **Fresh** when links or bundles land. **If coverage is low**: the check names the schools that did not send links.
    """
    return links.instructional_links(year[landing.INSTRUCTIONAL_LINKS], class_enrollments(year), year[SECTIONS], year[IDENTIFIERS])


YEARS_BACK = own_and_earlier_years(3)


@yearly_table(PROGRESSION, inputs=(STUDENTS, ENROLLMENTS), history={STUDENTS.name: YEARS_BACK, ENROLLMENTS.name: YEARS_BACK})
def student_progression(year: Year) -> pl.LazyFrame:
    """**A row** is a student's year against the student's own three years before: promoted, repeated,
    skipped, new or back, schools attended.

    **From** `roster.students` and `roster.enrollments` of this year and the three before; never of a later one. A year before the first
    school year on record is unknown, so in 2018-19 every student is new.

    **Fresh** when the roster of the year is. A correction of an old year reaches the three years after it (the condition `corrections`).
    **If many students are `unknown`**: grade levels are missing in one of the years.
    """
    return progression.progression(year.history(STUDENTS), year.history(ENROLLMENTS), year.label)


ROSTER_ASSETS = (
    identifiers,
    directory_students,
    directory_staff,
    school_identifiers,
    schools,
    calendar,
    students,
    demographic_conflicts,
    enrollments,
    staff,
    sections,
    section_enrollments,
    instructional_links,
    student_progression,
)
