"""What the columns of LinkedIn's tables and of any other table mean: formats as rows of a table, and records read by them.

Why a row is left out stands with its format. What must be known of a whole inbox for that (owner, threads) is found by `inboxes`.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from notequality.archives import Source
from notequality.errors import TableError
from notequality.tables import Row, Table, read_table
from notequality.text import MAX_LENGTH

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
DIRECTION_WORDS = {"incoming": "incoming", "outgoing": "outgoing", "in entrata": "incoming", "in uscita": "outgoing"}
_YES = {"yes", "true", "1", "sì", "si"}
DELETED_MEMBER = "LinkedIn Member"
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


def column_key(name: str) -> str:
    """Return a column's key: capitals, spaces, `_` and `-` do not count, Italian names become English ones."""
    key = re.sub(r"[\s_-]", "", name).casefold()
    return _ITALIAN.get(key, key)


def plain_text(text: str) -> str:
    """Return a text for comparing: NFC, case folded, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def profile_of(url: str) -> str:
    """The part of a profile address that tells people apart."""
    return url.strip().casefold().split("?")[0].rstrip("/").rpartition("/")[2]


class Thread(Protocol):
    """What is known of a conversation."""

    first: tuple[datetime, int]

    @property
    def is_group(self) -> bool:
        """Whether three people or more take part."""
        ...


class Known(Protocol):
    """What the reasons for leaving a row out ask of the inbox."""

    direction: str
    notes: set[int]

    def thread(self, record: Record) -> Thread:
        """Return the conversation of a message."""
        ...

    def direction_of(self, record: Record) -> str | None:
        """Say whether a row is incoming or outgoing, None where it cannot be told."""
        ...


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
    reasons: tuple[tuple[str, Callable[[Record, Known], bool]], ...] = ()
    html: bool = False

    def fits(self, keys: set[str]) -> bool:
        """Say whether a table with these column keys has this format."""
        return all(group & keys for group in self.required)


def _groups(*columns: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(column.split("|")) for column in columns)


@dataclass(frozen=True)
class Reading:
    """A table with its format: where each column is, by key."""

    table: Table
    format: Format
    text: int

    @cached_property
    def where(self) -> dict[str, int]:
        """Where each column is, by key."""
        places: dict[str, int] = {}
        for index, column in enumerate(self.table.columns):
            places.setdefault(column_key(column), index)
        return places

    def records(self) -> Iterator[Record]:
        """Yield all records."""
        return (Record(self, row) for row in self.table.records(self.text))

    def readable(self) -> Iterator[Record]:
        """Yield the records whose cells could be told."""
        return (record for record in self.records() if record.row.cells is not None)


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table, with its columns known by key."""

    reading: Reading
    row: Row

    def __getitem__(self, key: str) -> str:
        """The cell of a column, by key; empty where there is no such column."""
        index = self.reading.where.get(key)
        return "" if index is None or self.row.cells is None else _string(self.row.cells[index])

    @property
    def text(self) -> str:
        """The note, HTML stripped."""
        text = "" if self.row.cells is None else _string(self.row.cells[self.reading.text])
        return strip_html(text) if self.reading.format.html else text

    @property
    def is_draft(self) -> bool:
        """Whether the message was never sent."""
        return any(self[key].strip().casefold() in _YES for key in ("ismessagedraft", "isconversationdraft"))

    @property
    def is_sponsored(self) -> bool:
        """Whether the message is an advertisement of the platform's."""
        nobody = (
            "senderprofileurl" in self.reading.where
            and not self["senderprofileurl"].strip()
            and self["from"].strip() != DELETED_MEMBER
        )
        body = _string((self.row.cells or [""])[self.reading.text]) if self.row.cells else ""
        signs = body.lstrip().startswith('<p class="spinmail-quill-editor__spin-break">') or "%FIRSTNAME%" in body
        return nobody or signs or self["conversationtitle"].strip().casefold() == "sponsored conversation"

    @property
    def thread(self) -> tuple[str, ...]:
        """What identifies the conversation."""
        identity = self["conversationid"].strip()
        return (identity,) if identity else tuple(sorted((self["from"], self["to"])))

    @property
    def sender(self) -> tuple[str, str]:
        """Profile and name of who wrote; either may be empty."""
        return profile_of(self["senderprofileurl"] or self["inviterprofileurl"]), plain_text(self["from"])

    @property
    def receivers(self) -> list[str]:
        """Profiles of who received it."""
        addresses = self["recipientprofileurls"] or self["inviteeprofileurl"]
        return [profile_of(address) for address in re.split(r"[,;\s]+", addresses) if address]

    @property
    def fingerprints(self) -> tuple[int, ...]:
        """The note with its two ends, by profile and by name: equal for an invitation and the message it became."""
        text = plain_text(self.text)
        if not text:
            return ()
        (profile, name), receivers = self.sender, self.receivers
        by_profile = (hash((text, "profile", profile, receivers[0])),) if profile and len(receivers) == 1 else ()
        return (*by_profile, hash((text, "name", name, plain_text(self["to"]))))


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def sent_at(record: Record) -> tuple[datetime, int]:
    """Sort key in time. LinkedIn writes the newest message first: of equal dates the last line is oldest."""
    text = record["date"].strip().replace("\u202f", " ")
    for shape in _DATES:
        try:
            return datetime.strptime(text, shape), -record.row.line
        except ValueError:
            continue
    return datetime.max, -record.row.line


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
        ("later-message", lambda record, known: known.thread(record).first != sent_at(record)),
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
OTHER = Format("table", "", (), text=tuple(map(column_key, TEXT_COLUMNS)), reasons=(_UNWANTED, _TOO_LONG))
LINKEDIN = (MESSAGES, INVITATIONS, CONNECTIONS, PROFILE)
FORMATS = (*LINKEDIN, OTHER)


def recognise(source: Source, text_column: str | None) -> Reading:
    """Find the format of a source and the column of its notes (-1 where the format has none)."""

    def is_header(cells: Sequence[str]) -> bool:
        keys = set(map(column_key, cells))
        wanted = {column_key(text_column)} if text_column else set(OTHER.text)
        return any(kind.fits(keys) for kind in LINKEDIN) or bool(wanted & keys)

    table = read_table(source, is_header)
    keys = [column_key(column) for column in table.columns]
    kind = next(kind for kind in FORMATS if kind.fits(set(keys)))
    if not kind.text:
        return Reading(table, kind, -1)
    wanted = (column_key(text_column),) if text_column else kind.text
    if text_column in table.columns:
        return Reading(table, kind, table.columns.index(text_column))
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
    return Reading(table, kind, found)
