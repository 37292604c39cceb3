"""A path, a ZIP or standard input → sources: streams of bytes that can be read again and again.

ZIP safety lives here; nothing is ever unpacked to disk. What the bytes mean is left to `tables`.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from stat import S_ISLNK
from typing import IO

from notequality.errors import ArchiveError, InputError, TableError

STANDARD_INPUT = "-"

# LinkedIn archives hold some sixty files, plus pictures in the complete one.
MAX_MEMBERS = 10_000
# The largest messages.csv known has some 100 MB.
MAX_MEMBER_BYTES = 2 * 1024**3
# Text packs 3 to 20 times, an inbox of empty notes up to 60; DEFLATE ends at 1,032, which is what bombs use.
MAX_RATIO = 200
RATIO_COUNTS_FROM_BYTES = 1024**2
# How far below a folder tables are looked for, so that a whole disk given by mistake is not walked.
MAX_FOLDER_DEPTH = 3


@dataclass(frozen=True)
class Source:
    """Bytes that can be read again and again: a file, a member of a ZIP, or what came on standard input.

    Attributes:
        name: the file's name, or the member's path inside its archive or folder.
        where: how to name it in a message (`inbox.zip: Invitations.csv`).
        path: the file or archive on disk; None for standard input.
        opener: returns a new stream at the first byte.
    """

    name: str
    where: str
    path: Path | None
    opener: Callable[[], IO[bytes]]

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Yield the bytes as a stream; what goes wrong in reading becomes one line (`ArchiveError`, `InputError`)."""
        try:
            with self.opener() as stream:
                yield stream
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
            raise ArchiveError(f"{self.where}: the archive is damaged ({error}): download it again", path=self.path) from error
        except OSError as error:
            raise InputError(f"{self.where}: cannot be read: {error.strerror or error}", path=self.path) from error


@dataclass(frozen=True)
class Bundle:
    """What one path holds: its sources, and whether it is an archive or folder rather than one table."""

    where: str
    path: Path | None
    sources: tuple[Source, ...]
    archive: bool


def open_bundle(path: str | Path) -> Bundle:
    """Return the sources behind a file, folder, ZIP or `-`.

    Raises:
        InputError: there is no such path, or it cannot be read.
        ArchiveError: the ZIP is damaged, encrypted or unsafe.
    """
    if str(path) == STANDARD_INPUT:
        return _open_file(standard_input())
    try:
        return _open_path(Path(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}", path=path) from error


def _open_path(path: Path) -> Bundle:
    if path.is_dir():
        return Bundle(str(path), path, tuple(_folder(path)), archive=True)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder: check the path", path=path)
    if not path.is_file():
        with path.open("rb") as pipe:
            return _open_file(_kept(pipe, path.name, str(path)))
    return _open_file(Source(path.name, str(path), path, partial(_open_file_bytes, path)))


def _open_file_bytes(path: Path) -> IO[bytes]:
    return path.open("rb")


def _open_file(source: Source) -> Bundle:
    """Tell a ZIP from a table by its first bytes, whatever its name."""
    with source.open() as stream:
        head = stream.read(4)
    if head in (b"PK\x03\x04", b"PK\x05\x06"):
        return Bundle(source.where, source.path, tuple(_members(source)), archive=True)
    if source.name.lower().endswith(".zip"):
        raise ArchiveError(f"{source.where}: not a ZIP file, in spite of its name: download it again", path=source.path)
    return Bundle(source.where, source.path, (source,), archive=False)


def standard_input() -> Source:
    """Return standard input as a source.

    Raises:
        InputError: standard input is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed: give a file, or pipe something in")
    return _kept(sys.stdin.buffer, STANDARD_INPUT, "standard input")


def _kept(stream: IO[bytes], name: str, where: str) -> Source:
    """Keep a stream that can be read once in an unnamed temporary file, because tables are read more than once."""
    kept = tempfile.TemporaryFile()
    shutil.copyfileobj(stream, kept)

    def rewind() -> IO[bytes]:
        kept.seek(0)
        return os.fdopen(os.dup(kept.fileno()), "rb")

    return Source(name, where, None, rewind)


def _is_table_name(name: str) -> bool:
    parts = name.split("/")
    return parts[-1].lower().endswith(".csv") and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _folder(folder: Path) -> Iterator[Source]:
    found = 0
    for here, below, names in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        below[:] = sorted(below) if depth + 1 < MAX_FOLDER_DEPTH else []
        found += len(names)
        if found > MAX_MEMBERS:
            fault = f"more than {MAX_MEMBERS:,} files: name the folder of the export itself"
            raise ArchiveError(f"{folder}: {fault}", path=folder)
        for name in sorted(names):
            file = Path(here, name)
            inside = file.relative_to(folder).as_posix()
            if _is_table_name(inside) and file.is_file():
                yield Source(inside, str(file), file, partial(_open_file_bytes, file))


def _members(source: Source) -> Iterator[Source]:
    """The tables of a ZIP, once the whole list of members has been found safe. Nothing is ever unpacked to disk."""
    where, path = source.where, source.path
    try:
        with zipfile.ZipFile(path or source.opener()) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ArchiveError(f"{where}: the ZIP is damaged ({error}): download it again", path=path) from error
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"{where}: refused: {len(members):,} members, more than {MAX_MEMBERS:,}", path=path)
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise TableError(f"{where}: is an Excel workbook: save the sheet as CSV", path=path)
    seen: set[str] = set()
    for member in members:
        fault = _fault(member, seen)
        if fault:
            raise ArchiveError(f"{where}: refused: member {member.filename[:100]!r} {fault}", path=path)
        seen.add(member.filename.lower())
    for name in (member.filename for member in members if _is_table_name(member.filename)):
        yield Source(name, f"{where}: {name}", path, partial(_open_member, source, name))


def _fault(member: zipfile.ZipInfo, seen: set[str]) -> str:
    """Why a member is unsafe, or nothing."""
    name = member.filename.replace("\\", "/")
    size, packed = member.file_size, member.compress_size
    faults = {
        "has a path that leads out of the archive": name.startswith("/") or ".." in name.split("/") or name[1:2] == ":",
        "is a link": S_ISLNK(member.external_attr >> 16),
        "is there twice": member.filename.lower() in seen and _is_table_name(name),
        "is encrypted: unpack it and name the folder": bool(member.flag_bits & 0x1),
        f"is larger than {MAX_MEMBER_BYTES:,} bytes": size > MAX_MEMBER_BYTES and _is_table_name(name),
        f"unpacks to more than {MAX_RATIO} times its size": size > max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * packed),
    }
    return next((text for text, found in faults.items() if found), "")


def _open_member(source: Source, name: str) -> IO[bytes]:
    # The stream holds the archive's file open by itself, so the ZipFile may be closed first.
    try:
        with zipfile.ZipFile(source.path or source.opener()) as archive:
            return archive.open(name)
    except (ValueError, KeyError, RuntimeError) as error:
        raise ArchiveError(
            f"{source.where}: member {name!r} is damaged ({error}): download it again", path=source.path
        ) from error
