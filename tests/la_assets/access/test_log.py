"""The access log as an asset: events of the run's years, by UTC day, whatever was asked and refused."""

import datetime as dt
from pathlib import Path

import dagster as dg

from la_assets.access.assets import access_log
from la_assets.access.schema import LOG
from la_resources.contracts import validate
from la_resources.environments import AccessLogResource
from la_resources.lake import Lake
from tests.la_resources.people import door


def test_the_asset_has_the_year_s_events_and_is_the_same_in_a_rerun(tmp_path: Path) -> None:
    for day in (dt.datetime(2025, 6, 30, 23, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, 0, tzinfo=dt.UTC)):
        door(Lake(tmp_path / "lake"), tmp_path / "log", day).open("ana", "instruction").read("marts.student_360")
    context = dg.build_asset_context(
        partition_key_range=dg.PartitionKeyRange("2024-07-01", "2026-07-01"),
        resources={"access_log": AccessLogResource(root=str(tmp_path / "log"))},
    )
    made, again = access_log(context), access_log(context)
    events = {key: rows.select(LOG.names).sort(LOG.key) for key, rows in made.items()}
    for rows in events.values():
        validate(LOG, rows)
    assert {key: rows["action"].to_list() for key, rows in events.items()} == {
        "2024-07-01": ["open", "read"],
        "2025-07-01": ["open", "read"],
        "2026-07-01": [],
    }
    assert events["2024-07-01"]["outcome"].unique().to_list() == ["unknown user"]
    assert all(made[key].equals(again[key]) for key in made)
