"""What is forecast, when and by whom: subjects, as-of points and candidate models, and the names of their columns.

The words stand here, apart from the contracts, so that plain modules and contracts use the same ones.
"""

SUBJECTS = ("ELA", "Math", "Algebra 1", "Geometry", "Biology")
PROGRESS_SUBJECTS = ("ELA", "Math")
"""Subjects with progress windows; their final is PM3. The others end with a course exam."""

AS_OF_POINTS = {"after PM1": ("PM1",), "after PM2": ("PM1", "PM2")}
"""As-of point to the progress windows that are known by then."""

FINAL_WINDOW, COURSE_WINDOW = "PM3", "EOC"

CANDIDATES = ("last score", "ridge", "random forest", "histogram boosting", "XGBoost")
"""Simplest first: of candidates within one standard error of the best, the first here wins."""

BASELINE = CANDIDATES[0]


def slug(words: str) -> str:
    """Words as a column name: `Algebra 1` to `algebra_1`."""
    return words.lower().replace(" ", "_")


EXPECTED = {subject: f"expects_{slug(subject)}" for subject in SUBJECTS}
"""Subject to the feature column that says whether the student is expected to take its final test."""

CANDIDATE_COLUMNS = {name: slug(name) for name in CANDIDATES}

PROGRAM_FLAGS = ("frl", "ell", "ese", "section_504", "gifted", "homeless")

FEATURES = (
    *(
        f"{slug(subject)}_{name}"
        for subject in PROGRESS_SUBJECTS
        for name in ("pm1", "pm2", "growth", "mastery", "weak_standards", "interim", "prior_progress")
    ),
    *(f"{slug(subject)}_{name}" for subject in SUBJECTS for name in ("final_1", "final_2")),
    "attendance_rate",
    "days_absent",
    "prior_attendance_rate",
    *PROGRAM_FLAGS,
    "honors",
)
"""The numeric features, all of them; the grade comes beside them. A model is given these columns and no other."""

_PROGRESS_ORDER = {s: tuple(f"{s}_{name}" for name in ("pm2", "pm1", "final_1", "prior_progress", "final_2")) for s in ("ela", "math")}

LAST_SCORES = {
    "ELA": _PROGRESS_ORDER["ela"],
    "Math": _PROGRESS_ORDER["math"],
    "Algebra 1": (*_PROGRESS_ORDER["math"], *_PROGRESS_ORDER["ela"]),
    "Geometry": ("math_pm2", "math_pm1", "algebra_1_final_1", "math_final_1", "algebra_1_final_2", "math_final_2", *_PROGRESS_ORDER["ela"]),
    "Biology": (*_PROGRESS_ORDER["ela"], *_PROGRESS_ORDER["math"]),
}
"""Columns with a score, the most recent and closest to the subject first: what the baseline calls the last score."""
