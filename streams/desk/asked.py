"""What a page's address asks for: an empty field of a form asks for nothing."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from streams.api.problems import Problem

M = TypeVar("M", bound=BaseModel)
_OF_THE_FRAME = frozenset({"done"})


def asked_of(request: Request, model: type[M]) -> M:
    """The parameters as `model`. Errors: Problem "invalid_request" naming what is wrong."""
    given = {
        key: value.strip()
        for key, value in request.query_params.items()
        if value.strip() and key not in _OF_THE_FRAME
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Problem("invalid_request", wrong_of(error)) from None


def wrong_of(error: ValidationError) -> str:
    """Which fields are wrong and why, without what was sent."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
