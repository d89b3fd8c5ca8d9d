"""Identifiers of the simulated people and schools: local numbers, state numbers and OneRoster sourcedIds.

All are functions of the seed and a running index, so that a student keeps them over the years without a register being
carried along. None of them is a key of the lake: keys are made at landing.
"""

from __future__ import annotations

import numpy as np
import polars as pl

_HEX = np.frombuffer(b"".join(b"%02x" % i for i in range(256)), dtype=np.uint8).reshape(256, 2)


def student_numbers(person: np.ndarray) -> pl.Series:
    """Seven-digit local numbers (text): a one-to-one scatter of the index over 9,000,000 numbers."""
    return pl.Series("number", 1_000_000 + (person.astype(np.int64) * 7_368_787 + 4_000_037) % 9_000_000).cast(pl.String)


def state_numbers(person: np.ndarray) -> pl.Series:
    """State identifiers, ``FL`` and twelve digits."""
    digits = pl.Series("state", (person.astype(np.int64) * 733_008_341 + 90_001) % 1_000_000_007).cast(pl.String)
    return "FL" + digits.str.zfill(12)


def staff_numbers(staff: np.ndarray) -> pl.Series:
    """Personnel numbers, ``E`` and six digits."""
    return "E" + pl.Series("staff", staff.astype(np.int64) + 100_000).cast(pl.String)


def _mix(x: np.ndarray) -> np.ndarray:
    """The splitmix64 finaliser (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def sourced_ids(seed: int, kind: int, index: np.ndarray) -> pl.Series:
    """UUID-shaped sourcedIds (version 4 bits set) of an index under a seed and a kind (1 student, 2 staff, 3 org, ...)."""
    with np.errstate(over="ignore"):
        base = _mix(index.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(kind + 1))
        base = _mix(base ^ np.uint64(seed))
        pair = np.stack([base, _mix(base + np.uint64(0x9E3779B97F4A7C15))], axis=1)
    raw = pair.astype(">u8").view(np.uint8).reshape(-1, 16)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    text = np.full((raw.shape[0], 36), ord("-"), dtype=np.uint8)
    digits = _HEX[raw].reshape(-1, 32)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, at : at + end - start] = digits[:, start:end]
    return pl.Series("sourced_id", text.view("S36").ravel().tolist(), dtype=pl.Binary).cast(pl.String)
