"""Pseudonymous keys: HMAC-SHA256 of an identifier under the district's secret, 128 bits.

The secret comes from the environment (``LA_STUDENT_KEY_SECRET``) and never appears in a log, in metadata or in a table.
Whoever holds it can re-identify; whoever does not, cannot invert or guess keys from known numbers. Research releases do
not use these keys (a code derived from personal data may not be released).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence

SECRET_VARIABLE = "LA_STUDENT_KEY_SECRET"  # noqa: S105 - the name of the variable, not the secret
_MINIMUM_SECRET = 32
KINDS = ("student", "staff")
_REMEMBERED = 400_000
"""Keys that a hasher holds at most, about 100 MB; beyond, it starts anew."""


class MissingSecret(RuntimeError):
    """The secret for person keys is not set or too short."""


def secret_from_environment() -> bytes:
    """The secret for person keys.

    Raises
    ------
    MissingSecret
        If ``LA_STUDENT_KEY_SECRET`` is unset or shorter than 32 characters; the value is never shown.
    """
    value = os.environ.get(SECRET_VARIABLE, "")
    if len(value) < _MINIMUM_SECRET:
        raise MissingSecret(
            f"{SECRET_VARIABLE} must be set to at least {_MINIMUM_SECRET} characters; `make demo` creates one in an ignored file. "
            "Keep it safe: with another secret every student gets another key."
        )
    return value.encode()


def person_key(secret: bytes, kind: str, identifier: str) -> str:
    """The key of one identifier of a person.

    Parameters
    ----------
    secret : bytes
        The district's secret.
    kind : {"student", "staff"}
        Keeps the two number ranges apart.
    identifier : str
        Any identifier as found in a file; surrounding blanks do not matter.

    Returns
    -------
    str
        32 hexadecimal characters (the first 128 bits of HMAC-SHA256).
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, not {kind!r}")
    return hmac.digest(secret, f"{kind}:{identifier.strip()}".encode(), "sha256")[:16].hex()


class Hasher:
    """``person_key`` for many identifiers of one kind, bound to a secret.

    Keys are remembered (a number of them), because the same students stand in most files of a district. It can be sent to another
    process of this program, without what it remembers; it shows nothing of the secret.

    Parameters
    ----------
    secret : bytes
        The district's secret.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, kind: str, identifiers: Sequence[str]) -> list[str]:
        """Keys of identifiers, in their order."""
        known = self._known
        if len(known) + len(identifiers) > _REMEMBERED:
            known.clear()
        keys = []
        for identifier in identifiers:
            key = known.get((kind, identifier))
            if key is None:
                key = known[kind, identifier] = person_key(self._secret, kind, identifier)
            keys.append(key)
        return keys

    def __reduce__(self) -> tuple[type[Hasher], tuple[bytes]]:
        return Hasher, (self._secret,)
