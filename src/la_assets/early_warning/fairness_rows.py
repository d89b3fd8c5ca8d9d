"""The audit's rows of a target and year, with a row that says so where nothing was due."""

from __future__ import annotations

import polars as pl

from la_assets.early_warning.fairness import FAIRNESS_COLUMNS, audit
from la_assets.early_warning.learner_settings import FairnessSettings
from la_assets.early_warning.targets import Target


def fairness_rows(due: pl.DataFrame, target: Target, school_year: str, snapshot: str, settings: FairnessSettings) -> pl.DataFrame:
    """Rows of ``early_warning.fairness_audit``.

    Parameters
    ----------
    due : polars.DataFrame
        Scores at one snapshot that came due, with ``label`` and the audit columns.
    """
    if due.is_empty():
        empty = {"scored_year": school_year, "subgroup": "none", "group": "", "measure": "none", "status": "nothing_due"}
        rows = pl.DataFrame([empty], schema=FAIRNESS_COLUMNS)
    else:
        named = due.with_columns(_spoken(name) for name in target.definition.audit)
        rows = audit(named, target.definition, settings).select(*FAIRNESS_COLUMNS)
    return rows.with_columns(pl.lit(target.name).alias("target"), pl.lit(snapshot).alias("snapshot"))


def _spoken(name: str) -> pl.Expr:
    """Yes and no for flags; what is not known stays missing, a group like any other."""
    return pl.col(name).cast(pl.String).replace({"true": "yes", "false": "no"}).alias(name)
