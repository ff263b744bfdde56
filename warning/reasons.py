"""Sentences for people: a template with numbers, filled from indicator values.

`{dpd_days}` is an indicator as it is, and `{change(dpd_days, 30)}` a derived column; `{arrears}` is
`arrears_minor` as decimal text in the loan's currency; `{coverage_percent}` is `coverage_ratio` in
percent; `{currency}` is the loan's. Unknown placeholders are refused when the pack is loaded, so
filling cannot fail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from string import Formatter

from ledger.money import grouped
from warning.derived import derived

UNKNOWN = {"en": "unknown", "zh": "未知"}
"""How an unknown number reads, by language."""
Language = str
_Fill = Callable[[Mapping[str, float], str, Language], str]


class TemplateError(Exception):
    """A template with a placeholder that nothing can fill; `word` names it."""

    def __init__(self, message: str, *, word: str) -> None:
        super().__init__(message)
        self.message, self.word = message, word


@dataclass(frozen=True, slots=True)
class Template:
    """A checked sentence: literal text and placeholders in turn. `names` are its indicators."""

    text: str
    names: tuple[str, ...]
    _parts: tuple[tuple[str, _Fill | None], ...]

    def fill(self, values: Mapping[str, float], *, currency: str, language: Language) -> str:
        """The sentence with its numbers; NaN reads as "unknown"."""
        return "".join(
            literal + (put(values, currency, language) if put else "")
            for literal, put in self._parts
        )


def parse_template(text: str, catalogue: Collection[str]) -> Template:
    """Text -> template over the indicators of `catalogue`. Errors: TemplateError."""
    fills = placeholders(catalogue)
    parts: list[tuple[str, _Fill | None]] = []
    names: dict[str, None] = {}
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"not a template: {error}", word=text[:30]) from None
    for literal, field, spec, conversion in pieces:
        if field is None:
            parts.append((literal, None))
            continue
        if spec or conversion:
            raise TemplateError("a placeholder is a name alone", word=f"{{{field}")
        column = derived(field)
        if column is not None and column.of in ("", *catalogue):
            fills[field] = (column.text, _plain(column.text))
        if field not in fills:
            raise TemplateError(f"nothing fills the placeholder {{{field}}}", word=f"{{{field}}}")
        name, fill = fills[field]
        names |= {name: None} if name else {}
        parts.append((literal, fill))
    return Template(text, tuple(names), tuple(parts))


def placeholders(catalogue: Collection[str]) -> dict[str, tuple[str, _Fill]]:
    """Every placeholder a template may use -> (its indicator or "", how it is written)."""
    fills: dict[str, tuple[str, _Fill]] = {"currency": ("", lambda _v, currency, _l: currency)}
    for name in catalogue:
        fills[name] = (name, _plain(name))
        if name.endswith("_minor"):
            fills[name.removesuffix("_minor")] = (name, _money(name))
        elif "_ratio" in name:
            fills[name.replace("_ratio", "_percent")] = (name, _percent(name))
    return fills


def _plain(name: str) -> _Fill:
    return lambda values, _c, language: _number(values[name], language)


def _money(name: str) -> _Fill:
    def fill(values: Mapping[str, float], currency: str, language: Language) -> str:
        value = values[name]
        return UNKNOWN[language] if not isfinite(value) else grouped(round(value), currency)

    return fill


def _percent(name: str) -> _Fill:
    def fill(values: Mapping[str, float], _currency: str, language: Language) -> str:
        value = values[name]
        return UNKNOWN[language] if not isfinite(value) else f"{round(value * 100)} %"

    return fill


def _number(value: float, language: Language) -> str:
    if not isfinite(value):
        return UNKNOWN[language]
    if value == int(value):
        return str(int(value))
    return f"{value:.2f}".rstrip("0").rstrip(".")


PHRASES = {
    "en": {
        "silence_over": "Rings again, the silence is over: {reason}",
        "inhibition_over": "Rings now, the warning that muted it is over: {reason}",
        "budget_free": "Rings now, its officer's day has room: {reason}",
        "reopened": "Holds again, soon after it was resolved: {reason}",
        "deferred": "Number {place} in its officer's queue: the {most} rings of the day are spent.",
        "referred": "Nobody answered within {days} business days: it goes to {role}.",
        "resolved": "No longer so: {title}.",
        "loan_closed": "The loan is closed ({why}).",
        "rule_gone": "The rule {rule} is no longer in force.",
        "pending": "Rings if it holds for {days} business days: {reason}",
        "waits_anew": "Rules were adopted: waiting times start anew.",
        "score_lost": "{reason} Points lost: {lost}.",
        "score_drifted": "The score meets other loans than it was fitted on: stability index "
        "{index}; it says {now} on average, {then} when it was fitted. Fit it anew, or judge it by "
        "what became of the loans.",
        "score_settled": "The score meets the loans again that it was fitted on: stability index "
        "{index}.",
        "score_miscalibrated": "Of the loans judged on {day}, {seen} defaulted ({low} to {high}); "
        "the score had said {said}, and {off} of {bands} bands came out otherwise than said. Fit "
        "it anew, and trust rules that do not ask for it until then.",
        "score_calibration_restored": "Of the loans judged on {day}, {seen} defaulted; the score "
        "had said {said}.",
        "expired": "Nobody answered within {days} business days.",
        "withdrawn": "{fact}, recorded on {known} with value date {value}, took the cause away.",
    },
    "zh": {
        "silence_over": "静默期已过,再次预警:{reason}",
        "inhibition_over": "抑制它的预警已结束,现予提示:{reason}",
        "budget_free": "客户经理当日预警额度有余,现予提示:{reason}",
        "reopened": "解除后不久再次成立:{reason}",
        "deferred": "当日 {most} 条预警额度已满,排队第 {place} 位。",
        "referred": "{days} 个工作日内无人处理,上报 {role}。",
        "resolved": "已不再成立:{title}。",
        "loan_closed": "贷款已关闭({why})。",
        "rule_gone": "规则 {rule} 已停用。",
        "pending": "若持续 {days} 个工作日则预警:{reason}",
        "waits_anew": "规则已更换,等待期重新计算。",
        "score_lost": "{reason} 失分:{lost}。",
        "score_drifted": "评分所面对的贷款已不同于建模样本:稳定性指数 {index};"
        "平均违约概率 {now},建模时 {then}。请重新拟合或以实际结果检验。",
        "score_settled": "评分所面对的贷款重新与建模样本一致:稳定性指数 {index}。",
        "score_miscalibrated": "{day} 评分的贷款中 {seen} 违约(区间 {low} 至 {high}),评分所示为 "
        "{said};{bands} 个分段中 {off} 个与所示不符。请重新拟合,其间以不依赖评分的规则为准。",
        "score_calibration_restored": "{day} 评分的贷款中 {seen} 违约,评分所示为 {said}。",
        "expired": "{days} 个工作日内无人处理。",
        "withdrawn": "{known} 补录、起算日为 {value} 的事实 {fact} 使预警原因不复存在。",
    },
}
"""What the watch says by itself, by language."""


def phrase(language: Language, key: str, **words: str | int) -> str:
    """One of the watch's own sentences."""
    return PHRASES[language][key].format(**words)
