"""Finds cues (phrases that speak for a label) in a note, by the rows of `patterns/{it,en}.jsonl` and spaCy's `PhraseMatcher`.

A row is data that people who judge phrases can edit without Python. `pattern` is a list of places; each place holds
alternatives separated by `|` (an empty one makes the place optional), and `...` stands for up to `MAX_GAP` words inside the
sentence. Words are written in lower case, without accents; `NAME NUM LINK MAIL PHONE MONEY PCT FIELD` stand for masked
tokens. What a cue is worth is learned elsewhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING

from notequality.language import LANGUAGES
from notequality.masking import Tokens, plain

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.matcher import PhraseMatcher

MAX_GAP = 6
EFFECTS = ("personalised", "generic", "spammy")
_SLOTS = {slot: f"_{slot.lower()}_" for slot in ("NAME", "NUM", "LINK", "MAIL", "PHONE", "MONEY", "PCT", "FIELD")}
_STOPS = frozenset(".!?\n")
# spaCy's string store keeps every new word for good: past this many strings the pipeline is built again.
_MAX_STRINGS = 400_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pattern file; see the module's docstring for `pattern`."""

    id: str
    effect: str
    pattern: tuple[str, ...]
    why_it: str
    why_en: str
    hits: tuple[str, ...]
    misses: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The id without its language and trailing number: what the row is about."""
        return self.id.split("-", 1)[1].rstrip("0123456789").rstrip("-")


@dataclass(frozen=True, slots=True)
class Cue:
    """A row found in a note: tokens `first` to `last` (included), and the span in the folded text."""

    row: Row
    first: int
    last: int
    start: int
    end: int


def _row(fields: dict[str, object]) -> Row:
    lists = {name: tuple(str(item) for item in fields[name]) for name in ("pattern", "hits", "misses")}  # type: ignore[attr-defined]
    texts = {name: str(fields[name]) for name in ("id", "effect", "why_it", "why_en")}
    return Row(**texts, **lists)


@cache
def rows(language: str) -> tuple[Row, ...]:
    """Return the rows of one language (`it` or `en`), in file order."""
    text = resources.files("notequality").joinpath("patterns").joinpath(f"{language}.jsonl").read_text(encoding="utf-8")
    return tuple(_row(json.loads(line)) for line in text.split("\n") if line.strip())


def _pieces(row: Row) -> list[list[list[str]]]:
    """Split a row at its gaps; each piece is a list of phrases, each phrase a list of words."""
    pieces: list[list[str]] = [[]]
    for place in row.pattern:
        if place == "...":
            pieces.append([])
        else:
            pieces[-1].append(place)
    return [[" ".join(choice).split() for choice in product(*(place.split("|") for place in piece))] for piece in pieces]


def _word(word: str) -> str:
    return _SLOTS.get(word) or plain(word)


def _retokenise(words: Iterable[str]) -> list[str]:
    """Split pattern words as `masking` splits texts (after an apostrophe, around marks)."""
    out: list[str] = []
    for word in words:
        if word in _SLOTS.values():
            out.append(word)
            continue
        head, mark, tail = word.partition("'")
        out += [part for part in (head + mark, tail) if part]
    return out


class CueFinder:
    """Finds the cues of one language.

    Args:
        language: `it` or `en`.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.rows = rows(language)
        self._gaps: dict[str, int] = {}
        self._build()

    def _build(self) -> None:
        import spacy
        from spacy.matcher import PhraseMatcher
        from spacy.tokens import Doc

        self._nlp: Language = spacy.blank(self.language)
        self._matcher: PhraseMatcher = PhraseMatcher(self._nlp.vocab)
        for number, row in enumerate(self.rows):
            pieces = _pieces(row)
            self._gaps[row.id] = len(pieces)
            for place, phrases in enumerate(pieces):
                worded = [_retokenise(map(_word, phrase)) for phrase in phrases if phrase]
                self._matcher.add(f"{number}/{place}", [Doc(self._nlp.vocab, words=words) for words in worded])
        self._doc = Doc

    def find(self, tokens: Tokens) -> list[Cue]:
        """Return the cues of a note in text order; a row fires at most once, at its longest match.

        Args:
            tokens: the masked tokens of the note.
        """
        if not tokens.words:
            return []
        if len(self._nlp.vocab.strings) > _MAX_STRINGS:
            self._build()
        found: dict[int, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for key, start, end in self._matcher(self._doc(self._nlp.vocab, words=list(tokens.words))):
            number, place = self._nlp.vocab.strings[key].split("/")
            found[int(number)][int(place)].append((start, end))
        cues = [self._cue(number, span, tokens) for number, places in found.items() if (span := self._join(number, places, tokens))]
        return sorted(cues, key=lambda cue: (cue.start, -cue.end, cue.row.id))

    def _join(self, number: int, places: dict[int, list[tuple[int, int]]], tokens: Tokens) -> tuple[int, int] | None:
        """Chain the pieces of a row across its gaps; the longest chain, or None."""
        chains = places[0]
        for place in range(1, self._gaps[self.rows[number].id]):
            chains = [
                (start, later_end)
                for start, end in chains
                for later, later_end in places[place]
                if 0 <= later - end <= MAX_GAP and not _STOPS.intersection(tokens.words[end:later])
            ]
        return max(chains, key=lambda span: (span[1] - span[0], -span[0]), default=None)

    def _cue(self, number: int, span: tuple[int, int], tokens: Tokens) -> Cue:
        first, last = span[0], span[1] - 1
        return Cue(self.rows[number], first, last, tokens.spans[first][0], tokens.spans[last][1])


@cache
def finder(language: str) -> CueFinder:
    """Return the process's one finder for a language (building it takes a tenth of a second)."""
    return CueFinder(language)


def kinds() -> tuple[str, ...]:
    """Return the kinds of cue over both languages, sorted; the columns that `features` counts."""
    return tuple(sorted({f"{row.effect}:{row.kind}" for language in LANGUAGES for row in rows(language)}))


def iter_rows() -> Iterator[tuple[str, Row]]:
    """Yield every row with its language."""
    for language in LANGUAGES:
        for row in rows(language):
            yield language, row
