"""Writes `src/notequality/words/{it,en}.txt`: the ordinary words of each language, as the labelled notes use them.

A word is ordinary if at least two groups of notes write it in lower case away from the start of a sentence; so names do
not get in. Run it after the data has grown: `python data/word_lists.py`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSIDE = re.compile(r"(?<=[a-zà-ÿ,;'’] )[a-zà-ÿ]+(?:'(?=[a-zà-ÿ]))?|(?<=['’])[a-zà-ÿ]+")
# Greetings and the like stand at the start, where capitals hide them.
OPENERS = {
    "it": (
        "buongiorno buonasera ciao salve gentile gentilissimo gentilissima egregio spett cara caro carissimo "
        "carissima pregiatissimo grazie piacere arrivederci saluti buon buona egregia stimato stimata ehi "
        "auguri acquistiamo arrediamo aspettando attendo compriamo connettiamoci dovrei eccoci gentili guasto "
        "parrucchiera pendolare produco purtroppo rimango sentiamoci torniamo valuto verresti votami "
        "iscriviti registrati contattami realizzo scrivimi chiamami scarica prenota scopri clicca visita "
    ),
    "en": (
        "hello hi hey dear greetings thanks good morning afternoon evening hiya howdy regards cheers "
        "respected welcome sir madam nice connect aspiring membership plasterer realtor serving subscribe "
        "register download book click let s "
    ),
}


def main() -> None:
    """Count the words and write both lists, sorted."""
    groups: dict[str, dict[str, set[str]]] = {"it": defaultdict(set), "en": defaultdict(set)}
    for path in sorted((ROOT / "data").glob("notes*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            if note.get("part") == "test":
                continue
            for word in INSIDE.findall(note["text"]):
                groups[note["language"]][word.strip("'")].add(note["group"])
    for language, words in groups.items():
        kept = {word for word, seen in words.items() if len(seen) > 1} | set(OPENERS[language].split())
        target = ROOT / "src" / "notequality" / "words" / f"{language}.txt"
        head = f"# Ordinary {language} words, made by data/word_lists.py from the training notes.\n"
        target.write_text(head + "\n".join(sorted(kept)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
