"""The figure of K-Prototypes: one fit of 50,000 students with six clusters, against the kmodes package from the same centroids.

Both sides are timed within their process from features in memory to labels, libraries and compiled code loaded; how long the
compiled code takes to load or to be compiled stands in the details. Labels and cost must be the same, or there is no figure. Run as
a module it does one side.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.figure import Figure, Goal
from bench.measured import Measured
from bench.places import Place
from bench.sizes import Sizes

ROWS = 50_000
CLUSTERS = 6
CATEGORIES = (2, 2, 2, 3, 8)
"""English learner, IEP, lunch, gender, grade: numbers of categories."""


class DifferentResults(RuntimeError):
    """The two sides do not agree, so their times say nothing."""


def k_prototypes(folder: Path, sizes: Sizes) -> Figure:
    """One fit by the kernel of this project right after one by kmodes, which takes a minute or two."""
    place = Place(folder / "k_prototypes")
    place.root.mkdir(parents=True, exist_ok=True)
    rows = ROWS if sizes.at_goal else 8_000
    theirs, _ = _side(place, "kmodes", rows)
    ours, run = _side(place, "compiled", rows)
    same = (place.root / "kmodes.npy").read_bytes() == (place.root / "compiled.npy").read_bytes()
    if not same or ours["cost"] != theirs["cost"]:
        raise DifferentResults(f"labels the same: {same}; cost {ours['cost']} against {theirs['cost']}")
    return Figure(
        "k_prototypes",
        f"one K-Prototypes fit, {rows:,} rows, k = {CLUSTERS}, 4 numeric and 5 categorical features: features to labels",
        ours["seconds"],
        ours["cpu_seconds"],
        run.peak_bytes,
        Goal(0.5, 0.01),
        "kmodes 0.12.2 from the same initial centroids, in the process",
        theirs["seconds"],
        theirs["cpu_seconds"],
        {"rows": rows, "sweeps": ours["sweeps"], "cost": ours["cost"], "first_call_seconds": ours["first_call_seconds"]},
    )


def _side(place: Place, name: str, rows: int) -> tuple[dict[str, Any], Measured]:
    out = place.root / f"{name}.json"
    run = place.python(["-m", "bench.k_prototypes", name, str(rows), str(out)], f"k_prototypes_{name}")
    return json.loads(out.read_text()), run


def features(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standardised numbers and codes of students of six kinds that overlap, and the rows that are the initial centroids."""
    random = np.random.RandomState(1998)
    kinds = random.randint(0, CLUSTERS, rows)
    numeric = 0.9 * random.randn(CLUSTERS, 4)[kinds] + random.randn(rows, 4)
    shares = [random.dirichlet(np.ones(categories), CLUSTERS) for categories in CATEGORIES]
    codes = np.column_stack([(random.rand(rows)[:, None] > share[kinds].cumsum(axis=1)[:, :-1]).sum(axis=1) for share in shares])
    return (numeric - numeric.mean(axis=0)) / numeric.std(axis=0), codes.astype(np.int32), random.choice(rows, CLUSTERS, replace=False)


def main(side: str, rows: str, out: str) -> None:
    from la_assets.mtss.k_prototypes import fit_from, huang_gamma

    numeric, codes, start = features(int(rows))
    gamma = huang_gamma(numeric)
    result: dict[str, Any] = {}
    if side == "compiled":
        begun = time.perf_counter()
        fit_from(numeric[:200], codes[:200], numeric[:2], codes[:2], gamma=gamma, random=np.random.RandomState(0))
        result["first_call_seconds"] = round(time.perf_counter() - begun, 3)
        begun, cpu = time.perf_counter(), time.process_time()
        found = fit_from(numeric, codes, numeric[start], codes[start], gamma=gamma, random=np.random.RandomState(0))
        if found is None:
            raise DifferentResults("an initial centroid is nearest to no row")
        labels, cost, sweeps = found.labels, found.cost, found.sweeps
    else:
        from kmodes.kprototypes import KPrototypes

        model = KPrototypes(CLUSTERS, init=[numeric[start], codes[start]], n_init=1, gamma=gamma, random_state=0)
        together = np.column_stack([numeric, codes]).astype(float)
        begun, cpu = time.perf_counter(), time.process_time()
        model.fit(together, categorical=list(range(numeric.shape[1], together.shape[1])))
        labels, cost, sweeps = model.labels_, model.cost_, model.n_iter_
    used = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu, "cost": float(cost), "sweeps": int(sweeps)}
    np.save(Path(out).with_suffix(".npy"), np.asarray(labels, np.int32))
    Path(out).write_text(json.dumps(result | used))


if __name__ == "__main__":
    main(*sys.argv[1:])
