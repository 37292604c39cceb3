"""The README does what it says: every `console` and `python` block is run, and the shown output is compared.

In a `console` block a line `…` stands for any lines. `make run` and `make test` are what runs this, so they are not run again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
CONSOLE = [body for kind, body in BLOCKS if kind == "console"]
PYTHON = [body for kind, body in BLOCKS if kind == "python"]
ROWS_LEFT_OUT = 3


def commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines shown below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(part.split("\n")[0], [line.rstrip() for line in part.rstrip("\n").split("\n")[1:]]) for part in parts]


def matches(shown: list[str], found: list[str]) -> bool:
    pattern = "\n".join(".*" if line == "…" else re.escape(line) for line in shown)
    return re.fullmatch(pattern, "\n".join(found), flags=re.DOTALL) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the project's, so that what the README writes does not land in it."""
    for name in ("data", "models", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_the_readme_names_both_commands_and_shows_both_languages() -> None:
    assert "make run" in README and "make test" in README
    assert len(CONSOLE) >= 4 and len(PYTHON) >= 1
    assert any("GENERICA" in block for block in CONSOLE) and any("SPAMMY" in block for block in CONSOLE)


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.split("\n")[0][:60])
def test_a_console_block_prints_what_it_shows(block: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUTF8": "1"}
    environment.pop("COLUMNS", None)
    for command, shown in commands(block):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode in (0, ROWS_LEFT_OUT), done.stderr
        found = [line.rstrip() for line in done.stdout.rstrip("\n").split("\n")]
        assert matches(shown, found), f"{command}\n--- shown\n" + "\n".join(shown) + "\n--- found\n" + "\n".join(found)


@pytest.mark.parametrize("block", PYTHON)
def test_a_python_block_runs(block: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr


def refreshed(block: str) -> str:
    """A console block with its commands' output of today; a line that `…` stands for stays `…`."""
    lines: list[str] = []
    for command, shown in commands(block):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
        found = [line.rstrip() for line in done.stdout.rstrip("\n").split("\n")]
        hidden = ('  "model"', "written:") if "…" in shown else ()
        new = shown if matches(shown, found) else ["…" if line.startswith(hidden) and hidden else line for line in found]
        lines += [f"$ {command}", *new]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # `python tests/test_readme.py`, with `.venv/bin` on the PATH, writes the answers of a new model into the README.
    text = re.sub(r"(?<=^```console\n)(.*?)(?=^```$)", lambda block: refreshed(block[1]), README, flags=re.MULTILINE | re.DOTALL)
    (ROOT / "README.md").write_text(text, encoding="utf-8")
