"""The smallest code location there is: one asset that does nothing, to measure what any Dagster run costs."""

import dagster as dg


@dg.asset
def nothing() -> None:
    """Does nothing."""


defs = dg.Definitions(assets=[nothing], executor=dg.in_process_executor)
