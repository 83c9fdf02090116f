"""The base of every endpoint: who may call is declared, or nobody may (security 3.1, 9 A01)."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.exceptions import NotAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.access import DeclaredAccess, JsonOnly, rule_of_call
from accounts.api.bodies import SmallJson
from accounts.api.callers import Caller, SessionAuthentication, TokenAuthentication
from accounts.api.limits import CALLS, CallLimit
from audit.context import Actor


class ApiView(APIView):
    """An endpoint. Its class carries `requires(...)`; a method that asks for more carries its own.

    `limit` names the count that applies beside the general one (accounts.api.limits);
    `is_of_establishment` closes it to the tokens of named units: what it says cannot be cut by unit.
    """

    answers_as_api: ClassVar[bool] = True
    limit: ClassVar[str] = CALLS
    is_of_establishment: ClassVar[bool] = False
    # Not OPTIONS: what an address takes is in the schema.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (DeclaredAccess,)
    throttle_classes = (CallLimit,)
    renderer_classes = (JSONRenderer,)
    parser_classes = (SmallJson,)
    content_negotiation_class = JsonOnly

    request: Request

    @property
    def caller(self) -> Caller:
        """Whoever calls; only reached once the rule of the call was met."""
        caller = self.request.auth
        if not isinstance(caller, Caller):
            raise NotAuthenticated()
        return caller

    @property
    def actor(self) -> Actor:
        """The caller as actor, in the role that grants this call."""
        rule = rule_of_call(self, self.request.method or "")
        return self.caller.actor(rule.permissions if rule else ())
