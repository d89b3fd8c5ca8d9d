"""Asking R for a fit leaves the process as it was: what it starts afterwards still finds its own libraries."""

import os
import subprocess
import sys

import polars as pl
import pytest

from la_assets.mixed_models import RandomTerm, fit


@pytest.mark.needs("Rscript")
def test_a_python_started_after_a_fit_in_r_works() -> None:
    before = dict(os.environ)
    rows = pl.DataFrame({"y": [1.0, 2.0, 3.0, 2.5, 4.0, 3.5, 1.5, 2.2], "g": ["a", "a", "b", "b", "c", "c", "d", "d"]})
    assert fit("y ~ 1", rows, (RandomTerm("g"),), engine="pymer4").usable
    assert dict(os.environ) == before
    subprocess.run([sys.executable, "-c", "import ssl"], check=True)
