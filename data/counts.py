"""Prints the tables of counts of the data sheet (`data/README.md`).

`python data/counts.py` prints them, `--write` puts them into the sheet, `--full` prints every cell of label × language ×
scenario family × register × channel as CSV.

A scenario is a few free words of whoever wrote the note ("estate-agent", "ex colleghi"). `FAMILIES` sorts these words; the
first family with a word of the scenario wins. So the families show what the data is about, and no more than roughly.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parent
SHEET = DATA / "README.md"
FILES = ("notes.jsonl", "test.jsonl", "validation.jsonl")
LABELS = ("personalised", "generic", "spammy")
LANGUAGES = ("en", "it")
START, END = "<!-- counts -->", "<!-- /counts -->"

# Beginnings of words; `=` before one asks for the whole word.
FAMILIES = {
    "scams, money, romance": "scam truff crypto cripto trading forex romanc romant mlm escort affiliat follower task =gulf investor-scam visa wellness",
    "jobs and recruiting": "recruit =rec =hr =job jobs jobse hiring vacanc opening candidat annunci lavoro cerca career carrier intern "
    "=stage tiroc =cv ruolo selezion colloqui headhunt seasonal freelanc outplac concors",
    "a person in common": "mutual referral referr intro segnal amic friend conoscen comune",
    "a meeting or an event": "met =meet meeting meetup incontr fiera fair event conferenc conferenz convegn riunion talk speak worksh hackath poster "
    "festival summit train treno dinner cena webinar panel visit presentaz corrid invit premi award",
    "something made or said": "read letto visto artic articol post posts paper book libro author autor video podcast newslett comment interv news "
    "notiz radio content contenut video =blog pubblic stampa video",
    "a shared group or past": "alum school scuol liceo =uni univers course =corso corsi master erasmus colleg colleag =ex former associa club volunt "
    "volontar neighb vicin =old vecchi team sport church parish coro rugby calc classm boss client clienti cliente fornitor supplier custom",
    "a question, a study": "quest domand purpos ricerc resear =phd dottor tesi thesis advic survey sondag journal giornal stud mentor =ask brain "
    "bisogn consigl help curios",
    "offers and sales": "pitch offer offert spam agenc agenz coach seo =ads lead outsourc saas product prodot vendor sales vendit sells promo push magnet "
    "free gratis sponsor buyer insur assicur adviser advis financ mortgage broker call link estate immobil propert fund bandi grant ghostw follow demo demos "
    "energi energy crm formaz trainer trainin consul marketing =mkt web app software",
    "trade talk without an offer": "biz =bz =b2b business peer partner sinerg collab commerc interes =tp soft need fish do",
    "formulas and growing one's network": "gener =gen =g network rete defau count flatt clich merge token wordy vague vago vaga connect contat collegam complim "
    "admir profil industr settor same grow cresc leadersh impress notic came across auguri saluti empty vuot nothing lusing get-to know conosc",
    "after acceptance, longer messages": "thank graz accept accett msg mess inmail =dopo after",
    "length and surface": "short cort brev =sh lung long middl mini bland dull plain caps typo refus emoji fancy digit numer cifre euro percent dat giorn "
    "ieri anti numb char =end fine =fin coda =ult =ps =p =pers person personal nonnat inglese regist lei =tu =voi =noi =we terse solo seconda length medi misti mixed mix single senza "
    "statement contrast =f =s =d =c =cu =ct =cl",
}
OTHER = "a trade, a place, a topic"


def _family_patterns() -> dict[str, re.Pattern[str]]:
    patterns = {}
    for family, words in FAMILIES.items():
        parts = [rf"{word[1:]}(?![^\W\d_])" if word.startswith("=") else word for word in words.split()]
        patterns[family] = re.compile(r"(?<![^\W\d_])(?:" + "|".join(parts) + ")")
    return patterns
