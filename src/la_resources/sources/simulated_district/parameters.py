"""Every number the simulated district rests on, with the reason for its value.

One frozen dataclass; nothing else in the package holds a rate, an effect or a cut score. Achievement is in student
standard deviations within grade. It draws nothing and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GRADES = ("KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")
RACES = (
    "American Indian or Alaska Native",
    "Asian",
    "Black or African American",
    "Hispanic or Latino",
    "Native Hawaiian or Other Pacific Islander",
    "White",
    "Two or More Races",
)


@dataclass(frozen=True)
class Parameters:
    """The district's true parameters; also written to ``truth/parameters.json``.

    Attributes
    ----------
    students_per_school : int
        About the size of a US public school (NCES mean is near 550; many districts are smaller).
    class_size : tuple of int
        Smallest, aimed-at and largest class: the usual range under Florida's class-size law and funding.
    sections_per_teacher : int
        Sections a secondary teacher holds in a day of six or seven periods.
    teacher_turnover : float
        Share of posts that change hands each summer; US districts lose 8 to 16 %.
    teacher_effect_sd, school_effect_sd : float
        Effects on a year's growth, in student SD; 0.15 and 0.10 are the middle of the value-added literature.
    teacher_effect_correlation : float
        Between a teacher's ELA and mathematics effects.
    co_taught : float
        Share of core sections with a second teacher, who carries ``co_teacher_weight`` of the dosage.
    ability_sd : float
        Individual SD of long-run achievement besides demographic gaps.
    slope_sd : float
        SD of the individual trend, in SD a grade.
    persistence : float
        Share of last year's deviation from the long-run level that remains.
    growth_noise_sd : float
        SD of a year's unexplained growth; with ``persistence`` and the tests' errors it gives the prior-year correlation of 0.75 to 0.85.
    absence_cost : float
        Growth lost per unit of absence rate above average.
    pandemic_loss : dict
        Mean growth lost, in SD, by school year.
    sorting : float
        0: students enter sections at random within school and course; 1: sections are ordered by prior achievement.
    race_shares, frl_rates, ability_gaps : tuple
        By race in the order of ``RACES``: mix of a large southern district, free-lunch rates, and achievement gaps net of poverty.
    frl_gap, ell_gap, ese_gap : float
        Achievement gaps, in SD, of poverty, English learners and students with an IEP.
    absence_intercept : float
        Log odds of missing a day for the reference student; gives 16 to 19 % chronically absent in an ordinary year.
    absence_sd : float
        SD of the persistent absence propensity on the logit scale.
    absence_by_year : dict
        Shift of the log odds; absence rose in 2020-21 and 2021-22 and has come down only in part.
    tardy_rate, early_dismissal_rate : float
        A day, for the average student.
    dropout_by_grade : tuple of float
        Mean yearly hazard in grades 9 to 12; sums to about 5 % over four years.
    hazard_absence, hazard_failures, hazard_moved, hazard_achievement : float
        Log-odds effects on the dropout hazard: per unit of absence rate, per course failed (at most 4 count), of a move
        this year, per SD of achievement.
    move_rate, leave_rate, arrive_rate : float
        Shares that change school within the district, leave it, and enter it during the year.
    summer_leave_rate, no_show_share : float
        Share that leaves over the summer, and of these the share still enrolled in August that never comes.
    lunch_change_rate, new_ese_rate : float
        Shares whose lunch eligibility changes, and who get a first education plan, during the year.
    retention_rate : float
        Share that repeats a grade; higher for those who fail courses.
    test_missing_rate, test_missing_absence : float
        Share of tests missed by a student of average attendance, and the log odds per unit of absence rate.
    fast_se, map_se, eoc_se, i_ready_se : float
        Standard errors of measurement in score points.
    i_ready_year : str
        The one year in which the district used i-Ready in the early grades.
    program_random_effect, program_cut_effect : float
        True effects, in SD of the year's growth, of the randomised tutoring and of the reading block assigned by cut score.
    program_random_share : float
        Share of eligible students whom the lottery treats.
    years_without_spring_tests : tuple of str
        Spring state, interim and college tests were not given.
    closures : dict
        Last day of attendance-taking by school year.
    """

    students_per_school: int = 450
    class_size: tuple[int, int, int] = (18, 23, 28)
    sections_per_teacher: int = 5
    teacher_turnover: float = 0.10
    teacher_effect_sd: float = 0.15
    school_effect_sd: float = 0.10
    teacher_effect_correlation: float = 0.5
    co_taught: float = 0.08
    co_teacher_weight: float = 0.4
    ability_sd: float = 0.68
    slope_sd: float = 0.04
    persistence: float = 0.70
    growth_noise_sd: float = 0.34
    absence_cost: float = 1.0
    pandemic_loss: dict[str, float] = field(default_factory=lambda: {"2019-20": 0.05, "2020-21": 0.15, "2021-22": 0.05})
    sorting: float = 0.0
    race_shares: tuple[float, ...] = (0.004, 0.031, 0.220, 0.335, 0.002, 0.363, 0.045)
    frl_rates: tuple[float, ...] = (0.60, 0.35, 0.72, 0.64, 0.58, 0.38, 0.52)
    ability_gaps: tuple[float, ...] = (-0.20, 0.30, -0.35, -0.10, -0.15, 0.0, -0.05)
    frl_gap: float = -0.45
    ell_gap: float = -0.50
    ese_gap: float = -0.70
    absence_intercept: float = -3.17
    absence_sd: float = 0.62
    absence_by_year: dict[str, float] = field(
        default_factory=lambda: {
            "2020-21": 0.17,
            "2021-22": 0.22,
            "2022-23": 0.12,
            "2023-24": 0.08,
            "2024-25": 0.06,
            "2025-26": 0.05,
            "2026-27": 0.05,
        }
    )
    tardy_rate: float = 0.025
    early_dismissal_rate: float = 0.008
    dropout_by_grade: tuple[float, float, float, float] = (0.009, 0.013, 0.016, 0.015)
    hazard_absence: float = 9.0
    hazard_failures: float = 0.50
    hazard_moved: float = 0.60
    hazard_achievement: float = -0.30
    move_rate: float = 0.035
    leave_rate: float = 0.015
    arrive_rate: float = 0.015
    summer_leave_rate: float = 0.020
    no_show_share: float = 0.30
    lunch_change_rate: float = 0.02
    new_ese_rate: float = 0.01
    retention_rate: float = 0.020
    test_missing_rate: float = 0.03
    test_missing_absence: float = 10.0
    fast_se: float = 7.0
    map_se: float = 3.3
    eoc_se: float = 8.0
    i_ready_se: float = 12.0
    i_ready_year: str = "2024-25"
    program_random_effect: float = 0.20
    program_cut_effect: float = 0.15
    program_random_share: float = 0.5
    years_without_spring_tests: tuple[str, ...] = ("2019-20",)
    closures: dict[str, str] = field(default_factory=lambda: {"2019-20": "2020-03-13"})
