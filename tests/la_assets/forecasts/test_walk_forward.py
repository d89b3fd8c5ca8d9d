"""From models of several years to predictions and their evaluation: who wins, what is published, how it fared."""

import datetime as dt
import json

import polars as pl
import pytest

from la_assets.forecasts.checks import coverage_within_bounds, expected_students_have_predictions, winner_beats_baseline
from la_assets.forecasts.fared import evaluation_rows
from la_assets.forecasts.finals import final_scores, proficiency_cuts
from la_assets.forecasts.published import Rules, prediction_rows
from la_assets.forecasts.schema import EVALUATION, PREDICTIONS, SELECTION
from la_assets.forecasts.scoring import scored
from la_assets.forecasts.selection import fold_rows, selection_rows
from la_assets.forecasts.targets import CANDIDATE_COLUMNS, CANDIDATES
from la_assets.forecasts.training import Limits, model_rows
from la_resources.contracts import validate

from .made_up import district, years
from .test_features import ANN, score

YEARS = years("2020-21", 6)
MATH = (pl.col("subject") == "Math") & (pl.col("as_of_point") == "after PM1")


class Walk:
    """Every year's models, candidate predictions, selection, predictions and evaluation, each from earlier years only."""

    def __init__(self, students: int = 300, gain: dict[str, float] | None = None) -> None:
        made = [district([year], students, gain=(gain or {}).get(year, 0.0)) for year in YEARS]
        self.features, self.finals = (pl.concat(part[k] for part in made) for k in (0, 1))
        self.models, self.candidates = [], []
        for year in YEARS:
            models = model_rows(self.features, self.finals, year, Limits())
            self.models.append(models)
            self.candidates.append(scored(self.features.filter(pl.col("school_year") == year), models).collect())

    def folds(self, year: str) -> pl.DataFrame:
        return fold_rows(pl.concat(self.candidates).lazy(), self.finals, pl.concat(self.models).lazy(), year).collect()

    def predictions(self, year: str) -> pl.DataFrame:
        at = YEARS.index(year)
        cuts = proficiency_cuts(self.finals.filter(pl.col("school_year") < year))
        chosen = selection_rows(self.folds(year), year)
        return prediction_rows(self.candidates[at].lazy(), self.models[at], chosen, folds=self.folds(year), cuts=cuts, rules=Rules())

    def evaluation(self, year: str, finals: pl.LazyFrame | None = None, *, tests_held: bool = True) -> pl.DataFrame:
        own = self.finals.filter(pl.col("school_year") == year) if finals is None else finals
        return evaluation_rows(self.candidates[YEARS.index(year)].lazy(), self.predictions(year).lazy(), own, year, tests_held=tests_held)


@pytest.fixture(scope="module")
def walk() -> Walk:
    return Walk()


def test_the_first_predicted_year_has_two_years_before_it(walk: Walk) -> None:
    status = {year: walk.predictions(year)["status"].unique().to_list() for year in YEARS[:3]}
    assert status[YEARS[0]] == status[YEARS[1]] == ["no model: not enough years with final scores"]
    predicted = walk.predictions(YEARS[2]).filter(MATH)
    assert predicted["status"].unique().to_list() == ["predicted"]
    assert predicted["lower_95"].null_count() == 0, "the year with one year before it calibrates the first intervals"


def test_every_fold_is_a_year_predicted_from_the_years_before_it(walk: Walk) -> None:
    chosen = selection_rows(walk.folds(YEARS[5]), YEARS[5])
    validate(
        SELECTION,
        chosen.with_columns(
            pl.col("known_on").fill_null(dt.date(2025, 7, 1)),
            pl.col("loaded_at").fill_null(dt.datetime(2025, 7, 1, tzinfo=dt.UTC)),
            source=pl.lit("forecasts"),
        ).select(SELECTION.names),
    )
    rows = chosen.filter(MATH)
    assert [sorted(json.loads(folds)) for folds in rows["fold_rmse"]] == [YEARS[2:5]] * 5
    assert rows.filter("is_winner").height == 1
    by_hand = walk.candidates[3].join(walk.finals.collect(), on=["student_key", "subject", "school_year"])
    rmse = ((by_hand["ridge"] - by_hand["final_score"]) ** 2).mean() ** 0.5
    assert json.loads(rows.filter(pl.col("candidate") == "ridge")["fold_rmse"][0])[YEARS[3]] == pytest.approx(rmse, abs=1e-5)


def test_the_year_itself_and_later_years_choose_nothing(walk: Walk) -> None:
    """The whole walk is in the frames; cutting the later years out by hand gives the same winner and the same intervals."""
    year = YEARS[4]
    before = fold_rows(
        pl.concat(walk.candidates[:4]).lazy(), walk.finals.filter(pl.col("school_year") < year), pl.concat(walk.models[:4]).lazy(), year
    )
    assert selection_rows(before.collect(), year).equals(selection_rows(walk.folds(year), year))


def folds_of(errors: dict[str, list[float]]) -> pl.DataFrame:
    told = pl.DataFrame({CANDIDATE_COLUMNS[name]: [200.0 + e for e in values] for name, values in errors.items()})
    return told.with_columns(
        subject=pl.lit("ELA"),
        as_of_point=pl.lit("after PM1"),
        school_year=pl.lit("2022-23"),
        final_score=pl.lit(200.0),
        final_known_on=pl.lit(dt.date(2023, 5, 1)),
        final_loaded_at=pl.lit(None, pl.Datetime("us", "UTC")),
        loaded_at=pl.lit(None, pl.Datetime("us", "UTC")),
    )


def winner(errors: dict[str, list[float]]) -> tuple[str, str]:
    rows = selection_rows(folds_of(errors), "2023-24").filter("is_winner", pl.col("subject") == "ELA", pl.col("as_of_point") == "after PM1")
    return rows["candidate"][0], rows["reason"][0]


def test_the_lowest_rmse_wins_and_a_tie_goes_to_the_simpler_one() -> None:
    far = [10.0, -10.0] * 10
    errors = dict.fromkeys(CANDIDATES, far) | {"XGBoost": [1.0, -1.0] * 10}
    assert winner(errors) == ("XGBoost", "lowest RMSE")
    nearly = [1.0, -1.0] * 9 + [2.0, 0.5]
    assert winner(errors | {"ridge": nearly}) == ("ridge", "simplest within one standard error of the lowest")
    assert winner(errors | {"random forest": [1.0, -1.0] * 10}) == ("random forest", "lowest RMSE")


def test_without_a_past_ridge_predicts_and_no_interval_is_made_up(walk: Walk) -> None:
    empty = walk.folds(YEARS[0])
    chosen = selection_rows(empty, YEARS[3])
    assert set(chosen["reason"]) == {"no folds"}
    assert chosen.filter("is_winner")["candidate"].unique().to_list() == ["ridge"]
    cuts = proficiency_cuts(walk.finals)
    made = prediction_rows(walk.candidates[3].lazy(), walk.models[3], chosen, folds=empty, cuts=cuts, rules=Rules()).filter(MATH)
    assert made["status"].unique().to_list() == ["predicted, too few past errors for an interval"]
    assert made["predicted_score"].null_count() == 0
    assert made.select("lower_80", "standard_error", "probability_proficient", "bubble").null_count().row(0) == (made.height,) * 4


def test_predictions_keep_their_contract_and_their_rules(walk: Walk) -> None:
    made = walk.predictions(YEARS[4])
    validate(PREDICTIONS, made.select(PREDICTIONS.names))
    rows = made.filter(MATH)
    assert rows.height == 300
    inside = (
        (pl.col("lower_95") <= pl.col("lower_80"))
        & (pl.col("lower_80") < pl.col("predicted_score"))
        & (pl.col("predicted_score") < pl.col("upper_80"))
    )
    assert rows.filter(inside & (pl.col("upper_80") <= pl.col("upper_95"))).height == 300
    near = (rows["predicted_score"] - rows["proficiency_cut"]).abs() <= rows["standard_error"]
    assert rows["bubble"].equals(near.alias("bubble"))
    assert 20 < rows["bubble"].sum() < 280
    ordered = rows.filter(pl.col("grade_level") == "03").sort(pl.col("predicted_score"))
    assert ordered["probability_proficient"][-1] > 0.9 > 0.1 > ordered["probability_proficient"][0]


def test_coverage_on_later_years_is_what_the_intervals_say(walk: Walk) -> None:
    """Four years of 300 students, judged on the year itself: 80 % within four points, 95 % within three (about two standard errors)."""
    rows = pl.concat(walk.evaluation(year) for year in YEARS[2:]).filter(MATH, "is_winner", pl.col("grade_level") == "all")
    assert rows["coverage_80"].mean() == pytest.approx(0.80, abs=0.04)
    assert rows["coverage_95"].mean() == pytest.approx(0.95, abs=0.03)
    assert winner_beats_baseline(rows.lazy())[0]


def test_figures_are_those_of_the_definition(walk: Walk) -> None:
    year = YEARS[5]
    made = walk.evaluation(year)
    told = walk.predictions(year).filter(MATH).join(walk.finals.collect(), on=["student_key", "subject", "school_year"])
    error = told["final_score"] - told["predicted_score"]
    row = made.filter(MATH, "is_winner", pl.col("grade_level") == "all").row(0, named=True)
    assert row["candidate"] == told["candidate"][0]
    assert row["students"] == 300
    assert row["rmse"] == pytest.approx((error**2).mean() ** 0.5)
    assert row["mae"] == pytest.approx(error.abs().mean())
    assert row["bias"] == pytest.approx(error.mean())
    assert row["r2"] == pytest.approx(1 - (error**2).sum() / ((told["final_score"] - told["final_score"].mean()) ** 2).sum())
    assert row["coverage_80"] == pytest.approx(
        ((told["final_score"] >= told["lower_80"]) & (told["final_score"] <= told["upper_80"])).mean()
    )
    assert row["brier"] == pytest.approx(((told["probability_proficient"] - (told["level"] >= 3).cast(pl.Float64)) ** 2).mean())
    grades = made.filter(MATH, pl.col("candidate") == row["candidate"], pl.col("grade_level") != "all")
    assert grades["students"].sum() == 300
    assert made.filter(MATH, pl.col("grade_level") == "all").select(pl.col("rmse").null_count()).item() == 0, "every candidate is judged"
    lineage = [pl.col("known_on").fill_null(dt.date(2025, 7, 1)), pl.col("loaded_at").fill_null(dt.datetime(2025, 7, 1, tzinfo=dt.UTC))]
    validate(EVALUATION, made.with_columns(*lineage, source=pl.lit("forecasts")).select(EVALUATION.names))


def test_before_the_finals_there_are_no_figures_and_the_status_says_why(walk: Walk) -> None:
    none = walk.finals.filter(pl.lit(False))
    for tests_held, status in ((True, "no final scores yet"), (False, "no final scores in this year")):
        rows = walk.evaluation(YEARS[5], none, tests_held=tests_held).filter(MATH)
        assert rows["status"].unique().to_list() == [status]
        assert rows["rmse"].is_null().all()
    assert walk.evaluation(YEARS[0]).filter(MATH)["status"].unique().to_list() == ["no predictions in this year"]
    other = walk.evaluation(YEARS[5]).filter(pl.col("as_of_point") == "after PM2")
    assert other["status"].unique().to_list() == ["nobody to predict at this as-of point"]
    few = walk.finals.filter(pl.col("school_year") == YEARS[5]).head(9)
    assert set(walk.evaluation(YEARS[5], few).filter(MATH)["status"]) == {"too few students"}


def test_a_year_unlike_the_past_fails_the_coverage_check_and_shows_its_bias() -> None:
    """Everybody gains 15 points more than ever before: the check fails and `bias` tells why; no past interval could have known."""
    walk = Walk(300, gain={YEARS[5]: 15.0})
    rows = walk.evaluation(YEARS[5])
    passed, words, _ = coverage_within_bounds(rows.lazy(), 0.77, 0.83)
    assert not passed
    assert "Math after PM1" in words
    assert rows.filter(MATH, "is_winner", pl.col("grade_level") == "all")["bias"][0] == pytest.approx(15, abs=3)


def test_a_winner_no_better_than_the_last_score_is_named() -> None:
    rows = pl.LazyFrame(
        {
            "subject": ["ELA", "ELA"],
            "as_of_point": ["after PM1"] * 2,
            "grade_level": ["all"] * 2,
            "candidate": ["last score", "ridge"],
            "is_winner": [False, True],
            "rmse": [10.0, 10.5],
        }
    )
    passed, words, counts = winner_beats_baseline(rows)
    assert not passed
    assert "ELA after PM1" in words
    assert counts == {"ELA after PM1": -0.05}


def test_a_lost_student_and_missing_predictions_fail_the_check(walk: Walk) -> None:
    features = walk.features.filter(pl.col("school_year") == YEARS[4])
    made = walk.predictions(YEARS[4])
    assert expected_students_have_predictions(features, made.lazy(), 0.95)[0]
    lost = expected_students_have_predictions(features, made.lazy().filter(pl.col("student_key") != made["student_key"][0]), 0.95)
    assert not lost[0]
    assert lost[2]["without_row"] == 1
    half = made.with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then("predicted_score").alias("predicted_score"))
    assert not expected_students_have_predictions(features, half.lazy(), 0.95)[0]


def test_level_three_begins_at_the_lowest_proficient_score_unless_levels_overlap() -> None:
    def final(points: float, level: int, grade: str, subject: str = "ELA", test: str = "FAST", window: str = "PM3") -> pl.LazyFrame:
        return score(ANN, window, points, "2024-05-10", subject=subject, test=test, level=level, grade_level=grade)

    told = [final(219, 2, "05"), final(220, 3, "05"), final(231, 4, "05"), final(230, 2, "06"), final(225, 3, "06")]
    told += [final(399, 2, "08", "Biology", "EOC", "EOC"), final(402, 3, "09", "Biology", "EOC", "EOC"), final(300, 5, "05", window="PM1")]
    cuts = proficiency_cuts(final_scores(pl.concat(told))).sort("subject").collect()
    assert cuts.rows() == [("Biology", None, 402.0), ("ELA", "05", 220.0)]


def test_a_retest_or_a_missing_score_is_no_final() -> None:
    told = pl.concat(
        [
            score(ANN, "PM3", 240, "2024-05-10", is_official=False),
            score(ANN, "PM3", 230, "2024-05-09"),
            score(ANN, "PM2", 220, "2024-01-09"),
            score(ANN, "PM3", 230, "2024-05-09", subject="Math", scale_score=None),
        ]
    )
    assert final_scores(told).select("subject", "final_score").collect().rows() == [("ELA", 230.0)]
