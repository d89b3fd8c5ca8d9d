"""scikit-learn's histogram gradient boosting, binning a matrix once for all fits on it instead of once a fit.

Bins depend on the matrix, ``max_bins`` and the seed only, so the models are the same to the last bit. The method overridden is
scikit-learn's own: a version without it bins at every fit again, and nothing else changes.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def binned_once() -> type[Any]:
    """The regressor's class, made when something is first fitted: scikit-learn takes a second to load."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    class BinnedOnce(HistGradientBoostingRegressor):
        """A regressor that takes its bins from ``bins``, or puts them there if it is the first.

        Attributes
        ----------
        bins : dict
            Shared by the models of one matrix that differ in neither ``max_bins`` nor seed; set before ``fit``.
        """

        bins: dict[str, Any]
        _bin_mapper: Any

        def _bin_data(self, *matrix: Any, **told: Any) -> Any:
            if not self.bins:
                self.bins["binned"] = super()._bin_data(*matrix, **told)
                self.bins["mapper"] = self._bin_mapper
            self._bin_mapper = self.bins["mapper"]
            return self.bins["binned"]

    return BinnedOnce
