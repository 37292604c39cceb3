"""A module imports only from those before it in the reading order, also inside functions and for type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "notequality"
ORDER = (
    "errors folding language text masking cues readings encoder fitted features tuning model store explain scorer advice "
    "archives tables formats inboxes exports batch "
    "evaluate train terminal cli"
).split()
# Beside the order, ties that must not come about: these know nothing of the others.
STRANGERS = {
    "features": {"encoder", "tuning", "store"},
    "store": {"model", "features", "encoder", "tuning"},
    "exports": {"model", "scorer", "features", "store"},
    "archives": {"model", "scorer", "features", "store", "text"},
    "tables": {"model", "scorer", "features", "store", "text"},
    "batch": {"model", "scorer", "features", "store"},
    "encoder": {"features", "text", "model", "store"},
}


def imported(source: str) -> set[str]:
    """The modules of the package that a source names in any import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(name.split(".")[1] for name in names if name.startswith("notequality."))
    return found


def test_every_module_stands_in_the_table() -> None:
    assert {path.stem for path in SOURCE.glob("*.py")} == {"__init__", *ORDER}
    assert len(ORDER) == len(set(ORDER))
    assert [path for path in SOURCE.rglob("*.py") if path.parent != SOURCE] == []


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_before_it(module: str) -> None:
    allowed = {*ORDER[: ORDER.index(module)], "__version__"}
    assert imported((SOURCE / f"{module}.py").read_text(encoding="utf-8")) - allowed == set()


@pytest.mark.parametrize("module", STRANGERS)
def test_some_modules_do_not_know_each_other(module: str) -> None:
    assert imported((SOURCE / f"{module}.py").read_text(encoding="utf-8")) & STRANGERS[module] == set()


def test_the_front_door_opens_on_errors_and_scorer_only() -> None:
    assert imported((SOURCE / "__init__.py").read_text(encoding="utf-8")) == {"errors", "scorer"}


def test_imports_are_found_wherever_they_hide() -> None:
    source = (
        "import notequality.cli\nfrom notequality.store import find\nfrom notequality import train\nif TYPE_CHECKING:\n"
        "    from notequality.batch import Summary\ndef f():\n    from notequality import model as m\nimport json"
    )
    assert imported(source) == {"cli", "store", "train", "batch", "model"}
