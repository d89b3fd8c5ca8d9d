"""The restricted directory, the schools and their calendars, and the staff."""

import polars as pl

from la_assets.landing import schema as landing
from la_assets.landing.schema import INSTRUCTIONAL_LINKS, ONEROSTER_DEMOGRAPHICS, ONEROSTER_ORGS, ONEROSTER_ROLES, ONEROSTER_USERS
from la_assets.roster import directory, personnel
from la_assets.roster import schools as school_lists
from la_assets.roster.identifiers import identifiers, school_identifiers
from la_assets.roster.schema import CALENDAR, DIRECTORY_STAFF, DIRECTORY_STUDENTS, IDENTIFIERS, SCHOOL_IDENTIFIERS, SCHOOLS, STAFF

from .classes import class_enrollment, dated
from .landed import HASH_IDS, OCTOBER, SEPTEMBER, canonical, d, kept, landed, student, teacher

USERS = landed(
    ONEROSTER_USERS,
    {
        "sourced_id": "g1",
        "identifier": "1001",
        "role": "student",
        "given_name": "Ann",
        "family_name": "Archer",
        "grades": "09",
        "user_ids": "{StateID:FL1}",
    },
    {"sourced_id": "g2", "identifier": "t1", "role": "teacher", "given_name": "Tina", "org_sourced_ids": "org-1,org-2"},
    {"sourced_id": "g3", "role": "guardian", "given_name": "Gus"},
)
NO_ROLES = ONEROSTER_ROLES.empty()
NO_DEMOGRAPHICS = ONEROSTER_DEMOGRAPHICS.empty()
ORGS = landed(
    ONEROSTER_ORGS,
    {"sourced_id": "org-9", "identifier": "09", "name": "District", "type": "district"},
    {"sourced_id": "org-1", "identifier": "0101", "name": "North High", "type": "school", "parent_sourced_id": "org-9"},
)


def students(users: pl.LazyFrame, demographics: pl.LazyFrame = NO_DEMOGRAPHICS, roles: pl.LazyFrame = NO_ROLES) -> pl.DataFrame:
    people = identifiers(users, roles, HASH_IDS)
    return kept(DIRECTORY_STUDENTS, directory.students(users, roles, demographics, people, HASH_IDS))


def test_a_students_entry_stands_under_the_key_of_the_local_number() -> None:
    rows = students(USERS)
    assert rows.select("student_key", "given_name", "sourced_id", "identifier").rows() == [(student("1001"), "Ann", "g1", "1001")]


def test_guardians_are_in_no_directory() -> None:
    people = identifiers(USERS, NO_ROLES, HASH_IDS)
    rows = kept(DIRECTORY_STAFF, directory.staff(USERS, NO_ROLES, people, HASH_IDS))
    assert rows.select("staff_key", "given_name", "role", "org_sourced_id").rows() == [(teacher("t1"), "Tina", "teacher", "org-1")]
    assert "Gus" not in students(USERS)["given_name"].to_list()


def test_demographics_join_by_sourced_id_and_sex_becomes_gender() -> None:
    facts = landed(
        ONEROSTER_DEMOGRAPHICS,
        {"sourced_id": "g1", "birth_date": d("2009-05-30"), "sex": "Female", "asian": True, "hispanic_or_latino_ethnicity": True},
        at=SEPTEMBER,
    )
    row = students(USERS, facts).row(0, named=True)
    assert (row["birth_date"], row["gender"], row["asian"], row["hispanic_or_latino"]) == (d("2009-05-30"), "Female", True, True)
    assert row["loaded_at"] == SEPTEMBER


def test_a_deleted_student_leaves_the_directory() -> None:
    gone = landed(ONEROSTER_USERS, {"sourced_id": "g1", "status": "tobedeleted", "role": "student"}, source="oneroster_delta", at=OCTOBER)
    assert students(pl.concat([USERS, gone])).is_empty()


def test_two_accounts_of_one_student_are_one_entry() -> None:
    again = landed(ONEROSTER_USERS, {"sourced_id": "g8", "identifier": "1001", "role": "student", "given_name": "Ann"})
    assert students(pl.concat([USERS, again.with_columns(source_row=pl.lit(99, dtype=pl.Int64))])).height == 1


def test_in_oneroster_12_roles_say_who_is_a_student_and_the_primary_role_counts() -> None:
    users = landed(ONEROSTER_USERS, {"sourced_id": "g1", "identifier": "1001"}, {"sourced_id": "g2", "identifier": "t1"})
    roles = landed(
        ONEROSTER_ROLES,
        {"sourced_id": "r1", "user_sourced_id": "g1", "role": "student", "role_type": "primary", "org_sourced_id": "org-1"},
        {"sourced_id": "r2", "user_sourced_id": "g2", "role": "teacher", "role_type": "primary", "org_sourced_id": "org-1"},
        {"sourced_id": "r3", "user_sourced_id": "g2", "role": "proctor", "role_type": "secondary", "org_sourced_id": "org-2"},
    )
    people = identifiers(users, roles, HASH_IDS)
    assert students(users, roles=roles)["student_key"].to_list() == [student("1001")]
    rows = kept(DIRECTORY_STAFF, directory.staff(users, roles, people, HASH_IDS))
    assert rows.select("role", "org_sourced_id").rows() == [("teacher", "org-1")]


def test_the_districts_list_goes_before_the_bundle_and_the_bundle_fills_it() -> None:
    own = landed(
        landing.SCHOOLS, {"school_id": "0101", "level": "High", "title1": True}, {"school_id": "0200", "name": "South"}, source="sis"
    )
    rows = kept(SCHOOLS, school_lists.schools(ORGS, own, school_identifiers(ORGS, own)))
    assert rows.select("school_id", "name", "level", "district_id", "title1").rows() == [
        ("0101", "North High", "High", "09", True),
        ("0200", "South", None, None, None),
    ]


def test_a_school_of_the_bundle_alone_is_a_school_and_a_district_is_not() -> None:
    nothing = landing.SCHOOLS.empty()
    assert kept(SCHOOLS, school_lists.schools(ORGS, nothing, school_identifiers(ORGS, nothing)))["school_id"].to_list() == ["0101"]


def test_a_day_of_the_calendar_sent_again_replaces_the_day() -> None:
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "0101"})
    snow = landed(landing.CALENDAR, {"school_id": "org-1", "date": d("2024-01-16"), "is_instructional": False}, at=OCTOBER)
    days = landed(landing.CALENDAR, {"school_id": "0101", "date": d("2024-01-16"), "is_instructional": True, "term": "S2"})
    rows = kept(CALENDAR, school_lists.calendar(pl.concat([snow, days]), schools))
    assert rows.select("school_id", "is_instructional", "known_on").rows() == [("0101", False, d("2024-01-16"))]


def test_staff_come_from_personnel_directory_classes_and_links_each_completing_the_other() -> None:
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "0101"}, {"alias": "0101", "school_id": "0101"})
    listed = canonical(
        DIRECTORY_STAFF,
        {"staff_key": teacher("t1"), "role": "teacher", "org_sourced_id": "org-1"},
        {"staff_key": teacher("a1"), "role": "administrator", "org_sourced_id": "org-9"},
    )
    employed = landed(landing.STAFF, {"staff_key": teacher("t1"), "years_experience": 7.0, "education_level": "Master"}, source="hr")
    taught = dated(class_enrollment(None, "s1", role="teacher", staff=teacher("t2"), school="0101"))
    linked = landed(INSTRUCTIONAL_LINKS, {"staff_key": teacher("t3"), "student_key": student("1001"), "subject": "Math", "weight": 1.0})
    staff = personnel.staff(employed, listed, taught, linked, identifiers=IDENTIFIERS.empty(), school_identifiers=schools)
    rows = kept(STAFF, staff)
    assert {
        row[0]: row[1:] for row in rows.select("staff_key", "years_experience", "education_level", "school_id", "role").iter_rows()
    } == {
        teacher("t1"): (7.0, "Master", "0101", "teacher"),
        teacher("a1"): (None, None, None, "administrator"),
        teacher("t2"): (None, None, "0101", "teacher"),
        teacher("t3"): (None, None, None, None),
    }
