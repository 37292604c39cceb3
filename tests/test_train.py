"""Training refuses what nothing can be learned from, repeats itself byte by byte, and never sees what it is measured on."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from notequality import DataError, ModelError, Scorer, cli, store
from notequality.evaluate import LabelledNote, read_labelled
from notequality.text import read_note
from notequality.train import Trained, check, train

DATA = Path(__file__).parents[1] / "data"


def some(number: int, seed: int = 0) -> list[LabelledNote]:
    """Notes of the training data, whole groups at random."""
    groups: dict[str, list[LabelledNote]] = defaultdict(list)
    for note in read_labelled(DATA / "notes.jsonl"):
        groups[note.group].append(note)
    found: list[LabelledNote] = []
    for group in random.Random(seed).sample(sorted(groups), len(groups)):
        found += groups[group]
        if len(found) >= number:
            return found
    raise AssertionError("too few notes")


@pytest.fixture(scope="module")
def notes() -> list[LabelledNote]:
    return some(400)


# ---- what is refused


def test_a_missing_label(notes: list[LabelledNote]) -> None:
    with pytest.raises(
        DataError, match=r"too few notes: en spammy \(0\), it spammy \(0\): give at least 20 of each label in each"
    ):
        check([note for note in notes if note.label != "spammy"])


def test_a_rare_label_in_one_language(notes: list[LabelledNote]) -> None:
    rare = [note for note in notes if (note.language, note.label) == ("it", "generic")][19:]
    with pytest.raises(DataError, match=r"too few notes: it generic \(19\): give at least 20"):
        check([note for note in notes if note not in rare])


def test_one_language_alone_will_do(notes: list[LabelledNote]) -> None:
    check([note for note in notes if note.language == "en"])


def test_no_notes() -> None:
    with pytest.raises(DataError, match="no notes"):
        check([])


def test_contradictory_labels_are_named_by_row(notes: list[LabelledNote]) -> None:
    first = notes[0]
    other = "spammy" if first.label != "spammy" else "generic"
    twin = replace(first, text=f"  {first.text.upper()}\u200b\n", label=other)
    with pytest.raises(
        DataError, match=rf"1 texts have two labels \(rows 1 and {len(notes) + 1}\): keep one label for each"
    ) as caught:
        check([*notes, twin])
    assert caught.value.row == 1


def test_equal_texts_with_equal_labels_are_no_contradiction(notes: list[LabelledNote]) -> None:
    check([*notes, notes[0], notes[0]])


def test_a_note_to_measure_on_may_not_be_trained_on(notes: list[LabelledNote], tmp_path: Path) -> None:
    held = [*some(30, seed=1), notes[4]]
    with pytest.raises(DataError, match=r"training notes are in mine too, the first is row \d+: remove them"):
        train(notes, {"mine": held}, tmp_path, "2026-01-02")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: f"{text}\u200b", lambda text: f"  {text}\n", lambda text: text.replace(" ", "  ")]
)
def test_nor_may_it_be_hidden_by_its_spelling(notes: list[LabelledNote], tmp_path: Path, change: Any) -> None:
    held = [replace(notes[4], text=change(notes[4].text), group="another")]
    with pytest.raises(DataError, match="1 training notes are in mine too, the first is row 5: remove them"):
        train(notes, {"mine": held}, tmp_path, "2026-01-02")


def test_nor_may_a_variant_of_it(notes: list[LabelledNote], tmp_path: Path) -> None:
    held = [replace(notes[4], text="Hello, a text that stands nowhere else.")]
    with pytest.raises(DataError, match="training notes are variants of notes in mine, the first is row 4: remove its group"):
        train(notes, {"mine": held}, tmp_path, "2026-01-02")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("message,label\nciao,generic\n", "has no column text; found message, label: name them text and label"),
        ("text,label\nciao,good\n", "line 2: label 'good' is none of spammy, generic, personalised"),
        ("text,label\nciao,generic\n", "too few notes: it spammy (0), it generic (1), it personalised (0)"),
    ],
)
def test_a_refused_training_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path / "home"))
    (tmp_path / "mine.csv").write_text(content)
    assert cli.main(["train", str(tmp_path / "mine.csv")]) == 1
    streams = capsys.readouterr()
    assert streams.out == "" and streams.err.count("\n") == 1
    assert words in streams.err
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mine.csv"]


# ---- data that must be kept apart


def test_the_data_sets_share_no_text_and_no_group() -> None:
    sets = {name: read_labelled(DATA / f"{name}.jsonl") for name in ("notes", "test", "validation")}
    texts = {name: {" ".join(read_note(note.text).text.lower().split()) for note in held} for name, held in sets.items()}
    groups = {name: {note.group for note in held if not note.group.startswith("line-")} for name, held in sets.items()}
    for one, other in (("notes", "test"), ("notes", "validation"), ("test", "validation")):
        assert texts[one] & texts[other] == set()
        assert groups[one] & groups[other] == set()


def test_the_shipped_model_was_trained_on_the_training_notes_alone() -> None:
    import hashlib

    notes = read_labelled(DATA / "notes.jsonl")
    card = store.load(store.find()).card
    lines = "\n".join(repr((note.text, note.label, note.language, note.group)) for note in notes)
    assert card["training"]["sha256"] == hashlib.sha256(lines.encode("utf-8", "backslashreplace")).hexdigest()
    assert (card["training"]["notes"], card["training"]["groups"]) == (len(notes), len({note.group for note in notes}))


# ---- a real training


@pytest.fixture(scope="module")
def trained(notes: list[LabelledNote], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(
        notes, {"others": read_labelled(DATA / "test.jsonl")[:150]}, tmp_path_factory.mktemp("models"), "2026-01-02", jobs=1
    )


@pytest.mark.slow
def test_a_small_model_is_better_than_chance_and_is_used_like_any_other(trained: Trained) -> None:
    assert trained.path.name.startswith("2026-01-02-")
    assert trained.figures["others"]["macro_f1"] > 0.5
    found = Scorer.load(trained.path).score("Hi, we help companies like yours get more leads. Open to a quick call?")
    assert (found.label, found.model) == ("spammy", trained.path.name)
    card = json.loads((trained.path / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["notes"] >= 400 and card["figures"] == trained.figures
    assert (trained.path / "README.md").read_text(encoding="utf-8").startswith("# Model card\n")


@pytest.mark.slow
def test_the_same_notes_give_the_same_bytes(notes: list[LabelledNote], trained: Trained, tmp_path: Path) -> None:
    again = train(notes, {"others": read_labelled(DATA / "test.jsonl")[:150]}, tmp_path, "2026-03-04", jobs=2)
    assert again.path.name[-6:] == trained.path.name[-6:]
    assert {path.name: path.read_bytes() for path in again.path.iterdir()} == {
        path.name: path.read_bytes() for path in trained.path.iterdir()
    }


@pytest.mark.slow
def test_the_command_trains_promotes_and_its_model_is_used(
    notes: list[LabelledNote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path / "home"))
    english = [note for note in notes if note.language == "en"]
    lines = [json.dumps({"text": note.text, "label": note.label, "group": note.group, "language": "en"}) for note in english]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    assert cli.main(["train", str(tmp_path / "mine.jsonl"), "--json"]) == 0
    name = json.loads(capsys.readouterr().out)["model"]
    assert store.find() == tmp_path / "home" / "models" / name
    assert cli.main(["score", "--json", "Hi, we help companies like yours get more leads. Open to a quick call?"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == name


@pytest.mark.slow
def test_no_name_of_a_person_is_kept_in_a_model(trained: Trained) -> None:
    words = json.loads((trained.path / "words.json").read_text(encoding="utf-8"))
    names = {"oluwaseun", "giulia", "priya", "francesca", "alessandro", "siobhan", "piotr", "nguyen"}
    assert names & {part for word in words for part in word.split()} == set()


# ---- what only shows late, refused early


def test_too_few_groups_to_hold_any_out(notes: list[LabelledNote]) -> None:
    with pytest.raises(DataError, match="1 groups cannot be parted with every label in both parts: give more groups"):
        check([replace(note, group="all") for note in notes])


def test_two_files_of_one_name_to_measure_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.csv").write_text("text,label\nciao a tutti,generic\n")
    held = [str(tmp_path / folder / "mine.csv") for folder in ("one", "two")]
    assert cli.main(["train", str(DATA / "test.jsonl"), "--measure-on", *held]) == 1
    assert capsys.readouterr().err == (
        "notequality: --measure-on: two files are called mine: rename one, the figures are kept by name\n"
    )


def test_a_place_where_no_model_can_be_saved_is_refused_before_fitting(notes: list[LabelledNote], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file: no model can be saved there: .*: name another folder"):
        train(notes, {}, tmp_path / "file", "2026-01-02")
