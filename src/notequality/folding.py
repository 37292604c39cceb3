"""Undoes what hides or disguises letters (invisible characters, fancy alphabets, homoglyphs, mojibake, entities, leet, spacing).

Every step keeps the origin of each character, so that a span found in the folded text can be shown in the text as it was
given. Leaves language and meaning to others. The steps follow Boucher et al., "Bad Characters" (IEEE S&P 2022).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

HIDDEN_WARNING = "hidden_characters"

# Blank fillers that join letters unseen, beside the format characters, controls and variation selectors found by category.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0")
_UNUSUAL = re.compile("[^\t\n\r\x20-\x7e]")
# A joiner or selector inside an emoji is how the emoji is spelt, not something hidden.
_EMOJI_GLUE = re.compile(
    "(?<=[^\x00-\u1fff])[\u200d\ufe0e\ufe0f]|[0-9#*\xa9\xae]\ufe0f|\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f"
)

_SURROGATE = re.compile("[\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_CLUSTER = re.compile("[^\x00-\x7f][\u0300-\u036f]*|[\x00-\x7f][\u0300-\u036f]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_BACKTICK = re.compile("`")
# The look behind keeps the search linear: a match can only start where a token does.
_BROKEN = re.compile(r"(?<![^ \n\t])[^ \n\t]*[^\x00-\x7f][^ \n\t]*")
_SPACED = re.compile(r"(?<!\S)(?:[^\W\d_] ){3,}[^\W\d_](?![^\s.,;:!?])")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
# A final `!` is a mark and not an `i` (`No!`).
_LEET_TOKEN = re.compile(r"(?<!\S)[A-Za-z0-9@$!|]{2,19}[A-Za-z0-9@$|](?=[.,;:!?)]*(?!\S))")
_LEET = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l"}
)
_LETTER_NAME = re.compile(
    r"^(?:LATIN LETTER SMALL CAPITAL|NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER|"
    r"LATIN SMALL LETTER SCRIPT|TAG LATIN SMALL LETTER) ([A-Z])$"
)
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("’‘‛`´ʼ′＇", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "\u2028": "\n",
        "\u2029": "\n",
    }
)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text and, for each of its characters, the index of the character that it came from; one more index marks the end."""

    text: str
    origin: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Aligned:
        """Return `text` unchanged, each character its own origin."""
        return cls(text, tuple(range(len(text) + 1)))

    def sub(self, pattern: re.Pattern[str], replace: Callable[[str], str]) -> Aligned:
        """Replace each match by `replace(match)`; new characters come from the match's start, or one to one if equally many."""
        pieces: list[str] = []
        origin: list[int] = []
        last = 0
        for match in pattern.finditer(self.text):
            start, end = match.span()
            old, new = match.group(), replace(match.group())
            if new == old:
                continue
            pieces += [self.text[last:start], new]
            origin += self.origin[last:start]
            origin += self.origin[start:end] if len(new) == len(old) else (self.origin[start],) * len(new)
            last = end
        if not pieces:
            return self
        return Aligned("".join(pieces) + self.text[last:], (*origin, *self.origin[last:]))


@lru_cache(maxsize=4096)
def _invisible(char: str) -> bool:
    """Whether a character leaves no mark: format, control, filler or variation selector."""
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return selector or char in _FILLERS or unicodedata.category(char) in ("Cf", "Cc")


def _visible(char: str) -> str:
    return "" if _invisible(char) else char


@lru_cache(maxsize=4096)
def _compatible(cluster: str) -> str:
    """NFKC of one character with its marks; letters that NFKC leaves fancy are read off their Unicode name."""
    if len(cluster) == 1:
        named = _LETTER_NAME.match(unicodedata.name(cluster, ""))
        if named:
            return named[1].lower()
    folded = unicodedata.normalize("NFKC", cluster.translate(_PLAIN)).translate(_PLAIN)
    if not any(char.isascii() or _script(char) == "LATIN" for char in folded):
        return cluster  # Letters of other scripts stay as they are (Armenian `և` would become two).
    return re.sub("^ [\u0300-\u036f]+$", "'", folded)


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "?").split()[0]


@lru_cache(maxsize=4096)
def _latin_twin(char: str) -> str:
    """The Latin letter that looks like `char`, or `char` itself (Unicode's confusables table)."""
    from confusable_homoglyphs import confusables

    found = confusables.is_confusable(char, greedy=True, preferred_aliases=["latin"]) or []
    twins = [twin["c"] for entry in found for twin in entry["homoglyphs"]]
    return next((twin for twin in twins if len(twin) == 1 and twin.isascii() and twin.isalpha()), char)


def _unmix(word: str) -> str:
    """Fold homoglyphs in a word that mixes Latin with another script; a word of one script stays as it is."""
    if word.isascii() or not any(_script(char) == "LATIN" for char in word):
        return word
    return "".join(char if _script(char) == "LATIN" else _latin_twin(char) for char in word)


def _repair(token: str) -> str:
    """Undo mojibake (`perchÃ©`) in one token."""
    import ftfy
    from ftfy.badness import is_bad

    return ftfy.fix_encoding(token) if is_bad(token) else token


def _restretch(run: str) -> str:
    """`gratissss` → `gratis`; `www` and Roman numerals keep their letters."""
    return run if run.lower() in {"www", "iii", "xxx"} else run[0]


def _unleet(words: Collection[str]) -> Callable[[str], str]:
    """Return a function that reads digits as letters where that makes a known word (`gr4tis` → `gratis`)."""

    def read(token: str) -> str:
        if token.isalpha() or sum(char.isalpha() for char in token) < 2:
            return token
        plain = token.translate(_LEET)
        return plain if plain.lower() in words else token

    return read


def fold(raw: str, words: Collection[str] = ()) -> tuple[Aligned, tuple[str, ...]]:
    """Fold a raw text to plain characters.

    Args:
        raw: the text as given, any code points, lone surrogates included.
        words: lower-case words known to the languages; digits inside a word are read as letters only to reach one of them.

    Returns:
        The folded text with the origin of each character (code-point indices into `raw`), and warnings (`hidden_characters`).
    """
    aligned = Aligned.of(raw)
    if not raw.isascii():
        aligned = aligned.sub(_SURROGATE, lambda found: "\ufffd" * len(found)).sub(_BROKEN, _repair)
    if "&" in raw:
        aligned = aligned.sub(_ENTITY, html.unescape)
    aligned = aligned.sub(_LINE_END, lambda _: "\n")
    bare = _EMOJI_GLUE.sub("", aligned.text)
    warnings = (HIDDEN_WARNING,) if any(map(_invisible, _UNUSUAL.findall(bare))) else ()
    aligned = aligned.sub(_UNUSUAL, _visible)
    if not aligned.text.isascii():
        aligned = aligned.sub(_CLUSTER, _compatible).sub(_WORD, _unmix)
    aligned = aligned.sub(_BACKTICK, lambda _: "'")
    aligned = aligned.sub(_SPACED, lambda run: run.replace(" ", "")).sub(_STRETCHED, _restretch)
    return aligned.sub(_LEET_TOKEN, _unleet(words)), warnings
