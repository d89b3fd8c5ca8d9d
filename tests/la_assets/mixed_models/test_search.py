"""The search on a function whose minimum over covariances is known: the nearest covariance to a symmetric matrix (Higham 1988)."""

from __future__ import annotations

import numpy as np
import pytest

from la_assets.mixed_models.search import Layout, _around_the_border, minimum

THREE = Layout((3,))


def distance(target: np.ndarray):
    """Squared distance of ``L L'`` from a target, and its gradient."""

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        (factor,) = THREE.factors(point)
        gap = factor @ factor.T - target
        return 100 * float((gap**2).sum()), (400 * gap @ factor)[np.tril_indices(3)]

    return function


def nearest(target: np.ndarray) -> np.ndarray:
    values, axes = np.linalg.eigh(target)
    return axes * np.maximum(values, 0) @ axes.T


TURN = np.linalg.qr(np.array([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]]))[0]


@pytest.mark.parametrize("values", [(4, 1, 0.3), (2, 0.5, 1e-3), (2, 1, -0.5), (3, -0.2, -1), (-1, -1, -1)])
@pytest.mark.parametrize("turn", [np.eye(3), TURN, TURN[:, [2, 0, 1]]], ids=["straight", "turned", "otherwise"])
def test_the_nearest_covariance_is_found_inside_and_on_the_border(values: tuple[float, ...], turn: np.ndarray) -> None:
    target = turn * np.array(values) @ turn.T
    found = minimum(distance(target), THREE)
    (factor,) = THREE.factors(found.point)
    assert factor @ factor.T == pytest.approx(nearest(target), abs=1e-5)
    assert found.status == ("singular" if min(values) < 0 else "converged")
    assert (np.diag(factor) >= 0).all()


def test_a_direction_that_was_lost_is_found_again() -> None:
    target = TURN * np.array([3.0, 1.0, 0.5]) @ TURN.T
    short = TURN[:, :1] * np.sqrt(3.0)
    point = THREE.point([np.column_stack([short, np.zeros((3, 2))])])
    function = distance(target)
    assert np.abs(function(point)[1]).max() < 1e-9, "the slope says nothing there"
    better = _around_the_border(function, point, THREE)
    assert better is not None
    assert function(better)[0] < function(point)[0]
    assert _around_the_border(distance(TURN * np.array([3.0, -1.0, -0.5]) @ TURN.T), point, THREE) is None


def test_a_function_that_is_flat_is_not_identified() -> None:
    """Only the sum of two variances matters."""
    layout = Layout((1, 1))

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        gap = float(point @ point) - 2.0
        return gap**2, 4 * gap * point

    assert minimum(function, layout).status == "not_identified"
