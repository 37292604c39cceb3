"""Paths → chunks of notes: LinkedIn archives and any other table; every input row ends in exactly one outcome.

What columns mean is `formats`' affair, who owns an inbox `inboxes`'; judging the notes and writing them out is `batch`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from notequality.archives import Bundle, open_bundle
from notequality.errors import ArchiveError, InputError, TableError
from notequality.formats import INVITATIONS, MESSAGES, OTHER, PROFILE, Reading, Record, recognise
from notequality.inboxes import Inbox

if TYPE_CHECKING:
    import pandas as pd

CHUNK_SIZE = 2_000
DIRECTIONS = ("all", "incoming", "outgoing")
SHOWN_LINES = 5
# Chats with LinkedIn's own assistants: the header of messages.csv, nobody's messages; only the name tells.
_DECOYS = {"guidemessages", "coachmessages", "learningcoachmessages", "learningroleplaymessages"}


# An archive whose file of this name cannot be understood is not read as if the file were not there.
_WITH_NOTES = {"invitations", "messages"}


@dataclass(frozen=True)
class _Input:
    """What is read of one path: the tables with notes, those that say who its owner is, and all files there."""

    where: str
    path: Path | None
    notes: tuple[Reading, ...]
    profiles: tuple[Reading, ...] = ()
    archive: bool = False
    files: tuple[Path, ...] = ()
    unread: tuple[str, ...] = ()


def _files(bundle: Bundle) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(source.path for source in bundle.sources if source.path))


def _open_table(bundle: Bundle, text_column: str | None) -> _Input:
    reading = recognise(bundle.sources[0], text_column)
    if not reading.format.text:
        raise TableError(
            f"{bundle.where}: is a table of {reading.format.name}, which holds no notes: "
            "give Invitations.csv, messages.csv or the whole archive",
            path=bundle.path,
        )
    return _Input(bundle.where, bundle.path, (reading,), files=_files(bundle))


def _open_archive(bundle: Bundle, text_column: str | None) -> _Input:
    """Recognise the tables of an archive by their headers; of those with notes the ones nearest to its top count."""
    readings: list[Reading] = []
    found: list[str] = []
    for source in bundle.sources:
        name = re.sub(r"[\s_-]", "", Path(source.name).stem).casefold()
        if name in _DECOYS:
            found.append(f"{source.name} (a chat with LinkedIn's assistant)")
            continue
        try:
            reading = recognise(source, None)
        except TableError as error:
            empty = "is empty" in str(error)
            if name in _WITH_NOTES and not empty:
                raise
            found.append(source.name + (" (empty)" if empty else ""))
            continue
        found.append(source.name)
        readings += [reading] if reading.format is not OTHER else []
    notes = [reading for reading in readings if reading.format.text]
    if not notes:
        listed = ", ".join(found[:10]) or "no CSV file"
        raise ArchiveError(
            f"{bundle.where}: no LinkedIn file with notes: looked for {INVITATIONS.file} or {MESSAGES.file}; found {listed}",
            path=bundle.path,
        )
    top = min(_depth(reading) for reading in notes)
    unread = tuple(reading.table.source.where for reading in notes if _depth(reading) != top)
    notes = [recognise(reading.table.source, text_column) for reading in notes if _depth(reading) == top]
    profiles = [reading for reading in readings if reading.format is PROFILE and _depth(reading) == top]
    return _Input(bundle.where, bundle.path, tuple(notes), tuple(profiles), True, _files(bundle), unread)


def _depth(reading: Reading) -> int:
    return reading.table.source.name.count("/")


# ---- from readings to chunks


@dataclass(frozen=True)
class Chunk:
    """Some rows of one file, ready to be scored.

    Attributes:
        frame: the input columns as they came, `object` dtype, a fresh index from 0.
        texts: what a scorer should read for each row (HTML stripped), same index.
        column: the name of the column of `frame` that held the note.
        source: the file's name, or the member's path in its archive.
    """

    frame: pd.DataFrame
    texts: pd.Series[str]
    column: str
    source: str


@dataclass(frozen=True)
class Skipped:
    """How many rows were left out for one reason, and where the first few of them begin (`messages.csv:12`)."""

    count: int = 0
    places: tuple[str, ...] = ()

    def plus(self, place: str) -> Skipped:
        """Return the count with one more row."""
        return Skipped(self.count + 1, self.places if len(self.places) >= SHOWN_LINES else (*self.places, place))


class Inputs:
    """All notes of the paths given, in order; iterate to get chunks. Each iteration reads and counts anew.

    Attributes:
        columns: the input columns that the output will have, in the order first seen.
        files: the files given, read or not, for whoever must not write on them.
        unread: files with notes that lie deeper in an archive than others and are left alone.
        rows_in: the rows read so far.
        rows_out: the rows handed out so far.
        skipped: the rows left out so far, by reason.
    """

    def __init__(self, inputs: Sequence[tuple[_Input, Inbox]], chunk_size: int) -> None:
        """Plan to read `inputs`, each with what is known about it, by `chunk_size` rows."""
        self._inputs = inputs
        self._chunk_size = chunk_size
        readings = [reading for part, _ in inputs for reading in part.notes]
        self.columns = tuple(dict.fromkeys(column for reading in readings for column in reading.table.columns))
        self.files = tuple(dict.fromkeys(file for part, _ in inputs for file in part.files))
        self.unread = tuple(name for part, _ in inputs for name in part.unread)
        self._reset()

    def _reset(self) -> None:
        self.rows_in = self.rows_out = 0
        self.skipped: dict[str, Skipped] = {}

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks; at the end every row read was handed out or counted as skipped, or `AssertionError`."""
        self._reset()
        for part, known in self._inputs:
            before = self.rows_in
            for reading in part.notes:
                yield from self._chunks(reading, known)
            if self.rows_in == before:
                raise TableError(_no_rows(part), path=part.path)
        if self.rows_in != self.rows_out + sum(skipped.count for skipped in self.skipped.values()):
            raise AssertionError(
                f"rows are unaccounted for: {self.rows_in} read, {self.rows_out} handed out, {self.skipped} skipped"
            )

    def _chunks(self, reading: Reading, known: Inbox) -> Iterator[Chunk]:
        kept = self._kept(reading, known)
        while batch := list(islice(kept, self._chunk_size)):
            yield _chunk(reading, batch)

    def _kept(self, reading: Reading, known: Inbox) -> Iterator[Record]:
        source = reading.table.source
        for record in reading.records():
            self.rows_in += 1
            reason = _reason(record, known)
            if reason is None:
                self.rows_out += 1
                yield record
            else:
                self.skipped[reason] = self.skipped.get(reason, Skipped()).plus(f"{source.name}:{record.row.line}")


def _reason(record: Record, known: Inbox) -> str | None:
    if record.row.cells is None:
        return "unreadable"
    return next((reason for reason, applies in record.reading.format.reasons if applies(record, known)), None)


def _chunk(reading: Reading, records: Sequence[Record]) -> Chunk:
    import pandas as pd

    frame = pd.DataFrame([record.row.cells for record in records], columns=list(reading.table.columns), dtype=object)
    texts: pd.Series[str] = pd.Series([record.text for record in records], dtype=object)
    return Chunk(frame, texts, reading.table.columns[reading.text], reading.table.source.name)


def _no_rows(part: _Input) -> str:
    what = "; ".join(f"{reading.format.name} with the columns {', '.join(reading.table.columns[:12])}" for reading in part.notes)
    return f"{part.where}: no rows: looked for notes below the header; found only the header of {what}"


def open_inputs(
    paths: Sequence[str | Path],
    *,
    text_column: str | None = None,
    direction: str = "all",
    me: str | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Inputs:
    """Open LinkedIn archives, folders and tables, and find out all that must be known before the first note.

    Args:
        paths: ZIP archives, folders, CSV or JSON Lines files, or `-` for standard input.
        text_column: the column of the notes, where it is not found by its name.
        direction: `all`, `incoming` or `outgoing`, seen from the owner of the export.
        me: the owner's name or profile address, where it cannot be told.
        chunk_size: rows a chunk, at most.

    Raises:
        InputError: a path is missing or unreadable, or the direction cannot be told.
        TableError: a file is empty, has no column of notes, or (while iterating) no rows.
        ArchiveError: an archive is unsafe, damaged, or without LinkedIn files.
    """
    if direction not in DIRECTIONS:
        raise InputError(f"direction {direction!r}: choose one of {', '.join(DIRECTIONS)}")
    if not paths:
        raise InputError("no input: name a LinkedIn archive, a folder, a CSV or JSON Lines file, or -")
    bundles = [open_bundle(path) for path in paths]
    parts = [(_open_archive if bundle.archive else _open_table)(bundle, text_column) for bundle in bundles]
    for reading in (reading for part in parts for reading in part.notes):
        if direction != "all" and reading.format is OTHER and "direction" not in reading.where:
            raise InputError(
                f"{reading.table.source.where}: --direction {direction} needs a LinkedIn file or a column Direction: leave it out"
            )
    bare = [reading for part in parts if not part.archive for reading in part.notes]
    together = Inbox(bare, (), direction, me)
    return Inputs(
        [(part, Inbox(part.notes, part.profiles, direction, me) if part.archive else together) for part in parts],
        chunk_size,
    )
