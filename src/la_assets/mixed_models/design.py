"""From a frame to the numbers of a model: outcome, fixed-effect columns, and per random term the level and the columns of each row.

Rows that cannot be used are counted here. Sums of plain columns are read directly; every other formula goes through formulaic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from la_assets.mixed_models.random_terms import INTERCEPT, RandomTerm

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PLAIN = re.compile(rf"\s*({_NAME})\s*~\s*((?:[01]|{_NAME})(?:\s*\+\s*(?:[01]|{_NAME}))*)\s*")


@dataclass(frozen=True)
class TermRows:
    """A random term over the rows of a design.

    Attributes
    ----------
    term : RandomTerm
    codes : numpy.ndarray of int, shape (n,)
        Level of each row as a position in ``levels``.
    levels : polars.Series
        The levels, ascending, named as the grouping column.
    columns : numpy.ndarray, shape (n, q)
        Values of the effects (ones for the intercept).
    """

    term: RandomTerm
    codes: np.ndarray
    levels: pl.Series
    columns: np.ndarray


@dataclass(frozen=True)
class Design:
    """Matrices of a model, all over the same rows.

    Attributes
    ----------
    formula : str
    outcome : numpy.ndarray, shape (n,)
    fixed : numpy.ndarray, shape (n, p)
    names : tuple of str
        Of the fixed effects.
    terms : tuple of TermRows
    weights : numpy.ndarray, shape (n,), optional
    weight_meaning : str
        ``precision`` or ``frequency``.
    dropped : mapping of str to int
        Rows left out, by reason.
    frame : polars.DataFrame
        The rows used, columns of the model only (for engines that read frames).
    weight_column : str, optional
    spec : formulaic.ModelSpec, optional
        Categories, knots and means that the formula took from these rows; None for a sum of columns.
    """

    formula: str
    outcome: np.ndarray
    fixed: np.ndarray
    names: tuple[str, ...]
    terms: tuple[TermRows, ...]
    weights: np.ndarray | None
    weight_meaning: str
    dropped: Mapping[str, int]
    frame: pl.DataFrame
    weight_column: str | None = None
    spec: Any = None

    @property
    def n(self) -> int:
        return self.outcome.size

    @property
    def observations(self) -> float:
        """Number of observations: the rows, or the sum of frequency weights."""
        return float(self.weights.sum()) if self.weights is not None and self.weight_meaning == "frequency" else float(self.n)


def design(
    formula: str,
    frame: pl.DataFrame | pl.LazyFrame,
    terms: Sequence[RandomTerm],
    weights: str | None = None,
    weight_meaning: str = "precision",
) -> Design:
    """Matrices for a formula and random terms; see ``model.fit`` for the parameters.

    Raises
    ------
    ValueError
        If the formula has no outcome, or the weights have an unknown meaning.
    """
    if weight_meaning not in ("precision", "frequency"):
        raise ValueError(f"weight_meaning {weight_meaning!r} is neither precision nor frequency")
    outcome, variables = formula_variables(formula)
    effects = [name for term in terms for name in term.names if name != INTERCEPT]
    numbers = list(dict.fromkeys([outcome, *variables, *effects]))
    kept, dropped = _usable_rows(frame, numbers, [term.group for term in terms], weights)
    names, fixed, spec = fixed_columns(formula, kept)
    return Design(
        formula,
        _floats(kept[outcome]),
        fixed,
        names,
        tuple(_term_rows(kept, term) for term in terms),
        None if weights is None else _floats(kept[weights]),
        weight_meaning,
        dropped,
        kept,
        weights,
        spec,
    )


def formula_variables(formula: str) -> tuple[str, tuple[str, ...]]:
    """The outcome of a formula and the columns its right side reads."""
    if plain := _plain(formula):
        return plain[0], plain[2]
    from formulaic import Formula

    parsed = Formula(formula)
    if not hasattr(parsed, "lhs") or len(parsed.lhs.required_variables) != 1:
        raise ValueError(f"formula {formula!r}: write one plain outcome column, '~', and the fixed effects")
    return str(next(iter(parsed.lhs.required_variables))), tuple(sorted(str(name) for name in parsed.rhs.required_variables))


def fixed_columns(formula: str, frame: pl.DataFrame, spec: Any = None) -> tuple[tuple[str, ...], np.ndarray, Any]:
    """Names and values of the fixed effects, and what formulaic took from the rows (None for a sum of columns).

    With ``spec`` the categories, knots and means are those of an earlier call.
    """
    plain = _plain(formula)
    if spec is None and plain and all(frame.schema[name].is_numeric() or frame.schema[name] == pl.Boolean for name in plain[2]):
        _, intercept, names = plain
        columns = np.empty((frame.height, intercept + len(names)), order="F")
        columns[:, :intercept] = 1.0
        for position, name in enumerate(names, start=intercept):
            columns[:, position] = _floats(frame[name])
        return (INTERCEPT,) * intercept + names, columns, None
    from formulaic import Formula

    right = Formula(formula).rhs
    if frame.height == 0:
        return (), np.empty((0, 0)), spec
    rows = frame.select(sorted(str(name) for name in right.required_variables)).to_pandas()
    made = spec.get_model_matrix(rows) if spec is not None else right.get_model_matrix(rows, output="numpy")
    names = tuple(INTERCEPT if name == "Intercept" else str(name) for name in made.model_spec.column_names)
    return names, np.asfortranarray(made, dtype=float), made.model_spec


def _plain(formula: str) -> tuple[str, int, tuple[str, ...]] | None:
    """Outcome, whether there is an intercept, and columns, if the formula is a sum of columns."""
    if not (found := _PLAIN.fullmatch(formula)):
        return None
    parts = [part.strip() for part in found[2].split("+")]
    names = tuple(dict.fromkeys(part for part in parts if part not in ("0", "1")))
    if found[1] in names or {"0", "1"} <= set(parts):
        raise ValueError(f"formula {formula!r} contradicts itself")
    return found[1], int("0" not in parts), names


def _usable_rows(
    frame: pl.DataFrame | pl.LazyFrame, numbers: Sequence[str], groups: Sequence[str], weights: str | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows with every value present and a positive weight, and how many are left out by reason."""
    wanted = list(dict.fromkeys([*numbers, *groups, *([weights] if weights else [])]))
    given = frame.lazy().select(wanted).collect()
    floats = [name for name in numbers if given.schema[name].is_float()]
    complete = pl.all_horizontal(
        *(pl.col(name).is_not_null() for name in dict.fromkeys([*numbers, *groups])), *(pl.col(name).is_finite() for name in floats)
    )
    dropped = {}
    if weights is not None:
        heavy = ((pl.col(weights) > 0) & pl.col(weights).cast(pl.Float64).is_finite()).fill_null(False)
        weighed = given.filter(heavy)
        dropped["weight"] = given.height - weighed.height
        given = weighed
    kept = given.filter(complete)
    return kept, {"missing": given.height - kept.height, **dropped}


def _floats(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).to_numpy()


def _term_rows(frame: pl.DataFrame, term: RandomTerm) -> TermRows:
    codes, levels = level_codes(frame[term.group])
    columns = np.empty((frame.height, len(term.names)), order="F")
    for position, name in enumerate(term.names):
        columns[:, position] = 1.0 if name == INTERCEPT else _floats(frame[name])
    return TermRows(term, codes, levels, columns)


def level_codes(values: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Position of each value among the ascending distinct values, and those."""
    levels = values.unique().sort()
    if values.dtype.is_integer() and levels.len() and int(levels[-1]) - int(levels[0]) < 4 * values.len() + 1000:
        first = int(levels[0])
        positions = np.zeros(int(levels[-1]) - first + 1, dtype=np.int64)
        positions[levels.to_numpy() - first] = np.arange(levels.len())
        return positions[values.to_numpy() - first], levels
    known = pl.DataFrame({"level": levels, "position": np.arange(levels.len())})
    codes = pl.DataFrame({"level": values}).join(known, on="level", how="left", maintain_order="left")["position"]
    return codes.to_numpy(), levels
