"""Public data sets, mapped to LoanBell's messages; the rows themselves are never shipped."""
