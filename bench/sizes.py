"""How big each figure's work is: the sizes of the project's goals by default, tiny ones for a test.

Only numbers and names; nothing is run here.
"""

from __future__ import annotations

from dataclasses import dataclass

FIGURES = (
    "historical_load",
    "daily_increment",
    "code_location_load",
    "whole_graph",
    "growth_percentiles",
    "dropout_model",
    "scoring_one_row",
)
"""The figures in the order in which they run; the daily increment continues in the lake of the historical load."""

SEED = 20261121
LAST_YEAR = 2025
"""The newest school year of the bench is 2025-26: it is over, so that the same files are written on any later day."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of the simulated districts.

    Attributes
    ----------
    students, years : int
        Historical load and daily increment: students a year, school years; attendance has a row per student and day.
    graph_students, graph_years : int
        Whole graph; attendance names exceptions only.
    model_students, model_years : int
        Dropout model: students a year, school years; the last year is scored.
    repeats : int
        How often a code location is loaded; the median counts.
    """

    students: int = 50_000
    years: int = 5
    graph_students: int = 5_000
    graph_years: int = 8
    model_students: int = 100_000
    model_years: int = 5
    repeats: int = 5

    @property
    def at_goal(self) -> bool:
        """Whether the sizes are those for which the goals are stated."""
        goal = Sizes()
        return (self.students, self.years, self.graph_students, self.graph_years, self.model_students, self.model_years) == (
            goal.students, goal.years, goal.graph_students, goal.graph_years, goal.model_students, goal.model_years,
        )  # fmt: skip
