"""What a district may change in the forecasts: how much history and how many students train, what counts as calibrated.

Which models compete and over which grids stands in ``la_assets/forecasts``; it is no matter of taste.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ProgramFlag = Literal["frl", "ell", "ese", "section_504", "gifted", "homeless"]


class ForecastSettings(BaseModel):
    """Settings of the room ``forecasts``.

    Attributes
    ----------
    progress_assessment, course_assessment : str
        The state test with the windows PM1, PM2 and PM3, and the end-of-course exam, as ``assessment_id`` names them.
    window_days : int
        Days after the median result of a progress window after which a result is late: it does not move the as-of date.
    minimum_students : int
        Students with a final score below which a year does not count as scored, and no model is fitted.
    training_years : int
        Most earlier years a model is trained on.
    training_students : int
        Student-years a model is trained on at most; beyond that a fixed sample of students is.
    calibration_errors : int
        Past errors that calibrate the intervals: of the most recent outer fold, and of older ones as far as it has fewer.
    calibration_group : int
        Past errors that a score band needs for an interval of its own.
    bubble_standard_errors : float
        Standard errors around the proficiency cut within which a predicted score is on the bubble.
    program_flags : tuple of str
        Program flags used as features. Race, ethnicity and gender never are.
    coverage_80 : tuple of float
        Bounds of the measured coverage of the 80 % interval outside of which a check fails, beyond sampling error.
    predicted_share : float
        Share of students expected to be tested who should have a prediction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    progress_assessment: str = "FAST"
    course_assessment: str = "EOC"
    window_days: int = Field(30, ge=1, le=120)
    minimum_students: int = Field(20, ge=10)
    training_years: int = Field(5, ge=2, le=8)
    training_students: int = Field(40_000, ge=1_000)
    calibration_errors: int = Field(300, ge=40)
    calibration_group: int = Field(100, ge=40)
    bubble_standard_errors: float = Field(1.0, gt=0, le=3)
    program_flags: tuple[ProgramFlag, ...] = ("frl", "ell", "ese", "section_504", "gifted", "homeless")
    coverage_80: tuple[float, float] = (0.77, 0.83)
    predicted_share: float = Field(0.95, ge=0, le=1)

    @model_validator(mode="after")
    def _bounds_enclose_the_nominal_coverage(self) -> Self:
        low, high = self.coverage_80
        if not 0 <= low <= 0.8 <= high <= 1:
            raise ValueError(f"coverage_80 must enclose 0.8 within 0..1, got {low} to {high}")
        return self
