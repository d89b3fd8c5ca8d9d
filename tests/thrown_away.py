"""A Dagster instance for one test module, thrown away after it, with the run history that real runs have."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import dagster as dg


@contextmanager
def thrown_away_instance() -> Iterator[dg.DagsterInstance]:
    """As ``dagster.instance_for_test``; a step that writes forty events takes a third of the time."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        history = {"module": "la_resources.run_history", "class": "RunHistory", "config": {"base_dir": folder}}
        with dg.instance_for_test(overrides={"storage": {"custom": history}}) as instance:
            yield instance
