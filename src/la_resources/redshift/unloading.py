"""Rows of a query as Parquet files of this machine: UNLOAD into the lake's bucket, counted, fetched, and gone from the bucket.

Redshift writes the files itself and in parallel, so a million rows pass no driver. Amazon Redshift Database Developer Guide, "UNLOAD".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from la_resources.redshift.engine import Redshift, RedshiftError
from la_resources.storage import Storage


def unloaded(redshift: Redshift, connection: Any, query: str, prefix: str, into: Path) -> list[Path]:
    """Files of this machine with the rows of a query; none if it has none.

    Parameters
    ----------
    redshift : Redshift
        Whose lake the files pass through, in S3.
    connection
        A connection to it.
    query : str
        A SELECT.
    prefix : str
        Folder of the lake that nothing else uses.
    into : Path
        Folder for the files.

    Raises
    ------
    RedshiftError
        If the files have other rows than the query.
    """
    cursor, storage, by_role = connection.cursor(), redshift.lake.storage, redshift.settings.by_role
    quoted, key = query.replace("'", "''"), _key(storage)
    try:
        cursor.execute(f"UNLOAD ('{quoted}') TO '{storage.location(prefix)}/' {by_role} FORMAT AS PARQUET{key}")
        cursor.execute(f"SELECT COUNT(*) FROM ({query}) AS unloaded")  # noqa: S608 - our own query
        (expected,) = cursor.fetchone()
        files = [storage.fetch(f"{prefix}/{name}", into) for name in storage.names(prefix)]
    finally:
        discard(storage, prefix)
    found = pl.scan_parquet(files, glob=False).select(pl.len()).collect().item() if files else 0
    if found != expected:
        raise RedshiftError(f"UNLOAD brought {found:,} of {expected:,} rows; run this again")
    return files


def discard(storage: Storage, prefix: str) -> None:
    """Remove the files below a folder."""
    for name in storage.sizes(prefix):
        storage.remove(f"{prefix}/{name}")


def _key(storage: Storage) -> str:
    """The key of the bucket's encryption, where the settings name one: UNLOAD would else use Amazon's."""
    from la_resources.s3 import S3Storage

    key = storage.settings.kms_key if isinstance(storage, S3Storage) else ""
    return f" KMS_KEY_ID '{key}' ENCRYPTED" if key else ""
