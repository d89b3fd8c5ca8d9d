"""Source definitions: what the YAML may say, which files they claim, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from la_assets.landing.schema import LANDING_TABLES
from la_resources.sources.definitions import DefinitionError, definition_of, is_companion, load_definitions, parse_definitions
from la_resources.sources.record_plan import checked_table

MINIMAL = """
name: {name}
source: sis
patterns: [{pattern}]
year: {{date: DAY}}
records:
  - table: landing.attendance
    columns:
      student_key: {{from: STUDENT, person: student}}
      school_id: SCHOOL
      date: DAY
      absent: {{from: CODE, values: {{Y: 1, No: 0, "*": 0.5}}}}
"""


def one(name: str = "attendance", pattern: str = "'*.csv'"):
    return parse_definitions(MINIMAL.format(name=name, pattern=pattern), "test.yaml")[0]


def test_every_shipped_definition_fits_the_landing_tables():
    for definition in load_definitions():
        for record in definition.records:
            checked_table(definition, record, LANDING_TABLES)


def test_the_example_mappings_fit_the_landing_tables():
    examples = Path(__file__).resolve().parents[3] / "data" / "mappings" / "sgp"
    names = {d.name for d in load_definitions([examples])}
    assert {"sgp_scores", "sgp_links", "oneroster_users"} <= names


def test_yes_no_and_numbers_in_a_translation_are_texts():
    assert one().records[0].columns["absent"].translation == {"y": "1", "no": "0", "*": "0.5"}


@pytest.mark.parametrize(
    ("pattern", "path", "claimed"),
    [
        ("'*.csv'", "sis/a.csv", True),
        ("'*.csv'", "sis/deep/er/A.CSV", True),
        ("'*.csv'", "other/a.csv", False),
        ("'att/*.csv'", "sis/ATT/x.csv", True),
        ("'att/*.csv'", "sis/att/deep/x.csv", False),
        ("'att/**/*.csv'", "sis/att/x.csv", True),
        ("'att/**/*.csv'", "sis/att/deep/x.csv", True),
        ("'users.csv'", "sis/2023.zip!bundle/users.csv", True),
        ("'users.csv'", "sis/2023.zip!other.csv", False),
    ],
)
def test_patterns_match_below_the_source_folder_and_inside_zips(pattern: str, path: str, claimed: bool):
    assert (definition_of(path, [one(pattern=pattern)]) is not None) is claimed


def test_a_bundle_s_manifest_is_a_companion_and_not_unclaimed():
    shipped = load_definitions()
    assert is_companion("oneroster/2023/manifest.csv", shipped)
    assert not is_companion("sis/notes.pdf", shipped)


def test_a_district_s_definition_replaces_the_shipped_one_of_the_same_name(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(MINIMAL.format(name="act", pattern="'*.csv'"))
    act = [d for d in load_definitions([tmp_path]) if d.name == "act"]
    assert [d.source for d in act] == [("sis",)]


def test_a_mistake_names_the_file_the_definition_and_the_field():
    with pytest.raises(DefinitionError, match=r"mine\.yaml, attendance:\n(.|\n)*records\.0\.columns\.date\.form: Extra inputs"):
        parse_definitions(
            MINIMAL.format(name="attendance", pattern="a").replace("      date: DAY", "      date: {from: DAY, form: x}"), "mine.yaml"
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("landing.attendance", "landing.nothing"), "is not a landing table"),
        (("school_id: SCHOOL", "school: SCHOOL"), r"no columns \['school'\]"),
        (("      school_id: SCHOOL\n", ""), r"needs \['school_id'\]"),
        ((", person: student", ""), "needs person"),
    ],
)
def test_a_definition_that_does_not_fit_the_contract_is_refused(change: tuple[str, str], message: str):
    definition = parse_definitions(MINIMAL.format(name="attendance", pattern="a").replace(*change), "mine.yaml")[0]
    with pytest.raises(DefinitionError, match=message):
        checked_table(definition, definition.records[0], LANDING_TABLES)


def test_two_definitions_of_one_name_in_a_folder_are_refused(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(MINIMAL.format(name="same", pattern="a"))
    (tmp_path / "b.yaml").write_text(MINIMAL.format(name="same", pattern="b"))
    with pytest.raises(DefinitionError, match="already taken by"):
        load_definitions([tmp_path])
