"""One BLAS thread while a model is fitted.

A fit is many small products: threads cost more than they save, and the last digits of a sum depend on how many there are. With one, a
fit gives the same numbers in a notebook, in a test and inside a Dagster process, whatever ``OPENBLAS_NUM_THREADS`` says there.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which the BLAS libraries of NumPy and SciPy use one thread; the setting before comes back at its end."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> Any:
    import scipy.linalg
    import scipy.sparse.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
