"""Dagster's daemon for a Dagster of our own (``la_assets.local_dagster``), with two of its intervals fit for a day's stream.

Dagster's daemon loads the whole graph anew from its code server every minute, seconds in which no run begins, for the case that there
is another one by then: here there cannot be. And it looks every five seconds for sensors that are due, as long as a run of the stream
takes: here every second.
"""

from dagster._daemon import controller, sensor
from dagster._daemon.cli import main

if __name__ == "__main__":
    controller.RELOAD_WORKSPACE_INTERVAL = 7 * 24 * 3600
    sensor.MIN_INTERVAL_LOOP_TIME = 1
    main()
