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
`line-N`); `refused RULE:` tries something that the rule must refuse. An amount may name another
currency than the loan's. All words stand in `vocabulary`; `table` is the same as CSV.
"""

from ledger.scenario.diary import Diary, DiaryUnreadable, Happening, read_diary
from ledger.scenario.run import Failure, Report, run_diary, run_scenario, run_table
from ledger.scenario.table import read_table

__all__ = [
    "Diary",
    "DiaryUnreadable",
    "Failure",
    "Happening",
    "Report",
    "read_diary",
    "read_table",
    "run_diary",
    "run_scenario",
    "run_table",
]
