"""What runs import and read only when they come to it, had beforehand by the process that runs are forks of (``dagster.yaml``).

Nothing else imports this module. What it imports may start no thread that runs would use: a fork has none of them.
"""

from tempfile import TemporaryDirectory

import dagster._cli.api  # noqa: F401
import dbt.adapters.duckdb
import dbt.cli.main
import dbt.task.build  # noqa: F401
import duckdb  # noqa: F401
import pandera.polars  # noqa: F401
import polars_hash  # noqa: F401
import pyarrow.parquet  # noqa: F401
from pandera.backends.polars.register import register_polars_backends

from la_assets.marts.assets import PROJECT, READS
from la_resources.dbt.on_duckdb import OnDuckDB
from la_resources.lake import Lake

register_polars_backends()
with TemporaryDirectory() as _folder, OnDuckDB(Lake(_folder)).built(PROJECT, [mart.name for mart in READS], [], {}):
    pass  # a build of nothing: dbt has parsed the project, and compiled what it compiles when it first needs it
