"""Speed of the early-warning learner: training, calibration, validation and scoring with reasons; and one row at a time.

Both figures run in a process of their own on rows made by :mod:`bench.risk_rows`, whose making is not part of the time. The
yardstick of the first is one plain ``xgboost.train`` with the same depth, rounds and matrix as the published trees; that of the
second is the stored trees' own ``predict`` in a loop over the same rows.

Run as ``python -m bench.dropout_model WORK STUDENTS YEARS``: ``learn``, ``plain``, ``rows`` or ``predict``; prints a line of JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from bench.figure import Figure, Goal
from bench.places import Place
from bench.risk_rows import DEFINITION, risk_rows
from bench.sizes import Sizes
from la_assets.early_warning import boosting
from la_assets.early_warning.evaluation import evaluate
from la_assets.early_warning.fairness import audit
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import EvaluationSettings, FairnessSettings, LearnerSettings
from la_assets.early_warning.scoring import RowScorer, score
from la_assets.early_warning.training import train

SCORED_ROWS = 5000
GIB = 1024**3


def dropout_model(folder: Path, sizes: Sizes) -> Figure:
    """Train, calibrate, validate with intervals, audit, and score with reasons; against one plain xgboost.train."""
    place = Place(folder / "dropout_model")
    size = [str(sizes.model_students), str(sizes.model_years)]
    before = _run(place, ["plain", *size], "plain")
    run = _run(place, ["learn", *size], "learn")
    after = _run(place, ["plain", *size], "plain")
    return Figure(
        "dropout_model",
        f"{sizes.model_students:,} students x {sizes.model_years} years: train, calibrate, validate, audit, score with reasons",
        run["seconds"],
        run["cpu_seconds"],
        run["peak_bytes"],
        Goal(90),
        "one plain xgboost.train on the same matrix",
        (before["seconds"] + after["seconds"]) / 2,
        (before["cpu_seconds"] + after["cpu_seconds"]) / 2,
        {name: run[name] for name in ("rows", "positives", "rounds", "chosen", "steps")},
    )


def scoring_one_row(folder: Path, sizes: Sizes) -> Figure:
    """One row at a time from the stored model, against the trees' own predict in a loop; seconds are those of 1,500 rows."""
    place = Place(folder / "dropout_model")
    size = [str(min(sizes.model_students, SCORED_ROWS)), str(sizes.model_years)]
    before = _run(place, ["predict", *size], "predict")
    run = _run(place, ["rows", *size], "one_row")
    after = _run(place, ["predict", *size], "predict")
    return Figure(
        "scoring_one_row",
        "1,500 rows one at a time: features by name to the published probability of the trees",
        run["seconds"],
        run["cpu_seconds"],
        run["peak_bytes"],
        Goal(1.0),
        "the trees' own predict of a row, in a loop",
        (before["seconds"] + after["seconds"]) / 2,
        (before["cpu_seconds"] + after["cpu_seconds"]) / 2,
        {"rows_a_second": run["rows_a_second"], "p99_milliseconds": run["p99_milliseconds"], "goal_p99_milliseconds": 10},
    )


def _run(place: Place, arguments: list[str], log: str) -> dict[str, Any]:
    """A process's own account of its time, with the memory that was seen from outside."""
    measured = place.python(["-m", "bench.dropout_model", *arguments], log)
    told = json.loads(place.log(log).read_text().strip().splitlines()[-1])
    return told | {"peak_bytes": measured.peak_bytes}


def _rows(students: int, years: int) -> tuple[pl.DataFrame, str, dt.date]:
    """Rows whose labels are known before the next snapshot, and the year that is scored."""
    rows = risk_rows(students, years).with_columns(label_known_on=pl.col("as_of_date") + pl.duration(days=150))
    return rows, rows["school_year"].max(), rows["as_of_date"].max()  # type: ignore[return-value]


class _Clock:
    """Seconds on the wall and of the processor since the last look."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def look(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.wall, "cpu_seconds": time.process_time() - self.cpu}


def _learn(students: int, years: int) -> dict[str, Any]:
    rows, year, as_of = _rows(students, years)
    now = rows.filter(pl.col("school_year") == year)
    whole, steps = _Clock(), {}
    clock = _Clock()
    model = train(rows, DEFINITION, LearnerSettings(), before=year, as_of=as_of)
    steps["train_and_calibrate"] = clock.look()
    model = FittedModel.from_row(model.to_row())
    clock = _Clock()
    scored = score(model, now, DEFINITION, {})
    steps["score_with_reasons"] = clock.look()
    clock = _Clock()
    evaluate(scored, DEFINITION, EvaluationSettings())
    audit(scored, DEFINITION, FairnessSettings())
    steps["validate_and_audit"] = clock.look()
    details = {
        "rows": rows.height,
        "positives": model.manifest["n_positives"],
        "chosen": model.chosen,
        "rounds": model.manifest.get("rounds"),
    }
    return whole.look() | details | {"steps": {name: round(taken["seconds"], 2) for name, taken in steps.items()}}


def _plain(students: int, years: int) -> dict[str, Any]:
    import xgboost as xgb

    from la_assets.early_warning.design_matrix import Design

    rows, year, _ = _rows(students, years)
    earlier = rows.filter(pl.col("school_year") < year)
    matrix, label = Design(DEFINITION.features).matrix(earlier), earlier["dropped_out"].to_numpy().astype(float)
    s = LearnerSettings()
    clock = _Clock()
    params = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": s.max_depth, "eta": s.learning_rate, "nthread": s.threads}
    xgb.train(params, xgb.QuantileDMatrix(matrix, label=label, nthread=s.threads), num_boost_round=100)
    return clock.look()


def _trees(students: int, years: int) -> tuple[FittedModel, pl.DataFrame]:
    from dataclasses import replace

    rows, year, as_of = _rows(students, years)
    model = train(rows, DEFINITION, LearnerSettings(), before=year, as_of=as_of)
    return replace(model, chosen="xgboost"), rows.filter(pl.col("school_year") == year).head(1500)


def _one_row(students: int, years: int) -> dict[str, Any]:
    import numpy as np

    model, rows = _trees(students, years)
    scorer, some = RowScorer(model), rows.select(DEFINITION.features).to_dicts()
    scorer(some[0])
    taken, whole = [], _Clock()
    for row in some:
        clock = time.perf_counter()
        scorer(row)
        taken.append(time.perf_counter() - clock)
    seconds = whole.look()
    scale = 1500 / len(some)
    return {name: value * scale for name, value in seconds.items()} | {
        "rows_a_second": round(len(some) / seconds["seconds"]), "p99_milliseconds": round(1000 * float(np.quantile(taken, 0.99)), 2),
    }  # fmt: skip


def _predict(students: int, years: int) -> dict[str, Any]:
    import xgboost as xgb

    model, rows = _trees(students, years)
    booster, matrix = boosting.from_text(str(model.booster)), model.design.matrix(rows)
    clock = _Clock()
    for row in matrix:
        booster.predict(xgb.DMatrix(row[None, :], nthread=1))
    return {name: value * 1500 / len(matrix) for name, value in clock.look().items()}


WORK = {"learn": _learn, "plain": _plain, "rows": _one_row, "predict": _predict}

if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))))
