"""Redshift's SQL for PostgreSQL: words that only place data are dropped, what Redshift lacks is refused as it refuses it.

Only what the project may say is here; a statement that is not known passes as it is, and PostgreSQL judges it. Lists (SUPER, here
``jsonb``) are unnested in FROM (``FROM t AS a, a.words AS word AT nth``), LISTAGG leaves out empty texts as well as nulls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_IN_REDSHIFT = {
    "ON CONFLICT": r"\bon\s+conflict\b",
    "DISTINCT ON": r"\bdistinct\s+on\s*\(",
    "aggregate FILTER": r"\bfilter\s*\(\s*where\b",
    "LATERAL": r"\blateral\b",
    "STRING_AGG, ARRAY_AGG": r"\b(string|array)_agg\b",
    "GENERATE_SERIES on a table": r"\bgenerate_series\b",
    "RETURNING": r"\breturning\b",
    "CREATE INDEX": r"\bcreate\s+(unique\s+)?index\b",
    "CREATE POLICY": r"\bcreate\s+policy\b",
    "CREATE SCHEMA with a quoted IF": r"\bcreate\s+extension\b",
    "a type of PostgreSQL alone": r"\b(jsonb?|uuid|bytea|serial|bigserial|text)\b(?!\s*[(.])",
    "ADD COLUMN IF NOT EXISTS": r"\badd\s+column\s+if\s+not\s+exists\b",
    "a reserved word as a name": r"\b(snapshot|tag|new|old|open|percent|raw|system|top|wallet|delta|explicit|permissions)\b",
    "several columns in one ALTER TABLE": r"\balter\s+table\b.*\badd\s+column\b.*,\s*add\s+column\b",
}
_PLACEMENT = re.compile(
    r"\bbackup\s+(yes|no)\b|\bdiststyle\s+(all|even|key|auto)\b|\bdistkey\s*\([^)]*\)|\b(compound|interleaved)?\s*sortkey\s*(\([^)]*\)|auto)"
    r"|\bencode\s+\w+",
    re.IGNORECASE,
)
_COPY = re.compile(r"copy\s+(?P<table>[\w.\"]+)\s*from\s+'(?P<url>s3://[^']+)'(?P<options>.*)$", re.IGNORECASE | re.DOTALL)
_UNLOAD = re.compile(
    r"unload\s*\(\s*'(?P<query>(?:[^']|'')*)'\s*\)\s*to\s+'(?P<url>s3://[^']+)'(?P<options>.*)$", re.IGNORECASE | re.DOTALL
)
_UNNEST = re.compile(r"\bas\s+(?P<rows>\w+)\s*,\s*(?P=rows)\.(?P<list>[\w\"]+)\s+as\s+(?P<item>\w+)\s+at\s+(?P<nth>\w+)\b", re.IGNORECASE)
_LISTAGG = re.compile(r"\blistagg\s*\(", re.IGNORECASE)
_VALUE_AND_SEPARATOR = re.compile(r"(.*),\s*('(?:[^']|'')*')\s*$", re.DOTALL)
_WITHIN = re.compile(r"\s*within\s+group\s*\(", re.IGNORECASE)


class NotInRedshiftError(Exception):
    """A statement that Redshift does not take."""


@dataclass(frozen=True)
class Copy:
    """A COPY from S3 (``what`` is the target table) or an UNLOAD to it (the query, for PostgreSQL): URL, and the options as written."""

    what: str
    url: str
    options: str

    def has(self, option: str) -> bool:
        return re.search(rf"\b{option}\b", self.options, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Unload(Copy):
    """The other way."""


def for_postgres(sql: str) -> str | Copy:
    """The statement as PostgreSQL takes it, or the COPY or UNLOAD that it is.

    Raises
    ------
    NotInRedshiftError
        If Redshift would refuse it.
    """
    stated = re.sub(r"/\*.*?\*/|--[^\n]*", "", sql, flags=re.DOTALL).strip().rstrip(";").strip()
    if found := _COPY.match(stated):
        return Copy(found["table"], found["url"], found["options"])
    if found := _UNLOAD.match(stated):
        query = found["query"].replace("''", "'")
        if re.search(r"\blimit\s+\d+\s*$", query, re.IGNORECASE):
            raise NotInRedshiftError("LIMIT in the outer SELECT of an UNLOAD is not supported by Amazon Redshift")
        return Unload(str(for_postgres(query)), found["url"], found["options"])
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", stated)
    for name, pattern in _NOT_IN_REDSHIFT.items():
        if re.search(pattern, bare, re.IGNORECASE | re.DOTALL):
            raise NotInRedshiftError(f"{name} is not supported by Amazon Redshift")
    if re.match(r"(vacuum|analyze)\b", bare, re.IGNORECASE):
        return "select 1 where false"
    translated = _joined_texts(_unnested(stated))
    if re.match(r"create\s", bare, re.IGNORECASE):
        return _PLACEMENT.sub("", translated)
    return sql if translated == stated else translated


def _unnested(sql: str) -> str:
    """Lists in FROM as PostgreSQL unnests them, and what is said of their items: an item cast to a type is its value, not its JSON."""
    for found in list(_UNNEST.finditer(sql)):
        rows, item, nth = found["rows"], found["item"], found["nth"]
        items = f"jsonb_array_elements({rows}.{found['list']}) with ordinality as unnested(value, place)"
        joined = f"as {rows} cross join lateral (select value as {item}, place - 1 as {nth} from {items}) as of_{item}"
        sql = sql.replace(found[0], joined)
        path = re.compile(rf"\bcast\s*\(\s*{item}((?:\.\"?\w+\"?)*)\s+as\b", re.IGNORECASE)
        sql = path.sub(lambda said, item=item: f"cast({item} #>> '{{{said[1].strip('.').replace('.', ',')}}}' as", sql)
    return sql


def _joined_texts(sql: str) -> str:
    """LISTAGG as PostgreSQL's aggregate."""
    while found := _LISTAGG.search(sql):
        inner, after = _closed(sql, found.end())
        value, separator = _VALUE_AND_SEPARATOR.match(inner).groups()
        order = ""
        if within := _WITHIN.match(sql, after):
            order, after = _closed(sql, within.end())
        sql = f"{sql[: found.start()]}string_agg(nullif({value}, ''), {separator} {order}){sql[after:]}"
    return sql


def _closed(sql: str, start: int) -> tuple[str, int]:
    """What stands before the bracket that closes the one opened before ``start``, and where it goes on after it."""
    depth, quoted = 1, False
    for place in range(start, len(sql)):
        quoted ^= sql[place] == "'"
        depth += 0 if quoted else {"(": 1, ")": -1}.get(sql[place], 0)
        if not depth:
            return sql[start:place], place + 1
    raise NotInRedshiftError("a bracket that is not closed")
