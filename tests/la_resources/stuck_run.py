"""A code location with one asset that holds a place in a pool and never comes to an end."""

import signal

import dagster as dg


@dg.asset(pool="landing")
def stuck() -> None:
    """Waits until its process is killed."""
    signal.pause()


defs = dg.Definitions(assets=[stuck], executor=dg.in_process_executor)
