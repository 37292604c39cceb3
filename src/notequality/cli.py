"""The command line: parse, call, print. What the commands do lives in the modules they call."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from notequality import __version__
from notequality.errors import InputError, NotequalityError

OK, FAILED, USAGE, SKIPPED, INTERRUPTED = 0, 1, 2, 3, 130
# Below this many bytes of input, starting a second process costs more than it saves.
_WORTH_A_PROCESS = 1_000_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="notequality", description="Judge connection-request notes: generic, personalised or spammy."
    )
    parser.add_argument("--version", action="version", version=f"notequality {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    score = commands.add_parser("score", help="judge one note", description="Judge one note: label, score, phrases, advice.")
    score.add_argument("text", help="the note, or - to read it from standard input")
    score.add_argument("--json", action="store_true", help="print one JSON object")
    score.add_argument("--limit", type=int, choices=(200, 300), default=200, help="characters allowed: 200 free, 300 Premium")
    score.set_defaults(run=_score)

    batch = commands.add_parser("batch", help="judge a LinkedIn export or a table", description="Judge every note of the inputs.")
    batch.add_argument("inputs", nargs="+", metavar="INPUT", help="LinkedIn archive or folder, CSV, JSON Lines, or -")
    batch.add_argument("--output", required=True, help="file to write: .csv or .jsonl, or - for standard output")
    batch.add_argument("--text-column", metavar="C", help="column that holds the notes, if its name does not tell")
    batch.add_argument("--direction", choices=("all", "incoming", "outgoing"), default="all", help="which notes to judge")
    batch.add_argument("--me", metavar="WHO", help="your name or profile address, if the export does not tell")
    batch.add_argument("--jobs", type=int, metavar="N", help="processes (default: all cores for large inputs)")
    batch.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    batch.set_defaults(run=_batch)

    train = commands.add_parser("train", help="train a model", description="Train a model on text,label[,language,group].")
    train.add_argument("labelled", nargs="+", metavar="LABELLED", help="CSV or JSON Lines with text,label[,language,group]")
    train.add_argument(
        "--measure-on", nargs="*", default=[], metavar="FILE", help="labelled notes to measure on, never trained on"
    )
    train.add_argument("--into", metavar="FOLDER", help="where the model folder goes (default: your own models)")
    train.add_argument("--json", action="store_true", help="print name and figures as one JSON object")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a model", description="Measure a model on labelled notes.")
    evaluate.add_argument("labelled", metavar="LABELLED", help="CSV or JSON Lines with text,label[,language,group]")
    evaluate.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    evaluate.set_defaults(run=_evaluate)

    for command in (score, batch, evaluate):
        command.add_argument("--model", metavar="NAME|PATH", help="model to use for this call")
    return parser


def _read_text(text: str) -> str:
    """Return the text, or standard input for `-`, without the line break that ends it."""
    if text != "-":
        return text
    from notequality.tables import standard_text

    return standard_text().removesuffix("\n").removesuffix("\r")


def _print_json(value: Any, stream: TextIO | None = None) -> None:
    import json

    (stream or sys.stdout).write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _score(options: argparse.Namespace) -> int:
    from notequality.advice import advise
    from notequality.scorer import Scorer

    text = _read_text(options.text)
    note = Scorer.load(options.model).score(text)
    advice = advise(note, options.limit)
    if options.json:
        from dataclasses import asdict

        _print_json({**note.as_dict(options.limit), "advice": [asdict(item) for item in advice]})
    else:
        from notequality.terminal import show_note

        show_note(note, advice, options.limit)
    return OK


def _jobs(asked: int | None, inputs: Sequence[str]) -> int:
    if asked is not None:
        if asked < 1:
            raise InputError(f"--jobs {asked}: give 1 or more")
        return asked
    size = sum(path.stat().st_size for path in map(Path, inputs) if path.is_file())
    return (os.cpu_count() or 1) if size > _WORTH_A_PROCESS else 1


def _batch(options: argparse.Namespace) -> int:
    import threading
    from functools import partial

    from notequality.batch import run_batch
    from notequality.scorer import Scorer

    # On Ctrl-C joblib's threads would print tracebacks of their own; what goes wrong in them is raised here as well.
    threading.excepthook = lambda _: None
    summary = run_batch(
        options.inputs,
        options.output,
        Scorer.load(options.model),
        text_column=options.text_column,
        direction=options.direction,
        me=options.me,
        jobs=_jobs(options.jobs, options.inputs),
        scorer_factory=partial(Scorer.load, options.model),
    )
    if options.json:
        _print_json(summary.as_dict(), sys.stderr if summary.output == "-" else None)
    else:
        from notequality.terminal import show_summary

        show_summary(summary)
    return SKIPPED if summary.skipped_total else OK


def _train(options: argparse.Namespace) -> int:
    from datetime import date

    from notequality import store
    from notequality.evaluate import read_labelled
    from notequality.train import train

    notes = [note for path in options.labelled for note in read_labelled(path)]
    names = [Path(path).stem for path in options.measure_on]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--measure-on: two files are called {twice[0]}: rename one, the figures are kept by name")
    measured_on = {name: read_labelled(path) for name, path in zip(names, options.measure_on, strict=True)}
    into = Path(options.into) if options.into else store.home() / "models"
    trained = train(notes, measured_on, into, date.today().isoformat())
    store.promote(trained.path)
    if options.json:
        _print_json({"model": trained.path.name, "figures": trained.figures})
    else:
        from notequality.terminal import show_figures

        sys.stdout.write(f"{trained.path}\n")
        for name, figures in trained.figures.items():
            show_figures(name, figures)
    return OK


def _evaluate(options: argparse.Namespace) -> int:
    from notequality.evaluate import evaluate, read_labelled
    from notequality.scorer import Scorer

    figures = evaluate(Scorer.load(options.model), read_labelled(options.labelled))
    if options.json:
        _print_json(figures)
    else:
        from notequality.terminal import show_figures

        show_figures(Path(options.labelled).stem, figures)
    return OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the program's name; None for the process's own.

    Returns:
        0 fine, 1 bad input or refused, 2 usage, 3 finished with rows skipped, 130 interrupted.
    """
    # One BLAS thread a process: the products are small, and `batch` already uses every core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A lone surrogate, or a letter that the terminal's encoding lacks, is written as an escape.
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except NotequalityError as error:
        sys.stderr.write(f"notequality: {error}\n")
        return FAILED
    except BrokenPipeError:
        # The reader has had enough (`| head`); what is still to be flushed at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("notequality: interrupted; nothing was written\n")
        return INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"notequality: {error.filename or 'input or output'}: {error.strerror or error}\n")
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
