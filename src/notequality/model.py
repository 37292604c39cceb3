"""`build_pipeline()` and the label order: the one place that chooses the classifier and its calibration.

The labelling guide decides by two questions, and so does the model: *does it use me?* and, of notes that do not, *could it have
been written only to me?* Two experts answer both, one from what is counted (words, characters, cues, shape), one from the
sentence network; a judge weighs their log-odds and turns them into calibrated probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from tqdm import tqdm

from notequality import encoder
from notequality.errors import DataError
from notequality.features import CharacterCounts, CueCounts, Shape, WordCounts
from notequality.fitted import LABELS, Floats, judge
from notequality.readings import Reading, encoder_text
from notequality.tuning import tune

BLOCKS = ("words", "characters", "cues", "shape")
EXPERTS = ("counts", "network")
# One part in five is held out to learn how far each expert can be trusted.
_FOLDS = 5


def answers(labels: Sequence[str]) -> tuple[Floats, Floats, Any]:
    """Return the true answers to both questions (0 or 1, shape (n,)), and which notes the second is asked of."""
    given = np.asarray(labels)
    return (given == "spammy").astype(float), (given == "personalised").astype(float), given != "spammy"


def _two_regressions(X: Any, y: Sequence[str], C: float) -> tuple[LogisticRegression, LogisticRegression]:  # noqa: N803
    spammy, personalised, asked = answers(y)
    rows = np.flatnonzero(asked)
    first, second = (LogisticRegression(C=C, max_iter=3000, tol=1e-5) for _ in range(2))
    return first.fit(X, spammy), second.fit(X[rows], personalised[rows])


class CountsExpert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Answers both questions by logistic regression on counted columns.

    Args:
        blocks: which blocks of columns to count.
        C: inverse strength of the L2 penalty.
    """

    def __init__(self, blocks: Sequence[str] = BLOCKS, C: float = 4.0) -> None:  # noqa: N803 scikit-learn's name
        self.blocks = blocks
        self.C = C

    def fit(self, readings: Sequence[Reading], y: Sequence[str]) -> Self:
        """Fit on n readings and their labels."""
        self.columns_ = columns(self.blocks)
        counted = sparse.csr_matrix(self.columns_.fit_transform(readings))
        self.questions_ = _two_regressions(counted, y, self.C)
        return self

    def transform(self, readings: Sequence[Reading]) -> Floats:
        """Return the log-odds of both questions, shape (n, 2)."""
        counted = self.columns_.transform(readings)
        return np.stack([question.decision_function(counted) for question in self.questions_], axis=1)


def columns(blocks: Sequence[str] = BLOCKS) -> FeatureUnion:
    """Return the unfitted blocks of counted columns, side by side."""
    made: Mapping[str, Callable[[], Any]] = {
        "words": WordCounts,
        "characters": CharacterCounts,
        "cues": CueCounts,
        "shape": Shape,
    }
    return FeatureUnion([(name, made[name]()) for name in blocks])


class NetworkExpert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Answers both questions by the sentence network.

    Args:
        passes: how often training sees every note.
        rate: the largest step of training.
        seed: of shuffles and dropout.
    """

    def __init__(self, passes: int = 2, rate: float = 4e-4, seed: int = 0) -> None:
        self.passes = passes
        self.rate = rate
        self.seed = seed

    def fit(self, readings: Sequence[Reading], y: Sequence[str]) -> Self:
        """Fit on n readings and their labels."""
        weights = tune([encoder_text(one) for one in readings], y, passes=self.passes, rate=self.rate, seed=self.seed)
        # Half precision halves the file; rounding here keeps the fitted and the loaded model the same.
        self.weights_ = {name: array.astype(np.float16).astype(np.float32) for name, array in weights.items()}
        return self

    def transform(self, readings: Sequence[Reading]) -> Floats:
        """Return the log-odds of both questions, shape (n, 2)."""
        return encoder.log_odds(self.weights_, [encoder_text(one) for one in readings]).astype(np.float64)


def hold_out(labels: Sequence[str], groups: Sequence[str]) -> tuple[Any, Any]:
    """Choose the notes that the experts are fitted on for the judge's sake, and those they are asked about.

    Args:
        labels: n labels.
        groups: n groups, which are never split.

    Returns:
        Row numbers of the kept and of the held-out notes.

    Raises:
        DataError: the groups are too few, or leave a part without one of the labels.
    """
    if len(set(groups)) >= _FOLDS:
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
        kept, held = next(folds.split(np.zeros(len(labels)), labels, groups))
        if all({labels[int(row)] for row in part} == set(LABELS) for part in (kept, held)):
            return kept, held
    raise DataError(
        f"{len(set(groups))} groups cannot be parted with every label in both parts: give more groups, or leave them out"
    )


def build_expert(name: str) -> Any:
    """Return an unfitted expert, `counts` or `network`."""
    return {"counts": CountsExpert, "network": NetworkExpert}[name]()


class Experts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Several experts side by side.

    `fit_transform` is not `fit().transform()`, as in scikit-learn's `TargetEncoder`: it returns what the experts say of notes
    that they were not fitted on, since what they say of their own would teach the judge to trust them too much. Only one fold
    is held out (a pass of the network takes minutes); the other rows are NaN, and the judge leaves them out.

    Args:
        names: which experts.
        jobs: fits that run at the same time.
    """

    def __init__(self, names: Sequence[str] = EXPERTS, jobs: int = 2) -> None:
        self.names = names
        self.jobs = jobs

    def fit(self, readings: Sequence[Reading], y: Sequence[str]) -> Self:
        """Fit every expert on all readings."""
        self.experts_ = [build_expert(name).fit(readings, y) for name in self.names]
        return self

    def fit_transform(self, readings: Sequence[Reading], y: Sequence[str], groups: Sequence[str] | None = None) -> Floats:
        """Fit every expert on all readings; return log-odds of held-out ones, shape (n, 2 · experts), NaN elsewhere.

        Args:
            readings: n readings.
            y: n labels.
            groups: n groups; variants of one note share one and are held out together.
        """
        kept, held = hold_out(y, [str(row) for row in range(len(readings))] if groups is None else groups)
        everything = np.arange(len(readings))
        tasks = [(name, rows) for name in reversed(self.names) for rows in (everything, kept)]
        fits = joblib.Parallel(n_jobs=self.jobs, return_as="generator")(
            joblib.delayed(_fit_expert)(name, [readings[int(i)] for i in rows], [y[int(i)] for i in rows]) for name, rows in tasks
        )
        # `disable=None` shows the bar on a terminal only.
        fitted = list(tqdm(fits, total=len(tasks), desc="fitting", unit="fit", disable=None))
        by_task = {(name, len(rows)): expert for (name, rows), expert in zip(tasks, fitted, strict=True)}
        self.experts_ = [by_task[name, len(everything)] for name in self.names]
        held_readings = [readings[int(i)] for i in held]
        odds = np.full((len(readings), 2 * len(self.names)), np.nan)
        odds[held] = np.hstack([by_task[name, len(kept)].transform(held_readings) for name in self.names])
        return odds

    def transform(self, readings: Sequence[Reading]) -> Floats:
        """Return the log-odds of both questions by each expert, shape (n, 2 · experts)."""
        return np.hstack([expert.transform(readings) for expert in self.experts_])


def _fit_expert(name: str, readings: Sequence[Reading], y: Sequence[str]) -> Any:
    return build_expert(name).fit(readings, y)


class Judge(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Weighs the experts' log-odds, question by question (Platt's sigmoid with one slope an expert).

    s = P(spammy), t = P(personalised | not spammy); P(personalised) = (1 − s)·t and P(generic) = (1 − s)·(1 − t).
    """

    def fit(self, odds: Floats, y: Sequence[str]) -> Self:
        """Fit on log-odds, shape (n, 2 · experts), and n labels; rows with NaN are left out."""
        held = np.flatnonzero(np.isfinite(odds).all(axis=1))
        spammy, personalised, asked = answers([y[int(i)] for i in held])
        first = LogisticRegression(C=100).fit(odds[held][:, 0::2], spammy)
        second = LogisticRegression(C=100).fit(odds[held][asked][:, 1::2], personalised[asked])
        self.slopes_ = np.vstack([first.coef_, second.coef_])
        self.intercepts_ = np.concatenate([first.intercept_, second.intercept_])
        self.classes_ = np.array(LABELS)
        return self

    def predict_proba(self, odds: Floats) -> Floats:
        """Return probabilities, shape (n, 3), columns in the order of `LABELS`."""
        # Not `@`: BLAS would add a single row in another order than one of many.
        return judge(odds, self.slopes_, self.intercepts_)

    def predict(self, odds: Floats) -> Any:
        """Return the likeliest labels, shape (n,)."""
        return self.classes_[self.predict_proba(odds).argmax(axis=1)]


def build_pipeline(jobs: int = 2) -> Pipeline:
    """Return the unfitted pipeline from readings to probabilities.

    Args:
        jobs: fits that run at the same time.
    """
    return Pipeline([("experts", Experts(jobs=jobs)), ("judge", Judge())])


def pack(pipeline: Pipeline) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Take a fitted pipeline of both experts apart into arrays and lists of words, for `store` and `fitted`."""
    experts, judge = pipeline.named_steps["experts"], pipeline.named_steps["judge"]
    counts, network = experts.experts_
    blocks = dict(counts.columns_.transformer_list)
    arrays: dict[str, Any] = {f"net_{name}": array.astype(np.float16) for name, array in network.weights_.items()}
    lists: dict[str, list[str]] = {}
    for name in ("words", "characters"):
        vocabulary = blocks[name].vocabulary_
        lists[name] = sorted(vocabulary, key=vocabulary.__getitem__)
        arrays[f"{name}_idf"] = blocks[name].idf_
    arrays["coefficients"] = np.vstack([question.coef_ for question in counts.questions_]).astype(np.float32)
    arrays["intercepts"] = np.concatenate([question.intercept_ for question in counts.questions_])
    arrays["judge_slopes"], arrays["judge_intercepts"] = judge.slopes_, judge.intercepts_
    return arrays, lists
