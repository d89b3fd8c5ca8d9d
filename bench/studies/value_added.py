"""``python -m bench.studies.value_added``: intervals and placebo of the value-added room on simulated districts, as Markdown.

Coverage of 95 % intervals against the true effects, one year and three years pooled; how often the placebo fails without and with
planted sorting. Districts of ``simulated_classes.py``, seeds that the model was not chosen on. About 270 processor seconds; the tables
stand in ``docs/value_added.md``.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import polars as pl

from bench.studies.simulated_classes import SUBJECTS, DistrictYear, district_years
from la_assets.value_added.model import TEACHER, fit_value_added
from la_assets.value_added.placebo import Tolerance, YearEvidence, judged, year_evidence

COVERAGE_SEEDS = range(2001, 2041)
PLACEBO_SEEDS = range(3001, 3021)


def coverage(students: int, seeds: range) -> dict[tuple[str, str], dict[str, float]]:
    """Per subject and kind of estimate: teachers, share of intervals that hold the truth, correlation, root of mean reliability."""
    made: dict[tuple[str, str], list[pl.DataFrame]] = defaultdict(list)
    for seed in seeds:
        years = list(district_years(students, seed, years=4))
        for subject in SUBJECTS:
            for kind, used in (("one year", years[-1:]), ("three years", years[-3:])):
                made[subject, kind].append(_against_truth(used, subject))
    return {key: _summary(pl.concat(frames)) for key, frames in sorted(made.items())}


def _against_truth(years: list[DistrictYear], subject: str) -> pl.DataFrame:
    rows, truth = (pl.concat([getattr(year, part) for year in years]).filter(pl.col("subject") == subject) for part in ("rows", "truth"))
    found = fit_value_added(rows)
    levels = found.levels(TEACHER).join(truth.group_by(TEACHER).agg(pl.col("truth").mean()), on=TEACHER)
    return levels.with_columns(reliability=1 - pl.col("standard_error") ** 2 / found.effect_variance(TEACHER))


def _summary(rows: pl.DataFrame) -> dict[str, float]:
    inside = (pl.col("effect") - pl.col("truth")).abs() < 1.959964 * pl.col("standard_error")
    return rows.select(
        teachers=pl.len(),
        covered=inside.mean(),
        correlation=pl.corr("effect", "truth"),
        root_reliability=pl.col("reliability").mean().sqrt(),
    ).row(0, named=True)


def placebos(students: int, seeds: range, sorting: float) -> list[list[bool]]:
    """Per district and testable year, in order, whether the placebo failed."""
    found = []
    for seed in seeds:
        years: list[YearEvidence] = []
        failed = []
        for year in district_years(students, seed, years=6, sorting=sorting):
            parts = [year.rows.filter(pl.col("subject") == s) for s in SUBJECTS]
            fits = {s: fit_value_added(part, averaged=False) for s, part in zip(SUBJECTS, parts, strict=True)}
            years.insert(0, year_evidence(year.rows, fits))
            if years[0].z is not None:
                verdicts = judged(years[0], years[1:3], Tolerance())
                failed.append(any(v.status == "failed" for v in verdicts.values()))
        found.append(failed)
    return found


def main() -> None:
    print("| students | estimate | teachers | covered | correlation | root of mean reliability |\n|---|---|---|---|---|---|")
    for (subject, kind), row in coverage(5000, COVERAGE_SEEDS).items():
        cells = f"{row['teachers']:,} | {row['covered']:.1%} | {row['correlation']:.3f} | {row['root_reliability']:.3f}"
        print(f"| 5,000 | {subject}, {kind} | {cells} |")
    print("\n| students | sorting | first year | second | third | fourth |\n|---|---|---|---|---|---|")
    for students in (1500, 3000, 5000):
        for sorting in (0.0, 0.5, 1.0):
            found = placebos(students, PLACEBO_SEEDS, sorting)
            shares = [sum(d[k] for d in found if len(d) > k) for k in range(4)]
            print(f"| {students:,} | {sorting} | {' | '.join(f'{s} of {len(found)}' for s in shares)} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
