"""Chunks of notes in, scored rows out: each row accounted for, the output whole or absent.

Reading is `exports`' affair, judging the scorer's. One core and many run the same function on the same
chunks in the same order, so the bytes written never depend on either.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from notequality.errors import InputError
from notequality.exports import CHUNK_SIZE, Chunk, Inputs, Skipped, open_inputs

if TYPE_CHECKING:
    import pandas as pd

STANDARD_OUTPUT = "-"
SCORE_COLUMNS = (
    "nq_label",
    "nq_score",
    "nq_certain",
    "nq_p_personalised",
    "nq_p_generic",
    "nq_p_spammy",
    "nq_language",
    "nq_reasons",
)
SOURCE_COLUMN = "nq_source"
LABELS = ("personalised", "generic", "spammy")

# Spreadsheets run a cell that begins like this; a NUL before it is dropped by some of them.
_FORMULA = re.compile("\0*[=+\\-@\t\r＝＋－＠]")
_NEEDS_QUOTES = re.compile('[",\r\n\0]|^\\s|\\s$')
# So many chunks a worker are in memory at once, however slowly the output is taken.
_CHUNKS_A_WORKER = 8
_PROGRESS_AFTER_SECONDS = 2


class NoteScorer(Protocol):
    """What `run_batch` asks of a scorer: judgements, and the name of the model that gives them."""

    model: str

    def score_frame(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """Return `SCORE_COLUMNS` for the texts in `column`, with the same index."""
        ...


@dataclass(frozen=True)
class Summary:
    """What became of all rows.

    Attributes:
        rows_in: rows read.
        scored: rows with one of the three labels.
        empty: rows without a note.
        unsupported: rows in another language than Italian and English.
        skipped: rows left out, by reason.
        labels: scored rows by label.
        output: the path written, or `-`.
        model: the name of the model.
        places: for each reason, where the first few rows left out begin (`messages.csv:12`).
        unread: files with notes that were left alone, because others lie nearer to the top of the archive.
    """

    rows_in: int
    scored: int
    empty: int
    unsupported: int
    skipped: Mapping[str, int]
    labels: Mapping[str, int]
    output: str
    model: str
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a summary that does not add up."""
        if self.rows_in != self.scored + self.empty + self.unsupported + self.skipped_total:
            raise AssertionError(f"rows are unaccounted for: {self.as_dict()}")

    @property
    def skipped_total(self) -> int:
        """Rows left out, for whatever reason."""
        return sum(self.skipped.values())

    def as_dict(self) -> dict[str, Any]:
        """Return what `batch --json` prints."""
        return {
            "rows_in": self.rows_in,
            "scored": self.scored,
            "empty": self.empty,
            "unsupported": self.unsupported,
            "skipped": dict(self.skipped),
            "labels": dict(self.labels),
            "output": self.output,
            "model": self.model,
        }


# ---- cells and lines


def defuse(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: `=`, `+`, `-`, `@` and their like get an apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _value(value: object) -> object:
    """A plain Python value; None for all kinds of missing."""
    if value is None or isinstance(value, (str, bool, int, list, tuple, dict)):
        return value
    if isinstance(value, float):
        return None if value != value else value
    item = getattr(value, "item", None)
    return item() if item else None


def _csv_cell(value: object) -> str:
    value = _value(value)
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        value = "; ".join(value)
    if not isinstance(value, str):
        return _quoted(json.dumps(value, ensure_ascii=False))
    return _quoted(defuse(value))


def _quoted(cell: str) -> str:
    # The csv module leaves a lone carriage return unquoted when lines end in "\n"; readers then break the row there.
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def _csv_line(names: Sequence[str], values: Sequence[Any]) -> str:
    return ",".join(map(_csv_cell, values)) + "\n"


def _csv_header(names: Sequence[str]) -> str:
    return _csv_line(names, names)


def _json_line(names: Sequence[str], values: Sequence[Any]) -> str:
    return json.dumps(dict(zip(names, map(_value, values), strict=True)), ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class OutputFormat:
    """How a file is written: what its name ends in, its first line, and a line a row, from the columns' names."""

    suffix: str
    header: Callable[[Sequence[str]], str]
    line: Callable[[Sequence[str], Sequence[Any]], str]


CSV = OutputFormat(".csv", _csv_header, _csv_line)
OUTPUT_FORMATS = (CSV, OutputFormat(".jsonl", lambda names: "", _json_line))


# ---- the output, whole or absent


def _choose_format(output: str | Path) -> OutputFormat:
    if str(output) == STANDARD_OUTPUT:
        return CSV
    suffix = Path(output).suffix.lower()
    found = next((known for known in OUTPUT_FORMATS if known.suffix == suffix), None)
    if found is None:
        known = ", ".join(known.suffix for known in OUTPUT_FORMATS)
        raise InputError(f"{output}: cannot write {suffix or 'a file without suffix'}: end the name in one of {known}, or -")
    return found


def _check_output(output: Path, files: Sequence[Path]) -> None:
    """Refuse, before any work, an output that cannot be written or that is one of the inputs."""
    if output.is_dir():
        raise InputError(f"{output}: is a folder: name a file in it", path=output)
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}: create it first", path=output)
    if output.exists() and not output.is_file():
        raise InputError(f"{output}: is not a regular file: name another output, or - for standard output", path=output)
    if any(output.exists() and file.exists() and output.samefile(file) for file in files):
        raise InputError(f"{output}: is also an input, which is never changed: name another output", path=output)


@contextmanager
def _whole_file(output: Path) -> Iterator[IO[bytes]]:
    """Yield a stream that becomes `output` at the end, or leaves nothing behind after a failure or Ctrl-C."""
    output = output.resolve()
    part = output.with_name(f".{output.name[:100]}.{secrets.token_hex(6)}.part")
    stream = None
    try:
        stream = part.open("xb")
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()
        os.replace(part, output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}: nothing was changed", path=output) from error
    finally:
        if stream is not None:
            _discard(stream, part)


def _discard(stream: IO[bytes], part: Path) -> None:
    """Close and remove what is left of a temporary file; a disk that is full must not hide the first error."""
    try:
        stream.close()
    except OSError:
        pass
    part.unlink(missing_ok=True)


@contextmanager
def _opened(output: str | Path) -> Iterator[IO[bytes]]:
    if str(output) == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with _whole_file(Path(output)) as stream:
            yield stream


# ---- scoring, here or in workers


def _score(scorer: NoteScorer, texts: pd.Series[str], column: str) -> pd.DataFrame:
    scores = scorer.score_frame(texts.to_frame(column), column)
    if len(scores) != len(texts):
        raise AssertionError(f"the scorer returned {len(scores)} rows for {len(texts)}")
    return scores[list(SCORE_COLUMNS)]


_loaded: dict[str, NoteScorer] = {}


def _score_in_worker(run: str, load: Callable[[], NoteScorer], texts: pd.Series[str], column: str) -> pd.DataFrame:
    """Score in a worker process, which loads its scorer with its first chunk of a run and keeps it."""
    if run not in _loaded:
        _loaded.clear()
        _loaded[run] = load()
    return _score(_loaded[run], texts, column)


def _scored_here(chunks: Iterator[Chunk], scorer: NoteScorer) -> Iterator[tuple[Chunk, pd.DataFrame]]:
    return ((chunk, _score(scorer, chunk.texts, chunk.column)) for chunk in chunks)


def _scored_by_workers(
    chunks: Iterator[Chunk], load: Callable[[], NoteScorer], jobs: int
) -> Iterator[tuple[Chunk, pd.DataFrame]]:
    """Score on several cores, a window of chunks at a time: joblib alone would queue without end."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped,unused-ignore]
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    run = secrets.token_hex(8)
    with Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="all") as pool:
        while window := list(islice(chunks, jobs * _CHUNKS_A_WORKER)):
            scores = pool(delayed(_score_in_worker)(run, load, chunk.texts, chunk.column) for chunk in window)
            try:
                yield from zip(window, scores, strict=True)
            except TerminatedWorkerError as error:
                raise InputError("a worker process was killed, perhaps for want of memory: use fewer --jobs") from error


# ---- the whole way


def _rows(chunk: Chunk, scores: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    blank = [None] * len(chunk.frame)
    mine = [chunk.frame[name].tolist() if name in chunk.frame else blank for name in columns]
    ours = [_whole_numbers(scores[name].tolist()) if name == "nq_score" else scores[name].tolist() for name in SCORE_COLUMNS]
    return zip(*mine, *ours, [chunk.source] * len(chunk.frame), strict=True)


def _whole_numbers(values: list[Any]) -> list[Any]:
    """Undo what pandas does to a column of integers with gaps: 47.0 is 47."""
    return [int(value) if isinstance(value, float) and value == value else value for value in values]


@contextmanager
def _progress(shown: bool | None) -> Iterator[Callable[[int], Any]]:
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    hidden = None if shown is None else not shown
    with tqdm(unit=" rows", delay=_PROGRESS_AFTER_SECONDS, disable=hidden, file=sys.stderr, leave=False) as bar:
        yield bar.update


def run_batch(
    paths: Sequence[str | Path],
    output: str | Path,
    scorer: NoteScorer,
    *,
    text_column: str | None = None,
    direction: str = "all",
    me: str | None = None,
    jobs: int = 1,
    chunk_size: int = CHUNK_SIZE,
    progress: bool | None = None,
    scorer_factory: Callable[[], NoteScorer] | None = None,
) -> Summary:
    """Score all notes of the paths and write them, all input columns kept, to one file.

    Args:
        paths: LinkedIn archives, folders, tables, or `-`.
        output: a `.csv` or `.jsonl` file, or `-` for CSV on standard output.
        scorer: judges the notes; also names the model in the summary.
        text_column: the column of the notes, where its name does not tell.
        direction: `all`, `incoming` or `outgoing`.
        me: the owner's name or profile address, where it cannot be told.
        jobs: number of processes.
        chunk_size: rows scored at a time.
        progress: show a bar on standard error; by default only on a terminal.
        scorer_factory: how a worker process gets its own scorer; must be picklable, and is needed for `jobs` over 1.

    Raises:
        InputError: an input cannot be used (see `exports.open_inputs`) or the output cannot be written.
        ValueError: `jobs` is over 1 without `scorer_factory`.
    """
    if jobs > 1 and scorer_factory is None:
        raise ValueError("jobs > 1 needs scorer_factory: each worker loads its own scorer")
    shape = _choose_format(output)
    inputs = open_inputs(paths, text_column=text_column, direction=direction, me=me, chunk_size=chunk_size)
    if str(output) != STANDARD_OUTPUT:
        _check_output(Path(output), inputs.files)
    chunks = iter(inputs)
    with _opened(output) as stream, _progress(progress) as advance:
        if scorer_factory is not None and jobs > 1:
            scored = _scored_by_workers(chunks, scorer_factory, jobs)
        else:
            scored = _scored_here(chunks, scorer)
        labels = _write(stream, shape, inputs.columns, scored, advance)
    return _summary(inputs, labels, str(output), scorer)


def _write(
    stream: IO[bytes],
    shape: OutputFormat,
    columns: Sequence[str],
    scored: Iterator[tuple[Chunk, pd.DataFrame]],
    advance: Callable[[int], Any],
) -> Counter[str]:
    names = (*columns, *SCORE_COLUMNS, SOURCE_COLUMN)
    labels: Counter[str] = Counter()
    # A lone surrogate cannot be written in UTF-8; `\ud800` is how JSON spells it.
    stream.write(shape.header(names).encode("utf-8", "backslashreplace"))
    for chunk, scores in scored:
        labels.update(scores["nq_label"])
        lines = "".join(shape.line(names, row) for row in _rows(chunk, scores, columns))
        stream.write(lines.encode("utf-8", "backslashreplace"))
        advance(len(chunk.frame))
    return labels


def _summary(inputs: Inputs, labels: Counter[str], output: str, scorer: NoteScorer) -> Summary:
    skipped: dict[str, Skipped] = inputs.skipped
    return Summary(
        rows_in=inputs.rows_in,
        scored=sum(labels[label] for label in LABELS),
        empty=labels["empty"],
        unsupported=labels["unsupported"],
        skipped={reason: found.count for reason, found in skipped.items()},
        labels={label: labels[label] for label in LABELS},
        output=output,
        model=scorer.model,
        places={reason: found.places for reason, found in skipped.items()},
        unread=inputs.unread,
    )
