"""What codes of the tables say to a teacher: reasons for a tier, why a score, a forecast or a cluster is missing.

A cell without a number says why, in words; it is never a zero and never blank without a reason.
"""

TIER_REASONS = {
    "level_1": "level 1",
    "level_2_low_growth": "level 2, low growth",
    "level_2": "level 2",
    "level_3_low_growth": "level 3, low growth",
    "standards_below_mastery": "standards below mastery",
}
CORE = "on track"
"""Tier 1 has no reasons."""

SCORE_WORDS = {
    "tiered": "no scale score",
    "not tested": "not tested",
    "no results yet": "no result yet",
    "window cancelled": "window cancelled",
    "no achievement level": "no scale score",
}
NO_RECORD = "no record"

GROWTH_WORDS = {
    "grown": "no change known",
    "start not tested": "start not tested",
    "end not tested": "not tested",
    "scales differ": "scales differ",
    "too few peers": "too few peers",
}
ONE_WINDOW = "one window only"

NO_CHANGE = "no change known"

NO_FORECAST = "no forecast"
FORECAST_WORDS = {
    "no model: not enough years with final scores": "no forecast: too few years",
    "no model: too few students with final scores": "no forecast: too few students",
    "no model: all final scores are equal": "no forecast: scores do not vary",
    "no model: not fitted yet": "no forecast: not fitted yet",
}
NO_INTERVAL = "too few past errors"
NO_CUT = "no cut score"

NO_CLUSTER = {
    "too few students": "no clusters: fewer than ten students in this tier",
    "no stable grouping": "no clusters: no stable grouping of this tier",
    "nothing varies": "no clusters: the students of this tier do not differ",
    "not fitted yet": "no clusters: not fitted yet this year",
}
NOT_CLUSTERED = "no cluster known"

NO_TIER = {
    "not tested": "Not tested in any window so far",
    "no results yet": "No result yet",
    "window cancelled": "The window was cancelled",
    "no achievement level": "A score without an achievement level",
}
NO_RESULT = "No result in this subject"
NO_STANDARDS = "no results by standard"
NONE_BELOW = "none below mastery"
NAME_UNKNOWN = "name not in the directory"
