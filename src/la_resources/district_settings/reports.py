"""What a district may change in files for people: how teams are compared, and for how long workbooks are kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReportSettings(BaseModel):
    """Settings of the room ``reports``.

    Attributes
    ----------
    least_students : int
        A team with fewer students with a result is ``insufficient``: no test is run and no mean is shown.
    least_share : float
        Share of a student's instruction in the subject that a team must have given for the student to count for it.
    alpha : float
        Chance of a false difference below which teams are said to differ.
    years_kept : int
        School years for which workbooks with students' names are made and kept, the one in progress included. In older years the
        index has a row for each class and no file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_students: int = Field(10, ge=10)
    least_share: float = Field(0.5, gt=0, le=1)
    alpha: float = Field(0.05, gt=0, lt=0.5)
    years_kept: int = Field(2, ge=1)
