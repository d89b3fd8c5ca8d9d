"""A code location whose steps say which process executed them, wait for each other, die, are tried again and never end."""

import os
import signal
import threading
import time
from pathlib import Path

import dagster as dg

from la_resources.step_processes import step_processes_executor

FOLDER = Path(os.environ["LA_TEST_FOLDER"])
"""Where steps leave their marks: a file named as the step, with a line for each process that began it."""

if os.environ.get("LA_TEST_THREAD"):
    threading.Thread(target=time.sleep, args=[3600], name="listener", daemon=True).start()


def begin(step: str) -> int:
    """Leave a mark; how often the step has begun."""
    with (FOLDER / step).open("a") as marks:
        marks.write(f"{os.getpid()}\n")
    print(f"{step} was here\n", end="", flush=True)  # in one write: two processes print into the same file
    return len((FOLDER / step).read_text().splitlines())


def wait_for(step: str) -> None:
    deadline = time.monotonic() + 30
    while not (FOLDER / step).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{step} has not begun")
        time.sleep(0.01)


def _beside(name: str, other: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, group_name="sound")
    def step() -> None:
        begin(name)
        wait_for(other)

    return step


@dg.asset(deps=["left", "right"], group_name="sound")
def both() -> None:
    begin("both")


@dg.asset(deps=["both"], retry_policy=dg.RetryPolicy(max_retries=1), group_name="sound")
def dies_once() -> None:
    if begin("dies_once") == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@dg.asset(deps=["dies_once"], group_name="unsound")
def dies() -> None:
    begin("dies")
    os.kill(os.getpid(), signal.SIGKILL)


@dg.asset(deps=["dies_once"], group_name="unsound")
def raises() -> None:
    begin("raises")
    raise ValueError("no such year")


@dg.asset(deps=["dies"], group_name="unsound")
def after_dies() -> None:
    begin("after_dies")


@dg.asset(deps=["both"], group_name="sound")
def last() -> None:
    begin("last")


@dg.resource
def _broken(_: dg.InitResourceContext) -> None:
    raise OSError("no such warehouse")


def _without_resource(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, group_name="without_resource", required_resource_keys={"broken"})
    def step() -> None:
        begin(name)

    return step


def _endless(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, group_name="endless")
    def step() -> None:
        begin(name)
        while True:
            time.sleep(0.05)

    return step


_STEPS = [both, dies_once, dies, raises, after_dies, last]
_MADE = [_beside("left", "right"), _beside("right", "left"), _endless("one"), _endless("two"), *map(_without_resource, ("this", "that"))]

defs = dg.Definitions(
    assets=[*_STEPS, *_MADE],
    resources={"broken": _broken},
    executor=step_processes_executor.configured({"processes": 2}, name="step_processes"),
)
