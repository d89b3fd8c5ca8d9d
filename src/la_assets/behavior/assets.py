"""The behaviour assets: incidents, and positive points."""

import polars as pl

from la_assets.behavior import incidents as parts
from la_assets.behavior import points as awards
from la_assets.behavior.schema import INCIDENTS, POINTS
from la_assets.landing import schema as landing
from la_assets.roster.schema import IDENTIFIERS, SCHOOL_IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(INCIDENTS, inputs=(landing.INCIDENTS, IDENTIFIERS, SCHOOL_IDENTIFIERS))
def incidents(year: Year) -> pl.LazyFrame:
    """A student's part in a behaviour incident, with type, severity and action.

    **From** `landing.incidents`; an incident reported again replaces the earlier report. Suspensions are the actions `ISS`
    and `OSS`, their length is `days`.

    **Fresh** when yesterday's discipline file has landed: `known_on` is the incident's day.

    **If it fails**, the message names the column and the key; look up `incident_id` in the landing table.
    """
    return parts.incidents(year[landing.INCIDENTS], year[IDENTIFIERS], year[SCHOOL_IDENTIFIERS])


@yearly_table(POINTS, inputs=(landing.BEHAVIOR_POINTS, IDENTIFIERS))
def points(year: Year) -> pl.LazyFrame:
    """Positive behaviour points of a student on a day for a reason.

    **From** `landing.behavior_points`; the awards of a day are added up, a later file replaces what earlier files told of the
    same day and reason.

    **Fresh** when yesterday's file has landed. **If it fails**, the message names the column and the key.
    """
    return awards.points(year[landing.BEHAVIOR_POINTS], year[IDENTIFIERS])
