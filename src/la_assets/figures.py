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


def png(figure: Figure, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=dots_per_inch, bbox_inches="tight", metadata={"Software": None})
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
