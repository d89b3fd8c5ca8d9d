"""Dagster's own shortest intervals of cron expressions, and each worked out once."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.definitions import freshness
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils import schedules

from la_assets.automation import DAILY, QUARTERLY_MODELS, WEEKLY
from la_resources import cron_intervals

PROJECT = Path(__file__).resolve().parents[2]
OPENS = "import dagster as dg; from dagster._core.definitions import freshness; opened = dg.DagsterInstance.get(){part}; "
TELLS = "print(hasattr(freshness.get_smallest_cron_interval, 'cache_info'))"


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "get_smallest_cron_interval", schedules.get_smallest_cron_interval)
    cron_intervals.remember()


@pytest.mark.usefixtures("remembering")
def test_policies_of_many_assets_are_read_with_one_look_at_their_expression() -> None:
    stored = [serialize_value(policy) for policy in (DAILY, WEEKLY, QUARTERLY_MODELS)]
    looked = freshness.get_smallest_cron_interval.cache_info().misses
    for told, policy in zip(stored * 40, (DAILY, WEEKLY, QUARTERLY_MODELS) * 40, strict=True):
        assert deserialize_value(told, freshness.CronFreshnessPolicy) == policy
    assert freshness.get_smallest_cron_interval.cache_info().misses <= looked + 3


@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("cron", ["0 7 * 1-5,8-12 1-5", "0 * * * *", "30 4 15 1,4,7,10 *"])
def test_the_interval_is_dagsters_own(cron: str) -> None:
    assert freshness.get_smallest_cron_interval(cron) == schedules.get_smallest_cron_interval(cron)


@pytest.mark.usefixtures("remembering")
def test_a_policy_that_looks_back_beyond_the_tick_before_is_refused_every_time() -> None:
    for _ in range(2):
        with pytest.raises(dg._check.CheckError, match="smallest cron interval"):
            dg.FreshnessPolicy.cron(deadline_cron="0 7 * * *", lower_bound_delta=dt.timedelta(hours=25))


@pytest.mark.parametrize(
    ("file", "parts", "opened"),
    [("dagster.yaml", ("storage",), ""), ("deploy/dagster.yaml", ("run_coordinator",), ".run_coordinator"), ("dagster.yaml", (), "")],
    ids=["the history of the local instance", "the queue of the deployment", "neither"],
)
def test_a_process_that_opens_the_history_or_the_queue_remembers(tmp_path: Path, file: str, parts: tuple[str, ...], opened: str) -> None:
    told = yaml.safe_load((PROJECT / file).read_text())
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({part: told[part] for part in parts} | {"telemetry": {"enabled": False}}))
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OPENS.format(part=opened) + TELLS],
        env={"DAGSTER_HOME": str(tmp_path), "LA_DAGSTER_STORAGE": str(tmp_path / "storage"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split()[-1] == str(bool(parts))
