"""What to look at in finance beyond contracts: schools far off the district's median.

Plain functions that return whether the check passes, a sentence, and counts; they are wired to assets elsewhere.
"""

import polars as pl

Outcome = tuple[bool, str, dict[str, int | float]]


def spending_is_plausible(spending: pl.LazyFrame, most: float = 5.0) -> Outcome:
    """No school spends more than ``most`` times the median of its category, or less than the median divided by it."""
    median = pl.col("per_pupil_spending").median().over("category")
    far = (pl.col("per_pupil_spending") > median * most) | (pl.col("per_pupil_spending") < median / most)
    rows, outliers = spending.select(pl.len(), far.sum().alias("far")).collect(engine="streaming").row(0)
    return outliers == 0, f"{outliers} of {rows} figures are over {most:g} times off the median of their category", {"rows": rows, "outliers": outliers}
