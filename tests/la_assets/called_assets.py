"""Assets of a room called as Dagster calls them for one school year, on frames by table; what is not given is empty."""

from collections.abc import Mapping, Sequence
from types import ModuleType

import dagster as dg
import polars as pl

from la_assets.landing.schema import LANDING_TABLES
from la_assets.roster.schema import ROSTER_TABLES
from la_resources.contracts import Table, validate
from la_resources.environments import DeliverablesResource, DistrictResource
from la_resources.school_year import partition_key


def contracts(schema: ModuleType) -> dict[str, Table]:
    return {value.name: value for value in vars(schema).values() if isinstance(value, Table)}


def called_resources(deliverables: str = "") -> dict[str, object]:
    """Resources of an asset that is called on its own; a test of files names the folder they go to."""
    return {"district": DistrictResource(), "deliverables": DeliverablesResource(root=deliverables)}


def called(
    assets: ModuleType, schema: ModuleType, order: Sequence[str], school_year: str, given: Mapping[Table, pl.LazyFrame]
) -> dict[str, pl.DataFrame]:
    """Every table of the room, with all columns of its contract, held to it and to a unique key.

    Parameters
    ----------
    assets, schema : module
        The room's assets and contracts.
    order : sequence of str
        Names of the asset functions, inputs before what reads them.
    school_year : str
        The year to make.
    given : mapping of table to frame
        Input frames.
    """
    key = partition_key(school_year)
    frames = {name: table.empty() for name, table in (LANDING_TABLES | ROSTER_TABLES).items()}
    frames |= {table.name: frame for table, frame in given.items()}
    tables = contracts(schema)
    made: dict[str, pl.DataFrame] = {}
    for function in order:
        asset = getattr(assets, function)
        table = tables[".".join(asset.key.path)]
        inputs = {name: frames[".".join(k.path)] for name, k in asset.keys_by_input_name.items()}
        context = dg.build_asset_context(partition_key=key, resources=called_resources())
        rows = asset(context, **inputs)[key].lazy().select(table.names).sort(table.key).collect(engine="streaming")
        validate(table, rows)
        assert not rows.select(table.key).is_duplicated().any()
        made[table.name], frames[table.name] = rows, rows.lazy()
    assert made.keys() == {name for name in tables if name.startswith(f"{assets.__name__.split('.')[1]}.")}
    return made
