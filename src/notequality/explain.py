"""What the phrases of a note weigh in its judgement: the evidence behind a label.

A phrase's weight is what the counts expert adds up for its words, characters and cue, times how far the judge trusts that
expert. The sentence network reads a note as a whole and is not taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from notequality import cues
from notequality.fitted import Counted, FittedModel
from notequality.masking import Tokens
from notequality.readings import Reading, characters_of, words_of

# A phrase that moves the log-odds by less says nothing to a reader.
_LEAST = 0.1
_MOST_SHOWN = 8
_BREAKS = frozenset(".!?\n,;:")
_SIGNS = {"personalised": 1.0, "generic": 1.0, "spammy": -1.0}


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase that counts: its span in the text as given, the row or `learned`, the label it speaks for, weight and reason."""

    span: tuple[int, int]
    cue: str
    effect: str
    weight: float
    reason: str


@cache
def messages(language: str) -> dict[str, Any]:
    """Return the texts shown to users in `it` or `en` (`messages/<language>.toml`)."""
    import tomllib

    return tomllib.loads(resources.files("notequality").joinpath("messages").joinpath(f"{language}.toml").read_text("utf-8"))


class Explainer:
    """Weighs phrases by what their terms add to a fitted model's log-odds.

    Args:
        model: the model.
    """

    def __init__(self, model: FittedModel) -> None:
        self._model = model
        # How far the judge trusts the counts expert in each question.
        self._trust = model.slopes[:, 0]

    def explain(self, reading: Reading, counted: Sequence[Counted], label: str) -> list[Found]:
        """Return the phrases that count, in text order.

        A note called `personalised` or `spammy` has at least one, if any of its words speaks for the label.

        Args:
            reading: the note.
            counted: its terms, as the model counts them.
            label: the label given to it.
        """
        found = [one for cue in _merged(reading.cues) if (one := self._weigh_cue(reading, cue, counted))]
        if label != "generic" and not any(one.effect == label for one in found):
            found += self._learned(reading, label, counted)
        strongest = sorted(found, key=lambda one: -abs(one.weight))[:_MOST_SHOWN]
        return sorted(strongest, key=lambda one: one.span)

    def _odds(self, reading: Reading, first: int, last: int, counted: Sequence[Counted]) -> Any:
        """What tokens `first` to `last` add to the log-odds of both questions, shape (2,)."""
        stretch = slice(first, last + 1)
        part = Reading(reading.note, Tokens(reading.tokens.words[stretch], reading.tokens.spans[stretch]), ())
        total = np.zeros(2)
        for terms, block in zip((words_of, characters_of), counted, strict=True):
            rows = [block.rows[term] for term in dict.fromkeys(terms(part)) if term in block.rows]
            total += block.added[rows].sum(axis=0)
        return total * self._trust

    def _weigh_cue(self, reading: Reading, cue: cues.Cue, counted: Sequence[Counted]) -> Found | None:
        odds = self._odds(reading, cue.first, cue.last, counted)
        effect = cue.row.effect
        cue_weight = self._model.cue_weight
        odds = odds + (cue_weight(f"{effect}:{cue.row.kind}") + cue_weight(effect)) * self._trust
        weight = _towards(odds, effect)
        if (weight < _LEAST) if effect == "personalised" else (weight > -_LEAST):
            return None
        reason = cue.row.why_it if reading.note.language == "it" else cue.row.why_en
        return Found(reading.note.span_in_raw(cue.start, cue.end), cue.row.id, effect, round(weight, 2), reason)

    def _learned(self, reading: Reading, label: str, counted: Sequence[Counted]) -> list[Found]:
        """The clause whose words speak most for `label`."""
        best = max(
            (
                (_SIGNS[label] * _towards(self._odds(reading, first, last, counted), label), first, last)
                for first, last in _clauses(reading)
            ),
            default=None,
        )
        if best is None or best[0] <= 0:
            return []
        weight, first, last = best
        spans = reading.tokens.spans
        span = reading.note.span_in_raw(spans[first][0], spans[last][1])
        language = reading.note.language
        reason = str(messages(language)["learned"][label])
        return [Found(span, f"{language}-learned", label, round(_SIGNS[label] * weight, 2), reason)]


def _towards(odds: Any, effect: str) -> float:
    """Turn the odds of both questions to one number: positive towards personalised, negative away from it."""
    return float(-odds[0] if effect == "spammy" else odds[1])


def _merged(found: Sequence[cues.Cue]) -> list[cues.Cue]:
    """Join cues of one effect that overlap into one phrase, told by the longest of them."""
    out: list[cues.Cue] = []
    for cue in sorted(found, key=lambda cue: (cue.row.effect, cue.first, -cue.last, cue.row.id)):
        before = out[-1] if out else None
        if before is None or before.row.effect != cue.row.effect or cue.first > before.last:
            out.append(cue)
        elif cue.last > before.last:
            row = max(before, cue, key=lambda one: one.last - one.first).row
            out[-1] = cues.Cue(row, before.first, cue.last, before.start, cue.end)
    return out


def _clauses(reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield first and last token of each stretch between marks that holds at least two words."""
    first = 0
    words = reading.tokens.words
    for place in range(len(words) + 1):
        if place == len(words) or words[place] in _BREAKS:
            if place - first >= 2 or (first == 0 and place == len(words) > 0):
                yield first, place - 1
            first = place + 1
