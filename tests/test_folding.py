"""What hides or disguises letters is undone, what is honestly written in another alphabet is not, and spans find their way back.

Rows T1–T5, T11 and T12 of the reliability table, at a size for every run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notequality.folding import fold
from notequality.text import Note, read_note

NOTE = "Ciao Marco, ti mando gratis la nostra guida. Perché no?"
HIDDEN = [
    code
    for code in range(0x110000)
    if unicodedata.category(chr(code)) == "Cf" or code in range(0xFE00, 0xFE10) or code in range(0xE0100, 0xE01F0)
]


def folded(raw: str) -> str:
    return read_note(raw).text


# T1: what cannot be seen


def test_every_hidden_character_folds_away_with_a_warning() -> None:
    assert len(HIDDEN) >= 419
    middle = NOTE.index("gratis") + 3
    left = []
    for code in HIDDEN:
        for place in (0, middle, len(NOTE)):
            note = read_note(NOTE[:place] + chr(code) + NOTE[place:])
            if (note.text, note.language, note.warnings) != (NOTE, "it", ("hidden_characters",)):
                left.append((hex(code), place, note.text))
    assert left == []


def test_hidden_characters_between_all_letters_fold_away() -> None:
    for code in ("\u200b", "\u00ad", "\u2060", "\u202e", "\ufe0f", "\U000e0041"):
        assert folded(code.join(NOTE)) == NOTE


@pytest.mark.parametrize("filler", ["\u034f", "\u115f", "\u1160", "\u17b4", "\u180b", "\u3164", "\uffa0"])
def test_blank_fillers_fold_away_with_a_warning(filler: str) -> None:
    note = read_note(f"per{filler}ché no")
    assert (note.text, note.warnings) == ("perché no", ("hidden_characters",))


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x7f"])
def test_control_characters_fold_away_with_a_warning(control: str) -> None:
    note = read_note(f"hi{control} there")
    assert (note.text, note.warnings) == ("hi there", ("hidden_characters",))


@pytest.mark.parametrize("entity", ["&#8203;", "&#x200B;", "&shy;", "&zwnj;"])
def test_a_hidden_character_written_as_an_entity_is_hidden_all_the_same(entity: str) -> None:
    note = read_note(f"gra{entity}tis per te")
    assert (note.text, note.warnings) == ("gratis per te", ("hidden_characters",))


@pytest.mark.parametrize(
    "emoji",
    ["👨\u200d👩\u200d👧", "❤\ufe0f", "❤\ufe0f\u200d🔥", "1\ufe0f\u20e3", "🏳\ufe0f\u200d🌈", "☎\ufe0e", "©\ufe0f", "🇮🇹", "👍🏽"],
)
def test_the_glue_of_an_emoji_is_nothing_hidden(emoji: str) -> None:
    note = read_note(f"Ciao Marco {emoji} piacere di conoscerti")
    assert note.warnings == ()
    assert note.text.endswith("piacere di conoscerti")


def test_the_flag_of_england_is_nothing_hidden() -> None:
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert read_note(f"Hello from London {flag}").warnings == ()


def test_tag_letters_outside_a_flag_are_hidden() -> None:
    note = read_note("Hello\U000e0066\U000e0072\U000e0065\U000e0065 there")
    assert (note.text, note.warnings) == ("Hello there", ("hidden_characters",))


# T2: fancy alphabets


def test_every_character_that_nfkc_folds_to_letters_is_folded() -> None:
    fancy = {
        chr(code): unicodedata.normalize("NFKC", chr(code))
        for code in range(0x80, 0x110000)
        if unicodedata.normalize("NFKC", chr(code)).isascii() and unicodedata.normalize("NFKC", chr(code)).isalpha()
    }
    assert len(fancy) >= 1_000
    assert {
        char: folded(f"({char})") for char, plain in fancy.items() if folded(f"({char})").lower() != f"({plain})".lower()
    } == {}


@pytest.mark.parametrize(
    ("fancy", "plain"),
    [
        ("𝐟𝐫𝐞𝐞 𝒕𝒓𝒊𝒂𝒍", "free trial"),
        ("ｆｒｅｅ ｔｒｉａｌ", "free trial"),
        ("ⓕⓡⓔⓔ ⓣⓡⓘⓐⓛ", "free trial"),
        ("🄵🅁🄴🄴", "FREE"),
        ("🅵🆁🅴🅴 🆃🆁🅸🅰🅻", "free trial"),
        ("🅕🅡🅔🅔", "free"),
        ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz"),
        ("ﬁne eﬀort", "fine effort"),
        ("“Let’s connect” — hi…", '"Let\'s connect" - hi...'),
        ("uno\u00a0due\u2003tre\u3000sei", "uno due tre sei"),
        ("𝟏𝟎 anni", "10 anni"),
    ],
)
def test_fancy_letters_become_plain(fancy: str, plain: str) -> None:
    assert folded(fancy) == plain


# T3: homoglyphs


@pytest.mark.parametrize(
    ("mixed", "plain"),
    [
        ("frее trіаl", "free trial"),
        ("Gооglе", "Google"),
        ("grаtis", "gratis"),
        ("prоmοtion", "promotion"),
        ("Mаrcο", "Marco"),
    ],
)
def test_letters_of_other_alphabets_inside_a_latin_word_become_latin(mixed: str, plain: str) -> None:
    assert not mixed.isascii()
    assert folded(mixed) == plain


@pytest.mark.parametrize(
    "sentence",
    [
        "Здравствуйте, Иван! Буду рад знакомству и сотрудничеству с вами.",
        "Доброго дня, мені цікавий ваш досвід у їхньому проєкті.",
        "Καλησπέρα Μαρία, θα ήθελα να συνδεθούμε. Πώς είστε;",
        "مرحبا أحمد، يسعدني أن أتواصل معك لأننا درسنا في الجامعة نفسها.",
        "Բարև Արամ, ուրախ եմ և կցանկանայի կապ հաստատել ձեզ հետ։",
        "שלום דוד, אשמח להתחבר איתך אחרי ההרצאה שלך.",
        "नमस्ते अमित, मुझे आपसे ज़रूर जुड़ना है और बड़ा अच्छा लगेगा।",
        "नमस्ते अमित, मुझे आपसे ज\u093cरूर जुड\u093cना है।",
        "您好,很高兴认识您。",
        "안녕하세요, 만나서 반갑습니다.",
    ],
)
def test_real_sentences_in_other_alphabets_stay_byte_identical(sentence: str) -> None:
    note = read_note(sentence)
    assert (note.text, note.language, note.warnings) == (sentence, "other", ())


def test_a_foreign_word_beside_latin_words_stays_as_it_is() -> None:
    assert folded("I work at Яндекс and Αθήνα, see you in Москва") == "I work at Яндекс and Αθήνα, see you in Москва"


# T4: leet, spaced and stretched letters


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("tutto gr4tis", "tutto gratis"),
        ("it is fr33 for you.", "it is free for you."),
        ("c0nt4ct me", "contact me"),
        ("g r a t i s per te", "gratis per te"),
        ("it is F R E E!", "it is FREE!"),
        ("gratisssss per te", "gratis per te"),
        ("ciaoooo Marco", "ciao Marco"),
    ],
)
def test_disguised_words_are_read(disguised: str, plain: str) -> None:
    assert folded(disguised) == plain


@pytest.mark.parametrize(
    "honest",
    [
        "Perche no!",
        "Grazie per il lavoro che fa!",
        "Just launched my course, join us!",
        "Great post!",
        "B2B e 10k follower, h2o e 3d",
        "sono a 5km, ore 18:30, web3 e MP3",
        "www.example.com",
        "Enrico III e Luigi XIII",
        "I a m",
        "un caffè e un tè",
    ],
)
def test_honest_words_marks_and_numbers_stay(honest: str) -> None:
    assert folded(honest) == honest


def test_digits_become_letters_only_to_reach_a_known_word() -> None:
    assert fold("gr4tis", {"gratis"})[0].text == "gratis"
    assert fold("gr4tis")[0].text == "gr4tis"


# T5: entities, normal forms, line ends, mojibake


@pytest.mark.parametrize(
    ("broken", "plain"),
    [
        ("perch&eacute; no", "perché no"),
        ("caff&#232; &amp; t&#xE8;", "caffè & tè"),
        ("R&D e AT&T; bene", "R&D e AT&T; bene"),
        ("perche\u0301 no", "perché no"),
        ("citta\u0300", "città"),
        ("perch\u00c3\u00a9 pi\u00c3\u00b9", "perché più"),
        ("citt\u00c3\u00a0 nuova", "città nuova"),
        ("don\u00e2\u20ac\u2122t", "don't"),
        ("uno\r\ndue\rtre\nquattro", "uno\ndue\ntre\nquattro"),
        ("buy`s", "buy's"),
    ],
)
def test_what_machines_break_is_mended(broken: str, plain: str) -> None:
    assert folded(broken) == plain


@pytest.mark.parametrize("note", ["perché però è già così più", "Ana Gutiérrez, Łódź, Straße, Ångström, señor"])
def test_composed_and_decomposed_letters_are_one(note: str) -> None:
    composed = unicodedata.normalize("NFC", note)
    assert folded(unicodedata.normalize("NFD", note)) == folded(composed) == composed


def test_lone_surrogates_become_replacement_characters() -> None:
    note = read_note("a\ud800b\udfffc")
    assert note.text == "a\ufffdb\ufffdc"
    assert note.text.encode() == "a\ufffdb\ufffdc".encode()


# Spans


FRAGMENTS = st.sampled_from(
    ["&egrave;", "&amp;", "ﬁ", "㎏", "e\u0301", "perch\u00c3\u00a9", "\u200b", "\r\n", "\r", "g r a t i s", "gratissss", "gr4tis"]
    + [
        "\ud800",
        "frее",
        "…",
        "ﷺ",
        "👨\u200d👩\u200d👧",
        "…",
        " ",
        "Ciao",
        "!",
        "&#8203;",
        "\ufdfa",
        "a",
        "½",
        "´",
        "\U0001f1ee",
        "Ⅷ",
    ]
)
RAW = st.lists(st.one_of(FRAGMENTS, st.text(max_size=6)), max_size=12).map("".join)


@given(RAW)
@settings(deadline=None, max_examples=400)
@example("aﬁx")
@example("&egrave;")
def test_every_character_knows_where_it_came_from(raw: str) -> None:
    aligned, _ = fold(raw, {"gratis"})
    assert len(aligned.origin) == len(aligned.text) + 1
    assert list(aligned.origin) == sorted(aligned.origin)
    assert aligned.origin[-1] == len(raw)
    assert aligned.origin[0] >= 0


@given(RAW, st.data())
@settings(deadline=None, max_examples=400)
def test_a_span_of_the_folded_text_maps_to_raw_text_that_covers_it(raw: str, data: st.DataObject) -> None:
    aligned, warnings = fold(raw, {"gratis"})
    note = Note(raw, aligned, "it", warnings)
    start = data.draw(st.integers(0, len(note.text)))
    end = data.draw(st.integers(start, len(note.text)))
    first, last = note.span_in_raw(start, end)
    assert 0 <= first <= last <= len(raw)
    assert all(first <= origin < last for origin in aligned.origin[start:end])


@pytest.mark.parametrize(
    ("raw", "phrase", "shown"),
    [
        ("Tutto g r a t i s per te", "gratis", "g r a t i s"),
        ("Ciao, perch&eacute; no", "perché", "perch&eacute;"),
        ("un gra\u200btis vero", "gratis", "gra\u200btis"),
        ("an eﬀort made", "ef", "eﬀ"),
        ("an eﬀort made", "fort", "ﬀort"),
        ("è perche\u0301 no", "perché", "perche\u0301"),
        ("l'offerta frее qui", "free", "frее"),
    ],
)
def test_a_phrase_is_shown_as_it_was_written(raw: str, phrase: str, shown: str) -> None:
    note = read_note(raw)
    start = note.text.index(phrase)
    first, last = note.span_in_raw(start, start + len(phrase))
    assert raw[first:last] == shown


# T11, T12: anything, and as much of it as one likes


@given(st.text(alphabet=st.characters(), max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_text_is_read(raw: str) -> None:
    note = read_note(raw)
    assert note.language in ("it", "en", "other", "empty")
    assert note.raw == raw
    assert set(note.warnings) <= {"hidden_characters"}


PUMPS = r"""
import sys
from notequality.folding import fold
from notequality.language import identify
from notequality.masking import mask
from notequality.text import Note

size = int(sys.argv[1])
for pump in ("a", "a.", "a-", "a@", "a+", "{", "[", "&", "&a", "&#1", "a ", "1", "1.", "1'", "+1 ", "+", "00 ", "€1",
             "\u00c3\u00a9", "e\u0301", "www.", "http://", "%A", "_", "-", "...", "4a", "A ", "\n", "a\u200b", "\u0430a",
             "<nome", "a-b.", "a b c d%", "x@a.", "!", "!a"):
    text = (pump * size)[:size]
    for raw in (text, text + " \u00e9", "x@" + text, "www." + text):
        aligned, _ = fold(raw)
        identify(aligned.text)
        mask(Note(raw, aligned, "en"))
print("done")
"""


def pumped(size: int, patience: int) -> str:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PUMPS, str(size)], capture_output=True, text=True, timeout=patience, env=environment, check=True
    )
    return done.stdout


def test_no_pattern_backtracks_on_2_000_characters() -> None:
    assert pumped(2_000, patience=60) == "done\n"


@pytest.mark.slow
def test_no_pattern_is_quadratic() -> None:
    """At this size what grows with the square takes minutes, what grows with the length a second or less."""
    assert pumped(60_000, patience=120) == "done\n"
