"""The Glue catalog: the lake's tables and school years as Athena and Redshift Spectrum see them.

One Glue database a schema, one table a contract, one partition a school year, all pointing at the lake's own folders. Registering twice
changes nothing. Restricted tables are not registered.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from la_resources import aws
from la_resources.contracts import Table
from la_resources.lake import PARTITION_COLUMN, Lake, Written

if TYPE_CHECKING:
    from polars.datatypes import DataTypeClass

_FORMATS = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_PARTITION = f"{PARTITION_COLUMN}_partition"
"""The files hold ``school_year`` themselves, and Hive allows no column twice: the partition goes by another name."""


@dataclass(frozen=True)
class GlueCatalog:
    """The catalog of one account and region.

    Attributes
    ----------
    lake : Lake
        The lake in S3.
    prefix : str
        ``LA_GLUE_PREFIX``: begins the name of every database (``district_``), so that districts can share an account.
    region, endpoint : str
        See :func:`la_resources.aws.region`; ``LA_GLUE_ENDPOINT``: another place that speaks Glue.
    """

    lake: Lake
    prefix: str = "district_"
    region: str = "us-east-1"
    endpoint: str = ""

    @classmethod
    def from_environment(cls, lake: Lake) -> GlueCatalog:
        return cls(
            lake,
            os.environ.get("LA_GLUE_PREFIX", "district_"),
            aws.region(),
            os.environ.get("LA_GLUE_ENDPOINT", ""),
        )

    def published(self, table: Table, written: Sequence[Written], tables: Collection[Table]) -> None:
        """Register what was just written."""
        if not table.restricted:
            self.register(table, [partition.school_year for partition in written])

    def register(self, table: Table, school_years: Sequence[str]) -> None:
        """See that the catalog has the table as its contract says, and these school years of it."""
        glue = aws.client("glue", self.region, self.endpoint)
        database, name = f"{self.prefix}{table.schema}", table.name.partition(".")[2]
        _there(glue.create_database, DatabaseInput={"Name": database})
        wanted: dict[str, Any] = {
            "Name": name,
            "Description": table.grain[:2048],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": [{"Name": _PARTITION, "Type": "string"}],
            "StorageDescriptor": self._storage(table, table.path),
        }
        if not _there(glue.create_table, DatabaseName=database, TableInput=wanted):
            there = glue.get_table(DatabaseName=database, Name=name)["Table"]
            if there["StorageDescriptor"]["Columns"] != wanted["StorageDescriptor"]["Columns"]:
                glue.update_table(DatabaseName=database, TableInput=wanted)
        for year in school_years:
            folder = self.lake.partition_folder(table, year)
            partition = {"Values": [year], "StorageDescriptor": self._storage(table, folder)}
            if not _there(glue.create_partition, DatabaseName=database, TableName=name, PartitionInput=partition):
                glue.update_partition(DatabaseName=database, TableName=name, PartitionValueList=[year], PartitionInput=partition)

    def _storage(self, table: Table, path: str) -> dict[str, Any]:
        columns = [{"Name": c.name, "Type": hive_type(c.dtype), "Comment": c.description[:255]} for c in table.columns]
        return {"Columns": columns, "Location": f"{self.lake.storage.location(path)}/", **_FORMATS}


def _there(create: Any, **arguments: Any) -> bool:
    """Create something; whether it was not there before."""
    from botocore.exceptions import ClientError

    try:
        create(**arguments)
    except ClientError as error:
        if aws.code(error) != "AlreadyExistsException":
            raise
        return False
    return True


def hive_type(dtype: DataTypeClass | pl.DataType) -> str:
    """Hive's name of a type, as Glue and Athena write it."""
    if isinstance(dtype, pl.List):
        return f"array<{hive_type(dtype.inner)}>"
    if isinstance(dtype, pl.Struct):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.dtype)}' for field in dtype.fields)}>"
    if isinstance(dtype, pl.Datetime):
        return "timestamp"
    return {
        "String": "string",
        "Boolean": "boolean",
        "Date": "date",
        "Int16": "smallint",
        "Int32": "int",
        "Int64": "bigint",
        "UInt64": "bigint",
        "Float32": "float",
        "Float64": "double",
    }[str(dtype)]
