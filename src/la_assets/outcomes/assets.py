"""The outcome assets: exits from the district, and post-secondary enrolments."""

import polars as pl

from la_assets.landing import schema as landing
from la_assets.outcomes import exits as departures
from la_assets.outcomes import postsecondary as enrolments
from la_assets.outcomes.schema import EXITS, POSTSECONDARY
from la_assets.roster.schema import IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(EXITS, inputs=(landing.EXITS, IDENTIFIERS))
def exits(year: Year) -> pl.LazyFrame:
    """A student's last exit of a school year, or the status at its end.

    **From** `landing.exits`; `status` by the district's list of exit codes (`LA_DISTRICT_FILE`, `exit_codes`). A transfer out is no
    dropout; a code that the list does not have is `unknown`.

    **Fresh** when the year's withdrawals have landed: `known_on` is the day the district knew, which may be months later.

    **If it fails**, the message names the column and the key. Many `unknown`: add the codes to the district's list and
    materialise the years again.
    """
    return departures.exits(year[landing.EXITS], year[IDENTIFIERS], year.district.exit_codes)


@yearly_table(POSTSECONDARY, inputs=(landing.POSTSECONDARY, IDENTIFIERS))
def postsecondary(year: Year) -> pl.LazyFrame:
    """A student's enrolment after high school, in the school year in which it began.

    **From** `landing.postsecondary`. Students are no longer on the roster then, so there is no foreign key to it.

    **Fresh** once or twice a year, when the clearinghouse's return has landed. **If it fails**, the message names the column
    and the key.
    """
    return enrolments.postsecondary(year[landing.POSTSECONDARY], year[IDENTIFIERS])
