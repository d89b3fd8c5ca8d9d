"""The one switch between environments: a name becomes the set of resources the graph runs on.

``LA_ENVIRONMENT=local`` (the default) keeps everything in folders below ``LA_DATA_ROOT``; ``aws`` keeps it in the bucket
``LA_BUCKET``. Each place can be moved by a setting of its own. No asset knows which environment it runs in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from la_resources.check_ledger import CheckLedger
from la_resources.contracts import Table
from la_resources.dbt.project import DbtEngine
from la_resources.deliverables import Deliverables
from la_resources.district import District, load_district
from la_resources.duckdb import Warehouse
from la_resources.io_managers import LakeIOManager
from la_resources.lake import Lake
from la_resources.landing_zone import LandingZone, landing_zone_at
from la_resources.notifications import Notifier, channel_from_environment
from la_resources.sql_engine import SqlEngine
from la_resources.storage import storage_at
from la_resources.student_access.access_log import AccessLog

ENVIRONMENTS = ("local", "aws")
MARTS_ENGINES = ("duckdb", "redshift")


@dataclass(frozen=True)
class Places:
    """Where an environment keeps things, each movable by a setting.

    Attributes
    ----------
    landing, lake, warehouse, deliverables, outbox, access_log, mappings : str
        ``LA_LANDING_ROOT``, ``LA_LAKE_ROOT``, ``LA_WAREHOUSE``, ``LA_DELIVERABLES_ROOT``, ``LA_OUTBOX_ROOT``, ``LA_ACCESS_LOG_ROOT``
        and ``LA_MAPPINGS`` (folders separated by ``:``); by default ``landing``, ``lake``, ``warehouse.duckdb``, ``deliverables``,
        ``outbox``, ``access_log`` and ``mappings`` below ``LA_DATA_ROOT`` (``data``). On ``aws`` all but the SQL file and the mappings
        are below ``s3://<LA_BUCKET>``.
    """

    landing: str
    lake: str
    warehouse: str
    deliverables: str
    outbox: str
    access_log: str
    mappings: tuple[str, ...]

    @classmethod
    def from_environment(cls) -> Places:
        """The places of this process.

        Raises
        ------
        ValueError
            If the environment is ``aws`` and neither the bucket nor every place of its own is named.
        """
        root = Path(os.environ.get("LA_DATA_ROOT", "data")).absolute()
        stored = str(root)
        if environment() == "aws":
            stored = f"s3://{os.environ.get('LA_BUCKET', '')}"
            if stored == "s3://" and not {"LA_LANDING_ROOT", "LA_LAKE_ROOT", "LA_DELIVERABLES_ROOT"} <= set(os.environ):
                raise ValueError("LA_ENVIRONMENT=aws needs LA_BUCKET, the bucket that holds landing/, lake/ and deliverables/")
        return cls(
            landing=os.environ.get("LA_LANDING_ROOT", f"{stored}/landing"),
            lake=os.environ.get("LA_LAKE_ROOT", f"{stored}/lake"),
            warehouse=os.environ.get("LA_WAREHOUSE", str(root / "warehouse.duckdb")),
            deliverables=os.environ.get("LA_DELIVERABLES_ROOT", f"{stored}/deliverables"),
            outbox=os.environ.get("LA_OUTBOX_ROOT", f"{stored}/outbox"),
            access_log=os.environ.get("LA_ACCESS_LOG_ROOT", f"{stored}/access_log"),
            mappings=tuple(os.environ.get("LA_MAPPINGS", str(root / "mappings")).split(":")),
        )


class LakeResource(dg.ConfigurableResource):
    """The lake, for assets and checks that read or write tables themselves (landing, checks)."""

    root: str

    def lake(self) -> Lake:
        return Lake(self.root)

    def checks(self) -> CheckLedger:
        return CheckLedger(self.lake().storage)


class LandingZoneResource(dg.ConfigurableResource):
    """The landing zone and the folders with the district's own mappings."""

    root: str
    mappings: list[str]

    def zone(self) -> LandingZone:
        return landing_zone_at(self.root)


class DeliverablesResource(dg.ConfigurableResource):
    """Where the files for people go: workbooks and briefs."""

    root: str

    def place(self) -> Deliverables:
        return Deliverables(self.root)


class NotifierResource(dg.ConfigurableResource):
    """Who is told of failures, and where incidents are kept."""

    outbox: str

    def notifier(self) -> Notifier:
        return Notifier(storage_at(self.outbox, "outbox"), channel_from_environment())


class AccessLogResource(dg.ConfigurableResource):
    """Where every look at students' data is written."""

    root: str

    def log(self) -> AccessLog:
        return AccessLog(storage_at(self.root, "access log"))


class MartsEngineResource(dg.ConfigurableResource):
    """What dbt builds the marts on: DuckDB over the lake's files, or Redshift (``LA_MARTS_ENGINE``)."""

    root: str
    name: str = "duckdb"

    def engine(self) -> DbtEngine:
        """The engine.

        Raises
        ------
        ValueError
            If it is Redshift and no Redshift is named.
        """
        lake = Lake(self.root)
        if self.name == "duckdb":
            from la_resources.dbt.on_duckdb import OnDuckDB

            return OnDuckDB(lake)
        from la_resources.dbt.on_redshift import OnRedshift
        from la_resources.redshift.engine import Redshift
        from la_resources.redshift.settings import RedshiftSettings

        settings = RedshiftSettings.from_environment()
        if environment() != "aws" or settings is None or isinstance(lake.root, Path):
            raise ValueError(
                "LA_MARTS_ENGINE=redshift needs LA_ENVIRONMENT=aws, LA_REDSHIFT_HOST and a lake in a bucket; leave it out, and DuckDB "
                "builds the marts"
            )
        return OnRedshift(Redshift(settings, lake))


class DistrictResource(dg.ConfigurableResource):
    """The district's thresholds and code translations (defaults, or a YAML file)."""

    file: str = ""

    def settings(self) -> District:
        return load_district(self.file)


def environment() -> str:
    """The environment named by ``LA_ENVIRONMENT``.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists the names.
    """
    name = os.environ.get("LA_ENVIRONMENT", "local")
    if name not in ENVIRONMENTS:
        raise ValueError(f"LA_ENVIRONMENT={name!r} is not an environment; choose one of {', '.join(ENVIRONMENTS)}")
    return name


def build_resources(contracts: Iterable[Table]) -> Mapping[str, Any]:
    """The resources of the environment named by ``LA_ENVIRONMENT``.

    Raises
    ------
    ValueError
        If a setting is unknown or missing; the message says which.
    """
    places = Places.from_environment()
    lake = Lake(places.lake)
    return {
        "lake": LakeResource(root=str(lake.root)),
        "lake_io_manager": LakeIOManager(lake, contracts, _engines(places, lake)),
        "landing_zone": LandingZoneResource(root=places.landing, mappings=list(places.mappings)),
        "deliverables": DeliverablesResource(root=places.deliverables),
        "access_log": AccessLogResource(root=places.access_log),
        "marts_engine": _marts_engine(lake),
        "notifier": NotifierResource(outbox=places.outbox),
        "district": DistrictResource(file=os.environ.get("LA_DISTRICT_FILE", "")),
    }


def _marts_engine(lake: Lake) -> MartsEngineResource:
    """The engine that ``LA_MARTS_ENGINE`` names, which must be one and be there."""
    name = os.environ.get("LA_MARTS_ENGINE") or "duckdb"
    if name not in MARTS_ENGINES:
        raise ValueError(f"LA_MARTS_ENGINE={name!r} is not an engine of the marts; choose one of {', '.join(MARTS_ENGINES)}")
    resource = MartsEngineResource(root=str(lake.root), name=name)
    resource.engine()
    return resource


def _engines(places: Places, lake: Lake) -> list[SqlEngine]:
    """A SQL file over a lake that is a folder; over a bucket the Glue catalog (``LA_GLUE=yes``) and Redshift (``LA_REDSHIFT_HOST``)."""
    if isinstance(lake.root, Path):
        return [Warehouse(places.warehouse, lake)]
    from la_resources.redshift.catalog import GlueCatalog
    from la_resources.redshift.engine import Redshift
    from la_resources.redshift.settings import RedshiftSettings

    engines: list[SqlEngine] = []
    if os.environ.get("LA_GLUE", "").lower() in ("yes", "true", "1"):
        engines.append(GlueCatalog.from_environment(lake))
    if settings := RedshiftSettings.from_environment():
        engines.append(Redshift(settings, lake))
    return engines
