"""What several test modules share: a home of their own, the shipped scorer, and the command line as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Before NumPy is imported: one BLAS thread, as the command line sets it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from notequality import Scorer, cli

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty `NOTEQUALITY_HOME`, so that no model of whoever runs the tests is used or changed."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTEQUALITY_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def scorer(own_home: Path) -> Scorer:
    """The shipped model."""
    return Scorer.load()


@dataclass(frozen=True)
class Done:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Run a command in this process; a usage error's `SystemExit` is its exit code."""
    before = signal.getsignal(signal.SIGPIPE)

    def run(*words: object) -> Done:
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        streams = capfd.readouterr()
        return Done(code, streams.out, streams.err)

    yield run
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture
def process() -> Callable[..., Done]:
    """Run a command in a process of its own, with bytes on its standard input."""

    def run(*words: object, given: bytes = b"", **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "notequality.cli", *map(str, words)],
            input=given,
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONUTF8": "1", **environment},
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
