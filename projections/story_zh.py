"""A loan's story in Chinese: how each kind of fact is told. `story` has the same kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ledger.events import (
    AccountDebitReturned,
    ArrearsCapitalised,
    ChargeApplied,
    CollateralValued,
    DelinquencyPaused,
    DelinquencyResumed,
    FigureReported,
    InstalmentsScheduled,
    InterestAccrued,
    LoanAssessed,
    LoanClosed,
    LoanDisbursed,
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanReopened,
    LoanRevised,
    LoanStatusChanged,
    OverpaymentRefunded,
    PositionReported,
    RecoveryReceived,
    RecoveryReversed,
    RepaymentChargedBack,
    RepaymentDesignated,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffAdjusted,
    WriteOffCancelled,
)
from projections.wording import money_text, percent_text

WORDS: Mapping[str, str] = {
    "costs": "费用",
    "fees": "手续费",
    "penalty": "罚息",
    "interest": "利息",
    "principal": "本金",
    "unapplied": "待冲抵款",
    "annuity": "等额本息",
    "equal_principal": "等额本金",
    "interest_only": "按期付息",
    "bullet": "到期一次还本",
    "given": "外部计划",
    "bounced": "退票",
    "chargeback": "拒付",
    "booking_error": "记账差错",
    "other": "其他",
    "repaid": "结清",
    "refinanced": "借新还旧",
    "written_off": "核销",
    "cancelled": "取消",
    "extended": "展期",
    "rescheduled": "调整还款计划",
    "restructured": "重组",
    "reduce_instalment": "减少每期还款额",
    "reduce_term": "缩短期限",
    "misuse_of_funds": "挪用贷款",
    "credit_impaired": "信用减值",
    "seriously_impaired": "严重减值",
    "evasion": "逃废债",
    "bankruptcy": "破产",
    "default_observed": "已发生违约",
    "technical_overdue": "技术性逾期",
    "external_score": "外部评分",
    "price_index": "价格指数",
    "unemployment_percent": "失业率",
    "growth_percent": "增长率",
    "normal": "正常",
    "special_mention": "关注",
    "substandard": "次级",
    "doubtful": "可疑",
    "loss": "损失",
}
"""Stored words as people say them; one that is not here stands as it is stored, with spaces."""


def word(stored: str) -> str:
    """What a stored word is called."""
    return WORDS.get(stored, stored.replace("_", " "))


def _rate(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000:04d} %"


def _why(reason: str) -> str:
    return f"（{reason}）" if reason else ""


def _opened(fact: LoanOpened, currency: str) -> str:
    terms = fact.terms
    return (
        f"向 {fact.borrower_id} 发放贷款 {money_text(fact.principal_minor, currency)}"
        f"（{fact.product}，{word(terms.method)}，{terms.instalments:,} 期，年利率 "
        f"{_rate(terms.rate_ppm)}），客户经理 {fact.officer_id}，机构 {fact.branch}。"
    )


def _scheduled(fact: InstalmentsScheduled, currency: str) -> str:
    rows = fact.instalments
    if not rows:
        return "还款计划为空。"
    total = sum(row.principal_minor + row.interest_minor for row in rows)
    days = [row.due_date for row in rows]
    return (
        f"第 {fact.schedule_version} 版还款计划：{len(rows):,} 期，合计 "
        f"{money_text(total, currency)}，到期日 {min(days)} 至 {max(days)}。"
    )


def _received(fact: RepaymentReceived, currency: str) -> str:
    names = ("costs", "fees", "penalty", "interest", "principal", "unapplied")
    parts = [
        f"{word(name)} {money_text(amount, currency)}"
        for name in names
        if (amount := getattr(fact.split, f"{name}_minor"))
    ]
    return f"还款 {money_text(fact.amount_minor, currency)}：{'，'.join(parts) or '未冲抵'}。"


def _reversed(fact: RepaymentReversed | RecoveryReversed, currency: str) -> str:
    what = "还款" if isinstance(fact, RepaymentReversed) else "收回款"
    amount = money_text(fact.amount_minor, currency)
    return f"{fact.value_date} 的{what} {amount} 不成立（{word(fact.reason)}）。"


def _reported(fact: PositionReported, currency: str) -> str:
    months = fact.months_past_due
    late = f"，逾期 {months:,} 个月" if months else ""
    return f"报告余额 {money_text(fact.outstanding_minor, currency)}{late}。"


def _status(fact: LoanStatusChanged, _: str) -> str:
    verb = "认定" if fact.active else "不再认定"
    return f"{verb}：{word(fact.finding)}{_why(fact.reason)}。"


def _assessed(fact: LoanAssessed, _: str) -> str:
    measure = word(fact.measure)
    if fact.value_ppm is None:
        return f"不再评估：{measure}{_why(fact.reason)}。"
    return f"评估：{measure} {percent_text(fact.value_ppm)}{_why(fact.reason)}。"


def _figure(fact: FigureReported, _: str) -> str:
    value = format(Decimal(fact.value_micro).scaleb(-6).normalize(), "f")
    return f"报告：{word(fact.figure)} {value}{_why(fact.source)}。"


def _overridden(fact: LoanGradeOverridden, _: str) -> str:
    return (
        f"{fact.regime} 分类调整为 {word(fact.grade)}，至 {fact.until}；{fact.requested_by} 提出，"
        f"{fact.approved_by} 审批{_why(fact.reason)}。"
    )


def _override_ended(fact: LoanGradeOverrideEnded, _: str) -> str:
    return (
        f"{fact.regime} 的分类调整结束；{fact.requested_by} 提出，{fact.approved_by} 审批"
        f"{_why(fact.reason)}。"
    )


def _charged(fact: ChargeApplied, currency: str) -> str:
    amount = money_text(fact.amount_minor, currency)
    return f"计收{word(fact.kind)} {amount}，到期日 {fact.due_date}。"


def _accrued(fact: InterestAccrued, currency: str) -> str:
    due = sum(one.penalty_minor + one.compound_minor for one in fact.penalties)
    off = fact.suspended_interest_minor + fact.suspended_penalty_minor
    amounts = (("利息", fact.interest_minor), ("罚息和复利", due), ("表外", off))
    parts = [f"{name} {money_text(minor, currency)}" for name, minor in amounts if minor]
    state = "；停止计息" if fact.suspended else ""
    return f"计息至 {fact.until}：{'，'.join(parts) or '无'}{state}。"


def _closed(fact: LoanClosed, _: str) -> str:
    by = f"；{fact.requested_by} 提出，{fact.approved_by} 审批" if fact.approved_by else ""
    return f"结束：{word(fact.reason)}{by}。"


def _designated(fact: RepaymentDesignated, currency: str) -> str:
    parts = [
        f"{word(part.component)} {money_text(part.amount_minor, currency)}"
        for part in fact.designated
    ]
    if fact.effect != "hold":
        parts.append(f"提前还款部分用于{word(fact.effect)}")
    return f"约定下次还款用途：{'，'.join(parts)}。"


def _revised(fact: LoanRevised, _: str) -> str:
    revision = fact.revision
    if revision is None:
        return f"合同{word(fact.kind)}{_why(fact.reason)}，按给定的还款计划。"
    at = "" if revision.rate_ppm is None else f"，年利率 {_rate(revision.rate_ppm)}"
    return f"合同{word(fact.kind)}{_why(fact.reason)}：再还 {revision.instalments:,} 期{at}。"


def _adjusted(fact: WriteOffAdjusted, currency: str) -> str:
    return f"核销本金相应变动 {money_text(fact.change.principal_minor, currency)}。"


def _cancelled(fact: WriteOffCancelled, _: str) -> str:
    return f"撤销核销{_why(fact.reason)}；期间收回的 {len(fact.recovered):,} 笔款项用于还款。"


def _amount(before: str, after: str = "") -> Callable[[Any, str], str]:
    return lambda fact, currency: f"{before} {money_text(fact.amount_minor, currency)}{after}。"


TELL: dict[type, Callable[[Any, str], str]] = {
    LoanOpened: _opened,
    LoanDisbursed: _amount("放款"),
    InstalmentsScheduled: _scheduled,
    RepaymentReceived: _received,
    RepaymentReversed: _reversed,
    RepaymentsReallocated: lambda fact, _: f"因此重新冲抵其后的 {len(fact.changes):,} 笔还款。",
    ChargeApplied: _charged,
    InterestAccrued: _accrued,
    LoanRateChanged: lambda fact, _: f"年利率 {_rate(fact.rate_ppm)}。",
    LoanLimitChanged: lambda fact, currency: f"额度 {money_text(fact.limit_minor, currency)}。",
    LoanOfficerChanged: lambda fact, _: f"客户经理 {fact.officer_id}，机构 {fact.branch} 接手。",
    LoanGuarantorChanged: lambda fact, _: f"担保人：{fact.guarantor_id or '无'}。",
    LoanStatusChanged: _status,
    LoanAssessed: _assessed,
    LoanGradeOverridden: _overridden,
    LoanGradeOverrideEnded: _override_ended,
    PositionReported: _reported,
    CollateralValued: lambda fact, currency: (
        f"抵质押物估值 {money_text(fact.value_minor, currency)}{_why(fact.source)}。"
    ),
    FigureReported: _figure,
    LoanClosed: _closed,
    RepaymentDesignated: _designated,
    OverpaymentRefunded: _amount("退还多还款"),
    RepaymentChargedBack: _amount("拒付", "，重新计欠"),
    LoanRevised: _revised,
    ArrearsCapitalised: _amount("欠款转为本金"),
    DelinquencyPaused: lambda fact, _: f"暂停计算逾期至 {fact.until}{_why(fact.reason)}。",
    DelinquencyResumed: lambda _, __: "恢复计算逾期。",
    RecoveryReceived: _amount("核销后收回"),
    RecoveryReversed: _reversed,
    WriteOffAdjusted: _adjusted,
    WriteOffCancelled: _cancelled,
    LoanReopened: lambda fact, _: f"重新开立：{fact.value_date} 结束时实际并未结清。",
    AccountDebitReturned: _amount("自动扣款", " 被退回"),
}
"""What is said of each kind of fact."""
