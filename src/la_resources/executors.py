"""Where the steps of a run are executed: side by side on one machine, in the run's own process, or by workers on any number of machines.

``LA_EXECUTOR=step_processes`` is the default: as many steps at a time as there are cores, at most four, in processes that are forked from
the run's and kept (``step_processes.py``). ``in_process`` executes one after the other and needs the memory of one. ``celery`` puts steps
into a queue (Redis, or whatever Celery speaks) from which workers take them; the lake is then a bucket or a shared folder, and the run
history PostgreSQL. No asset knows. Celery is imported only where it is chosen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

EXECUTORS = ("step_processes", "in_process", "celery")
BROKER, RESULTS, LOST_AFTER = "LA_CELERY_BROKER", "LA_CELERY_RESULTS", "LA_CELERY_LOST_AFTER"


def executor(environ: Mapping[str, str] | None = None) -> dg.ExecutorDefinition:
    """The executor named by ``LA_EXECUTOR``.

    Raises
    ------
    ValueError
        If there is none of that name, or a setting of it is missing.
    """
    told = os.environ if environ is None else environ
    name = told.get("LA_EXECUTOR", "step_processes")
    if name == "in_process":
        return dg.in_process_executor
    if name == "step_processes":
        from la_resources.step_processes import step_processes_executor

        return step_processes_executor
    if name == "celery":
        from dagster_celery import celery_executor

        return celery_executor.configured(celery_settings(told), name="celery")
    raise ValueError(f"LA_EXECUTOR={name!r} is not an executor; choose one of {', '.join(EXECUTORS)}")


def celery_settings(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings of the Celery app, the same for who hands steps out and who takes them.

    A step is acknowledged when it is done, so one whose worker is gone is handed out again; with Redis after ``LA_CELERY_LOST_AFTER``
    seconds (an hour), which must be longer than the longest step: else it is executed twice. That does no harm, a step writes the
    same bytes again, but costs its time. A worker takes one step at a time and holds no other back.

    Parameters
    ----------
    environ : mapping, optional
        ``LA_CELERY_BROKER``: URL of the queue, e.g. ``redis://queue.internal:6379/0``; ``LA_CELERY_RESULTS``: where results wait for
        the run, by default the same place.

    Raises
    ------
    ValueError
        If no broker is named, or the time is no positive number.
    """
    told = os.environ if environ is None else environ
    if not (broker := told.get(BROKER, "")):
        raise ValueError(f"LA_EXECUTOR=celery needs {BROKER}, the URL of the queue of steps, e.g. redis://host:6379/0")
    seconds = told.get(LOST_AFTER, "3600")
    if not seconds.isdecimal() or int(seconds) < 1:
        raise ValueError(f"{LOST_AFTER}={seconds!r} is not a number of seconds")
    return {
        "broker": broker,
        "backend": told.get(RESULTS) or broker,
        "config_source": {
            "broker_connection_retry_on_startup": True,
            "broker_transport_options": {
                "visibility_timeout": int(seconds),
                "unacked_restore_interval": min(10, int(seconds)),  # looked for so often
                "unacked_restore_throttle": 1,
                "unacked_mutex_expire": 60,  # a worker killed while it looked keeps the others from looking so long
            },
            "task_acks_late": True,
            "task_reject_on_worker_lost": True,
            "worker_prefetch_multiplier": 1,
        },
    }
