"""What the phrases of a note weigh in its judgement: the evidence behind a label.

A phrase's weight is what the counts expert adds up for its words, characters and cue, times how far the judge trusts that
expert. The sentence network reads a note as a whole and is not taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from notequality import cues
from notequality.features import Reading, characters_of, words_of
from notequality.masking import Tokens

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

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


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of TF-IDF columns: places, inverse document frequencies, coefficients of both questions, and what is counted."""

    vocabulary: dict[str, int]
    idf: Any
    weights: Any
    count: Callable[[Reading], list[str]]

    def shares(self, reading: Reading) -> dict[str, Any]:
        """What each counted term of a note adds to the log-odds of both questions, shape (2,) each."""
        counts = Counter(gram for gram in self.count(reading) if gram in self.vocabulary)
        if not counts:
            return {}
        places = [self.vocabulary[gram] for gram in counts]
        values = (1 + np.log(list(counts.values()))) * self.idf[places]
        parts = (self.weights[:, places] * values / np.sqrt(values @ values)).T
        return dict(zip(counts, parts, strict=True))


@cache
def messages(language: str) -> dict[str, Any]:
    """Return the texts shown to users in `it` or `en` (`messages/<language>.toml`)."""
    import tomllib

    return tomllib.loads(resources.files("notequality").joinpath("messages").joinpath(f"{language}.toml").read_text("utf-8"))


class Explainer:
    """Weighs phrases by the coefficients of a fitted pipeline.

    Args:
        pipeline: as `model.build_pipeline` makes it, fitted.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        judge = pipeline.named_steps["judge"]
        counts = pipeline.named_steps["experts"].experts_[0]
        blocks = dict(counts.columns_.transformer_list)
        weights = np.vstack([question.coef_[0] for question in counts.questions_]) * judge.slopes_[:, :1]
        start, self._blocks = 0, []
        for name, count in (("words", words_of), ("characters", characters_of)):
            vocabulary = blocks[name].vocabulary_
            self._blocks.append(_Block(vocabulary, blocks[name].idf_, weights[:, start : start + len(vocabulary)], count))
            start += len(vocabulary)
        names = (*cues.EFFECTS, *cues.kinds())
        self._cue_weights = {name: weights[:, start + place] for place, name in enumerate(names)}

    def explain(self, reading: Reading, label: str) -> list[Found]:
        """Return the phrases that count, in text order.

        A note called `personalised` or `spammy` has at least one, if any of its words speaks for the label.

        Args:
            reading: the note.
            label: the label given to it.
        """
        shares = [block.shares(reading) for block in self._blocks]
        found = [one for cue in _merged(reading.cues) if (one := self._weigh_cue(reading, cue, shares))]
        if label != "generic" and not any(one.effect == label for one in found):
            found += self._learned(reading, label, shares)
        strongest = sorted(found, key=lambda one: -abs(one.weight))[:_MOST_SHOWN]
        return sorted(strongest, key=lambda one: one.span)

    def _odds(self, reading: Reading, first: int, last: int, shares: Sequence[dict[str, Any]]) -> Any:
        """What tokens `first` to `last` add to the log-odds of both questions, shape (2,)."""
        part = Reading(reading.note, Tokens(reading.tokens.words[first : last + 1], reading.tokens.spans[first : last + 1]), ())
        counted = zip(self._blocks, shares, strict=True)
        return sum((share[gram] for block, share in counted for gram in set(block.count(part)) if gram in share), np.zeros(2))

    def _weigh_cue(self, reading: Reading, cue: cues.Cue, shares: Sequence[dict[str, Any]]) -> Found | None:
        odds = self._odds(reading, cue.first, cue.last, shares)
        effect = cue.row.effect
        odds = odds + self._cue_weights[f"{effect}:{cue.row.kind}"] + self._cue_weights[effect]
        weight = _towards(odds, effect)
        if (weight < _LEAST) if effect == "personalised" else (weight > -_LEAST):
            return None
        reason = cue.row.why_it if reading.note.language == "it" else cue.row.why_en
        return Found(reading.note.span_in_raw(cue.start, cue.end), cue.row.id, effect, round(weight, 2), reason)

    def _learned(self, reading: Reading, label: str, shares: Sequence[dict[str, Any]]) -> list[Found]:
        """The clause whose words speak most for `label`."""
        best = max(
            (
                (_SIGNS[label] * _towards(self._odds(reading, first, last, shares), label), first, last)
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
