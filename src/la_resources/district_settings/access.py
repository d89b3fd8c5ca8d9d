"""What a district may set about who sees which students: the words for roles in its list of users."""

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


class AccessSettings(BaseModel):
    """Settings of the room ``access``.

    Attributes
    ----------
    roles : dict
        Words for roles, lower case, as the district's list of users has them, to the five roles there are. A word that is not
        listed gives no access.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: dict[str, Role] = Field(default_factory=lambda: dict(ROLES))
