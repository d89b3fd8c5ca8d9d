"""Settings of the value-added and growth rooms: which tests count, and the evidence that a label and a publication need."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FinalTest(BaseModel):
    """The test and window whose score is a student's result of the year in a subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    assessment_id: str
    window: str


FINAL_TESTS = (
    FinalTest(subject="ELA", assessment_id="FAST", window="PM3"),
    FinalTest(subject="Math", assessment_id="FAST", window="PM3"),
)


class ValueAddedSettings(BaseModel):
    """What a district may decide about value-added.

    Attributes
    ----------
    final_tests : tuple of FinalTest
        The tests that count; of two in a subject that a student has, the one named first.
    label_effect : float
        Size, in student SD, above which an effect may be labelled Above or Below.
    minimum_students : int
        Students below which a teacher gets no label.
    minimum_reliability : float
        Reliability below which a teacher gets no label.
    pooled_years : int
        School years of the pooled estimate.
    placebo_p_value : float
        The placebo fails when a year's subjects together, or the year with the two before it, are not as by chance at half this level
        each ...
    placebo_variance_share : float
        ... and their placebo variance is more than this share of the real one. The level is also that of the check on sorting.
    link_coverage : float
        Share of a school's tested students who must be linked to a teacher.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    final_tests: tuple[FinalTest, ...] = FINAL_TESTS
    label_effect: float = Field(0.15, ge=0)
    minimum_students: int = Field(10, ge=1)
    minimum_reliability: float = Field(0.5, ge=0, le=1)
    pooled_years: int = Field(3, ge=2, le=3)
    placebo_p_value: float = Field(0.01, gt=0, lt=1)
    placebo_variance_share: float = Field(0.25, gt=0)
    link_coverage: float = Field(0.95, gt=0, le=1)

    def tests(self) -> list[tuple[str, str, str]]:
        """The final tests as plain triples: subject, assessment, window."""
        return [(t.subject, t.assessment_id, t.window) for t in self.final_tests]
