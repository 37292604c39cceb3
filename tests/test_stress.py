"""Promises of the text path at full size; `make stress` runs them, the quick tests run the same checks on samples."""

from __future__ import annotations

import random
import unicodedata

import pytest
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notequality import Scorer
from notequality.evaluate import read_labelled

pytestmark = pytest.mark.stress

HIDDEN = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF and unicodedata.category(chr(code)) == "Cf"]
HIDDEN += [chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))]


def test_hidden_characters_change_no_judgement(scorer: Scorer) -> None:
    drawn = random.Random(0)
    notes = [note.text for note in read_labelled(DATA / "notes.jsonl")]
    chosen = drawn.sample(notes, 5_000)
    marked = []
    for number, text in enumerate(chosen):
        place = drawn.randrange(len(text) + 1)
        marked.append(text[:place] + HIDDEN[number % len(HIDDEN)] + text[place:])
    for plain, hidden in zip(scorer.score_many(chosen), scorer.score_many(marked), strict=True):
        assert (hidden.label, hidden.score) == (plain.label, plain.score), hidden.text


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=400))
def test_no_text_raises(scorer: Scorer, text: str) -> None:
    note = scorer.score(text)
    assert note.label in {"personalised", "generic", "spammy", "empty", "unsupported"}
    assert all(text[item.start : item.end] == item.text for item in note.evidence)
