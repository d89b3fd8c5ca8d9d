"""One person is one key and one school one number, whichever identifier a file used."""

from typing import Any

import polars as pl

from la_assets.landing.schema import ONEROSTER_ORGS, ONEROSTER_ROLES, ONEROSTER_USERS, SCHOOLS
from la_assets.roster.identifiers import identifiers, school_identifiers
from la_assets.roster.identity import resolve_keys, resolve_schools
from la_assets.roster.schema import IDENTIFIERS, SCHOOL_IDENTIFIERS

from .landed import HASH_IDS, OCTOBER, SEPTEMBER, kept, landed, student, teacher

NO_ROLES = landed(ONEROSTER_ROLES)


def user(sourced_id: str, identifier: str | None = None, user_ids: str | None = None, role: str | None = "student") -> dict[str, Any]:
    return {"sourced_id": sourced_id, "identifier": identifier, "user_ids": user_ids, "role": role}


def listed(*rows: dict[str, Any]) -> dict[str, str]:
    frame = kept(IDENTIFIERS, identifiers(landed(ONEROSTER_USERS, *rows), NO_ROLES, HASH_IDS))
    return dict(frame.select("identifier_key", "person_key").iter_rows())


def test_sourced_id_local_number_and_state_number_are_one_person_under_the_local_number() -> None:
    people = listed(user("guid-1", "1001", "{StateID:FL001},{Local:7}"))
    assert people == {student(i): student("1001") for i in ("guid-1", "1001", "FL001", "7")}


def test_without_a_local_number_the_sourced_id_makes_the_key() -> None:
    assert listed(user("604863", None, "{Local:863}")) == {student("604863"): student("604863"), student("863"): student("604863")}


def test_students_and_staff_have_number_ranges_of_their_own() -> None:
    people = listed(user("1"), user("2", "1", role="teacher"))
    assert people[student("1")] == student("1")
    assert people[teacher("2")] == teacher("1")


def test_guardians_and_parents_are_not_listed() -> None:
    assert listed(user("9", role="guardian"), user("8", role="Parent"), user("7", role="relative")) == {}


def test_an_identifier_that_two_people_claim_alike_is_left_out() -> None:
    people = listed(user("a", "1", "{StateID:FL1}"), user("b", "2", "{StateID:FL1}"))
    assert student("FL1") not in people
    assert people[student("a")] == student("1")
    assert people[student("b")] == student("2")


def test_a_persons_own_number_is_never_given_to_someone_else() -> None:
    people = listed(user("a", "1"), user("b", "2", "{Old:1}"))
    assert people[student("1")] == student("1")


def test_two_accounts_with_one_local_number_are_one_person() -> None:
    people = listed(user("a", "1"), user("b", "1"))
    assert people[student("a")] == people[student("b")] == student("1")


def test_a_user_deleted_since_is_still_recognised() -> None:
    gone = landed(ONEROSTER_USERS, {"sourced_id": "a", "status": "tobedeleted"}, source="oneroster_delta", at=OCTOBER)
    frame = identifiers(pl.concat([landed(ONEROSTER_USERS, user("a", "1")), gone]), NO_ROLES, HASH_IDS)
    assert dict(frame.select("identifier_key", "person_key").collect().iter_rows())[student("a")] == student("1")


def test_a_changed_local_number_leads_the_old_one_to_the_new() -> None:
    later = landed(ONEROSTER_USERS, user("a", "2"), at=SEPTEMBER)
    frame = identifiers(pl.concat([later, landed(ONEROSTER_USERS, user("a", "1"))]), NO_ROLES, HASH_IDS)
    assert dict(frame.select("identifier_key", "person_key").collect().iter_rows())[student("1")] == student("2")


def test_in_oneroster_12_the_role_stands_in_its_own_table() -> None:
    roles = landed(ONEROSTER_ROLES, {"sourced_id": "r1", "user_sourced_id": "a", "role": "student", "role_type": "primary"})
    frame = kept(IDENTIFIERS, identifiers(landed(ONEROSTER_USERS, user("a", "1", role=None)), roles, HASH_IDS))
    assert frame["kind"].unique().to_list() == ["student"]


def test_blanks_around_an_identifier_do_not_make_another_person() -> None:
    assert listed(user("a ", " 1", "{StateID: FL1 }")) == {student(i): student("1") for i in ("a", "1", "FL1")}


def test_a_year_without_a_bundle_lists_nobody() -> None:
    assert listed() == {}


def test_resolving_replaces_listed_keys_and_leaves_others_and_missing_ones() -> None:
    frame = pl.LazyFrame({"student_key": [student("guid-1"), student("unlisted"), None], "row": [1, 2, 3]})
    people = identifiers(landed(ONEROSTER_USERS, user("guid-1", "1001")), NO_ROLES, HASH_IDS)
    resolved = resolve_keys(frame, people).sort("row").collect()
    assert resolved["student_key"].to_list() == [student("1001"), student("unlisted"), None]
    assert resolved.columns == ["student_key", "row"]


def test_a_schools_number_is_the_identifier_of_its_org_and_every_alias_leads_to_it() -> None:
    orgs = landed(
        ONEROSTER_ORGS,
        {"sourced_id": "org-1", "identifier": "0101", "type": "school"},
        {"sourced_id": "org-2", "type": "school"},
        {"sourced_id": "org-9", "identifier": "09", "type": "district"},
    )
    own = landed(SCHOOLS, {"school_id": "0101"}, {"school_id": "0300"}, source="sis")
    frame = kept(SCHOOL_IDENTIFIERS, school_identifiers(orgs, own))
    aliases = dict(frame.select("alias", "school_id").iter_rows())
    assert aliases == {"org-1": "0101", "0101": "0101", "org-2": "org-2", "0300": "0300"}
    resolved = resolve_schools(pl.LazyFrame({"school_id": ["org-1", "0101", "9999"]}), frame.lazy()).collect()
    assert sorted(resolved["school_id"]) == ["0101", "0101", "9999"]
