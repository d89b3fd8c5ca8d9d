"""A district made up in a few lines: feature rows and final scores of several years whose truth is known.

A final is 1.0 x PM1 + 0.5 x last year's final + grade + error of SD 10; nothing of the models under test stands here.
"""

import datetime as dt

import numpy as np
import polars as pl

from la_assets.forecasts.targets import EXPECTED, FEATURES
from la_resources.school_year import first_day, shift

ERROR_SD = 10.0
LOADED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def years(first: str, count: int) -> list[str]:
    return [shift(first, back) for back in range(count)]


def key(number: int) -> str:
    return f"{number:032x}"


def district(school_years: list[str], students: int = 120, *, seed: int = 1, gain: float = 0.0) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Feature rows (all of `after PM1`, expected in Math) and finals, in the shapes that training and selection read."""
    features, finals = [], []
    for year in school_years:
        rng = np.random.default_rng([seed, int(year[:4])])
        grade = rng.integers(3, 6, students)
        prior = rng.normal(200 + 10 * grade, 20)
        pm1 = prior - 5 + rng.normal(0, 10, students)
        final = pm1 + 0.5 * (prior - 200) + 5 * grade + gain + rng.normal(0, ERROR_SD, students)
        keys = [key(int(year[:4]) * 1_000_000 + n) for n in rng.permutation(students)]
        known = {
            "math_pm1": np.where(rng.random(students) < 0.1, np.nan, pm1),
            "math_final_1": np.where(rng.random(students) < 0.2, np.nan, prior),
        }
        missing = np.full(students, np.nan)
        features.append(
            pl.DataFrame(
                {"student_key": keys, "grade_level": [f"{g:02d}" for g in grade]}
                | {column: [subject == "Math"] * students for subject, column in EXPECTED.items()}
                | {name: known.get(name, missing) for name in FEATURES}
            ).with_columns(
                pl.col(list(FEATURES)).fill_nan(None),
                as_of_point=pl.lit("after PM1"),
                as_of=pl.lit(first_day(year) + dt.timedelta(80)),
                known_on=pl.lit(first_day(year) + dt.timedelta(80)),
                school_year=pl.lit(year),
                source=pl.lit("forecasts"),
                loaded_at=pl.lit(LOADED).cast(pl.Datetime("us", "UTC")),
            )
        )
        finals.append(
            pl.DataFrame({"student_key": keys, "final_score": final, "final_grade": [f"{g:02d}" for g in grade]}).with_columns(
                subject=pl.lit("Math"),
                school_year=pl.lit(year),
                level=pl.when(pl.col("final_score") >= 240).then(3).otherwise(2).cast(pl.Int32),
                final_known_on=pl.lit(first_day(year) + dt.timedelta(300)),
                final_loaded_at=pl.lit(LOADED).cast(pl.Datetime("us", "UTC")),
            )
        )
    return pl.concat(features).lazy(), pl.concat(finals).lazy()
