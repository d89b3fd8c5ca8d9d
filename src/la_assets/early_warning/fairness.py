"""Does the model serve every subgroup alike: rates per subgroup, differences from the reference, a verdict. Signatures first."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.learner_settings import FairnessSettings
from la_assets.early_warning.model_definition import ModelDefinition

VERDICTS = ("pass", "gap", "insufficient evidence")

FAIRNESS_COLUMNS = {
    "scored_year": pl.String,
    "subgroup": pl.String,  # audit column
    "group": pl.String,  # its value
    "is_reference": pl.Boolean,
    "measure": pl.String,  # selection_rate, tpr, fpr, precision, calibration_gap, equal_opportunity_difference,
    # demographic_parity_difference
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "bound": pl.Float64,  # of the two differences
    "verdict": pl.String,  # of the two differences; null for rates and for the reference
    "group_verdict": pl.String,  # the worst of the two
    "n": pl.Int64,
    "positives": pl.Int64,
    "status": pl.String,  # ok, suppressed, complementary, too_few_events, no_outcomes, no_predictions, reference_suppressed
}


def audit(scored: pl.DataFrame, definition: ModelDefinition, settings: FairnessSettings, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """``FAIRNESS_COLUMNS`` per scored year, audit column, group and measure.

    Parameters
    ----------
    scored : polars.DataFrame
        Time, cluster, label, ``probability`` and the audit columns.
    """
    raise NotImplementedError
