"""scikit-learn transformers from readings to columns, for fitting; `fitted` counts the same without scikit-learn.

Each block of columns is one transformer; `model` decides which blocks are used together. A block knows nothing of labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from notequality.readings import SHAPE_COLUMNS, Reading, characters_of, cue_columns, cues_of, shape_of, words_of


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


class CueCounts(_Block):
    """The kinds of cue that fire in a note; see `readings.cues_of`."""

    def transform(self, readings: Sequence[Reading]) -> sparse.csr_matrix:
        """Return a sparse array of shape (n, kinds of cue + 3)."""
        columns = {name: place for place, name in enumerate(cue_columns())}
        table = np.zeros((len(readings), len(columns)), dtype=np.float32)
        for row, reading in enumerate(readings):
            for name, count in cues_of(reading).items():
                table[row, columns[name]] = count
        return sparse.csr_matrix(table)


class Shape(_Block):
    """Length, sentences, marks and masked tokens; see `readings.shape_of`."""

    def transform(self, readings: Sequence[Reading]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return an array of shape (n, `SHAPE_COLUMNS`)."""
        return np.array([shape_of(reading) for reading in readings], dtype=np.float32).reshape(-1, SHAPE_COLUMNS)
