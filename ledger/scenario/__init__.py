"""Scenario files that read like a diary, and their runner: the core, drivable by a table.

    # Partial payment, the rest late but valued in time.
    2024-01-01 open L1 100.00 EUR, method annuity, instalments 6, rate 9.4822
    2024-01-01 disburse L1 100.00
    2024-02-01 repay L1 10.00, as R1
    2024-02-05 expect L1 dpd 4, arrears 7.13
    2024-02-09 repay L1 7.13, valued 2024-02-01
    2024-02-09 expect L1 dpd 0, split R1 interest 0.79 principal 9.21
    2024-02-10 refused still_owed: close L1 repaid

The date is the day of recording. Everything takes `valued DATE` (else that day) and `as ID` (else
`line-N`); `refused RULE:` tries something that the rule must refuse. What may happen:

    open LOAN AMOUNT CUR [, method M, instalments N, rate %, every MONTHS, first-due DATE,
        day-count D, order C C C C C, unit AMOUNT, borrower ID, account ID, officer ID, branch B,
        guarantor ID]
    disburse LOAN AMOUNT          repay LOAN AMOUNT        reverse LOAN ID [, reason R]
    schedule LOAN                 with indented rows: DATE principal AMOUNT interest AMOUNT
    charge LOAN KIND AMOUNT [, due DATE]                   close LOAN REASON
    rate LOAN %                   limit LOAN AMOUNT        officer LOAN ID [, branch B]
    guarantor LOAN ID|none        finding LOAN NAME on|off [, reason TEXT]
    report LOAN AMOUNT [, due AMOUNT, months N]
    open-account ACCOUNT AMOUNT CUR [, overdraft AMOUNT, borrower ID]
    credit|debit ACCOUNT AMOUNT [, balance AMOUNT, flow F] return ACCOUNT AMOUNT
    end-of-day

An amount may name another currency than the loan's. What may be expected: `expect` and `run`.
"""

from ledger.scenario.diary import Diary, DiaryUnreadable, Happening, read_diary
from ledger.scenario.run import Failure, Report, run_diary, run_scenario

__all__ = [
    "Diary",
    "DiaryUnreadable",
    "Failure",
    "Happening",
    "Report",
    "read_diary",
    "run_diary",
    "run_scenario",
]
