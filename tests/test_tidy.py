"""House rules that a machine can check: sizes, direction of imports, banned calls, doors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["ledger", "warning", "projections", "streams", "bench"]
DOORS = {
    "eventsourcing": {"ledger/store.py", "ledger/store", "bench/recording.py", "bench/scaled.py"},
    "sqlite3": {"ledger/store.py", "ledger/store", "projections/tables.py", "bench"},
    "psycopg": {"ledger/store.py", "ledger/store", "projections/engines.py", "bench"},
    "sqlalchemy": {"projections"},
    "faust": {"streams/app.py", "streams/agents.py", "streams/kafka.py", "bench"},
    "mode": {"streams/app.py", "streams/agents.py", "bench"},
    "aiohttp": {"streams/post.py"},
    "aiokafka": {"streams/kafka.py", "streams/tail.py", "bench"},
    "sklearn": {"warning/fit.py"},
    "prometheus_client": {"streams/metrics.py"},
    "fastapi": {"streams/api.py", "streams/api", "streams/desk"},
    "jinja2": {"streams/desk/frame.py"},
    "uvicorn": {"streams/web.py"},
    "argon2": {"streams/identity/passwords.py"},
    "cryptography": {"streams/identity/vault.py"},
    "joserfc": {"streams/identity/oidc.py"},
}
CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}
DRAWS = {"random", "secrets"}
MAY_DRAW = {"bench", "streams/identity/draws.py"}  # seeded generators; secrets of sign-ins


def modules() -> list[Path]:
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def everything() -> list[Path]:
    return [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def within(path: Path, places: set[str]) -> bool:
    return any(name(path) == place or name(path).startswith(place + "/") for place in places)


@pytest.mark.parametrize("path", everything(), ids=name)
def test_modules_functions_and_lines_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= 400, f"{name(path)} has {len(lines)} lines; 400 is the limit"
    assert not [n for n, line in enumerate(lines, 1) if len(line) > 100], "lines over 100"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            assert size <= 60, f"{name(path)}: {node.name} has {size} lines; 60 is the limit"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_imports_point_one_way(path: Path) -> None:
    layer = LAYERS.index(name(path).partition("/")[0])
    for module in imports(ast.parse(path.read_text(encoding="utf-8"))):
        top = module.partition(".")[0]
        if top in LAYERS:
            assert LAYERS.index(top) <= layer, f"{name(path)} imports upward: {module}"
        assert top != "tests"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_each_library_has_one_door(path: Path) -> None:
    for module in imports(ast.parse(path.read_text(encoding="utf-8"))):
        places = DOORS.get(module.partition(".")[0])
        assert places is None or within(path, places), (
            f"{name(path)} goes around the door: {module}"
        )


@pytest.mark.parametrize("path", modules(), ids=name)
def test_only_two_modules_read_the_clock_or_draw(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not within(path, {"ledger/dates.py", "bench"}):
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not [call for call in calls if any(call.endswith(clock) for clock in CLOCKS)]
    if not within(path, MAY_DRAW):
        assert not DRAWS & {module.partition(".")[0] for module in imports(tree)}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_no_floats_in_money_and_no_silent_except(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    money = {"money", "waterfall", "postings", "loan", "account", "interest", "schedule", "book"}
    for node in ast.walk(tree):
        if name(path).startswith("ledger/") and path.stem in money:
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
            assert not (isinstance(node, ast.Name) and node.id == "float")
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
            assert not (wide and silent), f"{name(path)}:{node.lineno} swallows every error"
        assert not isinstance(node, ast.Assert), f"{name(path)}:{node.lineno}: `-O` strips assert"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) is not None, f"{name(path)} does not say what it is for"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            public = not node.name.startswith("_")
            assert not public or ast.get_docstring(node), f"{name(path)}: {node.name}"
