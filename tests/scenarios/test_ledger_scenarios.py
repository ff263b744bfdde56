"""Every diary beside this file comes true; a line that cannot be read is named with its word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger.scenario
import ledger.scenario.table
from ledger.scenario import DiaryUnreadable, run_scenario, run_table, vocabulary
from ledger.scenario.asked_collection import COLLECTION_CLAUSES
from ledger.scenario.expect import LOAN_CLAUSES
from ledger.scenario.verbs import VERBS

DIARIES = sorted(
    path
    for kind in ("ledger", "collection")
    for path in Path(__file__).parent.glob(f"{kind}_*.txt")
)


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_the_diary_comes_true(path: Path) -> None:
    report = run_scenario(path.read_text(encoding="utf-8"), name=path.name)
    assert report.checks > 0
    assert not report.failures, str(report)


def test_the_table_comes_true() -> None:
    path = Path(__file__).with_name("ledger_table.csv")
    report = run_table(path.read_text(encoding="utf-8"), name=path.name)
    assert report.checks == 27
    assert not report.failures, str(report)


def test_the_example_in_the_documentation_comes_true() -> None:
    documentation = ledger.scenario.__doc__ or ""
    lines = [line[4:] for line in documentation.splitlines() if line.startswith("    2024-")]
    report = run_scenario("\n".join(lines), name="documentation")
    assert report.checks == 9
    assert not report.failures, str(report)


OPEN = "2024-01-01 open L1 100.00 EUR, method annuity, instalments 6, rate 9.4822\n"
PAID = OPEN + "2024-01-01 disburse L1 100.00\n"


@pytest.mark.parametrize(
    ("clause", "actual"),
    [
        ("L1 dpd 3", "4"),
        ("L1 arrears 17.12", "17.13"),
        ("L1 outstanding 99.99", "100.00"),
        ("L1 instalment 7 2024-08-01 1.00 1.00", "6 rows"),
        ("L1 split R1 interest 1.00", "no such repayment"),
        ("L1 status repaid", "open"),
        ("books assets:clearing 0.00 EUR", "-100.00"),
        ("facts loan.opened", "['loan.disbursed', 'loan.instalments_scheduled']"),
        ("reallocated R1", "[]"),
    ],
)
def test_a_wrong_expectation_fails_with_both_sides(clause: str, actual: str) -> None:
    report = run_scenario(f"{PAID}2024-02-05 expect {clause}\n", name="wrong")
    (failure,) = report.failures
    assert failure.number == 3
    assert failure.actual == actual
    assert f"line 3: 2024-02-05 expect {clause}" in str(report)


def test_a_refusal_that_was_not_expected_fails_and_so_does_one_that_did_not_come() -> None:
    text = f"{PAID}2024-02-01 repay L1 5.00 USD\n2024-02-01 refused over_limit: repay L1 5.00\n"
    report = run_scenario(text, name="wrong")
    first, second = report.failures
    assert first.actual.startswith("refused currency_mismatch: The message is in USD")
    assert (second.expected, second.actual) == ("refused over_limit", "accepted")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("yesterday open L1 100.00 EUR", "diary:1: 'yesterday' is not a date such as 2024-01-31"),
        ("2024-01-01 lend L1 100.00", "diary:1: 'lend' cannot happen; one of open, "),
        (OPEN + "\n# remark\n2024-01-01 disburse L1", "diary:4: The amount is missing"),
        (
            OPEN + "2024-01-01 disburse L1 1,000.00",
            "diary:2: The clause '000.00' is given twice or",
        ),
        (OPEN + "2024-01-01 disburse L1 0.001", "diary:2: 0.001 is finer than the minor unit"),
        (OPEN + "2024-01-01 disburse L2 5.00", "diary:2: The loan or account was not opened"),
        (OPEN + "2024-01-01 disburse L1 5.00, when now", "diary:2: 'when' is not understood"),
        (OPEN + "2024-01-01 disburse L1 5.00 EUR now", "diary:2: 'now' is not understood"),
        (OPEN + "2023-12-31 disburse L1 5.00", "diary:2: Days never go back"),
        (OPEN + "2024-01-01 close L1 lost", "diary:2: 'lost' is not one of repaid, refinanced"),
        (OPEN + "2024-01-01 rate L1 9.48221", "diary:2: '9.48221' is not a rate in percent"),
        (OPEN + "2024-01-01 finding L1 evasion yes", "diary:2: 'yes' is neither on nor off"),
        (OPEN + "2024-01-01 schedule L1\n  2024-02-01 5.00", "diary:2: '2024-02-01 5.00' is not a"),
        (OPEN + "2024-01-01 disburse L1 5.00\n  2024-02-01 5.00", "diary:2: Rows belong to a"),
        ("  2024-02-01 principal 5.00 interest 1.00", "diary:1: A row stands before any line"),
        (OPEN + "2024-01-01 refused over_limit disburse L1 5", "diary:2: A refusal is written"),
        (OPEN + "2024-01-01 expect L2 dpd 0", "diary:2: 'L2' is not a loan or account"),
        (OPEN + "2024-01-01 expect L1 days 0", "diary:2: 'days' cannot be expected of a loan"),
        (OPEN + "2024-01-01 expect L1 dpd", "diary:2: 'dpd' has too few or too many words"),
        (OPEN + "2024-01-01 expect L1 paid rent 5.00", "diary:2: 'rent' is not one of costs"),
        (
            OPEN + "2024-01-01 expect L1 dpd four",
            "diary:2: 'dpd four' has a word",
        ),
        (OPEN + "2024-01-01 expect L1 arrears 1.0.0", "diary:2: '1.0.0' is not an amount"),
        (OPEN + "2024-01-01 expect L1 on May, dpd 0", "diary:2: Invalid isoformat string: 'May'"),
        (OPEN + "2024-01-01 repay L1 5, valued May", "diary:2: 'May' is no value for 'valued'"),
        (
            PAID + "2024-01-01 repay L1 5, as R1\n2024-01-01 expect L1 split R1 interest",
            "diary:4: 'int",
        ),
        (OPEN + "2024-01-01 expect books cash 5.00", "diary:2: 'cash 5.00' is not ACCOUNT AMOUNT"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named_with_its_word(text: str, complaint: str) -> None:
    with pytest.raises(DiaryUnreadable) as unreadable:
        run_scenario(text, name="diary")
    assert str(unreadable.value).startswith(complaint)
    assert "The line reads: " in unreadable.value.way_out


def test_the_error_shows_how_the_words_of_its_line_are_written() -> None:
    with pytest.raises(DiaryUnreadable) as unreadable:
        run_scenario(f"{OPEN}2024-01-01 charge L1 rent 5.00", name="diary")
    assert "Written: charge LOAN costs|fees|penalty AMOUNT [, due DATE]" in str(unreadable.value)


def test_every_word_is_in_the_vocabulary_and_the_vocabulary_is_in_the_readme() -> None:
    assert vocabulary.HAPPENINGS.keys() == VERBS.keys()
    assert vocabulary.OF_A_LOAN.keys() == LOAN_CLAUSES.keys()
    assert vocabulary.OF_A_BORROWER.keys() == COLLECTION_CLAUSES.keys()
    for words in (vocabulary.HAPPENINGS, vocabulary.OF_A_LOAN, vocabulary.OF_A_BORROWER):
        assert all(line.split()[0].rstrip(",") == word for word, line in words.items())
    readme = (Path(ledger.scenario.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert vocabulary.text() in readme, "copy what `loanbell scenario --words` prints"


WORDS = [
    *vocabulary.HAPPENINGS, *vocabulary.OF_A_LOAN, "expect", "refused", "over_limit:", "L1", "R1",
    "5.00", "EUR", ",", ", as", "on", "2024-02-01", "books", "facts", "-1", "0", "principal", "#",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(line=st.lists(st.sampled_from(WORDS), max_size=9), at=st.sampled_from(["2024-02-02", "x"]))
def test_any_line_is_run_or_named(line: list[str], at: str) -> None:
    text = f"{PAID}2024-02-01 repay L1 5.00, as R1\n{at} {' '.join(line)}\n"
    try:
        said = str(run_scenario(text, name="diary"))
    except DiaryUnreadable as unreadable:
        said = str(unreadable)
    assert said.startswith(("diary:4: ", "diary: "))


TABLE = """\
date,fact,loan,dpd,arrears,split R1
2024-01-01,"open L1 100.00 EUR, method annuity, instalments 6, rate 9.4822",,,,
2024-01-01,disburse L1 100.00,L1,0,0.00,
# the due date is 1 February
2024-02-05,,L1,4,17.13,
2024-02-06,"repay L1 10.00, as R1",L1,5,7.13,interest 0.79 principal 9.21
"""


def test_a_table_says_the_same_as_a_diary() -> None:
    assert str(run_table(TABLE, name="table")) == "table: 10 checks, 0 failed"
    report = run_table(TABLE.replace(",5,7.13", ",6,7.13"), name="table")
    (failure,) = report.failures
    assert (failure.number, failure.expected, failure.actual) == (6, "6", "5")


def test_a_cell_of_several_lines_holds_the_rows_of_a_schedule() -> None:
    rows = "schedule L1\n2024-02-01 principal 60 interest 1\n2024-03-01 principal 40 interest 1"
    text = f'date,fact,loan,rows\n2024-01-01,open L1 100.00 EUR,,\n2024-01-02,"{rows}",L1,2\n'
    assert not run_table(text, name="table").failures
    with pytest.raises(DiaryUnreadable, match="table:6: 'lend' cannot happen"):
        run_table(f"{text}2024-01-03,lend L1,,\n", name="table")


def test_the_example_of_the_table_comes_true() -> None:
    documentation = ledger.scenario.table.__doc__ or ""
    lines = [line[4:] for line in documentation.splitlines() if line.startswith("    ")]
    report = run_table("\n".join(lines), name="table")
    assert report.checks == 10
    assert not report.failures, str(report)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "table:1: The columns begin with nothing, not with date, fact, loan."),
        ("day,fact,loan\n", "table:1: The columns begin with day, fact, loan, not with date, f"),
        (TABLE + "2024-02-07,,L1\n", "table:7: The row has 3 cells, the head 6"),
        (TABLE + "2024-02-07,,,1,,\n", "table:7: The column loan does not say of whom"),
        (TABLE + '2024-02-07,,L1,1,,"x\n', "table:7: This is not CSV: unexpected end of data"),
        (TABLE + "2024-02-07,,L1,1,x,\n", "table:7: 'x' is not an amount"),
        (TABLE.replace("dpd", "days"), "table:3: 'days' cannot be expected of a loan"),
    ],
)
def test_a_row_that_cannot_be_understood_is_named(text: str, complaint: str) -> None:
    with pytest.raises(DiaryUnreadable) as unreadable:
        run_table(text, name="table")
    assert str(unreadable.value).startswith(complaint)
