"""The whole graph, assembled: assets of every room, their checks, when they run, and the resources of the environment.

Nothing imports this module but Dagster (and the demo's summary). A new room is one line in ``ROOMS``.
"""

from importlib import import_module
from types import ModuleType

import dagster as dg

from la_assets import automation, incidents
from la_assets.checks import TableCheck, table_checks
from la_assets.landing.sensors import landing_arrivals, queued_arrivals
from la_assets.stream_arrivals import stream_arrivals
from la_resources.contracts import Table
from la_resources.environments import build_resources
from la_resources.executors import executor

ROOMS = (
    "landing",
    "roster",
    "attendance",
    "assessments",
    "coursework",
    "behavior",
    "engagement",
    "outcomes",
    "programs",
    "finance",
    "mtss",
    "forecasts",
    "value_added",
    "growth",
    "early_warning",
    "reports",
    "marts",
    "access",
)
"""Folders of ``la_assets``, in the order in which data flows."""

FRESH = frozenset({"attendance.daily", "engagement.lms_daily"})
"""Tables whose source delivers on school days, so that the current year can be stale."""


def _contracts(schema: ModuleType) -> list[Table]:
    return [value for value in vars(schema).values() if isinstance(value, Table)]


def _room(name: str, part: str) -> ModuleType:
    return import_module(f"la_assets.{name}.{part}")


TABLES: tuple[Table, ...] = tuple({table.name: table for room in ROOMS for table in _contracts(_room(room, "schema"))}.values())
"""Every contract of the graph, in the order in which data flows."""

ROOM_CHECKS: dict[str, tuple[TableCheck, ...]] = {}
for _name in ROOMS:
    ROOM_CHECKS |= getattr(_room(_name, "checks"), "CHECKS", {})

_assets = dg.load_assets_from_modules([_room(room, "assets") for room in ROOMS])
_landing = {table.name for table in _contracts(_room("landing", "schema"))}

defs = dg.Definitions(
    assets=automation.automated([a for a in _assets if isinstance(a, dg.AssetsDefinition)]),
    asset_checks=[
        table_checks(table, extra=ROOM_CHECKS.get(table.name, ()), fresh=table.name in FRESH, generic=table.name not in _landing)
        for table in TABLES
        if table.name not in _landing or table.name in ROOM_CHECKS
    ],
    jobs=[automation.NIGHTLY_JOB, automation.QUARTERLY_JOB],
    schedules=[automation.nightly_schedule, automation.quarterly_schedule],
    sensors=[landing_arrivals, queued_arrivals, stream_arrivals, automation.AUTOMATION_SENSOR, *incidents.SENSORS],
    resources=build_resources(TABLES),
    executor=executor(),
)
