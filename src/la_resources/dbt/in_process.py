"""dbt in this process, for DuckDB: a project is parsed once, and every command after works on what was parsed.

As a program, dbt imports itself and parses the project anew each time, most of the time that a build of small tables takes. Here a
process that has done both (or a fork of one that has, ``la_resources.warm_process``) builds at once.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from la_resources.dbt.project import DbtFailed

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.contracts.graph.manifest import Manifest

_QUIETLY = (
    "--no-use-colors",
    "--no-write-json",
    "--no-partial-parse",
    "--no-static-parser",
    "--no-populate-cache",
    "--log-level-file",
    "none",
)
_ONE_AT_A_TIME = Lock()
"""dbt keeps settings and connections in its modules: commands of one process wait for each other."""


@cache
def parsed(folder: Path, database: str) -> Manifest:
    """A project as dbt has parsed it.

    Parameters
    ----------
    folder : Path
        Holds ``dbt_project.yml`` and ``profiles.yml``.
    database : str
        Name of the DuckDB file of later builds, ``build.duckdb``: models carry the name, builds choose the folder.

    Raises
    ------
    DbtFailed
        If the project cannot be read; the message is dbt's.
    """
    with tempfile.TemporaryDirectory() as written:
        return cast("Manifest", _invoked(folder, ["parse"], {"database": database}, Path(written), None))


def built(folder: Path, database: Path, models: Sequence[str], variables: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Build and test models, with all they are made from.

    Parameters
    ----------
    folder : Path
        The project.
    database : Path
        The DuckDB file; dbt writes beside it, below ``target``.
    models : sequence of str
        Names of models.
    variables : mapping
        dbt variables of the project.

    Returns
    -------
    list of (str, str, str)
        Of each model and test its name, status and message, failed ones included.

    Raises
    ------
    DbtFailed
        If dbt did not come to any model.
    """
    command = ["build", "--select", *(f"+{model}" for model in models)]
    manifest = parsed(folder, database.name).deepcopy()  # a build writes into it
    told = _invoked(folder, command, {**variables, "database": str(database)}, database.with_name("target"), manifest)
    results = cast("RunExecutionResult", told).results
    return [(each.node.unique_id, str(each.status), str(each.message)) for each in results]


def _invoked(folder: Path, command: Sequence[str], variables: Mapping[str, Any], target: Path, manifest: Manifest | None) -> object:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--target-path", str(target), "--log-path", str(target)]
    with _ONE_AT_A_TIME:
        told = dbtRunner(manifest).invoke([*_QUIETLY, *command, *places, "--vars", json.dumps(dict(variables))])
        DuckDBConnectionManager.close_all_connections()  # dbt leaves that to the end of the process
    if told.result is None or told.exception is not None:
        raise DbtFailed(
            f"dbt failed, so nothing was published: dbt {command[0]} of {folder} ended before it ran anything: {told.exception}"
        ) from told.exception
    return told.result
