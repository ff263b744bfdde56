"""The style and the scripts of the pages, under names that change with their content.

So a browser keeps them for ever and still gets a new one at once. All are read at the start and are
small enough to stay in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.responses import Response

PREFIX = "/desk/static"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its content and where it is found."""

    content: bytes
    media_type: str
    url: str


@cache
def assets() -> dict[str, Asset]:
    """Every file by its plain name, "desk.css"."""
    found = {}
    for entry in sorted((files("streams.desk") / "static").iterdir(), key=lambda each: each.name):
        stem, _, kind = entry.name.rpartition(".")
        if kind in _TYPES:
            content = entry.read_bytes()
            digest = sha256(content).hexdigest()[:12]
            found[entry.name] = Asset(content, _TYPES[kind], f"{PREFIX}/{stem}.{digest}.{kind}")
    return found


@cache
def _by_url() -> dict[str, Asset]:
    return {asset.url: asset for asset in assets().values()}


def asset_answer(name: str) -> Response | None:
    """The file of a hashed name; None when there is none of that content."""
    asset = _by_url().get(f"{PREFIX}/{name}")
    if asset is None:
        return None
    return Response(
        asset.content, media_type=asset.media_type, headers={"Cache-Control": _FOR_EVER}
    )
