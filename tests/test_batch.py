"""Files in, one scored file and a summary out: columns, order, accounting, atomic writing, messages."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from conftest import Done
from hypothesis import given
from hypothesis import strategies as st

from notequality import Scorer
from notequality.batch import SCORE_COLUMNS, SOURCE_COLUMN, Summary, defuse, run_batch
from notequality.errors import InputError, TableError

DATA = Path(__file__).parents[1] / "data"
ROOT = Path(__file__).parents[1]


@cache
def real() -> Scorer:
    """The shipped model, once a process."""
    return Scorer.load()


class BrokenScorer:
    """Fails as a program would, or as a user does who presses Ctrl-C: the real scorer does neither on demand."""

    model = "broken"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def score_frame(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        raise self.error


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.csv"
    path.write_text(
        'id,message,nq_label\n007,Ciao,old\n2,"Perché no?\nA presto, ci vediamo a Lucca il tre maggio",\n3,,NA\n4\n'
        '5,Guten Tag,\n6,=1+1,"say ""x"""\n',
        encoding="utf-8",
    )
    return path


def run(paths: list[Path], output: Path | str, **options: object) -> Summary:
    return run_batch(paths, output, real(), **options)  # type: ignore[arg-type]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_whole_output(notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    summary = run([notes], out)
    rows = read(out)
    assert list(rows[0]) == ["id", "message", "nq_label_in", *SCORE_COLUMNS, SOURCE_COLUMN]
    assert [(row["id"], row["message"], row["nq_label_in"]) for row in rows] == [
        ("007", "Ciao", "old"),
        ("2", "Perché no?\nA presto, ci vediamo a Lucca il tre maggio", ""),
        ("3", "", "NA"),
        ("5", "Guten Tag", ""),
        ("6", "'=1+1", 'say "x"'),
    ]
    first = real().score("Ciao")
    assert first.label == "generic" and first.probabilities is not None
    assert [rows[0][name] for name in SCORE_COLUMNS[:-1]] == [
        "generic", str(first.score), "true", *(str(p) for p in first.probabilities.values()), "it",
    ]  # fmt: skip
    assert [row["nq_label"] for row in rows[2:]] == ["empty", "unsupported", "empty"]
    assert set(rows[2].values()) == {"3", "", "NA", "empty", "notes.csv"}
    assert rows[3]["nq_language"] == "other" and rows[3]["nq_score"] == ""
    label = rows[1]["nq_label"]
    assert summary.as_dict() == {
        "rows_in": 6,
        "scored": 2,
        "empty": 2,
        "unsupported": 1,
        "skipped": {"unreadable": 1},
        "labels": {name: int(name == "generic") + int(name == label) for name in ("personalised", "generic", "spammy")},
        "output": str(out),
        "model": real().model,
    }
    assert json.loads(json.dumps(summary.as_dict())) == summary.as_dict()
    assert summary.skipped_total == 1
    assert summary.places == {"unreadable": ("notes.csv:6",)}


def test_json_lines_keep_values_as_they_are(notes: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(
        '{"message": "=x\\ud800", "id": 5, "tags": ["a", {"b": null}], "ok": false}\n{"message": null, "big": 1e400}\n'
    )
    out = tmp_path / "out.jsonl"
    run([notes, more], out)
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["message"] for row in found][-3:] == ["=1+1", "=x\ud800", None]
    assert found[0]["tags"] is None
    assert found[-2]["id"] == 5 and found[-2]["tags"] == ["a", {"b": None}] and found[-2]["ok"] is False
    assert found[-1]["big"] == "1e400"
    assert (
        found[-1]["nq_label"] == "empty" and found[-1]["nq_score"] is None and found[0]["nq_score"] == real().score("Ciao").score
    )
    assert list(found[0])[-1] == SOURCE_COLUMN and found[-1][SOURCE_COLUMN] == "more.jsonl"


def test_the_same_values_as_csv(tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"message": "a\\ud800", "id": -5, "tags": ["-a", "b"], "ok": false, "map": {"=": 1}}\n')
    run([more], tmp_path / "out.csv")
    (row,) = read(tmp_path / "out.csv")
    assert (row["message"], row["id"], row["tags"], row["ok"], row["map"]) == (
        "a\\ud800",
        "-5",
        "'-a; b",
        "false",
        '{"=": 1}',
    )


def test_the_sample_inbox_is_accounted_for(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    summary = run([DATA / "sample-inbox.zip"], out)
    assert summary.rows_in == 463
    assert (summary.scored, summary.empty, summary.unsupported) == (35, 394, 1)
    assert dict(summary.skipped) == {
        "draft": 2,
        "sponsored": 9,
        "later-message": 16,
        "group": 4,
        "also-an-invitation": 2,
    }
    rows = read(out)
    assert len(rows) == 430
    assert {row[SOURCE_COLUMN] for row in rows} == {"Invitations.csv", "messages.csv"}
    assert list(rows[0])[:2] == ["From", "To"] and list(rows[0])[-9:] == [*SCORE_COLUMNS, SOURCE_COLUMN]


def test_the_sample_inbox_on_the_command_line(process: Callable[..., Done], tmp_path: Path) -> None:
    outputs = []
    for jobs in ("1", "2"):
        out = tmp_path / f"{jobs}.csv"
        done = process("batch", DATA / "sample-inbox.zip", "--output", out, "--jobs", jobs, "--json")
        assert (done.code, done.err) == (3, "")
        summary = json.loads(done.out)
        assert {**summary, "labels": {}, "output": ""} == {
            "rows_in": 463,
            "scored": 35,
            "empty": 394,
            "unsupported": 1,
            "skipped": {"draft": 2, "sponsored": 9, "later-message": 16, "group": 4, "also-an-invitation": 2},
            "labels": {},
            "output": "",
            "model": real().model,
        }
        assert summary["output"] == str(out)
        assert sum(summary["labels"].values()) == 35 and min(summary["labels"].values()) > 0
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    rows = read(tmp_path / "1.csv")
    assert len(rows) == 430
    found = Counter(row["nq_label"] for row in rows)
    assert found == {**summary["labels"], "empty": 394, "unsupported": 1}
    assert all(row["nq_score"] == "" for row in rows if row["nq_label"] in ("empty", "unsupported"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.csv", "2.csv"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_same_bytes_for_any_chunk_size_and_number_of_workers(tmp_path: Path, suffix: str) -> None:
    paths: list[Path] = [DATA / "sample-inbox.zip", DATA / "sample-inbox" / "2023"]
    expected = run(paths, tmp_path / f"out{suffix}")
    workers: dict[str, object] = {"chunk_size": 20, "jobs": 2, "scorer_factory": Scorer.load}
    variants: list[dict[str, object]] = [{"chunk_size": 1}, {"chunk_size": 37}, workers]
    for number, options in enumerate(variants):
        summary = run(paths, tmp_path / f"{number}{suffix}", **options)
        assert (tmp_path / f"{number}{suffix}").read_bytes() == (tmp_path / f"out{suffix}").read_bytes()
        assert summary.as_dict() | {"output": ""} == expected.as_dict() | {"output": ""}


def test_workers_need_a_way_to_load_their_scorer(notes: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jobs > 1 needs scorer_factory"):
        run([notes], tmp_path / "out.csv", jobs=2)


def test_standard_output(notes: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    summary = run([notes], "-")
    found = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert [row["nq_label"] for row in found][2:] == ["empty", "unsupported", "empty"]
    assert summary.output == "-"


def test_all_rows_left_out_gives_a_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,message\n1\n2\n")
    summary = run([tmp_path / "x.csv"], tmp_path / "out.csv")
    assert (summary.rows_in, summary.skipped) == (2, {"unreadable": 2})
    assert read(tmp_path / "out.csv") == []


# ---- formulas


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "\0="])
def test_cells_and_headers_that_a_spreadsheet_would_run_are_defused(tmp_path: Path, start: str) -> None:
    (tmp_path / "x.csv").write_text(f'"message","{start.strip()}name"\n"{start}cmd|x","{start}y"\n', encoding="utf-8", newline="")
    run([tmp_path / "x.csv"], tmp_path / "out.csv")
    run([tmp_path / "x.csv"], tmp_path / "out.jsonl")
    cells = next(csv.reader((tmp_path / "out.csv").open(encoding="utf-8", newline="").read().splitlines(keepends=True)[1:]))
    assert cells[:2] == [f"'{start}cmd|x", f"'{start}y"]
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["message"] == f"{start}cmd|x"


@given(st.text())
def test_ordinary_text_is_not_changed(text: str) -> None:
    assert defuse(f"x{text}") == f"x{text}"
    assert defuse(text) in (text, f"'{text}")


# ---- the output is whole or absent


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt("boom"), MemoryError("boom")])
@pytest.mark.parametrize("before", [None, "precious"])
def test_nothing_is_left_behind_after_a_failure(notes: Path, tmp_path: Path, error: BaseException, before: str | None) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    out = folder / "out.csv"
    if before:
        out.write_text(before)
    with pytest.raises(type(error), match="boom"):
        run_batch([notes], out, BrokenScorer(error))
    assert [path.name for path in folder.iterdir()] == (["out.csv"] if before else [])
    assert not before or out.read_text() == before


def test_killed_on_the_way_the_old_output_is_still_whole(notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("precious")
    program = textwrap.dedent(f"""
        import os, sys
        sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "src")!r}]
        from test_batch import real, run_batch
        class Killed:
            seen = 0
            def score_frame(self, frame, column):
                Killed.seen += 1
                if Killed.seen == 3:
                    os.kill(os.getpid(), 9)
                return real().score_frame(frame, column)
        run_batch([{str(notes)!r}], {str(out)!r}, Killed(), chunk_size=1)
    """)
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert out.read_text() == "precious"


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_input_that_fails_on_the_way_leaves_nothing_behind(notes: Path, tmp_path: Path, jobs: int) -> None:
    empty = tmp_path / "header.csv"
    empty.write_text("id,message\n")
    with pytest.raises(TableError, match=r"header\.csv: no rows"):
        run([notes, empty], tmp_path / "out.csv", jobs=jobs, scorer_factory=Scorer.load, chunk_size=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["header.csv", "notes.csv"]


def test_a_full_disk_is_one_line(notes: Path, tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import resource, signal, sys
        sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "src")!r}]
        from test_batch import real, run_batch, InputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        real()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            run_batch([{str(notes)!r}], {str(tmp_path / "out.csv")!r}, real())
        except InputError as error:
            sys.exit(str(error))
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("out.csv: cannot be written: File too large: nothing was changed")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.csv"]


def test_an_existing_output_is_replaced_and_modes_follow_the_umask(notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    old = os.umask(0o027)
    try:
        run([notes], out)
    finally:
        os.umask(old)
    assert out.read_text(encoding="utf-8").startswith("id,message")
    assert out.stat().st_mode & 0o777 == 0o640


def test_a_linked_output_is_written_where_it_points(notes: Path, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "out.csv").symlink_to(tmp_path / "real.csv")
    run([notes], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").is_symlink() and (tmp_path / "real.csv").read_text(encoding="utf-8").startswith("id")


# ---- outputs that are refused


@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "member", "unread member"])
def test_an_output_that_is_an_input_is_refused(notes: Path, tmp_path: Path, link: str) -> None:
    before = notes.read_bytes()
    out = tmp_path / "out.csv"
    if link == "symbolic":
        out.symlink_to(notes)
    elif link == "hard":
        out.hardlink_to(notes)
    else:
        out = notes
    given: list[Path] = [notes]
    if "member" in link:
        out = tmp_path / "Invitations.csv"
        out.write_text("From,To,Sent At,Message,Direction\nA,B,x,hello,INCOMING\n")
        given = [tmp_path]
    if "unread" in link:
        out = tmp_path / "Shares.csv"
        out.write_text("Date,Body\n1,x\n")
    with pytest.raises(InputError, match="is also an input, which is never changed: name another output"):
        run(given, out)
    assert notes.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.pdf", r"cannot write \.pdf: end the name in one of \.csv, \.jsonl, or -"),
        ("out", r"cannot write a file without suffix: end the name in one of \.csv"),
        ("nowhere/out.csv", "there is no folder .*nowhere: create it first"),
        ("folder.csv", "is a folder: name a file in it"),
    ],
)
def test_outputs_that_cannot_be(notes: Path, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=words):
        run([notes], tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(notes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written: Permission denied: nothing was changed"):
        run([notes], folder / "out.csv")


# ---- progress and memory


def test_no_progress_unless_on_a_terminal(notes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run([notes], tmp_path / "out.csv")
    assert capfd.readouterr() == ("", "")


def test_a_summary_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(AssertionError, match="rows are unaccounted for"):
        Summary(rows_in=2, scored=1, empty=0, unsupported=0, skipped={}, labels={}, output="-", model="")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        # Rows without a note are most of an inbox, and take no time to judge.
        path.write_text("id,message,more\n" + "".join(f"{n},,{'x' * 200} {n}\n" for n in range(rows)))
        program = textwrap.dedent(f"""
            import resource, sys
            sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "src")!r}]
            from test_batch import real, run_batch
            run_batch([{str(path)!r}], {str(tmp_path / "out.csv")!r}, real())
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        """)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert peak(60_000) - peak(6_000) < 12_000, "kilobytes; the larger file has 12 million characters more"
