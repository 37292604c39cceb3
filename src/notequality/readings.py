"""A note with all that is counted in it: its masked tokens, its cues, and the terms and numbers that both come to.

What a model makes of them stands elsewhere; fitting (`features`) and scoring (`fitted`) count with the same functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import chain

from notequality import cues, masking
from notequality.language import LANGUAGES, known_words
from notequality.text import Note, read_note

# The sentence network reads the first characters only: an offer or a tie further on in a long message is still
# seen by the word counts and the cues, and the time a note takes stays bounded.
MAX_ENCODED = 1_000
UNKNOWN = "_unk_"
# What a name is replaced by before the sentence network reads the note: one first name that is used in both languages.
_STAND_IN = "marco"


@dataclass(frozen=True, slots=True)
class Reading:
    """A note with all that the features look at."""

    note: Note
    tokens: masking.Tokens
    cues: tuple[cues.Cue, ...]


def read(note: Note) -> Reading:
    """Mask a note and find its cues.

    Args:
        note: a note in a supported language.
    """
    tokens = masking.mask(note)
    return Reading(note, tokens, tuple(cues.finder(note.language).find(tokens)))


def read_texts(texts: Iterable[str], languages: Iterable[str]) -> list[Reading]:
    """Read raw texts whose language is known (labelled notes), `it` or `en` each."""
    pairs = zip(texts, languages, strict=True)
    return [read(replace(read_note(text), language=language)) for text, language in pairs]


@cache
def _vocabulary() -> frozenset[str]:
    words = {masking.plain(word) for language in LANGUAGES for word in known_words(language)}
    return frozenset(words)


@lru_cache(maxsize=8192)
def _known(word: str) -> str:
    """A word of the lists, a mask or a mark stays; every other word becomes `_unk_`, so that no rare name is ever counted."""
    if word.startswith("_") or not word[0].isalpha() or word.rstrip("'") in _vocabulary():
        return word
    return UNKNOWN


def words_of(reading: Reading) -> list[str]:
    """Return the words and pairs of words that are counted."""
    words = [_known(word) for word in reading.tokens.words]
    return words + [f"{first} {second}" for first, second in zip(words, words[1:], strict=False)]


@lru_cache(maxsize=8192)
def _grams(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(padded[i : i + size] for size in range(2, 6) for i in range(len(padded) - size + 1))


def characters_of(reading: Reading) -> list[str]:
    """Return the character 2- to 5-grams inside each masked word, padded by spaces as scikit-learn's `char_wb` does."""
    return list(chain.from_iterable(_grams(word) for word in reading.tokens.words if word[0] != "_"))


def encoder_text(reading: Reading) -> str:
    """Return what the sentence network reads: the folded text in lower case, names replaced, cut at `MAX_ENCODED` characters."""
    text, pieces, last = reading.note.text, [], 0
    for word, (start, end) in zip(reading.tokens.words, reading.tokens.spans, strict=True):
        if word == masking.NAME:
            pieces += [text[last:start], _STAND_IN]
            last = end
    return ("".join(pieces) + text[last:]).lower()[:MAX_ENCODED]


@cache
def cue_columns() -> tuple[str, ...]:
    """Return the names of the columns of `cues_of`: the three effects, then every kind of cue."""
    return (*cues.EFFECTS, *cues.kinds())


def cues_of(reading: Reading) -> dict[str, int]:
    """Return how many different rows of each kind of cue fire, cut at two, and for each effect whether any does."""
    counted: dict[str, int] = {}
    for cue in reading.cues:
        kind = f"{cue.row.effect}:{cue.row.kind}"
        counted[kind] = min(2, counted.get(kind, 0) + 1)
        counted[cue.row.effect] = 1
    return counted


_SENTENCE = re.compile(r"[.!?\n]+")
_MASKS = (
    masking.NAME,
    masking.NUMBER,
    masking.LINK,
    masking.MAIL,
    masking.PHONE,
    masking.MONEY,
    masking.PERCENT,
    masking.FIELD,
    UNKNOWN,
)


SHAPE_COLUMNS = 5 + len(_MASKS)
_SHAPE_WEIGHT = 0.3


def shape_of(reading: Reading) -> list[float]:
    """Return length, words, sentences, marks and masked tokens, as logarithms of counts; `SHAPE_COLUMNS` numbers."""
    words = [_known(word) for word in reading.tokens.words]
    text = reading.note.text
    counted = [len(text), len(words), len(_SENTENCE.findall(text)), text.count("?"), text.count("!")]
    return [_SHAPE_WEIGHT * math.log1p(count) for count in (*counted, *(words.count(mask) for mask in _MASKS))]
