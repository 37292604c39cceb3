"""Finds cues (phrases that speak for a label) in a note, by the rows of `patterns/{it,en}.jsonl` and spaCy's `PhraseMatcher`.

A row is data that people who judge phrases can edit without Python. `pattern` is a list of places; each place holds
alternatives separated by `|` (an empty one makes the place optional), and `...` stands for up to `MAX_GAP` words inside the
sentence. Words are written in lower case, without accents; `NAME NUM LINK MAIL PHONE MONEY PCT FIELD` stand for masked
tokens. What a cue is worth is learned elsewhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain, product
from typing import TYPE_CHECKING, Any

from notequality.errors import DataError
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


def _row(fields: dict[str, Any]) -> Row:
    pattern, hits, misses = (tuple(map(str, fields[name])) for name in ("pattern", "hits", "misses"))
    return Row(
        id=str(fields["id"]),
        effect=str(fields["effect"]),
        pattern=pattern,
        why_it=str(fields["why_it"]),
        why_en=str(fields["why_en"]),
        hits=hits,
        misses=misses,
    )


@cache
def rows(language: str) -> tuple[Row, ...]:
    """Return the rows of one language (`it` or `en`), in file order.

    Raises:
        DataError: a line is not a row; names the file and the line.
    """
    text = resources.files("notequality").joinpath("patterns").joinpath(f"{language}.jsonl").read_text(encoding="utf-8")
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                found.append(_row(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                name = f"patterns/{language}.jsonl"
                raise DataError(
                    f"{name}, line {number}: not a row of cues ({error!r}): mend it", path=name, row=number
                ) from error
    return tuple(found)


def pieces(row: Row) -> list[list[str]]:
    """Split a row's places at its gaps."""
    pieces: list[list[str]] = [[]]
    for place in row.pattern:
        if place == "...":
            pieces.append([])
        else:
            pieces[-1].append(place)
    return pieces


def _words(alternative: str) -> tuple[str, ...]:
    """Split an alternative as `masking` splits texts (behind an apostrophe)."""
    words: list[str] = []
    for word in alternative.split():
        head, mark, tail = (_SLOTS.get(word) or plain(word)).partition("'")
        words += [part for part in (head + mark, tail) if part]
    return tuple(words)


def phrases(piece: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield every phrase, as a tuple of masked tokens, that the places of a piece allow."""
    alternatives = [[_words(alternative) for alternative in place.split("|")] for place in piece]
    return (tuple(chain.from_iterable(choice)) for choice in product(*alternatives))


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
        # Hashes and not `Doc`s, which spaCy takes as well (it unpickles matchers so): 80,000 phrases in 0.3 s instead of 2.
        number_of = cache(self._nlp.vocab.strings.add)
        for number, row in enumerate(self.rows):
            parts = pieces(row)
            self._gaps[row.id] = len(parts)
            for place, piece in enumerate(parts):
                worded = [[number_of(word) for word in phrase] for phrase in phrases(piece) if phrase]
                self._matcher.add(f"{number}/{place}", worded)  # type: ignore[arg-type]
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
        cues = [
            self._cue(number, span, tokens) for number, places in found.items() if (span := self._join(number, places, tokens))
        ]
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
    """Return the process's one finder for a language (building it takes a third of a second)."""
    return CueFinder(language)


def kinds() -> tuple[str, ...]:
    """Return the kinds of cue over both languages, sorted; the columns that `features` counts."""
    return tuple(sorted({f"{row.effect}:{row.kind}" for language in LANGUAGES for row in rows(language)}))


def iter_rows() -> Iterator[tuple[str, Row]]:
    """Yield every row with its language."""
    for language in LANGUAGES:
        for row in rows(language):
            yield language, row
