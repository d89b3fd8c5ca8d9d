"""Linear mixed models at district and state scale: ``fit`` estimates one, ``MixedModelFit`` is what comes out; ``fit_shared``
is for observations that belong to several levels at once.

The library knows nothing of Dagster or of the lake: frames in, frames out. See ``docs/mixed_models.md`` for formulas and sources.
"""

from la_assets.mixed_models.averaging import AveragedEffects, SharedFit, fit_shared
from la_assets.mixed_models.model import fit
from la_assets.mixed_models.random_terms import RandomTerm
from la_assets.mixed_models.result import STATUSES, MixedModelFit

__all__ = ["STATUSES", "AveragedEffects", "MixedModelFit", "RandomTerm", "SharedFit", "fit", "fit_shared"]
