"""Pictures are cut to what is drawn, whatever reaches over the figure's edges, and are the same for the same figure."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from la_assets.figures import png


def _figure(label: str = "") -> Figure:
    figure = Figure(figsize=(2, 1), dpi=100)
    figure.add_axes((0, 0, 1, 1)).set_axis_off()
    if label:
        figure.axes[0].plot([0, 1], [0, 1])
        figure.text(-0.25, 0.5, label, rotation="vertical", va="center")
    return figure


def _dots(figure: Figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png(figure, 100))))


def test_nothing_that_is_drawn_is_cut_off_and_nothing_else_is_left_but_an_edge() -> None:
    dots = _dots(_figure("height"))
    inked = (dots != 255).any(axis=2)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    assert (rows[0], len(inked) - 1 - rows[-1], columns[0], inked.shape[1] - 1 - columns[-1]) == (10, 10, 10, 10)
    assert inked.shape[1] > 220, "the label stands half an inch left of the figure"


def test_the_cut_is_matplotlib_s_own() -> None:
    content = io.BytesIO()
    _figure("height").savefig(content, format="png", dpi=100, bbox_inches="tight")
    theirs, ours = Image.open(content), Image.open(io.BytesIO(png(_figure("height"), 100)))
    assert theirs.size == pytest.approx(ours.size, abs=12)


def test_the_same_figure_gives_the_same_bytes_and_an_empty_one_is_a_picture() -> None:
    assert png(_figure("height")) == png(_figure("height"))
    assert (_dots(_figure()) == 255).all()
