"""Person keys: stable, separate by kind, and never without a secret."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from la_resources.privacy import SECRET_VARIABLE, Hasher, MissingSecret, person_key, secret_from_environment

SECRET = b"0123456789abcdef0123456789abcdef"


def test_the_key_is_the_first_128_bits_of_hmac_sha256() -> None:
    expected = hmac.new(SECRET, b"student:1000372", hashlib.sha256).hexdigest()[:32]
    assert person_key(SECRET, "student", " 1000372 ") == expected


def test_a_student_and_a_teacher_with_the_same_number_have_different_keys() -> None:
    assert person_key(SECRET, "student", "42") != person_key(SECRET, "staff", "42")


def test_another_secret_gives_another_key() -> None:
    assert person_key(SECRET, "student", "42") != person_key(SECRET[::-1], "student", "42")


def test_many_ids_hash_as_one_by_one() -> None:
    assert Hasher(SECRET)("staff", ["1", "2"]) == [person_key(SECRET, "staff", "1"), person_key(SECRET, "staff", "2")]


@pytest.mark.parametrize("value", ["", "short"])
def test_a_missing_or_short_secret_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, value)
    with pytest.raises(MissingSecret, match=SECRET_VARIABLE) as caught:
        secret_from_environment()
    assert not value or value not in str(caught.value).replace("at least", "")
