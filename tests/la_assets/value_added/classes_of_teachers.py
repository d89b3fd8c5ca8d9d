"""Classes of teachers whose true effects are known: rows of the value-added model, drawn from the model itself."""

import numpy as np
import polars as pl


def drawn_classes(
    *,
    teachers: int = 200,
    schools: int = 20,
    students: int = 30,
    teacher_sd: float = 0.15,
    sorting: float = 0.0,
    shared: float = 0.0,
    seed: int = 1,
) -> tuple[pl.DataFrame, dict[str, float]]:
    """Rows as ``model_rows`` makes them, and the true effect of each teacher.

    Parameters
    ----------
    sorting : float
        0: students come to the teachers of a school by chance; 1: in the order of last year's unmeasured growth.
    shared : float
        Share of students who get 40 % of their instruction from the next teacher of the school.
    """
    rng = np.random.default_rng(seed)
    n = teachers * students
    effect = teacher_sd * rng.normal(size=teachers)
    school_effect = 0.1 * rng.normal(size=schools)
    school = np.repeat(np.arange(schools), n // schools)
    ability = rng.normal(size=n)
    before, prior = (np.sqrt(0.8) * ability + np.sqrt(0.2) * rng.normal(size=n) for _ in range(2))
    luck = rng.normal(size=n)
    order = np.lexsort((sorting * (prior - before) + (1 - sorting) * luck, school))
    teacher = np.empty(n, dtype=int)
    teacher[order] = np.arange(n) // students
    second = np.where((teacher + 1) % (teachers // schools) == 0, teacher - teachers // schools + 1, teacher + 1)
    dosage = np.where(rng.random(n) < shared, 0.6, 1.0)
    frl = rng.random(n) < 0.4
    score = 0.75 * prior - 0.1 * frl + school_effect[school] + 0.55 * rng.normal(size=n)
    score += dosage * effect[teacher] + (1 - dosage) * effect[second]
    frame = pl.DataFrame(
        {
            "student_key": [f"{i:032x}" for i in rng.permutation(n)],
            "subject": "Math",
            "school_year": "2023-24",
            "assessment_id": "FAST",
            "grade": "05",
            "staff_key": [f"t{t:04d}" for t in teacher],
            "second": [f"t{t:04d}" for t in second],
            "school_id": [f"s{s:02d}" for s in school],
            "class_id": [f"c{t}" for t in teacher],
            "score": score,
            "prior": prior,
            "prior_prior": before,
            "frl": frl,
            "weight": dosage,
        }
    ).with_columns(
        prior_other=pl.lit(None, dtype=pl.Float64),
        prior_prior_other=pl.lit(None, dtype=pl.Float64),
        ell=pl.lit(False),
        ese=pl.lit(False),
        advanced=pl.lit(None, dtype=pl.Boolean),
        class_size=pl.len().over("class_id").cast(pl.Float64),
        peer_mean_prior=(pl.col("prior").sum().over("class_id") - pl.col("prior")) / (pl.len().over("class_id") - 1),
        peer_mean_prior_prior=(pl.col("prior_prior").sum().over("class_id") - pl.col("prior_prior")) / (pl.len().over("class_id") - 1),
    )
    seconds = frame.filter(pl.col("weight") < 1).with_columns(staff_key="second", weight=pl.lit(0.4))
    return pl.concat([frame, seconds]).drop("second"), {f"t{i:04d}": e for i, e in enumerate(effect)}
