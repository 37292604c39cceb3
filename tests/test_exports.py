"""LinkedIn archives and other tables → chunks: which rows come out, which are left out and why, what bad inputs get."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notequality.errors import ArchiveError, InputError, TableError
from notequality.exports import Inputs, open_inputs
from notequality.formats import TEXT_COLUMNS, strip_html

DATA = Path(__file__).parents[1] / "data"

ME, ANNA, BOB = "https://www.linkedin.com/in/me", "https://www.linkedin.com/in/anna", "https://www.linkedin.com/in/bob/"
MODERN = (
    "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,SUBJECT,CONTENT,FOLDER,"
    "ATTACHMENTS,IS MESSAGE DRAFT,IS CONVERSATION DRAFT"
).split(",")
MESSAGE_HEADERS = {
    "2018": "From,To,Date,Subject,Content,Direction,Folder",
    "2019": "FROM,TO,DATE,SUBJECT,CONTENT,DIRECTION,FOLDER",
    "2020": "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER",
    "2023": ",".join(MODERN[:10]),
    "Jan 2025": ",".join([*MODERN[:10], "IS MESSAGE DRAFT"]),
    "Dec 2024": ",".join([*MODERN[:10], *MODERN[11:]]),
    "mid-2025": ",".join(MODERN[:11]),
    "late 2025": ",".join(MODERN[:12]),
    "2026": ",".join(MODERN),
    "moved columns": ",".join(reversed(MODERN)),
}
INVITATION_HEADERS = {
    "2018": "From,To,Sent At,Message,Direction",
    "2023": "From,To,Sent At,Message,Direction,inviterProfileUrn,inviteeProfileUrn",
    "2024": "From,To,Sent At,Message,Direction,inviterProfileUrl,inviteeProfileUrl",
    "Italian": "Da,A,Inviato il,Messaggio,Direzione",
}
ITALIAN = {"Da": "From", "A": "To", "Inviato il": "Sent At", "Messaggio": "Message", "Direzione": "Direction"}


def write(path: Path, header: str, rows: list[dict[str, str]], *, quote_all: bool = False) -> Path:
    names = header.split(",")
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    out.writerow(names)
    for row in rows:
        out.writerow([row.get(ITALIAN.get(name, name), row.get(name.upper(), "")) for name in names])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def message(thread: str, text: str, **cells: str) -> dict[str, str]:
    """A message from Anna to me, unless told otherwise; underscores in names stand for spaces."""
    usual = {
        "CONVERSATION ID": thread, "FROM": "Anna", "SENDER PROFILE URL": ANNA, "TO": "Me, PhD",
        "RECIPIENT PROFILE URLS": ME, "DATE": "2024-05-01 10:00:00 UTC", "CONTENT": text,
        "FOLDER": "INBOX", "DIRECTION": "INCOMING",
    }  # fmt: skip
    return {**usual, **{name.replace("_", " "): value for name, value in cells.items()}}


def invitation(text: str, direction: str = "INCOMING", **cells: str) -> dict[str, str]:
    usual = {
        "From": "Anna", "To": "Me, PhD", "Sent At": "5/1/24, 9:00 AM", "Message": text, "Direction": direction,
        "inviterProfileUrl": ANNA, "inviteeProfileUrl": ME,
    }  # fmt: skip
    return {**usual, **cells}


def texts(inputs: Inputs) -> list[str]:
    return [text for chunk in inputs for text in chunk.texts]


def skips(inputs: Inputs) -> dict[str, int]:
    return {reason: skipped.count for reason, skipped in inputs.skipped.items()}


# ---- headers


@pytest.mark.parametrize("header", INVITATION_HEADERS.values(), ids=INVITATION_HEADERS)
def test_every_header_of_invitations(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "whatever (1).csv", header, [invitation("Hello"), invitation("", "OUTGOING")])
    inputs = open_inputs([path])
    assert inputs.columns == tuple(header.split(","))
    assert texts(inputs) == ["Hello", ""]
    incoming = open_inputs([path], direction="incoming")
    assert (texts(incoming), skips(incoming)) == (["Hello"], {"direction": 1})


@pytest.mark.parametrize("header", MESSAGE_HEADERS.values(), ids=MESSAGE_HEADERS)
@pytest.mark.parametrize("quote_all", [False, True])
def test_every_header_of_messages(tmp_path: Path, header: str, quote_all: bool) -> None:
    rows = [
        message("1", "third", DATE="2024-05-03 10:00:00 UTC"),
        message("1", "first\nof two lines", DATE="2024-05-01 10:00:00 UTC"),
        message(
            "1",
            "second",
            FROM="Me, PhD",
            SENDER_PROFILE_URL=ME,
            TO="Anna",
            RECIPIENT_PROFILE_URLS=ANNA,
            DATE="2024-05-02 10:00:00 UTC",
        ),
        message("2", "alone", FROM="Bob", SENDER_PROFILE_URL=BOB),
    ]
    inputs = open_inputs([write(tmp_path / "m.csv", header, rows, quote_all=quote_all)])
    assert inputs.columns == tuple(header.split(","))
    assert texts(inputs) == ["first\nof two lines", "alone"]
    assert skips(inputs) == {"later-message": 2}


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("2019-11-06T02:08:20", "2019-11-06T02:08:21"),
        ("9/30/18, 11:05 PM", "10/1/18, 1:05 AM"),
        ("4-Apr-21", "30-Apr-21"),
        ("2024-05-01 10:00:00 UTC", "2024-05-01 10:00:01 UTC"),
    ],
)
def test_the_first_message_is_told_by_date_wherever_it_stands(tmp_path: Path, early: str, late: str) -> None:
    for rows in (
        [message("1", "a", DATE=early), message("1", "b", DATE=late)],
        [message("1", "b", DATE=late), message("1", "a", DATE=early)],
    ):
        assert texts(open_inputs([write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], rows)])) == ["a"]


def test_of_equal_or_unreadable_dates_the_last_line_is_the_oldest(tmp_path: Path) -> None:
    rows = [
        message("1", "b", DATE="yesterday"),
        message("1", "a", DATE="yesterday"),
        message("2", "d"),
        message("2", "c"),
    ]
    assert texts(open_inputs([write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], rows)])) == ["a", "c"]


# ---- what is left out


@pytest.mark.parametrize("word", ["Yes", "true", "TRUE"])
@pytest.mark.parametrize("column", ["IS_MESSAGE_DRAFT", "IS_CONVERSATION_DRAFT"])
def test_drafts_are_left_out_and_are_nobodys_first_message(tmp_path: Path, word: str, column: str) -> None:
    rows = [
        message("1", "draft", DATE="2020-01-01 00:00:00 UTC", **{column: word}),
        message("1", "sent", **{column: "No"}),
    ]
    inputs = open_inputs([write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], rows)])
    assert (texts(inputs), skips(inputs)) == (["sent"], {"draft": 1})


@pytest.mark.parametrize(
    "cells",
    [
        {"SENDER_PROFILE_URL": ""},
        {"CONTENT": '<p class="spinmail-quill-editor__spin-break">Hi</p>'},
        {"CONTENT": "Hi %FIRSTNAME%, buy"},
        {"CONVERSATION_TITLE": "Sponsored Conversation"},
    ],
)
def test_sponsored_messages_are_left_out(tmp_path: Path, cells: dict[str, str]) -> None:
    rows = [message("1", "advert", **cells), message("2", "note", FROM="LinkedIn Member", SENDER_PROFILE_URL="")]
    inputs = open_inputs([write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], rows)])
    assert (texts(inputs), skips(inputs)) == (["note"], {"sponsored": 1})


@pytest.mark.parametrize("header", ["2020", "2023", "2026"])
def test_groups_are_left_out_but_a_comma_in_a_name_makes_no_group(tmp_path: Path, header: str) -> None:
    rows = [
        message("1", "to two", TO="Me, PhD, Bob", RECIPIENT_PROFILE_URLS=f"{ME},{BOB}"),
        message(
            "1",
            "and back",
            FROM="Bob",
            SENDER_PROFILE_URL=BOB,
            TO="Me, PhD, Anna",
            RECIPIENT_PROFILE_URLS=f"{ME},{ANNA}",
        ),
        message("2", "to one"),
    ]
    inputs = open_inputs([write(tmp_path / "m.csv", MESSAGE_HEADERS[header], rows)])
    assert (texts(inputs), skips(inputs)) == (["to one"], {"group": 2})


@pytest.mark.parametrize("header", ["2018", "2024"])
def test_an_accepted_note_that_comes_back_counts_once(tmp_path: Path, header: str) -> None:
    note = "Ciao  Anna & co, ci siamo visti a Lucca"
    invitations = write(tmp_path / "i.csv", INVITATION_HEADERS[header], [invitation(note)])
    came_back = message("1", "<p>Ciao Anna &amp; co,<br>ci siamo visti a Lucca</p>")
    elsewhere = message("2", note, FROM="Bob", SENDER_PROFILE_URL=BOB)
    messages = write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], [came_back, elsewhere])
    inputs = open_inputs([invitations, messages])
    assert (texts(inputs), skips(inputs)) == ([note, note], {"also-an-invitation": 1})
    assert inputs.skipped["also-an-invitation"].places == ("m.csv:2",)


def test_a_text_over_the_limit_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"message\n{'x' * 10_000}\n{'y' * 10_001}\n")
    inputs = open_inputs([path])
    assert ([len(text) for text in texts(inputs)], skips(inputs)) == ([10_000], {"too-long": 1})


def test_only_the_first_places_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("who,message\nA,x\n" + "short\n" * 9)
    inputs = open_inputs([path])
    texts(inputs)
    assert inputs.skipped["unreadable"].count == 9
    assert inputs.skipped["unreadable"].places == ("x.csv:3", "x.csv:4", "x.csv:5", "x.csv:6", "x.csv:7")


# ---- direction and owner


def two_ways(path: Path, header: str = "2026") -> Path:
    sent = {"FROM": "Me, PhD", "SENDER_PROFILE_URL": ME}
    rows = [
        message("1", "in"),
        message("2", "out", TO="Bob", RECIPIENT_PROFILE_URLS=BOB, DIRECTION="OUTGOING", **sent),
        message("3", "in too", FROM="Carl", SENDER_PROFILE_URL="https://www.linkedin.com/in/carl"),
    ]
    return write(path, MESSAGE_HEADERS[header], rows)


@pytest.mark.parametrize("me", [None, "me, phd", ME, ME.upper() + "/?x=1"])
@pytest.mark.parametrize("header", ["2018", "2026"])
def test_direction_by_the_profile_in_most_conversations_or_by_me(tmp_path: Path, me: str | None, header: str) -> None:
    path = two_ways(tmp_path / "m.csv", header)
    assert texts(open_inputs([path], direction="incoming", me=me)) == ["in", "in too"]
    assert texts(open_inputs([path], direction="outgoing", me=me)) == ["out"]
    assert texts(open_inputs([path], direction="all")) == ["in", "out", "in too"]


def test_the_owner_by_invitations_and_by_profile(tmp_path: Path) -> None:
    rows = [
        message("1", "in"),
        message("2", "out", FROM="Me, PhD", SENDER_PROFILE_URL="https://x/in/other", TO="Anna", RECIPIENT_PROFILE_URLS=ANNA),
    ]
    write(tmp_path / "messages.csv", MESSAGE_HEADERS["2026"], rows)
    (tmp_path / "Profile.csv").write_text('First Name,Last Name,Headline\nMe,"PhD",x\n')
    write(tmp_path / "Invitations.csv", INVITATION_HEADERS["2018"], [invitation("hello", "INCOMING")])
    assert texts(open_inputs([tmp_path], direction="outgoing")) == ["out"]


def test_the_owner_by_profile_alone(tmp_path: Path) -> None:
    rows = [
        message("1", "in", TO="Mia Neri"),
        message("2", "out", FROM="Mia Neri", TO="Bob", SENDER_PROFILE_URL="https://x/in/mia"),
    ]
    write(tmp_path / "messages.csv", MESSAGE_HEADERS["2020"], rows)
    (tmp_path / "Profile.csv").write_text("First Name,Last Name,Headline\nMia,Neri,x\n")
    assert texts(open_inputs([tmp_path], direction="outgoing")) == ["out"]


def test_an_owner_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], [message("1", "in")])
    assert texts(open_inputs([path])) == ["in"]
    with pytest.raises(InputError, match=r"m\.csv: cannot tell whose inbox this is.*add --me with your name"):
        open_inputs([path], direction="incoming")
    with pytest.raises(InputError, match="--me 'Nobody' neither writes nor receives a message there"):
        open_inputs([path], direction="incoming", me="Nobody")


def test_direction_of_a_table_without_one(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("message\nx\n")
    with pytest.raises(InputError, match=r"x\.csv: --direction incoming needs a LinkedIn file or a column Direction"):
        open_inputs([path], direction="incoming")
    with pytest.raises(InputError, match="direction 'in': choose one of all, incoming, outgoing"):
        open_inputs([path], direction="in")


# ---- HTML


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('<p class="x">Ciao <strong>Anna</strong>,</p><p>come&nbsp;va?</p>', "Ciao Anna,\n\ncome va?"),
        ("one<br>two<br/>three &amp; four", "one\ntwo\nthree & four"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ('see <a href="https://example.com/a?b=1">this</a>', "see this"),
        ('<p>Hi there <a href="https://exam', "Hi there"),
        ("<p>Hi there</stro", "Hi there"),
        ("my <word> stays, 1 < 2, I <3 it, <placeholder text>", "my <word> stays, 1 < 2, I <3 it, <placeholder text>"),
        ("&lt;p&gt; is a tag; AT&T and a?b&copy=1 are not", "<p> is a tag; AT&T and a?b&copy=1 are not"),
        ("  plain text keeps its spaces ", "  plain text keeps its spaces "),
    ],
)
def test_html(content: str, text: str) -> None:
    assert "\n".join(line for line in strip_html(content).split("\n") if line) == "\n".join(
        line for line in text.split("\n") if line
    )


def test_html_is_stripped_for_the_scorer_only_and_in_messages_only(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", MESSAGE_HEADERS["2026"], [message("1", "<p>Ciao</p>")])
    (chunk,) = open_inputs([path])
    assert (chunk.frame["CONTENT"].tolist(), chunk.texts.tolist(), chunk.column, chunk.source) == (
        ["<p>Ciao</p>"],
        ["Ciao"],
        "CONTENT",
        "m.csv",
    )
    other = tmp_path / "x.csv"
    other.write_text("message\n<p>Ciao</p>\n")
    assert texts(open_inputs([other])) == ["<p>Ciao</p>"]


# ---- other tables


@pytest.mark.parametrize("name", [*TEXT_COLUMNS, "Connection Note", "EMAIL-TEXT", "lastMessage", "Testo"])
def test_the_text_column_is_found_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"id,{name},nq_label\n1,Ciao,x\n")
    inputs = open_inputs([path])
    assert inputs.columns == ("id", name, "nq_label_in")
    assert texts(inputs) == ["Ciao"]


def test_the_order_of_names_decides_not_that_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("note,message,subject\na,b,c\n")
    assert texts(open_inputs([path])) == ["b"]
    assert texts(open_inputs([path], text_column="note")) == ["a"]
    assert texts(open_inputs([path], text_column="SUBJECT")) == ["c"]


def test_several_inputs_share_their_columns_and_chunks_keep_their_size(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,message\n" + "".join(f"{n},x{n}\n" for n in range(5)))
    (tmp_path / "b.jsonl").write_text('{"message": "y", "score": 7}\n')
    inputs = open_inputs([tmp_path / "a.csv", tmp_path / "b.jsonl"], chunk_size=2)
    assert inputs.columns == ("id", "message", "score")
    assert [(len(chunk.frame), chunk.source) for chunk in inputs] == [
        (2, "a.csv"),
        (2, "a.csv"),
        (1, "a.csv"),
        (1, "b.jsonl"),
    ]
    assert inputs.rows_in == inputs.rows_out == 6
    assert len(list(inputs)) == 4


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_an_export_saved_again_in_excel(tmp_path: Path, separator: str, encoding: str) -> None:
    text = "From;To;Sent At;Message;Direction\r\nNicolò;Io;4-Apr-21;Perché no, è così;INCOMING\r\n;;;;\r\n".replace(
        ";", separator
    )
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    assert texts(open_inputs([tmp_path / "x.csv"], direction="incoming")) == ["Perché no, è così"]


# ---- archives


def sample_archive(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), content)
    return path


INVITATION = "From,To,Sent At,Message,Direction\nA,B,x,hello,INCOMING\n"


def test_members_are_known_by_header_and_decoys_ignored(tmp_path: Path) -> None:
    chats = "CONVERSATION ID,FROM,DATE,CONTENT,FOLDER\n1,Coach,x,not a message,INBOX\n"
    path = sample_archive(
        tmp_path / "export.zip.zip", top__iNVITES_csv=INVITATION, top__learning_coach_messages_csv=chats,
        top__LearningCoachMessages_csv="No conversations found\n", top__guide_messages_csv=chats,
        top__Shares_csv="Date,Body\n1,x\n",
        top__old__Invitations_csv=INVITATION.replace("hello", "deeper"), top__empty_csv="",
    )  # fmt: skip
    inputs = open_inputs([path])
    assert [(chunk.source, chunk.texts.tolist()) for chunk in inputs] == [("top/iNVITES.csv", ["hello"])]


def test_an_archive_without_linkedin_files(tmp_path: Path) -> None:
    path = sample_archive(tmp_path / "x.zip", Shares_csv="Date,Body\n1,x\n", messages_csv="", guide_messages_csv="x\n")
    with pytest.raises(
        ArchiveError,
        match=r"no LinkedIn file with notes: looked for Invitations\.csv .*found Shares\.csv, messages\.csv \(empty\)",
    ):
        open_inputs([path])


def test_a_folder_without_linkedin_files(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no LinkedIn file with notes: .*; found no CSV file"):
        open_inputs([tmp_path])


@pytest.mark.parametrize("preamble", ["", 'Notes:\n"You may notice, some are missing."\n\n'])
def test_connections_alone_hold_no_notes(tmp_path: Path, preamble: str) -> None:
    path = tmp_path / "Connections.csv"
    path.write_text(preamble + "First Name,Last Name,URL,Email Address,Company,Position,Connected On\nA,B,,,,,08 Feb 2026\n")
    with pytest.raises(TableError, match="is a table of LinkedIn connections, which holds no notes: give Invitations.csv"):
        open_inputs([path])
    with pytest.raises(ArchiveError, match=r"no LinkedIn file with notes: .*; found Connections\.csv"):
        open_inputs([tmp_path])


def test_header_only(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("From,To,Sent At,Message,Direction\n")
    with pytest.raises(
        TableError,
        match=r"x\.csv: no rows: looked for notes .*; found only the header of LinkedIn invitations",
    ):
        list(open_inputs([path]))


def test_no_text_column_names_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,remark\n1,x\n")
    with pytest.raises(
        TableError,
        match="looked for message content note .*; the columns there are 'id', 'remark': name one",
    ):
        open_inputs([path])
    with pytest.raises(TableError, match="looked for notes; the columns there are 'id', 'remark'"):
        open_inputs([path], text_column="notes")


def test_no_input() -> None:
    with pytest.raises(InputError, match="no input: name a LinkedIn archive"):
        open_inputs([])


# ---- the sample inbox


@pytest.fixture(scope="module")
def generator() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("sample_inbox", DATA / "sample_inbox.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["sample_inbox"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["sample_inbox"]


def test_the_sample_inbox_is_what_its_script_writes(tmp_path: Path, generator: ModuleType) -> None:
    generator.write(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) == 9
    for path in written:
        assert (tmp_path / path).read_bytes() == (DATA / path).read_bytes(), path


@pytest.mark.parametrize("name", ["sample-inbox.zip", "sample-inbox"])
def test_the_sample_inbox(name: str) -> None:
    inputs = open_inputs([DATA / name])
    found = texts(inputs)
    assert inputs.rows_in == 463
    assert skips(inputs) == {"draft": 2, "sponsored": 9, "later-message": 16, "group": 4, "also-an-invitation": 2}
    assert (len(found), sum(map(bool, found))) == (430, 36)


@pytest.mark.parametrize(("direction", "rows", "notes"), [("incoming", 300, 6), ("outgoing", 108, 8)])
def test_the_sample_invitations_are_as_empty_as_real_ones(direction: str, rows: int, notes: int) -> None:
    found = texts(open_inputs([DATA / "sample-inbox" / "Invitations.csv"], direction=direction))
    assert (len(found), sum(map(bool, found))) == (rows, notes)
    assert max(map(len, found)) <= 300


def test_the_sample_inbox_of_2023() -> None:
    inputs = open_inputs([DATA / "sample-inbox" / "2023"], direction="incoming")
    assert sum(map(bool, texts(inputs))) == 5
    assert skips(inputs) == {"direction": 14, "sponsored": 1, "group": 2}


# ---- any damage at all

CELL = st.text(st.sampled_from(list("ab è;,\t\"'\n\r\0=\u2028\ufeff")), max_size=8)
LINE = st.one_of(
    st.lists(CELL, min_size=0, max_size=5).map(lambda cells: ("quoted", cells)),
    st.lists(CELL, min_size=0, max_size=5).map(lambda cells: ("raw", cells)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINE, min_size=1, max_size=12),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk_size=st.integers(1, 4),
    linkedin=st.booleans(),
)
def test_every_row_of_a_damaged_table_is_accounted_for(
    tmp_path: Path,
    lines: list[tuple[str, list[str]]],
    separator: str,
    encoding: str,
    end: str,
    chunk_size: int,
    linkedin: bool,
) -> None:
    header = "CONVERSATION ID,FROM,TO,DATE,CONTENT,FOLDER" if linkedin else "id,message,more"
    written = [header.replace(",", separator)]
    for style, cells in lines:
        written.append(separator.join('"' + cell.replace('"', '""') + '"' if style == "quoted" else cell for cell in cells))
    path = tmp_path / "x.csv"
    path.write_bytes(end.join(written).encode(encoding, "replace"))
    inputs = open_inputs([path], chunk_size=chunk_size)
    handed_out = 0
    try:
        for chunk in inputs:
            assert len(chunk.frame) == len(chunk.texts) <= chunk_size
            handed_out += len(chunk.frame)
    except TableError as error:
        assert "no rows" in str(error)
    assert inputs.rows_in == handed_out + sum(skips(inputs).values())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_well_formed_table_loses_nothing(tmp_path: Path, rows: list[list[str]], separator: str, end: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["id", "message", "more"], *rows])
    path = tmp_path / "x.csv"
    path.write_bytes(text.getvalue().encode())
    found = [row for chunk in open_inputs([path]) for row in chunk.frame.to_numpy().tolist()]
    assert found == rows


# ---- nothing vanishes


def test_an_archive_whose_notes_cannot_be_understood_is_not_read_without_them(tmp_path: Path) -> None:
    write(tmp_path / "messages.csv", MESSAGE_HEADERS["2026"], [message("1", "Ciao")])
    (tmp_path / "Invitations.csv").write_text('"From,To,Sent At,Message,Direction\nA,B,x,hello,INCOMING\n')
    with pytest.raises(TableError, match=r"Invitations\.csv: .*no column with notes|Invitations\.csv: "):
        open_inputs([tmp_path])


def test_files_that_lie_deeper_are_named() -> None:
    unread = open_inputs([DATA / "sample-inbox"]).unread
    assert sorted(Path(name).parts[-2:] for name in unread) == [("2023", "Invitations.csv"), ("2023", "messages.csv")]
    assert open_inputs([DATA / "sample-inbox.zip"]).unread == ()


def test_a_member_whose_own_header_is_damaged_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Invitatiöns.csv", "From,To,Sent At,Message,Direction\nA,B,x,hello,INCOMING\n")
    data = bytearray(path.read_bytes())
    start = data.index("Invitatiöns.csv".encode())
    data[start + 8] = 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match="damaged .*: download it again"):
        list(open_inputs([path]))
