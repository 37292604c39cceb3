"""`build_pipeline()` and the label order: the one place that chooses the classifier and its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from notequality.features import CharacterCounts, CueCounts, SentenceVectors, Shape, WordCounts

# From worst to best, as in the labelling guide; columns of probabilities stand in this order everywhere.
LABELS = ("spammy", "generic", "personalised")

Probabilities = np.ndarray[Any, np.dtype[np.float64]]


def sigmoid(values: Any) -> Any:
    """Return 1 / (1 + exp(−x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, dtype=np.float64)))


class TwoQuestions(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Asks the labelling guide's two questions in its order, each with a logistic regression.

    *Does it use me?* gives s = P(spammy). *Could it have been written only to me?*, asked of notes that are not spammy, gives t.
    Then P(personalised) = (1 − s)·t and P(generic) = (1 − s)·(1 − t).

    Args:
        C: inverse strength of the L2 penalty of both questions.
        slopes: what the log-odds of each question are multiplied by (Platt's sigmoid without intercept); set by calibration.
    """

    def __init__(self, C: float = 4.0, slopes: tuple[float, float] = (1.0, 1.0)) -> None:  # noqa: N803 scikit-learn's name
        self.C = C
        self.slopes = slopes

    def fit(self, X: Any, y: Sequence[str]) -> Self:  # noqa: N803 scikit-learn's name
        """Fit both questions.

        Args:
            X: columns, shape (n, d), sparse or dense.
            y: n labels of `LABELS`.
        """
        labels = np.asarray(y)
        asked = labels != "spammy"
        self.classes_ = np.array(LABELS)
        self.uses_me_ = self._question(X, labels == "spammy")
        self.only_me_ = self._question(X[np.flatnonzero(asked)], labels[asked] == "personalised")
        return self

    def _question(self, X: Any, answer: Any) -> LogisticRegression:  # noqa: N803
        return LogisticRegression(C=self.C, max_iter=3000, tol=1e-5).fit(X, answer)

    def log_odds(self, X: Any) -> Probabilities:  # noqa: N803
        """Return the uncalibrated log-odds of both questions, shape (n, 2)."""
        return np.stack([self.uses_me_.decision_function(X), self.only_me_.decision_function(X)], axis=1)

    def predict_proba(self, X: Any) -> Probabilities:  # noqa: N803
        """Return calibrated probabilities, shape (n, 3), columns in the order of `LABELS`."""
        return probabilities(self.log_odds(X), self.slopes)

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the likeliest labels, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def probabilities(log_odds: Probabilities, slopes: tuple[float, float]) -> Probabilities:
    """Turn the log-odds of the two questions, shape (n, 2), into probabilities in the order of `LABELS`, shape (n, 3)."""
    answers = sigmoid(log_odds * np.asarray(slopes))
    s, t = answers[:, 0], answers[:, 1]
    return np.stack([s, (1 - s) * (1 - t), (1 - s) * t], axis=1)


def build_pipeline(blocks: Sequence[str] = ("words", "characters", "vectors", "cues", "shape"), C: float = 4.0) -> Pipeline:  # noqa: N803
    """Return the unfitted pipeline from readings to probabilities.

    Args:
        blocks: which blocks of columns to use; all of them in the shipped model, fewer in the ablation.
        C: inverse strength of the L2 penalty.
    """
    made = {"words": WordCounts, "characters": CharacterCounts, "vectors": SentenceVectors, "cues": CueCounts, "shape": Shape}
    return Pipeline([("columns", FeatureUnion([(name, made[name]()) for name in blocks])), ("judge", TwoQuestions(C=C))])
