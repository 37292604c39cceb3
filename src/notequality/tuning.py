"""Trains the sentence network on labelled notes: gradients by hand in NumPy, Adam, a few passes; knows nothing of files.

Adam: Kingma & Ba (ICLR 2015), with decoupled weight decay (Loshchilov & Hutter, ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from notequality.encoder import (
    BRANCHES,
    PART_SCALES,
    Batch,
    Floats,
    Integers,
    Weights,
    forward,
    starting_weights,
    tokenize,
)

_BATCH = 32
_WARM_UP = 100
_DECAY = np.float32(0.01)
_CLIP = 1.0
_DROPOUT = 0.2
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8
# The outputs start from zero and move faster than the weights that already know the languages.
_OUTPUT_RATE = 1e-3
_CHANNELS, _EMBEDDED = 256, 512


def _normalise_back(gradient: Floats, scaled: Floats, spread: Floats) -> Floats:
    """Gradient through `normalise`."""
    mean = gradient.mean(axis=1, keepdims=True)
    along = np.einsum("ij,ij->i", gradient, scaled)[:, None] / np.float32(gradient.shape[1])
    back: Floats = (gradient - mean - scaled * along) / spread
    return back


def _unit_back(gradient: Floats, unit: Floats, size: Floats) -> Floats:
    """Gradient through `unit`."""
    back: Floats = (gradient - unit * np.einsum("ij,ij->i", gradient, unit)[:, None]) / size
    return back


def _scatter(gradient: Floats, columns: Integers) -> Floats:
    """Gradient through `gather`: each neighbour gets its share back; the row of zeros behind the last gets lost."""
    order = columns.shape[1]
    back = np.zeros((len(columns) + 1, _CHANNELS), dtype=np.float32)
    for slot in range(order):
        # Within a slot every row occurs once, but for the row of zeros.
        back[columns[:, slot]] += gradient[:, slot * _CHANNELS : (slot + 1) * _CHANNELS]
    return back[:-1]


def _dense_back(weights: Weights, batch: Batch, trace: dict[str, Floats], parts: list[Floats], grads: Weights) -> Floats:
    """Gradient from the three parts back to the token features."""
    y0, y1, y2 = trace["y0"], trace["y1"], trace["y2"]
    lengths = batch.lengths[:, None].astype(np.float32)
    pooled = trace["unit_pooled"] * trace["size_pooled"]
    dz = _unit_back(parts[0], trace["unit_z"], trace["size_z"]) * (1 - trace["z"] ** 2)
    grads["p3"], grads["d3"] = y1.T @ dz, y2.T @ dz
    dy2 = dz @ weights["d3"].T * (y2 > 0)
    grads["d2"] = y1.T @ dy2
    dy1 = (dz @ weights["p3"].T + dy2 @ weights["d2"].T) * (y1 > 0)
    grads["p1"], grads["d1"] = pooled.T @ dy1, y0.T @ dy1
    dy0 = dy1 @ weights["d1"].T * (y0 > 0)
    grads["d0"] = pooled.T @ dy0
    dpooled = _unit_back(parts[1], trace["unit_pooled"], trace["size_pooled"])
    dpooled = (dpooled + dy1 @ weights["p1"].T + dy0 @ weights["d0"].T) / np.sqrt(lengths)
    grads["pool"], grads["pool_bias"] = trace["sum"].T @ dpooled, (dpooled * lengths).sum(axis=0)
    dfeatures = np.repeat(dpooled @ weights["pool"].T, batch.lengths, axis=0)
    peaks = trace["features"] == np.repeat(trace["peak"], batch.lengths, axis=0)
    dfeatures += peaks * np.repeat(parts[2], batch.lengths, axis=0)
    return dfeatures


def _branch_back(weights: Weights, batch: Batch, trace: dict[str, Floats], branch: int, own: Floats, grads: Weights) -> Floats:
    """Gradient from one branch's end back to its slice of the projection."""
    columns = batch.columns(branch)
    for layer in (2, 1):
        inner = own * (trace[f"relu{layer}_{branch}"] > 0)
        grads[f"conv{layer}_{branch}"] = trace[f"in{layer}_{branch}"].T @ inner
        grads[f"conv{layer}_bias_{branch}"] = inner.sum(axis=0)
        own = own + _scatter(inner @ weights[f"conv{layer}_{branch}"].T, columns)
    return own


def gradients(weights: Weights, batch: Batch, trace: dict[str, Floats], dparts: Floats) -> Weights:
    """Return the gradient of every weight but the outputs'.

    Args:
        weights: the weights of the forward pass.
        batch: its texts.
        trace: what it kept.
        dparts: gradient of the loss by what it returned, shape (texts, 2304).
    """
    grads: Weights = {}
    cuts = np.split(dparts, [_EMBEDDED, 2 * _EMBEDDED], axis=1)
    parts = [cut * np.float32(scale) for cut, scale in zip(cuts, PART_SCALES, strict=True)]
    dfeatures = _dense_back(weights, batch, trace, parts, grads)
    grads["gain"], grads["shift"] = (dfeatures * trace["scaled"]).sum(axis=0), dfeatures.sum(axis=0)
    djoined = _normalise_back(dfeatures * weights["gain"], trace["scaled"], trace["spread"])
    ends = [djoined[:, _EMBEDDED + b * _CHANNELS : _EMBEDDED + (b + 1) * _CHANNELS] for b in range(len(BRANCHES))]
    dprojected = np.concatenate([_branch_back(weights, batch, trace, b, end, grads) for b, end in enumerate(ends)], axis=1)
    grads["proj_gain"] = (dprojected * trace["proj_scaled"]).sum(axis=0)
    grads["proj_shift"] = dprojected.sum(axis=0)
    dproj = _normalise_back(dprojected * weights["proj_gain"], trace["proj_scaled"], trace["proj_spread"])
    grads["proj"], grads["proj_bias"] = batch.vectors.T @ dproj, dproj.sum(axis=0)
    return grads


def _loss_gradient(odds: Floats, spammy: Floats, personalised: Floats) -> Floats:
    """Gradient of the mean cross-entropy of both questions; the second is asked of notes that are not spammy."""
    answers = 0.5 * (1 + np.tanh(0.5 * odds))
    asked = 1 - spammy
    first = (answers[:, 0] - spammy) / np.float32(len(odds))
    second = (answers[:, 1] - personalised) * asked / max(np.float32(1), asked.sum())
    return np.stack([first, second], axis=1).astype(np.float32)


class _Adam:
    def __init__(self, weights: Weights, rate: float, steps: int) -> None:
        self.weights, self.rate, self.steps, self.step = weights, rate, steps, 0
        self.first = {name: np.zeros_like(array) for name, array in weights.items()}
        self.second = {name: np.zeros_like(array) for name, array in weights.items()}

    def update(self, grads: Weights) -> None:
        norm = float(np.sqrt(sum(float(np.vdot(grad, grad)) for grad in grads.values())))
        clip = min(1.0, _CLIP / (norm + 1e-6))
        slope = min(1.0, self.step / _WARM_UP) * max(0.0, 1 - self.step / self.steps)
        self.step += 1
        right = np.sqrt(1 - _BETA2**self.step) / (1 - _BETA1**self.step)
        for name, grad in grads.items():
            rate = np.float32((_OUTPUT_RATE if name.startswith("out") else self.rate) * slope)
            first, second, weight = self.first[name], self.second[name], self.weights[name]
            grad = grad * np.float32(clip)
            first += np.float32(1 - _BETA1) * (grad - first)
            second += np.float32(1 - _BETA2) * (grad * grad - second)
            weight *= 1 - rate * _DECAY
            weight -= rate * np.float32(right) * first / (np.sqrt(second) + np.float32(_TINY))


def _batches(lengths: Integers, random: np.random.Generator) -> list[Integers]:
    """Shuffle, sort by length inside stretches of twenty batches, cut into batches, shuffle those."""
    order = random.permutation(len(lengths))
    stretch = 20 * _BATCH
    pieces = [order[i : i + stretch] for i in range(0, len(order), stretch)]
    order = np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces])
    batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    return [batches[i] for i in random.permutation(len(batches))]


def tune(texts: Sequence[str], labels: Sequence[str], *, passes: int, rate: float, seed: int) -> Weights:
    """Train the network and return its weights.

    Args:
        texts: n masked texts.
        labels: n labels.
        passes: how often every note is seen.
        rate: Adam's step size at its highest.
        seed: of the shuffles and the dropout; the same seed gives the same weights.
    """
    weights = {name: array.copy() for name, array in starting_weights().items()}
    tokens = tokenize(texts)
    lengths = np.array([len(text) for text in tokens])
    spammy = np.array([label == "spammy" for label in labels], dtype=np.float32)
    personalised = np.array([label == "personalised" for label in labels], dtype=np.float32)
    random = np.random.default_rng(seed)
    steps = passes * -(-len(texts) // _BATCH)
    adam = _Adam(weights, rate, steps)
    for _ in range(passes):
        for chosen in _batches(lengths, random):
            _step(weights, adam, Batch.of([tokens[i] for i in chosen]), spammy[chosen], personalised[chosen], random)
    return weights


def _step(weights: Weights, adam: _Adam, batch: Batch, spammy: Floats, personalised: Floats, random: np.random.Generator) -> None:
    trace: dict[str, Floats] = {}
    parts = forward(weights, batch, trace)
    keep = (random.random(parts.shape, dtype=np.float32) >= _DROPOUT) / np.float32(1 - _DROPOUT)
    seen = parts * keep.astype(np.float32)
    dodds = _loss_gradient(seen @ weights["out"] + weights["out_bias"], spammy, personalised)
    grads = gradients(weights, batch, trace, (dodds @ weights["out"].T) * keep)
    grads["out"], grads["out_bias"] = seen.T @ dodds, dodds.sum(axis=0)
    adam.update(grads)
