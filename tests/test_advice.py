"""Every piece of advice is reached by a real note, in the note's language; lengths are held against the limit asked for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from notequality import Scorer
from notequality.advice import Advice, advise, kind_of

ROOT = Path(__file__).parents[1]
TEXTS = {
    language: tomllib.loads((ROOT / "src" / "notequality" / "messages" / f"{language}.toml").read_text(encoding="utf-8"))
    for language in ("it", "en")
}
EXAMPLES = {
    "en": {
        "say-why": "Hi, I would like to expand my network.",
        "better-blank": "Hi, I would like to expand my network.",
        "default-text": "I'd like to add you to my professional network on LinkedIn.",
        "name-it": "Hi Kim, your journey is truly inspiring.",
        "no-offer": "Hi Tom, we supply packaging for bakeries and would love to connect.",
        "no-call": "Could you spare 15 minutes next week?",
        "no-link": "Hi Ola, check out my website for prices.",
        "no-private-channel": "Please write to me on WhatsApp.",
        "no-promise": "Hi Jo, 12 extra enquiries per month, pay on results.",
        "no-bulk-recruiting": "Send your CV and we will call you.",
        "no-fishing": "Which supplier do you use right now?",
        "no-private-remarks": "Hi, you look very handsome in your picture.",
        "fill-fields": "Hello [Name], claim your free trial today.",
        "fine": "Hi Paula, we met at the Leeds housing forum in May. Would be good to stay in touch.",
        "hidden-characters": "Hi, I would like to expand my net\u200bwork.",
        "too-long": "Hi, I would like to expand my network. " * 6,
        "near-limit": f"Hi, I would like to expand my network{'.' * 160}",
    },
    "it": {
        "say-why": "Ciao, vorrei ampliare la mia rete.",
        "better-blank": "Ciao, vorrei ampliare la mia rete.",
        "default-text": "Vorrei aggiungerti alla mia rete professionale su LinkedIn.",
        "name-it": "Ottimo profilo, complimenti!",
        "no-offer": "Scopra i nostri prodotti.",
        "no-call": "Ti va una breve call?",
        "no-link": "Il portale è aperto, registrati subito.",
        "no-private-channel": "Scrivimi su WhatsApp.",
        "no-promise": "Sconto del 20% sul listino.",
        "no-bulk-recruiting": "Assumiamo in tutta Italia, mandaci il tuo CV.",
        "no-fishing": "Come gestite oggi le ferie del personale?",
        "no-private-remarks": "Hai un bel sorriso, mi scrivi?",
        "fill-fields": "Ciao {{nome}}, abbiamo una proposta per te.",
        "fine": "Ciao Elisa, eravamo nello stesso corso di ceramica a Faenza, io al tornio in fondo.",
        "hidden-characters": "Ciao, vorrei ampliare la mia re\u200bte.",
        "too-long": "Ciao, vorrei ampliare la mia rete. " * 6,
        "near-limit": f"Ciao, vorrei ampliare la mia rete{'.' * 164}",
    },
}
CASES = [(language, code) for language, codes in EXAMPLES.items() for code in codes]


def codes(advice: list[Advice]) -> list[str]:
    return [piece.code for piece in advice]


@pytest.mark.parametrize(("language", "code"), CASES)
def test_a_note_for_each_code(scorer: Scorer, language: str, code: str) -> None:
    note = scorer.score(EXAMPLES[language][code])
    found = advise(note)
    assert note.language == language
    assert code in codes(found) and len(codes(found)) == len(set(codes(found)))
    (message,) = (piece.message for piece in found if piece.code == code)
    expected = TEXTS[language]["advice"][code]
    assert message == expected.format(over=note.length - 200, left=200 - note.length, limit=200)


@pytest.fixture(scope="module")
def by_code(scorer: Scorer) -> set[tuple[str, str]]:
    """Language and code of all advice on 400 notes of the frozen test part."""
    lines = (ROOT / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()[:400]
    notes = scorer.score_many(json.loads(line)["text"] for line in lines)
    return {(str(note.language), piece.code) for note in notes for piece in advise(note)}


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("code", ["unsure", "wants-something"])
def test_codes_that_depend_on_the_model_are_met(by_code: set[tuple[str, str]], language: str, code: str) -> None:
    assert (language, code) in by_code


def test_the_two_outcomes_are_advised_in_english(scorer: Scorer) -> None:
    assert advise(scorer.score("")) == [Advice("empty", TEXTS["en"]["advice"]["empty"])]
    assert advise(scorer.score("Guten Tag, ich möchte Sie gerne kennenlernen.")) == [
        Advice("unsupported", "Only notes in Italian and English are judged.")
    ]


def test_no_text_is_without_a_way_to_be_reached() -> None:
    reached = {*EXAMPLES["en"], "unsure", "wants-something", "empty", "unsupported"}
    assert set(TEXTS["it"]["advice"]) == set(TEXTS["en"]["advice"]) == reached
    assert set(EXAMPLES["it"]) == set(EXAMPLES["en"])


def test_both_languages_say_the_same_things() -> None:
    assert {part: set(words) for part, words in TEXTS["it"].items()} == {part: set(words) for part, words in TEXTS["en"].items()}
    assert all(TEXTS["it"]["advice"][code] != text for code, text in TEXTS["en"]["advice"].items())


@pytest.mark.parametrize(
    ("length", "limit", "words"),
    [
        (194, 200, None),
        (195, 200, "You are 5 characters from the limit of 200"),
        (200, 200, "You are 0 characters from the limit of 200"),
        (201, 200, "That is 1 characters over the 200 allowed: shorten it."),
        (201, 300, None),
        (295, 300, "You are 5 characters from the limit of 300"),
        (305, 300, "That is 5 characters over the 300 allowed: shorten it."),
    ],
)
def test_the_limit(scorer: Scorer, length: int, limit: int, words: str | None) -> None:
    text = "Hi, I would like to expand my network".ljust(length, "!")
    found = [piece.message for piece in advise(scorer.score(text), limit) if piece.code in ("too-long", "near-limit")]
    assert len(found) == (words is not None)
    assert words is None or found[0].startswith(words)


def test_characters_are_counted_after_composition(scorer: Scorer) -> None:
    text = "Ciao, vorrei ampliare la mia rete: perche\u0301".ljust(201, "!")
    assert "near-limit" in codes(advise(scorer.score(text))) and "too-long" not in codes(advise(scorer.score(text)))


def test_good_notes_are_left_alone_and_the_first_advice_is_the_main_one(scorer: Scorer) -> None:
    assert codes(advise(scorer.score(EXAMPLES["en"]["fine"]))) == ["fine"]
    assert codes(advise(scorer.score(EXAMPLES["en"]["say-why"]))) == ["say-why", "better-blank"]
    assert codes(advise(scorer.score(EXAMPLES["it"]["no-call"])))[0] == "no-call"


@pytest.mark.parametrize(
    ("cue", "kind"),
    [("it-generic-network-01", "network"), ("en-spammy-phone-app-03", "phone-app"), ("it-learned", ""), ("en-spammy-mlm", "mlm")],
)
def test_what_a_row_is_about(cue: str, kind: str) -> None:
    assert kind_of(cue) == kind
