"""Redshift's SQL for PostgreSQL: words that only place data are dropped, what Redshift lacks is refused as it refuses it.

Only what the project may say is here; a statement that is not known passes as it is, and PostgreSQL judges it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_IN_REDSHIFT = {
    "ON CONFLICT": r"\bon\s+conflict\b",
    "DISTINCT ON": r"\bdistinct\s+on\s*\(",
    "aggregate FILTER": r"\bfilter\s*\(\s*where\b",
    "LATERAL": r"\blateral\b",
    "RETURNING": r"\breturning\b",
    "CREATE INDEX": r"\bcreate\s+(unique\s+)?index\b",
    "CREATE POLICY": r"\bcreate\s+policy\b",
    "CREATE SCHEMA with a quoted IF": r"\bcreate\s+extension\b",
    "a type of PostgreSQL alone": r"\b(jsonb?|uuid|bytea|serial|bigserial|text)\b(?!\s*[(.])",
    "ADD COLUMN IF NOT EXISTS": r"\badd\s+column\s+if\s+not\s+exists\b",
    "several columns in one ALTER TABLE": r"\balter\s+table\b.*\badd\s+column\b.*,\s*add\s+column\b",
}
_PLACEMENT = re.compile(
    r"\bbackup\s+(yes|no)\b|\bdiststyle\s+(all|even|key|auto)\b|\bdistkey\s*\([^)]*\)|\b(compound|interleaved)?\s*sortkey\s*(\([^)]*\)|auto)"
    r"|\bencode\s+\w+",
    re.IGNORECASE,
)
_COPY = re.compile(r"copy\s+(?P<table>[\w.\"]+)\s*from\s+'(?P<url>s3://[^']+)'(?P<options>.*)$", re.IGNORECASE | re.DOTALL)


class NotInRedshiftError(Exception):
    """A statement that Redshift does not take."""


@dataclass(frozen=True)
class Copy:
    """A COPY from S3: target table, URL of the manifest or prefix, and the options as written."""

    table: str
    url: str
    options: str

    def has(self, option: str) -> bool:
        return re.search(rf"\b{option}\b", self.options, re.IGNORECASE) is not None


def for_postgres(sql: str) -> str | Copy:
    """The statement as PostgreSQL takes it, or the COPY that it is.

    Raises
    ------
    NotInRedshiftError
        If Redshift would refuse it.
    """
    stated = re.sub(r"/\*.*?\*/|--[^\n]*", "", sql, flags=re.DOTALL).strip().rstrip(";").strip()
    if found := _COPY.match(stated):
        return Copy(found["table"], found["url"], found["options"])
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", stated)
    for name, pattern in _NOT_IN_REDSHIFT.items():
        if re.search(pattern, bare, re.IGNORECASE | re.DOTALL):
            raise NotInRedshiftError(f"{name} is not supported by Amazon Redshift")
    if re.match(r"(vacuum|analyze)\b", bare, re.IGNORECASE):
        return "select 1 where false"
    if re.match(r"create\s", bare, re.IGNORECASE):
        return _PLACEMENT.sub("", stated)
    return sql
