"""What the package offers by name, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import notequality
from notequality import errors, scorer


def test_the_public_names_are_these() -> None:
    assert notequality.__all__ == [
        "ArchiveError",
        "DataError",
        "InputError",
        "ModelError",
        "NotequalityError",
        "ScoredNote",
        "Scorer",
        "TableError",
        "TextError",
        "__version__",
    ]
    assert notequality.__all__ == sorted(notequality.__all__)


def test_every_public_name_is_there_and_is_the_real_one() -> None:
    for name in notequality.__all__[:-1]:
        assert getattr(notequality, name) is getattr(scorer if name.startswith("Score") else errors, name)
    assert notequality.__version__ == "0.1.0"


def test_no_error_is_left_out() -> None:
    family = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert family - set(notequality.__all__) == set()
    assert all(issubclass(getattr(errors, name), errors.NotequalityError) for name in family)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'notequality' has no attribute 'Score'"):
        _ = notequality.Score


def test_an_error_is_one_line_and_keeps_its_evidence() -> None:
    error = errors.TableError("a.csv: no\n  column", path="a.csv", row=3, column="text")
    assert str(error) == "a.csv: no column"
    assert (str(error.path), error.row, error.column) == ("a.csv", 3, "text")


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = (
        "import sys, notequality; print(sorted({'numpy', 'pandas', 'scipy', 'sklearn', 'spacy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
