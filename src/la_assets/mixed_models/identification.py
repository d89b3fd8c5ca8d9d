"""What can be said before any search: designs whose variances no data of that shape can tell apart.

Rules for counts and for groups that coincide, as lme4 checks them; flat criteria that only the numbers show are found by ``search.py``.
"""

from __future__ import annotations

import itertools

import numpy as np

from la_assets.mixed_models.design import Design
from la_assets.mixed_models.random_terms import INTERCEPT


def obstacle(design: Design) -> tuple[str, str] | None:
    """Status and reason why a design cannot be fitted; None if nothing speaks against it."""
    if design.n == 0:
        return "too_few_rows", "no row has a value in every column of the model"
    if design.fixed.shape[1] >= design.observations:
        return "too_few_rows", f"{design.n} rows for {design.fixed.shape[1]} fixed effects"
    if np.ptp(design.outcome) == 0:
        return "no_variation", "every row has the same outcome"
    return _too_few_levels(design) or _the_same_groups(design)


def _too_few_levels(design: Design) -> tuple[str, str] | None:
    """A term with one level, or with as many effects as there are rows."""
    for rows in design.terms:
        levels, effects = rows.levels.len(), len(rows.term.names)
        if levels < 2:
            return "not_identified", f"{rows.term.group} has one level: there is no variance between levels"
        if levels * effects >= design.observations:
            return (
                "not_identified",
                f"{rows.term.group} has {levels} levels x {effects} effects for {design.n} rows: as many effects as rows",
            )
    return None


def _the_same_groups(design: Design) -> tuple[str, str] | None:
    """Two terms that divide the rows in the same way."""
    for one, other in itertools.combinations(design.terms, 2):
        if one.levels.len() == other.levels.len() and INTERCEPT in one.term.names and INTERCEPT in other.term.names:
            pairs = np.unique(one.codes * np.int64(other.levels.len()) + other.codes).size
            if pairs == one.levels.len():
                return "not_identified", f"{one.term.group} and {other.term.group} divide the rows in the same way"
    return None
