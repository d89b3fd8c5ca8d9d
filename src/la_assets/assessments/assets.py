"""The assessment assets: attempts with the official one named, and points by standard."""

import polars as pl

from la_assets.assessments import scores as attempts
from la_assets.assessments import standards as points
from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.landing.schema import ASSESSMENT_SCORES, ASSESSMENT_STANDARDS
from la_assets.roster.schema import IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(SCORES, inputs=(ASSESSMENT_SCORES, IDENTIFIERS))
def scores(year: Year) -> pl.LazyFrame:
    """An attempt of a student at a test in a subject, tested or not.

    **From** `landing.assessment_scores` (state tests, interim tests, SAT, ACT). `is_official` is true for at most one attempt
    of a student, test, subject, window and year: the attempt the source names, else the first with a result that the source
    does not rule out. Retests, deactivated and rushed attempts stay, not official. No spring tests in 2019-20 is no error.

    **Fresh** when a window's results have landed: `known_on` is the reporting date, else the test date.

    **If it fails**, a row breaks the contract; the message names the column and the key. Compare scales (`is_vertical_scale`)
    before comparing scores across grades.
    """
    return attempts.scores(year[ASSESSMENT_SCORES], year[IDENTIFIERS])


@yearly_table(STANDARDS, inputs=(ASSESSMENT_STANDARDS, IDENTIFIERS))
def standards(year: Year) -> pl.LazyFrame:
    """Points of a student on one standard (benchmark) of a test.

    **From** `landing.assessment_standards`; several items on one standard are added up; a later file replaces an earlier one.

    **Fresh** with `assessments.scores`. **If it fails**, look up the named key in the landing table: negative points or a
    missing benchmark code come from the file.
    """
    return points.standards(year[ASSESSMENT_STANDARDS], year[IDENTIFIERS])
