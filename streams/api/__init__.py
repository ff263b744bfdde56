"""The HTTP API: transactions in, warnings, grades and views out. The one door to FastAPI."""

from streams.api.app import create_api, hosts_of

__all__ = ["create_api", "hosts_of"]
