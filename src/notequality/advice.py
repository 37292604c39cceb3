"""From a `ScoredNote` to what to change in it, in the note's language; the texts live in `messages/*.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from notequality.explain import messages
from notequality.folding import HIDDEN_WARNING
from notequality.language import LANGUAGES
from notequality.scorer import LIMITS, ScoredNote
from notequality.text import EMPTY

# What a cue of each kind asks for; kinds of `personalised` ask for nothing.
_BY_KIND = {
    "default": "default-text",
    "flattery": "name-it",
    "merge-compliment": "name-it",
    "offer": "no-offer",
    "help-like-yours": "no-offer",
    "free-trial": "no-offer",
    "invite-event": "no-offer",
    "sale-denied": "no-offer",
    "call": "no-call",
    "link": "no-link",
    "phone-app": "no-private-channel",
    "money": "no-promise",
    "results": "no-promise",
    "mlm": "no-promise",
    "bulk-recruiting": "no-bulk-recruiting",
    "need-fishing": "no-fishing",
    "romance": "no-private-remarks",
    "merge-field": "fill-fields",
}
# The limit's unit is not documented, so the count is explained when it matters.
_NEAR = 5


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice: a stable code for programs, a sentence for people."""

    code: str
    message: str


def kind_of(cue: str) -> str:
    """Return what a row of the pattern files is about, from its id (`it-generic-network-01` → `network`)."""
    parts = cue.split("-")[2:]
    return "-".join(parts[:-1] if parts and parts[-1].isdigit() else parts)


def _codes(note: ScoredNote) -> Iterator[str]:
    if not note.judged:
        yield EMPTY if note.label == EMPTY else "unsupported"
        return
    kinds = [kind_of(item.cue) for item in note.evidence if item.effect != "personalised"]
    wanted = [_BY_KIND[kind] for kind in kinds if kind in _BY_KIND]
    if note.label == "personalised":
        yield "fine"
        return
    yield from wanted
    if note.label == "spammy":
        if not wanted:
            yield "wants-something"
    else:
        yield from ("say-why", "better-blank")


def advise(note: ScoredNote, limit: int = LIMITS[0]) -> list[Advice]:
    """Return what to change, most important first, each code once.

    Args:
        note: the judgement.
        limit: characters that the platform allows, 200 or 300.
    """
    texts = messages(note.language if note.language in LANGUAGES else "en")["advice"]
    codes = list(dict.fromkeys(_codes(note)))
    left = limit - note.length
    if left < 0:
        codes.append("too-long")
    elif left <= _NEAR:
        codes.append("near-limit")
    if HIDDEN_WARNING in note.warnings:
        codes.append("hidden-characters")
    if note.judged and not note.certain:
        codes.append("unsure")
    return [Advice(code, str(texts[code]).format(over=-left, left=left, limit=limit)) for code in codes]
