"""No module of the judgement needs itself, through whatever others: types alone count, too."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import warning

ROOM = Path(warning.__file__).parent


def imported(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    froms = (node for node in found if isinstance(node, ast.ImportFrom))
    names: set[str] = set()
    for node in froms:
        if node.module == "warning":
            names |= {alias.name for alias in node.names}
        elif node.module and node.module.startswith("warning."):
            names.add(node.module.split(".")[1])
    return names


def test_imports_of_the_judgement_never_run_in_a_circle() -> None:
    modules = {path.stem: imported(path) for path in ROOM.glob("*.py")}
    assert modules["engine"] >= {"arrears", "measures"}
    order = list(TopologicalSorter(modules).static_order())  # CycleError names the circle.
    assert order.index("indicators") < order.index("scorecard")
