"""Contracts of the MTSS tables: scores with gaps filled and flagged, growth, tiers of support, movement, and intervention clusters.

A subject is a column (ELA, Math, Algebra 1, Geometry, Biology). Two panels hold what was observed and what was filled in, never
one without the flag that tells them apart; tiers and growth are made from observed results only. The bubble flag is not here: it
follows from a predicted final score and stands in ``forecasts.predictions``.
"""

import polars as pl

from la_assets.landing.schema import GRADES, SUBJECTS, at_end, day, flag, number, text, whole
from la_resources.contracts import Column, ForeignKey, Table, lineage_columns, staff_key, student_key

IMPUTATION_LEVELS = ("section", "teacher", "grade in school", "school", "grade in district")
"""Peer groups from the smallest to the widest."""

PANEL_STATUSES = ("tested", "imputed", "not tested", "too few peers")
GROWTH_STATUSES = ("grown", "start not tested", "end not tested", "scales differ", "too few peers")
PEER_GROUPS = ("decile in grade", "decile in district")
TIER_STATUSES = ("tiered", "not tested", "no results yet", "window cancelled", "no achievement level")
TIER_REASONS = ("level_1", "level_2_low_growth", "level_2", "level_3_low_growth", "standards_below_mastery")
MOVEMENTS = ("stayed", "more support", "less support", "entered", "left")
FIT_STATUSES = ("fitted", "too few students", "no stable grouping", "nothing varies")
SAID = ("yes", "no", "not said")
CLUSTER_STATUSES = ("clustered", "too few students", "no stable grouping", "nothing varies", "not fitted yet")

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))


def _texts(name: str, description: str) -> Column:
    return Column(name, pl.List(pl.String), description)


_subject = text("subject", "Subject.", nullable=False, options=SUBJECTS)
_test = text("assessment_id", "Test family, e.g. FAST, EOC, MAP Growth, i-Ready.", nullable=False)
_window = text("window", "Window: PM1, PM2, PM3, EOC, fall, winter, spring.", nullable=False)
_grade = text("grade_level", "Grade tested, else grade of the roster.", options=GRADES)
_school = text("school_id", "School of the primary enrolment at the test date (the window's middle date where not tested).")
_tier = whole("tier", "Tier of support: 1 (core), 2 (added), 3 (intensive).", 1, 3)

ASSESSMENT_PANEL = Table(
    "mtss.assessment_panel",
    "A student's official result on a test in a window: observed, filled in with a peer median, or missing with the reason.",
    (
        student_key(),
        _test,
        _subject,
        _window,
        whole("window_order", "Place of the window in the test's year, from 1.", 1, nullable=False),
        flag("is_final", "The accountability score of the year (PM3, EOC): never filled in.", nullable=False),
        _grade,
        _school,
        text("section_id", "Section of the subject (Algebra 1 and Geometry: else of Math; Biology: else of Science) at that date."),
        staff_key("Teacher with the largest share of the student's instruction in the subject.", nullable=True),
        day("administered_on", "Tested on; missing where not tested."),
        number("scale_score", "Scale score, observed or filled in (`is_imputed`)."),
        number("standard_error", "Standard error of measurement, where the source gives one.", 0),
        whole("level", "Achievement level 1..5 as the source gives it; never filled in.", 1, 5),
        flag("is_vertical_scale", "Scores of the test compare across grades.", nullable=False),
        text("status", "What stands in `scale_score`, or why nothing does.", nullable=False, options=PANEL_STATUSES),
        flag("is_imputed", "The score is a median of peers, not a result of the student.", nullable=False),
        text("imputation_level", "The peer group of the median.", options=IMPUTATION_LEVELS),
        whole("imputation_peers", "Observed scores behind the median.", 1),
        text("reason_not_tested", "Why there is no result, as the source says; `not said` where no file does. Missing where tested."),
        *lineage_columns(),
    ),
    ("student_key", "assessment_id", "subject", "window", "school_year"),
    (_student,),
)

STANDARDS_PANEL = Table(
    "mtss.standards_panel",
    "A student's share of the points on a standard of a test in a window, observed or filled in with a peer median.",
    (
        student_key(),
        _test,
        _subject,
        _window,
        text("standard_code", "Benchmark code.", nullable=False),
        _grade,
        number("points_earned", "Points earned; missing where filled in.", 0),
        number("points_possible", "Points possible; missing where filled in.", 0),
        number("mastery", "Share of the points earned, observed or filled in (`is_imputed`).", 0, 1),
        flag("is_imputed", "The share is a median of peers, not a result of the student.", nullable=False),
        text("imputation_level", "The peer group of the median.", options=IMPUTATION_LEVELS),
        whole("imputation_peers", "Observed shares behind the median.", 1),
        *lineage_columns(),
    ),
    ("student_key", "assessment_id", "subject", "window", "standard_code", "school_year"),
    (_student,),
)

GROWTH = Table(
    "mtss.growth",
    "A student's change between two windows of the same test in a year, from observed scores only.",
    (
        student_key(),
        _test,
        _subject,
        text("from_window", "Window at the start.", nullable=False),
        text("to_window", "Window at the end.", nullable=False),
        flag("is_consecutive", "No window of the test lies between the two.", nullable=False),
        _grade,
        _school,
        number("from_score", "Scale score at the start."),
        number("to_score", "Scale score at the end."),
        whole("days", "Days between the two test dates.", 0),
        number("points", "Change in scale points."),
        number("points_per_30_days", "Change in scale points per 30 days; missing where a date is missing or both are the same."),
        whole("start_decile", "Decile of the score at the start among the grade's students of the district, 1 lowest.", 1, 10),
        number("growth_percentile", "Percentile rank (mid-rank) of the change among peers with the same starting decile.", 0, 100),
        text("peer_group", "Which peers: of the grade, or of all grades where the grade has too few.", options=PEER_GROUPS),
        whole("peers", "Students in that group, this one included.", 1),
        text("status", "Whether there is a change to tell, or why not.", nullable=False, options=GROWTH_STATUSES),
        *lineage_columns(),
    ),
    ("student_key", "assessment_id", "subject", "from_window", "to_window", "school_year"),
    (_student,),
)

TIERS = Table(
    "mtss.tiers",
    "A student's tier of support in a subject after a window, with the reasons; without a result there is a status and no tier.",
    (
        student_key(),
        _subject,
        _window,
        whole("window_order", "Place of the window in the test's year, from 1.", 1, nullable=False),
        _test,
        flag("is_latest", "The student's newest window with a tier in this subject and year.", nullable=False),
        _grade,
        _school,
        staff_key("Teacher with the largest share of the student's instruction in the subject.", nullable=True),
        text("status", "Whether there is a tier, or why not.", nullable=False, options=TIER_STATUSES),
        at_end(_tier),
        _texts(
            "reasons",
            "Codes of every rule that holds, the deciding one first: " + ", ".join(TIER_REASONS) + ". Empty in tier 1.",
        ),
        at_end(number("scale_score", "Observed scale score.")),
        at_end(whole("level", "Achievement level 1..5.", 1, 5)),
        at_end(text("level_source", "The source's own level, or the district's cut scores.", options=("source", "cut scores"))),
        at_end(number("proficiency_cut", "Lowest scale score of level 3 for test, subject, grade and window, where the district has one.")),
        at_end(number("growth_percentile", "Growth percentile from the student's last earlier observed window.", 0, 100)),
        at_end(text("growth_from_window", "That window.")),
        whole("standards_tested", "Standards with points in this window.", 0, nullable=False),
        whole("standards_below", "Of these, standards below mastery.", 0, nullable=False),
        _texts("not_proficient_standards", "Codes of the standards below mastery, worst first."),
        *lineage_columns(),
    ),
    ("student_key", "subject", "window", "school_year"),
    (_student,),
)

TIER_MOVEMENT = Table(
    "mtss.tier_movement",
    "A student's tier in a subject in two windows that follow each other in a year, and the movement between them.",
    (
        student_key(),
        _subject,
        text("from_window", "Earlier window.", nullable=False),
        text("to_window", "Later window.", nullable=False),
        _grade,
        text("school_id", "School at the later window, else at the earlier."),
        whole("from_tier", "Tier after the earlier window; missing: none.", 1, 3),
        whole("to_tier", "Tier after the later window; missing: none.", 1, 3),
        text(
            "movement",
            "stayed; more or less support (tier number up or down); entered (no tier before); left (no tier after).",
            nullable=False,
            options=MOVEMENTS,
        ),
        *lineage_columns(),
    ),
    ("student_key", "subject", "from_window", "to_window", "school_year"),
    (_student,),
)

CLUSTER_FEATURES = Table(
    "mtss.cluster_features",
    "What a student's intervention cluster in a subject is made from, as of the student's newest window with a tier.",
    (
        student_key(),
        _subject,
        whole("tier", "Tier after that window.", 1, 3, nullable=False),
        _window,
        _grade,
        _school,
        number("score", "Scale score in standard deviations from the mean of subject, grade and window."),
        at_end(number("growth_percentile", "Growth percentile from the last earlier window; missing after a first window.", 0, 100)),
        number("attendance_rate", "Attendance rate of the year so far.", 0, 1),
        number("gpa", "Grade point average of the year so far.", 0, 5),
        text("ell", "English learner: yes, no, not said.", nullable=False, options=SAID),
        text("ese", "Exceptional student education: yes, no, not said.", nullable=False, options=SAID),
        text("frl", "Free or reduced-price lunch: yes, no, not said.", nullable=False, options=SAID),
        text("gender", "Gender; `not said` where missing.", nullable=False),
        text("race_ethnicity", "Federal roll-up; `not used` unless the district switches the feature on.", nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student,),
)

CLUSTER_FITS = Table(
    "mtss.cluster_fits",
    "The K-Prototypes model of a tier and subject: centroids, scaling and how the number of clusters was chosen.",
    (
        _subject,
        whole("tier", "Tier of support.", 1, 3, nullable=False),
        text("status", "Whether there is a model, or why not.", nullable=False, options=FIT_STATUSES),
        whole("students", "Students in the tier and subject.", 0, nullable=False),
        whole("clusters", "Number of clusters k; 1 where there is no grouping.", 1),
        number("gamma", "Weight of a categorical mismatch (Huang's rule: half the mean standard deviation of the numeric features).", 0),
        number("cost", "Sum over students of the dissimilarity to their centroid.", 0),
        number("stability", "Mean adjusted Rand index of refits on resamples against this fit.", -1, 1),
        text("model", "Features, means and standard deviations, centroids, as JSON; missing without a model."),
        text("curve", "Cost and stability of every k tried, as JSON."),
        text("manifest", "Settings, seed, library versions and hash of the data, as JSON.", nullable=False),
        *lineage_columns(),
    ),
    ("subject", "tier", "school_year"),
)

CLUSTERS = Table(
    "mtss.clusters",
    "The intervention cluster of a student in a subject, among the students of the same tier in the year.",
    (
        student_key(),
        _subject,
        whole("tier", "Tier after the student's newest window.", 1, 3, nullable=False),
        _window,
        _grade,
        _school,
        text("status", "Whether there is a cluster, or why not.", nullable=False, options=CLUSTER_STATUSES),
        text("cluster", "Label of the cluster (A, B, ...), the same from year to year for the same kind of student."),
        text("cluster_name", "What sets the cluster apart, in a few words."),
        number("distance", "Dissimilarity to the cluster's centroid.", 0),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student,),
)

CLUSTER_PROFILES = Table(
    "mtss.cluster_profiles",
    "An intervention cluster: who is in it, what sets it apart, and the standards most worth re-teaching.",
    (
        _subject,
        whole("tier", "Tier of support.", 1, 3, nullable=False),
        text("cluster", "Label of the cluster; `none` for a tier and subject without clusters.", nullable=False),
        text("cluster_name", "What sets the cluster apart, in a few words."),
        text("profile", "The same in a sentence."),
        text("status", "Whether these are clusters, or why there are none.", nullable=False, options=CLUSTER_STATUSES),
        whole("students", "Students.", 0, nullable=False),
        number("share", "Share of the tier and subject.", 0, 1),
        number("score", "Mean score in standard deviations from the mean of subject, grade and window."),
        at_end(number("growth_percentile", "Mean growth percentile.", 0, 100)),
        number("attendance_rate", "Mean attendance rate.", 0, 1),
        number("gpa", "Mean grade point average.", 0, 5),
        number("ell", "Share of English learners.", 0, 1),
        number("ese", "Share in exceptional student education.", 0, 1),
        number("frl", "Share with free or reduced-price lunch.", 0, 1),
        number("female", "Share of girls.", 0, 1),
        _texts(
            "reteach_standards", "The three standards most worth re-teaching: those with the most students of the cluster below mastery."
        ),
        Column("reteach_students", pl.List(pl.Int32), "Students below mastery on each of them."),
        text("continues_from", "School year of the last cluster of this label that this one continues; missing: a new kind."),
        number("match_distance", "Dissimilarity of the two centroids.", 0),
        *lineage_columns(),
    ),
    ("subject", "tier", "cluster", "school_year"),
)
