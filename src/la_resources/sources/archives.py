"""Zip files of the landing zone as the files inside them, read by streaming and never written out.

Members that cannot be trusted (paths that climb out, encryption, archives in archives, implausible compression, too many bytes)
come back as refused, with the reason. The declared size is a ceiling: the zip reader stops there and reports a wrong one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from la_resources.sources.landed_file import LandedFile, named

MAXIMUM_RATIO = 100
SMALL = 1024 * 1024
"""Members up to this size may be compressed to any degree: they cannot hurt."""
MAXIMUM_BYTES = 4 * 1024**3
MAXIMUM_MEMBERS = 10_000
_ENCRYPTED = 0x1 | 0x20 | 0x40
"""Flags of encrypted and of patched members."""


@dataclass(frozen=True)
class Refused:
    """A member (or a whole archive) that is not read.

    Attributes
    ----------
    file : LandedFile
        The member; its ``path`` names archive and member.
    rule : str
        Short reason, to be counted.
    reason : str
        What is wrong and what to do next.
    """

    file: LandedFile
    rule: str
    reason: str


def is_archive(path: str) -> bool:
    return path.lower().endswith(".zip")


def unpacked(file: LandedFile) -> Iterator[LandedFile | Refused]:
    """What is read of a file: of a zip its members, of any other the file itself."""
    if is_archive(file.path):
        yield from members(file)
    else:
        yield file


def members(archive: LandedFile, maximum_bytes: int = MAXIMUM_BYTES) -> Iterator[LandedFile | Refused]:
    """The files inside a zip, in the archive's order; folders are left out.

    Parameters
    ----------
    archive : LandedFile
        The zip.
    maximum_bytes : int
        Most bytes that all members together may unpack to.
    """
    try:
        with archive.open() as stream, zipfile.ZipFile(stream) as zipped:
            entries = [e for e in zipped.infolist() if not e.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        yield Refused(archive, "not a zip file", f"{archive.path} cannot be opened as a zip: {error}. Ask for the file again")
        return
    if len(entries) > MAXIMUM_MEMBERS:
        yield Refused(
            archive, "too many members", f"{archive.path} holds {len(entries):,} members, more than {MAXIMUM_MEMBERS:,}; split it"
        )
        return
    total = 0
    seen: set[str] = set()
    for entry in entries:
        member = LandedFile(
            path=f"{archive.path}!{entry.filename}",
            source=archive.source,
            size=entry.file_size,
            modified=archive.modified,
            opener=partial(_opened, archive, entry.filename),
            beside=partial(_beside, archive, entry.filename),
            mark=archive.mark,
        )
        total += entry.file_size
        problem = _problem(entry, archive, seen, total if total > maximum_bytes else 0)
        seen.add(entry.filename)
        if problem:
            yield Refused(member, problem[0], f"{member.path}: {problem[1]}")
        else:
            yield member


def _problem(entry: zipfile.ZipInfo, archive: LandedFile, seen: set[str], excess: int) -> tuple[str, str] | None:
    """The first thing that is wrong with a member: a short rule, and what to do. ``excess``: bytes unpacked so far, if too many."""
    name = entry.filename.replace("\\", "/")
    readable = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ratio = entry.file_size / max(entry.compress_size, 1)
    tests = (
        (
            name.startswith("/") or ":" in name or ".." in name.split("/") or "\0" in name,
            "unsafe member path",
            "the member's path leaves the archive; such a file is not read, ask who sent it",
        ),
        (entry.filename in seen, "duplicate member", "the archive holds two members of this name; only the first is read"),
        (
            bool(entry.flag_bits & _ENCRYPTED),
            "encrypted member",
            "the member is encrypted; send it without a password, or unpack it into the landing zone",
        ),
        (is_archive(name), "nested archive", "an archive inside an archive is not opened; put it into the landing zone itself"),
        (
            entry.compress_type not in readable,
            "unknown compression",
            f"compression method {entry.compress_type} is not supported; pack with deflate",
        ),
        (
            entry.file_size > SMALL and ratio > MAXIMUM_RATIO,
            "implausible compression",
            f"it unpacks to {ratio:,.0f} times its size, over {MAXIMUM_RATIO}; unpack it into the landing zone if it is real",
        ),
        (bool(excess), "archive too large", f"the archive unpacks to {excess:,} bytes and more, over the limit; split it"),
        (
            not 0 <= entry.header_offset < max(archive.size, 1),
            "damaged member",
            "the archive's table of contents points outside the archive; ask for the file again",
        ),
    )
    return next(((rule, reason) for wrong, rule, reason in tests if wrong), None)


def _opened(archive: LandedFile, name: str) -> BinaryIO:
    stream = archive.open()
    try:
        zipped = zipfile.ZipFile(stream)
        member = zipped.open(zipped.NameToInfo[name])
    except (ValueError, NotImplementedError, RuntimeError, KeyError) as error:
        stream.close()
        raise zipfile.BadZipFile(f"the member's header does not fit the table of contents: {error}") from error
    return cast(BinaryIO, _Closing(member, zipped, stream))


class _Closing:
    """A member's stream that closes archive and file with itself."""

    def __init__(self, member: object, *others: object) -> None:
        self._member, self._others = member, others

    def __getattr__(self, name: str) -> object:
        return getattr(self._member, name)

    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        for part in (self._member, *self._others):
            part.close()  # type: ignore[attr-defined]


def _beside(archive: LandedFile, member: str, name: str) -> LandedFile | None:
    folder = member.rpartition("/")[0]
    trusted = [m for m in members(archive) if isinstance(m, LandedFile)]
    inside = {m.path.rsplit("!", 1)[-1]: m for m in trusted}
    here = {path.rpartition("/")[2]: m for path, m in inside.items() if path.rpartition("/")[0] == folder}
    found = named(here, name)
    return here[found] if found else None
