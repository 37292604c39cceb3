"""What must be known of an inbox before its first note is handed out: its owner, its threads, its invitations' notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from notequality.archives import Source
from notequality.errors import InputError
from notequality.formats import (
    DELETED_MEMBER,
    DIRECTION_WORDS,
    INVITATIONS,
    MESSAGES,
    Reading,
    Record,
    plain_text,
    profile_of,
    sent_at,
)

_OWNER_SHARE = 0.8


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

    def add(self, record: Record, when: tuple[datetime, int]) -> None:
        self.first = min(self.first, when)
        profile, name = record.sender
        self.profiles.update(filter(None, (profile, *record.receivers)))
        self.names.update(name for name in (name, plain_text(record["to"])) if name not in ("", plain_text(DELETED_MEMBER)))
        self.receivers_known |= bool(record.receivers)


class Inbox:
    """Owner, threads and invitation notes of the tables that belong together (one archive, or all bare files).

    Memory grows with the number of conversations and of notes, never with the number of rows.
    """

    def __init__(self, readings: Sequence[Reading], profiles: Sequence[Reading], direction: str, me: str | None) -> None:
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

    def _read_threads(self, reading: Reading) -> None:
        source = reading.table.source.where
        for record in reading.readable():
            if record.is_draft:
                continue
            when, key = sent_at(record), (source, *record.thread)
            self.threads.setdefault(key, _Thread(when)).add(record, when)

    def _read_notes(self, reading: Reading) -> None:
        for record in reading.readable():
            self.notes.update(record.fingerprints)
            word = DIRECTION_WORDS.get(record["direction"].strip().casefold())
            if word == "outgoing":
                self._ends.update(filter(None, record.sender))
            elif word == "incoming":
                self._ends.update(filter(None, (*record.receivers, plain_text(record["to"]))))

    def thread(self, record: Record) -> _Thread:
        """Return the conversation of a message."""
        return self.threads[(record.reading.table.source.where, *record.thread)]

    def _find_owner(self, source: Source, profiles: Sequence[Reading], me: str | None) -> None:
        if me is not None:
            self.owner = {plain_text(me), profile_of(me)}
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

    def _owner_by_profile(self, profiles: Sequence[Reading]) -> set[str]:
        names = (
            plain_text(f"{record['firstname']} {record['lastname']}") for reading in profiles for record in reading.readable()
        )
        return set(islice(filter(None, names), 1))

    def direction_of(self, record: Record) -> str | None:
        """Say whether a row is incoming or outgoing, None where it cannot be told."""
        word = DIRECTION_WORDS.get(record["direction"].strip().casefold())
        if word or not self.owner:
            return word
        return "outgoing" if self.owner & set(record.sender) else "incoming"
