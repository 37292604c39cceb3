"""Any file → rows: what is on the disk and what comes out, line by line."""

from __future__ import annotations

import io
import os
import stat
import struct
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from notequality.archives import open_bundle
from notequality.errors import ArchiveError, InputError, TableError
from notequality.tables import MAX_RECORD_CHARACTERS, Table, read_table, unique_names


def has_message(cells: Sequence[str]) -> bool:
    return "message" in cells


def table(path: Path, content: str | bytes, encoding: str = "utf-8") -> Table:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return read_table(open_bundle(path).sources[0], has_message)


def rows(found: Table, needed: int = 1) -> list[tuple[int, list[str] | None]]:
    return [(row.line, row.cells) for row in found.records(needed)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(file: Path, encoding: str, separator: str, end: str) -> None:
    lines = [["who", "message"], ["Nicolò", "Perché no? È là"], ["Zoë", "più tardi, o no; forse"]]
    text = end.join(separator.join(f'"{cell}"' for cell in line) for line in lines) + end
    found = table(file, text, encoding)
    assert found.columns == ("who", "message")
    assert rows(found) == [(2, lines[1]), (3, lines[2])]


def test_utf8_with_one_broken_byte_is_still_utf8(file: Path) -> None:
    found = table(file, "who,message\nNicolò,Perché è più così\n".encode() * 20 + b"x,caf\xe9\n")
    assert rows(found)[0][1] == ["Nicolò", "Perché è più così"]
    assert rows(found)[-1][1] == ["x", "caf\ufffd"]


def test_a_character_cut_by_the_end_of_the_file_is_not_cp1252(file: Path) -> None:
    assert rows(table(file, "who,message\nZoë,perché è\n".encode() + "x,è".encode()[:-1]))[0][1] == ["Zoë", "perché è"]


def test_mixed_line_ends_and_breaks_inside_quotes_keep_exact_line_numbers(file: Path) -> None:
    found = table(file, 'who,message\r\nA,"one\ntwo\r\nthree"\nB,x\rC,y\r\n\n\nD,z')
    assert rows(found) == [(2, ["A", "one\ntwo\r\nthree"]), (5, ["B", "x"]), (6, ["C", "y"]), (9, ["D", "z"])]


def test_words_that_other_readers_take_for_nothing_stay_text(file: Path) -> None:
    found = table(file, "who,message\nNone,NA\nnull,nan\n#N/A,007\n")
    assert [cells for _, cells in rows(found)] == [["None", "NA"], ["null", "nan"], ["#N/A", "007"]]


def test_nul_characters_are_kept(file: Path) -> None:
    assert rows(table(file, "who,message\nA,be\0fore\n")) == [(2, ["A", "be\0fore"])]


def test_ragged_rows(file: Path) -> None:
    found = table(file, "who,message,date\nA,short but complete\nB\nC,x,1,,\nD,x,1,surplus\n")
    assert rows(found) == [(2, ["A", "short but complete", ""]), (3, None), (4, ["C", "x", "1"]), (5, None)]


def test_one_column_needs_no_quotes(file: Path) -> None:
    assert rows(table(file, "message\nHi, how are you, Ann?\nCiao\n"), 0) == [
        (2, ["Hi, how are you, Ann?"]),
        (3, ["Ciao"]),
    ]


def test_an_unclosed_quote_costs_its_own_line_only(file: Path) -> None:
    found = table(file, 'who,message\nA,"never closed\nB,"closed"\nC,"two\nlines"\nD,"open at the end\n')
    assert rows(found) == [(2, None), (3, ["B", "closed"]), (4, ["C", "two\nlines"]), (6, None)]


def test_unescaped_quotes_are_read_if_the_width_fits(file: Path) -> None:
    assert rows(table(file, 'who,message\nA,"said "hi" to me"\nB,5" screen\n')) == [
        (2, ["A", 'said hi" to me"']),
        (3, ["B", '5" screen']),
    ]


def test_a_line_without_end_is_unreadable_and_takes_no_memory_for_its_tail(file: Path) -> None:
    found = table(file, "who,message\nA," + "x" * (3 * MAX_RECORD_CHARACTERS) + "\nB,after\n")
    assert rows(found) == [(2, None), (3, ["B", "after"])]


def test_a_long_note_is_read_whole(file: Path) -> None:
    assert rows(table(file, "who,message\nA," + "x" * 200_000 + "\n"))[0][1] == ["A", "x" * 200_000]


@pytest.mark.parametrize(
    "preamble",
    ['Notes:\n"When exporting, you may notice, ""some"" are missing."\n\n', "sep=;\n", "\n\n", "Export of 3 May\n"],
)
def test_lines_before_the_header_are_a_preamble(file: Path, preamble: str) -> None:
    found = table(file, preamble + "who;message\nA;x\n")
    assert found.columns == ("who", "message")
    assert rows(found) == [(preamble.count("\n") + 2, ["A", "x"])]


def test_names_for_the_output() -> None:
    given = ["message", "message", "", "nq_label", "NQ_score", "message_2", " id "]
    assert unique_names(given) == ("message", "message_3", "column_3", "nq_label_in", "NQ_score_in", "message_2", "id")


def test_json_lines(file: Path) -> None:
    found = table(
        file,
        '\ufeff{"who": 5, "message": "x"}\r\n\n{"message": null, "more": [1]}\n{broken\n["a"]\n{"a": ' + "9" * 5000 + "}\n",
    )
    assert found.columns == ("who", "message", "more")
    assert rows(found) == [(1, [5, "x", None]), (3, [None, None, [1]]), (4, None), (5, None), (6, None)]


def test_json_that_nests_without_end_is_unreadable(file: Path) -> None:
    assert rows(table(file, '{"message": "x"}\n{"message": ' + "[" * 200_000 + "\n"))[1] == (2, None)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("who;message\nZoë;x\n".encode("cp1252"))))
    found = read_table(open_bundle("-").sources[0], has_message)
    assert rows(found) == rows(found) == [(2, ["Zoë", "x"])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: looked for a header and rows"),
        (b"\xef\xbb\xbf \r\n\n", "is empty"),
        (b'[{"message": "x"}]', "is one JSON array: write JSON Lines"),
        (b"{broken\n", "no line is a JSON object"),
        (b"\x1f\x8b\x08\x00", "is a gzip file: unpack it first"),
        (b"PAR1xxxx", "is a Parquet file"),
        (b"%PDF-1.7", "is a PDF"),
        (b'who,"message\nA,x\n', "the header on line 1 cannot be read: a quote is not closed"),
        (b"x," * 3000, "3,001 columns, more than 2,000: not a table"),
    ],
)
def test_what_is_not_a_table_is_one_clear_line(file: Path, content: bytes, words: str) -> None:
    with pytest.raises(TableError, match=words) as caught:
        table(file, content)
    assert str(file) in str(caught.value)
    assert caught.value.path == file


def test_a_missing_path() -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file or folder"):
        open_bundle("nowhere.csv")


def test_a_path_too_long_for_the_system() -> None:
    with pytest.raises(InputError, match="cannot be read|no such file"):
        open_bundle("x" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(file: Path) -> None:
    file.write_text("message\nx\n")
    file.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        open_bundle(file)


# ---- ZIP safety


def pack(path: Path, members: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = options.get("attributes", 0o644 << 16)
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "C:\\evil.csv", "..\\evil.csv"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="refused: member .* has a path that leads out of the archive"):
        open_bundle(pack(tmp_path / "x.zip", {name: b"message\nx\n"}))


def test_links_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.csv": b"/etc/passwd"}, attributes=(stat.S_IFLNK | 0o777) << 16)
    with pytest.raises(ArchiveError, match=r"refused: member 'a\.csv' is a link"):
        open_bundle(path)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"refused: member 'A\.CSV' is there twice"):
        open_bundle(pack(tmp_path / "x.zip", {"a.csv": b"1", "A.CSV": b"2"}))


def test_a_bomb_is_refused_quickly(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"messages.csv": bytes(50_000_000)})
    start = time.monotonic()
    with pytest.raises(ArchiveError, match="refused: member 'messages.csv' unpacks to more than 200 times its size"):
        open_bundle(path)
    assert time.monotonic() - start < 2


def test_too_many_members_are_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_001):
            archive.writestr(zipfile.ZipInfo(f"{number}.csv"), b"")
    start = time.monotonic()
    with pytest.raises(ArchiveError, match="refused: 10,001 members, more than 10,000"):
        open_bundle(path)
    assert time.monotonic() - start < 2


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"messages.csv": b"message\nx\n"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="refused: member 'messages.csv' is encrypted: unpack it and name the folder"):
        open_bundle(path)


def lying(tmp_path: Path, size: int) -> Path:
    path = pack(tmp_path / "x.zip", {"a.csv": b"who,message\n" + b"A,x\n" * 500})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(data)
    return path


def test_a_member_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a\.csv: the archive is damaged"):
        rows(read_table(open_bundle(lying(tmp_path, 3)).sources[0], has_message))


def test_a_member_smaller_than_it_says_is_read_to_its_checked_end(tmp_path: Path) -> None:
    assert len(rows(read_table(open_bundle(lying(tmp_path, 10_000)).sources[0], has_message))) == 500


def test_a_damaged_zip(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.csv": b"who,message\n" + os.urandom(3000)})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ArchiveError, match=r"x\.zip: the ZIP is damaged .*: download it again"):
        open_bundle(path)


def test_flipped_bits_in_a_member(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.csv": b"who,message\n" + os.urandom(3000).hex().encode()})
    data = bytearray(path.read_bytes())
    data[600] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"x\.zip: a\.csv: the archive is damaged"):
        rows(read_table(open_bundle(path).sources[0], has_message))


def test_a_text_file_named_zip_and_an_excel_workbook(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("message\nx\n")
    with pytest.raises(ArchiveError, match=r"x\.zip: not a ZIP file, in spite of its name"):
        open_bundle(tmp_path / "x.zip")
    with pytest.raises(TableError, match="is an Excel workbook: save the sheet as CSV"):
        open_bundle(pack(tmp_path / "x.xlsx", {"[Content_Types].xml": b"", "xl/workbook.xml": b""}))


def test_a_zip_is_known_by_content_and_nothing_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "export.zip (1)", {"Top/Messages.CSV": b"who,message\nA,x\n", "__MACOSX/._a.csv": b"", "a.png": b""})
    monkeypatch.chdir(tmp_path)
    bundle = open_bundle(path)
    assert [source.name for source in bundle.sources] == ["Top/Messages.CSV"]
    assert rows(read_table(bundle.sources[0], has_message)) == [(2, ["A", "x"])]
    assert [entry.name for entry in tmp_path.iterdir()] == ["export.zip (1)"]


def test_a_zip_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack(tmp_path / "x.zip", {"a.csv": b"who,message\nA,x\n"}).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert rows(read_table(open_bundle("-").sources[0], has_message)) == [(2, ["A", "x"])]


def test_a_folder_is_not_followed_into_its_depths(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a", deep):
        (folder / "x.csv").write_text("message\nx\n")
    (tmp_path / ".hidden.csv").write_text("")
    assert [source.name for source in open_bundle(tmp_path).sources] == ["x.csv", "a/x.csv"]
