"""Two teachers' classes written by hand: students in every tier, one whose name looks like a formula, and all that can be missing.

Ms. Abel teaches ELA to Ann, Ben, Cem, Dee and Eve; Mr. Boyd teaches ELA to Fay and, with Ms. Abel, to Eve; Gus is nobody's student.
"""

import datetime as dt
from typing import Any

import polars as pl

from la_assets.forecasts.schema import PREDICTIONS
from la_assets.mtss.schema import ASSESSMENT_PANEL, CLUSTER_PROFILES, CLUSTERS, GROWTH, STANDARDS_PANEL, TIERS
from la_assets.reports.class_rows import Tables
from la_assets.roster.schema import DIRECTORY_STAFF, DIRECTORY_STUDENTS, INSTRUCTIONAL_LINKS, SCHOOLS, STAFF, STUDENTS
from la_resources.contracts import Table

YEAR = "2025-26"
AS_OF = dt.date(2026, 2, 1)
ANN, BEN, CEM, DEE, EVE, FAY, GUS = (f"{n:032x}" for n in range(1, 8))
ABEL, BOYD, COLE = (f"{n:x}".ljust(32, "0") for n in (0xA1, 0xB2, 0xC3))
NAMES = {ANN: ("Ann", "Arbor"), BEN: ("Ben", "=HYPERLINK(1)"), CEM: ("Cem", "Çelik"), DEE: ("Dee", "Dunn"), EVE: ("Eve", "Ek"),
         FAY: ("Fay", "+Fox"), GUS: ("Gus", "Gray")}  # fmt: skip
LINEAGE = {
    "school_year": YEAR, "known_on": dt.date(2026, 1, 20), "source": "hand", "loaded_at": dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
}  # fmt: skip


def frame(table: Table, *rows: dict[str, Any]) -> pl.LazyFrame:
    """Rows of a table; what is not given is missing, lineage is filled in."""
    return pl.LazyFrame([dict.fromkeys(table.names) | LINEAGE | row for row in rows], schema=table.polars_schema())


def link(student: str, staff: str, subject: str = "ELA", weight: float = 1.0) -> dict[str, Any]:
    return {"student_key": student, "staff_key": staff, "subject": subject, "weight": weight, "link_source": "sent"}


LINKS = frame(
    INSTRUCTIONAL_LINKS,
    *(link(s, ABEL) for s in (ANN, BEN, CEM, DEE)),
    link(EVE, ABEL, weight=0.4),
    link(EVE, BOYD, weight=0.6),
    link(FAY, BOYD),
    link(ANN, ABEL, "PE"),
    link(CEM, COLE, "Math"),
)
STAFF_ROWS = frame(
    STAFF, *({"staff_key": k, "school_id": s, "role": "teacher"} for k, s in ((ABEL, "0101"), (BOYD, "0101"), (COLE, "0102")))
)
STAFF_NAMES = frame(
    DIRECTORY_STAFF,
    {"staff_key": ABEL, "given_name": "Ada", "family_name": "Abel"},
    {"staff_key": BOYD, "given_name": "Bo", "family_name": "Boyd"},
    {"staff_key": COLE, "given_name": "Cy", "family_name": "Cole"},
)
SCHOOL_ROWS = frame(
    SCHOOLS, *({"school_id": i, "name": n} for i, n in (("0101", "Oak & Ash Elementary"), ("0102", "Elm"), ("0103", "Fir")))
)
STUDENT_NAMES = frame(DIRECTORY_STUDENTS, *({"student_key": k, "given_name": g, "family_name": f} for k, (g, f) in NAMES.items()))
STUDENT_ROWS = frame(STUDENTS, *({"student_key": k, "grade_level": "04"} for k in NAMES))


def tier(
    student: str, window: str, tier: int | None, *, score: float | None = None, level: int | None = None, **more: Any
) -> dict[str, Any]:
    made = {
        "student_key": student, "subject": "ELA", "assessment_id": "FAST", "grade_level": "04", "window": window,
        "window_order": int(window[-1]), "tier": tier, "is_latest": False, "status": "tiered" if tier else "not tested",
        "scale_score": score, "level": level, "reasons": [],
        "standards_tested": 0, "standards_below": 0, "not_proficient_standards": [],
    }  # fmt: skip
    return made | more


TIER_ROWS = frame(
    TIERS,
    tier(ANN, "PM1", 1, score=214.0, level=3),
    tier(ANN, "PM2", 1, score=224.0, level=4, is_latest=True, growth_percentile=71.0, standards_tested=3),
    tier(BEN, "PM1", 2, score=201.0, level=2),
    tier(
        BEN, "PM2", 3, score=202.0, level=2, is_latest=True, growth_percentile=12.0,
        reasons=["level_2_low_growth", "standards_below_mastery"], standards_tested=3, standards_below=2,
        not_proficient_standards=["ELA.4.R.2.1", "ELA.4.R.1.1"],
    ),
    tier(CEM, "PM1", None),
    tier(CEM, "PM2", 3, score=190.0, level=1, is_latest=True, reasons=["level_1"], standards_tested=3, standards_below=1,
         not_proficient_standards=["ELA.4.R.2.1"]),
    tier(DEE, "PM1", None),
    tier(DEE, "PM2", None),
    tier(EVE, "PM1", 2, score=203.0, level=2, is_latest=True, reasons=["level_2"]),
    tier(EVE, "PM2", None),
    tier(FAY, "PM2", 1, score=230.0, level=5, is_latest=True),
    tier(GUS, "PM2", 1, score=231.0, level=5, is_latest=True),
)  # fmt: skip
PANEL_ROWS = frame(
    ASSESSMENT_PANEL,
    *(
        {
            "student_key": s, "assessment_id": "FAST", "subject": "ELA", "window": w, "window_order": int(w[-1]), "is_final": False,
            "is_vertical_scale": True, "status": "not tested", "is_imputed": False, "reason_not_tested": why,
        }
        for s, w, why in ((CEM, "PM1", "absent"), (DEE, "PM1", "not said"), (DEE, "PM2", "medical"), (EVE, "PM2", "not said"))
    ),
)  # fmt: skip


def change(student: str, points: float | None, status: str = "grown") -> dict[str, Any]:
    return {
        "student_key": student, "assessment_id": "FAST", "subject": "ELA", "from_window": "PM1", "to_window": "PM2", "is_consecutive": True,
        "points": points, "status": status,
    }  # fmt: skip


GROWTH_ROWS = frame(
    GROWTH,
    change(ANN, 10.0),
    change(BEN, 1.0),
    change(CEM, None, "start not tested"),
    change(EVE, None, "end not tested"),
    change(BEN, 99.0) | {"from_window": "PM1 retake", "is_consecutive": False},
)


def forecast(student: str, score: float | None, low: float | None = None, high: float | None = None, **more: Any) -> dict[str, Any]:
    made = {
        "student_key": student, "subject": "ELA", "as_of_point": "after PM2", "as_of": AS_OF, "predicted_score": score, "lower_80": low,
        "upper_80": high, "status": "predicted",
    }  # fmt: skip
    return made | more


PREDICTION_ROWS = frame(
    PREDICTIONS,
    forecast(ANN, 231.4, 219.0, 243.0, probability_proficient=0.96, bubble=False),
    forecast(BEN, 209.6, 197.0, 221.0, probability_proficient=0.44, bubble=True)
    | {"as_of_point": "after PM1", "as_of": dt.date(2025, 10, 1)},
    forecast(BEN, 210.2, 199.0, 222.0, probability_proficient=0.46, bubble=True),
    forecast(CEM, 198.0, status="predicted, too few past errors for an interval"),
    forecast(DEE, None, status="no model: not enough years with final scores"),
)
CLUSTER_ROWS = frame(
    CLUSTERS,
    *(
        {"student_key": s, "subject": "ELA", "tier": t, "window": "PM2", "status": status, "cluster": c, "cluster_name": n}
        for s, t, c, n, status in (
            (BEN, 3, "A", "low growth, often absent", "clustered"),
            (CEM, 3, "B", "English learners", "clustered"),
            (ANN, 1, None, None, "no stable grouping"),
            (EVE, 2, None, None, "too few students"),
        )
    ),
)
PROFILE_ROWS = frame(
    CLUSTER_PROFILES,
    {"subject": "ELA", "tier": 3, "cluster": "A", "cluster_name": "low growth, often absent", "students": 31, "status": "clustered",
     "profile": "Growth far below the tier's, attendance 84 %.", "reteach_standards": ["ELA.4.R.2.1", "ELA.4.V.1.2"],
     "reteach_students": [22, 19]},
    {"subject": "ELA", "tier": 3, "cluster": "B", "cluster_name": "English learners", "students": 14, "status": "clustered",
     "profile": "Nine of ten are English learners.", "reteach_standards": [], "reteach_students": []},
)  # fmt: skip


def mastery(student: str, code: str, share: float | None, *, imputed: bool = False) -> dict[str, Any]:
    return {
        "student_key": student, "assessment_id": "FAST", "subject": "ELA", "window": "PM2", "standard_code": code, "mastery": share,
        "is_imputed": imputed,
    }  # fmt: skip


STANDARD_ROWS = frame(
    STANDARDS_PANEL,
    *(mastery(ANN, c, m) for c, m in (("ELA.4.R.1.1", 0.75), ("ELA.4.R.2.1", 0.5), ("ELA.4.V.1.2", 1.0))),
    *(mastery(BEN, c, m) for c, m in (("ELA.4.R.1.1", 0.4), ("ELA.4.R.2.1", 0.25), ("ELA.4.V.1.2", 0.5))),
    *(mastery(CEM, c, m) for c, m in (("ELA.4.R.1.1", 0.5), ("ELA.4.R.2.1", 0.0), ("ELA.4.V.1.2", 0.75))),
    mastery(DEE, "ELA.4.R.1.1", 0.1),
    mastery(ANN, "ELA.4.C.1.1", 0.2, imputed=True),
)
TABLES = Tables(LINKS, STUDENT_ROWS, TIER_ROWS, PANEL_ROWS, GROWTH_ROWS, CLUSTER_ROWS, PREDICTION_ROWS, STANDARD_ROWS)
SUBJECTS = ("ELA", "Math", "Algebra 1", "Geometry", "Biology")
TAUGHT_AS = {"Algebra 1": "Math", "Geometry": "Math", "Biology": "Science"}
