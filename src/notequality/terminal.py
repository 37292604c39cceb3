"""What the commands show people in a terminal; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
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


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _highlighted(note: ScoredNote) -> Text:
    """The note with its phrases between the marks of their effects, in colour."""
    shown, last = Text(), 0
    for item in note.evidence:
        if item.start < last:
            continue
        mark, style = _STYLES[item.effect]
        shown.append(note.text[last : item.start])
        shown.append(f"[{mark}{item.text}{mark}]", style=style)
        last = item.end
    return shown.append(note.text[last:])


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
            console.print(f"  {_STYLES[item.effect][0]} {escape(item.text)}: {escape(item.reason)}")
    console.print(f"\n[bold]{words['advice']}[/bold]")
    for piece in advice:
        console.print(f"  - {escape(piece.message)}")


def show_summary(summary: Summary) -> None:
    """Print what became of every row of a batch, to standard error if the table itself went to standard output."""
    console = Console(highlight=False, soft_wrap=True, stderr=summary.output == "-")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{summary.rows_in:,}", "rows read")
    for label, number in summary.labels.items():
        table.add_row(f"{number:,}", f"{_STYLES[label][0]} {label}")
    table.add_row(f"{summary.empty:,}", "without a note")
    table.add_row(f"{summary.unsupported:,}", "in another language")
    for reason, number in summary.skipped.items():
        places = ", ".join(summary.places.get(reason, ()))
        table.add_row(
            f"{number:,}",
            escape(f"left out: {reason}" + (f" ({places}{' …' if number > 5 else ''})" if places else "")),
        )
    console.print(table)
    console.print(escape(f"written: {summary.output}   model: {summary.model}"))


def show_figures(name: str, figures: Mapping[str, Any]) -> None:
    """Print the figures of `evaluate` as a table."""
    console = _console()
    table = Table(title=escape(name), title_justify="left", box=None, padding=(0, 2, 0, 0))
    labels = list(figures["classes"])
    for head in ("", "n", "macro-F1", *(f"F1 {label}" for label in labels)):
        table.add_column(head, justify="left" if not head else "right")
    for part, values in (("all", figures), *figures["languages"].items()):
        scores = [f"{values['classes'][label]['f1']:.3f}" for label in labels]
        table.add_row(part, f"{values['n']:,}", f"{values['macro_f1']:.3f}", *scores)
    console.print(table)
    console.print(f"expected calibration error {figures['ece']:.3f}   Brier score {figures['brier']:.3f}")
