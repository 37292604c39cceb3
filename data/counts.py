"""Prints the tables of counts of the data sheet (`data/README.md`).

`python data/counts.py` prints them, `--write` puts them into the sheet, and `--full` prints every cell of file × label ×
language × scenario family × register × channel as CSV.

A scenario is a few free words by whoever wrote the note ("estate-agent", "ex colleghi"). `FAMILIES` sorts them: the first
family that lists the beginning of one of those words gets the note. It shows roughly what the data is about, no more.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent
SHEET = DATA / "README.md"
START, END = "<!-- counts -->\n", "<!-- /counts -->"
FILES = ("notes", "test", "validation")
LABELS = ("personalised", "generic", "spammy")
LANGUAGES = ("en", "it")
REGISTERS = ("none", "tu", "lei", "voi", "–")
CHANNELS = ("note", "message", "inmail", "–")
ABSENT = "–"

# Beginnings of words; `=` in front asks for the whole word.
FAMILIES = {
    "scams, money, romance": "scam truff crypto cripto trading forex romanc romant mlm escort affiliat follower task =gulf "
    "visa wellness",
    "jobs, recruiting": "recruit =rec =hr =job jobs jobse hiring vacanc opening candidat annunci lavoro cerca career "
    "carrier intern =stage tiroc =cv ruolo selezion colloqui headhunt seasonal freelanc outplac "
    "concors",
    "a person in common": "mutual referral referr intro segnal amic friend conoscen comune",
    "a meeting, an event": "met =meet meeting meetup incontr fiera fair event conferenc conferenz convegn riunion talk speak "
    "worksh hackath poster festival summit train treno dinner cena webinar panel visit presentaz "
    "invit premi award",
    "something made or said": "read letto visto artic articol post paper book libro autor author video podcast newslett comment "
    "interv news notiz radio content blog pubblic stampa",
    "a shared group or past": "alum school scuol liceo =uni univers course corso corsi master erasmus colleg colleag =ex former "
    "associa club volunt volontar neighb vicin =old vecchi team sport church parish coro rugby class "
    "boss client fornitor supplier custom",
    "a question, a study": "quest domand purpos ricerc resear phd dottor tesi thesis advic survey sondag journal giornal "
    "stud mentor =ask brain bisogn consigl help curios",
    "offers, sales": "pitch offer spam agenc agenz coach seo =ads lead outsourc saas product prodot vendor sales "
    "vendit sells promo push magnet free gratis sponsor buyer insur assicur advis financ mortgage "
    "broker call link estate immobil propert fund bandi grant ghostw demo energi energy crm formaz "
    "trainin consul marketing =mkt app software",
    "commercial, without an offer": "biz =bz =b2b business peer partner sinerg collab commerc interes =tp soft need fish",
    "formulas, network growth": "gener =gen =g network rete defau count flatt clich merge token word vague vago vaga connect "
    "contat complim admir profil industr settor same grow cresc leadersh impress notic came across "
    "auguri saluti empty vuot nothing lusing get know conosc",
    "after acceptance, longer": "thank graz accept accett msg mess inmail =dopo after",
    "length and surface only": "short cort brev =sh long lung middl mini bland dull plain caps typo refus emoji fancy digit "
    "numer cifre euro percent dat giorn ieri anti numb char =end =fine =fin =coda =ult =ps =p =pers "
    "person nonnat inglese regist lei =tu =voi =noi =we terse solo seconda length medi misti mix "
    "single senza statement contrast =f =s =d =c =cu =ct =cl",
}
OTHER_FAMILY = "a trade, a place, a topic"

SURFACES = {
    "a digit": r"\d",
    "€, $, £ or %": r"[€$£%]",
    "a question mark": r"\?",
    "an exclamation mark": r"!",
    "a weekday, a month, yesterday": r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|(?:luned|marted|mercoled|gioved|venerd)[iì]'?|sabato|domenica|ieri"
    r"|gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre)\b",
    "connect, network, rete, contatt-, colleg-": r"\b(?:connect|network|rete\b|contatt|colleg)",
    "we, our, noi, nostr-": r"\b(?:we|our|noi|nostr\w)\b",
    "free, gratis": r"\b(?:free|gratis|gratuit\w)\b",
    "a link": r"https?://|www\.|\.(?:com|it|example|io|org|net)\b",
    "an emoji": "[\u2600-\u27bf\U0001f300-\U0001faff]",
}

Row = dict[str, Any]


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    def part(word: str) -> str:
        return rf"{word[1:]}(?![^\W\d_])" if word.startswith("=") else word

    joined = {family: "|".join(map(part, words.split())) for family, words in FAMILIES.items()}
    return {family: re.compile(rf"(?<![^\W\d_])(?:{words})") for family, words in joined.items()}


def family(scenario: str) -> str:
    """Return the family of a scenario's name."""
    name = scenario.lower()
    return next((found for found, pattern in _patterns().items() if pattern.search(name)), OTHER_FAMILY)


def load(name: str) -> list[Row]:
    """Return the notes of one file, with their family; a column that it does not have becomes `–`."""
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [{"register": ABSENT, "channel": ABSENT, **json.loads(line), "file": name} for line in lines if line]
    return [{**row, "family": family(row["scenario"])} for row in rows]


def _markdown(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in line] for line in lines]
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *cells)) + "\n"


def by_label(rows: Sequence[Row], title: str, key: Callable[[Row], str], order: Sequence[str]) -> str:
    """Return a table of counts: a line for each value of `key`, a column for each label in each language.

    Args:
        rows: the notes to count.
        title: the head of the first column.
        key: from a note to its line.
        order: the lines, in order; lines without notes are left out.
    """
    found = Counter((key(row), row["language"], row["label"]) for row in rows)
    columns = [(language, label) for language in LANGUAGES for label in LABELS]
    lines = [[name, *(found[name, *column] for column in columns)] for name in order]
    head = [title, *(f"{language} {label}" for language, label in columns), "all"]
    return _markdown(head, ([*line, sum(line[1:])] for line in lines if any(line[1:])))


def surfaces(rows: Sequence[Row]) -> str:
    """Return the share of each label's notes that show a surface which says nothing of the label."""
    texts = {label: [row["text"] for row in rows if row["label"] == label] for label in LABELS}
    lines = []
    for name, pattern in SURFACES.items():
        sought = re.compile(pattern, re.IGNORECASE)
        shares = (sum(bool(sought.search(text)) for text in texts[label]) / len(texts[label]) for label in LABELS)
        lines.append([name, *(f"{share:.0%}" for share in shares)])
    return _markdown(["share of the notes with", *LABELS], lines)


def tables() -> str:
    """Return all tables of the sheet, Markdown."""
    files = {name: load(name) for name in FILES}
    rows = [row for name in FILES for row in files[name]]
    written = [*files["notes"], *files["test"]]
    groups = (
        f"`{name}.jsonl`: {len(files[name]):,} notes in {len({row['group'] for row in files[name]}):,} groups"
        for name in FILES[:2]
    )
    ways = [f"{register}, {channel}" for register in REGISTERS for channel in CHANNELS]
    parts = [
        "; ".join(groups) + f"; `validation.jsonl`: {len(files['validation']):,} notes.",
        "**File**\n\n" + by_label(rows, "file", lambda row: str(row["file"]), FILES),
        "**Scenario family**, `notes.jsonl` and `test.jsonl` together\n\n"
        + by_label(written, "family", lambda row: str(row["family"]), [*FAMILIES, OTHER_FAMILY]),
        "**Register and channel**, the same notes (English notes have no register)\n\n"
        + by_label(written, "register, channel", lambda row: f"{row['register']}, {row['channel']}", ways),
        "**Surfaces**, the same notes\n\n" + surfaces(written),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def print_cells() -> None:
    """Print every cell that is not empty as CSV."""
    names = ("file", "label", "language", "family", "register", "channel")
    found = Counter(tuple(row[name] for name in names) for file in FILES for row in load(file))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names, "notes"])
    writer.writerows([*cell, number] for cell, number in sorted(found.items()))


def write_sheet() -> None:
    """Put the tables between the marks of the sheet."""
    before, _, rest = SHEET.read_text(encoding="utf-8").partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"{SHEET}: the marks {START.strip()} and {END} are not there: put them where the tables go")
    SHEET.write_text(f"{before}{START}\n{tables()}\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or do what the one option says."""
    actions: dict[tuple[str, ...], Callable[[], None]] = {
        (): lambda: print(tables(), end=""),
        ("--write",): write_sheet,
        ("--full",): print_cells,
    }
    action = actions.get(tuple(arguments))
    if action is None:
        sys.exit("usage: python data/counts.py [--write | --full]")
    action()


if __name__ == "__main__":
    main(sys.argv[1:])
