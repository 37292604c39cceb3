"""Italian, English, anything else, nothing at all: told apart on real notes, on five neighbours and down to one word.

`data/foreign.jsonl` (60 notes in each of five languages) and `data/short.jsonl` were written for these tests.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notequality.errors import TextError
from notequality.text import MAX_LENGTH, read_note

HERE = Path(__file__).parent


def records(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


FOREIGN = records(HERE / "data" / "foreign.jsonl")
SHORT = records(HERE / "data" / "short.jsonl")


def language(text: str) -> str:
    return read_note(text).language


def test_the_language_of_99_percent_of_validation_is_right() -> None:
    notes = records(HERE.parent / "data" / "validation.jsonl")
    assert len(notes) == 220
    right = sum(language(note["text"]) == note["language"] for note in notes)
    assert right >= 0.99 * len(notes)


@pytest.mark.parametrize("code", ["fr", "es", "pt", "de", "ro"])
def test_97_percent_of_foreign_notes_are_called_other(code: str) -> None:
    notes = [note["text"] for note in FOREIGN if note["language"] == code]
    assert len(notes) == 60
    assert sum(language(note) == "other" for note in notes) >= 0.97 * len(notes)


@pytest.mark.parametrize("code", ["it", "en"])
def test_short_notes_resolve(code: str) -> None:
    notes = [note["text"] for note in SHORT if note["language"] == code]
    assert len(notes) == 40
    assert [note for note in notes if language(note) != code] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ciao!", "it"),
        ("CIAO", "it"),
        ("Salve", "it"),
        ("Grazie", "it"),
        ("Ciao Oluwaseun Adeyemi", "it"),
        ("Buongiorno Dott. Bianchi", "it"),
        ("ciao https://example.com/in/giulia", "it"),
        ("Hello", "en"),
        ("HELLO", "en"),
        ("Hi", "en"),
        ("Let's connect!", "en"),
        ("Let\u2019s connect", "en"),
        ("Hi Giulia Bianchi", "en"),
        ("Connect?", "en"),
    ],
)
def test_greetings_names_links_and_capitals_do_not_mislead(text: str, expected: str) -> None:
    assert language(text) == expected


@pytest.mark.parametrize("text", ["Bonjour", "Guten Tag", "Buenos dias", "Bom dia", "Obrigado", "asdf ghjk qwer", "xqzt"])
def test_foreign_greetings_and_gibberish_are_other(text: str) -> None:
    assert language(text) == "other"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t \r\n",
        "👋",
        "👨\u200d👩\u200d👧 ❤\ufe0f",
        "...",
        "?!",
        "—",
        "123 456",
        "\u200b\u200d\u2060",
        "\u00ad",
        "\x00",
        "\ud800",
        "☎ 3",
    ],
)
def test_a_note_without_letters_is_empty(text: str) -> None:
    note = read_note(text)
    assert note.language == "empty"
    assert not note.supported


def test_only_italian_and_english_are_supported() -> None:
    assert read_note("Ciao Marco, piacere di conoscerti").supported
    assert read_note("Hi Marco, good to meet you").supported
    assert not read_note("Bonjour Marc, ravi de vous rencontrer").supported


def test_disguised_letters_do_not_change_the_language() -> None:
    assert language("𝐂𝐢𝐚𝐨 𝐌𝐚𝐫𝐜𝐨, 𝐩𝐢𝐚𝐜𝐞𝐫𝐞 𝐝𝐢 𝐜𝐨𝐧𝐨𝐬𝐜𝐞𝐫𝐭𝐢") == "it"
    assert language("Hеllо Mаrсо, gооd tо mееt yоu") == "en"


def test_length_counts_what_is_seen_as_one_letter_once() -> None:
    assert read_note("perche\u0301").length == 6
    assert read_note("perché").length == 6
    assert read_note("👋 ciao").length == 6


def test_a_text_at_the_limit_is_read() -> None:
    assert language(("ciao " * 2_000)[:MAX_LENGTH]) == "it"


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(
        TextError, match=r"^the text has 10,001 characters, more than the 10,000 that can be judged: paste one note$"
    ):
        read_note("a" * 10_001)
    with pytest.raises(TextError, match="has 1,000,000 characters"):
        read_note("a" * 1_000_000)
