"""Model folders: save, verify, load, find, name the one in use. Knows files, not classifiers.

A model is a folder `<date>-<hash>/` that holds arrays and JSON, never code and never a pickle:

```
card.json    format number, versions, settings, measurements, and the size and SHA-256 of every other file
README.md    the model card, for people
*.npy        arrays of numbers
*.json       lists of words
```

`<hash>` is the start of the SHA-256 of `card.json`; so a change to any byte of the folder is noticed, whoever made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from notequality.errors import ModelError

# Raise it when a folder written before can no longer be read the same way; keep the refusal of older numbers readable.
FORMAT = 1
CARD = "card.json"
CURRENT = "CURRENT"
_HASH_LENGTH = 6
# The shipped model has about 30 MB; a file many times that size is not a model of ours.
_MAX_FILE = 256 * 1024 * 1024
_MAX_CARD = 4 * 1024 * 1024
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{6}\Z")
_FILE = re.compile(r"(?:[a-z0-9_]+\.(?:npy|json)|README\.md)\Z")
_DTYPES = frozenset("f4 f8 f2 i4 i8 u1 u4".split())

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What a model folder holds.

    Attributes:
        name: the folder's name.
        card: the parsed `card.json`.
        arrays: the arrays, by file name without ending.
        lists: the lists of words, by file name without ending.
    """

    name: str
    card: Mapping[str, Any]
    arrays: Mapping[str, Array]
    lists: Mapping[str, list[str]]


def home() -> Path:
    """Return the folder of the user's own models: `NOTEQUALITY_HOME`, or the platform's user data folder."""
    chosen = os.environ.get("NOTEQUALITY_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("notequality", appauthor=False))


def shipped() -> Path:
    """Return the folder of the models that come with the package (in a checkout, the project's `models/`)."""
    inside = Path(__file__).with_name("shipped")
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "models"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def current(folder: Path) -> Path | None:
    """Return the model that `folder/CURRENT` names, or None where there is no such file."""
    pointer = folder / CURRENT
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    if not _NAME.match(name):
        raise ModelError(f"{pointer} does not name a model: write the name of a folder beside it into it", path=pointer)
    return folder / name


def _is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that is too long for any file is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def find(model: str | None = None) -> Path:
    """Return the folder of the model to use.

    Args:
        model: a name or a path; None for the user's current model, or else the shipped one.

    Raises:
        ModelError: there is no such model.
    """
    places = [home() / "models", shipped()]
    if model is None:
        for place in places:
            if (found := current(place)) is not None:
                return found
        raise ModelError(f"no model found in {places[0]} or {places[1]}: install notequality again, or train a model")
    for candidate in (*(place / model for place in places if _NAME.match(model)), *([Path(model)] if model else [])):
        if _is_folder(candidate):
            return candidate.resolve()
    raise ModelError(f"no model is called {model}: give the name of a folder in {places[0]}, or a path", path=model)


def promote(path: Path) -> None:
    """Make a model the current one of the folder that it stands in; at any moment the old or the new one is named."""
    part = path.parent / f".{CURRENT}.part"
    part.write_text(path.name + "\n", encoding="utf-8")
    os.replace(part, path.parent / CURRENT)


def save(
    folder: Path,
    date: str,
    card: Mapping[str, Any],
    arrays: Mapping[str, Array],
    lists: Mapping[str, list[str]],
    readme: str,
) -> Path:
    """Write a model folder, whole or not at all, and return its path.

    Args:
        folder: where the new folder goes, e.g. `models/`.
        date: ISO date for the name; the content does not depend on it.
        card: settings and measurements; the manifest is added here.
        arrays: arrays of numbers by name.
        lists: lists of words by name.
        readme: the model card, Markdown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        for name, array in arrays.items():
            np.save(part / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        for name, words in lists.items():
            (part / f"{name}.json").write_text(json.dumps(words, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        (part / "README.md").write_text(readme, encoding="utf-8")
        files = {path.name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in sorted(part.iterdir())}
        text = json.dumps({"format": FORMAT, **card, "files": files}, ensure_ascii=False, indent=1, sort_keys=True)
        (part / CARD).write_text(text + "\n", encoding="utf-8")
        code = _digest(part / CARD)[:_HASH_LENGTH]
        same = next((path for path in folder.glob(f"????-??-??-{code}") if path.is_dir()), None)
        if same is not None and _intact(same):
            return same
        target = same or folder / f"{date}-{code}"
        shutil.rmtree(target, ignore_errors=True)
        part.chmod(0o755)
        os.replace(part, target)
        return target
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _intact(folder: Path) -> bool:
    try:
        return bool(verify(folder))
    except ModelError:
        return False


def prepare(folder: Path) -> None:
    """Make sure that a model can be saved in `folder`, before minutes are spent on fitting it.

    Raises:
        ModelError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ModelError(
            f"{folder}: no model can be saved there: {error.strerror or error}: name another folder", path=folder
        ) from error


def remove(folder: Path) -> None:
    """Delete a model folder."""
    shutil.rmtree(folder)


def _card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file() or path.is_symlink():
        raise ModelError(f"{folder} holds no {CARD}: it is not a model folder", path=path)
    if path.stat().st_size > _MAX_CARD:
        raise ModelError(f"{path} is too large for a model card: get the model again from where it came from", path=path)
    if not _NAME.match(folder.name) or not _digest(path).startswith(folder.name[-_HASH_LENGTH:]):
        raise ModelError(f"{path} is damaged, or the folder was renamed: get the model again from where it came from", path=path)
    try:
        card = json.loads(path.read_bytes())
        number = card["format"]
        files = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in card["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: get the model again from where it came from", path=path) from error
    if number != FORMAT:
        raise ModelError(f"{path} has format {number!r}, this version reads {FORMAT}: train the model again", path=path)
    return {**card, "files": files}


def _check_file(folder: Path, name: str, size: int, digest: str) -> None:
    path = folder / name
    if not _FILE.match(name) or path.is_symlink():
        raise ModelError(f"{path} has no place in a model folder: do not use this model", path=path)
    if not path.is_file():
        raise ModelError(f"{path} is missing: get the model again from where it came from", path=path)
    if size > _MAX_FILE or path.stat().st_size != size or _digest(path) != digest:
        raise ModelError(f"{path} is damaged: get the model again from where it came from", path=path)


def verify(folder: Path) -> dict[str, Any]:
    """Check every byte of a model folder and return its card.

    Raises:
        ModelError: a file is missing, damaged, foreign to a model folder, or of another format.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is not there: give the name or path of a model folder", path=folder)
    card = _card(folder)
    for path in sorted(folder.iterdir()):
        if path.name != CARD and path.name not in card["files"]:
            raise ModelError(f"{path} has no place in a model folder: do not use this model", path=path)
    for name, (size, digest) in card["files"].items():
        _check_file(folder, name, size, digest)
    return card


def _array(path: Path) -> Array:
    try:
        # A map reads the header only, so that a shape larger than the file is refused before memory is asked for; and
        # `open_memmap`, unlike `np.load`, takes arrays alone, no ZIP and no pickle.
        with np.errstate(over="raise"):
            array: Array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # what NumPy raises on a hostile header is of many kinds
        raise ModelError(f"{path} is not an array of numbers: do not use this model", path=path) from error
    if array.dtype.str[1:] not in _DTYPES:
        raise ModelError(f"{path} holds something other than numbers: do not use this model", path=path)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"{path} holds numbers that are not finite: do not use this model", path=path)
    return array


def _words(path: Path) -> list[str]:
    try:
        words = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not a list of words: do not use this model", path=path) from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError(f"{path} is not a list of words: do not use this model", path=path)
    return words


def load(folder: Path) -> StoredModel:
    """Read a model folder after verifying it; no code in it is run.

    Raises:
        ModelError: see `verify`; or a file does not hold what its name says.
    """
    card = verify(folder)
    names = sorted(card["files"])
    arrays = {name.removesuffix(".npy"): _array(folder / name) for name in names if name.endswith(".npy")}
    lists = {name.removesuffix(".json"): _words(folder / name) for name in names if name.endswith(".json")}
    return StoredModel(folder.name, card, arrays, lists)
