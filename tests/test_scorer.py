"""The contract of a judgement: its JSON, its offsets, its outcomes, and the same answer through every door."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notequality import ModelError, ScoredNote, Scorer, TextError
from notequality import scorer as scorer_module

DATA = Path(__file__).parents[1] / "data"
PITCH = "Hi, we help companies like yours get more leads. Open to a quick call this week?"
MET = "Ciao Anna, ci siamo conosciute ieri alla fiera di Rimini: ecco il contatto che ti avevo promesso."
BLANK = "Ciao, vorrei ampliare la mia rete."


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Notes of both languages and all labels, and oddities."""
    lines = (DATA / "test.jsonl").read_text(encoding="utf-8").splitlines()[:120]
    return [json.loads(line)["text"] for line in lines] + [
        "",
        "😀",
        "Guten Tag, ich möchte Sie gerne kennenlernen.",
        "\ud800 ciao",
        "a",
    ]


def test_the_contract_key_by_key(scorer: Scorer) -> None:
    note = scorer.score(PITCH)
    found = note.as_dict(300)
    assert list(found) == [
        "label", "score", "certain", "probabilities", "language", "length", "limit", "evidence", "warnings", "model",
    ]  # fmt: skip
    assert (found["label"], found["score"], found["certain"], found["language"]) == ("spammy", 0, True, "en")
    assert (found["length"], found["limit"], found["warnings"], found["model"]) == (80, 300, [], scorer.model)
    assert list(found["probabilities"]) == ["personalised", "generic", "spammy"]
    assert {type(value) for value in found["probabilities"].values()} == {float}
    assert found["evidence"]
    for item in found["evidence"]:
        kinds = {name: type(value) for name, value in item.items()}
        assert kinds == {
            "start": int, "end": int, "text": str, "cue": str, "effect": str, "weight": float, "reason": str,
        }  # fmt: skip
        assert item["effect"] in ("personalised", "generic", "spammy") and item["reason"].endswith(".")
    assert note.as_dict()["limit"] == 200
    assert json.loads(json.dumps(found)) == found


def test_a_judgement_of_each_label(scorer: Scorer) -> None:
    found = scorer.score_many([PITCH, BLANK, MET])
    assert [note.label for note in found] == ["spammy", "generic", "personalised"]
    assert [note.score for note in found] == pytest.approx([0, 50, 100], abs=3)
    assert [note.language for note in found] == ["en", "it", "it"]
    assert all(note.certain and note.judged for note in found)


def test_a_judgement_cannot_be_changed(scorer: Scorer) -> None:
    with pytest.raises(AttributeError, match="cannot assign to field 'label'"):
        scorer.score(BLANK).label = "spammy"  # type: ignore[misc]


def test_the_text_is_not_in_the_repr(scorer: Scorer) -> None:
    assert "ampliare la mia rete" not in repr(scorer.score("Buongiorno dottoressa, complimenti per il profilo."))
    assert BLANK not in repr(scorer.score(BLANK))


# ---- one answer through every door


def test_one_and_many_agree_in_any_company_and_order(scorer: Scorer, texts: list[str]) -> None:
    together = scorer.score_many(texts)
    assert [note.text for note in together] == texts
    assert [scorer.score(text) for text in texts] == together
    order = random.Random(5).sample(range(len(texts)), len(texts))
    assert scorer.score_many([texts[place] for place in order]) == [together[place] for place in order]
    assert scorer.score_many(texts[:7] + texts[:7] + [texts[3]]) == [*together[:7], *together[:7], together[3]]
    assert scorer.score_many([]) == []
    assert scorer.score_many(iter(texts[:3])) == together[:3]


def test_probabilities_have_the_same_bits_in_any_company(scorer: Scorer, texts: list[str]) -> None:
    readings = [scorer_module.read(note) for note in map(scorer_module.read_note, texts) if note.supported]
    together = scorer.probabilities(readings)
    assert together.tobytes() == np.vstack([scorer.probabilities([reading]) for reading in readings]).tobytes()
    assert together.tobytes() == scorer.probabilities(readings[::-1])[::-1].tobytes()
    assert scorer.probabilities([]).shape == (0, 3)


def test_more_texts_than_one_chunk_holds(scorer: Scorer) -> None:
    given = [f"Ciao, vorrei ampliare la mia rete {number}." for number in range(1030)]
    found = scorer.score_many(given)
    assert [note.text for note in found] == given
    assert [found[0], found[511], found[512], found[1029]] == [scorer.score(given[place]) for place in (0, 511, 512, 1029)]


def test_eight_threads_get_the_answers_of_one(scorer: Scorer, texts: list[str]) -> None:
    expected = scorer.score_many(texts)
    places = [list(range(thread, len(texts), 5)) for thread in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda rows: [scorer.score(texts[row]) for row in rows], places))
    assert found == [[expected[row] for row in rows] for rows in places]


def test_eight_threads_may_load_at_once(texts: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Scorer.load().score_many(texts[:5]), range(8)))
    assert all(answers == found[0] for answers in found)


def test_a_frame_keeps_its_index_and_gets_the_columns(scorer: Scorer) -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2, 3, 4, 5, 6],
            "note": [PITCH, None, "Bonjour, je souhaite vous ajouter à mon réseau.", MET, float("nan"), 7],
        },
        index=[7, 3, 3, "x", None, (1, 2)],
    )
    found = scorer.score_frame(frame, "note")
    assert list(found.columns) == [
        "nq_label", "nq_score", "nq_certain", "nq_p_personalised", "nq_p_generic", "nq_p_spammy", "nq_language", "nq_reasons",
    ]  # fmt: skip
    assert found.index.equals(frame.index)
    assert found["nq_label"].tolist() == ["spammy", "empty", "unsupported", "personalised", "empty", "empty"]
    assert found["nq_score"].tolist()[0] == 0 and found["nq_score"].isna().tolist() == [False, True, True, False, True, True]
    assert str(found["nq_score"].dtype) == "Int64"
    assert found["nq_language"].tolist() == ["en", "", "other", "it", "", ""]
    assert found["nq_certain"].tolist()[:2] == [True, None]
    note = scorer.score(PITCH)
    assert found["nq_p_spammy"].tolist()[0] == note.probabilities["spammy"]  # type: ignore[index]
    reasons = found["nq_reasons"].tolist()
    assert all(f"{item.text}: {item.reason}" in reasons[0] for item in note.evidence if item.effect == "spammy")
    assert reasons[1] == "" and list(frame.columns) == ["id", "note"]


def test_a_frame_without_rows(scorer: Scorer) -> None:
    found = scorer.score_frame(pd.DataFrame({"note": []}), "note")
    assert found.shape == (0, 8)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan"])
def test_words_that_mean_missing_elsewhere_are_texts_here(scorer: Scorer, word: str) -> None:
    found = scorer.score_frame(pd.DataFrame({"note": [word]}, dtype=object), "note")
    assert found["nq_label"].tolist() != ["empty"]


# ---- score, certainty, probabilities


def test_the_score_is_the_formula(scorer: Scorer, texts: list[str]) -> None:
    for note in scorer.score_many(texts):
        if note.probabilities is None:
            continue
        p = note.probabilities
        assert note.score == pytest.approx(100 * (p["personalised"] + p["generic"] / 2), abs=0.51)
        assert isinstance(note.score, int) and 0 <= note.score <= 100
        assert sum(p.values()) == pytest.approx(1, abs=2e-4)
        assert p[note.label] == max(p.values())
        if abs(p[note.label] - scorer.threshold) > 1e-3:
            assert note.certain == (p[note.label] > scorer.threshold)


# ---- outcomes


@pytest.mark.parametrize("text", ["", " \n\t ", "😀 👍🏽", "...!?", "123 456", "\u200b\u200d", "\ufeff", "\0", "+39 333 1234567"])
def test_nothing_to_read_is_empty(scorer: Scorer, text: str) -> None:
    note = scorer.score(text)
    assert (note.label, note.score, note.probabilities, note.language, note.evidence) == ("empty", None, None, None, ())
    assert not note.judged


@pytest.mark.parametrize(
    "text",
    [
        "Guten Tag, ich würde mich freuen, Sie in meinem Netzwerk begrüßen zu dürfen.",
        "Bonjour, je serais ravi de faire partie de votre réseau professionnel.",
        "Hola, me gustaría añadirte a mi red profesional de contactos.",
        "Здравствуйте, буду рад добавить вас в свою сеть.",
        "こんにちは、つながりましょう。",
    ],
)
def test_another_language_is_unsupported(scorer: Scorer, text: str) -> None:
    note = scorer.score(text)
    assert (note.label, note.score, note.probabilities, note.language, note.evidence) == ("unsupported", None, None, "other", ())


def test_length_counts_code_points_after_composition(scorer: Scorer) -> None:
    assert [scorer.score(text).length for text in ("perché", "perche\u0301", "😀😀", "👍🏽")] == [6, 6, 2, 2]


def test_a_text_that_is_too_long(scorer: Scorer) -> None:
    words = "the text has 10,001 characters, more than the 10,000 that can be judged: paste one note"
    with pytest.raises(TextError, match=words):
        scorer.score("ciao " * 2000 + "x")
    with pytest.raises(TextError, match=words):
        scorer.score_many([BLANK, "x" * 10_001])
    assert scorer.score("Ciao, vorrei ampliare la mia rete. " * 285).judged


@pytest.mark.parametrize(
    "text", ["P\u0300 vediamo", "ciao \u0301", "a\u0301\u0302\u0303\u0304 hello", "\u20dd hello", "x\u093c ciao"]
)
def test_a_combining_mark_that_stands_alone(scorer: Scorer, text: str) -> None:
    assert scorer.score(text).label in ("generic", "unsupported")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300) | st.text(alphabet="abcdeèé '\u0301\u200bАо.,!?\n😀𝐡𝐢\ud800{}[]%&;#x0", max_size=120))
def test_no_text_breaks_it(scorer: Scorer, text: str) -> None:
    note = scorer.score(text)
    assert note.label in ("personalised", "generic", "spammy", "empty", "unsupported")
    assert (note.score is None) == (note.label in ("empty", "unsupported"))
    assert all(0 <= item.start < item.end <= len(text) and item.text == text[item.start : item.end] for item in note.evidence)


# ---- evidence


HIDDEN = "\u200b"
SPELLINGS = {
    "plain": PITCH,
    "astral characters before": f"😀𝕏👩‍💻 {PITCH}",
    "mathematical letters": PITCH.replace("quick call", "𝐪𝐮𝐢𝐜𝐤 𝐜𝐚𝐥𝐥"),
    "full width": PITCH.replace("quick call", "ｑｕｉｃｋ ｃａｌｌ"),
    "zero width": PITCH.replace("quick", f"q{HIDDEN}uic{HIDDEN}k"),
    "entities": PITCH.replace("Hi,", "Hi &amp; hello,"),
    "homoglyphs": PITCH.replace("call", "cаll"),
    "line breaks": PITCH.replace(". ", ".\r\n\r\n"),
    "combining marks": f"Perche\u0301 no? {PITCH}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_offsets_are_into_the_text_as_given(scorer: Scorer, spelling: str) -> None:
    text = SPELLINGS[spelling]
    note = scorer.score(text)
    assert note.label == "spammy" and note.text == text
    spans = [(item.start, item.end) for item in note.evidence]
    assert spans == sorted(spans) and len(spans) >= 2
    assert all(text[item.start : item.end] == item.text for item in note.evidence)
    call = [item.text for item in note.evidence if item.cue.startswith("en-spammy-call")]
    shown = text[text.index("to a ") : text.index(" this week")]
    assert call and any(phrase in shown or shown.endswith(phrase[-4:]) for phrase in call)


def test_disguised_letters_change_neither_label_nor_score(scorer: Scorer) -> None:
    plain = scorer.score(PITCH)
    for spelling in ("mathematical letters", "full width", "zero width", "homoglyphs"):
        note = scorer.score(SPELLINGS[spelling])
        assert (note.label, note.score, note.probabilities) == (plain.label, plain.score, plain.probabilities)
    assert scorer.score(SPELLINGS["zero width"]).warnings == ("hidden_characters",)
    assert plain.warnings == () == scorer.score(SPELLINGS["astral characters before"]).warnings


def test_weights_point_the_way_of_their_effect(scorer: Scorer, texts: list[str]) -> None:
    items = [item for note in scorer.score_many(texts) for item in note.evidence]
    assert {item.effect for item in items} == {"personalised", "generic", "spammy"}
    assert all((item.weight > 0) == (item.effect == "personalised") for item in items)


def test_reasons_are_in_the_notes_language(scorer: Scorer) -> None:
    italian = scorer.score("Aiutiamo aziende come la vostra a trovare clienti: ci sentiamo 15 minuti?").evidence
    english = scorer.score(PITCH).evidence
    assert italian and english
    assert {item.cue[:3] for item in italian} == {"it-"} and {item.cue[:3] for item in english} == {"en-"}
    assert not {item.reason for item in italian} & {item.reason for item in english}


# ---- the platform's own texts

DEFAULTS = (
    "I'd like to add you to my professional network on LinkedIn.",
    "I'd like to join your LinkedIn network.",
    "I'd like to connect with you on LinkedIn.",
    "Vorrei aggiungerti alla mia rete professionale su LinkedIn.",
)


@pytest.mark.parametrize("text", DEFAULTS)
@pytest.mark.parametrize("shape", ["{}", "Hi Anna, {}", "Giulia, {}", "Ciao Marco,\n\n{}", "{} - Tom", "  {}  ", "{}!"])
def test_default_texts_are_generic_whoever_is_named(scorer: Scorer, text: str, shape: str) -> None:
    note = scorer.score(shape.format(text))
    assert (note.label, note.score, note.certain) == ("generic", 50, True)
    assert any("-generic-default-" in item.cue for item in note.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "i'd like to add you to my professional network on linkedin",
        "I’d like to add you to my professional network on LinkedIn.",
        "I would like to add you to my professional network",
        "Hi Sam, I'd like to join your LinkedIn network. Thanks",
        "VORREI AGGIUNGERTI ALLA MIA RETE PROFESSIONALE SU LINKEDIN",
        "Mi piacerebbe aggiungerti alla mia rete professionale su LinkedIn",
        "Buongiorno, vorrei aggiungerla alla mia rete professionale su LinkedIn.",
        "Vorrei aggiungerLa alla mia rete professionale.",
    ],
)
def test_near_matches_of_default_texts_are_generic(scorer: Scorer, text: str) -> None:
    note = scorer.score(text)
    assert (note.label, note.score) == ("generic", 50)


def test_a_default_text_does_not_hide_what_follows(scorer: Scorer) -> None:
    assert (
        scorer.score(f"{DEFAULTS[0]} We help companies like yours double their sales, open to a 15 minute demo?").label
        == "spammy"
    )
    met = "Hi Anna, we met on Tuesday at the Leeds housing forum, I promised you the flood map."
    assert scorer.score(f"{met} I'd like to add you to my network.").label == "personalised"


# ---- other versions


def other_versions() -> dict[str, str]:
    return {"numpy": "9.9.9"}


@pytest.fixture
def altered(tmp_path: Path) -> Any:
    """Build a copy of the shipped model with other golden answers."""
    import hashlib
    import shutil

    from notequality import store

    def build(shift: float) -> Path:
        shipped = store.find()
        folder = Path(shutil.copytree(shipped, tmp_path / "copy"))
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        card["golden"][0]["probabilities"][0] += shift
        data = json.dumps(card).encode()
        (folder / "card.json").write_bytes(data)
        return folder.rename(tmp_path / f"2026-01-02-{hashlib.sha256(data).hexdigest()[:6]}")

    return build


def test_under_other_versions_the_stored_answers_are_compared(monkeypatch: pytest.MonkeyPatch, altered: Any) -> None:
    wrong = altered(1e-4)
    assert Scorer.load(wrong).score(BLANK).label == "generic"
    monkeypatch.setattr(scorer_module, "versions", other_versions)
    assert Scorer.load().score(BLANK).label == "generic"
    with pytest.raises(ModelError, match=r"gives other answers under the installed versions \(off by 0\.0001\): train it again"):
        Scorer.load(wrong)


def test_stored_answers_may_differ_in_the_last_bits(monkeypatch: pytest.MonkeyPatch, altered: Any) -> None:
    monkeypatch.setattr(scorer_module, "versions", other_versions)
    assert Scorer.load(altered(1e-7)).score(BLANK).label == "generic"


def test_stored_answers_that_are_no_numbers_are_refused(monkeypatch: pytest.MonkeyPatch, altered: Any) -> None:
    monkeypatch.setattr(scorer_module, "versions", other_versions)
    with pytest.raises(ModelError, match=r"gives other answers under the installed versions \(off by nan\)"):
        Scorer.load(altered(float("nan")))


def test_a_scored_note_is_what_the_front_door_says(scorer: Scorer) -> None:
    assert isinstance(scorer.score(BLANK), ScoredNote)


@pytest.mark.parametrize(
    "text", ["I'd like to add you to my professional network on LinkedIn.", "I'd like to join your LinkedIn network."]
)
def test_the_platforms_own_text_is_generic_whatever_the_model_thinks(scorer: Scorer, text: str) -> None:
    assert scorer.score(text).probabilities == {"personalised": 0.01, "generic": 0.98, "spammy": 0.01}
