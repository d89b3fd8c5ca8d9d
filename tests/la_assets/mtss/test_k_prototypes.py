"""The compiled K-Prototypes gives what the kmodes package gives from the same initial centroids, bit for bit."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kmodes.kprototypes import KPrototypes, _k_prototypes_iter
from kmodes.util.dissim import euclidean_dissim, matching_dissim
from kmodes.util.init_methods import init_cao

from la_assets.mtss import k_prototypes
from la_assets.mtss.k_prototypes import Clusters, NoStart, assigned, cao_modes, fit, fit_from, huang_gamma, huang_modes, pass_over


def mixed(seed: int, rows: int, numbers: int, kinds: int, decimals: int) -> tuple[np.ndarray, np.ndarray]:
    """Random mixed data; rounded to few values, many rows tie. Codes are 0, 1, 2, ... without gaps, as kmodes makes them."""
    random = np.random.RandomState(seed)
    numeric = np.round(random.randn(rows, numbers) * 1.5, decimals)
    drawn = random.randint(0, random.randint(2, 6), size=(rows, kinds))
    return numeric, np.column_stack([np.unique(drawn[:, k], return_inverse=True)[1] for k in range(kinds)]).astype(np.int32)


def reference(numeric: np.ndarray, categories: np.ndarray, rows: np.ndarray, gamma: float) -> KPrototypes:
    model = KPrototypes(len(rows), init=[numeric[rows].copy(), categories[rows].copy()], n_init=1, gamma=gamma, random_state=0)
    width = numeric.shape[1]
    together = np.column_stack([numeric, categories]).astype(float)
    return model.fit(together, categorical=list(range(width, together.shape[1])))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(12, 90), st.sampled_from([1, 2, 3, 7, 8, 9, 17]), st.integers(1, 5), st.sampled_from([0, 1, 9]),
    st.integers(2, 6), st.sampled_from([None, 0.5, 1.0, 2.0]),
)  # fmt: skip
def test_labels_cost_and_number_of_passes_are_those_of_kmodes(
    seed: int, rows: int, numbers: int, kinds: int, decimals: int, clusters: int, gamma: float | None
) -> None:
    """Ties included: rounded numbers, gamma of whole steps, and the order of addition that NumPy has at eight features and more."""
    numeric, categories = mixed(seed, rows, numbers, kinds, decimals)
    start = np.random.RandomState(seed).choice(rows, clusters, replace=False)
    weight = huang_gamma(numeric) if gamma is None else gamma
    found = fit_from(numeric, categories, numeric[start], categories[start], gamma=weight, random=np.random.RandomState(0))
    if found is None or len(np.unique(np.column_stack([numeric, categories]), axis=0)) <= clusters:
        return  # two equal rows as centroids: kmodes draws anew, and so does fit()
    theirs = reference(numeric, categories, start, weight)
    assert np.array_equal(found.labels, theirs.labels_)
    assert found.cost == theirs.cost_
    assert found.sweeps == theirs.n_iter_
    assert np.array_equal(found.centres, theirs._enc_cluster_centroids[0])
    assert np.array_equal(found.modes, theirs._enc_cluster_centroids[1])


@pytest.mark.parametrize("rows", [40, 400])
def test_most_random_starts_are_compared(rows: int) -> None:
    """The property above is not passed by skipping."""
    done = 0
    for seed in range(40):
        numeric, categories = mixed(seed, rows, 3, 3, 1)
        start = np.random.RandomState(seed).choice(rows, 4, replace=False)
        done += fit_from(numeric, categories, numeric[start], categories[start], gamma=0.5, random=np.random.RandomState(0)) is not None
    assert done >= 36


def states(seed: int, rows: int, clusters: int) -> tuple[np.ndarray, np.ndarray, Clusters, list]:
    """Members put at random, one cluster with a single row: not a state a fit is ever in, so that moves and refills abound."""
    numeric, categories = mixed(seed, rows, 2, 2, 0)
    random = np.random.RandomState(seed)
    members = random.randint(1, clusters, rows).astype(np.int32)
    members[:clusters] = np.arange(clusters)
    sums, counts = k_prototypes._totals(numeric, categories, members, clusters)
    sizes = np.bincount(members, minlength=clusters).astype(np.int64)
    ours = Clusters(random.randn(clusters, 2), counts.argmax(axis=2).astype(np.int32), members.copy(), sums.copy(), sizes, counts.copy())
    frequencies = [[defaultdict(float) for _ in range(2)] for _ in range(clusters)]
    for row, cluster in enumerate(members):
        for kind in range(2):
            frequencies[cluster][kind][categories[row, kind]] += 1
    membership = np.arange(clusters)[:, None] == members
    centroids = [ours.centres.copy(), ours.modes.astype(np.uint16)]
    return numeric, categories, ours, [centroids, sums.copy(), sizes.astype(float), frequencies, membership]


def test_an_emptied_cluster_is_refilled_as_kmodes_does() -> None:
    refills = 0

    class Counted(np.random.RandomState):
        def choice(self, *given, **named):  # type: ignore[no-untyped-def]
            nonlocal refills
            refills += 1
            return super().choice(*given, **named)

    for seed in range(120):
        numeric, categories, ours, theirs = states(seed, 20, 4)
        moves = pass_over(numeric, categories, ours, gamma=0.7, random=Counted(seed))
        after = _k_prototypes_iter(numeric, categories, *theirs, euclidean_dissim, matching_dissim, 0.7, np.random.RandomState(seed), None)
        centroids, sums, sizes, _, membership, their_moves = after
        assert moves == their_moves
        assert np.array_equal(ours.members, membership.argmax(axis=0))
        assert np.array_equal(ours.centres, centroids[0])
        assert np.array_equal(ours.modes, centroids[1])
        assert np.array_equal(ours.sums, sums)
        assert np.array_equal(ours.sizes, sizes)
    assert refills > 50


def test_the_package_is_selectable_and_gives_the_same_fit() -> None:
    numeric, categories = mixed(5, 150, 3, 3, 9)
    ours = fit(numeric, categories, 4, gamma=0.5, seed=3, starts=2)
    theirs = fit(numeric, categories, 4, gamma=0.5, seed=3, starts=2, implementation="kmodes")
    assert np.array_equal(ours.labels, theirs.labels)
    assert (ours.cost, ours.sweeps) == (theirs.cost, theirs.sweeps)
    assert np.array_equal(ours.modes, theirs.modes)


@pytest.mark.parametrize("seed", range(8))
def test_the_first_start_is_that_of_cao_as_kmodes_has_it(seed: int) -> None:
    _, categories = mixed(seed, 60, 1, 4, 0)
    assert np.array_equal(cao_modes(categories, 5), init_cao(categories, 5, matching_dissim).astype(int))


def test_huangs_start_takes_rows_that_exist_and_no_row_twice() -> None:
    _, categories = mixed(2, 80, 1, 3, 0)
    different = np.unique(categories, axis=0)
    for seed in range(20):
        modes = huang_modes(categories, 5, np.random.RandomState(seed), different)
        assert {tuple(mode) for mode in modes} <= {tuple(row) for row in categories}
        assert len({tuple(mode) for mode in modes}) == 5


def test_gamma_is_half_the_mean_standard_deviation() -> None:
    numeric = np.array([[0.0, 0.0], [2.0, 4.0]])
    assert huang_gamma(numeric) == 0.5 * (1.0 + 2.0) / 2


def test_the_fit_never_costs_more_than_its_starts_and_the_same_seed_gives_the_same() -> None:
    numeric, categories = mixed(11, 200, 3, 3, 9)
    one, again = (fit(numeric, categories, 3, gamma=0.5, seed=9) for _ in range(2))
    assert np.array_equal(one.labels, again.labels)
    assert one.cost <= fit(numeric, categories, 3, gamma=0.5, seed=9, starts=1).cost
    labels, distances, cost = assigned(numeric, categories, one.centres, one.modes, gamma=one.gamma)
    assert np.array_equal(labels, one.labels)
    assert cost == one.cost == pytest.approx(distances.sum())


def test_hardly_more_different_rows_than_clusters_is_said() -> None:
    with pytest.raises(NoStart, match="3 clusters"):
        fit(np.zeros((30, 1)), np.zeros((30, 1), np.int32), 3, gamma=0.5)


def test_a_category_that_the_model_has_not_seen_matches_nothing() -> None:
    labels, distances, _ = assigned(
        np.zeros((2, 1)), np.array([[0], [-1]], np.int32), np.array([[0.0], [5.0]]), np.array([[0], [1]], np.int32), gamma=2.0
    )
    assert labels.tolist() == [0, 0]
    assert distances.tolist() == [0.0, 2.0]
