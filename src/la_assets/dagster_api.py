"""Questions and orders to a running Dagster, over the GraphQL interface of its web server: one request, and switching sensors on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

LOCATION = "learning_analytics"
"""Name of the code location, as ``workspace.yaml`` has it."""

_START_SENSOR = """mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
  __typename ... on SensorNotFoundError { message } ... on UnauthorizedError { message } ... on PythonError { message } } }"""


class DagsterUnreachable(RuntimeError):
    """No Dagster answers at the address."""


def query(url: str, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """One GraphQL request to Dagster's web server.

    Raises
    ------
    DagsterUnreachable
        If nothing answers at ``url``, or something that is not Dagster.
    RuntimeError
        If the answer is an error; with its messages.
    """
    body = json.dumps({"query": text, "variables": variables or {}}).encode()
    try:
        request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            content = json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(_refusal(url, error)) from error
    except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError) as error:
        raise DagsterUnreachable(
            f"no Dagster answers at {url} ({error}); start one with `make ui`, or say where it is with --url"
        ) from error
    if content.get("errors"):
        raise RuntimeError("; ".join(e["message"] for e in content["errors"]))
    data: dict[str, Any] = content["data"]
    return data


def _refusal(url: str, error: urllib.error.HTTPError) -> str:
    """What the web server says of a request it refuses; Dagster answers with GraphQL errors and status 400."""
    try:
        return "; ".join(e["message"] for e in json.load(error)["errors"])
    except (ValueError, KeyError, TypeError):
        return f"{url} answers {error.code} {error.reason}; is that the address of Dagster's web server?"


def switch_on(url: str, sensors: Iterable[str]) -> None:
    """Switch sensors on, as their toggle in the UI does; one that is on stays on.

    Raises
    ------
    RuntimeError
        If Dagster has no such sensor, or refuses.
    """
    for name in sensors:
        sensor = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__", "sensorName": name}
        answer = query(url, _START_SENSOR, {"sensor": sensor})["startSensor"]
        if answer["__typename"] != "Sensor":
            raise RuntimeError(f"sensor {name} could not be switched on: {answer.get('message', answer['__typename'])}")
