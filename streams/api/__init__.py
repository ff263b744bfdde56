"""The HTTP API: transactions in, warnings, grades and views out. The one door to FastAPI."""
