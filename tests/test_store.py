"""Model folders: what is written is read back, whatever was changed is refused by name, and nothing in one is ever run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from notequality import store
from notequality.errors import ModelError
from notequality.scorer import Scorer

ARRAYS = {
    "weights": np.arange(12, dtype=np.float32).reshape(3, 4),
    "half": np.array([1.5, -2], np.float16),
    "one": np.array([0.25]),
    "none": np.zeros((0, 3), np.float32),
}
LISTS = {"words": ["perché", "hello", "", "𝕏 \u2028"]}


def write(folder: Path, date: str = "2026-01-02", **card: Any) -> Path:
    """A small model, as `train` would store it."""
    return store.save(folder, date, {"threshold": 0.5, **card}, ARRAYS, LISTS, "# Card\n")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "models")


def refused(folder: Path, words: str, name: str | None = None) -> ModelError:
    """The one-line refusal of a folder, which names the file at fault."""
    with pytest.raises(ModelError, match=words) as caught:
        store.load(folder)
    error = caught.value
    assert "\n" not in str(error)
    assert name is None or (error.path == folder / name and str(folder / name) in str(error))
    return error


def sealed(folder: Path) -> Path:
    """Make a changed folder consistent again, sizes, hashes and name, as an attacker can; return its new path."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    paths = [path for path in sorted(folder.iterdir()) if path.name != "card.json" and path.is_file()]
    card["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in paths
    }
    return resealed(folder, json.dumps(card))


def resealed(folder: Path, card: str | bytes) -> Path:
    """Give a folder any card, and the name that goes with it."""
    data = card if isinstance(card, bytes) else card.encode()
    (folder / "card.json").write_bytes(data)
    return folder.rename(folder.with_name(f"2026-01-02-{hashlib.sha256(data).hexdigest()[:6]}"))


# ---- save, load, find, promote


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "models", note="è")
    assert path.parent == tmp_path / "new" / "models"
    assert path.name.startswith("2026-01-02-")
    found = store.load(path)
    assert found.name == path.name
    assert (found.card["format"], found.card["threshold"], found.card["note"]) == (1, 0.5, "è")
    assert found.lists == LISTS
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert found.arrays[name].tobytes() == array.tobytes()
    names = ["README.md", "card.json", "half.npy", "none.npy", "one.npy", "weights.npy", "words.json"]
    assert sorted(file.name for file in path.iterdir()) == names
    assert (path / "README.md").read_text(encoding="utf-8") == "# Card\n"


def test_the_same_content_is_stored_once_whatever_the_date(tmp_path: Path) -> None:
    first, again = write(tmp_path), write(tmp_path, "2026-03-04")
    assert again == first
    other = write(tmp_path, "2026-03-04", threshold=0.6)
    assert sorted(tmp_path.iterdir()) == [first, other]


def test_saving_over_a_damaged_twin_makes_it_whole(tmp_path: Path) -> None:
    first = write(tmp_path)
    (first / "words.json").write_text("[]")
    with pytest.raises(ModelError, match=r"words\.json is damaged"):
        store.load(first)
    assert write(tmp_path) == first
    assert store.load(first).name == first.name
    assert list(tmp_path.iterdir()) == [first]


def test_a_model_is_found_from_inside_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path)
    monkeypatch.chdir(first)
    assert store.load(store.find(".")).name == first.name


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved when allow_pickle=False"):
        store.save(tmp_path, "2026-01-02", {}, {"bad": np.array([object()])}, {}, "")
    assert list(tmp_path.iterdir()) == []


def test_promote_names_the_model_in_use(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path, threshold=0.6)
    assert store.current(tmp_path) is None
    store.promote(first)
    assert store.current(tmp_path) == first
    store.promote(second)
    assert store.current(tmp_path) == second
    assert (tmp_path / "CURRENT").read_text() == f"{second.name}\n"
    assert sorted(tmp_path.iterdir()) == sorted([first, second, tmp_path / "CURRENT"])


def test_killed_while_promoting_one_model_or_the_other_is_named(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path, threshold=0.6)
    store.promote(first)
    program = (
        "import os, sys; from pathlib import Path; from notequality import store\n"
        "sys.stdout.write('ready\\n'); sys.stdout.flush()\n"
        "while True:\n    for path in sys.argv[1:]:\n        store.promote(Path(path))\n"
    )
    seen = set()
    for _ in range(3):
        worker = subprocess.Popen([sys.executable, "-c", program, str(first), str(second)], stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        seen.update(store.current(tmp_path) for _ in range(2000))
        worker.kill()
        worker.wait()
        worker.stdout.close()
        seen.add(store.current(tmp_path))
    assert seen == {first, second}


def test_the_users_current_model_goes_before_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = store.find()
    assert shipped.parent == store.shipped()
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path))
    assert store.home() == tmp_path
    assert store.find() == shipped
    own = write(tmp_path / "models")
    assert store.find() == shipped
    store.promote(own)
    assert store.find() == own
    assert store.find(own.name) == own
    assert store.find(shipped.name) == shipped
    assert store.find(str(shipped)) == shipped


def test_without_a_home_of_ones_own_the_platforms_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTEQUALITY_HOME")
    assert store.home().name == "notequality" and store.home().is_absolute()


@pytest.mark.parametrize("name", ["2026-01-02-aaaaaa", "nothing", "", "../nothing", "a\0b", "x" * 5000, "~"])
def test_a_model_that_is_not_there(name: str) -> None:
    with pytest.raises(
        ModelError, match=r"no model is called .*: give the name of a folder in .*, or a path|holds no card\.json"
    ):
        store.load(store.find(name))


def test_no_model_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path))
    monkeypatch.setattr(store, "shipped", lambda: tmp_path / "shipped")
    with pytest.raises(ModelError, match="no model found in .* or .*shipped: install notequality again, or train a model"):
        store.find()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"../../etc\n", b"/etc", b"2026-01-02-zzzzzz", b"2026-01-02-aaaaaa x", b"\xff\xfe", b"a\0", b"{}"]
)
def test_a_pointer_that_names_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "CURRENT").write_bytes(content)
    with pytest.raises(ModelError, match="CURRENT does not name a model: write the name of a folder beside it into it"):
        store.find()


def test_a_pointer_to_a_model_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "CURRENT").write_text("2026-01-02-aaaaaa\n")
    with pytest.raises(ModelError, match="2026-01-02-aaaaaa is not there: give the name or path of a model folder"):
        Scorer.load()


# ---- damage


def test_another_format_number(model: Path) -> None:
    card = json.loads((model / "card.json").read_text())
    folder = resealed(model, json.dumps({**card, "format": 2}))
    refused(folder, "has format 2, this version reads 1: train the model again", "card.json")


def test_a_renamed_folder(model: Path) -> None:
    for name in ("2026-01-02-000000", "mine", f"{model.name}-copy", model.name.replace("2026", "26")):
        folder = model.rename(model.with_name(name))
        refused(folder, "is damaged, or the folder was renamed: get the model again", "card.json")
        folder.rename(model)
    assert store.load(model).name == model.name


def test_another_date_is_the_same_model(model: Path) -> None:
    assert store.load(model.rename(model.with_name(f"2027-05-06-{model.name[-6:]}"))).lists == LISTS


@pytest.mark.parametrize("name", ["card.json", "README.md", "weights.npy", "words.json"])
def test_a_missing_file(model: Path, name: str) -> None:
    (model / name).unlink()
    words = r"holds no card\.json: it is not a model folder" if name == "card.json" else f"{name} is missing: get the model again"
    assert refused(model, words).path == model / name


def test_swapped_files(model: Path) -> None:
    (model / "half.npy").rename(model / "x")
    (model / "one.npy").rename(model / "half.npy")
    (model / "x").rename(model / "one.npy")
    refused(model, r"half\.npy is damaged: get the model again from where it came from", "half.npy")


def mutations(data: bytes, number: int, dice: random.Random) -> Iterator[bytes]:
    """Random single flipped bits, and one truncation in five."""
    for turn in range(number):
        place = dice.randrange(len(data))
        flipped = data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]
        yield data[:place] if turn % 5 == 4 else flipped


def test_every_flipped_bit_and_truncation_is_refused_by_name(model: Path) -> None:
    dice = random.Random(2026)
    for path in sorted(model.iterdir()):
        data = path.read_bytes()
        for changed in mutations(data, 60, dice):
            path.write_bytes(changed)
            refused(model, "damaged", path.name)
        path.write_bytes(data + b"\0")
        refused(model, "damaged", path.name)
        path.write_bytes(data)
    assert store.load(model).lists == LISTS


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A copy of the shipped model."""
    shipped = store.find()
    return Path(shutil.copytree(shipped, tmp_path / shipped.name))


def test_the_shipped_model_is_refused_after_any_flipped_bit(real: Path) -> None:
    dice = random.Random(7)
    for path in sorted(real.iterdir()):
        data = path.read_bytes()
        for changed in mutations(data, 1 if path.suffix == ".npy" else 5, dice):
            path.write_bytes(changed)
            with pytest.raises(ModelError, match="damaged") as caught:
                Scorer.load(real)
            assert caught.value.path == path
        path.write_bytes(data)
    assert Scorer.load(real).model == real.name


# ---- hostile folders: consistent in themselves, so only their content can give them away


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def header(shape: str, dtype: str = "'<f4'", order: str = "False", version: bytes = b"\1\0") -> bytes:
    """An .npy file with any header and sixteen bytes of content."""
    text = f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + b"\0" * 16


def object_array(mark: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def npz(mark: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../escaped.npy", object_array(mark))
        archive.writestr("zeros.npy", b"\0" * 10_000_000)
    return stream.getvalue()


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


NOT_NUMBERS: dict[str, Callable[[Path], bytes]] = {
    "a pickle": lambda mark: pickle.dumps(Bomb(mark)),
    "an old pickle": lambda mark: pickle.dumps(Bomb(mark), protocol=0),
    "an object array": object_array,
    "a zip of arrays": npz,
    "a truncated zip": lambda mark: b"PK\3\4" + b"\0" * 40,
    "an empty file": lambda mark: b"",
    "a bare magic": lambda mark: b"\x93NUMPY\1\0",
    "text": lambda mark: b"0.5 0.7\n",
    "a huge shape": lambda mark: header("(1099511627776, 1099511627776)"),
    "a shape as large as a disk": lambda mark: header("(99999999999,)"),
    "a shape beyond any integer": lambda mark: header(f"({10**40},)"),
    "a shape that overflows to nothing": lambda mark: header("(4294967296, 4294967296)"),
    "a negative shape": lambda mark: header("(-4,)"),
    "a shape of floats": lambda mark: header("(2.0, 2.0)"),
    "a shape too large by one": lambda mark: header("(5,)"),
    "code for a shape": lambda mark: header(f"(__import__('os').mkdir({str(mark)!r}),)"),
    "code for a type": lambda mark: header("(4,)", dtype=f"__import__('os').mkdir({str(mark)!r})"),
    "a nested header": lambda mark: header("(" * 4000 + "4" + ",)" * 4000),
    "a header of brackets": lambda mark: header("[" * 9000),
    "a header that is too long": lambda mark: header("(4,)" + " " * 60000),
    "an unknown version": lambda mark: header("(4,)", version=b"\7\0"),
    "a field of objects": lambda mark: header("(1,)", dtype="[('a', '|O')]"),
    "text cells": lambda mark: saved(np.array(["ab", "c"])),
    "a structure": lambda mark: saved(np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")])),
    "complex numbers": lambda mark: saved(np.array([1j])),
    "dates": lambda mark: saved(np.array(["2026-01-01"], dtype="datetime64[D]")),
    "truth values": lambda mark: saved(np.array([True])),
    "not a number": lambda mark: saved(np.array([0.5, np.nan], np.float32)),
    "infinity": lambda mark: saved(np.array([np.inf], np.float16)),
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_an_array_that_is_none_is_refused_and_not_run(model: Path, tmp_path: Path, kind: str) -> None:
    mark = tmp_path / "ran"
    (model / "weights.npy").write_bytes(NOT_NUMBERS[kind](mark))
    folder = sealed(model)
    refused(folder, "is not an array of numbers|something other than numbers|numbers that are not finite", "weights.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'"words"',
        b"[1]",
        b'["a", null]',
        b'["a"',
        b"",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" + b"9" * 10_000 + b"]",
        b'["a"] ["b"]',
        pickle.dumps(["a"]),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_list_that_is_none_is_refused(model: Path, content: bytes) -> None:
    (model / "words.json").write_bytes(content)
    refused(sealed(model), r"words\.json is not a list of words: do not use this model", "words.json")


CARDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no object": lambda card: [card],
    "no format": lambda card: {"files": card["files"]},
    "no files": lambda card: {"format": 1},
    "a list of files": lambda card: {**card, "files": list(card["files"])},
    "files without entries": lambda card: {**card, "files": dict.fromkeys(card["files"])},
    "a size in words": lambda card: {**card, "files": {"words.json": {"bytes": "many", "sha256": ""}}},
    "an infinite size": lambda card: {**card, "files": {"words.json": {"bytes": float("inf"), "sha256": ""}}},
    "a size that is no number": lambda card: {**card, "files": {"words.json": {"bytes": float("nan"), "sha256": ""}}},
}


@pytest.mark.parametrize("kind", CARDS)
def test_a_card_of_another_shape_is_refused(model: Path, kind: str) -> None:
    card = json.loads((model / "card.json").read_text())
    folder = resealed(model, json.dumps(CARDS[kind](card)))
    refused(folder, r"card\.json cannot be read: get the model again from where it came from", "card.json")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 200_000, b'{"format":' * 100_000, b"1" * 5000, b"NaN"])
def test_a_card_that_is_no_json_is_refused(model: Path, content: bytes) -> None:
    refused(resealed(model, content), r"card\.json cannot be read: get the model again", "card.json")


def test_a_card_larger_than_any_card(model: Path) -> None:
    folder = resealed(model, b" " * (4 * 1024 * 1024 + 1))
    refused(folder, r"card\.json is too large for a model card", "card.json")


@pytest.mark.parametrize(
    "name", ["../outside.npy", "/etc/passwd", "sub/x.npy", "..\\x.npy", "x.pkl", "X.npy", "x.npy\n", ".", "", "x.py", "a\0.npy"]
)
def test_a_file_name_that_leads_elsewhere(model: Path, tmp_path: Path, name: str) -> None:
    saved_array = saved(np.zeros(1))
    (model.parent / "outside.npy").write_bytes(saved_array)
    card = json.loads((model / "card.json").read_text())
    card["files"][name] = {"bytes": len(saved_array), "sha256": hashlib.sha256(saved_array).hexdigest()}
    refused(resealed(model, json.dumps(card)), "has no place in a model folder: do not use this model")


@pytest.mark.parametrize("name", ["run.py", "weights.pkl", "__init__.py", ".hidden", "more.npy", "sub"])
def test_a_file_too_many(model: Path, name: str) -> None:
    if name == "sub":
        (model / name).mkdir()
    else:
        (model / name).write_bytes(b"")
    refused(model, "has no place in a model folder: do not use this model", name)


@pytest.mark.parametrize("name", ["card.json", "README.md", "weights.npy", "words.json"])
def test_a_link_in_place_of_a_file(model: Path, tmp_path: Path, name: str) -> None:
    (model / name).rename(tmp_path / "elsewhere")
    (model / name).symlink_to(tmp_path / "elsewhere")
    refused(model, r"has no place in a model folder|holds no card\.json", name if name != "card.json" else None)


@pytest.mark.parametrize("name", ["card.json", "weights.npy"])
def test_a_pipe_or_folder_in_place_of_a_file_does_not_hang(model: Path, name: str) -> None:
    (model / name).unlink()
    os.mkfifo(model / name)
    refused(model, r"is missing|holds no card\.json")
    (model / name).unlink()
    (model / name).mkdir()
    refused(model, r"is missing|holds no card\.json")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "2026-01-02-aaaaaa").write_text("x")
    refused(tmp_path / "2026-01-02-aaaaaa", "is not there: give the name or path of a model folder")


# ---- consistent folders that hold the wrong model


@pytest.mark.parametrize("name", ["net_proj.npy", "net_out.npy", "words_idf.npy", "coefficients.npy", "judge_slopes.npy"])
@pytest.mark.parametrize("change", ["gone", "short", "flat"])
def test_parts_that_do_not_fit_are_refused_on_loading(real: Path, name: str, change: str) -> None:
    array = np.load(real / name)
    if change == "gone":
        (real / name).unlink()
    else:
        np.save(real / name, array[:-1] if change == "short" else array.reshape(1, -1))
    folder = sealed(real)
    with pytest.raises(ModelError, match=f"model {folder.name} lacks a part or holds a misfit: train it again"):
        Scorer.load(folder)


def test_a_list_of_words_that_is_too_long_is_refused(real: Path) -> None:
    words = json.loads((real / "words.json").read_text(encoding="utf-8"))
    (real / "words.json").write_text(json.dumps([*words, "zzz"]))
    with pytest.raises(ModelError, match="lacks a part or holds a misfit: train it again"):
        Scorer.load(sealed(real))


def test_a_model_of_other_cue_patterns(real: Path) -> None:
    card = json.loads((real / "card.json").read_text(encoding="utf-8"))
    folder = resealed(real, json.dumps({**card, "kinds": card["kinds"][:-1]}))
    with pytest.raises(ModelError, match="was trained with other cue patterns: train it again"):
        Scorer.load(folder)


@pytest.mark.parametrize("part", ["kinds", "threshold", "versions"])
def test_a_card_without_a_part(real: Path, part: str) -> None:
    card = json.loads((real / "card.json").read_text(encoding="utf-8"))
    del card[part]
    with pytest.raises(ModelError, match="lacks a part or holds a misfit: train it again"):
        Scorer.load(resealed(real, json.dumps(card)))
