"""The condition language of rules: arithmetic and logic over indicators, compiled to numpy.

`compile_condition("dpd_days >= 30 and coverage_ratio < 0.5", names)` reads the text with Python's
own parser, lets through a short list of node kinds and builds array functions. There are no names
beyond the catalogue, no attributes, no indexing, no strings, no calls beyond `min`, `max`, `abs`,
`known` and those of `derived`, and no code of a rule is ever executed by Python itself. A derived
column is read by its text, as an indicator is by its name.

Unknown (NaN) is a third truth value, as in Kleene's strong logic. A comparison with an unknown is
neither true nor false, in either direction, `!=` included. `not unknown` is unknown; `and` is false
as soon as one side is false, `or` true as soon as one side is true, whatever is unknown beside
it. Arithmetic with an unknown, and division by zero, is unknown. So each condition is compiled
twice: where it certainly `holds` and where it certainly `fails`; unknown is neither, and a rule
that asks "does it hold?" can never ring, or fall silent, for want of data.

Does not know rules, days or loans.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warning import derived

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Values = Mapping[str, FloatArray]
_Number = Callable[[Values], Any]
_Truth = Callable[[Values], Any]

MAX_LENGTH = 500
"""Characters in one condition; a rule that needs more is two rules."""
LARGEST = 1e18
"""No number of a rule is larger; money has at most 17 digits."""


def _divide(a: Any, b: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(b, 0), np.nan, np.divide(a, b))


_COMPARE: dict[type[ast.cmpop], tuple[Callable[..., Any], Callable[..., Any]]] = {
    ast.Lt: (np.less, np.greater_equal),
    ast.LtE: (np.less_equal, np.greater),
    ast.Gt: (np.greater, np.less_equal),
    ast.GtE: (np.greater_equal, np.less),
    ast.Eq: (np.equal, lambda a, b: (a < b) | (a > b)),
    ast.NotEq: (lambda a, b: (a < b) | (a > b), np.equal),
}
"""Each comparison with its opposite; both are False where a side is NaN."""
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: _divide,
}
MOST_TOLD = 60
"""Characters of a wrong word that are told."""
_MEANT = (
    (r"&|\bAND\b|\bAnd\b", "conditions are joined by the word and"),
    (r"\||\bOR\b|\bOr\b", "conditions are joined by the word or"),
    (r"!(?!=)|\bNOT\b|\bNot\b", "the opposite is written not"),
    (r"=<|≤", "at most is written <="),
    (r"=>|≥", "at least is written >="),
    (r"<>|≠", "different is written !="),
    (r"(?<![<>=!:])=(?!=)", "equal is written =="),
    (r"%", "a share is a ratio: 50 % is 0.5"),
    (r"[，（）＞＜＝！]", "signs are those of an English keyboard: , ( ) > < = !"),
)
"""What people write who mean something that the language has, and how it is written here."""
CALLS = ("abs", *derived.CALLS, "known", "max", "min")
"""The only words that may be called."""
_FORMS = {
    "change": f"change(indicator, days) with 1 to {derived.MAX_CHANGE_DAYS} days",
    "percentile": f"percentile(indicator, segment), a segment of {', '.join(derived.SEGMENTS)}",
    "others": "others(loan) or others(borrower)",
}


class ExpressionError(Exception):
    """A condition that the language does not have. `word` is wrong, on `line` (from 0) of it."""

    def __init__(self, message: str, *, word: str, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.word, self.line = message, word[:MOST_TOLD], line


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition.

    `holds` and `fails` map named float64 columns of one shape to a bool column: where the condition
    is certainly true, and where it is certainly false. `names` are the indicators it reads.
    """

    text: str
    names: tuple[str, ...]
    holds: Callable[[Values], BoolArray]
    fails: Callable[[Values], BoolArray]

    def holds_in(self, values: Mapping[str, float]) -> bool:
        """Whether it certainly holds for one set of values."""
        return bool(self.holds({name: np.array([values[name]]) for name in self.names})[0])

    def opposite(self) -> Condition:
        """`not (self)`."""
        return Condition(f"not ({self.text})", self.names, self.fails, self.holds)


def compile_condition(text: str, catalogue: Collection[str]) -> Condition:
    """Text -> condition over the indicators of `catalogue`.

    Errors: ExpressionError naming the word that is wrong and its line within the text.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"a condition may have {MAX_LENGTH} characters, this has {len(text)}", word=text[:20]
        )
    _check_brackets(text)
    try:
        # Parentheses let a condition run over several lines.
        tree = ast.parse(f"({text}\n)", mode="eval").body
        compiler = _Compiler(text, frozenset(catalogue))
        holds, fails = compiler.truth(tree)
    except SyntaxError as error:
        raise _not_an_expression(text, error) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError("the condition is nested too deeply", word=text[:20]) from None
    if not compiler.names:
        raise ExpressionError("the condition reads no indicator", word=text.strip()[:40])
    return Condition(" ".join(text.split()), tuple(sorted(compiler.names)), holds, fails)


def parts_of(condition: Condition, catalogue: Collection[str]) -> list[tuple[int, Condition]]:
    """The condition and the parts it is joined of by and, or, not, each with its depth, in order.

    A part certainly holds, certainly fails, or is unknown, as the whole.
    """
    found: list[tuple[int, Condition]] = []
    source = f"({condition.text}\n)"
    waiting: list[tuple[int, ast.expr]] = [(0, ast.parse(source, mode="eval").body)]
    while waiting:
        depth, node = waiting.pop()
        text = ast.get_source_segment(source, node) or ast.unparse(node)
        found.append((depth, compile_condition(text, catalogue)))
        inner = node.values if isinstance(node, ast.BoolOp) else []
        if isinstance(node, ast.UnaryOp):
            inner = [node.operand]
        waiting += [(depth + 1, part) for part in reversed(inner)]
    return found


def _is_constant(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(node))


def _check_brackets(text: str) -> None:
    opened: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines()):
        code = line.partition("#")[0]
        for at, sign in enumerate(code):
            if sign == "(":
                opened.append((number, code[at:].split()[0]))
            elif sign == ")" and not opened:
                raise ExpressionError("a bracket too many", word=code[at:].split()[0], line=number)
            elif sign == ")":
                opened.pop()
    if opened:
        number, word = opened[-1]
        raise ExpressionError("this bracket is not closed", word=word, line=number)


def _not_an_expression(text: str, error: SyntaxError) -> ExpressionError:
    lines = text.splitlines() or [""]
    line = min(max((error.lineno or 1) - 1, 0), len(lines) - 1)
    start = (error.offset or 1) - 1 - (line == 0)
    word = (lines[line][max(start, 0) :].split() or lines[line].split() or [text])[0]
    return ExpressionError(f"not an expression{_hint(text)}", word=word, line=line)


def _hint(text: str) -> str:
    """What to write instead, where another language was meant."""
    found = (said for sign, said in _MEANT if re.search(sign, text))
    return "".join(f"; {said}" for said in islice(found, 1))


class _Compiler:
    """One walk over the syntax tree; numbers give one function, truths a pair."""

    def __init__(self, text: str, catalogue: frozenset[str]) -> None:
        self.text, self.catalogue = text, catalogue
        self.names: set[str] = set()

    def truth(self, node: ast.expr) -> tuple[_Truth, _Truth]:
        """(where it holds, where it fails)."""
        if isinstance(node, ast.BoolOp):
            holds, fails = zip(*map(self.truth, node.values), strict=True)
            both, either = _all(holds), _any(fails)
            if isinstance(node.op, ast.And):
                return both, either
            return _any(holds), _all(fails)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            holds_, fails_ = self.truth(node.operand)
            return fails_, holds_
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.Call) and _called(node) == "known":
            (inner,) = self._arguments(node, exactly=1)
            return (lambda v: ~np.isnan(inner(v))), (lambda v: np.isnan(inner(v)))
        raise self._wrong(node, "a condition is expected here: a comparison, and, or, not, known()")

    def number(self, node: ast.expr) -> _Number:
        """The value of an arithmetic expression."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return self._constant(node, node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return self._indicator(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            apply, left, right = _ARITHMETIC[type(node.op)], *map(self.number, _sides(node))
            if apply is _divide and _is_constant(node.right) and not right({}):
                raise self._wrong(node, "a division by zero is never known")
            return lambda v: apply(left(v), right(v))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self.number(node.operand)
            return inner if isinstance(node.op, ast.UAdd) else (lambda v: -inner(v))
        if isinstance(node, ast.Call):
            return self._call(node)
        raise self._wrong(node, "a number or an indicator is expected here")

    def _compare(self, node: ast.Compare) -> tuple[_Truth, _Truth]:
        if not all(type(op) in _COMPARE for op in node.ops):
            raise self._wrong(node, "only < <= > >= == != compare, and known(x) asks for a value")
        sides = [self.number(side) for side in (node.left, *node.comparators)]
        holds, fails = [], []
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            pair = _COMPARE[type(op)]
            holds.append(_over(pair[0], left, right))
            fails.append(_over(pair[1], left, right))
        return _all(holds), _any(fails)

    def _constant(self, node: ast.Constant, number: float) -> _Number:
        if not abs(number) <= LARGEST:
            raise self._wrong(node, "the number is too large")
        value = float(number)
        return lambda _: value

    def _indicator(self, node: ast.Name) -> _Number:
        self._known(node, node.id)
        self.names.add(node.id)
        return operator.itemgetter(node.id)

    def _known(self, node: ast.expr, name: str) -> None:
        if name not in self.catalogue:
            raise self._wrong(node, f"no indicator is called {name}{_nearest(name, self)}")

    def _call(self, node: ast.Call) -> _Number:
        name = _called(node)
        if name == "abs":
            (inner,) = self._arguments(node, exactly=1)
            return lambda v: np.abs(inner(v))
        if name in ("min", "max"):
            parts = self._arguments(node)
            pick = np.minimum if name == "min" else np.maximum
            return lambda v: reduce(pick, [part(v) for part in parts])
        if name in _FORMS:
            return self._derived(node, name)
        raise self._wrong(
            node.func, f"only {', '.join(CALLS)} can be called, and known() is a truth"
        )

    def _derived(self, node: ast.Call, name: str) -> _Number:
        words = [ast.unparse(argument) for argument in node.args]
        found = derived.derived(f"{name}({', '.join(words)})")
        if found is None or node.keywords:
            raise self._wrong(node, f"written {_FORMS[name]}")
        if found.of:
            self._known(node.args[0], found.of)
        self.names.add(found.text)
        return operator.itemgetter(found.text)

    def _arguments(self, node: ast.Call, *, exactly: int | None = None) -> list[_Number]:
        if node.keywords or not node.args or (exactly and len(node.args) != exactly):
            wanted = "one argument" if exactly == 1 else "arguments separated by commas"
            raise self._wrong(node, f"{_called(node)}() takes {wanted}")
        return [self.number(argument) for argument in node.args]

    def _wrong(self, node: ast.expr, message: str) -> ExpressionError:
        word = ast.get_source_segment(f"({self.text}\n)", node) or self.text
        told = f"{message}{_hint(word)}"
        return ExpressionError(told, word=word.splitlines()[0], line=node.lineno - 1)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _sides(node: ast.BinOp) -> tuple[ast.expr, ast.expr]:
    return node.left, node.right


def _over(compare: Callable[..., Any], left: _Number, right: _Number) -> _Truth:
    return lambda v: compare(left(v), right(v))


def _all(parts: Collection[_Truth]) -> _Truth:
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    return lambda v: reduce(operator.and_, [part(v) for part in parts])


def _any(parts: Collection[_Truth]) -> _Truth:
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    return lambda v: reduce(operator.or_, [part(v) for part in parts])


def _nearest(name: str, compiler: _Compiler) -> str:
    close = nearest_word(name, compiler.catalogue)
    return f"; did you mean {close}?" if close else ""


def nearest_word(word: str, known: Collection[str]) -> str:
    """The one of `known` most like `word`, or "" if none is much alike."""
    return next(iter(get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")
