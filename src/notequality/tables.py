"""A source of bytes → rows of cells, each with the line of the file on which it starts.

Decoding, separators, quoting, preambles and ragged rows live here. Where the bytes come from is `archives`' affair; what
LinkedIn means by a column, and which column holds the note, is left to `formats`.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any, NamedTuple

from notequality.archives import Source, standard_input
from notequality.errors import TableError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}

# A message holds 8,000 characters and some addresses; a record beyond these limits is an unclosed quote or an attack.
MAX_RECORD_CHARACTERS = 1_000_000
MAX_RECORD_LINES = 2_000
# Wider than any export; a file of a million "columns" is not a table.
MAX_COLUMNS = 2_000
_BLOCK = 1024**2
_HEAD_LINES = 60
_HEADER_WITHIN = 10
_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"))
_BOMS_16 = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = (
    (b"PK\x03\x04", "a ZIP inside another file or an Excel workbook: unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save the sheet as CSV"),
    (b"PAR1", "a Parquet file: save it as CSV or JSON Lines"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"%PDF", "a PDF: save the table as CSV"),
)


class Row(NamedTuple):
    """One record: the 1-based line on which it starts, and its cells, or None where they cannot be told."""

    line: int
    cells: list[Any] | None


@dataclass(frozen=True)
class Table:
    """A source whose shape is known: its columns, and how to get its rows.

    Attributes:
        columns: unique names; a name that begins with `nq_` has `_in` added, a nameless one is `column_N`.
        records: returns the rows one by one; takes the index of the column that a short row must reach.
    """

    source: Source
    kind: str
    columns: tuple[str, ...]
    records: Callable[[int], Iterator[Row]]


# ---- from bytes to lines


def standard_text() -> str:
    """Return all of standard input as text, in whatever encoding it is written."""
    source = standard_input()
    with source.open() as stream:
        return stream.read().decode(_encoding(source), "replace")


def _encoding(source: Source) -> str:
    """Say how the bytes are written: by its mark, as UTF-16 by its zeros, else UTF-8 if most of it is, else cp1252."""
    with source.open() as stream:
        head = stream.read(4096)
        for mark, name in _BOMS + _BOMS_16:
            if head.startswith(mark):
                return name
        # Names of columns are Latin: in UTF-16 each second byte of the header is zero.
        even, odd = head[:24:2].count(0), head[1:24:2].count(0)
        if max(even, odd) > 3 and min(even, odd) == 0:
            return "utf-16-le" if odd else "utf-16-be"
        broken = whole = 0
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for block in chain([head], iter(lambda: stream.read(_BLOCK), b"")):
            if not block.isascii():
                text = decoder.decode(block)
                bad = text.count("\ufffd") - block.count(b"\xef\xbf\xbd")
                broken += bad
                whole += len(text) - len(text.encode("ascii", "ignore")) - bad
    # A last character cut in half is a cut file, unless nothing before it was UTF-8 either.
    broken += 0 if whole else len(decoder.decode(b"", final=True))
    return "utf-8" if broken * 3 <= whole else "cp1252"


def _lines(source: Source, encoding: str) -> Iterator[str]:
    """Yield the physical lines with their ends; of a line over the limit only the start, as long as the limit."""
    with source.open() as stream, io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text:
        while line := text.readline(MAX_RECORD_CHARACTERS):
            tail = line
            while len(tail) == MAX_RECORD_CHARACTERS and not tail.endswith(("\n", "\r")):
                tail = text.readline(MAX_RECORD_CHARACTERS)
            yield line


# ---- from lines to records


class _Feed:
    """Hands physical lines to `csv.reader`, counts them, takes back those after the first of a record that failed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self._record: list[str] = []
        self._characters = 0
        self.line = 1

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if len(self._record) >= MAX_RECORD_LINES or self._characters >= MAX_RECORD_CHARACTERS:
            raise StopIteration
        line = self._returned.popleft() if self._returned else next(self._lines)
        self._record.append(line)
        self._characters += len(line)
        return line

    @property
    def oversized(self) -> bool:
        return self._characters >= MAX_RECORD_CHARACTERS

    def next_record(self) -> None:
        self.line += len(self._record)
        self._record = []
        self._characters = 0

    def give_back(self) -> str:
        first, *rest = self._record
        self._returned.extendleft(reversed(rest))
        self._record = [first]
        return first


def _records(lines: Iterable[str], separator: str) -> Iterator[Row]:
    """Split lines into records. A quote that never closes costs its own line only: reading goes on with the next."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_CHARACTERS + 1))
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    while True:
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = _alone(feed.give_back(), separator)
            reader = csv.reader(feed, delimiter=separator, strict=True)
        if cells is None or cells:
            yield Row(feed.line, None if feed.oversized else cells)
        feed.next_record()


def _alone(line: str, separator: str) -> list[str] | None:
    """Read one line leniently (`"said "hi" to me"`), unless a quote stays open in it."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        if "end of data" in str(error):
            return None
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return None


# ---- from records to a table


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names fit for the output: none empty, none twice, `_in` added to those that begin with `nq_`."""
    bases = [name.strip(" \t\r\n\0") or f"column_{position}" for position, name in enumerate(names, 1)]
    bases = [f"{base}_in" if base.lower().startswith("nq_") else base for base in bases]
    found: dict[str, None] = {}
    for base in bases:
        numbered = (f"{base}_{number}" for number in count(2))
        name = base if base not in found else next(name for name in numbered if name not in found and name not in bases)
        found[name] = None
    return tuple(found)


def read_table(source: Source, is_header: Callable[[Sequence[str]], bool]) -> Table:
    """Find out the encoding, format, separator and header of a source.

    Args:
        source: what to read; it is read again for each pass over the rows.
        is_header: says whether the caller knows these cells as a header; lines before it are a preamble.

    Raises:
        TableError: the source is empty, not text, a JSON array, or without a readable header.
    """
    with source.open() as stream:
        head = stream.read(16)
    for mark, advice in _NOT_TEXT:
        if head.startswith(mark):
            raise TableError(f"{source.where}: is {advice}", path=source.path)
    encoding = _encoding(source)
    lines = list(islice(_lines(source, encoding), _HEAD_LINES))
    start = next((line.strip(" \t\r\n\0") for line in lines if line.strip(" \t\r\n\0")), "")
    if not start:
        raise TableError(f"{source.where}: is empty: looked for a header and rows", path=source.path)
    kind = next(kind for kind in KINDS if kind.begins(start))
    return kind.read(source, encoding, lines, is_header)


def _columns(source: Source, names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > MAX_COLUMNS:
        found = f"{len(names):,} columns, more than {MAX_COLUMNS:,}"
        raise TableError(f"{source.where}: {found}: not a table", path=source.path)
    return unique_names(names)


def _find_header(records: Sequence[Row], is_header: Callable[[Sequence[str]], bool]) -> int | None:
    for index, record in enumerate(records):
        cells = record.cells or []
        if is_header(cells) and (index == 0 or len(cells) > 1):
            return index
        if sum(bool(cell.strip()) for cell in cells) > 2:
            return None
    return None


def _csv_table(source: Source, encoding: str, lines: list[str], is_header: Callable[[Sequence[str]], bool]) -> Table:
    """Try each separator; the first whose header is known wins, else the one that gives the widest header."""
    tried = {mark: list(islice(_records(lines, mark), _HEADER_WITHIN)) for mark in SEPARATORS}
    known = {mark: _find_header(records, is_header) for mark, records in tried.items()}
    separator = next((mark for mark, index in known.items() if index is not None), None)
    if separator is None:
        separator = max(tried, key=lambda mark: max((len(record.cells or []) for record in tried[mark]), default=0))
        wide = (i for i, record in enumerate(tried[separator]) if record.cells is None or len(record.cells) > 1)
        index = next(wide, 0)
    else:
        index = known[separator] or 0
    header = tried[separator][index] if tried[separator] else Row(1, None)
    if header.cells is None:
        fault = f"the header on line {header.line} cannot be read: a quote is not closed"
        raise TableError(f"{source.where}: {fault}", path=source.path)
    columns = _columns(source, header.cells)

    def rows(needed: int) -> Iterator[Row]:
        for record in _records(_lines(source, encoding), separator):
            if record.line > header.line and not _blank(record.cells, len(columns)):
                yield Row(record.line, _fit(record.cells, len(columns), needed, separator))

    return Table(source, "CSV", columns, rows)


def _blank(cells: list[str] | None, width: int) -> bool:
    return cells is not None and len(cells) == 1 < width and not cells[0].strip(" \t\r\n\0")


def _fit(cells: list[str] | None, width: int, needed: int, separator: str) -> list[str] | None:
    """Fit a record to the header: a short one must reach the needed column, surplus cells must be blank."""
    if cells is None or len(cells) == width:
        return cells
    if width == 1:
        return [separator.join(cells)]
    if len(cells) > width:
        return None if any(cell.strip() for cell in cells[width:]) else cells[:width]
    return [*cells, *[""] * (width - len(cells))] if len(cells) > needed else None


def _json_table(source: Source, encoding: str, lines: list[str], is_header: Callable[[Sequence[str]], bool]) -> Table:
    """Read all lines once for the keys, because any line can bring a new one."""
    keys: dict[str, None] = {}
    for line in _lines(source, encoding):
        keys.update(dict.fromkeys(_json_object(line) or {}))
        if len(keys) > MAX_COLUMNS:
            break
    if not keys:
        fault = "no line is a JSON object: JSON Lines has one complete object a line"
        raise TableError(f"{source.where}: {fault}", path=source.path)

    def rows(needed: int) -> Iterator[Row]:
        for number, line in enumerate(_lines(source, encoding), 1):
            if line.strip(" \t\r\n\0"):
                found = _json_object(line)
                yield Row(number, None if found is None else [found.get(key) for key in keys])

    return Table(source, "JSON Lines", _columns(source, list(keys)), rows)


def _json_object(line: str) -> dict[str, Any] | None:
    def number(text: str) -> float | str:
        return float(text) if math.isfinite(float(text)) else text

    if len(line) >= MAX_RECORD_CHARACTERS:
        return None
    try:
        found = json.loads(line.strip(" \t\r\n\0"), parse_constant=str, parse_float=number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _json_array(source: Source, encoding: str, lines: list[str], is_header: Callable[[Sequence[str]], bool]) -> Table:
    raise TableError(f"{source.where}: is one JSON array: write JSON Lines, one object a line", path=source.path)


@dataclass(frozen=True)
class Kind:
    """A file format: how its first line that is not blank begins, and how its shape is read."""

    begins: Callable[[str], bool]
    read: Callable[[Source, str, list[str], Callable[[Sequence[str]], bool]], Table]


KINDS = (
    Kind(lambda start: start.startswith("{"), _json_table),
    Kind(lambda start: start == "[" or start.startswith(("[{", "[ ")), _json_array),
    Kind(lambda start: True, _csv_table),
)
