"""Which identifiers belong to one person, and which to one school.

A person is a user of the roster bundle: sourcedId, local number (``identifier``) and the other identifiers (``userIds``) all mean the same
person, whose key is made from the local number where there is one, else from the sourcedId. The lists are built from every
row landed in the year, also of users deleted since: facts told about them earlier must still find them. An identifier that
two people claim alike is left out, because following either claim would give one person's facts to another.
"""

from collections.abc import Callable, Sequence

import polars as pl

from la_assets.folding import ARRIVAL
from la_assets.roster.dating import year_start

HashIds = Callable[[str, Sequence[str]], list[str]]
"""Keys of identifiers of one kind (student, staff), in order: ``la_resources.privacy.Hasher``."""

FAMILY_ROLES = ("guardian", "parent", "relative")
"""Roles of people who are neither students nor staff and of whom nothing is kept."""

_ID_PAIR = r"\{[^{}:]*:([^{}]*)\}"


def filled(column: str) -> pl.Expr:
    """The text without blanks around it; empty text is null."""
    stripped = pl.col(column).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def user_roles(users: pl.LazyFrame, roles: pl.LazyFrame) -> pl.LazyFrame:
    """The roles of users: from the users table (1.1) and the roles table (1.2).

    Returns
    -------
    polars.LazyFrame
        ``sourced_id``, ``kind`` (student, staff), ``role`` as sent, ``org_sourced_id``: one row per user and kind; families are left out.
    """
    # 1.1 names several orgs in one field, separated by commas; the first is the main one.
    first_org = pl.coalesce(filled("primary_org_sourced_id"), filled("org_sourced_ids").str.split(",").list.first())
    listed = users.select("sourced_id", "role", *ARRIVAL, org_sourced_id=first_org, turn=pl.lit(0))
    given = roles.select(
        "role",
        "org_sourced_id",
        *ARRIVAL,
        sourced_id="user_sourced_id",
        turn=1 + (pl.col("role_type") == "primary").fill_null(False).cast(pl.Int32),
    )
    role = filled("role").str.to_lowercase()
    kind = pl.when(role == "student").then(pl.lit("student")).when(~role.is_in(FAMILY_ROLES)).then(pl.lit("staff"))
    return (
        pl.concat([listed, given], how="diagonal")
        .with_columns(kind=kind)
        .drop_nulls("kind")
        .sort("turn", *ARRIVAL)
        .group_by("sourced_id", "kind")
        .agg(pl.col("role").last(), pl.col("org_sourced_id").drop_nulls().last())
    )


def identifiers(users: pl.LazyFrame, roles: pl.LazyFrame, hash_ids: HashIds) -> pl.LazyFrame:
    """Rows of ``directory.identifiers``: every hashed identifier of a person and the person's key.

    Parameters
    ----------
    users, roles : polars.LazyFrame
        All rows of ``directory.oneroster_users`` and ``directory.oneroster_roles`` of the year.
    hash_ids : callable
        Makes keys of identifiers.

    Notes
    -----
    Collects the list of identifiers (a few rows per person), because keys are made outside polars.
    """
    rows = users.join(user_roles(users, roles).select("sourced_id", "kind"), on="sourced_id").sort(*ARRIVAL)
    people = (
        rows.group_by("kind", "sourced_id")
        .agg(
            filled("identifier").drop_nulls().last().alias("local"),
            filled("identifier").drop_nulls().alias("locals"),
            filled("user_ids").drop_nulls().str.extract_all(_ID_PAIR).explode().alias("others"),
            pl.col("school_year").last(),
            pl.col("source").last(),
            pl.col("landed_at").max().alias("loaded_at"),
        )
        .with_columns(person=pl.coalesce("local", pl.col("sourced_id").str.strip_chars()))
    )
    lineage = ("school_year", "source", "loaded_at")

    def claims(rank: int, identifier: pl.Expr) -> pl.LazyFrame:
        return people.select("kind", "person", *lineage, identifier=identifier, rank=pl.lit(rank)).explode("identifier")

    claimed = pl.concat(
        [
            claims(0, pl.concat_list("person")),
            claims(1, pl.concat_list(pl.col("sourced_id").str.strip_chars())),
            claims(2, pl.col("locals")),
            claims(3, pl.col("others").list.eval(pl.element().str.extract(_ID_PAIR).str.strip_chars())),
        ]
    ).filter(pl.col("identifier") != "")
    strongest = claimed.filter(pl.col("rank") == pl.col("rank").min().over("kind", "identifier"))
    clear = (
        strongest.group_by("kind", "identifier")
        .agg(
            pl.col("person").n_unique().alias("people"),
            pl.col("person").first(),
            pl.col("school_year", "source", "loaded_at").max(),
        )
        .filter(pl.col("people") == 1)
        .collect()
    )
    keyed = with_key(with_key(clear.lazy(), "identifier", "identifier_key", hash_ids), "person", "person_key", hash_ids)
    return keyed.select("kind", "identifier_key", "person_key", *lineage, known_on=year_start())


def with_key(frame: pl.LazyFrame, column: str, key: str, hash_ids: HashIds) -> pl.LazyFrame:
    """Add the keys of the identifiers in ``column`` as the column ``key``; the column ``kind`` says whose they are."""
    distinct = frame.select("kind", pl.col(column)).drop_nulls().unique().sort("kind", column).collect()
    keys = [
        part.with_columns(pl.Series(key, hash_ids(str(kind), part[column].to_list()), dtype=pl.String))
        for (kind,), part in distinct.group_by("kind", maintain_order=True)
    ]
    known = pl.concat(keys) if keys else distinct.with_columns(pl.lit(None, dtype=pl.String).alias(key))
    return frame.join(known.lazy(), on=["kind", column], how="left")


def school_identifiers(orgs: pl.LazyFrame, schools: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``roster.school_identifiers``: every identifier of a school and its number.

    Parameters
    ----------
    orgs : polars.LazyFrame
        All rows of ``landing.oneroster_orgs`` of the year; the number is ``identifier`` where given, else the sourcedId.
    schools : polars.LazyFrame
        ``landing.schools`` of the year, whose numbers stand for themselves unless an org claims them.
    """
    named = (
        orgs.filter(is_school())
        .sort(*ARRIVAL)
        .group_by("sourced_id")
        .agg(filled("identifier").drop_nulls().last().alias("local"), pl.col("school_year", "source").last(), pl.col("landed_at").max())
        .with_columns(school_id=pl.coalesce("local", "sourced_id"))
    )
    columns = ("school_id", "school_year", "source", "landed_at")
    claims = pl.concat(
        [
            named.select(*columns, alias="school_id", rank=pl.lit(0)),
            named.select(*columns, alias="sourced_id", rank=pl.lit(1)),
            schools.select(*columns, alias="school_id", rank=pl.lit(2)),
        ]
    )
    return (
        claims.sort("rank", "school_id", "landed_at", "source")
        .group_by("alias")
        .agg(pl.col("school_id", "school_year", "source").first(), loaded_at=pl.col("landed_at").first())
        .with_columns(known_on=year_start())
    )


def is_school() -> pl.Expr:
    """Whether an org is a school (an org of blank type counts as one)."""
    return filled("type").str.to_lowercase().fill_null("school") == "school"
