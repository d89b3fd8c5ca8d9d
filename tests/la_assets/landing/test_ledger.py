"""What the checks of the landed files say of a ledger written out by hand."""

import polars as pl

from la_assets.landing.ledger import every_file_is_claimed, quarantine_is_within_limit, rows_are_accounted_for

COUNTS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_skipped", "rows_quarantined")


def ledger(*files: tuple) -> pl.LazyFrame:
    """Files as (path, status, read, loaded, duplicate, skipped, quarantined, reason, rules broken)."""
    return pl.LazyFrame(files, schema=["source_file", "status", *COUNTS, "reason", "rules_broken"], orient="row")


GOOD = ("sis/a.csv", "loaded", 100, 95, 3, 1, 1, None, "not a number: 1")
UNCLAIMED = ("sis/notes.pdf", "unclaimed", 0, 0, 0, 0, 0, "no source definition claims this file", None)


def test_a_file_balances_when_every_row_read_went_somewhere() -> None:
    assert rows_are_accounted_for(ledger(GOOD))[0]
    passed, text, _ = rows_are_accounted_for(ledger(GOOD, ("sis/b.csv", "loaded", 10, 8, 0, 0, 1, None, None)))
    assert not passed
    assert "sis/b.csv" in text
    assert "'lost': 1" in text


def test_few_rows_in_quarantine_are_normal() -> None:
    passed, text, counts = quarantine_is_within_limit(ledger(GOOD), 0.02)
    assert passed
    assert counts == {"files_over_limit": 0, "rows_quarantined": 1}
    assert "2%" in text


def test_a_file_over_the_limit_is_named_with_the_rules_its_rows_broke() -> None:
    bad = ("sis/b.csv", "partly quarantined", 10, 5, 0, 0, 5, None, "above the maximum 5: 5")
    passed, text, _ = quarantine_is_within_limit(ledger(GOOD, bad), 0.02)
    assert not passed
    assert "sis/b.csv, 5 of 10 rows: above the maximum 5: 5" in text


def test_a_refused_file_is_named_once_with_the_reason() -> None:
    refused = ("sis/c.csv", "quarantined", 0, 0, 0, 0, 0, "sis/c.csv: the header lacks date", None)
    passed, text, _ = quarantine_is_within_limit(ledger(refused), 0.02)
    assert not passed
    assert text.count("sis/c.csv") == 1


def test_a_refused_file_that_was_taken_away_is_dealt_with() -> None:
    gone = ("sis/c.csv", "gone", 3, 0, 0, 0, 3, "it is no longer in the landing zone", "not a date: 3")
    assert quarantine_is_within_limit(ledger(GOOD, gone), 0.02)[0]


def test_a_file_without_rows_is_not_over_the_limit() -> None:
    """Nought of nought rows is no share; a file that nobody claims is the other check's business."""
    assert quarantine_is_within_limit(ledger(UNCLAIMED, ("sis/empty.csv", "loaded", 0, 0, 0, 0, 0, None, None)), 0.02)[0]
    passed, text, _ = every_file_is_claimed(ledger(GOOD, UNCLAIMED))
    assert not passed
    assert "sis/notes.pdf" in text
