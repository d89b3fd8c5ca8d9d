"""The finance asset: per-pupil spending of schools by category."""

import polars as pl

from la_assets.finance import spending
from la_assets.finance.schema import SCHOOL_YEAR
from la_assets.landing.schema import FINANCE
from la_assets.roster.schema import SCHOOL_IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(SCHOOL_YEAR, inputs=(FINANCE, SCHOOL_IDENTIFIERS))
def school_year(year: Year) -> pl.LazyFrame:
    """Per-pupil spending of a school in a school year for one category, in dollars.

    **From** `landing.finance`; a figure sent again replaces the earlier one.

    **Fresh** once a year, after the books close. **If it fails**, the message names the column and the key.
    """
    return spending.school_year(year[FINANCE], year[SCHOOL_IDENTIFIERS], year.school_year.last_day)
