"""How good a scorer is on labelled notes: macro-F1, precision, recall, calibration; trains nothing.

Labelled notes are read here too, since training and measuring take the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from notequality.archives import open_bundle
from notequality.errors import DataError
from notequality.fitted import LABELS
from notequality.language import LANGUAGES
from notequality.readings import read_texts
from notequality.scorer import Scorer
from notequality.tables import read_table
from notequality.text import MAX_LENGTH, read_note

_REQUIRED = ("text", "label")
_SHOWN = 5
# Ten bins of equal width, as in Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
_BINS = 10

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class LabelledNote:
    """A note with its true label, its language, and the group that its variants share."""

    text: str
    label: str
    language: str
    group: str


def read_labelled(path: str | Path) -> list[LabelledNote]:
    """Read `text,label[,language,group]` from CSV or JSON Lines.

    A note without a group is its own group; a language that is not given is identified.

    Raises:
        DataError: columns are missing, or rows hold no text, an unknown label or another language; names the rows.
        InputError: the file cannot be read.
    """
    bundle = open_bundle(path)
    if bundle.archive or len(bundle.sources) != 1:
        raise DataError(f"{path}: is not one table: give a CSV or JSON Lines file with the columns text,label", path=path)
    table = read_table(bundle.sources[0], lambda cells: {"text", "label"} <= {str(cell).strip().lower() for cell in cells})
    names = [name.lower() for name in table.columns]
    if missing := [name for name in _REQUIRED if name not in names]:
        found = ", ".join(table.columns[:12])
        raise DataError(f"{path}: has no column {' or '.join(missing)}; found {found}: name them text and label", path=path)
    notes, faults = [], []
    for row in table.records(max(names.index(name) for name in _REQUIRED)):
        cells = None if row.cells is None else dict(zip(names, row.cells, strict=False))
        note = "cannot be read" if cells is None else _labelled(cells, f"{Path(path).name}:{row.line}")
        if isinstance(note, str):
            faults.append((row.line, note))
        else:
            notes.append(note)
    if faults:
        shown = "; ".join(f"line {line}: {fault}" for line, fault in faults[:_SHOWN])
        raise DataError(f"{path}: {len(faults)} rows cannot be used ({shown}): mend or remove them", path=path, row=faults[0][0])
    if not notes:
        raise DataError(f"{path}: holds no notes: give rows of text,label", path=path)
    return notes


def _labelled(cells: dict[str, Any], own_group: str) -> LabelledNote | str:
    text, label = str(cells.get("text") or ""), str(cells.get("label") or "").strip().lower()
    if label not in LABELS:
        return f"label {label[:20]!r} is none of {', '.join(LABELS)}"
    if not any(char.isalpha() for char in text):
        return "no text"
    if len(text) > MAX_LENGTH:
        return f"more than {MAX_LENGTH:,} characters"
    language = str(cells.get("language") or "").strip().lower() or read_note(text).language
    if language not in LANGUAGES:
        return f"language {language[:20]!r} is none of {', '.join(LANGUAGES)}"
    return LabelledNote(text, label, language, str(cells.get("group") or "").strip() or own_group)


def calibration_error(probabilities: Floats, labels: Sequence[str]) -> float:
    """Return the expected calibration error of the top label: the mean gap between confidence and accuracy over ten bins.

    Args:
        probabilities: shape (n, 3), columns in the order of `LABELS`.
        labels: n true labels.
    """
    confidence = probabilities.max(axis=1)
    right = np.array(LABELS)[probabilities.argmax(axis=1)] == np.asarray(labels)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).sum() for b in np.unique(bins)]
    return float(sum(gaps) / len(confidence))


def brier_score(probabilities: Floats, labels: Sequence[str]) -> float:
    """Return the mean squared distance between probabilities and truth, summed over the three labels (Brier, 1950)."""
    truth = np.asarray(labels)[:, None] == np.array(LABELS)[None, :]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def _by_class(labels: Sequence[str], found: Sequence[str]) -> dict[str, Any]:
    parts = precision_recall_fscore_support(labels, found, labels=list(LABELS), zero_division=0)
    per_label = {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(n)}
        for label, p, r, f, n in zip(LABELS, *parts, strict=True)
    }
    return {"macro_f1": float(np.mean(parts[2])), "classes": per_label, "n": len(labels)}


def measure(probabilities: Floats, labels: Sequence[str], languages: Sequence[str]) -> dict[str, Any]:
    """Return what `evaluate --json` prints.

    Args:
        probabilities: shape (n, 3), columns in the order of `LABELS`.
        labels: n true labels.
        languages: n languages.
    """
    given, tongue = np.asarray(labels), np.asarray(languages)
    found = np.array(LABELS)[probabilities.argmax(axis=1)]
    return {
        **_by_class(labels, list(found)),
        "languages": {
            lang: _by_class(list(given[tongue == lang]), list(found[tongue == lang])) for lang in sorted(set(languages))
        },
        "ece": calibration_error(probabilities, labels),
        "brier": brier_score(probabilities, labels),
        "confusion": {"labels": list(LABELS), "rows": confusion_matrix(given, found, labels=list(LABELS)).tolist()},
    }


def evaluate(scorer: Scorer, notes: Sequence[LabelledNote]) -> dict[str, Any]:
    """Measure a scorer on labelled notes.

    Args:
        scorer: any scorer.
        notes: n labelled notes.

    Returns:
        The figures of `measure`, and `certain`: threshold, share of notes that are certain, precision among them.
    """
    readings = read_texts((note.text for note in notes), (note.language for note in notes))
    probabilities = scorer.probabilities(readings)
    labels = [note.label for note in notes]
    figures = measure(probabilities, labels, [note.language for note in notes])
    sure = probabilities.max(axis=1) >= scorer.threshold
    right = np.array(LABELS)[probabilities.argmax(axis=1)] == np.asarray(labels)
    precision = float(right[sure].mean()) if sure.any() else None
    return {**figures, "certain": {"threshold": scorer.threshold, "share": float(sure.mean()), "precision": precision}}
