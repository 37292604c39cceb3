"""Floors under what the shipped model reaches on notes it was not trained on; a worse model fails here.

The floors are the measured figures of `models/*/README.md`, rounded down to two digits.
"""

from __future__ import annotations

from typing import Any

import pytest
from conftest import DATA

from notequality import Scorer
from notequality.evaluate import evaluate, read_labelled

FLOORS = {
    ("validation", "en"): 0.93,
    ("validation", "it"): 0.95,
    ("test", "en"): 0.93,
    ("test", "it"): 0.91,
}
CEILING_OF_CALIBRATION_ERROR = 0.06


@pytest.fixture(scope="module")
def figures(scorer: Scorer) -> dict[str, dict[str, Any]]:
    return {name: evaluate(scorer, read_labelled(DATA / f"{name}.jsonl")) for name in ("validation", "test")}


@pytest.mark.parametrize(("part", "language"), FLOORS)
def test_macro_f1_stays_above_its_floor(figures: dict[str, dict[str, Any]], part: str, language: str) -> None:
    assert figures[part]["languages"][language]["macro_f1"] >= FLOORS[part, language]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_probabilities_stay_calibrated(figures: dict[str, dict[str, Any]], part: str) -> None:
    assert figures[part]["ece"] <= CEILING_OF_CALIBRATION_ERROR


def test_certain_verdicts_on_validation_are_nearly_always_right(figures: dict[str, dict[str, Any]]) -> None:
    assert figures["validation"]["certain"]["precision"] >= 0.97
    assert figures["validation"]["certain"]["share"] >= 0.8


def test_the_card_tells_what_is_measured_here(scorer: Scorer, figures: dict[str, dict[str, Any]]) -> None:
    from notequality import store

    card = store.verify(store.find())
    for part, measured in figures.items():
        assert card["figures"][part]["macro_f1"] == pytest.approx(measured["macro_f1"], abs=1e-3)
