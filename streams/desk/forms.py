"""What a posted form holds: read within bounds, one value a name."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from streams.api.problems import Problem

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES = 512 * 1024
MOST_FIELDS = 64


class Form(dict[str, str]):
    """The fields of a form; one that was not sent is empty."""

    def __missing__(self, key: str) -> str:
        return ""

    def text(self, key: str) -> str:
        """A field without the spaces around it, its line ends as one character."""
        return self[key].replace("\r\n", "\n").strip()


async def form_of(request: Request) -> Form:
    """The posted fields. Errors: Problem "unsupported_media_type", "too_large", "bad_json"."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Problem("unsupported_media_type", way_out="Send the form of the page.")
    size, chunks = 0, []
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > FORM_BYTES:
                raise Problem("too_large", f"A form may have {FORM_BYTES:,} bytes.")
            chunks.append(chunk)
    except ClientDisconnect:
        raise Problem("body_too_slow", "The connection ended before the form.") from None
    try:
        pairs = parse_qsl(
            b"".join(chunks).decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise Problem("invalid_request", "The form cannot be read.") from None
    return Form(pairs)
