"""What varies by group: a grouping column and the effects that get a value of their own in each of its levels.

A term is a plain description; which numbers belong to it in a frame is worked out in ``design.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

INTERCEPT = "intercept"
MOST_EFFECTS = 4


@dataclass(frozen=True)
class RandomTerm:
    """Random effects of one grouping column, correlated with each other; ``(effects | group)`` in lme4.

    Attributes
    ----------
    group : str
        Column with the level of each row: student, teacher, school; strings or integers. Terms of different groups may be
        crossed or nested; for nesting, the inner ids must differ between outer levels (a class "1" in two schools is one class).
    effects : str
        ``"1"`` (an intercept), ``"1 + time"`` (intercept and slope), ``"0 + time"`` (slope alone): column names joined by ``+``,
        at most four effects. The intercept's columns are called ``intercept``.

    Examples
    --------
    >>> RandomTerm("student_key", "1 + time").names
    ('intercept', 'time')
    >>> RandomTerm("school_id").names
    ('intercept',)
    """

    group: str
    effects: str = "1"

    def __post_init__(self) -> None:
        parts = [part.strip() for part in self.effects.split("+")]
        columns = [part for part in parts if part not in ("0", "1")]
        wrong = any(not part for part in parts) or len(set(parts)) < len(parts) or {"0", "1"} <= set(parts) or INTERCEPT in parts
        if wrong or not 1 <= len(self.names) <= MOST_EFFECTS:
            raise ValueError(
                f"effects {self.effects!r} of group {self.group!r}: give 1 to {MOST_EFFECTS} effects such as '1', '1 + time' or '0 + time'"
            )
        if self.group in columns:
            raise ValueError(f"group {self.group!r} cannot vary by itself ({self.effects!r})")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the effects; the intercept (present unless ``0`` is written) comes first."""
        parts = [part.strip() for part in self.effects.split("+")]
        columns = tuple(part for part in parts if part not in ("0", "1"))
        return columns if "0" in parts else (INTERCEPT, *columns)
