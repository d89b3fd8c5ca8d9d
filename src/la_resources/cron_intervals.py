"""The shortest interval of a cron expression, which Dagster works out anew for every freshness policy it reads, worked out once.

A freshness policy may not look back further than to the tick before, so Dagster plays a thousand ticks of its expression whenever one is
made or read: a tenth of a second and more, for every asset of the graph, in the web server, in the daemon, and again whenever the daemon
loads the graph, every minute: most of the time that takes. The graph has three expressions. Dagster itself may do with less one day
(https://github.com/dagster-io/dagster/pull/32626), and then this module goes.
"""

from __future__ import annotations

from functools import lru_cache

from dagster._core.definitions import freshness
from dagster._utils.schedules import get_smallest_cron_interval

_remembered = lru_cache(maxsize=None)(get_smallest_cron_interval)


def remember() -> None:
    """Let Dagster in this process remember them.

    Called by parts of the instance that ``dagster.yaml`` names: the local run history, which every process opens, and the queue of runs,
    which the daemon opens, in the deployment too. The deployment's web server, which reads the graph only when that is loaded anew, goes
    without.
    """
    freshness.get_smallest_cron_interval = _remembered
