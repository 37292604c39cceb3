"""From a raw string to a `Note`: folded text, language, length, warnings. Pure functions; judges nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from notequality.errors import TextError
from notequality.folding import Aligned, fold
from notequality.language import LANGUAGES, identify, known_words

# A LinkedIn message holds 8,000 characters; beyond this a text is a mistake (a whole file pasted), not a note.
MAX_LENGTH = 10_000
EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Note:
    """One text, ready to be judged.

    Attributes:
        raw: the text as given.
        folded: its folded form, with the origin of each character in `raw`.
        language: `it`, `en`, `other`, or `empty` where no letter is left after folding.
        warnings: what a reader should know (`hidden_characters`).
    """

    raw: str
    folded: Aligned
    language: str
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The folded text."""
        return self.folded.text

    @property
    def supported(self) -> bool:
        """Whether the note can be judged: it has letters and is Italian or English."""
        return self.language in LANGUAGES

    @property
    def length(self) -> int:
        """Length in code points after NFC, which is how the platform's limit is counted here."""
        return len(unicodedata.normalize("NFC", self.raw))

    def span_in_raw(self, start: int, end: int) -> tuple[int, int]:
        """Translate a span of the folded text (code points, end excluded) to a span of `raw` that covers it."""
        origin = self.folded.origin
        first, last = origin[start], origin[end]
        # Several characters may come from one (`ﬀ`): go on to the first that comes from behind the span's last.
        inside = origin[max(start, end - 1)]
        while last <= inside and end < len(origin) - 1:
            end += 1
            last = origin[end]
        return first, last


@cache
def _all_words() -> frozenset[str]:
    return frozenset().union(*(known_words(language) for language in LANGUAGES))


def read_note(raw: str) -> Note:
    """Fold a text and tell its language.

    Args:
        raw: any string of at most `MAX_LENGTH` code points.

    Returns:
        The note; `language` is `empty` or `other` where it is not to be judged.

    Raises:
        TextError: the text is longer than `MAX_LENGTH`.
    """
    if len(raw) > MAX_LENGTH:
        raise TextError(f"the text has {len(raw):,} characters, more than the {MAX_LENGTH:,} that can be judged: paste one note")
    folded, warnings = fold(raw, _all_words())
    language = identify(folded.text) if any(char.isalpha() for char in folded.text) else EMPTY
    return Note(raw, folded, language, warnings)
