"""COPY of Parquet files from S3 into a table, with Redshift's own refusals: columns by position, types that must fit."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from tests import served_s3
from tests.redshift_server.dialect import Copy

_FAMILIES = {
    "smallint": "int16", "integer": "int32", "bigint": "int64", "real": "float", "double precision": "double",
    "character varying": "string", "date": "date32[day]", "boolean": "bool", "timestamp without time zone": "timestamp",
    "numeric": "uint64", "jsonb": "list",
}  # fmt: skip


class CopyError(Exception):
    """COPY refuses, in words like Redshift's."""


def copied(copy: Copy, endpoint: str, ask: Callable[[str], list[list[str]]], load: Callable[[str, bytes], None]) -> int:
    """Rows loaded by a COPY.

    Parameters
    ----------
    copy : Copy
        What was asked.
    endpoint : str
        Where S3 is.
    ask : callable
        Rows of a query inside the client's transaction.
    load : callable
        From table and CSV to rows of the table, inside the client's transaction.
    """
    if not (copy.has("iam_role") and copy.has("parquet")):
        raise CopyError("COPY needs IAM_ROLE and FORMAT AS PARQUET")
    bucket, _, key = copy.url.removeprefix("s3://").partition("/")
    if not copy.has("manifest"):
        raise CopyError("this stand-in copies by manifest only: a prefix takes whatever lies below it")
    listed = json.loads(_object(endpoint, bucket, key))["entries"]
    if any("content_length" not in entry.get("meta", {}) for entry in listed):
        raise CopyError("File listed in manifest has no meta.content_length, which columnar files need")
    columns = ask(
        "select a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) from pg_attribute a join pg_type t on "
        f"t.oid = a.atttypid where a.attrelid = '{copy.what}'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum"
    )
    limits = dict(
        ask(f"select attname, (atttypmod - 4)::text from pg_attribute where attrelid = '{copy.what}'::regclass and atttypmod > 4")
    )
    rows = 0
    for entry in listed:
        bucket, _, key = entry["url"].removeprefix("s3://").partition("/")
        content = _object(endpoint, bucket, key)
        if len(content) != entry["meta"]["content_length"]:
            raise CopyError(f"File {entry['url']} has {len(content)} bytes, the manifest says {entry['meta']['content_length']}")
        rows += _load_file(copy, entry["url"], content, columns, limits, load)
    return rows


def _object(endpoint: str, bucket: str, key: str) -> bytes:
    try:
        body: bytes = served_s3.client(endpoint).get_object(Bucket=bucket, Key=key)["Body"].read()
    except Exception as error:
        raise CopyError(f"S3ServiceException: the object s3://{bucket}/{key} cannot be read: {error}") from error
    return body


def _load_file(
    copy: Copy, url: str, content: bytes, columns: list[list[str]], limits: dict[str, str], load: Callable[[str, bytes], None]
) -> int:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content), partitioning=None)
    except Exception as error:
        raise CopyError(f"Spectrum Scan Error: File '{url}' is not a Parquet file: {error}") from error
    if table.num_columns != len(columns):
        raise CopyError(
            f"Spectrum Scan Error: Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {table.num_columns}, File name: {url}"
        )
    for (name, kind), field in zip(columns, table.schema, strict=True):
        wanted = _FAMILIES.get(kind, kind)
        if not str(field.type).removeprefix("large_").startswith(wanted):
            raise CopyError(
                f"Spectrum Scan Error: File '{url}' has an incompatible Parquet schema for column '{name}'. Column type: {kind}, "
                f"Parquet schema: {field.type}"
            )
        if wanted == "list" and not copy.has("serializetojson"):
            raise CopyError(f"column '{name}' is nested; COPY needs SERIALIZETOJSON")
    names = [name for name, _ in columns]
    written = io.StringIO()
    rows = csv.writer(written)
    for row in table.to_pylist():
        values = list(row.values())
        for name, value in zip(names, values, strict=True):
            if isinstance(value, str) and len(value.encode()) > int(limits.get(name, 65535)):
                raise CopyError(f"Spectrum Scan Error: the value of column '{name}' is too long for VARCHAR({limits[name]})")
        rows.writerow([_text(value) for value in values])
    if table.num_rows:
        load(copy.what, written.getvalue().encode())
    return int(table.num_rows)


def _text(value: Any) -> str:
    """A value as PostgreSQL's CSV has it; null is ``\\N``."""
    if value is None:
        return "\\N"
    if isinstance(value, list):
        return json.dumps(value, default=str)
    if hasattr(value, "tzinfo") and value.tzinfo:
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return str(value)
