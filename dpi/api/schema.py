"""The OpenAPI document: what every operation answers beside its own, and how callers prove who they are."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.api.access import rule_of_call
from accounts.api.described import AT_LEAST_ONE, PROBLEMS
from dpi.api.problems import MEDIA_TYPE, TITLES, ProblemSerializer


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.callers.TokenAuthentication"
    name = "jeton"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "Jeton d’application (`manage.py api_token`).",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.callers.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "Session ouverte d’une personne ; une écriture porte aussi X-CSRFToken.",
        }


class HouseSchema(AutoSchema):
    """Adds to each operation the problems that it may answer and the permissions that it asks."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        responses = operation["responses"]
        for status in self._problems(operation):
            responses.setdefault(str(status), self._problem(status))
        operation["responses"] = dict(sorted(responses.items()))
        rule = rule_of_call(self.view, self.method)
        if rule is not None and rule.permissions:
            operation["x-permissions"] = list(rule.permissions)
        return operation

    def _problems(self, operation: dict[str, Any]) -> list[int]:
        found = [400, 401, 403, 429, *operation.pop(PROBLEMS, ())]
        parameters = {one["in"]: one["name"] for one in operation.get("parameters", ())}
        if "path" in parameters:
            found.append(404)
        if parameters.get("header") == "If-Match":
            found += [412, 428]
        if "requestBody" in operation:
            found += [413, 415]
        return found

    def _problem(self, status: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._get_response_for_code(ProblemSerializer, str(status), [MEDIA_TYPE])
        return answer | {"description": TITLES[status]}


def say_what_is_required(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Hook after generation: a body takes its own fields alone, and some ask for one of a few."""
    components = result["components"]["schemas"]
    for name in _bodies(result["paths"]):
        component = components[name]
        component["additionalProperties"] = False
        fields = component.pop(AT_LEAST_ONE, ())
        if fields:
            component["anyOf"] = [{"required": [field]} for field in fields]
    return result


def share_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Hook after generation: each problem is described once, and named where it may be answered."""
    shared = result["components"].setdefault("responses", {})
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if MEDIA_TYPE in answer.get("content", {}):
                    name = f"Problem{status}"
                    shared[name] = answer
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return result


def _bodies(paths: dict[str, Any]) -> set[str]:
    """Names of the components that bodies of requests are."""
    return {
        media["schema"]["$ref"].rpartition("/")[2]
        for operations in paths.values()
        for operation in operations.values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
    }
