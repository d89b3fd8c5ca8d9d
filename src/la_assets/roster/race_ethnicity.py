"""The federal roll-up of race and ethnicity from separate flags.

The rule is that of the U.S. Department of Education's 2007 guidance on race and ethnicity data (72 FR 59266): Hispanic of any
race first, then two or more races, then the one race.
"""

import polars as pl

RACES = {
    "american_indian_or_alaska_native": "American Indian or Alaska Native",
    "asian": "Asian",
    "black_or_african_american": "Black or African American",
    "native_hawaiian_or_other_pacific_islander": "Native Hawaiian or Other Pacific Islander",
    "white": "White",
}
ETHNICITY = "hispanic_or_latino"
FLAGS = (*RACES, ETHNICITY)


def federal_rollup(two_or_more: pl.Expr | None = None) -> pl.Expr:
    """The federal category from the columns ``FLAGS``.

    Parameters
    ----------
    two_or_more : polars.Expr, optional
        True where the source says two or more races without saying which.

    Returns
    -------
    polars.Expr
        The category; ``Unknown`` where every flag that is given is false; null where no flag is given.
    """
    races = pl.sum_horizontal(pl.col(flag).fill_null(False).cast(pl.Int8) for flag in RACES)
    several = (races >= 2) | (two_or_more.fill_null(False) if two_or_more is not None else pl.lit(False))
    one = pl.coalesce(pl.when(pl.col(flag)).then(pl.lit(name)) for flag, name in RACES.items())
    return (
        pl.when(pl.all_horizontal(pl.col(flag).is_null() for flag in FLAGS) & ~several)
        .then(None)
        .when(pl.col(ETHNICITY).fill_null(False))
        .then(pl.lit("Hispanic or Latino"))
        .when(several)
        .then(pl.lit("Two or More Races"))
        .otherwise(pl.coalesce(one, pl.lit("Unknown")))
    )
