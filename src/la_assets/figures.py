"""Plots as pictures on an asset's page: matplotlib figures become PNG in Dagster metadata.

A plain module draws a figure and returns it; ``picture`` is all that Dagster sees of it. What is drawn stands in the rooms.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 80
_EDGE = 0.1
"""Inches left around what is drawn."""


def png(figure: Figure, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
    """The figure as PNG, cut to what is drawn; the same figure gives the same bytes.

    Matplotlib can cut as well (``bbox_inches="tight"``), but draws everything twice for it. Here the figure is drawn once, with as
    much room around it, for what reaches over its edges, and cut by its dots.
    """
    from matplotlib.transforms import Bbox
    from PIL import Image, ImageChops

    width, height = figure.get_size_inches()
    room = Bbox([[-width / 2, -height / 2], [1.5 * width, 1.5 * height]])
    drawn, content = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dots_per_inch, bbox_inches=room, pil_kwargs={"compress_level": 0})
    whole = Image.open(drawn).convert("RGB")
    empty = Image.new("RGB", whole.size, whole.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(whole, empty).getbbox() or (0, 0, *whole.size)
    edge = round(_EDGE * dots_per_inch)
    whole.crop((max(left - edge, 0), max(top - edge, 0), min(right + edge, whole.width), min(bottom + edge, whole.height))).save(
        content, "png"
    )
    return content.getvalue()


def picture(figure: Figure, title: str) -> dg.MarkdownMetadataValue:
    """The figure as metadata that the Dagster UI renders.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made with ``matplotlib.figure.Figure(...)``, not with pyplot, which keeps figures of a process alive.
    title : str
        What the picture shows, for those who cannot see it.
    """
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png(figure)).decode()})")
