"""Measures how long things take: a cold start, the stages of a score, and `batch` on many notes. Nothing here is asserted.

Run `python benchmarks/speed.py [--notes 100000]`; it writes the table into `benchmarks/README.md`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import csv
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COLD = "import sys; from notequality import Scorer; Scorer.load().score('Ciao Marta, ho letto il tuo articolo sui porti.')"


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def pool(count: int) -> list[str]:
    """Return `count` different notes, made by joining sentences of the labelled notes; a fixed seed."""
    notes = [json.loads(line)["text"] for line in (ROOT / "data" / "notes.jsonl").read_text(encoding="utf-8").splitlines()]
    drawn = random.Random(0)
    pieces = [re.split(r"(?<=[.!?]) ", note) for note in notes]
    made: dict[str, None] = dict.fromkeys(notes)
    while len(made) < count:
        first, second = drawn.sample(pieces, 2)
        made[" ".join([*first[: max(1, len(first) // 2)], *second[len(second) // 2 :]])] = None
    return list(made)[:count]


def process(arguments: Sequence[str]) -> tuple[float, float]:
    """Run a command; return its wall seconds and the peak memory of its largest process in MB."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    start = time.perf_counter()
    shown = subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, float(shown.stdout.split()[-1])


def stages(texts: Sequence[str]) -> dict[str, float]:
    """Return seconds a stage on one core, everything warm."""
    from notequality import Scorer, encoder, masking
    from notequality.cues import finder
    from notequality.readings import encoder_text, read
    from notequality.text import read_note

    scorer = Scorer.load()
    scorer.score_many(texts[:64])
    notes: list[Any] = []
    out = {"fold and tell the language": timed(lambda: notes.extend(read_note(text) for text in texts))}
    notes = [note for note in notes if note.supported]
    tokens: list[Any] = []
    out["mask names"] = timed(lambda: tokens.extend(masking.mask(note) for note in notes))
    pairs = list(zip(notes, tokens, strict=True))
    out["find cues"] = timed(lambda: [finder(note.language).find(masked) for note, masked in pairs])
    readings = [read(note) for note in notes]
    fitted = scorer._fitted
    counted: list[Any] = []
    out["count words and characters"] = timed(lambda: counted.extend(fitted.count(reading) for reading in readings))
    out["weigh counts, cues, shape"] = timed(lambda: [fitted.counted_odds(*pair) for pair in zip(readings, counted, strict=True)])
    network = [encoder_text(reading) for reading in readings]
    out["sentence network"] = timed(lambda: encoder.log_odds(fitted._network, network))
    labels = [note.label for note in scorer.score_many([note.raw for note in notes])]
    triples = list(zip(readings, counted, labels, strict=True))
    out["evidence"] = timed(lambda: [scorer._explainer.explain(*triple) for triple in triples])
    return out


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=100_000)
    count = parser.parse_args().notes
    rows = []
    cold = sorted(process([sys.executable, "-c", COLD]) for _ in range(5))[2]
    rows.append(("`Scorer.load()` and a first score, new process (median of 5)", f"{cold[0]:.2f} s, {cold[1]:.0f} MB"))
    shown = sorted(process([sys.executable, "-m", "notequality.cli", "--help"])[0] for _ in range(5))[2]
    rows.append(("`notequality --help` (median of 5)", f"{shown:.2f} s"))
    texts = pool(count)
    sample = texts[-2000:]
    rows += [(f"one core, warm: {name}", f"{len(sample) / seconds:,.0f} notes/s") for name, seconds in stages(sample).items()]
    with tempfile.TemporaryDirectory() as folder:
        for jobs, used in (("1", count // 5), ("2", count)):
            table = Path(folder) / f"{used}.csv"
            with table.open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream).writerows([["message"], *([text] for text in texts[-used:])])
            output = str(Path(folder) / "out.csv")
            seconds, memory = process(
                [sys.executable, "-m", "notequality.cli", "batch", str(table), "--output", output, "--jobs", jobs]
            )
            value = f"{used / seconds:,.0f} notes/s, {memory:.0f} MB the largest process"
            rows.append((f"`batch --jobs {jobs}`, {used:,} notes with text", value))
    text = "| what | measured |\n|---|---|\n" + "\n".join(f"| {what} | {value} |" for what, value in rows)
    path = ROOT / "benchmarks" / "README.md"
    page = path.read_text(encoding="utf-8")
    path.write_text(
        re.sub(r"(<!-- speed -->\n).*?(\n<!-- /speed -->)", lambda m: m[1] + text + m[2], page, flags=re.DOTALL), encoding="utf-8"
    )
    print(text)


if __name__ == "__main__":
    main()
