"""notequality judges a connection-request note: generic, personalised or spammy, in Italian and English.

The front door: `Scorer`, `ScoredNote`, the family of errors, `__version__`. `Scorer` loads on first use, so that importing
the package (and `notequality --help`) stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notequality.errors import ArchiveError, DataError, InputError, ModelError, NotequalityError, TableError, TextError

if TYPE_CHECKING:
    from notequality.scorer import ScoredNote, Scorer

__version__ = "0.1.0"

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name in ("Scorer", "ScoredNote"):
        from notequality import scorer

        return getattr(scorer, name)
    raise AttributeError(f"module 'notequality' has no attribute {name!r}")
