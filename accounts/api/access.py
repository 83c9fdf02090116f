"""Which call is open to whom, the same rules as the pages (security 3.1, 9 A01).

The settings of the framework name these classes, so nothing here may import its views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.access import AccessRule, access_rule_of
from accounts.api.callers import Caller
from audit.enums import Action, Outcome
from audit.services import trace_write

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)


class DeclaredAccess(BasePermission):
    """The rule that the handler, else its class, declares with `requires` or `signed_in`.

    Without rule the call is refused to everybody; a refusal leaves its trace.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        rule = rule_of_call(view, request.method or "")
        if rule is None:
            log.error("access.undeclared", view=type(view).__name__)
            return False
        caller = request.auth
        if not isinstance(caller, Caller):
            raise NotAuthenticated()
        missing = [name for name in rule.permissions if not caller.has_perm(name)]
        if missing:
            self._refuse(request, rule, "permission", permissions=missing)
            raise PermissionDenied(
                f"Ce jeton ou ce compte n’a pas ce droit : {', '.join(missing)}.", code="permission"
            )
        if getattr(view, "is_of_establishment", False) and not caller.serves_establishment:
            self._refuse(request, rule, "units")
            raise PermissionDenied(
                "Ce jeton ne sert que des unités : il faut un jeton de l’établissement.", code="units"
            )
        return True

    def _refuse(self, request: Request, rule: AccessRule, reason: str, **detail: Any) -> None:
        match = request._request.resolver_match
        trace_write(
            type="access.refused",
            action=Action.EXECUTE,
            outcome=Outcome.REFUSED,
            actor=request.auth.actor(rule.permissions),  # type: ignore[union-attr]  # a Caller, seen above
            reason=reason,
            detail=detail | {"view": match.view_name if match else ""},
        )


def rule_of_call(view: APIView, method: str) -> AccessRule | None:
    """The rule of this method, else that of the class, which the method's must include."""
    handler = getattr(view, method.lower(), None)
    declared = access_rule_of(handler) if handler is not None else None
    return declared or access_rule_of(type(view))


class JsonOnly(BaseContentNegotiation):
    """One representation: what the caller would rather have is not asked."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        for parser in parsers:
            if request.content_type and request.content_type.partition(";")[0].strip() == parser.media_type:
                return parser
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
