"""Tells Italian, English and everything else apart, down to one-word notes; knows languages, not labels."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGES = ("it", "en")
OTHER = "other"

# The languages that notes really come in; with all of py3langid's 97 the short ones scatter over Esperanto and Breton.
_CANDIDATES = (
    "it",
    "en",
    "fr",
    "es",
    "pt",
    "de",
    "ro",
    "nl",
    "ca",
    "pl",
    "sv",
    "da",
    "tr",
    "cs",
    "hu",
    "fi",
    "hr",
    "sq",
)
_CANDIDATES_OTHER_SCRIPTS = ("ru", "uk", "el", "ar", "he", "zh", "ja", "ko", "hi", "bg", "th")
_WORD = re.compile(r"[^\W\d_]+")
# Up to this many words the identifier's statistics are weaker than a look at the word list.
_SHORT = 5
# A text with this share of known words, this far ahead of the other language, needs no statistics (measured on the notes of
# `data/` and on 300 notes in five other languages: the same answers, at twice the speed).
_PLAIN, _APART = 0.75, 0.3
# The look behind keeps the search linear: a match can only start where a token does.
_LINK = re.compile(r"(?<!\S)\S*(?:://|www\.|@)\S*")


@cache
def known_words(language: str) -> frozenset[str]:
    """Return the lower-case words of `language` (`words/<language>.txt`, made by `data/word_lists.py`)."""
    text = resources.files("notequality").joinpath("words", f"{language}.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split("\n") if line and not line.startswith("#"))


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages([*_CANDIDATES, *_CANDIDATES_OTHER_SCRIPTS])
    return identifier


def _known_shares(words: list[str]) -> dict[str, float]:
    return {lang: sum(word in known_words(lang) for word in words) / len(words) for lang in LANGUAGES}


def identify(text: str) -> str:
    """Return the language of a folded text.

    Args:
        text: folded text with at least one letter.

    Returns:
        `it`, `en` or `other`.
    """
    found = _WORD.findall(_LINK.sub(" ", text))
    # Names say nothing of a note's language, and they pull short notes to the wrong one ("Hi Giulia").
    words = [w.lower() for i, w in enumerate(found) if i == 0 or not w[0].isupper() or w.isupper()] or ["hello"]
    shares = _known_shares(words)
    best = "it" if shares["it"] > shares["en"] else "en"
    if len(words) <= _SHORT and shares[best] >= 0.5 and (shares["it"] != shares["en"] or len(words) <= 2):
        return best
    if shares[best] >= _PLAIN and abs(shares["it"] - shares["en"]) >= _APART:
        return best
    guess, _ = _identifier().classify(" ".join(words))
    if guess in LANGUAGES:
        return str(guess) if len(words) <= _SHORT or shares[guess] >= 0.4 else OTHER
    # A short note all of whose words are in both lists is English: the Italian list holds English loans ("Let's connect").
    return best if shares[best] >= _PLAIN and (shares["it"] != shares["en"] or len(words) <= _SHORT) else OTHER
