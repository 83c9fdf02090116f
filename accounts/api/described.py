"""What several operations say of themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer

PROBLEMS = "x-problems"
AT_LEAST_ONE = "x-at-least-one"

IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
    OpenApiParameter.HEADER,
    required=True,
    description="L’ETag de ce qui a été lu : rien n’est écrasé sans avoir été vu.",
)

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="L’ETag du contenu que vous avez déjà.",
)


def etag_header(*statuses: int) -> OpenApiParameter:
    """The ETag of an answer."""
    return OpenApiParameter(
        "ETag",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        response=list(statuses),
        description="Nomme l’état lu, ou le contenu.",
    )


def at_least_one(*fields: str) -> Any:
    """The body names one of these fields or more; said to the reader of the schema as `anyOf`."""
    return extend_schema_serializer(extensions={AT_LEAST_ONE: list(fields)})


def problems(*statuses: int) -> dict[str, Any]:
    """Problems that this operation may answer beside those of every operation."""
    return {PROBLEMS: list(statuses)}
