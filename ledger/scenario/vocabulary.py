"""Every word of a diary, in one place: what may happen, and what may be expected.

`text` is what `loanbell scenario --words` prints and what ledger/README.md holds; an error about a
line shows the line of its word from here. Reads and decides nothing.
"""

from __future__ import annotations

HAPPENINGS: dict[str, str] = {
    "open": "open LOAN AMOUNT CUR [, method given|annuity|equal_principal|interest_only|bullet, "
    "instalments N, rate %, every N [months|weeks|days], first-due DATE, month-end on, "
    "day-count 30/360|act/360|act/365|act/act, unit AMOUNT, rounding half_up|half_even|down|up, "
    "level exact|equal_periods, down-payment %, revolving on, "
    "grace [principal N] [interest N] [interest-free N] [days N], "
    "roll following|modified_following|preceding [moves-interest], holidays DATE…, worked DATE…, "
    "weekmask 1111100, penalty %, penalty-spread %, misuse %, compound on, "
    "recognition received|accrued, suspend-after DAYS, order C C C C C, "
    "direction component|stage|instalment, principal-first-after DAYS, "
    "borrower ID, account ID, officer ID, branch B, guarantor ID]",
    "disburse": "disburse LOAN AMOUNT",
    "schedule": "schedule LOAN, with indented rows: DATE principal AMOUNT interest AMOUNT",
    "repay": "repay LOAN AMOUNT [, for COMPONENT AMOUNT…, "
    "early hold|reduce_instalment|reduce_term]",
    "reverse": "reverse LOAN REPAYMENT [, reason bounced|chargeback|booking_error|other]",
    "charge": "charge LOAN costs|fees|penalty AMOUNT [, due DATE]",
    "rate": "rate LOAN %",
    "accrue": "accrue LOAN (to the end of the day)",
    "limit": "limit LOAN AMOUNT",
    "officer": "officer LOAN ID [, branch B]",
    "guarantor": "guarantor LOAN ID|none",
    "finding": "finding LOAN NAME on|off [, reason TEXT]",
    "assess": "assess LOAN MEASURE %|off, reason TEXT",
    "value": "value LOAN AMOUNT [, source TEXT] (of all that secures it)",
    "figure": "figure LOAN NAME NUMBER [, source TEXT]",
    "override": "override LOAN REGIME GRADE, by WHO, approved WHO, until DATE, reason TEXT",
    "end-override": "end-override LOAN REGIME, by WHO, approved WHO, reason TEXT",
    "report": "report LOAN AMOUNT [, due AMOUNT, months N]",
    "close": "close LOAN repaid|refinanced|written_off|cancelled [, by WHO, approved WHO]",
    "open-account": "open-account ACCOUNT AMOUNT CUR [, overdraft AMOUNT, borrower ID]",
    "credit": "credit ACCOUNT AMOUNT [, balance AMOUNT, flow F]",
    "debit": "debit ACCOUNT AMOUNT [, balance AMOUNT, flow F]",
    "return": "return ACCOUNT AMOUNT",
    "sale": "sale BORROWER COUNTERPARTY AMOUNT CUR [, tax AMOUNT]",
    "purchase": "purchase BORROWER COUNTERPARTY AMOUNT CUR [, tax AMOUNT]",
    "void": "void BORROWER INVOICE",
    "end-of-day": "end-of-day",
    "refund": "refund LOAN AMOUNT",
    "charge-back": "charge-back LOAN REPAYMENT AMOUNT",
    "revise": "revise LOAN extended|rescheduled|restructured, instalments N [, first-due DATE, "
    "rate %, method M, interest-only N, reason TEXT], or with indented rows as schedule",
    "capitalise": "capitalise LOAN AMOUNT",
    "pause": "pause LOAN, until DATE [, reason TEXT]",
    "resume": "resume LOAN",
    "recover": "recover LOAN AMOUNT",
    "cancel-write-off": "cancel-write-off LOAN [, reason TEXT]",
    "close-period": "close-period",
    "reopen-period": "reopen-period [, reason TEXT]",
    "case": "case BORROWER CASE [, loans LOAN…, cause C, trigger T, reference TEXT, stage S, "
    "owner USER, team T, branch B]",
    "cause": "cause BORROWER CASE cash_gap|operating_loss|dispute|technical|malicious|unknown, "
    "reason TEXT",
    "stage": "stage BORROWER CASE pre_due|early|mid|late|legal|recovery [, reason TEXT]",
    "hand-over": "hand-over BORROWER CASE USER [, team T, branch B], reason TEXT",
    "note": "note BORROWER CASE NOTE [, text SEALED]",
    "attach": "attach BORROWER CASE DOCUMENT SHA256 [, kind K, reference TEXT]",
    "strategy": "strategy BORROWER CASE NAME VERSION [, segment S, treatment T, arm A, "
    "reason TEXT]",
    "close-case": "close-case BORROWER CASE REASON [, remark TEXT]",
    "place": "place BORROWER ZONE [, rules NAME]",
    "contact": "contact BORROWER CASE CONTACT CHANNEL [, loans LOAN…, to ADDRESSEE, agency ID, "
    "queue on]",
    "contacted": "contacted BORROWER CASE CONTACT CHANNEL OUTCOME, made MOMENT [, loans LOAN…, to "
    "ADDRESSEE, agency ID, seconds N, cost AMOUNT, currency CUR] (UTC, as 2024-07-02T13:30; nobody "
    "had asked)",
    "outcome": "outcome BORROWER CASE CONTACT OUTCOME [, seconds N, cost AMOUNT, currency CUR]",
    "consent": "consent BORROWER CHANNEL on|off [, preferred on, at-night on, reason TEXT]",
    "hold": "hold BORROWER REASON [, until DATE, remark TEXT]",
    "lift": "lift BORROWER REASON [, remark TEXT]",
    "promise": "promise BORROWER CASE PROMISE LOAN, parts DATE AMOUNT… [, days N, bps N, "
    "currency CUR] (tolerance)",
    "cancel-promise": "cancel-promise BORROWER CASE PROMISE, reason TEXT",
    "legal": "legal BORROWER CASE STEP demand|mediation|suit|judgment|enforcement LOAN AMOUNT "
    "[, deadline DATE, other AMOUNT, interest-first on, reference TEXT]",
    "signal": "signal BORROWER CASE SIGNAL KIND [, reference TEXT, remark TEXT]",
    "refer": "refer BORROWER CASE REFERRAL, signals SIGNAL…, reason TEXT [, to AUTHORITY]",
    "approve-referral": "approve-referral BORROWER CASE REFERRAL",
    "decline-referral": "decline-referral BORROWER CASE REFERRAL, reason TEXT",
    "exempt": "exempt BORROWER CASE USER, approved WHO, reason TEXT [, reference TEXT]",
}
"""What may happen, by its first word. Capitals stand for values, [ ] for what may be left out."""

OF_A_LOAN: dict[str, str] = {
    "dpd": "dpd N",
    "dpd-from-1": "dpd-from-1 N (the due date itself is day 1)",
    "arrears": "arrears AMOUNT",
    "outstanding": "outstanding AMOUNT (principal)",
    "suspense": "suspense AMOUNT (received and not applied)",
    "paid": "paid COMPONENT AMOUNT",
    "split": "split REPAYMENT [COMPONENT AMOUNT]… (what is not named is 0)",
    "rows": "rows N (of the schedule in force)",
    "instalment": "instalment N DATE PRINCIPAL INTEREST",
    "status": "status open|REASON",
    "officer": "officer ID",
    "branch": "branch B",
    "guarantor": "guarantor ID|none",
    "limit": "limit AMOUNT",
    "rate": "rate %",
    "finding": "finding NAME on|off",
    "delinquent": "delinquent N (days past due less grace and pauses)",
    "exposure": "exposure AMOUNT (principal, and interest and charges due and unpaid)",
    "material": "material N over AMOUNT and % (days on end over both limits)",
    "due": "due DATE AMOUNT unpaid AMOUNT late N",
    "bucket": "bucket LABEL [of END END …] (of days past due, such as 1-30)",
    "overdue": "overdue LABEL AMOUNT [of END END …] (instalments that are so late)",
    "claim": "claim AMOUNT (after a write-off)",
    "version": "version N (schedules recorded)",
    "earned": "earned AMOUNT (contract interest of all days before)",
    "penalty": "penalty PENALTY COMPOUND (interest on what was overdue, of all days before)",
    "accrued": "accrued AMOUNT (interest booked and not received)",
    "off-balance": "off-balance AMOUNT (interest and penalties kept there)",
    "accrual": "accrual on|suspended",
}
"""What may be expected of a loan, by its first word."""

OF_A_BORROWER: dict[str, str] = {
    "case": "case CASE owner|team|branch|cause|stage|status|revision|arm VALUE",
    "contact": "contact CONTACT allowed|reported, or queued|refused|reported RULE [MOMENT|never] "
    "(UTC)",
    "breaches": "breaches USER N (contacts refused, or made against a rule)",
    "held": "held REASON… | nothing",
    "promise": "promise PROMISE open|kept|partial|broken|cancelled AMOUNT (paid since it was made)",
    "limitation": "limitation LOAN CAUSE DATE | none (its last day)",
    "judgment": "judgment STEP DEBT OTHER EXTRA (owed; EXTRA is the interest after the deadline)",
    "referral": "referral CASE REFERRAL proposed|approved|declined",
}
"""What may be expected of a borrower whose debts are collected, by its first word."""

OF_OTHERS: tuple[str, ...] = (
    "expect ACCOUNT [on DATE,] balance AMOUNT",
    "expect books ACCOUNT AMOUNT CUR, … (the double entry so far, debit positive)",
    "expect facts NAME NAME … (the facts of the last happening, such as loan.opened)",
    "expect reallocated ID ID … | nothing (whose splits the last happening changed)",
)
"""What may be expected of anything else."""

FRAME: tuple[str, ...] = (
    "DATE HAPPENING [, valued DATE] [, as ID] (of a borrower also [, by USER, utc HH:MM, "
    "seen REVISION])",
    "DATE refused RULE: HAPPENING",
    "DATE expect LOAN [on DATE,] CLAUSE, CLAUSE …",
)
"""The three kinds of lines. DATE is the day of recording; days never go back."""


def usage(word: str) -> str:
    """How a happening or a clause is written; "" for a word that nobody knows."""
    return HAPPENINGS.get(word) or OF_A_LOAN.get(word) or OF_A_BORROWER.get(word) or ""


def text() -> str:
    """The whole vocabulary, a word a line."""
    parts = (
        ("A line is one of", FRAME),
        ("What may happen", HAPPENINGS.values()),
        ("What may be expected of a loan", OF_A_LOAN.values()),
        ("What may be expected of a borrower", OF_A_BORROWER.values()),
        ("What else may be expected", OF_OTHERS),
    )
    return "\n\n".join(
        "\n".join([f"{head}:", *(f"  {line}" for line in lines)]) for head, lines in parts
    )
