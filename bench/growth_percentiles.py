"""The figure of growth percentiles: 100 quantiles for 20,000 students with two priors, against R's quantreg on the same scores.

Ours is timed within one process from scores to percentiles, R's from scores to predicted quantiles (``rq.fit(method = "fn")``,
splines by ``splines::bs``), both on one BLAS thread and without the start of their programs. Run as a module it does our side.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from bench.figure import Figure, Goal
from bench.measured import measured
from bench.places import Place
from bench.sizes import Sizes

STUDENTS = 20_000

_R = """
suppressMessages(library(quantreg)); library(splines)
d <- read.csv("{data}"); begun <- proc.time()
basis <- function(x) bs(x, knots = quantile(x, c(.2, .4, .6, .8)), Boundary.knots = range(x))
x <- cbind(1, basis(d$first), basis(d$second))
curves <- sapply((seq_len(100) - 0.5) / 100, function(t) x %*% rq.fit(x, d$score, tau = t, method = "fn")$coefficients)
used <- proc.time() - begun
cat(sprintf('{{"seconds": %f, "cpu_seconds": %f}}', used[["elapsed"]], used[["user.self"]] + used[["sys.self"]]), file = "{out}")
"""


def growth_percentiles(folder: Path, sizes: Sizes) -> Figure:
    """Growth percentiles of 20,000 students, right before and right after R's quantile regressions on the same scores."""
    place = Place(folder / "growth_percentiles")
    place.root.mkdir(parents=True, exist_ok=True)
    data = place.root / "scores.csv"
    students = STUDENTS if sizes.at_goal else 2_000
    _write_scores(data, students)
    before = _r(place, data)
    run = place.python(["-m", "bench.growth_percentiles", str(data), str(place.root / "ours.json")], "growth_percentiles")
    ours = json.loads((place.root / "ours.json").read_text())
    after = _r(place, data)
    theirs = [r for r in (before, after) if r]
    mean = {key: sum(r[key] for r in theirs) / len(theirs) for key in ("seconds", "cpu_seconds")} if theirs else {}
    return Figure(
        "growth_percentiles",
        f"100 quantiles, two priors, {students:,} students: scores to percentiles, in the process",
        ours["seconds"],
        ours["cpu_seconds"],
        run.peak_bytes,
        Goal(ratio=1.0),
        "R quantreg, rq.fit(method = 'fn')" if theirs else "",
        mean.get("seconds"),
        mean.get("cpu_seconds"),
        {"students": students},
    )


def _r(place: Place, data: Path) -> dict[str, float]:
    """Seconds of R's side; nothing where R or quantreg is not installed."""
    program = shutil.which("Rscript")
    if program is None or not Path("/usr/lib/R/site-library/quantreg").is_dir():
        return {}
    out = place.root / "r.json"
    command = [program, "-e", _R.format(data=data, out=out)]
    measured(command, {"OPENBLAS_NUM_THREADS": "1"}, place.root, place.root / "logs" / "r.log")
    return json.loads(out.read_text())


def _write_scores(file: Path, students: int) -> None:
    rng = np.random.default_rng(1)
    ability = rng.normal(size=students)
    columns = [np.round(mean + 20 * (0.85 * ability + 0.5 * rng.normal(size=students))) for mean in (230, 220, 210)]
    np.savetxt(file, np.column_stack(columns), delimiter=",", fmt="%d", header="score,first,second", comments="")


def main(data: str, out: str) -> None:
    from la_assets.growth.growth_percentiles import percentiles_of

    score, first, second = np.loadtxt(data, delimiter=",", skiprows=1).T
    percentiles_of(score[:300], [first[:300]])  # libraries load here, as R's were before its clock began
    begun, cpu = time.perf_counter(), time.process_time()
    percentiles_of(score, [first, second])
    used = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    Path(out).write_text(json.dumps(used))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(*sys.argv[1:])
