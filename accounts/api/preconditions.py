"""Writes that must not overwrite unseen: the caller says which state it saw (RFC 9110, 13.1.1)."""

from __future__ import annotations

import hashlib

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request


class PreconditionRequired(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Donnez dans If-Match l’ETag de ce que vous avez lu."
    default_code = "precondition_required"


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "L’état a changé depuis votre lecture : lisez-le de nouveau, puis décidez."
    default_code = "precondition_failed"


def etag_of(*parts: object) -> str:
    """A strong tag of a state; what it is made of cannot be read back."""
    text = "|".join(str(part) for part in parts)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def match_required(request: Request, current: str) -> None:
    """Raise unless If-Match names the current state; `*` would mean not to look."""
    given = _tags(request, "If-Match")
    if not given or given == ["*"]:
        raise PreconditionRequired()
    if current not in given:
        raise PreconditionFailed()


def is_unchanged(request: Request, current: str) -> bool:
    """Whether If-None-Match says that the caller already has this content."""
    given = _tags(request, "If-None-Match")
    return current in given or given == ["*"]


def _tags(request: Request, header: str) -> list[str]:
    """Tags of a header. A balancer that compresses makes them weak; ours still name one state."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get(header, "").split(",")]
    return [tag for tag in tags if tag]
