"""A fitted model as arrays: readings → probabilities, and what each term of a note adds to them. NumPy alone.

`model` fits with scikit-learn and packs the result; here it is put to work, so that a score does not wait for scikit-learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from notequality import encoder
from notequality.readings import SHAPE_COLUMNS, Reading, characters_of, cue_columns, cues_of, encoder_text, shape_of, words_of

# From worst to best, as in the labelling guide; columns of probabilities stand in this order everywhere.
LABELS = ("spammy", "generic", "personalised")

Floats = np.ndarray[Any, np.dtype[Any]]
_TERMS: dict[str, Callable[[Reading], list[str]]] = {"words": words_of, "characters": characters_of}


def sigmoid(values: Any) -> Any:
    """Return 1 / (1 + exp(−x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, dtype=np.float64)))


def judge(odds: Floats, slopes: Floats, intercepts: Floats) -> Floats:
    """Weigh the experts' log-odds, question by question, and turn them into probabilities.

    s = P(spammy), t = P(personalised | not spammy); P(personalised) = (1 − s)·t and P(generic) = (1 − s)·(1 − t).

    Args:
        odds: shape (n, 2 · experts): both questions by the first expert, by the second …
        slopes: weight of each expert in each question, shape (2, experts).
        intercepts: shape (2,).

    Returns:
        Probabilities, shape (n, 3), columns in the order of `LABELS`.
    """
    s = sigmoid((odds[:, 0::2] * slopes[0]).sum(axis=1) + intercepts[0])
    t = sigmoid((odds[:, 1::2] * slopes[1]).sum(axis=1) + intercepts[1])
    return np.stack([s, (1 - s) * (1 - t), (1 - s) * t], axis=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """The terms of one block (words, characters) in a note.

    Attributes:
        rows: for each term its row of `added`.
        added: what each term adds to the counts expert's log-odds of both questions, shape (terms, 2).
    """

    rows: dict[str, int]
    added: Floats


class _Terms:
    """One block of TF-IDF columns (scikit-learn's, with `sublinear_tf` and L2 norm): places, idf, coefficients."""

    def __init__(self, words: Sequence[str], idf: Floats, coefficients: Floats, terms: Callable[[Reading], list[str]]) -> None:
        self._places = {word: place for place, word in enumerate(words)}
        self._weighted = np.ascontiguousarray((coefficients.astype(np.float64) * idf).T)
        self._idf = np.asarray(idf, dtype=np.float64)
        self._terms = terms

    def count(self, reading: Reading) -> Counted:
        """Return the note's terms with what each adds."""
        places = self._places
        counts = Counter(term for term in self._terms(reading) if term in places)
        if not counts:
            return Counted({}, np.zeros((0, 2)))
        rows = np.array([places[term] for term in counts])
        frequency = 1 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))
        values = frequency / np.sqrt(np.square(frequency * self._idf[rows]).sum())
        return Counted({term: row for row, term in enumerate(counts)}, self._weighted[rows] * values[:, None])


class FittedModel:
    """A model made of the arrays and lists of words that `model.pack` gives.

    Args:
        arrays: arrays of numbers by name.
        lists: lists of words by name.

    Raises:
        KeyError, ValueError: a part is missing or does not fit the others.
    """

    def __init__(self, arrays: Mapping[str, Floats], lists: Mapping[str, Sequence[str]]) -> None:
        coefficients = np.asarray(arrays["coefficients"])
        sizes = [len(lists["words"]), len(lists["characters"]), len(cue_columns()), SHAPE_COLUMNS]
        if coefficients.shape != (2, sum(sizes)):
            raise ValueError("the coefficients do not fit the lists of words")
        cuts = np.split(coefficients, np.cumsum(sizes)[:-1], axis=1)
        self._blocks = [
            _Terms(lists[name], np.asarray(arrays[f"{name}_idf"]), cut, terms)
            for (name, terms), cut in zip(_TERMS.items(), cuts, strict=False)
        ]
        self._cues = dict(zip(cue_columns(), cuts[2].T.astype(np.float64), strict=True))
        self._shape = cuts[3].astype(np.float64)
        self._intercepts = np.asarray(arrays["intercepts"], dtype=np.float64).reshape(2)
        self._network = {
            name.removeprefix("net_"): np.asarray(array, dtype=np.float32)
            for name, array in arrays.items()
            if name.startswith("net_")
        }
        self.slopes = np.asarray(arrays["judge_slopes"], dtype=np.float64)
        self._judge_intercepts = np.asarray(arrays["judge_intercepts"], dtype=np.float64)
        if self.slopes.shape != (2, 2) or self._judge_intercepts.shape != (2,):
            raise ValueError("the judge does not fit two questions and two experts")

    def count(self, reading: Reading) -> list[Counted]:
        """Count a note's terms, a block (words, characters) each."""
        return [block.count(reading) for block in self._blocks]

    def cue_weight(self, name: str) -> Floats:
        """Return what a kind of cue (`effect:kind`) or an effect adds to the counts expert's log-odds, shape (2,)."""
        weight: Floats = self._cues[name]
        return weight

    def counted_odds(self, reading: Reading, counted: Sequence[Counted]) -> Floats:
        """Return the counts expert's log-odds of both questions, shape (2,)."""
        odds = self._intercepts + self._shape @ np.array(shape_of(reading))
        for name, count in cues_of(reading).items():
            odds = odds + count * self._cues[name]
        return np.asarray(odds + sum(block.added.sum(axis=0) for block in counted))

    def probabilities(self, readings: Sequence[Reading], counted: Sequence[Sequence[Counted]] | None = None) -> Floats:
        """Judge notes; what is said of one does not depend on the others.

        Args:
            readings: n notes.
            counted: their terms, where they have been counted already.

        Returns:
            Probabilities, shape (n, 3), columns in the order of `LABELS`.
        """
        terms = [self.count(reading) for reading in readings] if counted is None else counted
        by_counts = [self.counted_odds(reading, blocks) for reading, blocks in zip(readings, terms, strict=True)]
        by_network = encoder.log_odds(self._network, [encoder_text(reading) for reading in readings])
        odds = np.hstack([np.array(by_counts).reshape(len(readings), 2), by_network.astype(np.float64)])
        return judge(odds, self.slopes, self._judge_intercepts)
