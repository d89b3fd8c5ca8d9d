"""Linear mixed models at district and state scale: ``fit`` estimates one, ``MixedModelFit`` is what comes out.

The library knows nothing of Dagster or of the lake: frames in, frames out. See ``docs/mixed_models.md`` for formulas and sources.
"""

from la_assets.mixed_models.model import fit
from la_assets.mixed_models.random_terms import RandomTerm
from la_assets.mixed_models.result import STATUSES, MixedModelFit

__all__ = ["STATUSES", "MixedModelFit", "RandomTerm", "fit"]
