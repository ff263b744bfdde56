"""Outbound: how a contact that was allowed reaches a borrower, and what comes back."""
