"""scikit-learn transformers from readings (a note, its masked tokens, its cues) to columns.

Each block of columns is one transformer; `model` decides which blocks are used together. A block knows nothing of labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

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


def _known(word: str) -> str:
    """A word of the lists, a mask or a mark stays; every other word becomes `_unk_`, so that no rare name is ever counted."""
    if word.startswith("_") or not word[0].isalpha() or word.rstrip("'") in _vocabulary():
        return word
    return UNKNOWN


def words_of(reading: Reading) -> list[str]:
    """Return the words and pairs of words that are counted."""
    words = [_known(word) for word in reading.tokens.words]
    return words + [f"{first} {second}" for first, second in zip(words, words[1:], strict=False)]


def characters_of(reading: Reading) -> list[str]:
    """Return the character 2- to 5-grams inside each masked word, padded by spaces as scikit-learn's `char_wb` does."""
    grams: list[str] = []
    for word in reading.tokens.words:
        if word.startswith("_"):
            continue
        padded = f" {word} "
        for size in range(2, 6):
            grams += [padded[i : i + size] for i in range(len(padded) - size + 1)]
    return grams


class WordCounts(TfidfVectorizer):  # type: ignore[misc]
    """TF-IDF of masked words and pairs of words; input: readings."""

    def __init__(self, min_df: int = 2) -> None:
        super().__init__(analyzer=words_of, min_df=min_df, sublinear_tf=True, dtype=np.float32)


class CharacterCounts(TfidfVectorizer):  # type: ignore[misc]
    """TF-IDF of character 2- to 5-grams inside masked words; input: readings."""

    def __init__(self, min_df: int = 3) -> None:
        super().__init__(analyzer=characters_of, min_df=min_df, sublinear_tf=True, dtype=np.float32)


class _Block(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A block with nothing to learn: `transform` is all there is."""

    def fit(self, readings: Sequence[Reading], y: Any = None) -> Self:
        """Do nothing but keep scikit-learn's contract."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


def encoder_text(reading: Reading) -> str:
    """Return what the sentence network reads: the folded text in lower case, names replaced, cut at `MAX_ENCODED` characters."""
    text, pieces, last = reading.note.text, [], 0
    for word, (start, end) in zip(reading.tokens.words, reading.tokens.spans, strict=True):
        if word == masking.NAME:
            pieces += [text[last:start], _STAND_IN]
            last = end
    return ("".join(pieces) + text[last:]).lower()[:MAX_ENCODED]


class CueCounts(_Block):
    """How many different rows of each kind of cue fire in a note, cut at two.

    Args:
        weight: what the block counts beside the others.
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def transform(self, readings: Sequence[Reading]) -> sparse.csr_matrix:
        """Return a sparse array of shape (n, kinds of cue + 3)."""
        columns = {name: place for place, name in enumerate((*cues.EFFECTS, *cues.kinds()))}
        table = np.zeros((len(readings), len(columns)), dtype=np.float32)
        for row, reading in enumerate(readings):
            for cue in reading.cues:
                table[row, columns[f"{cue.row.effect}:{cue.row.kind}"]] += 1
                table[row, columns[cue.row.effect]] = 1
        return sparse.csr_matrix(np.minimum(table, 2) * np.float32(self.weight))


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


class Shape(_Block):
    """Length, sentences, marks and masked tokens, as logarithms of counts.

    Args:
        weight: what the block counts beside the others.
    """

    def __init__(self, weight: float = 0.3) -> None:
        self.weight = weight

    def transform(self, readings: Sequence[Reading]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return an array of shape (n, 14)."""
        table = [self._row(reading) for reading in readings]
        return np.log1p(np.array(table, dtype=np.float32).reshape(len(readings), -1)) * np.float32(self.weight)

    def _row(self, reading: Reading) -> list[int]:
        words = [_known(word) for word in reading.tokens.words]
        text = reading.note.text
        counted = [len(text), len(words), len(_SENTENCE.findall(text)), text.count("?"), text.count("!")]
        return counted + [words.count(mask) for mask in _MASKS]
