"""Which tables may be read by whom: a table that is not listed here is not read through the query interface, nor by a role in Redshift.

``student``: rows of the students one is linked to; ``names``: the same, for roles entitled to names; ``class``, ``school``: aggregates
of one's class or school; ``district``: aggregates for everyone with access. Models, evaluations of teachers, raw rows and lists of
identifiers are left out on purpose. How a rule is applied stands in ``la_resources``.
"""

from __future__ import annotations

READABLE: dict[str, str] = {
    "directory.students": "names",
    "marts.student_360": "student",
    "marts.early_warning_roster": "student",
    "marts.mtss_roster": "student",
    "marts.class_overview": "class",
    "marts.school_overview": "school",
    "marts.district_overview": "district",
    "marts.equity_gaps": "district",
    "roster.students": "student",
    "roster.enrollments": "student",
    "roster.progression": "student",
    "roster.section_enrollments": "student",
    "attendance.daily": "student",
    "attendance.student_school_year": "student",
    "attendance.student_year": "student",
    "assessments.scores": "student",
    "assessments.standards": "student",
    "coursework.grades": "student",
    "coursework.student_year": "student",
    "behavior.incidents": "student",
    "behavior.points": "student",
    "engagement.lms_daily": "student",
    "programs.participation": "student",
    "mtss.assessment_panel": "student",
    "mtss.standards_panel": "student",
    "mtss.growth": "student",
    "mtss.tiers": "student",
    "mtss.tier_movement": "student",
    "mtss.clusters": "student",
    "growth.percentiles": "student",
    "growth.trajectories": "student",
    "forecasts.predictions": "student",
    "early_warning.dropout_scores": "student",
    "early_warning.course_failure_scores": "student",
    "early_warning.college_readiness_scores": "student",
    "early_warning.risk_changes": "student",
}
