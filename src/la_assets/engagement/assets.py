"""The engagement asset: days of activity in the learning management system."""

import polars as pl

from la_assets.engagement import lms_daily as activity
from la_assets.engagement.schema import LMS_DAILY
from la_assets.landing.schema import LMS_ACTIVITY
from la_assets.roster.schema import IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(LMS_DAILY, inputs=(LMS_ACTIVITY, IDENTIFIERS))
def lms_daily(year: Year) -> pl.LazyFrame:
    """A student's day in the learning management system for a section.

    **From** `landing.lms_activity`. A day without activity has no row: count school days from `roster.calendar`, not rows.

    **Fresh** when yesterday's activity has landed: `known_on` is the day. **If it fails**, the message names the column and
    the key; look the row up in the landing table.
    """
    return activity.lms_daily(year[LMS_ACTIVITY], year[IDENTIFIERS])
