"""The coursework assets are wired to their contracts."""

from la_assets.coursework import assets, schema

from ..called_assets import called


def test_a_year_without_data_makes_empty_tables() -> None:
    assert all(
        rows.is_empty()
        for rows in called(
            assets,
            schema,
            (
                "grades",
                "student_year",
            ),
            "2026-27",
            {},
        ).values()
    )
