"""The trees of ``boosting.py`` grown data-parallel by Dask: for training sets that one machine should not hold alone.

Each worker holds an equal share of the rows and sees no other. Gradients are rounded as in one process, so that histograms add up
exactly; the bins are not the same: every worker sketches the quantiles of its own rows and the sketches are merged. Trees are therefore
close to those of one process and not equal to them; for the same rows and number of workers they are the same every time. When a model
was grown so, its manifest says it. Whether a training set is large enough to be worth it is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from la_assets.early_warning.boosting import RoundedGradients
from la_assets.early_warning.learner_settings import LearnerSettings

if TYPE_CHECKING:
    from distributed import Client


def train_on_workers(
    params: dict[str, Any],
    matrix: np.ndarray,
    label: np.ndarray,
    gradients: RoundedGradients,
    settings: LearnerSettings,
    *,
    rounds: int,
    later: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> tuple[Any, int]:
    """Grow trees on the workers.

    Parameters
    ----------
    params : dict
        XGBoost's, as for one process.
    matrix, label : numpy.ndarray
        Rows to grow on.
    gradients : RoundedGradients
    settings : LearnerSettings
        ``workers`` and ``scheduler``.
    rounds : int
        Trees at most.
    later : (matrix, label, weight), optional
        Rows of a later year on which growing is stopped.

    Returns
    -------
    (xgboost.Booster, int)
        The trees, and how many count.

    Raises
    ------
    RuntimeError
        If the scheduler has fewer workers than asked for.
    """
    import xgboost as xgb
    from xgboost import dask as on_dask

    params = {**params, "eval_metric": "logloss", "nthread": 1}
    params.pop("disable_default_eval_metric", None)
    with _client(settings) as client:
        addresses = _workers(client, settings)
        train = on_dask.DaskQuantileDMatrix(client, *_shares(client, addresses, matrix, label), max_bin=settings.bins)
        if later is None:
            booster = on_dask.train(client, params, train, num_boost_round=rounds, obj=gradients)["booster"]
            return booster, rounds
        features, outcome, weight = _shares(client, addresses, *later)
        watched = on_dask.DaskQuantileDMatrix(client, features, outcome, weight=weight, ref=train, max_bin=settings.bins)
        stop = xgb.callback.EarlyStopping(rounds=settings.early_stopping_rounds, metric_name="logloss", data_name="later", maximize=False)
        grown = on_dask.train(
            client, params, train, num_boost_round=rounds, evals=[(watched, "later")], obj=gradients, callbacks=[stop], verbose_eval=False
        )
        return grown["booster"], grown["booster"].best_iteration + 1


@contextmanager
def _client(settings: LearnerSettings) -> Iterator[Client]:
    """A client of the district's scheduler, or of workers started here for the time."""
    from distributed import Client, LocalCluster

    if settings.scheduler:
        with Client(settings.scheduler) as client:
            yield client
        return
    with (
        LocalCluster(n_workers=settings.workers, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def _workers(client: Client, settings: LearnerSettings) -> list[str]:
    """Addresses of the workers, in an order that is the same every time."""
    client.wait_for_workers(settings.workers, timeout=60)
    there = client.scheduler_info(n_workers=-1)["workers"]
    named = sorted((str(told["name"]), address) for address, told in there.items())
    if len(named) < settings.workers:
        raise RuntimeError(f"the Dask scheduler {settings.scheduler} has {len(named)} workers, the settings ask for {settings.workers}")
    return [address for _, address in named[: settings.workers]]


def _shares(client: Client, addresses: list[str], *arrays: np.ndarray) -> list[Any]:
    """Arrays as Dask arrays whose n-th share of rows lies with the n-th worker."""
    import dask.array as da

    ends = np.linspace(0, len(arrays[0]), len(addresses) + 1).astype(int)
    made = []
    for array in arrays:
        parts = []
        for address, begin, end in zip(addresses, ends[:-1], ends[1:], strict=True):
            share = array[begin:end]
            there = client.scatter(share, workers=[address], direct=False, hash=False)
            parts.append(da.from_delayed(there, shape=share.shape, dtype=share.dtype))
        made.append(da.concatenate(parts))
    return made
