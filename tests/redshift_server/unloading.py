"""UNLOAD of a query as Parquet files in S3, with Redshift's own refusals: a role, a format, an empty destination."""

from __future__ import annotations

import io
from typing import Any

from tests import served_s3
from tests.redshift_server.copying import CopyError
from tests.redshift_server.dialect import Unload

_TYPES = {
    16: "bool_", 20: "int64", 21: "int16", 23: "int32", 25: "string", 700: "float32", 701: "float64", 1042: "string", 1043: "string",
    1082: "date32", 1114: "timestamp", 1700: "decimal128",
}  # fmt: skip
"""Arrow's name of a type by PostgreSQL's number of it."""
_SLICES = 2


def written(unload: Unload, endpoint: str, columns: list[tuple[str, int, int]], rows: list[list[str | None]]) -> None:
    """Write the rows as the slices of a cluster do, a file each; none for a slice without rows.

    Parameters
    ----------
    unload : Unload
        What was asked.
    endpoint : str
        Where S3 is.
    columns : list of tuple
        Name, PostgreSQL's number of the type, and its modifier.
    rows : list of list
        Values as PostgreSQL writes them.
    """
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    if not (unload.has("iam_role") and unload.has("parquet")):
        raise CopyError("UNLOAD needs IAM_ROLE, and this stand-in FORMAT AS PARQUET")
    bucket, _, key = unload.url.removeprefix("s3://").partition("/")
    s3 = served_s3.client(endpoint)
    if s3.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"):
        raise CopyError("Specified unload destination on S3 is not empty. Consider using a different bucket / prefix")
    types = {name: _arrow(number, modifier) for name, number, modifier in columns}
    reading = pc.ConvertOptions(
        column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""], true_values=["t"],
        false_values=["f"],
    )  # fmt: skip
    for number in range(_SLICES):
        if share := rows[number::_SLICES]:
            text = "\n".join([",".join(types), *(",".join(_quoted(value) for value in row) for row in share)]).encode()
            lines = pc.ParseOptions(newlines_in_values=True)
            table = pc.read_csv(io.BytesIO(text), parse_options=lines, convert_options=reading)
            content = io.BytesIO()
            pq.write_table(table.cast(pa.schema(list(types.items()))), content)
            s3.put_object(Bucket=bucket, Key=f"{key}{number:04d}_part_00.parquet", Body=content.getvalue())


def _quoted(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _arrow(number: int, modifier: int) -> Any:
    import pyarrow as pa

    if number not in _TYPES:
        raise CopyError(f"UNLOAD of PostgreSQL's type {number} is not in this stand-in")
    if number == 1114:
        return pa.timestamp("us")
    if number == 1700:
        return pa.decimal128(38, (modifier - 4) & 0xFFFF if modifier >= 4 else 18)
    return getattr(pa, _TYPES[number])()
