"""The outcomes assets are wired to their contracts."""

from la_assets.outcomes import assets, schema

from ..called_assets import called


def test_a_year_without_data_makes_empty_tables() -> None:
    assert all(
        rows.is_empty()
        for rows in called(
            assets,
            schema,
            (
                "exits",
                "postsecondary",
            ),
            "2026-27",
            {},
        ).values()
    )
