"""The wheel, installed somewhere else with no network, judges a note as the checkout does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

from notequality import Scorer

pytestmark = pytest.mark.slow

NOTE = "Ciao Marta, ho letto il tuo articolo sui porti di Ravenna e vorrei farti una domanda sui fondali."
# Any attempt to open a connection ends the command with a traceback.
NO_NETWORK = """
import socket
def refuse(*_, **__):
    raise AssertionError("tried to reach the network")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_is_small_and_holds_the_data(wheel: Path) -> None:
    assert wheel.stat().st_size < 50_000_000
    names = set(zipfile.ZipFile(wheel).namelist())
    current = (ROOT / "models" / "CURRENT").read_text(encoding="utf-8").strip()
    for name in (
        "notequality/patterns/it.jsonl",
        "notequality/words/en.txt",
        "notequality/messages/it.toml",
        "notequality/shipped/CURRENT",
        f"notequality/shipped/{current}/card.json",
    ):
        assert name in names
    assert not [name for name in names if name.endswith((".pkl", ".joblib"))]


def test_the_installed_wheel_scores_offline(wheel: Path, tmp_path: Path, scorer: Scorer) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    binaries = environment / "bin"
    install = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NOTEQUALITY_HOME": str(tmp_path / "home")}
    probe = [str(binaries / "python"), "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    assert "tried to reach the network" in subprocess.run(probe, capture_output=True, text=True, cwd=tmp_path, env=own).stderr
    words = [str(binaries / "notequality"), "score", "--json", NOTE]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=tmp_path, env=own)
    found = json.loads(done.stdout)
    here = scorer.score(NOTE)
    assert (found["label"], found["score"], found["probabilities"]) == (here.label, here.score, here.probabilities)
