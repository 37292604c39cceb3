"""What the commands show people in a terminal; decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from notequality.explain import messages
from notequality.language import LANGUAGES

if TYPE_CHECKING:
    from notequality.advice import Advice
    from notequality.batch import Summary
    from notequality.scorer import ScoredNote

_BAR = 20
# Colours that people who confuse red and green can tell; the mark in front says the same without colour.
_STYLES = {"personalised": ("+", "bold blue"), "generic": ("~", "bold yellow"), "spammy": ("!", "bold magenta")}
_PLAIN = ("·", "bold")
# What would command the terminal that a note is shown on; carriage returns are dropped.
_CONTROLS = {**dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "\ufffd"), 13: None}


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _highlighted(note: ScoredNote) -> Text:
    """The note with its phrases between the marks of their effects, in colour."""
    shown, last = Text(), 0
    for item in note.evidence:
        if item.start < last:
            continue
        mark, style = _STYLES[item.effect]
        shown.append(note.text[last : item.start].translate(_CONTROLS))
        shown.append(f"[{mark}{item.text.translate(_CONTROLS)}{mark}]", style=style)
        last = item.end
    return shown.append(note.text[last:].translate(_CONTROLS))


def show_note(note: ScoredNote, advice: Sequence[Advice], limit: int) -> None:
    """Print a judgement: label, score bar, the note with its phrases marked, reasons, advice."""
    console = _console()
    texts = messages(note.language if note.language in LANGUAGES else "en")
    words = texts["cli"]
    mark, style = _STYLES.get(note.label, _PLAIN)
    head = Text(f"{mark} {texts['labels'][note.label].upper()}", style=style)
    if note.score is not None:
        filled = round(note.score / 100 * _BAR)
        sure = words["certain"] if note.certain else words["uncertain"]
        head.append(f"   {words['score']} {note.score}/100 ", style="default")
        head.append("█" * filled + "░" * (_BAR - filled), style=style)
        head.append(f"  {sure}", style="default")
    console.print(head)
    console.print(f"{note.length}/{limit} {words['characters']}\n")
    console.print(_highlighted(note))
    if note.evidence:
        console.print(f"\n[bold]{words['why']}[/bold]")
        for item in note.evidence:
            console.print(f"  {_STYLES[item.effect][0]} {escape(item.text.translate(_CONTROLS))}: {escape(item.reason)}")
    console.print(f"\n[bold]{words['advice']}[/bold]")
    for piece in advice:
        console.print(f"  - {escape(piece.message)}")


def show_summary(summary: Summary) -> None:
    """Print what became of every row of a batch, to standard error if the table itself went to standard output."""
    stream = sys.stderr if summary.output == "-" else sys.stdout
    lines = [(summary.rows_in, "rows read")]
    lines += [(number, f"{_STYLES[label][0]} {label}") for label, number in summary.labels.items()]
    lines += [(summary.empty, "without a note"), (summary.unsupported, "in another language")]
    for reason, number in summary.skipped.items():
        places = summary.places.get(reason, ())
        more = " …" if number > len(places) else ""
        lines.append((number, f"left out: {reason} ({', '.join(places)}{more})"))
    if summary.unread:
        sys.stderr.write(f"not read, since others lie nearer to the top: {', '.join(summary.unread)}\n")
    stream.writelines(f"{number:>9,}  {what}\n" for number, what in lines)
    stream.write(f"written: {summary.output}   model: {summary.model}\n")


def show_figures(name: str, figures: Mapping[str, Any]) -> None:
    """Print the figures of `evaluate` as a table."""
    labels = list(figures["classes"])
    heads = "".join(f"{head:>18}" for head in ("macro-F1", *(f"F1 {label}" for label in labels)))
    sys.stdout.write(f"{name:<12}{'n':>8}{heads}\n")
    for part, values in (("all", figures), *figures["languages"].items()):
        scores = (values["macro_f1"], *(values["classes"][label]["f1"] for label in labels))
        sys.stdout.write(f"{part:<12}{values['n']:>8,}{''.join(f'{score:>18.3f}' for score in scores)}\n")
    sys.stdout.write(f"expected calibration error {figures['ece']:.3f}   Brier score {figures['brier']:.3f}\n")
