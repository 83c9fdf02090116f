"""Bodies of calls: small JSON documents, whatever comes (security 10.4, 10.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 64 * 2**10
"""Bytes. No call writes more than a few fields; Django's own limit does not hold for a stream."""


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"Le corps d’une demande ne dépasse pas {LARGEST_BODY // 2**10} Kio."
    default_code = "body_too_large"


class SmallJson(JSONParser):
    """JSON that is neither large nor nested beyond what can be read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        content = _Counted(stream)
        try:
            found: dict[str, Any] = super().parse(content, media_type, parser_context)  # type: ignore[arg-type]
        except RecursionError as error:
            raise ParseError() from error
        return found


class _Counted:
    """Reads a stream up to the limit and no further."""

    def __init__(self, stream: IO[Any]) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        content: bytes = self.stream.read(LARGEST_BODY + 1)
        if len(content) > LARGEST_BODY:
            raise BodyTooLarge()
        return content
