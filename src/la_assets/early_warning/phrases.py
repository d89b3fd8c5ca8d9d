"""How each feature is said to a teacher or a family when it is among a student's reasons; no code, no abbreviation."""

from __future__ import annotations

from collections.abc import Mapping

from la_assets.early_warning.reasons import Phrase


def _share(text: str, missing: str = "") -> Phrase:
    return Phrase(f"{text}: {{value}} (typical: {{typical}})", "share", missing)


def _count(text: str, missing: str = "") -> Phrase:
    return Phrase(f"{text}: {{value}} (typical: {{typical}})", "count", missing)


def _number(text: str, missing: str = "", decimals: int = 1) -> Phrase:
    return Phrase(f"{text}: {{value}} (typical: {{typical}})", "number", missing, decimals=decimals)


def _flag(text: str, otherwise: str, missing: str = "") -> Phrase:
    return Phrase(text, "flag", missing, otherwise)


_NO_MARKS = "No marks on record yet"
_NO_YEAR_BEFORE = "No marks of the year before on record"
_NO_TEST = "No test on record"

PHRASES: Mapping[str, Phrase] = {
    "grade": Phrase("In grade {value}", "count"),
    "years_over_age": _count("Years older than usual for the grade"),
    "days_since_entry": _count("Days enrolled since entry this year"),
    "year_progress": Phrase("Day {value} of the school year", "count"),
    "attendance_rate": _share("Attended this year", "No attendance on record"),
    "recent_attendance_rate": _share("Attended in the last weeks", "No attendance on record in the last weeks"),
    "excused_per_100_days": _number("Excused absences per 100 days"),
    "unexcused_per_100_days": _number("Unexcused absences per 100 days"),
    "tardies_per_100_days": _number("Late arrivals per 100 days"),
    "early_dismissals_per_100_days": _number("Early dismissals per 100 days"),
    "chronically_absent": _flag("Chronically absent this year", "Not chronically absent", "Too few days to judge chronic absence"),
    "prior_attendance_rate": _share("Attended in the year before", "No attendance of the year before on record"),
    "two_year_attendance_rate": _share("Attended this year and the year before", "No attendance on record"),
    "attendance_change": Phrase("Attendance against the year before: {value}", "number", "No comparable attendance of the year before"),
    "gpa": _number("Grade point average this year", _NO_MARKS, 2),
    "mean_percent": _number("Mean percent of this year's marks", _NO_MARKS, 0),
    "d_share": _share("Marks with a D this year", _NO_MARKS),
    "f_share": _share("Marks with an F this year", _NO_MARKS),
    "core_f_share": _share("Marks with an F in core courses this year", _NO_MARKS),
    "courses_failing": _count("Courses under passing now", _NO_MARKS),
    "two_year_failures": _count("Courses under passing now, or failed in the year before", _NO_MARKS),
    "credits_not_earned": _number("Credits attempted and not earned", "No credits on record"),
    "prior_gpa": _number("Grade point average of the year before", _NO_YEAR_BEFORE, 2),
    "prior_courses_failed": _count("Courses failed in the year before", _NO_YEAR_BEFORE),
    "gpa_change": Phrase("Grade point average against the year before: {value}", "number", "No grade point average to compare with"),
    "courses": _count("Courses this year", "No courses on record"),
    "advanced_courses": _count("Advanced courses this year", "No courses on record"),
    "honors_courses": _count("Honors courses this year", "No courses on record"),
    "incidents_per_100_days": _number("Behaviour incidents per 100 days this year", "No attendance on record"),
    "recent_incidents": _count("Behaviour incidents in the last weeks"),
    "severe_per_100_days": _number("Severe incidents per 100 days this year", "No attendance on record"),
    "suspensions": _count("Suspensions this year"),
    "suspended_per_100_days": _number("Days suspended per 100 days this year", "No attendance on record"),
    "prior_incidents": _count("Behaviour incidents in the year before"),
    "prior_suspensions": _count("Suspensions in the year before"),
    "incidents_change": Phrase("Incidents per 100 days against the year before: {value}", "number", "No attendance on record"),
    "ela_standing": Phrase("Latest reading test, in standard deviations from the average: {value}", "number", _NO_TEST, decimals=1),
    "math_standing": Phrase("Latest mathematics test, in standard deviations from the average: {value}", "number", _NO_TEST, decimals=1),
    "ela_level": _count("Latest reading achievement level", _NO_TEST),
    "math_level": _count("Latest mathematics achievement level", _NO_TEST),
    "ela_change": Phrase("Reading tests against the year before, in standard deviations: {value}", "number", "No reading tests to compare"),
    "math_change": Phrase(
        "Mathematics tests against the year before, in standard deviations: {value}", "number", "No mathematics tests to compare"
    ),
    "tested_this_year": _flag("Tested this year", "Not tested this year", _NO_TEST),
    "lms_minutes_per_day": _number("Minutes a day in the learning system", "No activity in the learning system on record"),
    "lms_recent_minutes_per_day": _number("Minutes a day in the learning system lately", "No activity in the learning system on record"),
    "lms_posts_per_100_days": _number("Discussion posts per 100 days", "No activity in the learning system on record"),
    "assignment_completion": _share("Assignments handed in", "No assignments on record"),
    "late_share": _share("Assignments handed in late", "No assignments on record"),
    "has_lms": _flag("Active in the learning system", "No activity in the learning system on record"),
    "schools_this_year": _count("Schools attended this year"),
    "moved_this_year": _flag("Changed school this year", "Did not change school this year"),
    "schools_in_four_years": _count("Schools attended in four years"),
    "years_seen": Phrase("Earlier years in the district, of the last three: {value}", "count"),
    "repeated_grade": _flag("Repeats the grade", "Does not repeat the grade", "Was not here the year before"),
    "grades_repeated": _count("Grades repeated"),
    "section_504": _flag("Has a 504 plan", "Has no 504 plan"),
    "gifted": _flag("Identified as gifted", "Not identified as gifted"),
    "homeless": _flag("Homeless", "Not homeless"),
    "programs_now": _count("Programs and interventions now"),
    "program_tier": Phrase("Highest intervention tier now: {value}", "count"),
    "absence_x_failing": Phrase("Absence and failing courses together: {value}", "number", _NO_MARKS),
    "moved_x_failing": Phrase("A change of school and failing courses together: {value}", "count", _NO_MARKS),
    "absence_x_prior_failed": Phrase("Absence, and courses failed in the year before, together: {value}", "number", _NO_YEAR_BEFORE),
    "course_percent": _number("Mean percent in this course", _NO_MARKS, 0),
    "course_points": _number("Grade points in this course", _NO_MARKS),
    "course_marks": Phrase("Marks in this course so far: {value}", "count"),
    "course_is_advanced": _flag("An advanced course", "Not an advanced course"),
    "course_is_honors": _flag("An honors course", "Not an honors course"),
    "course_is_core": _flag("A core course", "Not a core course"),
    "class_percent": _number("Mean percent of the classmates", "No marks of classmates", 0),
    "below_class": Phrase("Points above (below) the classmates: {value}", "number", "No marks to compare", decimals=0),
    "below_own_mean": Phrase("Points above (below) the student's other courses: {value}", "number", "No marks to compare", decimals=0),
    "prior_percent_in_subject": _number("Mean percent in the subject in the year before", "No marks in the subject in the year before", 0),
    "course_minutes": _number("Minutes in the course's learning system", "No activity in the course on record", 0),
    "course_completion": _share("Assignments of the course handed in", "No assignments of the course on record"),
    "race_ethnicity": Phrase("Race or ethnicity: {value}", "text"),
    "gender": Phrase("Gender: {value}", "text"),
    "frl": _flag("Free or reduced-price lunch", "No free or reduced-price lunch", "Lunch status not on record"),
    "ell": _flag("English learner", "Not an English learner", "Language status not on record"),
    "ese": _flag("Has an individual education plan", "Has no individual education plan", "Plan status not on record"),
}
