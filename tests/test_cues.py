"""Every row of the pattern files fires where its author says and stays silent where they say, and rows keep a floor of precision.

Adding a row needs no Python: its hits and near-misses are run here by its id.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from notequality import cues
from notequality.masking import Tokens, mask
from notequality.text import read_note

NOTES = Path(__file__).parents[1] / "data" / "notes.jsonl"
ROWS = list(cues.iter_rows())
BY_ID = pytest.mark.parametrize(("language", "row"), [pytest.param(language, row, id=row.id) for language, row in ROWS])

# Of the notes that a row fires on, the share that has the label the row speaks for, over all rows: measured, less one point.
PRECISION = {"it": 0.84, "en": 0.85}
# No row may speak against its own effect this often, once it has fired on ten notes.
ROW_PRECISION = 0.6

KINDS = {
    "personalised": "group met mutual past purpose thanks-for work",
    "generic": "counter default empty-courtesy flattery job-vague merge-compliment network same-field suggested thanks-accept",
    "spammy": "bulk-recruiting call free-trial help-like-yours invite-event link merge-field mlm money need-fishing offer "
    "phone-app results romance sale-denied",
}


def tokens(text: str) -> Tokens:
    return mask(read_note(text))


def found(text: str, language: str) -> list[cues.Cue]:
    return cues.finder(language).find(tokens(text))


def ids(text: str, language: str) -> set[str]:
    return {cue.row.id for cue in found(text, language)}


# Rows


@BY_ID
def test_a_row_hits_what_it_must_and_misses_what_it_must_not(language: str, row: cues.Row) -> None:
    assert [text for text in row.hits if row.id not in ids(text, language)] == []
    assert [text for text in row.misses if row.id in ids(text, language)] == []


@BY_ID
def test_a_row_is_complete(language: str, row: cues.Row) -> None:
    assert re.fullmatch(rf"{language}-{row.effect}-[a-z]+(-[a-z]+)*(-\d\d)?", row.id)
    assert row.effect in KINDS
    assert row.kind.removeprefix(f"{row.effect}-") in KINDS[row.effect].split()
    assert len(set(row.hits)) >= 2
    assert len(set(row.misses)) >= 2
    assert row.why_it.strip()
    assert row.why_en.strip()
    assert row.why_it != row.why_en


@BY_ID
def test_every_piece_of_a_row_holds_words_as_masking_writes_them(language: str, row: cues.Row) -> None:
    for piece in cues.pieces(row):
        made = list(cues.phrases(piece))
        assert all(made), "a piece that may be empty would fire on every note"
        for phrase in made[:50]:
            for word in phrase:
                assert word == word.lower()
                assert not re.search(r"[àèéìòù\s]", word)


def test_ids_are_unique() -> None:
    assert [row_id for row_id, times in Counter(row.id for _, row in ROWS).items() if times > 1] == []


@pytest.mark.parametrize("language", ["it", "en"])
def test_there_are_at_least_120_rows_over_every_kind(language: str) -> None:
    rows = cues.rows(language)
    assert len(rows) >= 120
    kinds = {(row.effect, row.kind.removeprefix(f"{row.effect}-")) for row in rows}
    assert kinds == {(effect, kind) for effect, names in KINDS.items() for kind in names.split()}


def test_both_languages_share_the_columns() -> None:
    columns = cues.kinds()
    assert list(columns) == sorted(set(columns))
    assert len(columns) == sum(len(names.split()) for names in KINDS.values()) == 32


@pytest.mark.parametrize("language", ["it", "en"])
def test_rows_speak_for_their_effect_on_labelled_notes(language: str) -> None:
    fired: dict[str, Counter[str]] = {row.id: Counter() for row in cues.rows(language)}
    for line in NOTES.read_text(encoding="utf-8").splitlines():
        note = json.loads(line)
        if note["language"] == language:
            for row_id in ids(note["text"], language):
                fired[row_id][note["label"]] += 1
    right = {row.id: fired[row.id][row.effect] for row in cues.rows(language)}
    total = {row_id: labels.total() for row_id, labels in fired.items()}
    assert sum(total.values()) >= 5_000
    assert sum(right.values()) / sum(total.values()) >= PRECISION[language]
    low = {
        row_id: (right[row_id], times) for row_id, times in total.items() if times >= 10 and right[row_id] < ROW_PRECISION * times
    }
    assert low == {}


# How rows are matched


GAP = "it-personalised-group-03"  # abbiamo lavorato … insieme


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("Abbiamo lavorato insieme a lungo", True),
        ("Abbiamo lavorato uno due tre insieme", True),
        ("Abbiamo lavorato uno due tre quattro cinque sei insieme", True),
        ("Abbiamo lavorato uno due tre quattro cinque sei sette insieme", False),
        ("Abbiamo lavorato molto, sempre insieme", True),
        ("Abbiamo lavorato molto. Poi insieme", False),
        ("Abbiamo lavorato molto! Poi insieme", False),
        ("Abbiamo lavorato molto? Poi insieme", False),
        ("Abbiamo lavorato molto\nPoi insieme", False),
        ("Insieme abbiamo lavorato molto", False),
        ("Abbiamo anche lavorato insieme", True),
        ("Abbiamo spesso lavorato insieme", False),
        ("ABBIAMO LAVORATO TANTO INSIEME", True),
    ],
)
def test_a_gap_holds_up_to_six_words_of_one_sentence(text: str, fires: bool) -> None:
    assert (GAP in ids(text, "it")) is fires


def test_accents_case_and_curly_marks_do_not_matter() -> None:
    assert ids("WE\u2019VE MET AT THE FAIR", "en") & ids("We've met at the fair", "en") >= {"en-personalised-met-01"}


def test_a_row_fires_once_at_its_longest_match() -> None:
    text = "Hi Ana, we met at the fair and we met during the walk."
    cue = [cue for cue in found(text, "en") if cue.row.id == "en-personalised-met-01"]
    assert len(cue) == 1
    assert text[cue[0].start : cue[0].end] in ("we met at", "we met during")
    gap = [cue for cue in found("Abbiamo lavorato insieme, sempre insieme", "it") if cue.row.id == GAP]
    assert [(cue.start, cue.end) for cue in gap] == [(0, 40)]


def test_a_cue_knows_its_tokens_and_its_span() -> None:
    text = "Ciao Marco, abbiamo lavorato tanto insieme"
    (cue,) = (cue for cue in found(text, "it") if cue.row.id == GAP)
    assert text[cue.start : cue.end] == "abbiamo lavorato tanto insieme"
    assert tokens(text).words[cue.first : cue.last + 1] == ("abbiamo", "lavorato", "tanto", "insieme")


def test_cues_come_in_text_order() -> None:
    text = "Hi Ana, we met at the fair. I'd like to add you to my professional network. Here is a free trial."
    starts = [cue.start for cue in found(text, "en")]
    assert len(starts) >= 3
    assert starts == sorted(starts)


@pytest.mark.parametrize("language", ["it", "en"])
def test_no_tokens_no_cues(language: str) -> None:
    assert cues.finder(language).find(Tokens((), ())) == []
    assert found("Xyz", language) == []


@pytest.mark.parametrize("text", ["We met at _name_", "0/0 1/0 2/1", "_field_ _link_ _money_"])
def test_words_that_look_like_the_finders_own_keys_do_no_harm(text: str) -> None:
    assert all(cue.row.effect in KINDS for cue in found(text, "en"))


def test_slots_stand_for_masked_tokens() -> None:
    assert "en-spammy-link-06" in ids("Sign up at www.example.com", "en")
    assert "en-spammy-link-06" not in ids("Sign up at the door", "en")


# Memory and time


def test_the_finder_forgets_past_its_string_limit_and_answers_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text for row in cues.rows("it")[:20] for text in (*row.hits, *row.misses)]
    finder = cues.CueFinder("it")
    fresh = len(finder._nlp.vocab.strings)
    before = [finder.find(tokens(text)) for text in texts]
    monkeypatch.setattr(cues, "_MAX_STRINGS", fresh + 500)
    invented = [tuple(f"parola{number}x{place}" for place in range(200)) for number in range(50)]
    for words in invented:
        finder.find(Tokens(words, tuple((place, place + 1) for place in range(200))))
        assert len(finder._nlp.vocab.strings) <= fresh + 2_000
    assert [finder.find(tokens(text)) for text in texts] == before


def test_a_note_that_repeats_a_rows_own_words_gives_at_most_one_cue_a_row() -> None:
    for language, row in ROWS[::7]:
        text = (row.hits[0] + " ") * 200
        fired = [cue.row.id for cue in cues.finder(language).find(tokens(text[:2_000]))]
        assert len(fired) == len(set(fired))
