"""The body of a post: read within bounds, and cut into messages as they were sent.

Does not judge a message: the bytes of each go on as they came, so that a refusal keeps the
original. Three shapes: one JSON object, a JSON array, NDJSON (one object a line).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from json.decoder import WHITESPACE  # type: ignore[attr-defined]

import orjson
from fastapi import Request
from starlette.requests import ClientDisconnect

from streams.api.problems import Problem

JSON_TYPES = ("application/json",)
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_DECODER = json.JSONDecoder()
_DRAINED = 4


class Budget:
    """Bytes that all requests together may hold at one moment, and each for itself."""

    def __init__(self, *, body_bytes: int, all_bytes: int, patience_seconds: float) -> None:
        self.body_bytes, self.patience_seconds = body_bytes, patience_seconds
        self._free = all_bytes

    def take(self, count: int) -> None:
        """Claim `count` bytes. Errors: Problem "busy" when there are none."""
        if count > self._free:
            raise Problem("busy", "Other requests fill the memory set aside for bodies.")
        self._free -= count

    def give(self, count: int) -> None:
        """Hand bytes back."""
        self._free += count


class Body:
    """The body of one request, counted against the budget until the block ends."""

    def __init__(self, request: Request, budget: Budget) -> None:
        self._request, self._budget, self._taken = request, budget, 0

    async def __aenter__(self) -> bytes:
        """Errors: Problem "too_large", "body_too_slow", "busy", "empty_body"."""
        try:
            async with asyncio.timeout(self._budget.patience_seconds):
                return await self._read()
        except TimeoutError:
            self._give_back()
            raise Problem("body_too_slow") from None
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    async def _read(self) -> bytes:
        """The body. One that is too large is read on for a while and thrown away.

        A sender that is still sending would otherwise lose the answer with the connection.
        """
        most = self._budget.body_bytes
        announced = self._request.headers.get("content-length", "")
        too_large = announced.isdecimal() and int(announced) > most
        size, chunks = 0, []
        async for chunk in self._chunks():
            size += len(chunk)
            too_large = too_large or size > most
            if not too_large:
                self._budget.take(len(chunk))
                self._taken += len(chunk)
                chunks.append(chunk)
            elif size > _DRAINED * most:
                break
        if too_large:
            raise Problem("too_large", f"A body may have {most:,} bytes.")
        return b"".join(chunks)

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._request.stream():
                yield chunk
        except ClientDisconnect:
            raise Problem("body_too_slow", "The connection ended before the body.") from None

    def _give_back(self) -> None:
        self._budget.give(self._taken)
        self._taken = 0


def check_content(request: Request) -> str:
    """The content type, "json" or "lines". Errors: Problem "unsupported_media_type"."""
    words = request.headers.get("content-type", "").lower().split(";")
    charset = [word.strip() for word in words[1:] if word.strip().startswith("charset=")]
    plain = request.headers.get("content-encoding", "identity") == "identity"
    if not plain or any(word not in ("charset=utf-8", 'charset="utf-8"') for word in charset):
        raise Problem("unsupported_media_type")
    if words[0].strip() in JSON_TYPES:
        return "json"
    if words[0].strip() in LINES_TYPES:
        return "lines"
    raise Problem("unsupported_media_type")


def messages_of(body: bytes, content: str, *, most: int) -> list[bytes]:
    """The messages of a body, each as its own bytes, in order.

    Errors: Problem "bad_json" (envelope), "empty_body", "too_large" (more than `most`).
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    found = _lines(body) if content == "lines" else _json(body)
    if not found:
        raise Problem("empty_body")
    if len(found) > most:
        raise Problem("too_large", f"A request may hold {most:,} transactions.")
    return found


def _lines(body: bytes) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in body.split(b"\n") if line.strip()]


def _json(body: bytes) -> list[bytes]:
    start = body.lstrip()[:1]
    if not start:
        return []
    try:
        if start == b"[":
            return _array(body.decode())
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            "bad_json", f"{error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except (ValueError, RecursionError):
        raise Problem("bad_json") from None
    if start != b"{":
        raise Problem("bad_json", "The body is JSON, but neither an object nor an array.")
    return [body.strip()]


def _array(text: str) -> list[bytes]:
    """The elements of a JSON array, each as the bytes that were sent."""
    found: list[bytes] = []
    at = _skip(text, _skip(text, 0) + 1)
    if text[at : at + 1] == "]":
        at += 1
    else:
        while True:
            _, end = _DECODER.raw_decode(text, at)
            found.append(text[at:end].encode())
            at = _skip(text, end)
            mark, at = text[at : at + 1], at + 1
            if mark == "]":
                break
            if mark != ",":
                raise Problem("bad_json", f"Character {at}: neither a comma nor the array's end.")
            at = _skip(text, at)
    if _skip(text, at) != len(text):
        raise Problem("bad_json", f"Character {at + 1}: something follows the array's end.")
    return found


def _skip(text: str, at: int) -> int:
    end: int = WHITESPACE.match(text, at).end()
    return end
