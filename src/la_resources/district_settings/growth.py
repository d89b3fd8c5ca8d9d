"""Settings of the growth room: what counts as a change, off track and at risk, and who has enough peers for a percentile."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GrowthSettings(BaseModel):
    """What a district may decide about growth; the final tests are those of ``value_added``.

    Attributes
    ----------
    pattern : float
        Slope against the average student, in SD a year, beyond which growth is Improving or Declining.
    off_track : float
        SD under expectation at the target grade from which a student is off track.
    at_risk : float
        Probability of a score below proficiency above which a student is at risk.
    target_grades : tuple of int
        Grades that predictions aim at, the nearest at or beyond the student's; never beyond the last tested grade.
    least_peers : int
        Students of the same subject, test, grade and progression below which there is no growth percentile.
    assumed_reliability : float
        Reliability taken for a test that reports no standard errors of measurement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: float = Field(0.1, gt=0)
    off_track: float = Field(0.5, gt=0)
    at_risk: float = Field(0.5, gt=0, lt=1)
    target_grades: tuple[int, ...] = (8, 12)
    least_peers: int = Field(250, ge=50)
    assumed_reliability: float = Field(0.9, gt=0, lt=1)
