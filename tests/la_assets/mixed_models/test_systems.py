"""The parts of a fit: sparse and dense agree, gradients are derivatives, the selected inverse is the inverse, threads change nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from la_assets.mixed_models import RandomTerm, coupling, fit, system
from la_assets.mixed_models.blas import one_blas_thread
from la_assets.mixed_models.design import design
from la_assets.mixed_models.problem import Problem
from la_assets.mixed_models.selected_inverse import entries, selected_inverse, sparse_factor
from tests.la_assets.mixed_models.cases import cases, growers, teachers

CASES = cases()


def nested(students: int = 900, seed: int = 4) -> pl.DataFrame:
    """Students in classes in schools in districts, a few students in a second class: a thin sparse system."""
    random = np.random.default_rng(seed)
    student = np.repeat(np.arange(students), 3)
    klass = np.where(random.random(student.size) < 0.05, random.integers(0, students // 2, student.size), student // 2)
    school, district = klass // 9, klass // 90
    score = random.normal(size=student.size)
    for level in (student, klass, school, district):
        score = score + 0.4 * random.normal(size=students + 1)[level]
    return pl.DataFrame(
        {"student": student, "class": klass, "school": school, "district": district, "score": score, "x": random.normal(size=score.size)}
    )


def test_the_sparse_and_the_dense_way_are_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, terms = nested(), [RandomTerm("student"), RandomTerm("class", "1 + x"), RandomTerm("school"), RandomTerm("district")]
    thin = fit("score ~ x", frame, terms)
    monkeypatch.setattr(system, "_DENSE_SIZE", 10_000)
    dense = fit("score ~ x", frame, terms)
    assert (thin.details["path"], dense.details["path"]) == ("sparse", "dense")
    assert thin.log_likelihood == pytest.approx(dense.log_likelihood, rel=1e-10)
    assert np.allclose(thin.variance_components["value"], dense.variance_components["value"], rtol=1e-5)
    for group, levels in thin.levels.items():
        for column in levels.columns[2:]:
            assert np.allclose(levels[column], dense.levels[group][column], rtol=1e-5, atol=1e-6), (group, column)


@pytest.mark.parametrize(
    "name", ["InstEval", "egsingle, three levels, slopes", "growth, three effects", "growth in schools, weighted", "teachers, weighted"]
)
def test_the_gradient_is_the_derivative(name: str) -> None:
    case = CASES[name]
    frame = case.frame.head(4000)
    problem = Problem(design(case.formula, frame, case.groups, case.weights), case.method == "REML")
    point = np.where(problem.diagonal, 0.4, 0.1) + 0.05 * np.arange(problem.diagonal.size)
    for function, at in ((problem.deviance, point), (problem.deviance_with_residual, np.append(point, 0.3))):
        slope = function(at)[1]
        step = 1e-5
        differences = [(function(at + step * unit)[0] - function(at - step * unit)[0]) / (2 * step) for unit in np.eye(at.size)]
        assert slope == pytest.approx(differences, rel=1e-5, abs=1e-4)


def test_the_selected_inverse_is_the_inverse_where_the_factor_has_entries() -> None:
    random = np.random.default_rng(0)
    for size, density in ((1, 1.0), (40, 0.0), (60, 0.02), (200, 0.01), (80, 0.3)):
        half = sparse.random(size, size, density=density, random_state=random, format="csc")
        matrix = (half @ half.T + sparse.identity(size)).tocsc()
        factor = sparse_factor(matrix)
        rows, columns = matrix.nonzero()
        whole = np.linalg.inv(matrix.toarray())
        assert entries(selected_inverse(factor), factor.order, rows, columns) == pytest.approx(whole[rows, columns], rel=1e-10, abs=1e-12)
        assert factor.log_determinant == pytest.approx(np.linalg.slogdet(matrix.toarray())[1])
        assert factor.solve(np.eye(size)) == pytest.approx(whole, abs=1e-10)


def test_a_matrix_that_is_no_covariance_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        sparse_factor(sparse.csc_matrix(np.array([[1.0, 2.0], [2.0, 1.0]])))


def test_what_no_machine_holds_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = [RandomTerm("staff_key"), RandomTerm("school_id")]
    monkeypatch.setattr(coupling, "MOST_PAIRS", 50)
    found = fit("score ~ prior", teachers(), terms)
    assert found.status == "engine_failed"
    assert "too many ways" in found.message
    monkeypatch.undo()
    monkeypatch.setattr(system, "_MOST_DENSE", 30)
    found = fit("score ~ prior", teachers(), terms)
    assert found.status == "engine_failed"
    assert "too many for one dense system" in found.message


def test_levels_that_share_a_design_share_their_algebra() -> None:
    """Students tested in the same years: as many designs as sets of years, and the numbers of the long way."""
    frame = growers(800)
    terms = [RandomTerm("student", "1 + time")]
    short = fit("score ~ time", frame.filter(pl.col("time") < 3), terms)
    problem = Problem(design("score ~ time", frame.filter(pl.col("time") < 3), terms), True)
    assert problem._criterion.designs <= 7
    # time moved by an irrational amount per student: no two designs are the same, and nothing else changes for one student
    apart = fit(
        "score ~ time", frame.filter(pl.col("time") < 3).with_columns(time=pl.col("time") + 1e-7 * (pl.col("student") * 2**0.5)), terms
    )
    assert apart.variance_components["value"].to_list() == pytest.approx(short.variance_components["value"].to_list(), rel=1e-3)
    assert np.allclose(apart.levels["student"]["time"], short.levels["student"]["time"], rtol=1e-2, atol=1e-3)


def test_blas_threads_are_one_during_a_fit_and_as_before_after_it() -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        ours = [library for library in threadpool_info() if library["user_api"] == "blas" and ".libs" in library["filepath"]]
        assert ours
        return {library["num_threads"] for library in ours}

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == before


def test_the_same_rows_give_the_same_bits_whatever_the_threads() -> None:
    from threadpoolctl import threadpool_limits

    case = CASES["teachers, weighted"]
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            found.append(case.ours())
    assert found[0].levels["staff_key"].equals(found[1].levels["staff_key"])
    assert found[0].log_likelihood == found[1].log_likelihood
