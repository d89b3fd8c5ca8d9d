"""The ledger keeps the latest word of every check on every school year."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from la_resources.check_ledger import CheckLedger, Outcome
from la_resources.storage import FolderStorage


def test_the_latest_outcome_of_each_year_counts_oldest_year_first(tmp_path: Path) -> None:
    ledger = CheckLedger(FolderStorage(tmp_path))
    ledger.record("attendance.daily", "key_is_unique", "2023-24", Outcome(False, "two rows repeat a key", {"repeated": 2}))
    ledger.record("attendance.daily", "key_is_unique", "2022-23", Outcome(True, "fine", {"share": 0.5}))
    ledger.record("attendance.daily", "key_is_unique", "2023-24", Outcome(True, "fine again", {"repeated": 0}))
    assert ledger.outcomes("attendance.daily", "key_is_unique") == {
        "2022-23": Outcome(True, "fine", {"share": 0.5}),
        "2023-24": Outcome(True, "fine again", {"repeated": 0}),
    }
    assert list(ledger.outcomes("attendance.daily", "key_is_unique")) == ["2022-23", "2023-24"]


def test_tables_and_checks_do_not_mix_and_an_unjudged_one_has_no_outcome(tmp_path: Path) -> None:
    ledger = CheckLedger(FolderStorage(tmp_path))
    ledger.record("attendance.daily", "key_is_unique", "2023-24", Outcome(False, "bad"))
    assert ledger.outcomes("attendance.daily", "references_exist") == {}
    assert ledger.outcomes("attendance.student_year", "key_is_unique") == {}


def test_outcomes_written_at_once_are_whole(tmp_path: Path) -> None:
    ledger = CheckLedger(FolderStorage(tmp_path))
    with ThreadPoolExecutor(4) as threads:
        for n in range(200):
            threads.submit(ledger.record, "t.t", "c", f"20{n % 4 + 20}-{n % 4 + 21}", Outcome(bool(n % 2), "x" * n, {"n": n}))
    assert len(ledger.outcomes("t.t", "c")) == 4
    assert [f.suffix for f in (tmp_path / ".checks" / "t.t" / "c").iterdir()] == [".json"] * 4
