"""Turns a note into tokens in which names, numbers, links and addresses are classes, so that no score depends on who is named.

The tokens feed the cues and the counted features alike. Pure functions over a `Note`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from notequality.language import LANGUAGES, known_words
from notequality.text import Note

NAME, NUMBER, LINK, MAIL, PHONE, MONEY, PERCENT, FIELD = (
    "_name_", "_num_", "_link_", "_mail_", "_phone_", "_money_", "_pct_", "_field_"
)  # fmt: skip

# Repeats are bounded or start where a token does, so that no text makes the search quadratic.
_TOKEN = re.compile(
    r"(?P<mail>(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<link>(?:https?://|www\.)\S*[\w/]"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.(?:com|net|org|io|it|eu|co|me|ly|example|app|ai|info|biz|uk|de|fr|gle)\b(?:/\S*[\w/])?)"
    r"|(?P<field>\{\{?[^{}\n]{0,30}\}?\}|\[[^\[\]\n]{1,25}\]|%[A-Z_]{3,20}%"
    r"|<(?:nome|name|first ?name|cognome|azienda|company)>)"
    r"|(?P<phone>(?:\+|\b00)\d[\d .()/-]{6,16}\d|\b3\d{2}[ ./-]?\d{3}[ .-]?\d{3,4}\b)"
    r"|(?P<money>[€$£] ?\d[\d.,']*[kKmM]?\b|\d[\d.,']{0,15} ?(?:[€$£]|[kK] ?[€$£]|(?:euro|eur|usd|dollars?|pounds?)\b))"
    r"|(?P<pct>\d[\d.,]* ?%)"
    r"|(?P<num>\d[\d.,:/]*\d|\d)"
    r"|(?P<word>[^\W\d_]+(?:'(?=[^\W\d_]|\s|$|[.,;:!?)]))?)"
    r"|(?P<mark>[!?.,;:\n]|\S)"
)
_CLASS = {"mail": MAIL, "link": LINK, "field": FIELD, "phone": PHONE, "money": MONEY, "pct": PERCENT, "num": NUMBER}
_SENTENCE_END = frozenset(".!?\n:")
_GREETINGS = frozenset(
    "ciao salve buongiorno buonasera gentile gentilissimo gentilissima egregio egregia caro cara carissimo carissima spett "
    "hi hello hey dear hiya greetings morning afternoon evening dott dottor dottoressa ssa ing avv arch geom rag prof sig "
    "signor signora mr mrs ms dr sir".split()
)
# Capitalised, but words and not names: what they stand for is part of the meaning.
_NOT_NAMES = frozenset(
    "i linkedin whatsapp telegram zoom skype teams instagram facebook youtube tiktok calendly google excel crm seo hr ceo "
    "cto cfo coo b2b b2c saas ai ia it pmi pdf cv mba roi kpi sme nda rfp pr ux ui erp dm pm faq usa uk eu ue italia italy "
    "europe europa italian english italiano inglese monday tuesday wednesday thursday friday saturday sunday january february "
    "march april may june july august september october november december lunedi martedi mercoledi giovedi venerdi sabato "
    "domenica lei suo sua suoi sue le la li lo vi voi vostra vostro vostri vostre loro ella tu tuo tua tuoi tue gennaio "
    "febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre natale pasqua christmas easter "
    "bitcoin forex covid amazon".split()
)

# Of these, what is a name all the same right behind a greeting, with a capital ("Ciao Li Na", "Hi April").
_NAMES_WHEN_GREETED = frozenset("li lo may april june august ella".split())


@dataclass(frozen=True, slots=True)
class Tokens:
    """The masked tokens of a note.

    Attributes:
        words: lower-case tokens without accents; names, numbers, links … as classes like `_name_`.
        spans: for each token its start and end in the folded text.
    """

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def plain(word: str) -> str:
    """Lower-case a word and drop its accents, so that `perché`, `perche'` and `PERCHE` meet."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    return "".join(char for char in unicodedata.normalize("NFD", lowered) if not unicodedata.combining(char))


def _is_name(word: str, low: str, previous: str, after_name: bool, shouting: bool, known: frozenset[str]) -> bool:
    """Decide by case and place whether a word names somebody or something."""
    greeted = previous in _GREETINGS and word[0].isupper() and not shouting
    if (low.rstrip("'") in _NOT_NAMES and not (greeted and low in _NAMES_WHEN_GREETED)) or len(low) < 2:
        return False
    if greeted or (previous in _GREETINGS and low not in known):
        return True
    if shouting or not word[0].isupper():
        return False
    starts = previous in _SENTENCE_END or previous == ""
    return low.rstrip("'") not in known if starts and not after_name else True


def mask(note: Note) -> Tokens:
    """Return the masked tokens of a note; neighbouring names become one token.

    Args:
        note: a note in a supported language.
    """
    text = note.text
    known = known_words(note.language if note.language in LANGUAGES else "en")
    letters = [char for char in text if char.isalpha()]
    shouting = sum(char.isupper() for char in letters) > 0.6 * len(letters)
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    previous = ""
    for match in _TOKEN.finditer(text):
        kind, start, end = match.lastgroup or "mark", match.start(), match.end()
        token = match.group()
        low = plain(token)
        if kind in _CLASS:
            low = _CLASS[kind]
        elif kind == "word":
            # At the end an apostrophe stands for an accent (`perche'`) or a cut (`po'`); before a letter it elides (`l'arte`).
            low = low if text[end : end + 1].isalpha() else low.rstrip("'")
            after_name = bool(words) and words[-1] == NAME
            if _is_name(token, low, previous, after_name, shouting, known):
                low = NAME
        elif not low or (token.isspace() and token != "\n"):
            continue  # a blank, or a combining mark that stands alone
        if low == NAME and words and words[-1] == NAME:
            spans[-1] = (spans[-1][0], end)
        else:
            words.append(low)
            spans.append((start, end))
        previous = low
    return Tokens(tuple(words), tuple(spans))
