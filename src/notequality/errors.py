"""What can go wrong, as one family; the command line and the service turn each into one line for the user.

```
NotequalityError
├── InputError        what the user handed over cannot be used: a path, a table, a row
│   ├── TableError    a file is not the table it should be (no text column, no rows, undecodable)
│   └── ArchiveError  a ZIP or folder is unsafe, damaged or holds no LinkedIn file
├── TextError         one text cannot be judged (over the length limit)
├── ModelError        a model folder is missing, damaged, of another format or another library version
└── DataError         labelled data cannot be trained or measured on
```

Every message is one line: what is wrong, where, what to do. The evidence stays on the exception as `path`, `row` and `column`.
"""

from __future__ import annotations

from pathlib import Path


class NotequalityError(Exception):
    """The root: catch this to catch all that this package raises on purpose.

    Args:
        message: one line for the user: what is wrong, where, what to do.
        path: the file or folder concerned, if any.
        row: the 1-based line or row number in it, if any.
        column: the column's name, if any.
    """

    def __init__(
        self, message: str, *, path: str | Path | None = None, row: int | None = None, column: str | None = None
    ) -> None:
        # Names of files and columns may hold anything, also what would command a terminal.
        line = " ".join(message.split())
        super().__init__("".join(char if char.isprintable() else ascii(char)[1:-1] for char in line))
        self.path = None if path is None else Path(path)
        self.row = row
        self.column = column


class InputError(NotequalityError):
    """What the user handed over cannot be used."""


class TableError(InputError):
    """A file is not the table that it should be."""


class ArchiveError(InputError):
    """A ZIP or folder is unsafe, damaged, or holds no LinkedIn file."""


class TextError(NotequalityError):
    """One text cannot be judged."""


class ModelError(NotequalityError):
    """A model folder is missing, damaged, or made for another version."""


class DataError(NotequalityError):
    """Labelled data cannot be trained or measured on."""
