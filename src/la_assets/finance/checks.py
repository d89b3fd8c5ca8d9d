"""What to look at in finance beyond contracts: schools far off the district's median.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.finance.schema import SCHOOL_YEAR


def spending_is_plausible(spending: pl.LazyFrame, most: float = 5.0) -> Finding:
    """No school spends more than ``most`` times the median of its category, or less than the median divided by it."""
    median = pl.col("per_pupil_spending").median().over("category")
    far = (pl.col("per_pupil_spending") > median * most) | (pl.col("per_pupil_spending") < median / most)
    rows, outliers = spending.select(pl.len(), far.sum().alias("far")).collect(engine="streaming").row(0)
    words = f"{outliers} of {rows} figures are over {most:g} times off the median of their category"
    return outliers == 0, words, {"rows": rows, "outliers": outliers}


CHECKS = {
    SCHOOL_YEAR.name: (
        TableCheck(
            "spending_is_plausible",
            (SCHOOL_YEAR,),
            lambda year: spending_is_plausible(year[SCHOOL_YEAR]),
            "No figure is five times off the median of its category; else the file gives totals instead of dollars per pupil.",
        ),
    ),
}
