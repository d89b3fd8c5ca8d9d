"""The line of one student in a workbook: its columns, and what stands out in them.

Teacher's and coach's workbooks show the same columns with the same meaning; the coach's also says who teaches the student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from la_assets.reports import words
from la_assets.reports.workbook import Column, Highlight

LOW_GROWTH = 20


def columns(windows: Sequence[str], *, coach: bool = False, shared: bool = True) -> list[Column]:
    """The columns of a student's line.

    Parameters
    ----------
    windows : sequence of str
        Windows of the subject, first to last.
    coach : bool
        With tier, cluster and teachers, which in a teacher's workbook are said by the sheet.
    shared : bool
        With the share of the year's instruction; without it where each student's is the whole.
    """
    changes = list(pairwise(windows))
    return [
        Column("Student", "student", width=23),
        *(
            [
                Column("Teacher", "teachers", "long text", 22),
                Column("Tier", "tier", "whole", 6, words="tier_none", note="1 core, 2 added support, 3 intensive support."),
                Column("Cluster", "cluster", width=9, words="cluster_none", note="Students of the tier with similar needs."),
            ]
            if coach
            else []
        ),
        Column("Grade", "grade_level", width=6.5, words="grade_words"),
        *(Column(w, f"score {w}", "whole", 8.5, words=f"score {w} words", note=f"Scale score in {w}, as observed.") for w in windows),
        Column("Level", "level", "whole", 6, words="level_words", note="Achievement level in the newest window, 1 to 5; 3 is proficient."),
        *(
            Column(f"{a} to {b}", f"change {b}", "signed", 9, words=f"change {b} words", note="Change in scale points between the windows.")
            for a, b in changes
        ),
        *(
            [
                Column(
                    "Growth percentile",
                    "growth_percentile",
                    "whole",
                    10,
                    words="growth_percentile_words",
                    note="Change compared with district students who started at the same level; under 20 is low growth.",
                )
            ]
            if changes
            else []
        ),
        Column("Predicted final", "predicted_score", "whole", 11, words="forecast_words", note="Predicted final scale score of the year."),
        Column("Likely from", "lower_80", "whole", 8.5, words="interval_words", note="80 of 100 final scores fall between from and to."),
        Column("Likely to", "upper_80", "whole", 8.5, words="interval_words", note="80 of 100 final scores fall between from and to."),
        Column(
            "Chance of level 3", "probability_proficient", "percent", 9, words="bubble_words", note="Chance of a proficient final score."
        ),
        Column("Bubble", "bubble", width=8.5, words="bubble_words", note="Predicted within one standard error of the cut for level 3."),
        Column("Why this tier", "reasons", "long text", 20, words="tier_words"),
        Column(
            "Standards to re-teach",
            "standards",
            "long text",
            32,
            words="standards_words",
            note="Standards below mastery in the newest window, worst first; five at most.",
        ),
        *(
            [Column("Share taught", "weight", "percent", 8, note="Share of the year's instruction in the subject that the teacher gives.")]
            if shared
            else []
        ),
    ]


def highlights(windows: Sequence[str]) -> list[Highlight]:
    """What stands out: low growth, students on the bubble; chances as bars."""
    low = [Highlight("growth_percentile", below=LOW_GROWTH)] if len(windows) > 1 else []
    return [*low, Highlight("bubble", text="bubble"), Highlight("probability_proficient", bars=True)]


def line(row: Mapping[str, Any], windows: Sequence[str]) -> dict[str, Any]:
    """A row of :func:`la_assets.reports.class_rows.rows` with a key per window."""
    made = dict(row) | {"grade_words": "unknown", "grade_level": grade(row["grade_level"]), "tier_none": "none", "cluster_none": "none"}
    scores = {score["window"]: score for score in row["scores"] or ()}
    changes = {change["to_window"]: change for change in row["changes"] or ()}
    for window in windows:
        score = scores.get(window)
        made[f"score {window}"] = score["value"] if score else None
        made[f"score {window} words"] = score["words"] if score else words.NO_RECORD
        change = changes.get(window)
        made[f"change {window}"] = change["value"] if change else None
        made[f"change {window} words"] = change["words"] if change else words.NO_CHANGE
    return made


def grade(level: str | None) -> str | None:
    """A grade level as teachers write it: 3, not 03."""
    return level and (level.lstrip("0") or level)
