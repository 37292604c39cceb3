"""Labelled notes → fit → calibrate → measure → save → reload through `Scorer` and compare. Leaves only a model folder."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from notequality import cues, store
from notequality.errors import DataError, ModelError
from notequality.evaluate import LabelledNote, evaluate
from notequality.fitted import LABELS, FittedModel
from notequality.model import build_pipeline, hold_out, pack
from notequality.readings import read, read_texts
from notequality.scorer import Scorer, versions
from notequality.text import read_note

# Under this many notes of a label in a language the figures on the held-out fold say nothing.
_LEAST_A_LABEL = 20
# A verdict is called certain from the lowest probability above which this share of held-out verdicts is right.
_CERTAIN_PRECISION = 0.97
_SHOWN = 5
# Invented texts whose answers are stored with the model, so that other package versions can be told apart.
_GOLDEN = (
    "Ciao, vorrei ampliare la mia rete.",
    "Buongiorno Ingegnere, ci siamo conosciuti ieri alla fiera di Rimini: come promesso, la contatto qui.",
    "Salve, aiuto aziende come la vostra a trovare nuovi clienti: ci sentiamo 15 minuti?",
    "Hi, I'd like to add you to my professional network on LinkedIn.",
    "Hi Anna, your talk on loyalty cards in Turin made me change our plan. Thank you.",
    "Hi, we help companies like yours get more leads. Open to a quick call this week?",
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model: where it stands, and what was measured on each set of notes."""

    path: Path
    figures: dict[str, dict[str, Any]]


def check(notes: Sequence[LabelledNote]) -> None:
    """Refuse notes that nothing can be learned from.

    Raises:
        DataError: there are no notes, a label is missing or rare, one text has two labels, or the groups are too few or too
            uniform to hold a fifth of the notes out with every label in both parts.
    """
    if not notes:
        raise DataError("no notes to train on: give rows of text,label")
    found = Counter((note.language, note.label) for note in notes)
    languages = sorted({note.language for note in notes})
    if rare := [
        f"{lang} {label} ({found[lang, label]})" for lang in languages for label in LABELS if found[lang, label] < _LEAST_A_LABEL
    ]:
        raise DataError(f"too few notes: {', '.join(rare)}: give at least {_LEAST_A_LABEL} of each label in each language")
    labels: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, list[int]] = defaultdict(list)
    for number, note in enumerate(notes, start=1):
        key = _spelling(note.text)
        labels[key].add(note.label)
        rows[key].append(number)
    if clashes := [rows[key] for key in labels if len(labels[key]) > 1]:
        shown = "; ".join("rows " + " and ".join(map(str, clash)) for clash in clashes[:_SHOWN])
        raise DataError(f"{len(clashes)} texts have two labels ({shown}): keep one label for each", row=clashes[0][0])
    hold_out([note.label for note in notes], [note.group for note in notes])


def fit(notes: Sequence[LabelledNote], jobs: int = 2) -> tuple[dict[str, Any], dict[str, list[str]], float]:
    """Fit and calibrate a model.

    Args:
        notes: labelled notes; their groups are never split between fitting and calibrating.
        jobs: fits that run at the same time.

    Returns:
        Its arrays and lists of words, as `store` keeps them, and the probability from which its verdicts are certain.
    """
    readings = read_texts((note.text for note in notes), (note.language for note in notes))
    labels = [note.label for note in notes]
    pipeline = build_pipeline(jobs)
    experts, judge = pipeline.named_steps["experts"], pipeline.named_steps["judge"]
    odds = experts.fit_transform(readings, labels, groups=[note.group for note in notes])
    judge.fit(odds, labels)
    held = np.flatnonzero(np.isfinite(odds).all(axis=1))
    threshold = _threshold(judge.predict_proba(odds[held]), [labels[i] for i in held])
    arrays, lists = pack(pipeline)
    return arrays, lists, threshold


def _threshold(probabilities: Any, labels: Sequence[str]) -> float:
    """The lowest top probability from which on at least `_CERTAIN_PRECISION` of the verdicts are right."""
    top = probabilities.max(axis=1)
    right = np.array(LABELS)[probabilities.argmax(axis=1)] == np.asarray(labels)
    order = np.argsort(-top, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= _CERTAIN_PRECISION)
    return round(float(top[order[enough[-1]]]), 3) if len(enough) else 1.0


def _golden(scorer: Scorer) -> list[dict[str, Any]]:
    found = scorer.probabilities([read(read_note(text)) for text in _GOLDEN])
    return [{"text": text, "probabilities": row.tolist()} for text, row in zip(_GOLDEN, found, strict=True)]


def train(
    notes: Sequence[LabelledNote], measured_on: Mapping[str, Sequence[LabelledNote]], into: Path, date: str, jobs: int = 2
) -> Trained:
    """Train a model and save it.

    Args:
        notes: training notes.
        measured_on: sets of notes, by name, to measure on; none of them is trained on.
        into: folder that the model's folder is written to.
        date: ISO date for the model's name.
        jobs: fits that run at the same time.

    Raises:
        DataError: see `check`; or a note to measure on, or a variant of it, is among the training notes.
        ModelError: the saved model does not give the same answers after loading.
    """
    check(notes)
    _keep_apart(notes, measured_on)
    store.prepare(into)
    arrays, lists, threshold = fit(notes, jobs)
    scorer = Scorer(FittedModel(arrays, lists), "new", threshold)
    figures = {name: evaluate(scorer, held) for name, held in measured_on.items()}
    card = {
        "kinds": list(cues.kinds()),
        "threshold": threshold,
        "versions": versions(),
        "golden": _golden(scorer),
        "labels": list(LABELS),
        "training": {"notes": len(notes), "groups": len({note.group for note in notes}), "sha256": _digest(notes)},
        "figures": figures,
    }
    path = store.save(into, date, card, arrays, lists, _readme(card))
    reloaded = Scorer.load(path)
    if _golden(reloaded) != card["golden"]:
        store.remove(path)
        raise ModelError(f"{path} gives other answers after loading than before saving: it was removed", path=path)
    return Trained(path, figures)


def _keep_apart(notes: Sequence[LabelledNote], measured_on: Mapping[str, Sequence[LabelledNote]]) -> None:
    """Refuse to train on a note that is measured on, however it is spelt, or on a variant of it (one of its group)."""
    texts = {_spelling(note.text): row for row, note in reversed(list(enumerate(notes, start=1)))}
    groups = {note.group: row for row, note in reversed(list(enumerate(notes, start=1)))}
    for name, held in measured_on.items():
        if shared := sorted({texts[key] for note in held if (key := _spelling(note.text)) in texts}):
            raise DataError(
                f"{len(shared)} training notes are in {name} too, the first is row {shared[0]}: remove them", row=shared[0]
            )
        if shared := sorted({groups[note.group] for note in held if note.group in groups}):
            raise DataError(
                f"training notes are variants of notes in {name}, the first is row {shared[0]}: remove its group", row=shared[0]
            )


def _spelling(text: str) -> str:
    """What two spellings of one text have in common: the folded text in lower case, one space between words."""
    return " ".join(read_note(text).text.lower().split())


def _digest(notes: Sequence[LabelledNote]) -> str:
    lines = "\n".join(repr((note.text, note.label, note.language, note.group)) for note in notes)
    return hashlib.sha256(lines.encode("utf-8", "backslashreplace")).hexdigest()


def _readme(card: dict[str, Any]) -> str:
    """Return the model card, with the headings of Hugging Face's."""
    training = card["training"]
    tables = "\n\n".join(f"### {name}\n\n{_table(figures)}" for name, figures in card["figures"].items())
    return f"""# Model card

## Model details

Judges a connection-request note as spammy, generic or personalised, in Italian and English. Two experts (logistic regression on
words, characters, cues and shape with names masked; a fine-tuned Universal Sentence Encoder) answer the labelling guide's two
questions; a judge weighs and calibrates them. Arrays and lists of words, no code.

## Uses

Coaching a note before it is sent; sorting an inbox. Not for judging people, and not an estimate of the chance that a request
is accepted.

## Bias, risks and limitations

Trained on invented notes written for this purpose. Names are masked before anything is counted. Other languages are not judged.
A note can be read differently by different people; verdicts under {card["threshold"]:.2f} are marked uncertain.

## Training details

{training["notes"]:,} labelled notes in {training["groups"]:,} groups (SHA-256 of the notes: `{training["sha256"][:16]}`).

## Evaluation

{tables}
"""


def _table(figures: dict[str, Any]) -> str:
    rows = [("all", figures), *figures["languages"].items()]
    lines = ["| notes | n | macro-F1 | F1 spammy | F1 generic | F1 personalised |", "|---|---|---|---|---|---|"]
    for name, part in rows:
        per_label = " | ".join(f"{part['classes'][label]['f1']:.3f}" for label in LABELS)
        lines.append(f"| {name} | {part['n']} | {part['macro_f1']:.3f} | {per_label} |")
    sure = figures["certain"]
    precision = "–" if sure["precision"] is None else f"{sure['precision']:.3f}"
    lines.append(
        f"\nExpected calibration error {figures['ece']:.3f}, Brier score {figures['brier']:.3f}; "
        f"{sure['share']:.0%} of the verdicts are certain, with precision {precision}."
    )
    return "\n".join(lines)
