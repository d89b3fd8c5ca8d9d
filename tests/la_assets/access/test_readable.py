"""Which tables may be read: each is a table of the graph, and its rule fits it; what judges teachers or fits models is not among them."""

import pytest

from la_assets import row_policies
from la_assets.access.readable import READABLE
from la_assets.definitions import TABLES
from la_assets.student_access import readable_tables
from la_resources.student_access.row_rules import fits

CONTRACTS = {table.name: table for table in TABLES}


def test_every_readable_table_is_one_of_the_graph_and_fits_its_rule() -> None:
    assert {name: readable_tables()[name] for name in READABLE} == {name: CONTRACTS[name] for name in READABLE}
    assert [name for name, rule in READABLE.items() if not fits(rule, CONTRACTS[name])] == []


def test_of_restricted_tables_only_students_names_are_readable() -> None:
    assert {name: rule for name, rule in READABLE.items() if CONTRACTS[name].restricted} == {"directory.students": "names"}


def test_a_table_with_students_is_never_readable_as_an_aggregate() -> None:
    told = {name for name, rule in READABLE.items() if rule not in ("student", "names")}
    assert told == {"marts.class_overview", "marts.school_overview", "marts.district_overview", "marts.equity_gaps"}
    assert not any("student_key" in CONTRACTS[name].by_name for name in told)


def test_evaluations_of_teachers_models_and_raw_rows_are_not_readable() -> None:
    assert not {name.partition(".")[0] for name in READABLE} & {"landing", "value_added", "access", "finance"}
    assert not any("manifest" in CONTRACTS[name].by_name for name in READABLE)


def test_the_row_level_security_of_every_readable_table_can_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LA_REDSHIFT_HOST", raising=False)
    assert row_policies.main([]) == 0
    told = capsys.readouterr().out
    for name, rule in READABLE.items():
        schema, table = name.split(".")
        assert (f' ON TABLE "{schema}"."{table}" TO ROLE la_reader;' in told) == (rule != "names")
    assert 'GRANT SELECT ON TABLE "marts"."school_overview" TO ROLE la_reader;' in told
    assert '"ese"' in told
    assert not any(f'"{column}"' in told for column in ("frl", "homeless"))
    assert row_policies.main(["--apply"]) == 1
    assert "LA_REDSHIFT_HOST" in capsys.readouterr().err
