"""Endpoints of the API about itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpResponse, JsonResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import signed_in
from accounts.api.fields import Moment
from accounts.api.inputs import NoQuery, query_of
from accounts.api.views import ApiView

OPENAPI = "application/vnd.oai.openapi+json"


class CallerSerializer(serializers.Serializer[Any]):
    """Who the server thinks is calling."""

    login = serializers.CharField()
    kind = serializers.ChoiceField(choices=["token", "session"], help_text="Jeton ou session d’une personne.")
    permissions = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField(), help_text="Portées du jeton.")
    units = serializers.ListField(
        child=serializers.CharField(), help_text="Codes des UF servies ; vide : tout l’établissement."
    )
    every_unit = serializers.BooleanField(help_text="Sert tout l’établissement.")
    expires_at = Moment(allow_null=True, help_text="Échéance du jeton.")


@signed_in()
class Me(ApiView):
    @extend_schema(
        operation_id="me",
        summary="Qui appelle, avec quels droits",
        description="À appeler en premier : vérifie un jeton sans lire aucun patient.",
        responses=CallerSerializer,
        tags=["Accès"],
    )
    def get(self, request: Request) -> Response:
        query_of(request, NoQuery)
        caller = self.caller
        token = caller.token
        rows = caller.user.assignments_now
        return Response(
            CallerSerializer(
                {
                    "login": caller.user.login,
                    "kind": "token" if token else "session",
                    "permissions": sorted(caller.permissions),
                    "scopes": token.scopes if token else [],
                    "units": sorted({row.unit.code for row in rows if row.unit is not None}),
                    "every_unit": any(row.unit_id is None for row in rows),
                    "expires_at": token.expires_at if token else None,
                }
            ).data
        )


@signed_in()
class Schema(ApiView):
    @extend_schema(
        operation_id="schema",
        summary="Ce schéma",
        description="Le document OpenAPI 3 de la version qui répond.",
        responses={(200, OPENAPI): OpenApiTypes.OBJECT},
        tags=["Accès"],
    )
    def get(self, request: Request) -> HttpResponse:
        query_of(request, NoQuery)
        return JsonResponse(schema(), content_type=OPENAPI, json_dumps_params={"ensure_ascii": False})


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The OpenAPI document, built once in a process."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@signed_in()
class Unknown(ApiView):
    """Whatever else is asked below the version: an unknown caller learns no more than 401."""

    schema = None

    def get(self, request: Request, rest: str) -> Response:
        raise NotFound()

    post = put = patch = delete = get
