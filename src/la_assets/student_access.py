"""The query interface of this environment: the lake, the access log, the tables that may be read, and the district's settings.

A dashboard signs its users on and then asks here:

    access = student_access()
    session = access.open("ana.t", "instruction")
    answer = session.read("marts.student_360", school_years=["2026-27"], columns=["student_key", "attendance_rate"])

Nothing is decided here; see ``la_resources.student_access``.
"""

from __future__ import annotations

import datetime as dt
import os
from importlib import import_module
from zoneinfo import ZoneInfo

from la_assets.access.readable import READABLE
from la_assets.access.schema import CLASS_GRANTS, POLICIES, STUDENT_GRANTS
from la_assets.school_years import TIMEZONE
from la_resources.contracts import Table
from la_resources.district import load_district
from la_resources.environments import Places
from la_resources.lake import Lake
from la_resources.storage import storage_at
from la_resources.student_access.access_log import AccessLog
from la_resources.student_access.session import StudentAccess


def readable_tables() -> dict[str, Table]:
    """Contracts of the tables that may be read, and of the policy tables, by name."""
    rooms = {name.partition(".")[0] for name in READABLE} - {"directory"}
    schemas = [import_module(f"la_assets.{room}.schema") for room in sorted(rooms)]
    contracts = {table.name: table for schema in schemas for table in vars(schema).values() if isinstance(table, Table)}
    return {name: contracts[name] for name in READABLE} | {table.name: table for table in (POLICIES, STUDENT_GRANTS, CLASS_GRANTS)}


def student_access() -> StudentAccess:
    """The interface over this environment's lake and access log."""
    places, settings = Places.from_environment(), load_district(os.environ.get("LA_DISTRICT_FILE", "")).access
    return StudentAccess(
        Lake(places.lake),
        AccessLog(storage_at(places.access_log, "access log")),
        readable_tables(),
        READABLE,
        settings.purposes,
        settings.names_for,
        settings.columns_for,
        lambda: dt.datetime.now(ZoneInfo(TIMEZONE)),
    )
