"""Grade levels as roster bundles write them, in the CEDS codes of the lake.

OneRoster asks for CEDS codes, but ``9``, ``K`` and lists such as ``09,10`` are seen; of a list the first code counts.
"""

import polars as pl

GRADES = {
    "IT": "IT",
    "PR": "PK",
    "PK": "PK",
    "TK": "TK",
    "K": "KG",
    "KG": "KG",
    "0": "KG",
    "00": "KG",
    **{str(grade): f"{grade:02d}" for grade in range(1, 14)},
    **{f"{grade:02d}": f"{grade:02d}" for grade in range(1, 10)},
    "PS": "Other",
    "UG": "UG",
    "OTHER": "Other",
}
"""Codes seen, upper case, and the CEDS code of the lake (PR, preschool, is PK; PS, postsecondary, is Other)."""


def grade_level(sent: pl.Expr) -> pl.Expr:
    """The CEDS grade level of a grade as sent; null where the code is unknown."""
    first = sent.str.split(",").list.first().str.strip_chars().str.to_uppercase()
    return first.replace_strict(list(GRADES), list(GRADES.values()), default=None, return_dtype=pl.String)
