"""LinkedIn archives and any other table → chunks of notes; every input row ends in exactly one outcome.

What LinkedIn's columns mean lives here: formats, owner, threads, what is left out and why. Bytes, separators and ZIP
safety are `tables`' affair; judging the notes and writing them out is `batch`'s.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from notequality.errors import ArchiveError, InputError, TableError
from notequality.tables import Bundle, Row, Source, Table, open_bundle, read_table
from notequality.text import MAX_LENGTH

if TYPE_CHECKING:
    import pandas as pd

CHUNK_SIZE = 2_000
DIRECTIONS = ("all", "incoming", "outgoing")
SHOWN_LINES = 5

# In this order; capitals, spaces, `_` and `-` do not count.
TEXT_COLUMNS = tuple(
    "message content note connection_note icebreaker body text messagetext messagebody snippet lastmessage email_text "
    "reply_text testo messaggio nota".split()
)

_ITALIAN = {
    "da": "from", "a": "to", "inviatoil": "sentat", "messaggio": "message", "direzione": "direction", "data": "date",
    "oggetto": "subject", "contenuto": "content", "cartella": "folder", "idconversazione": "conversationid",
    "titoloconversazione": "conversationtitle", "nome": "firstname", "cognome": "lastname",
}  # fmt: skip
_DIRECTION_WORDS = {"incoming": "incoming", "outgoing": "outgoing", "in entrata": "incoming", "in uscita": "outgoing"}
_YES = {"yes", "true", "1", "sì", "si"}
_DELETED_MEMBER = "LinkedIn Member"
# Chats with LinkedIn's own assistants: the header of messages.csv, nobody's messages; only the name tells.
_DECOYS = {"guidemessages", "coachmessages", "learningcoachmessages", "learningroleplaymessages"}
_OWNER_SHARE = 0.8
_DATES = (
    "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%m/%d/%y, %I:%M %p",
    "%m/%d/%Y, %I:%M %p", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M", "%d-%b-%y", "%m/%d/%y", "%m/%d/%Y", "%d/%m/%Y",
)  # fmt: skip

_TAG = re.compile(r"<(/?)(p|br|a|strong|ul|li)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_CUT_TAG = re.compile(r"</?(?:p|br|a|strong|ul|li)(?:\s[^<>]*)?\Z", re.IGNORECASE)
_CUT_NAME = re.compile(r"</?[a-z]{0,6}\Z", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)


def strip_html(content: str) -> str:
    """Return a message body without LinkedIn's tags (also a truncated one) and entities; a plain `<word>` stays."""
    text, tags = _TAG.subn(
        lambda tag: "" if tag[2].lower() in ("a", "strong") or tag[1] and tag[2].lower() != "p" else "\n", content
    )
    text, cut = _CUT_TAG.subn("", text)
    if tags and not cut:
        text = _CUT_NAME.sub("", text)
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]).replace("\xa0", " "), text)
    return text.strip() if tags or cut else text


def _key(name: str) -> str:
    key = re.sub(r"[\s_-]", "", name).casefold()
    return _ITALIAN.get(key, key)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _profile(url: str) -> str:
    """The part of a profile address that tells people apart."""
    return url.strip().casefold().split("?")[0].rstrip("/").rpartition("/")[2]


# ---- formats


@dataclass(frozen=True)
class Format:
    """A table that is known by its columns.

    Attributes:
        name: what to call it in a message.
        file: the name LinkedIn gives it, for messages only.
        required: groups of column keys, at least one of each group must be there.
        text: keys of the column that holds the note, best first; none if the table holds no notes.
        reasons: why a row is left out, in order of precedence.
        html: whether the note can hold LinkedIn's HTML.
    """

    name: str
    file: str
    required: tuple[frozenset[str], ...]
    text: tuple[str, ...] = ()
    reasons: tuple[tuple[str, Callable[[_Record, _Knowledge], bool]], ...] = ()
    html: bool = False

    def fits(self, keys: set[str]) -> bool:
        """Say whether a table with these column keys has this format."""
        return all(group & keys for group in self.required)


def _groups(*columns: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(column.split("|")) for column in columns)


@dataclass(frozen=True)
class _Reading:
    """A table with its format: where each column is, by key."""

    table: Table
    format: Format
    text: int

    @cached_property
    def where(self) -> dict[str, int]:
        places: dict[str, int] = {}
        for index, column in enumerate(self.table.columns):
            places.setdefault(_key(column), index)
        return places

    def records(self) -> Iterator[_Record]:
        return (_Record(self, row) for row in self.table.records(self.text))

    def readable(self) -> Iterator[_Record]:
        return (record for record in self.records() if record.row.cells is not None)


@dataclass(frozen=True, slots=True)
class _Record:
    reading: _Reading
    row: Row

    def __getitem__(self, key: str) -> str:
        """The cell of a column, by key; empty where there is no such column."""
        index = self.reading.where.get(key)
        return "" if index is None or self.row.cells is None else _string(self.row.cells[index])

    @property
    def text(self) -> str:
        text = "" if self.row.cells is None else _string(self.row.cells[self.reading.text])
        return strip_html(text) if self.reading.format.html else text

    @property
    def is_draft(self) -> bool:
        return any(self[key].strip().casefold() in _YES for key in ("ismessagedraft", "isconversationdraft"))

    @property
    def is_sponsored(self) -> bool:
        nobody = (
            "senderprofileurl" in self.reading.where
            and not self["senderprofileurl"].strip()
            and self["from"].strip() != _DELETED_MEMBER
        )
        body = _string((self.row.cells or [""])[self.reading.text]) if self.row.cells else ""
        signs = body.lstrip().startswith('<p class="spinmail-quill-editor__spin-break">') or "%FIRSTNAME%" in body
        return nobody or signs or self["conversationtitle"].strip().casefold() == "sponsored conversation"

    @property
    def thread(self) -> tuple[str, ...]:
        identity = self["conversationid"].strip()
        return (identity,) if identity else tuple(sorted((self["from"], self["to"])))

    @property
    def sender(self) -> tuple[str, str]:
        """Profile and name of who wrote; either may be empty."""
        return _profile(self["senderprofileurl"] or self["inviterprofileurl"]), _plain(self["from"])

    @property
    def receivers(self) -> list[str]:
        """Profiles of who received it."""
        addresses = self["recipientprofileurls"] or self["inviteeprofileurl"]
        return [_profile(address) for address in re.split(r"[,;\s]+", addresses) if address]

    @property
    def fingerprints(self) -> tuple[int, ...]:
        """The note with its two ends, by profile and by name: equal for an invitation and the message it became."""
        text = _plain(self.text)
        if not text:
            return ()
        (profile, name), receivers = self.sender, self.receivers
        by_profile = (hash((text, "profile", profile, receivers[0])),) if profile and len(receivers) == 1 else ()
        return (*by_profile, hash((text, "name", name, _plain(self["to"]))))


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


# ---- what is known about a group of tables before its notes are handed out


@dataclass
class _Thread:
    first: tuple[datetime, int]
    profiles: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    receivers_known: bool = False

    @property
    def is_group(self) -> bool:
        """Three people or more; by profile where receivers have one, because `TO` cannot be split into names."""
        return len(self.profiles) > 2 or (not self.receivers_known and len(self.names) > 2)

    def add(self, record: _Record, when: tuple[datetime, int]) -> None:
        self.first = min(self.first, when)
        profile, name = record.sender
        self.profiles.update(filter(None, (profile, *record.receivers)))
        self.names.update(name for name in (name, _plain(record["to"])) if name not in ("", _plain(_DELETED_MEMBER)))
        self.receivers_known |= bool(record.receivers)


def _when(record: _Record) -> tuple[datetime, int]:
    """Sort key in time. LinkedIn writes the newest message first: of equal dates the last line is oldest."""
    text = record["date"].strip().replace("\u202f", " ")
    for shape in _DATES:
        try:
            return datetime.strptime(text, shape), -record.row.line
        except ValueError:
            continue
    return datetime.max, -record.row.line


class _Knowledge:
    """Owner, threads and invitation notes of the tables that belong together (one archive, or all bare files).

    Memory grows with the number of conversations and of notes, never with the number of rows.
    """

    def __init__(self, readings: Sequence[_Reading], profiles: Sequence[_Reading], direction: str, me: str | None) -> None:
        self.direction = direction
        self.threads: dict[tuple[str, ...], _Thread] = {}
        self.notes: set[int] = set()
        self.owner: set[str] = set()
        self._ends: Counter[str] = Counter()
        messages = [reading for reading in readings if reading.format is MESSAGES]
        invitations = [reading for reading in readings if reading.format is INVITATIONS]
        for reading in messages:
            self._read_threads(reading)
        for reading in invitations if messages else ():
            self._read_notes(reading)
        unsaid = [reading for reading in messages if "direction" not in reading.where]
        if direction != "all" and unsaid:
            self._find_owner(unsaid[0].table.source, profiles, me)

    def _read_threads(self, reading: _Reading) -> None:
        source = reading.table.source.where
        for record in reading.readable():
            if record.is_draft:
                continue
            when, key = _when(record), (source, *record.thread)
            self.threads.setdefault(key, _Thread(when)).add(record, when)

    def _read_notes(self, reading: _Reading) -> None:
        for record in reading.readable():
            self.notes.update(record.fingerprints)
            word = _DIRECTION_WORDS.get(record["direction"].strip().casefold())
            if word == "outgoing":
                self._ends.update(filter(None, record.sender))
            elif word == "incoming":
                self._ends.update(filter(None, (*record.receivers, _plain(record["to"]))))

    def thread(self, record: _Record) -> _Thread:
        return self.threads[(record.reading.table.source.where, *record.thread)]

    def _find_owner(self, source: Source, profiles: Sequence[_Reading], me: str | None) -> None:
        if me is not None:
            self.owner = {_plain(me), _profile(me)}
            if not any(self.owner & (thread.profiles | thread.names) for thread in self.threads.values()):
                raise InputError(
                    f"{source.where}: --me {me!r} neither writes nor receives a message there: "
                    "give the name or profile address as in the file"
                )
            return
        self.owner = self._owner_by_invitations() or self._owner_by_threads() or self._owner_by_profile(profiles)
        if not self.owner:
            raise InputError(
                f"{source.where}: cannot tell whose inbox this is, so not what is incoming or outgoing: "
                "add --me with your name or profile address"
            )

    def _owner_by_invitations(self) -> set[str]:
        """The commonest inviter of outgoing and invitee of incoming invitations, name and profile."""
        most = max(self._ends.values(), default=0)
        return {end for end, times in self._ends.items() if times > most / 2}

    def _owner_by_threads(self) -> set[str]:
        """The one profile that takes part in nearly all conversations."""
        people = Counter(profile for thread in self.threads.values() for profile in thread.profiles)
        (first, times), (_, next_times) = (*people.most_common(2), ("", 0), ("", 0))[:2]
        known = sum(bool(thread.profiles) for thread in self.threads.values())
        return {first} if known and times >= _OWNER_SHARE * known and times > next_times else set()

    def _owner_by_profile(self, profiles: Sequence[_Reading]) -> set[str]:
        names = (_plain(f"{record['firstname']} {record['lastname']}") for reading in profiles for record in reading.readable())
        return set(islice(filter(None, names), 1))

    def direction_of(self, record: _Record) -> str | None:
        word = _DIRECTION_WORDS.get(record["direction"].strip().casefold())
        if word or not self.owner:
            return word
        return "outgoing" if self.owner & set(record.sender) else "incoming"


_UNWANTED = ("direction", lambda record, known: known.direction not in ("all", known.direction_of(record)))
_TOO_LONG = ("too-long", lambda record, known: len(record.text) > MAX_LENGTH)

MESSAGES = Format(
    "LinkedIn messages",
    "messages.csv (From, Date, Content, Conversation ID or Folder)",
    _groups("from", "date", "content", "conversationid|folder"),
    text=("content",),
    reasons=(
        ("draft", lambda record, known: record.is_draft),
        ("sponsored", lambda record, known: record.is_sponsored),
        ("group", lambda record, known: known.thread(record).is_group),
        ("later-message", lambda record, known: known.thread(record).first != _when(record)),
        _UNWANTED,
        ("also-an-invitation", lambda record, known: not known.notes.isdisjoint(record.fingerprints)),
        _TOO_LONG,
    ),
    html=True,
)
INVITATIONS = Format(
    "LinkedIn invitations",
    "Invitations.csv (From, To, Sent At, Message, Direction)",
    _groups("message", "sentat", "direction"),
    text=("message",),
    reasons=(_UNWANTED, _TOO_LONG),
)
CONNECTIONS = Format("LinkedIn connections", "Connections.csv", _groups("firstname", "lastname", "connectedon"))
PROFILE = Format("LinkedIn profile", "Profile.csv", _groups("firstname", "lastname", "headline"))
OTHER = Format("table", "", (), text=tuple(map(_key, TEXT_COLUMNS)), reasons=(_UNWANTED, _TOO_LONG))
LINKEDIN = (MESSAGES, INVITATIONS, CONNECTIONS, PROFILE)
FORMATS = (*LINKEDIN, OTHER)


# ---- from paths to readings


def _recognise(source: Source, text_column: str | None) -> _Reading:
    """Find the format of a source and the column of its notes (-1 where the format has none)."""

    def is_header(cells: Sequence[str]) -> bool:
        keys = set(map(_key, cells))
        wanted = {_key(text_column)} if text_column else set(OTHER.text)
        return any(kind.fits(keys) for kind in LINKEDIN) or bool(wanted & keys)

    table = read_table(source, is_header)
    keys = [_key(column) for column in table.columns]
    kind = next(kind for kind in FORMATS if kind.fits(set(keys)))
    if not kind.text:
        return _Reading(table, kind, -1)
    wanted = (_key(text_column),) if text_column else kind.text
    if text_column in table.columns:
        return _Reading(table, kind, table.columns.index(text_column))
    found = next((keys.index(key) for key in wanted if key in keys), None)
    if found is None:
        looked = text_column or " ".join(TEXT_COLUMNS)
        there = ", ".join(repr(column[:40]) for column in table.columns[:30])
        raise TableError(
            f"{source.where}: no column with notes: looked for {looked}; the columns there are {there}: "
            "name one with --text-column",
            path=source.path,
            column=text_column,
        )
    return _Reading(table, kind, found)


@dataclass(frozen=True)
class _Input:
    """What is read of one path: the tables with notes, those that say who its owner is, and all files there."""

    where: str
    path: Path | None
    notes: tuple[_Reading, ...]
    profiles: tuple[_Reading, ...] = ()
    archive: bool = False
    files: tuple[Path, ...] = ()


def _files(bundle: Bundle) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(source.path for source in bundle.sources if source.path))


def _open_table(bundle: Bundle, text_column: str | None) -> _Input:
    reading = _recognise(bundle.sources[0], text_column)
    if not reading.format.text:
        raise TableError(
            f"{bundle.where}: is a table of {reading.format.name}, which holds no notes: "
            "give Invitations.csv, messages.csv or the whole archive",
            path=bundle.path,
        )
    return _Input(bundle.where, bundle.path, (reading,), files=_files(bundle))


def _open_archive(bundle: Bundle, text_column: str | None) -> _Input:
    """Recognise the tables of an archive by their headers; of those with notes the ones nearest to its top count."""
    readings: list[_Reading] = []
    found: list[str] = []
    for source in bundle.sources:
        if re.sub(r"[\s_-]", "", Path(source.name).stem).casefold() in _DECOYS:
            found.append(f"{source.name} (a chat with LinkedIn's assistant)")
            continue
        try:
            reading = _recognise(source, None)
        except TableError as error:
            found.append(source.name + (" (empty)" if "is empty" in str(error) else ""))
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
    notes = [_recognise(reading.table.source, text_column) for reading in notes if _depth(reading) == top]
    profiles = [reading for reading in readings if reading.format is PROFILE and _depth(reading) == top]
    return _Input(bundle.where, bundle.path, tuple(notes), tuple(profiles), archive=True, files=_files(bundle))


def _depth(reading: _Reading) -> int:
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
        rows_in: the rows read so far.
        rows_out: the rows handed out so far.
        skipped: the rows left out so far, by reason.
    """

    def __init__(self, inputs: Sequence[tuple[_Input, _Knowledge]], chunk_size: int) -> None:
        """Plan to read `inputs`, each with what is known about it, by `chunk_size` rows."""
        self._inputs = inputs
        self._chunk_size = chunk_size
        readings = [reading for part, _ in inputs for reading in part.notes]
        self.columns = tuple(dict.fromkeys(column for reading in readings for column in reading.table.columns))
        self.files = tuple(dict.fromkeys(file for part, _ in inputs for file in part.files))
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

    def _chunks(self, reading: _Reading, known: _Knowledge) -> Iterator[Chunk]:
        kept = self._kept(reading, known)
        while batch := list(islice(kept, self._chunk_size)):
            yield _chunk(reading, batch)

    def _kept(self, reading: _Reading, known: _Knowledge) -> Iterator[_Record]:
        source = reading.table.source
        for record in reading.records():
            self.rows_in += 1
            reason = _reason(record, known)
            if reason is None:
                self.rows_out += 1
                yield record
            else:
                self.skipped[reason] = self.skipped.get(reason, Skipped()).plus(f"{source.name}:{record.row.line}")


def _reason(record: _Record, known: _Knowledge) -> str | None:
    if record.row.cells is None:
        return "unreadable"
    return next((reason for reason, applies in record.reading.format.reasons if applies(record, known)), None)


def _chunk(reading: _Reading, records: Sequence[_Record]) -> Chunk:
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
    together = _Knowledge(bare, (), direction, me)
    return Inputs(
        [(part, _Knowledge(part.notes, part.profiles, direction, me) if part.archive else together) for part in parts],
        chunk_size,
    )
