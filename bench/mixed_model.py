"""The figures of mixed models: growth curves and value-added, against lme4 in R on the same rows.

Ours is timed within one process from a frame to fixed effects, variances, BLUPs and their standard deviations; lme4's is its fit alone
(default settings, no conditional standard deviations), without reading files. Run as a module it does our side.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.figure import Figure, Goal
from bench.measured import Measured, measured
from bench.places import Place
from bench.sizes import SEED, Sizes

GIB = 1024**3
_TESTS = 6

_R = """
suppressMessages(library(lme4))
d <- read.csv("{data}"); begun <- proc.time()
fit <- lmer({formula}, d)
used <- proc.time() - begun
cat(sprintf('{{"seconds": %f, "cpu_seconds": %f, "log_likelihood": %.6f}}', used[["elapsed"]],
            used[["user.self"]] + used[["sys.self"]], as.numeric(logLik(fit))), file = "{out}")
"""


@dataclass(frozen=True)
class _Model:
    """A model on both sides: its name, the formula in R's words, what is done to how many, and the goal."""

    name: str
    kind: str
    formula: str
    work: str
    goal: Goal


_GROWTH = _Model(
    "growth_model", "growth", "score ~ time + frl + (1 + time | student)",
    "{size:,} students x 6 tests, random intercept and slope: frame to BLUPs and their SDs, in the process", Goal(0.3, 1 / 50),
)  # fmt: skip
_VALUE_ADDED = _Model(
    "value_added_model", "value_added", "score ~ prior + prior_squared + class_size + (1 | teacher) + (1 | school)",
    "{size:,} rows, a teacher each 30, a school each 600: frame to effects and their SDs, in the process", Goal(0.3, 1 / 20),
)  # fmt: skip


def growth_model(folder: Path, sizes: Sizes) -> Figure:
    """Growth of 50,000 students over six tests, random intercept and slope; and, ours alone, of a million."""
    figure = _against_lme4(folder, _GROWTH, sizes.grown_students)
    if not sizes.at_goal:
        return figure
    million, run = _ours(Place(folder / _GROWTH.name), _GROWTH.kind, 1_000_000)
    details = {**million, "peak_gib": round(run.peak_bytes / GIB, 2), "goal": "5 s, 3 GiB"}
    return replace(figure, details={**figure.details, "million_students": details})


def value_added_model(folder: Path, sizes: Sizes) -> Figure:
    """Value-added of teachers in schools, crossed random intercepts."""
    return _against_lme4(folder, _VALUE_ADDED, sizes.taught_rows)


def _against_lme4(folder: Path, model: _Model, size: int) -> Figure:
    place = Place(folder / model.name)
    place.root.mkdir(parents=True, exist_ok=True)
    data = place.root / f"{model.kind}_{size}.csv"
    KINDS[model.kind](size).write_csv(data)
    before = _lme4(place, data, model.formula)
    ours, run = _ours(place, model.kind, size)
    theirs = [r for r in (before, _lme4(place, data, model.formula)) if r]
    mean = {key: sum(r[key] for r in theirs) / len(theirs) for key in ("seconds", "cpu_seconds")} if theirs else {}
    details = {key: ours[key] for key in ("rows", "status", "first_fit")}
    if theirs:
        details["log_likelihood_less_lme4s"] = round(ours["log_likelihood"] - theirs[0]["log_likelihood"], 4)
    return Figure(
        model.name,
        model.work.format(size=size),
        ours["seconds"],
        ours["cpu_seconds"],
        run.peak_bytes,
        model.goal,
        "lme4's fit alone" if theirs else "",
        mean.get("seconds"),
        mean.get("cpu_seconds"),
        details,
    )


def _ours(place: Place, kind: str, size: int) -> tuple[dict[str, Any], Measured]:
    out = place.root / "ours.json"
    run = place.python(["-m", "bench.mixed_model", kind, str(size), str(out)], f"{kind}_{size}")
    return json.loads(out.read_text()), run


def _lme4(place: Place, data: Path, formula: str) -> dict[str, float]:
    """Seconds of lme4's fit; nothing where R or lme4 is not installed."""
    program = shutil.which("Rscript")
    if program is None or not Path("/usr/lib/R/site-library/lme4").is_dir():
        return {}
    out = place.root / "lme4.json"
    command = [program, "--vanilla", "-e", _R.format(data=data, out=out, formula=formula)]
    measured(command, {"OPENBLAS_NUM_THREADS": "1"}, place.root, place.root / "logs" / "lme4.log")
    return json.loads(out.read_text())


def grown(students: int) -> pl.DataFrame:
    """Scores of students over six tests; intercepts and slopes correlate."""
    random = np.random.default_rng(SEED)
    student, time_ = np.repeat(np.arange(students), _TESTS), np.tile(np.arange(float(_TESTS)), students)
    own = random.normal(size=(students, 2)) @ np.array([[1.0, 0.1], [0.0, 0.3]])
    score = 1 + 0.5 * time_ + own[student, 0] + own[student, 1] * time_ + 0.5 * random.normal(size=student.size)
    return pl.DataFrame({"student": student, "time": time_, "frl": random.integers(0, 2, students)[student], "score": score})


def taught(rows: int) -> pl.DataFrame:
    """Scores of students of teachers, one teacher in twenty in two schools."""
    random = np.random.default_rng(SEED)
    teachers, schools = max(rows // 30, 4), max(rows // 600, 3)
    teacher, home = random.integers(0, teachers, rows), random.integers(0, schools, teachers)
    elsewhere = (random.random(teachers) < 0.05)[teacher] & (random.random(rows) < 0.5)
    school = np.where(elsewhere, (home[teacher] + 1) % schools, home[teacher])
    prior, class_size = random.normal(size=rows), random.normal(size=teachers)[teacher]
    score = 0.7 * prior + 0.2 * random.normal(size=teachers)[teacher] + 0.1 * random.normal(size=schools)[school]
    score += 0.6 * random.normal(size=rows)
    return pl.DataFrame(
        {"teacher": teacher, "school": school, "prior": prior, "prior_squared": prior**2, "class_size": class_size, "score": score}
    )


KINDS: dict[str, Callable[[int], pl.DataFrame]] = {"growth": grown, "value_added": taught}


def main(kind: str, size: str, out: str) -> None:
    from la_assets.mixed_models import RandomTerm, fit

    models = {
        "growth": ("score ~ time + frl", [RandomTerm("student", "1 + time")]),
        "value_added": ("score ~ prior + prior_squared + class_size", [RandomTerm("teacher"), RandomTerm("school")]),
    }
    formula, terms = models[kind]
    fit(formula, KINDS[kind](600), terms)  # libraries load here, as R's were before its clock began
    frame = KINDS[kind](int(size))
    found = []
    for _ in range(3):
        begun, cpu = time.perf_counter(), time.process_time()
        fitted = fit(formula, frame, terms)
        found.append((time.perf_counter() - begun, time.process_time() - cpu))
    seconds, cpu_seconds = sorted(found)[1]
    used = {
        "seconds": round(seconds, 4), "cpu_seconds": round(cpu_seconds, 4), "first_fit": round(found[0][0], 4), "rows": fitted.n,
        "status": fitted.status, "log_likelihood": fitted.log_likelihood,
    }  # fmt: skip
    Path(out).write_text(json.dumps(used))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(*sys.argv[1:])
