"""Runs models through lme4 in a real R and reads back what it found, for tests to compare with."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from la_assets.mixed_models import MixedModelFit, RandomTerm, fit

SCRIPT = Path(__file__).with_name("lme4_fits.R")
RELATIVE = 1e-4
"""Agreement asked of every number: relative for estimates and conditional standard deviations; BLUPs relative to the
standard deviation of their effect."""


@dataclass(frozen=True)
class Case:
    """A model for both sides."""

    name: str
    formula: str
    frame: pl.DataFrame
    groups: tuple[RandomTerm, ...]
    method: str = "REML"
    weights: str | None = None

    @property
    def lme4_formula(self) -> str:
        bars = [f"({term.effects} | {term.group})" for term in self.groups]
        return " + ".join([self.formula, *bars])

    def ours(self, **settings: object) -> MixedModelFit:
        return fit(self.formula, self.frame, self.groups, method=self.method, weights=self.weights, **settings)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lme4Fit:
    """What lme4 found."""

    fixed: pl.DataFrame
    components: pl.DataFrame
    levels: dict[str, pl.DataFrame]
    fit: dict[str, float]
    fitted: pl.Series


def lme4_fits(cases: Iterable[Case], folder: Path) -> dict[str, Lme4Fit]:
    """Fit all cases in one R process."""
    cases = list(cases)
    written: dict[int, str] = {}
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "data", "formula", "reml", "weights", "groups"])
        for case in cases:
            if id(case.frame) not in written:
                written[id(case.frame)] = f"{case.name}.data.csv"
                case.frame.write_csv(folder / written[id(case.frame)])
            groups = " ".join(term.group for term in case.groups)
            table.writerow(
                [case.name, written[id(case.frame)], case.lme4_formula, str(case.method == "REML").upper(), case.weights or "", groups]
            )
    done = subprocess.run(["Rscript", "--vanilla", str(SCRIPT), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return {case.name: _read(case, folder) for case in cases}


def _read(case: Case, folder: Path) -> Lme4Fit:
    def rows(what: str, **types: object) -> pl.DataFrame:
        return pl.read_csv(folder / f"{case.name}.{what}.csv", null_values="NA", infer_schema_length=None, schema_overrides=types)  # type: ignore[arg-type]

    levels = {term.group: rows(f"levels.{term.group}", level=pl.String) for term in case.groups}
    return Lme4Fit(rows("fixed"), rows("components"), levels, rows("fit").row(0, named=True), rows("fitted").to_series())


def differences(ours: MixedModelFit, theirs: Lme4Fit) -> dict[str, float]:
    """Largest difference by kind of number, each relative to what a reader would compare it with."""
    names = {"(Intercept)": "intercept"}
    fixed = theirs.fixed.with_columns(pl.col("effect").replace(names)).join(ours.fixed, on="effect", how="left", suffix="_ours")
    # an estimate near zero is compared on the scale of its standard error
    size = pl.max_horizontal(pl.col("estimate").abs(), pl.col("standard_error"))
    found = {
        "fixed effects": _most(fixed, (pl.col("estimate") - pl.col("estimate_ours")).abs() / size),
        "standard errors": _most(fixed, (pl.col("standard_error") / pl.col("standard_error_ours") - 1).abs()),
        "log-likelihood": abs(theirs.fit["log_likelihood"] / ours.log_likelihood - 1),
        "AIC and BIC": max(abs(theirs.fit["aic"] / ours.aic - 1), abs(theirs.fit["bic"] / ours.bic - 1)),
        "variances": 0.0, "BLUPs": 0.0, "conditional SDs": 0.0,
    }  # fmt: skip
    variances = {
        (row["group"], names.get(row["effect"], row["effect"]), names.get(row["with_effect"], row["with_effect"])): row["value"]
        for row in theirs.components.to_dicts()
    }
    for row in ours.variance_components.to_dicts():
        if row["group"] == "residual":
            expected, scale = variances["Residual", None, None], variances["Residual", None, None]
        else:
            own = [(row["group"], effect, None) for effect in (row["effect"], row["with_effect"] or row["effect"])]
            expected = variances[row["group"], row["effect"], row["with_effect"]]
            # a variance near zero is compared on the scale of the residual variance's hundredth
            scale = max(
                (variances[own[0]] * variances[own[1]]) ** 0.5, 0.01 * variances["Residual", None, None] if theirs.fit["singular"] else 0
            )
        found["variances"] = max(found["variances"], abs(row["value"] - expected) / scale)
    for term in ours.terms:
        theirs_levels, ours_levels = (
            theirs.levels[term.group],
            ours.levels[term.group].with_columns(level=pl.col(term.group).cast(pl.String)),
        )
        both = theirs_levels.join(ours_levels, on="level", how="left")
        assert both.height == ours_levels.height
        for k, name in enumerate(term.names, start=1):
            spread = max(ours.variance(term.group, name) ** 0.5, 1e-2 * ours.residual_variance**0.5)
            found["BLUPs"] = max(found["BLUPs"], _most(both, (pl.col(f"effect_{k}") - pl.col(name)).abs() / spread))
            sds = (pl.col(f"sd_{k}") - pl.col(f"{name}_sd")).abs() / pl.max_horizontal(f"sd_{k}", pl.lit(1e-2 * spread))
            found["conditional SDs"] = max(found["conditional SDs"], _most(both, sds))
            for j, other in enumerate(term.names[: k - 1], start=1):
                gap = (pl.col(f"covariance_{j}_{k}") - pl.col(f"{other}_{name}_covariance")).abs() / (pl.col(f"sd_{j}") * pl.col(f"sd_{k}"))
                found["conditional SDs"] = max(found["conditional SDs"], _most(both, gap))
    return found


def _most(rows: pl.DataFrame, expression: pl.Expr) -> float:
    """Largest value; a missing or non-finite one counts as infinite."""
    return float(rows.select(pl.when(expression.is_finite()).then(expression).otherwise(float("inf")).fill_null(float("inf")).max()).item())
