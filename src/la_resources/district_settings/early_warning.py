"""What a district may set of early warning: snapshot days, who is scored, thresholds, bounds of the audit and of drift.

The defaults are those of the design. Nothing here is computed; the room's plain modules get the values as arguments.
"""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_SECONDARY = ("06", "07", "08", "09", "10", "11", "12")


class EarlyWarningSettings(BaseModel):
    """Early warning of one district.

    Attributes
    ----------
    snapshots : dict
        Name to month and day (``10-31``) of the days at which every student's features are taken, in the order of a school year.
    decision_snapshot : str
        The snapshot whose figures stand on the asset pages and that the fairness audit is of: when the district decides on help.
    scored_grades, dropout_training_grades : tuple of str
        CEDS grades that are scored, and those that the dropout model learns from.
    dropout_window_years : int
        School years within which leaving without a diploma counts, the snapshot's own included: 2 is to the end of the next one.
    settling_days : int
        Days after 30 June until exits are on record: a dropout label is known only then. Any delay costs the models a year of labels,
        because a model knows nothing of its own year; raise it where exits are recorded in autumn.
    recent_days : int
        Length of the window of "recent" attendance, incidents and engagement before a snapshot.
    training_years : int
        Most labelled years that a model learns from, the newest ones.
    most_training_rows, most_course_rows : int
        Rows of students, and of students in courses, that a model learns from; of more, whole students are left out by their key, the
        same ones every time.
    rows_for_workers, workers, scheduler : int, int, str
        From so many training rows on, trees are grown by that many Dask workers, each with a share of the rows (``docs/workers.md``);
        none by default. The scheduler's address, e.g. ``tcp://host:8786``; empty: processes of this machine.
    passing_percent : float
        Mean percent of a course below which it is failed.
    course_snapshots : tuple of str
        Snapshots at which courses are scored; at later ones too little of the course is left. ``latest`` always is.
    sat_ela_benchmark, sat_math_benchmark : float
        College-ready section scores (College Board, 2016 SAT Suite benchmarks: 480 and 530).
    on_track_credits : float
        Credits by the end of grade 9 that put a student on track (Allensworth and Easton 2005: five full-year credits).
    on_track_core_fs : int
        Most semester Fs in core courses of a student on track.
    ap_success_score : float
        AP exam score that counts as success.
    demographics_as_features : tuple of str
        Of race_ethnicity, gender, frl, ell, ese: those that models may read. Race and ethnicity are none by default.
    medium_risk, high_risk : float
        Risk is Low below the first, High from the second on.
    low_attendance, low_gpa, many_suspensions, low_completion : float
        Below (from, for suspensions) which the matching recommendation is given.
    fairness_bound : float
        Largest difference in TPR from the reference group that the check lets pass.
    parity_bound : float
        Largest difference in selection rate that passes; wide, because groups differ in what they face, not only in how they are scored.
    psi_bound, auc_drop_bound : float
        Population stability index of a feature, and relative fall of AUC between years, that raise an alert.
    slope_bounds : tuple of float
        Calibration slopes within which the model has not drifted.
    scored_share, unlabelled_share, unknown_exits_share : float
        Least share of enrolled students with a score; most students without a label, and exits without meaning.
    resamples : int
        Bootstrap resamples behind the intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    snapshots: dict[str, str] = Field(default_factory=lambda: {"Q1": "10-31", "Q2": "01-31", "Q3": "04-15"}, min_length=1)
    decision_snapshot: str = "Q2"
    scored_grades: tuple[str, ...] = _SECONDARY
    dropout_training_grades: tuple[str, ...] = ("09", "10", "11", "12")
    dropout_window_years: int = Field(2, ge=1, le=3)
    settling_days: int = Field(0, ge=0, le=180)
    recent_days: int = Field(28, ge=7, le=90)
    training_years: int = Field(5, ge=2, le=6)
    most_training_rows: int = Field(300_000, ge=1_000)
    most_course_rows: int = Field(12_000, ge=1_000)
    rows_for_workers: int | None = Field(None, ge=1_000)
    workers: int = Field(2, ge=1, le=64)
    scheduler: str = Field("", pattern=r"^(|(tcp|tls)://\S+)$")
    passing_percent: float = Field(60.0, gt=0, lt=100)
    course_snapshots: tuple[str, ...] = ("Q1", "Q2")
    sat_ela_benchmark: float = Field(480.0, ge=200, le=800)
    sat_math_benchmark: float = Field(530.0, ge=200, le=800)
    on_track_credits: float = Field(5.0, gt=0)
    on_track_core_fs: int = Field(1, ge=0)
    ap_success_score: float = Field(3.0, ge=1, le=5)
    demographics_as_features: tuple[str, ...] = ()
    medium_risk: float = Field(0.30, gt=0, lt=1)
    high_risk: float = Field(0.60, gt=0, lt=1)
    low_attendance: float = Field(0.90, gt=0, lt=1)
    low_gpa: float = Field(2.0, gt=0, lt=5)
    many_suspensions: int = Field(2, ge=1)
    low_completion: float = Field(0.70, gt=0, lt=1)
    fairness_bound: float = Field(0.10, gt=0, le=1)
    parity_bound: float = Field(0.20, gt=0, le=1)
    psi_bound: float = Field(0.25, gt=0)
    auc_drop_bound: float = Field(0.05, gt=0, lt=1)
    slope_bounds: tuple[float, float] = (0.8, 1.25)
    scored_share: float = Field(0.95, ge=0, le=1)
    unlabelled_share: float = Field(0.05, ge=0, le=1)
    unknown_exits_share: float = Field(0.02, ge=0, le=1)
    resamples: int = Field(100, ge=20, le=5000)

    @field_validator("snapshots")
    @classmethod
    def _days_in_order(cls, snapshots: dict[str, str]) -> dict[str, str]:
        days = []
        for name, day in snapshots.items():
            if name == "latest":
                raise ValueError("the snapshot name `latest` is taken by the last day with data of the year in progress")
            month, _, number = day.partition("-")
            date = dt.date(2000 if int(month) < 7 else 1999, int(month), int(number))
            days.append(date)
        if days != sorted(set(days)):
            raise ValueError(f"snapshot days go from July to June, each once; got {snapshots}")
        return snapshots

    @model_validator(mode="after")
    def _parts_agree(self) -> EarlyWarningSettings:
        if unknown := {self.decision_snapshot, *self.course_snapshots} - set(self.snapshots):
            raise ValueError(f"{sorted(unknown)} are no snapshots; snapshots are {', '.join(self.snapshots)}")
        if self.medium_risk >= self.high_risk:
            raise ValueError(f"medium_risk {self.medium_risk} must be below high_risk {self.high_risk}")
        if self.slope_bounds[0] >= self.slope_bounds[1]:
            raise ValueError("slope_bounds are (lowest, highest)")
        return self
