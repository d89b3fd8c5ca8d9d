"""A series of roster bundles says what its last bulk delivery and the deltas since say."""

import polars as pl

from la_assets.landing.schema import ONEROSTER_ORGS
from la_assets.roster.bundles import current_rows

from .landed import AUGUST, OCTOBER, SEPTEMBER, landed


def names(*deliveries: pl.LazyFrame) -> dict[str, str]:
    rows = current_rows(pl.concat(deliveries)).sort("sourced_id").collect()
    return dict(rows.select("sourced_id", "name").iter_rows())


BULK = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "North"}, {"sourced_id": "2", "name": "South"}, file="aug/orgs.csv")


def test_a_bulk_delivery_alone_is_what_it_says() -> None:
    assert names(BULK) == {"1": "North", "2": "South"}


def test_a_later_bulk_delivery_replaces_earlier_rows_even_those_it_no_longer_mentions() -> None:
    later = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "North High"}, file="sep/orgs.csv", at=SEPTEMBER)
    assert names(later, BULK) == {"1": "North High"}


def test_a_delta_changes_and_adds_rows_and_leaves_the_others() -> None:
    delta = landed(
        ONEROSTER_ORGS,
        {"sourced_id": "2", "name": "South High"},
        {"sourced_id": "3", "name": "West"},
        source="oneroster_delta",
        at=SEPTEMBER,
    )
    assert names(BULK, delta) == {"1": "North", "2": "South High", "3": "West"}


def test_deltas_apply_in_order_of_arrival() -> None:
    september = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "Second"}, source="oneroster_delta", file="z.csv", at=SEPTEMBER)
    october = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "Third"}, source="oneroster_delta", file="a.csv", at=OCTOBER)
    assert names(october, BULK, september)["1"] == "Third"


def test_a_delta_older_than_the_last_bulk_delivery_is_already_in_it() -> None:
    delta = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "Old"}, source="oneroster_delta", at=AUGUST)
    bulk = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "New"}, at=SEPTEMBER)
    assert names(delta, bulk) == {"1": "New"}


def test_tobedeleted_removes_a_row_in_a_delta_and_in_a_bulk_file() -> None:
    delta = landed(ONEROSTER_ORGS, {"sourced_id": "1", "status": "tobedeleted"}, source="oneroster_delta", at=SEPTEMBER)
    bulk = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "North"}, {"sourced_id": "2", "status": "ToBeDeleted "})
    assert names(bulk, delta) == {}


def test_a_deleted_row_that_is_sent_again_returns() -> None:
    gone = landed(ONEROSTER_ORGS, {"sourced_id": "1", "status": "tobedeleted"}, source="oneroster_delta", at=SEPTEMBER)
    back = landed(ONEROSTER_ORGS, {"sourced_id": "1", "status": "active", "name": "North"}, source="oneroster_delta", at=OCTOBER)
    assert names(BULK, gone, back)["1"] == "North"


def test_a_delta_that_lands_together_with_its_bulk_delivery_comes_after_it() -> None:
    delta = landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "Changed"}, source="oneroster_delta", file="0.csv")
    assert names(delta, BULK)["1"] == "Changed"


def test_deltas_without_a_bulk_delivery_stand_for_themselves() -> None:
    assert names(landed(ONEROSTER_ORGS, {"sourced_id": "1", "name": "North"}, source="oneroster_delta")) == {"1": "North"}


def test_a_blank_status_is_active_and_a_year_without_bundles_is_empty() -> None:
    assert names(landed(ONEROSTER_ORGS, {"sourced_id": "1", "status": "", "name": "North"})) == {"1": "North"}
    assert names(landed(ONEROSTER_ORGS)) == {}
