"""Errors of the API as problem details (RFC 9457), with codes that do not change and French sentences."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit.errors import ApplicationError
from documents.store import StoredContentDamaged
from patients.errors import AccessRefused, SearchRefused
from stats.errors import PeriodRefused

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:problem-type:dpi:"
_STABLE: Final = re.compile(r"[a-z][a-z_]*")

TITLES: Final[dict[int, str]] = {
    400: "Demande incorrecte",
    401: "Authentification nécessaire",
    403: "Accès refusé",
    404: "Introuvable",
    405: "Méthode non permise",
    406: "Représentation non disponible",
    409: "Impossible dans l’état présent",
    412: "État changé",
    413: "Demande trop grande",
    415: "Format de demande non accepté",
    422: "Demande irrecevable",
    428: "État vu non précisé",
    429: "Trop d’appels",
    500: "Erreur du serveur",
}

# Codes of the framework whose own words are not ours, or are not French.
SENTENCES: Final[dict[str, str]] = {
    "not_authenticated": "Présentez un jeton dans l’en-tête Authorization, ou ouvrez une session.",
    "not_found": "Rien ne porte cet identifiant, ou cette adresse n’existe pas.",
    "method_not_allowed": "Cette adresse ne répond pas à cette méthode.",
    "unsupported_media_type": "Le corps de la demande est en JSON (application/json).",
    "parse_error": "Le corps de la demande n’est pas du JSON bien formé.",
    "invalid": "Des champs manquent ou ne conviennent pas : voyez `errors`.",
    "throttled": "La limite d’appels est atteinte : réessayez après le délai de Retry-After.",
    "server_error": "L’erreur est notée. Donnez la référence à l’administrateur technique.",
}


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One field that does not suit."""

    field = serializers.CharField(help_text="Chemin du champ, par points.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField(help_text=f"`{TYPE}` suivi du code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="Ce qui s’est passé et quoi faire, en français.")
    code = serializers.CharField(help_text="Code stable.")
    reference = serializers.CharField(help_text="Référence de l’appel dans les traces.")
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # RFC 9457, 3


def problem(
    request: HttpRequest, status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The members of one problem."""
    members: dict[str, Any] = {
        "type": f"{TYPE}{code}",
        "title": TITLES.get(status, HTTPStatus(status).phrase),
        "status": status,
        "detail": detail,
        "code": code,
        "reference": getattr(request, "correlation", ""),
    }
    return members | ({"errors": errors} if errors else {})


def problem_response(request: HttpRequest, status: int, code: str) -> HttpResponse:
    """A problem that no endpoint answers."""
    members = problem(request, status, code, SENTENCES[code])
    return JsonResponse(
        members, status=status, content_type=MEDIA_TYPE, json_dumps_params={"ensure_ascii": False}
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """EXCEPTION_HANDLER: every expected refusal as a problem; a defect rises (500, dpi.errors)."""
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = PermissionDenied()
    if isinstance(error, ApplicationError):
        status, code, detail = _status_of(error), _code_of(error), error.message
        headers: dict[str, str] = {}
        errors = None
    elif isinstance(error, APIException):
        status, code, detail, errors = _of_framework(error)
        headers = _headers_of(error)
    else:
        return None
    set_rollback()
    members = problem(context["request"]._request, status, code, detail, errors)
    return Response(members, status=status, headers=headers, content_type=MEDIA_TYPE)


def _status_of(error: ApplicationError) -> int:
    if isinstance(error, AccessRefused):
        return 403
    if isinstance(error, SearchRefused | PeriodRefused):
        return 422
    if isinstance(error, StoredContentDamaged):
        return 500
    return 409


def _code_of(error: ApplicationError) -> str:
    """The error's own code when it is a stable word, else the name of its class in lower case."""
    if _STABLE.fullmatch(error.code):
        return error.code
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _of_framework(error: APIException) -> tuple[int, str, str, list[dict[str, str]] | None]:
    if isinstance(error, ValidationError):
        return error.status_code, "invalid", SENTENCES["invalid"], list(_field_errors(error.detail))
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return error.status_code, code, SENTENCES.get(code, str(error.detail)), None


def _field_errors(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _field_errors(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            deeper = f"{path}.{number}" if isinstance(inner, dict) else path
            yield from _field_errors(inner, deeper)
    else:
        yield {"field": path or "non_field_errors", "code": detail.code, "detail": str(detail)}


def _headers_of(error: APIException) -> dict[str, str]:
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    challenge = getattr(error, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return headers
