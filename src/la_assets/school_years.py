"""School years as Dagster partitions: the scheme, the mappings between years, and the year's calendar.

The partition key is the first day of the year (``2023-07-01``), because "2024" means the start year to one vendor and the
end year to another. The first year is fixed configuration: derived from "now", it would silently drop history. The year
in progress is a partition (``end_offset=1``); the next one is not, because automation would try to fill it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import dagster as dg

from la_resources import school_year as arithmetic

FIRST_SCHOOL_YEAR = "2018-19"
TIMEZONE = os.environ.get("LA_TIMEZONE", "America/New_York")

SCHOOL_YEARS = dg.TimeWindowPartitionsDefinition(
    start=arithmetic.partition_key(FIRST_SCHOOL_YEAR),
    cron_schedule=f"0 0 1 {arithmetic.FIRST_MONTH} *",
    fmt="%Y-%m-%d",
    timezone=TIMEZONE,
    end_offset=1,
)


def earlier_years(most: int, *, least: int = 1) -> dg.TimeWindowPartitionMapping:
    """Year t reads years ``t - most`` to ``t - least``; years before the first simply do not exist.

    Raises
    ------
    ValueError
        Unless ``most >= least >= 1``: a mapping that reads its own or a later year would leak the future.
    """
    if not most >= least >= 1:
        raise ValueError(f"earlier_years needs most >= least >= 1, got most={most}, least={least}")
    return dg.TimeWindowPartitionMapping(start_offset=-most, end_offset=-least, allow_nonexistent_upstream_partitions=True)


def own_and_earlier_years(most: int) -> dg.TimeWindowPartitionMapping:
    """Year t reads itself and the ``most`` years before."""
    if most < 1:
        raise ValueError(f"own_and_earlier_years needs most >= 1, got {most}")
    return dg.TimeWindowPartitionMapping(start_offset=-most, end_offset=0, allow_nonexistent_upstream_partitions=True)


@dataclass(frozen=True, order=True)
class SchoolYear:
    """One school year, as an asset function sees it.

    Attributes
    ----------
    label : str
        ``2023-24``, the value of the column ``school_year``.
    """

    label: str

    def __post_init__(self) -> None:
        arithmetic.start_year(self.label)

    @classmethod
    def of_key(cls, partition_key: str) -> SchoolYear:
        return cls(arithmetic.of_partition_key(partition_key))

    @property
    def key(self) -> str:
        return arithmetic.partition_key(self.label)

    @property
    def first_day(self) -> dt.date:
        return arithmetic.first_day(self.label)

    @property
    def last_day(self) -> dt.date:
        return arithmetic.last_day(self.label)

    def shift(self, years: int) -> SchoolYear:
        return SchoolYear(arithmetic.shift(self.label, years))


def years_of(partition_keys: Iterable[str]) -> list[SchoolYear]:
    """The school years of a run's partition keys, oldest first."""
    return sorted(SchoolYear.of_key(key) for key in partition_keys)


def current_school_year(now: dt.datetime | None = None) -> SchoolYear:
    """The school year in progress in the district's time zone."""
    zone = ZoneInfo(TIMEZONE)
    return SchoolYear(arithmetic.of_date((now or dt.datetime.now(zone)).astimezone(zone).date()))
