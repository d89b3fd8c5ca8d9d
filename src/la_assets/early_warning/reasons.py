"""Why a student has the risk that the model says: each feature's part in the log odds, the strongest ones in plain words.

Parts are exact: tree SHAP of XGBoost, coefficient times value of the logistic regression; with the base they add up to the margin.
They say what moved the model, not what causes the outcome. The words come from a table of phrases that the caller passes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

REASON: Mapping[str, Any] = {
    "feature": pl.String,
    "value": pl.Float64,  # the student's; null if not on record, or text
    "typical": pl.Float64,  # median of the rows learned from
    "contribution": pl.Float64,  # to the log odds; positive raises the risk
    "text": pl.String,
}


@dataclass(frozen=True)
class Phrase:
    """How a feature is said: ``Phrase("attended {value} of days, district {typical}", "share")``.

    Attributes
    ----------
    text : str
        With ``{value}`` and, if wanted, ``{typical}``.
    kind : {'share', 'count', 'number', 'flag', 'text'}
        0.81 is said as ``81 %``, 3.0 as ``3``, 2.345 as ``2.35``; a flag is said by ``text`` when true and ``otherwise`` when false.
    missing : str
        Said when the value is not on record; empty: the feature's name and that it is not on record.
    otherwise : str
        Of a flag that is false.
    decimals : int
        Of a number or a share.
    """

    text: str
    kind: Literal["share", "count", "number", "flag", "text"] = "number"
    missing: str = ""
    otherwise: str = ""
    decimals: int | None = None

    def say(self, feature: str, value: pl.Expr, typical: float | str | None) -> pl.Expr:
        """The words, for a column of values."""
        missing = pl.lit(self.missing or f"{_words(feature)} not on record")
        if self.kind == "flag":
            words = pl.when(value.cast(pl.Float64) != 0).then(pl.lit(self.text)).otherwise(pl.lit(self.otherwise or f"not: {self.text}"))
        else:
            filled = self.text.replace("{typical}", self._said_once(typical))
            before, _, after = filled.partition("{value}")
            words = pl.concat_str(pl.lit(before), self._said(value), pl.lit(after)) if "{value}" in filled else pl.lit(filled)
        return pl.when(value.is_null()).then(missing).otherwise(words)

    def _said(self, value: pl.Expr) -> pl.Expr:
        if self.kind == "text":
            return value.cast(pl.String)
        number = value.cast(pl.Float64) * (100 if self.kind == "share" else 1)
        places = self.decimals if self.decimals is not None else 2 if self.kind == "number" else 0
        text = number.round(places).cast(pl.Int64).cast(pl.String) if places == 0 else number.round(places).cast(pl.String)
        return text + (" %" if self.kind == "share" else "")

    def _said_once(self, value: float | str | None) -> str:
        if value is None:
            return "not known"
        return str(pl.DataFrame({"v": [value]}).select(self._said(pl.col("v"))).item())


def strongest(
    parts: np.ndarray,
    frame: pl.DataFrame,
    features: tuple[str, ...],
    *,
    reference: Mapping[str, Any],
    phrases: Mapping[str, Phrase],
    most: int,
) -> pl.Series:
    """The parts of largest size of every row, largest first, as lists of ``REASON``.

    Parameters
    ----------
    parts : numpy.ndarray
        Parts per feature, shape (rows, features), without the base.
    frame : polars.DataFrame
        The rows' values.
    features : tuple of str
        Names of the columns of ``parts``.
    reference : mapping
        Feature to its ``typical`` (or ``typical_text``) value.
    phrases : mapping
        Feature to its phrase; a feature without one is said by its name.
    most : int
        Reasons a row at most; parts of zero are none.
    """
    empty = pl.Series("reasons", [[]], pl.List(pl.Struct(REASON))).new_from_index(0, frame.height)
    most = min(most, len(features))
    if not frame.height or not most:
        return empty
    size = np.abs(parts)
    top = np.argsort(-size, axis=1, kind="stable")[:, :most]
    long = pl.DataFrame(
        {
            "row": np.repeat(np.arange(frame.height, dtype=np.uint32), most),
            "at": top.ravel().astype(np.int16),
            "contribution": np.take_along_axis(parts, top, axis=1).ravel(),
        }
    ).with_row_index("rank")
    said = [
        _said(rows, frame[features[at]], features[at], reference.get(features[at], {}), phrases.get(features[at]))
        for (at,), rows in long.filter(pl.col("contribution") != 0).group_by("at", maintain_order=True)
    ]  # fmt: skip
    if not said:
        return empty
    lists = pl.concat(said).sort("rank").group_by("row", maintain_order=True).agg(pl.struct(*REASON).alias("reasons"))
    every = pl.DataFrame({"row": np.arange(frame.height, dtype=np.uint32)}).join(lists, on="row", how="left", maintain_order="left")
    return every.select(pl.coalesce("reasons", pl.lit(empty.head(1)).first())).to_series()


def importance(parts: np.ndarray, features: tuple[str, ...]) -> pl.DataFrame:
    """Mean absolute part of each feature over the rows, largest first: ``feature``, ``mean_abs_contribution``."""
    size = np.abs(parts).mean(axis=0) if len(parts) else np.zeros(len(features))
    frame = pl.DataFrame(
        {"feature": list(features), "mean_abs_contribution": size}, schema={"feature": pl.String, "mean_abs_contribution": pl.Float64}
    )
    return frame.sort("mean_abs_contribution", "feature", descending=[True, False])


def _said(rows: pl.DataFrame, column: pl.Series, feature: str, known: Mapping[str, Any], phrase: Phrase | None) -> pl.DataFrame:
    is_text = not (column.dtype.is_numeric() or column.dtype == pl.Boolean)
    if phrase is None:
        phrase = Phrase(_words(feature) + ": {value}, typical {typical}", "text" if is_text else "number")
    typical = known.get("typical_text" if is_text else "typical")
    values = column.gather(rows["row"])
    return rows.with_columns(values.alias("raw")).select(
        "rank",
        "row",
        pl.lit(feature).alias("feature"),
        (pl.lit(None, pl.Float64) if is_text else pl.col("raw").cast(pl.Float64)).alias("value"),
        pl.lit(None if is_text else typical, pl.Float64).alias("typical"),
        "contribution",
        phrase.say(feature, pl.col("raw"), typical).alias("text"),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
