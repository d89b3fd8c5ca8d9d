"""The forecasts on real scores of two districts (SGPdata): trained on the years before 2023-24, judged on 2023-24.

No progress windows there, so a year's final is predicted from the finals of the two years before and program flags. The linear model to
beat is least squares on last year's scores in both subjects with grade indicators. `python -m tests.la_assets.forecasts.sgp_study FOLDER`
prints the figures of the room's page.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from la_assets.forecasts.candidates import Training, fit_candidates, predict
from la_assets.forecasts.conformal import Calibration
from la_assets.forecasts.design import Rows
from la_assets.forecasts.selection import selection_rows
from la_assets.forecasts.targets import CANDIDATE_COLUMNS, FEATURES

SUBJECTS = {"Math": "MATHEMATICS", "ELA": "READING"}
YEARS = ("2020-21", "2021-22", "2022-23", "2023-24")


def real_rows(scores: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Students with a score in a year and in the year before, with the columns of ``FEATURES`` (what is not known is missing)."""
    valid = scores.filter(pl.col("SCALE_SCORE").is_not_null()).select(
        student="ID",
        start=pl.col("YEAR").str.slice(0, 4).cast(pl.Int32),
        area="CONTENT_AREA",
        grade_level=pl.col("GRADE").cast(pl.String).str.zfill(2),
        score=pl.col("SCALE_SCORE").cast(pl.Float64),
        frl=pl.col("FREE_REDUCED_LUNCH_STATUS").str.ends_with("Yes").cast(pl.Float64),
        ell=pl.col("ELL_STATUS").str.ends_with("Yes").cast(pl.Float64),
        ese=pl.col("IEP_STATUS").str.ends_with("Yes").cast(pl.Float64),
        gifted=pl.col("GIFTED_AND_TALENTED_PROGRAM_STATUS").str.ends_with("Yes").cast(pl.Float64),
    )
    rows = valid.filter(pl.col("area") == SUBJECTS[subject])
    for name, area in (("math", "MATHEMATICS"), ("ela", "READING")):
        for back in (1, 2):
            prior = valid.filter(pl.col("area") == area).select("student", pl.col("start") + back, score_back="score")
            rows = rows.join(prior, on=["student", "start"], how="left").rename({"score_back": f"{name}_final_{back}"})
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in FEATURES if name not in rows.columns]
    year = pl.col("start").replace_strict({2020 + k: label for k, label in enumerate(YEARS)}, return_dtype=pl.String)
    own = f"{'math' if subject == 'Math' else 'ela'}_final_1"
    return rows.with_columns(*absent, school_year=year).filter(pl.col(own).is_not_null()).sort("school_year", "student")


@dataclass
class Study:
    """Figures of one subject: by candidate on 2023-24, by grade for the winner, and coverage of its intervals."""

    winner: str
    rmse: dict[str, float]
    r2: dict[str, float]
    linear_rmse: float
    linear_r2: float
    by_grade: pl.DataFrame
    coverage: dict[int, float]
    students: int


def _fit(rows: pl.DataFrame, subject: str) -> list[tuple[str, str]]:
    training = Training(Rows.of(rows), rows["score"].to_numpy(), rows["school_year"].to_numpy().astype(str))
    return [(m.artifact, m.manifest) for m in fit_candidates(training, subject)]


def least_squares(train: pl.DataFrame, test: pl.DataFrame) -> np.ndarray:
    """The linear model to beat: last year's scores in both subjects (the other's missing ones at their mean) and the grade."""
    grades = sorted(train["grade_level"].unique())

    def x(frame: pl.DataFrame) -> np.ndarray:
        prior = [frame[c].fill_null(train[c].mean()).to_numpy() for c in ("math_final_1", "ela_final_1")]
        return np.column_stack([*prior, *((frame["grade_level"] == g).cast(pl.Float64).to_numpy() for g in grades)])

    return x(test) @ np.linalg.lstsq(x(train), train["score"].to_numpy(), rcond=None)[0]


def study(scores: pl.DataFrame, subject: str) -> Study:
    """Fit on years before 2022-23 to choose and to calibrate, on years before 2023-24 to predict; judge on 2023-24."""
    rows = real_rows(scores, subject)
    before, fold, train, test = (
        rows.filter(condition)
        for condition in (
            pl.col("school_year") < "2022-23",
            pl.col("school_year") == "2022-23",
            pl.col("school_year") < "2023-24",
            pl.col("school_year") == "2023-24",
        )
    )
    said = predict(_fit(before, subject), Rows.of(fold))
    told = fold.select(
        "school_year",
        "grade_level",
        final_score="score",
        final_known_on=pl.lit(None, pl.Date),
        final_loaded_at=pl.lit(None, pl.Datetime("us", "UTC")),
        loaded_at=pl.lit(None, pl.Datetime("us", "UTC")),
        subject=pl.lit(subject),
        as_of_point=pl.lit("after PM1"),
    ).with_columns(pl.Series(CANDIDATE_COLUMNS[name], values) for name, values in said.items())
    chosen = selection_rows(told, "2023-24").filter("is_winner", pl.col("subject") == subject, pl.col("as_of_point") == "after PM1")
    winner = chosen["candidate"][0]
    final, grade = test["score"].to_numpy(), test["grade_level"].to_numpy().astype(str)
    now = predict(_fit(train, subject), Rows.of(test))
    past = Calibration.of(said[winner], fold["score"].to_numpy(), fold["grade_level"].to_numpy().astype(str), 100)
    assert past is not None
    covered = {}
    for level in (80, 95):
        low, high = past.interval(now[winner], grade, level / 100)
        covered[level] = float(((final >= low) & (final <= high)).mean())
    linear = least_squares(train, test)
    by_grade = pl.DataFrame(
        [
            (
                g,
                int((grade == g).sum()),
                *_figures(final[grade == g], now[winner][grade == g]),
                *_figures(final[grade == g], linear[grade == g]),
            )
            for g in sorted(set(grade.tolist()))
            if (grade == g).sum() >= 10
        ],
        schema=["grade", "students", "rmse", "r2", "linear rmse", "linear r2"],
        orient="row",
    )
    figures = {name: _figures(final, values) for name, values in now.items()}
    return Study(
        winner,
        {n: f[0] for n, f in figures.items()},
        {n: f[1] for n, f in figures.items()},
        *_figures(final, linear),
        by_grade,
        covered,
        len(final),
    )


def _figures(final: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    squared = (final - predicted) ** 2
    return float(np.sqrt(squared.mean())), float(1 - squared.sum() / ((final - final.mean()) ** 2).sum())


if __name__ == "__main__":
    scores = pl.read_parquet(Path(sys.argv[1]) / "sgp" / "scores.parquet")
    for subject in SUBJECTS:
        found = study(scores, subject)
        print(f"{subject}: {found.students} students of 2023-24, winner {found.winner}, coverage {found.coverage}")
        print(f"  least squares RMSE {found.linear_rmse:.2f} R2 {found.linear_r2:.4f}")
        for name, rmse in found.rmse.items():
            print(f"  {name:20} RMSE {rmse:.2f} R2 {found.r2[name]:.4f}")
        with pl.Config(tbl_rows=20, float_precision=3):
            print(found.by_grade)
