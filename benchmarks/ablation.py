"""Shows what each part of the model is worth: parts alone and together, grouped 5-fold cross-validation and validation notes.

Run `python benchmarks/ablation.py`; it writes the table into `benchmarks/README.md` (about 45 minutes on two cores; with
`--without-network`, which leaves out the slow part, about six). Confidence intervals are 95 % percentile bootstrap over notes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from notequality.evaluate import LabelledNote, read_labelled
from notequality.fitted import LABELS
from notequality.model import CountsExpert, Judge, NetworkExpert
from notequality.readings import read_texts

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = {
    "words (1–2)": ("words",),
    "characters (2–5)": ("characters",),
    "cues": ("cues",),
    "shape": ("shape",),
    "words + characters": ("words", "characters"),
    "all counts": ("words", "characters", "cues", "shape"),
}
NETWORK, ALL = "sentence network", "all counts + network (shipped)"
ROUNDS = 500


def odds_of(expert: Any, readings: Sequence[Any], labels: Sequence[str], train: Any, asked: Any) -> Any:
    """Fit an expert on some readings and return its log-odds for others."""
    fitted = expert.fit([readings[i] for i in train], [labels[i] for i in train])
    return fitted.transform([readings[i] for i in asked])


def interval(truth: Any, found: Any) -> tuple[float, float, float]:
    """Return macro-F1 with the ends of its 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(truth), len(truth)) for _ in range(ROUNDS)]
    scores = [f1_score(truth[draw], found[draw], labels=list(LABELS), average="macro", zero_division=0) for draw in draws]
    low, high = np.percentile(scores, [2.5, 97.5])
    return f1_score(truth, found, labels=list(LABELS), average="macro"), low, high


def cells(odds: Any, judge_odds: Any, folds: Any, notes: Sequence[LabelledNote], held: int) -> list[str]:
    """Judge log-odds (each fold by a judge fitted on the other folds) and return the table's cells."""
    labels = np.array([note.label for note in notes])
    languages = np.array([note.language for note in notes])
    found = np.empty(len(notes), dtype=object)
    for train, asked in folds:
        found[asked] = Judge().fit(judge_odds[train], labels[train]).predict(odds[asked])
    found[held:] = Judge().fit(judge_odds[:held], labels[:held]).predict(odds[held:])
    own = np.arange(len(notes)) < held
    out = []
    for part in (own, ~own):
        for language in ("en", "it"):
            rows = part & (languages == language)
            out.append("{:.3f} ({:.3f}–{:.3f})".format(*interval(labels[rows], found[rows].astype(str))))
    return out


def main() -> None:
    """Fit, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-network", action="store_true", help="leave out the sentence network")
    options = parser.parse_args()
    own, held = read_labelled(ROOT / "data" / "notes.jsonl"), read_labelled(ROOT / "data" / "validation.jsonl")
    notes = [*own, *held]
    readings = read_texts([note.text for note in notes], [note.language for note in notes])
    labels = [note.label for note in notes]
    groups = [note.group for note in own]
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=1)
    folds = list(splitter.split(np.zeros(len(own)), labels[: len(own)], groups))
    tasks = [*folds, (np.arange(len(own)), np.arange(len(own), len(notes)))]
    experts: dict[str, Any] = {name: CountsExpert(blocks) for name, blocks in BLOCKS.items()}
    if not options.without_network:
        experts[NETWORK] = NetworkExpert()
    odds = {}
    for name, expert in experts.items():
        parts = joblib.Parallel(n_jobs=2)(joblib.delayed(odds_of)(expert, readings, labels, *task) for task in tasks)
        odds[name] = np.zeros((len(notes), 2))
        for (_, asked), part in zip(tasks, parts, strict=True):
            odds[name][asked] = part
    if not options.without_network:
        odds[ALL] = np.hstack([odds["all counts"], odds[NETWORK]])
    head = "| columns | CV English | CV Italian | validation English | validation Italian |\n|---|---|---|---|---|\n"
    table = head + "\n".join(
        f"| {name} | {' | '.join(cells(part, part, folds, notes, len(own)))} |" for name, part in odds.items()
    )
    path = ROOT / "benchmarks" / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        re.sub(r"(<!-- ablation -->\n).*?(\n<!-- /ablation -->)", lambda m: m[1] + table + m[2], text, flags=re.DOTALL),
        encoding="utf-8",
    )
    print(table)


if __name__ == "__main__":
    main()
