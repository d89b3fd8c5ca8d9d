"""The district's list of users, judged line by line: which scopes a line gives, or why it gives none.

Whatever is unknown, missing or contradictory gives nothing and says so. The newest list of the year counts as a whole: who is not in it
any more, or whose newest list is empty, has no access. Names and passwords are the business of the district's sign-on, not of this module.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from la_assets.roster.dating import year_end, year_start

ROLES = ("teacher", "counselor", "coach", "principal", "district")
_CASELOAD = ("counselor", "coach")
GRANTED, NO_SCOPE, DISTRICT = "granted", "none", "district"
STATUSES = (
    GRANTED,
    "unknown role",
    "no dates",
    "dates reversed",
    "outside the year",
    "no staff number",
    "unknown staff",
    "no school",
    "unknown school",
    "no caseload",
    "two persons",
    "two validities",
)
"""``two persons``: lines of one user name have different staff numbers; ``two validities``: two lines of one role and school overlap."""


def newest_list(lines: pl.LazyFrame, files: pl.LazyFrame) -> pl.LazyFrame:
    """The lines of the newest list of the year, and of no earlier one.

    Parameters
    ----------
    lines : polars.LazyFrame
        ``directory.access_users`` of the year.
    files : polars.LazyFrame
        ``landing.files`` of the year: the newest file may have given no line at all (it was empty, or set aside), or repeat an older one.
    """
    feeding = files.join(lines, on="source_file", how="semi").select("definition").unique()
    lists = files.join(feeding, on="definition", how="semi")
    newest = lists.filter(pl.col("landed_at") == pl.col("landed_at").max()).filter(pl.col("source_file") == pl.col("source_file").max())
    same = lists.join(newest.select("content_hash"), on="content_hash", how="semi").select("source_file")
    return lines.join(same, on="source_file", how="semi")


def policies(lines: pl.LazyFrame, staff: pl.LazyFrame, schools: pl.LazyFrame, roles: Mapping[str, str]) -> pl.LazyFrame:
    """Rows of ``access.policies``.

    Parameters
    ----------
    lines : polars.LazyFrame
        Lines of the newest list, persons and schools resolved.
    staff, schools : polars.LazyFrame
        ``roster.staff`` and ``roster.schools`` of the year.
    roles : mapping of str to str
        Words for roles, lower case, to ``ROLES``.
    """
    named = lines.select(
        "school_year",
        "source",
        "landed_at",
        _blank("staff_key"),
        _blank("school_id"),
        _blank("grades"),
        _blank("programs"),
        "valid_from",
        "valid_until",
        user_name=pl.col("user_name").str.strip_chars().str.to_lowercase(),
        line=pl.col("source_row").cast(pl.Int32),
        role=pl.col("role").str.strip_chars().str.to_lowercase().replace_strict(dict(roles), default=None, return_dtype=pl.String),
    )
    person = pl.col("staff_key").n_unique().over("user_name") - pl.col("staff_key").has_nulls().over("user_name").cast(pl.UInt32)
    judged = (
        named.join(staff.select("staff_key", known_staff=True).unique(), on="staff_key", how="left")
        .join(schools.select("school_id", known_school=True).unique(), on="school_id", how="left")
        .join(_overlapping(named), on=["user_name", "line"], how="left")
        .with_columns(status=_status(person))
    )
    granted = judged.filter(pl.col("status") == GRANTED)
    in_year = granted.with_columns(
        valid_from=pl.max_horizontal("valid_from", year_start()), valid_until=pl.min_horizontal("valid_until", year_end())
    )
    refused = judged.filter(pl.col("status") != GRANTED).with_columns(scope=pl.lit(NO_SCOPE))
    kinds = [_one_scope(in_year), _caseload(in_year, "grade", "grades"), _caseload(in_year, "program", "programs"), refused]
    rows = pl.concat(kinds, how="diagonal").sort("landed_at").unique(["user_name", "line", "scope"], keep="first", maintain_order=True)
    return rows.with_columns(known_on=pl.col("landed_at").dt.date(), loaded_at="landed_at")


def _blank(column: str) -> pl.Expr:
    """A text, missing where it is blank."""
    trimmed = pl.col(column).str.strip_chars()
    return pl.when(trimmed != "").then(trimmed).alias(column)


def _overlapping(named: pl.LazyFrame) -> pl.LazyFrame:
    """Lines whose days overlap those of another line of the same user, role and school: which of the two holds nobody knows."""
    other = named.select("user_name", "role", "school_id", other="line", other_from="valid_from", other_until="valid_until")
    days = (pl.col("valid_from") <= pl.col("other_until")) & (pl.col("other_from") <= pl.col("valid_until"))
    return (
        named.join(other, on=["user_name", "role", "school_id"], nulls_equal=True)
        .filter((pl.col("line") != pl.col("other")) & days)
        .select("user_name", "line", overlaps=True)
        .unique()
    )


def _status(persons: pl.Expr) -> pl.Expr:
    """What is wrong with a line, most telling first; ``granted`` if nothing is."""
    role, staffed = pl.col("role"), pl.col("staff_key").is_not_null()
    caseload = role.is_in(_CASELOAD)
    wrong = {
        "unknown role": role.is_null(),
        "no dates": pl.col("valid_from").is_null() | pl.col("valid_until").is_null(),
        "dates reversed": pl.col("valid_until") < pl.col("valid_from"),
        "outside the year": (pl.col("valid_until") < year_start()) | (pl.col("valid_from") > year_end()),
        "two persons": persons > 1,
        "two validities": pl.col("overlaps").is_not_null(),
        "no staff number": (role == "teacher") & ~staffed,
        "unknown staff": staffed & pl.col("known_staff").is_null(),
        "no school": (caseload | (role == "principal")) & pl.col("school_id").is_null(),
        "unknown school": pl.col("school_id").is_not_null() & pl.col("known_school").is_null(),
        "no caseload": caseload & (_words("grades").list.len() + _words("programs").list.len() == 0),
    }
    return pl.coalesce(*(pl.when(broken).then(pl.lit(status)) for status, broken in wrong.items()), pl.lit(GRANTED))


def _one_scope(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of the roles that have one scope."""
    scope = (
        pl.when(pl.col("role") == "teacher")
        .then(pl.lit("staff:") + pl.col("staff_key"))
        .when(pl.col("role") == "principal")
        .then(pl.lit("school:") + pl.col("school_id"))
        .when(pl.col("role") == DISTRICT)
        .then(pl.lit(DISTRICT))
    )
    return lines.with_columns(scope=scope).drop_nulls("scope")


def _caseload(lines: pl.LazyFrame, kind: str, column: str) -> pl.LazyFrame:
    """Lines of the roles that have a caseload, once for each grade or program in a column."""
    of_caseload = lines.filter(pl.col("role").is_in(_CASELOAD)).with_columns(word=_words(column))
    told = of_caseload.filter(pl.col("word").list.len() > 0).explode("word")
    return told.with_columns(scope=pl.format(f"{kind}:{{}}:{{}}", "school_id", "word")).drop("word")


def _words(column: str) -> pl.Expr:
    """Texts separated by commas or semicolons, as a list."""
    return pl.col(column).fill_null("").str.extract_all(r"[^;,]+").list.eval(pl.element().str.strip_chars()).list.filter(pl.element() != "")
