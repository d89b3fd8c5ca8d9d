"""The district's own numbers of MTSS: tests and their windows, cut scores, tier rules, and how clusters are made.

Defaults are those of the field and of Florida's tests as the simulated district gives them; a district overrides what differs
in its YAML file under ``mtss``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

GRADES = ("03", "04", "05", "06", "07", "08", "09", "10")
_LEVEL_3 = {"ELA": (200, 211, 220, 224, 230, 236, 240, 245), "Math": (199, 210, 220, 227, 233, 241)}
_FROM_LEVEL_3 = (-14.0, 0.0, 12.0, 26.0)
_EOC = (379.0, 400.0, 418.0, 435.0)


class TestYear(BaseModel):
    """A test that is given in windows over a school year.

    Attributes
    ----------
    assessment_id : str
        As in ``assessments.scores``.
    windows : tuple of str
        Its windows, first to last.
    final_window : str or None
        The window of the accountability score, which is never filled in.
    spring_windows : tuple of str
        Windows that a year without spring tests does not have.
    gives_tiers : bool
        Whether tiers are made from it; windows of tests that do must have different names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    __test__ = False

    assessment_id: str
    windows: tuple[str, ...] = Field(min_length=1)
    final_window: str | None = None
    spring_windows: tuple[str, ...] = ()
    gives_tiers: bool = False


class CutScores(BaseModel):
    """The lowest scale scores of levels 2 to 5 of a test in a subject; a grade or window of None stands for any.

    Where several fit, the one that names the window goes first, then the one that names the grade.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    assessment_id: str
    subject: str
    grade_level: str | None = None
    window: str | None = None
    lowest: tuple[float, float, float, float]

    @model_validator(mode="after")
    def _ascending(self) -> CutScores:
        if list(self.lowest) != sorted(set(self.lowest)):
            raise ValueError(f"cut scores of {self.assessment_id} {self.subject} must ascend, got {self.lowest}")
        return self


def _tests() -> tuple[TestYear, ...]:
    seasons = ("fall", "winter", "spring")
    return (
        TestYear(assessment_id="FAST", windows=("PM1", "PM2", "PM3"), final_window="PM3", spring_windows=("PM3",), gives_tiers=True),
        TestYear(assessment_id="EOC", windows=("EOC",), final_window="EOC", spring_windows=("EOC",), gives_tiers=True),
        TestYear(assessment_id="MAP Growth", windows=seasons, spring_windows=("spring",)),
        TestYear(assessment_id="i-Ready", windows=seasons, spring_windows=("spring",)),
    )


def _cut_scores() -> tuple[CutScores, ...]:
    fast = [
        CutScores(assessment_id="FAST", subject=subject, grade_level=grade, lowest=tuple(level_3 + step for step in _FROM_LEVEL_3))
        for subject, cuts in _LEVEL_3.items()
        for grade, level_3 in zip(GRADES, cuts, strict=False)
    ]
    return (*fast, *(CutScores(assessment_id="EOC", subject=s, lowest=_EOC) for s in ("Algebra 1", "Geometry", "Biology")))


class ClusterSettings(BaseModel):
    """How intervention clusters are made.

    Attributes
    ----------
    min_cluster_size : int
        Fewer students in a tier and subject are not clustered, and no number of clusters is chosen that makes a smaller one.
    fewest, most : int
        Numbers of clusters tried.
    stability : float
        Mean adjusted Rand index over resamples that a number of clusters must reach.
    resamples : int
        Resamples for it, each of ``resample_share`` of the students, at most ``resample_size``.
    starts : int
        Starts of a fit; the one of lowest cost counts.
    categorical : tuple of str
        Categorical features: any of ell, ese, frl, gender, grade_level, race_ethnicity (off by default).
    implementation : str
        ``compiled`` (the kernel of this project) or ``kmodes`` (the package; same results, a hundred times slower).
    seed : int
        Of starts and resamples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_cluster_size: int = Field(10, ge=2)
    fewest: int = Field(2, ge=2)
    most: int = Field(8, ge=2, le=20)
    stability: float = Field(0.7, ge=-1, le=1)
    resamples: int = Field(10, ge=2)
    resample_share: float = Field(0.8, gt=0, le=1)
    resample_size: int = Field(2000, ge=50)
    starts: int = Field(3, ge=1)
    categorical: tuple[str, ...] = ("ell", "ese", "frl", "gender", "grade_level")
    implementation: str = Field("compiled", pattern="^(compiled|kmodes)$")
    seed: int = 20261121

    @model_validator(mode="after")
    def _known(self) -> ClusterSettings:
        known = {"ell", "ese", "frl", "gender", "grade_level", "race_ethnicity"}
        if unknown := set(self.categorical) - known:
            raise ValueError(f"unknown categorical features {sorted(unknown)}; known are {sorted(known)}")
        if not self.categorical or self.most < self.fewest:
            raise ValueError("clusters need at least one categorical feature, and most >= fewest")
        return self


class MtssSettings(BaseModel):
    """Thresholds and windows of MTSS.

    Attributes
    ----------
    subjects : tuple of str
        Subjects that are looked at.
    taught_as : dict
        Subject to the wider subject that sections and links may name instead.
    tests : tuple of TestYear
        Tests and their windows.
    cut_scores : tuple of CutScores
        For results whose source gives no level; and the proficiency cut (level 3).
    min_peers : int
        Observed scores that a peer group needs for its median or percentile.
    expected_share : float
        A student without a result counts as missing a test that at least this share of the class (section) took.
    low_growth_percentile : float
        Growth below it moves a student of level 2 to tier 3, of level 3 to tier 2.
    mastery : float
        Share of the points on a standard from which it counts as mastered.
    standards_below : int
        Standards below mastery that make tier 2.
    imputed_limit : float
        Share of filled-in scores in a window above which its check fails.
    clusters : ClusterSettings
        How intervention clusters are made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subjects: tuple[str, ...] = ("ELA", "Math", "Algebra 1", "Geometry", "Biology")
    taught_as: dict[str, str] = Field(default_factory=lambda: {"Algebra 1": "Math", "Geometry": "Math", "Biology": "Science"})
    tests: tuple[TestYear, ...] = Field(default_factory=_tests)
    cut_scores: tuple[CutScores, ...] = Field(default_factory=_cut_scores)
    min_peers: int = Field(10, ge=1)
    expected_share: float = Field(0.5, gt=0, le=1)
    low_growth_percentile: float = Field(20.0, ge=0, le=100)
    mastery: float = Field(0.5, gt=0, le=1)
    standards_below: int = Field(2, ge=1)
    imputed_limit: float = Field(0.15, ge=0, le=1)
    clusters: ClusterSettings = Field(default_factory=ClusterSettings)

    @model_validator(mode="after")
    def _one_test_a_window(self) -> MtssSettings:
        windows = [window for test in self.tests if test.gives_tiers for window in test.windows]
        if len(windows) != len(set(windows)):
            raise ValueError(f"windows of tests that give tiers must have different names, got {windows}")
        if len({test.assessment_id for test in self.tests}) != len(self.tests):
            raise ValueError("a test is listed twice under mtss.tests")
        return self
