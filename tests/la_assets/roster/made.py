"""The roster's assets called as Dagster calls them, in the order of the graph, on landing frames of one school year."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from la_assets.landing.schema import LANDING_TABLES
from la_assets.roster.assets import ROSTER_ASSETS
from la_assets.roster.schema import ROSTER_TABLES
from la_resources.contracts import Table, validate
from la_resources.school_year import partition_key

from ..called_assets import called_resources


def made(school_year: str, landed: Mapping[Table, pl.LazyFrame]) -> dict[str, pl.DataFrame]:
    """Every table of the room, held to its contract and to a unique key.

    Parameters
    ----------
    school_year : str
        The year to make, ``2020-21``.
    landed : mapping of landing table to frame
        What landed; tables not named are empty.
    """
    key = partition_key(school_year)
    frames = {name: table.empty() for name, table in LANDING_TABLES.items()} | {table.name: frame for table, frame in landed.items()}
    rooms: dict[str, pl.DataFrame] = {}
    waiting = list(ROSTER_ASSETS)
    while waiting:
        asset = next(a for a in waiting if all(".".join(k.path) in frames for k in a.dependency_keys))
        waiting.remove(asset)
        table = ROSTER_TABLES[".".join(asset.key.path)]
        context = dg.build_asset_context(partition_key=key, resources=called_resources())
        inputs = {".".join(k.path): name for name, k in asset.keys_by_input_name.items()}
        result = asset(context, **{inputs[name]: frames[name] for name in inputs})
        rows = table.shape(result[key]).sort(table.key).collect(engine="streaming")
        validate(table, rows)
        assert not rows.select(table.key).is_duplicated().any()
        rooms[table.name], frames[table.name] = rows, rows.lazy()
    return rooms
