"""A dbt project and a run of it: which models, with what variables, on which target of its profile; and what failed in dbt's own words.

It knows nothing of any one table, the SQL stands in the project, and nothing of where the tables are: that is an engine's business.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from la_resources.contracts import Table

if TYPE_CHECKING:
    from dagster_dbt import DbtCliInvocation

_BUILT = {"success", "pass", "skipped", "warn", "no-op"}


class DbtFailed(RuntimeError):
    """Models or tests of the dbt project failed; the message names each with what dbt said."""


@dataclass(frozen=True)
class DbtProject:
    """A dbt project over tables of a lake.

    Attributes
    ----------
    folder : Path
        Holds ``dbt_project.yml`` and ``profiles.yml``.
    sources : tuple of Table
        Tables that the models read as ``source('schema', 'table')``.
    models : tuple of Table
        Models that become tables of the lake; other models of the project stay within a build.
    """

    folder: Path
    sources: tuple[Table, ...]
    models: tuple[Table, ...]

    def chosen(self, selected: Collection[str]) -> list[Table]:
        """The models of these names (``schema.table``)."""
        return [model for model in self.models if model.name in selected]

    def build(
        self,
        models: Iterable[Table],
        variables: Mapping[str, Any],
        *,
        folder: Path,
        target: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Build and test models, with all they are made from.

        Parameters
        ----------
        models : iterable of Table
            The models wanted.
        variables : mapping
            dbt variables of the project.
        folder : Path
            Where dbt keeps its artifacts and its log.
        target : str
            A target of ``profiles.yml``.
        environment : mapping of str to str, optional
            What the profile reads of its environment; no other process gets it, and dbt writes no value whose name begins with
            ``DBT_ENV_SECRET``.

        Raises
        ------
        DbtFailed
            If a model or a test fails.
        """
        select = " ".join(f"+{model.name.partition('.')[2]}" for model in sorted(models, key=lambda model: model.name))
        arguments = ["build", "--target", target, "--select", select, "--vars", json.dumps(variables)]
        invocation = self.invoked(arguments, folder, environment or {}).wait()
        if not invocation.is_successful():
            require_success(_results(invocation))
            raise DbtFailed(f"dbt failed, so nothing was published: {invocation.get_error()}")

    def invoked(self, arguments: Iterable[str], folder: Path, environment: Mapping[str, str]) -> DbtCliInvocation:
        """The dbt installed beside this Python, started on the project.

        As dagster-dbt's own resource starts it, but for three things: the installed package says its version (dbt, asked, takes five
        seconds a run), the environment is said for this one process, and no adapter is made here (it would want what the profile reads of
        that environment, the password too).
        """
        from importlib.metadata import version

        from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation
        from packaging.version import Version

        places = {
            "DBT_PROJECT_DIR": self.folder,
            "DBT_PROFILES_DIR": self.folder,
            "DBT_TARGET_PATH": folder,
            "DBT_LOG_PATH": folder,
        }
        manner = {"DBT_LOG_FORMAT": "json", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONUNBUFFERED": "1"}
        return DbtCliInvocation.run(
            args=[str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments],
            env={**os.environ, **manner, **{name: str(path) for name, path in places.items()}, **environment},
            manifest={},
            dagster_dbt_translator=DagsterDbtTranslator(),
            project_dir=self.folder,
            target_path=folder,
            raise_on_error=False,
            context=None,
            adapter=None,
            cli_version=Version(version("dbt-core")),
        )


class DbtEngine(Protocol):
    """Builds models of a project where nobody else looks, and hands over what passed."""

    def built(
        self, project: DbtProject, selected: Collection[str], school_years: Collection[str], variables: Mapping[str, Any]
    ) -> AbstractContextManager[dict[str, pl.LazyFrame]]:
        """Build and test models, with all they are made from, for some school years.

        Parameters
        ----------
        project : DbtProject
            The project.
        selected : collection of str
            Names of models, ``schema.table``.
        school_years : collection of str
            The years that the models see.
        variables : mapping
            dbt variables of the project.

        Yields
        ------
        dict of str to polars.LazyFrame
            The rows of each selected model, with the types of its contract; readable within the ``with`` block only.

        Raises
        ------
        DbtFailed
            If a model or a test fails; nothing is handed over.
        """


def require_success(results: Iterable[tuple[str, str, str]]) -> None:
    """Raise if a model or a test was not built.

    Parameters
    ----------
    results : iterable of (str, str, str)
        Of each model and test its name, status and message, as dbt says them.

    Raises
    ------
    DbtFailed
        Naming each that failed.
    """
    if failed := [f"{name}: {' '.join(message.split())}" for name, status, message in results if status not in _BUILT]:
        raise DbtFailed("dbt failed, so nothing was published:\n  " + "\n  ".join(failed))


def _results(invocation: DbtCliInvocation) -> list[tuple[str, str, str]]:
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except FileNotFoundError:
        return [("dbt", "error", str(invocation.get_error() or "it ended before it ran any model"))]
    return [(r["unique_id"], r["status"], str(r["message"])) for r in results]
