"""What a call may say: fields that are not known are refused, never ignored (security 9 A01, 10.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

PAGE_SIZE = 50
LARGEST_PAGE = 100
CURSOR = r"^[A-Za-z0-9_-]{22}$"


class Input(serializers.Serializer[Any]):
    """A body or a query. A misspelt filter must not silently widen a list."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {name: [serializers.ErrorDetail("Champ inconnu.", code="unknown")] for name in unknown}
                )
        return super().to_internal_value(data)


class PageQuery(Input):
    """Parameters of every list."""

    cursor = serializers.RegexField(
        CURSOR, required=False, max_length=22, help_text="Valeur de `next` de la page précédente."
    )
    limit = serializers.IntegerField(
        required=False, default=PAGE_SIZE, min_value=1, max_value=LARGEST_PAGE, help_text="Lignes par page."
    )


class NoQuery(Input):
    """An address that takes no parameter."""


def query_of(request: Request, kind: type[Input]) -> dict[str, Any]:
    """The parameters of the address, checked; one that is no list is said once. Raises ValidationError."""
    asked = kind(data=None)
    given: dict[str, Any] = {}
    for name, values in request.query_params.lists():
        several = isinstance(asked.fields.get(name), serializers.ListField | serializers.MultipleChoiceField)
        if not several and len(values) > 1:
            raise serializers.ValidationError({name: "Donnez ce paramètre une seule fois."}, "repeated")
        given[name] = values if several else values[0]
    return _checked(kind(data=given))


def body_of(request: Request, kind: type[Input]) -> dict[str, Any]:
    """The JSON object of the body, checked. Raises ValidationError."""
    return _checked(kind(data=request.data))


def _checked(given: Input) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
