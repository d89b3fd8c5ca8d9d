"""What a district may set about its marts: how small a cell may be, who is proficient, whom groups are held against."""

from pydantic import BaseModel, ConfigDict, Field


class MartsSettings(BaseModel):
    """Settings of the marts.

    Attributes
    ----------
    min_cell : int
        Students below which nothing is told of a group above the level of a student.
    proficient_level : int
        Lowest achievement level that counts as proficient.
    reference_groups : dict
        Attribute to the group that the others are held against.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_cell: int = Field(10, ge=2)
    proficient_level: int = Field(3, ge=1, le=5)
    reference_groups: dict[str, str] = Field(
        default_factory=lambda: {"race_ethnicity": "White", "gender": "Male", "frl": "no", "ell": "no", "ese": "no"}
    )
