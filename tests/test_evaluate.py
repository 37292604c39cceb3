"""Labelled notes are read or refused by line; figures agree with hand-made examples; the shared data sets are kept apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from notequality import DataError, InputError, Scorer
from notequality.evaluate import LabelledNote, brier_score, calibration_error, evaluate, measure, read_labelled
from notequality.text import read_note

DATA = Path(__file__).parents[1] / "data"
BLANK = "Ciao, vorrei ampliare la mia rete."


def written(folder: Path, content: str, name: str = "notes.csv") -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


# ---- reading


def test_what_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'Group,LABEL,Text,Language,more\ng1, Generic ,"{BLANK}",,x\n'
        ',spammy,"Hi, buy now!",EN,\ng1,personalised,"Ciao,\nAnna",it,\n',
    )
    assert read_labelled(path) == [
        LabelledNote(BLANK, "generic", "it", "g1"),
        LabelledNote("Hi, buy now!", "spammy", "en", f"{path.name}:3"),
        LabelledNote("Ciao,\nAnna", "personalised", "it", "g1"),
    ]


def test_json_lines_are_read_alike(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"text": BLANK, "label": "generic"}) + "\n", "notes.jsonl")
    assert read_labelled(path) == [LabelledNote(BLANK, "generic", "it", f"{path.name}:1")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("text,kind\nciao,generic\n", "has no column label; found text, kind: name them text and label"),
        ("message,kind\nciao,generic\n", "has no column text or label; found message, kind"),
        (
            "text,label\nciao a tutti,good\n",
            r"1 rows cannot be used \(line 2: label 'good' is none of spammy, generic, personalised\)",
        ),
        ('text,label\n"a\nb",generic\n123,generic\n', r"line 4: no text"),
        ("text,label\n,generic\n", "line 2: no text"),
        ("text,label\nciao a tutti\n", "line 2: "),
        (f"text,label\n{'x' * 10_001},generic\n", r"line 2: more than 10,000 characters"),
        ("text,label\nGuten Tag mein Herr und meine Damen,generic\n", "line 2: language 'other' is none of it, en"),
        ("text,label,language\nciao,generic,french\n", "line 2: language 'french' is none of it, en"),
        ("text,label\n", "holds no notes: give rows of text,label"),
        ("text,label\n" + "ciao,x\n" * 9, r"9 rows cannot be used \(line 2: .*; line 6: [^;]*\): mend or remove them"),
    ],
)
def test_what_cannot_be_used_is_refused_by_line(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_labelled(written(tmp_path, content))
    assert caught.value.path == tmp_path / "notes.csv"
    assert caught.value.row is None or f"line {caught.value.row}" in str(caught.value)


def test_an_archive_is_no_labelled_table() -> None:
    with pytest.raises(DataError, match=r"sample-inbox\.zip: is not one table: give a CSV or JSON Lines file"):
        read_labelled(DATA / "sample-inbox.zip")
    with pytest.raises(InputError, match="no such file or folder"):
        read_labelled(DATA / "nothing.csv")


# ---- figures


def test_the_calibration_error_of_a_hand_made_example() -> None:
    probabilities = np.array([[0.05, 0.85, 0.1], [0.05, 0.85, 0.1], [0.55, 0.25, 0.2], [0, 0, 1.0]])
    # Bins: two at 0.85 of which one is right, one at 0.55 and right, one at 1 and right.
    expected = (2 * abs(0.85 - 0.5) + abs(0.55 - 1) + 0) / 4
    assert calibration_error(probabilities, ["generic", "spammy", "spammy", "personalised"]) == pytest.approx(expected)


def test_the_brier_score_of_a_hand_made_example() -> None:
    probabilities = np.array([[1.0, 0, 0], [0.5, 0.5, 0]])
    assert brier_score(probabilities, ["spammy", "personalised"]) == pytest.approx((0 + 0.25 + 0.25 + 1) / 2)


def test_all_figures_of_a_hand_made_example() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    found = measure(probabilities, ["spammy", "generic", "generic", "personalised"], ["it", "it", "en", "en"])
    assert list(found) == ["macro_f1", "classes", "n", "languages", "ece", "brier", "confusion"]
    assert found["confusion"] == {"labels": ["spammy", "generic", "personalised"], "rows": [[1, 0, 0], [1, 1, 0], [0, 0, 1]]}
    assert found["classes"]["spammy"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "n": 1}
    assert found["classes"]["generic"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "n": 2}
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert list(found["languages"]) == ["en", "it"]
    assert [found["languages"][language]["n"] for language in ("en", "it")] == [2, 2]
    assert json.loads(json.dumps(found))["n"] == 4


def test_a_scorer_is_measured_by_its_own_answers(scorer: Scorer) -> None:
    notes = [note for note in read_labelled(DATA / "test.jsonl")[:90]]
    found = evaluate(scorer, notes)
    given = scorer.score_many(note.text for note in notes)
    right = sum(one.label == note.label for one, note in zip(given, notes, strict=True))
    assert sum(row[place] for place, row in enumerate(found["confusion"]["rows"])) == right
    assert found["certain"]["threshold"] == scorer.threshold
    assert found["certain"]["share"] == pytest.approx(sum(one.certain for one in given) / 90)


def test_a_note_whose_language_is_only_known_by_its_label_is_measured(scorer: Scorer) -> None:
    text = "Guten Tag, ich möchte Sie gerne kennenlernen."
    assert read_note(text).language == "other"
    found = evaluate(scorer, [LabelledNote(text, "generic", "it", "g"), LabelledNote(BLANK, "generic", "it", "h")])
    assert (found["n"], found["languages"]["it"]["n"]) == (2, 2)


def test_a_row_may_leave_out_what_may_be_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, f'text,label,language\n"{BLANK}",generic\n')
    assert read_labelled(path) == [LabelledNote(BLANK, "generic", "it", "notes.csv:2")]
