"""What a district may set about who sees which students: words for roles, who sees names, and what data may be opened for."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["teacher", "counselor", "coach", "principal", "district"]


ROLES: dict[str, Role] = {
    "teacher": "teacher",
    "counselor": "counselor",
    "counsellor": "counselor",
    "coach": "coach",
    "mtss coach": "coach",
    "principal": "principal",
    "assistant principal": "principal",
    "district": "district",
}

COLUMNS_FOR: dict[str, tuple[Role, ...]] = {"frl": ("district",), "homeless": ("counselor", "principal", "district")}


class AccessSettings(BaseModel):
    """Settings of the room ``access``.

    Attributes
    ----------
    roles : dict
        Words for roles, lower case, as the district's list of users has them, to the five roles there are. A word that is not
        listed gives no access.
    names_for : tuple of str
        Roles that may see the names of their students in the directory.
    columns_for : dict
        Columns that only some roles may see, with those roles: by law and custom, who gets meals at a reduced price and who is homeless is
        told to those who need it. Whoever has another role besides does not see them.
    purposes : tuple of str
        What a session may be opened for; nothing else gets in, so that no story about a student gets into the access log.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: dict[str, Role] = Field(default_factory=lambda: dict(ROLES))
    names_for: tuple[Role, ...] = ("teacher", "counselor", "coach", "principal")
    columns_for: dict[str, tuple[Role, ...]] = Field(default_factory=lambda: dict(COLUMNS_FOR))
    purposes: tuple[str, ...] = (
        "instruction",
        "intervention",
        "counseling",
        "school improvement",
        "program evaluation",
        "reporting",
        "support of users",
        "audit",
    )
