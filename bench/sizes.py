"""How big each figure's work is: the sizes of the project's goals by default, tiny ones for a test.

Only numbers and names; nothing is run here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIGURES = (
    "historical_load",
    "daily_increment",
    "mtss_and_forecasts",
    "query_student",
    "query_class",
    "query_school",
    "query_district",
    "code_location_load",
    "whole_graph",
    "stream_latency",
    "steps_by_workers",
    "growth_model",
    "value_added_model",
    "growth_percentiles",
    "k_prototypes",
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
    grown_students, taught_rows : int
        Growth model: students; value-added model: rows of a student with a teacher.
    repeats : int
        How often a code location is loaded; the median counts.
    """

    students: int = 50_000
    years: int = 5
    graph_students: int = 5_000
    graph_years: int = 8
    model_students: int = 100_000
    model_years: int = 5
    grown_students: int = 50_000
    taught_rows: int = 300_000
    repeats: int = 5

    @property
    def at_goal(self) -> bool:
        """Whether the sizes are those for which the goals are stated."""
        return replace(self, repeats=Sizes.repeats) == Sizes()
