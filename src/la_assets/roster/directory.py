"""The restricted directory: names, contact, birth dates and source identifiers of students and staff, under their keys.

This is the one place where a key and a name stand in a row. Everything analytic reads other tables; ``roster.students`` takes
birth year, gender, race and grade from here where the student system does not say them.
"""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.bundles import current_rows
from la_assets.roster.dating import year_start
from la_assets.roster.identifiers import HashIds, user_roles, with_key
from la_assets.roster.identity import resolve_keys
from la_assets.roster.race_ethnicity import FLAGS, RACES

CONTACT = (
    "given_name",
    "middle_name",
    "family_name",
    "preferred_given_name",
    "email",
    "phone",
    "sms",
    "sourced_id",
    "identifier",
    "user_ids",
)
GENDER_OF_SEX = {"female": "Female", "male": "Male", "other": "Another", "unspecified": "Unknown"}


def students(
    users: pl.LazyFrame, roles: pl.LazyFrame, demographics: pl.LazyFrame, identifiers: pl.LazyFrame, hash_ids: HashIds
) -> pl.LazyFrame:
    """Rows of ``directory.students`` from the bundle's users and demographics and ``directory.identifiers``."""
    facts = current_rows(demographics).select(
        "sourced_id",
        "birth_date",
        *RACES,
        pl.col("hispanic_or_latino_ethnicity").alias("hispanic_or_latino"),
        pl.col("demographic_race_two_or_more_races").alias("two_or_more_races"),
        pl.col("landed_at").alias("demographics_at"),
        gender=pl.col("sex").str.strip_chars().str.to_lowercase().replace_strict(GENDER_OF_SEX, default=None, return_dtype=pl.String),
    )
    people = _people(users, roles, identifiers, hash_ids, "student").join(facts, on="sourced_id", how="left")
    return people.select(
        pl.col("person_key").alias("student_key"),
        *CONTACT,
        "birth_date",
        "grades",
        "gender",
        *FLAGS,
        "two_or_more_races",
        "school_year",
        "source",
        loaded_at=pl.max_horizontal("landed_at", "demographics_at"),
        known_on=year_start(),
    )


def staff(users: pl.LazyFrame, roles: pl.LazyFrame, identifiers: pl.LazyFrame, hash_ids: HashIds) -> pl.LazyFrame:
    """Rows of ``directory.staff`` from the bundle's users and ``directory.identifiers``."""
    return _people(users, roles, identifiers, hash_ids, "staff").select(
        pl.col("person_key").alias("staff_key"),
        *CONTACT,
        "role",
        "org_sourced_id",
        "school_year",
        "source",
        loaded_at="landed_at",
        known_on=year_start(),
    )


def _people(users: pl.LazyFrame, roles: pl.LazyFrame, identifiers: pl.LazyFrame, hash_ids: HashIds, kind: str) -> pl.LazyFrame:
    current = current_rows(users)
    people = current.drop("role").join(user_roles(current, current_rows(roles)).filter(pl.col("kind") == kind), on="sourced_id")
    keyed = resolve_keys(with_key(people, "sourced_id", "person_key", hash_ids), identifiers, "person_key", kind)
    return last_arrived(keyed, ["person_key"])
