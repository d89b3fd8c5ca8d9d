"""The district's own numbers: thresholds, windows and code translations that differ between districts.

One typed object with the defaults of the field, overridden by a YAML file (``LA_DISTRICT_FILE``). Plain modules get the
values they need as arguments; nothing else in the project holds a threshold.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from la_resources.district_settings.access import AccessSettings
from la_resources.district_settings.early_warning import EarlyWarningSettings
from la_resources.district_settings.forecasts import ForecastSettings
from la_resources.district_settings.growth import GrowthSettings
from la_resources.district_settings.marts import MartsSettings
from la_resources.district_settings.mtss import MtssSettings
from la_resources.district_settings.reports import ReportSettings
from la_resources.district_settings.value_added import ValueAddedSettings

EXIT_CODES: dict[str, str] = {
    "graduated": "graduated",
    "diploma": "graduated",
    "w06": "graduated",
    "dropped_out": "dropped_out",
    "dropout": "dropped_out",
    "w15": "dropped_out",
    "w05": "dropped_out",
    "transferred": "transferred",
    "transfer": "transferred",
    "w02": "transferred",
    "w03": "transferred",
    "w04": "transferred",
    "continuing": "continuing",
    "promoted": "continuing",
    "retained": "continuing",
}
"""Exit codes (lower case) to outcome status; what is not listed becomes ``unknown`` and is reported."""


class District(BaseModel):
    """Configuration of one district.

    Attributes
    ----------
    chronic_absence_rate : float
        A student attending at most ``1 - rate`` of the enrolled days is chronically absent; 0.10 by federal use.
    minimum_days_enrolled : int
        Enrolled days below which chronic absence is not judged.
    incomparable_attendance_years : tuple of str
        Years whose attendance does not compare (closures of 2020).
    years_without_spring_tests : tuple of str
        Years without state tests in spring.
    exit_codes : dict
        Exit codes, lower case, to graduated, dropped_out, transferred or continuing.
    stale_after_days : int
        Days without a new file after which a source counts as stale during the school year.
    late_after_days : int
        Days after the school year's end from which a delivery for it counts as late (finance and outcomes come in autumn).
    quarantine_limit : float
        Share of a file's rows in quarantine above which the landing check fails.
    row_count_tolerance : float
        Relative change of a table's rows against the year before that raises a warning.
    subject_translations : dict
        The district's own subject texts and course codes, lower case, to subjects; they go before SCED codes and words of titles.
    marts : MartsSettings
        Of the marts: small cells, proficiency, reference groups.
    forecasts : ForecastSettings
        Settings of the forecasts of final scores.
    mtss : MtssSettings
        Tests and windows, cut scores, tier rules, clusters.
    value_added : ValueAddedSettings
        Final tests, and the evidence that labels and publication need.
    growth : GrowthSettings
        What counts as a change, off track and at risk; peers of a percentile.
    reports : ReportSettings
        How teams are compared, how long workbooks are kept.
    early_warning : EarlyWarningSettings
        Snapshots, targets, risk levels, and the bounds of audit and drift.
    access : AccessSettings
        What the roles of the list of users stand for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    chronic_absence_rate: float = Field(0.10, gt=0, lt=1)
    minimum_days_enrolled: int = Field(10, ge=1)
    incomparable_attendance_years: tuple[str, ...] = ("2019-20", "2020-21")
    years_without_spring_tests: tuple[str, ...] = ("2019-20",)
    exit_codes: dict[str, str] = Field(default_factory=lambda: dict(EXIT_CODES))
    stale_after_days: int = Field(2, ge=1)
    late_after_days: int = Field(180, ge=0)
    quarantine_limit: float = Field(0.02, ge=0, le=1)
    row_count_tolerance: float = Field(0.25, gt=0)
    subject_translations: dict[str, str] = Field(default_factory=dict)
    marts: MartsSettings = Field(default_factory=MartsSettings)
    forecasts: ForecastSettings = Field(default_factory=ForecastSettings)
    value_added: ValueAddedSettings = Field(default_factory=ValueAddedSettings)
    growth: GrowthSettings = Field(default_factory=GrowthSettings)
    mtss: MtssSettings = Field(default_factory=MtssSettings)
    reports: ReportSettings = Field(default_factory=ReportSettings)
    early_warning: EarlyWarningSettings = Field(default_factory=EarlyWarningSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)


def load_district(path: str | None = None) -> District:
    """Read the district's YAML file (argument, else ``LA_DISTRICT_FILE``), or take the defaults.

    Raises
    ------
    ValueError
        If the file is missing or a value is out of range; the message names the file and the field.
    """
    path = path or os.environ.get("LA_DISTRICT_FILE", "")
    if not path:
        return District()
    import yaml

    file = Path(path)
    if not file.is_file():
        raise ValueError(f"LA_DISTRICT_FILE names {path}, which is not a file; unset it to use the defaults")
    try:
        return District(**(yaml.safe_load(file.read_text()) or {}))
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not a valid district file: {error}") from error
