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


def growth_model(folder: Path, sizes: Sizes) -> Figure:
    """Growth of 50,000 students over six tests, random intercept and slope; and, ours alone, of a million."""
    place = Place(folder / "growth_model")
    figure = _against_lme4(
        place, "growth", sizes.grown_students, "score ~ time + frl + (1 + time | student)", Goal(0.3, 1 / 50),
        f"{sizes.grown_students:,} students x {_TESTS} tests, random intercept and slope: frame to BLUPs and their SDs, in the process",
    )  # fmt: skip
    if not sizes.at_goal:
        return figure
    million, run = _ours(place, "growth", 1_000_000)
    return _with_details(figure, {"million_students": {**million, "peak_gib": round(run.peak_bytes / GIB, 2), "goal": "5 s, 3 GiB"}})


def value_added_model(folder: Path, sizes: Sizes) -> Figure:
    """Value-added of teachers in schools, crossed random intercepts."""
    return _against_lme4(
        Place(folder / "value_added_model"), "value_added", sizes.taught_rows,
        "score ~ prior + prior_squared + class_size + (1 | teacher) + (1 | school)", Goal(0.3, 1 / 20),
        f"{sizes.taught_rows:,} rows, a teacher each 30, a school each 600: frame to effects and their SDs, in the process",
    )  # fmt: skip


def _against_lme4(place: Place, kind: str, size: int, formula: str, goal: Goal, work: str) -> Figure:
    place.root.mkdir(parents=True, exist_ok=True)
    data = place.root / f"{kind}_{size}.csv"
    KINDS[kind](size).write_csv(data)
    theirs = [_lme4(place, data, formula)]
    ours, run = _ours(place, kind, size)
    theirs = [r for r in (*theirs, _lme4(place, data, formula)) if r]
    mean = {key: sum(r[key] for r in theirs) / len(theirs) for key in ("seconds", "cpu_seconds")} if theirs else {}
    apart = {"log_likelihood_less_lme4s": round(ours["log_likelihood"] - theirs[0]["log_likelihood"], 4)} if theirs else {}
    return Figure(
        place.root.name, work, ours["seconds"], ours["cpu_seconds"], run.peak_bytes, goal, "lme4's fit alone" if theirs else "",
        mean.get("seconds"), mean.get("cpu_seconds"), {"rows": ours["rows"], "status": ours["status"], "first_fit": ours["first_fit"], **apart},
    )  # fmt: skip


def _with_details(figure: Figure, details: dict[str, Any]) -> Figure:
    from dataclasses import replace

    return replace(figure, details={**figure.details, **details})


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
