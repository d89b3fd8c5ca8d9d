"""dbt on Redshift: a schema that nobody reads, made for one build and dropped after it.

The schema offers each source as a view of the years asked for, typed and empty where Redshift has no such table. dbt builds and
tests its models there; what passed is unloaded and handed over as frames, and the schema is dropped. Readers' tables are not
touched: they follow when the frames are published, as those of every other table do. A build that fails drops its schema; what a killed
one leaves is dropped by a build a day later, when no dbt of it can be at work any more.

Where Redshift lacks rows that the lake has (it was added later, or a load failed), they are loaded first. A Redshift that goes away is
waited for, and a build that it cut off is begun again.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from la_resources.contracts import Table
from la_resources.dbt.project import DbtFailed, DbtProject
from la_resources.lake import PARTITION_COLUMN
from la_resources.redshift import ddl
from la_resources.redshift.catching_up import catch_up
from la_resources.redshift.engine import NEXT_STEP, Answer, Redshift, RedshiftError, cut_off, refused, says_cut_off
from la_resources.redshift.settings import RedshiftSettings
from la_resources.redshift.unloading import discard, unloaded

_ABANDONED_AFTER = dt.timedelta(days=1)
_BUILD = re.compile(r"la_build_(\d{14})_[0-9a-f]{8}")
_UNLOADED = ".unloaded"
_NOTHING = "nothing was published, the tables of before stand"
_LOG = logging.getLogger(__name__)


class _CutOff(RedshiftError):
    """Redshift went away in the middle of dbt's work."""


@dataclass(frozen=True)
class OnRedshift:
    """Builds over the tables that Redshift has; the targets ``redshift`` and ``redshift_iam`` of the profile."""

    redshift: Redshift

    @contextmanager
    def built(
        self, project: DbtProject, selected: Collection[str], school_years: Collection[str], variables: Mapping[str, Any]
    ) -> Iterator[dict[str, pl.LazyFrame]]:
        """As :class:`la_resources.dbt.project.DbtEngine` says.

        Raises
        ------
        RedshiftError
            If Redshift refuses a statement or does not answer; nothing is handed over, and the message says what to do.
        """
        models, years = project.chosen(selected), sorted(school_years)
        now = dt.datetime.now(dt.UTC)
        schema = f"la_build_{now:%Y%m%d%H%M%S}_{uuid.uuid4().hex[:8]}"
        with self.redshift.lake.staging() as folder:
            catch_up(self.redshift, project.sources, years)
            self._asked("dropping what killed builds left", lambda connection: self._drop_abandoned(connection.cursor(), now))

            def build() -> dict[str, pl.LazyFrame]:
                self._asked("making the schema of a build", lambda connection: _offer(connection.cursor(), schema, project.sources, years))
                self._run(project, models, variables, Path(tempfile.mkdtemp(dir=folder)), schema)
                return {model.name: self._taken(model, schema, folder) for model in models}

            try:
                frames = _begun_again(build)
            finally:
                self._drop(schema)
            yield frames

    def _asked(self, doing: str, work: Callable[[Any], Answer]) -> Answer:
        return self.redshift.asked(f"{doing} in {self.redshift.settings.name}", work, _NOTHING)

    def _drop(self, schema: str) -> None:
        """Drop a build's schema; what the build came to stands, even if this cannot be done now."""
        try:
            with self.redshift.connection() as connection:
                connection.cursor().execute(_dropping(schema))
        except (*cut_off(), refused()) as error:
            _LOG.warning("the schema %s stays (%s); a build a day later drops it", schema, type(error).__name__)

    def _drop_abandoned(self, cursor: Any, now: dt.datetime) -> None:
        storage = self.redshift.lake.storage
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'la_build_%'")
        for name in [name for (name,) in cursor.fetchall() if _is_abandoned(name, now)]:
            cursor.execute(_dropping(name))
        for name in storage.folders(_UNLOADED):
            if _is_abandoned(name, now):
                for model in storage.folders(f"{_UNLOADED}/{name}"):
                    discard(storage, f"{_UNLOADED}/{name}/{model}")

    def _run(self, project: DbtProject, models: Sequence[Table], variables: Mapping[str, Any], folder: Path, schema: str) -> None:
        settings = self.redshift.settings
        target, environment = profile(settings)
        try:
            project.build(models, variables, folder=folder, target=target, environment=environment | {"DBT_REDSHIFT_SCHEMA": schema})
        except DbtFailed as failure:
            if says_cut_off(str(failure)):
                raise _CutOff(f"building in {settings.name}: it went away in the middle; {_NOTHING}. {NEXT_STEP}. {failure}") from None
            raise

    def _taken(self, model: Table, schema: str, folder: Path) -> pl.LazyFrame:
        """The rows of a model as files of the build's folder, with the types of the contract."""
        columns = ", ".join(f"{_typed(c.name, ddl.column_type(c.dtype))} AS {ddl.quoted(c.name)}" for c in model.columns)
        made = replace(model, name=f"{schema}.{model.name.partition('.')[2]}")
        query = f"SELECT {columns} FROM {ddl.quoted(made.name)}"  # noqa: S608 - names of contracts

        def unload(connection: Any) -> list[Path]:
            prefix = f"{_UNLOADED}/{schema}/{model.name}.{uuid.uuid4().hex[:8]}"
            return unloaded(self.redshift, connection, query, prefix, folder)

        files = self._asked(f"unloading {model.name}", unload)
        return pl.scan_parquet(files, glob=False).cast({c.name: c.dtype for c in model.columns}) if files else model.empty()


def _begun_again(build: Callable[[], Answer]) -> Answer:
    """What a build gives; one that Redshift cut off is begun again, once."""
    try:
        return build()
    except _CutOff as cut:
        _LOG.warning("%s. It is begun again", cut)
        return build()


def profile(settings: RedshiftSettings) -> tuple[str, dict[str, str]]:
    """The target of ``profiles.yml`` that is meant, and the environment it reads."""
    told = {
        "DBT_REDSHIFT_HOST": settings.host,
        "DBT_REDSHIFT_PORT": str(settings.port),
        "DBT_REDSHIFT_DATABASE": settings.database,
        "DBT_REDSHIFT_SSLMODE": "verify-ca" if settings.encrypted else "disable",
    }
    if not settings.secret:
        return "redshift_iam", told | {"DBT_REDSHIFT_WORKGROUP": settings.workgroup, "DBT_REDSHIFT_REGION": settings.region}
    credentials = settings.credentials()
    return "redshift", told | {
        "DBT_REDSHIFT_USER": credentials["user"],
        "DBT_ENV_SECRET_REDSHIFT_PASSWORD": credentials["password"],
    }


def _offer(cursor: Any, schema: str, sources: Sequence[Table], years: Sequence[str]) -> None:
    """The schema with a view of each source; a typed empty table where Redshift has none."""
    listed = ", ".join(f"'{year}'" for year in years)
    cursor.execute(_dropping(schema))
    cursor.execute(f'CREATE SCHEMA "{schema}"')
    for table in sources:
        offered = replace(table, name=f"{schema}.{table.name.replace('.', '__')}")
        if there := Redshift.columns(cursor, table):
            columns = ", ".join(
                ddl.quoted(c.name) if c.name in there else f"CAST(NULL AS {ddl.column_type(c.dtype, c)}) AS {ddl.quoted(c.name)}"
                for c in table.columns
            )
            view, rows = ddl.quoted(offered.name), ddl.quoted(table.name)
            cursor.execute(f"CREATE VIEW {view} AS SELECT {columns} FROM {rows} WHERE {PARTITION_COLUMN} IN ({listed})")  # noqa: S608
        else:
            cursor.execute(ddl.create_table(offered))


def _dropping(schema: str) -> str:
    return f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'


def _is_abandoned(name: str, now: dt.datetime) -> bool:
    """Whether a build of this name began so long ago that it cannot be at work."""
    found = _BUILD.fullmatch(name)
    return found is not None and dt.datetime.strptime(f"{found[1]}+0000", "%Y%m%d%H%M%S%z") < now - _ABANDONED_AFTER


def _typed(column: str, kind: str) -> str:
    """A column in the contract's type; texts stay as they are, for a cast would cut them without a word."""
    return ddl.quoted(column) if kind.startswith("VARCHAR") else f"CAST({ddl.quoted(column)} AS {kind})"
