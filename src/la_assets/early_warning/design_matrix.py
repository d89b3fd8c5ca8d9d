"""Rows as a matrix of numbers: one column per numeric feature, one indicator per listed value of a text feature.

The values of a text feature are listed in the definition, so nothing about the matrix is learned from data; what is missing stays
missing (NaN) here, and the models deal with it. Which columns carry anything (not constant, not all missing) is judged on training rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning.model_definition import ModelDefinition


@dataclass(frozen=True)
class Design:
    """Features and their columns.

    Attributes
    ----------
    features : tuple of str
        In the order of the definition.
    categories : mapping
        Text feature to the values that have a column.
    """

    features: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the matrix; ``feature=value`` for an indicator."""
        return tuple(name for feature in self.features for name in self._columns(feature))

    @property
    def parents(self) -> np.ndarray:
        """Position of each column's feature, shape (columns,)."""
        return np.array([i for i, feature in enumerate(self.features) for _ in self._columns(feature)], np.intp)

    def _columns(self, feature: str) -> list[str]:
        return [f"{feature}={value}" for value in self.categories[feature]] if feature in self.categories else [feature]

    def matrix(self, frame: pl.DataFrame) -> np.ndarray:
        """The rows as float32, shape (rows, columns); NaN where a number is not known or not finite.

        Raises
        ------
        ValueError
            If a feature is not a column of the frame, or is text without listed values.
        """
        self._refuse(frame)
        columns: list[pl.Expr] = []
        for feature in self.features:
            if feature in self.categories:
                text = pl.col(feature).cast(pl.String)
                columns += [
                    pl.when(text.is_not_null()).then((text == value).cast(pl.Float32)).alias(f"{feature}={value}")
                    for value in self.categories[feature]
                ]
            else:
                number = pl.col(feature).cast(pl.Float32)
                columns.append(pl.when(number.is_finite()).then(number).alias(feature))
        return np.ascontiguousarray(frame.select(columns).to_numpy(order="c"), np.float32)

    def row(self, values: Mapping[str, Any]) -> np.ndarray:
        """One row given as a mapping, shape (1, columns); what the mapping lacks is not known."""
        out: list[float] = []
        for feature in self.features:
            value = values.get(feature)
            if feature in self.categories:
                out += [float("nan") if value is None else float(str(value) == known) for known in self.categories[feature]]
            else:
                out.append(float("nan") if value is None else float(value))
        row = np.array([out], np.float32)
        row[~np.isfinite(row)] = np.nan
        return row

    def _refuse(self, frame: pl.DataFrame) -> None:
        if missing := [f for f in self.features if f not in frame.columns]:
            raise ValueError(f"the rows lack the feature columns {missing}")
        text = [
            f
            for f in self.features
            if f not in self.categories and not (frame[f].dtype.is_numeric() or frame[f].dtype in (pl.Boolean, pl.Null))
        ]
        if text:
            raise ValueError(f"{text} are not numeric; list their values in the definition's categories")


def usable_features(definition: ModelDefinition, frame: pl.DataFrame) -> tuple[Design, dict[str, str]]:
    """The design of the features that differ between training rows, and the others with the reason (``all_missing``, ``constant``).

    A feature that is missing in some rows and constant in the others differs: that it is missing may say something.
    """
    wanted = Design(definition.model_features, {f: tuple(v) for f, v in definition.categories.items() if f in definition.model_features})
    wanted._refuse(frame)
    left_out: dict[str, str] = {}
    for feature in wanted.features:
        column = frame[feature]
        if feature not in wanted.categories and column.dtype.is_float():
            column = column.set(~column.is_finite(), None)
        if column.null_count() == column.len():
            left_out[feature] = "all_missing"
        elif column.n_unique() == 1:
            left_out[feature] = "constant"
    kept = tuple(f for f in wanted.features if f not in left_out)
    return Design(kept, {f: wanted.categories[f] for f in kept if f in wanted.categories}), left_out


def by_feature(contributions: np.ndarray, parents: Sequence[int] | np.ndarray, features: int) -> np.ndarray:
    """Contributions of columns added up to their features, shape (rows, features)."""
    out = np.zeros((len(contributions), features))
    for column, parent in enumerate(parents):
        out[:, parent] += contributions[:, column]
    return out
