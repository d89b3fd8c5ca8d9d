"""Which executor a setting names, and what it must be told."""

import dagster as dg
import pytest

from la_resources.executors import celery_settings, executor
from la_resources.step_processes import step_processes_executor

BROKER = {"LA_CELERY_BROKER": "redis://queue:6379/0"}


def test_steps_are_executed_side_by_side_unless_told_otherwise() -> None:
    assert executor({}) is step_processes_executor
    assert executor({"LA_EXECUTOR": "in_process"}) is dg.in_process_executor


def test_celery_is_told_where_the_queue_is_and_gives_back_what_a_lost_worker_held() -> None:
    assert executor({"LA_EXECUTOR": "celery", **BROKER}).name == "celery"
    told = celery_settings(BROKER)
    assert (told["broker"], told["backend"]) == ("redis://queue:6379/0", "redis://queue:6379/0")
    assert told["config_source"]["task_acks_late"]
    assert told["config_source"]["broker_transport_options"]["visibility_timeout"] == 3600
    assert celery_settings(BROKER | {"LA_CELERY_RESULTS": "redis://results:6379/1"})["backend"] == "redis://results:6379/1"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"LA_EXECUTOR": "dask"}, "step_processes, in_process, celery"),
        ({"LA_EXECUTOR": "celery"}, "LA_CELERY_BROKER"),
        ({"LA_EXECUTOR": "celery", **BROKER, "LA_CELERY_LOST_AFTER": "soon"}, "LA_CELERY_LOST_AFTER"),
        ({"LA_EXECUTOR": "celery", **BROKER, "LA_CELERY_LOST_AFTER": "0"}, "LA_CELERY_LOST_AFTER"),
    ],
)
def test_what_is_missing_or_wrong_is_named(told: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        executor(told)
