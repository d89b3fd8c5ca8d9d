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
        yield Refused(archive, "too many members", f"{archive.path} holds {len(entries):,} members, more than {MAXIMUM_MEMBERS:,}; split it")
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
        )
        total += entry.file_size
        problem = _problem(entry, seen, total, maximum_bytes)
        seen.add(entry.filename)
        if problem:
            yield Refused(member, problem[0], f"{member.path}: {problem[1]}")
        else:
            yield member


def _problem(entry: zipfile.ZipInfo, seen: set[str], total: int, maximum_bytes: int) -> tuple[str, str] | None:
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ":" in name or ".." in name.split("/") or "\0" in name:
        return "unsafe member path", "the member's path leaves the archive; such a file is not read, ask who sent it"
    if entry.filename in seen:
        return "duplicate member", "the archive holds two members of this name; only the first is read"
    if entry.flag_bits & 0x1:
        return "encrypted member", "the member is encrypted; send it without a password, or unpack it into the landing zone"
    if is_archive(name):
        return "nested archive", "an archive inside an archive is not opened; put it into the landing zone itself"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return "unknown compression", f"compression method {entry.compress_type} is not supported; pack with deflate"
    if entry.file_size > SMALL and entry.file_size > MAXIMUM_RATIO * max(entry.compress_size, 1):
        ratio = entry.file_size / max(entry.compress_size, 1)
        return "implausible compression", f"it unpacks to {ratio:,.0f} times its size ({entry.file_size:,} bytes), over {MAXIMUM_RATIO}; unpack it into the landing zone if it is real"
    if total > maximum_bytes:
        return "archive too large", f"the archive unpacks to over {maximum_bytes:,} bytes; split it"
    return None


def _opened(archive: LandedFile, name: str) -> BinaryIO:
    stream = archive.open()
    zipped = zipfile.ZipFile(stream)
    member = zipped.open(zipped.NameToInfo[name])
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
