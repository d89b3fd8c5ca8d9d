"""Dagster's daemon for a Dagster of our own (``la_assets.local_dagster``), whose code server stays the same one as long as it runs.

Dagster's daemon loads the whole graph anew from its code server every minute, seconds in which no run begins, for the case that there
is another one by then. Here there cannot be.
"""

from dagster._daemon import controller
from dagster._daemon.cli import main

if __name__ == "__main__":
    controller.RELOAD_WORKSPACE_INTERVAL = 7 * 24 * 3600
    main()
