"""Going to a provider, coming back, and ending the session there (psc 4, 11, 13).

Whatever a provider answers, the person reads a French page with a code; the reason goes to the trace.
"""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View
from mozilla_django_oidc.utils import (
    absolutify,
    add_state_and_verifier_and_nonce_to_session,
    generate_code_challenge,
)
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView

from accounts.access import public
from accounts.enums import LoginRefusal
from accounts.errors import LoginRefused
from accounts.models import IdentityProvider, User
from accounts.navigation import safe_next
from accounts.oidc.client import ProviderClient
from accounts.oidc.login import login_finish
from accounts.oidc.matching import AccountUnresolved
from accounts.oidc.proof import Pending, Proof, pending_write
from accounts.oidc.urls import callback_path, logout_response_path
from accounts.rules import Match, Phase
from accounts.selectors import provider_offered
from accounts.vault import open_tokens
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from ui.preferences import provider_keep

STATE_SIZE = 43
VERIFIER_SIZE = 64
STATE_LIFE_S = 300
STATES = "oidc_states"
LOGOUT = "provider_logout"
LOGOUT_LIFE_S = 300
STEP_UP = "preuve"
"""Query of the departure by which the person of an open session proves again who it is (psc 18)."""

STATUS = {
    LoginRefusal.CANCELLED: 403,
    LoginRefusal.STATE: 400,
    LoginRefusal.TOKEN: 403,
    LoginRefusal.NO_ACCOUNT: 403,
    LoginRefusal.ACCOUNT: 403,
    LoginRefusal.UNREACHABLE: 503,
    LoginRefusal.ASSURANCE: 403,
}
ADVICE = {
    LoginRefusal.CANCELLED: "Vous avez annulé la connexion, ou son délai est dépassé. Recommencez.",
    LoginRefusal.STATE: "Cette demande de connexion a expiré ou a déjà servi. Recommencez.",
    LoginRefusal.TOKEN: "La réponse du fournisseur d’identité n’a pas pu être vérifiée. Recommencez ; si "
    "le problème persiste, transmettez ce code à l’assistance.",
    LoginRefusal.NO_ACCOUNT: "Aucun compte de cet établissement ne correspond.",
    LoginRefusal.ACCOUNT: "Adressez-vous à l’administrateur des comptes avec ce code.",
    LoginRefusal.UNREACHABLE: "Le fournisseur d’identité ne répond pas. Utilisez un autre moyen de "
    "connexion, ou réessayez dans quelques minutes.",
    LoginRefusal.ASSURANCE: "Le moyen d’identification utilisé ne suffit pas. Recommencez avec votre carte "
    "ou l’application e-CPS.",
}


@public
@method_decorator(never_cache, name="dispatch")
class StartView(View):
    """Send the browser to the provider with state, nonce and PKCE (psc 4.1)."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        provider = _provider(slug)
        try:
            return HttpResponseRedirect(self._address(request, provider))
        except LoginRefused as refused:
            return login_refused(request, provider, refused)

    post = get

    def _address(self, request: HttpRequest, provider: IdentityProvider) -> str:
        redirect_uri = absolutify(request, callback_path(provider.slug))
        if not _is_safe_redirect(redirect_uri):
            raise LoginRefused(LoginRefusal.TOKEN, "redirect_uri is plain http outside loopback")
        metadata = ProviderClient(provider).metadata()
        verifier = get_random_string(VERIFIER_SIZE)
        params = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": provider.scopes,
            "state": get_random_string(STATE_SIZE),
            "nonce": get_random_string(STATE_SIZE),
            "code_challenge": generate_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
        }
        if provider.acr_values:
            params["acr_values"] = provider.acr_values
        if provider.idp_hint:
            params["kc_idp_hint"] = provider.idp_hint
        phase = getattr(request, "phase", None)
        is_step_up = phase is Phase.OPEN and STEP_UP in request.GET
        if phase is Phase.LOCKED or is_step_up:
            params["prompt"] = "login"
        add_state_and_verifier_and_nonce_to_session(request, params["state"], params, verifier)
        entry = request.session[STATES][params["state"]]
        entry["provider"] = provider.slug
        entry["next"] = safe_next(request)
        entry["step_up"] = is_step_up
        request.session.modified = True
        trace_write(
            type=f"{provider.event_prefix}.login.start",
            action=Action.EXECUTE,
            actor=Actor(login="inconnu"),
            detail={"provider": provider.slug, "issuer": provider.issuer},
        )
        separator = "&" if urlsplit(metadata.authorization).query else "?"
        return f"{metadata.authorization}{separator}{urlencode(params)}"


@public
@method_decorator(never_cache, name="dispatch")
class CallbackView(OIDCAuthenticationCallbackView):
    """The browser comes back (psc 4.2). The library takes the state out, once, and authenticates."""

    user: User
    is_step_up: bool

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        provider = _provider(slug)
        request.oidc_provider = provider  # type: ignore[attr-defined]  # read by ProviderBackend
        try:
            self.next_url, self.is_step_up = self._checked(request, provider)
            response: HttpResponse = super().get(request)
            return response
        except AccountUnresolved as unresolved:
            return self._unresolved(request, unresolved)
        except LoginRefused as refused:
            return login_refused(request, provider, refused)

    def _checked(self, request: HttpRequest, provider: IdentityProvider) -> tuple[str, bool]:
        """The state is ours, young, of this provider; return where to go after, and whether it is a step-up.

        LoginRefused otherwise.
        """
        state = request.GET.get("state", "")
        entry = request.session.get(STATES, {}).get(state)
        if entry is None:
            raise LoginRefused(LoginRefusal.STATE, "state is unknown")
        fault = self._fault(request, provider, entry)
        if fault is not None:
            del request.session[STATES][state]
            request.session.modified = True
            raise fault
        return entry["next"], bool(entry.get("step_up"))

    def _fault(
        self, request: HttpRequest, provider: IdentityProvider, entry: dict[str, Any]
    ) -> LoginRefused | None:
        if entry.get("provider") != provider.slug:
            return _mixup(provider, "state of another provider")
        if request.GET.get("iss", provider.issuer) != provider.issuer:
            return _mixup(provider, "iss is another issuer")
        if time.time() - entry["added_on"] > STATE_LIFE_S:
            return LoginRefused(LoginRefusal.STATE, "state is too old")
        error = request.GET.get("error")
        if error == "access_denied":
            return LoginRefused(LoginRefusal.CANCELLED, error)
        if error in ("server_error", "temporarily_unavailable"):
            return LoginRefused(LoginRefusal.UNREACHABLE, error)
        if error or not request.GET.get("code"):
            return LoginRefused(LoginRefusal.TOKEN, f"error: {(error or 'no code')[:60]}")
        return None

    def login_success(self) -> HttpResponse:
        proof: Proof = self.request.oidc_proof
        response = redirect(
            login_finish(self.request, self.user, proof, wanted=self.next_url, is_step_up=self.is_step_up)
        )
        provider_keep(response, proof.provider.slug)
        return response

    def login_failure(self) -> HttpResponse:
        # The library asks for this when no backend names a user, or for an inactive one.
        raise LoginRefused(LoginRefusal.ACCOUNT, "no active account")

    def _unresolved(self, request: HttpRequest, unresolved: AccountUnresolved) -> HttpResponse:
        proof: Proof = request.oidc_proof  # type: ignore[attr-defined]  # set by ProviderBackend
        user = request.user
        if isinstance(user, User) and _goes_on_as_one_of(request, user, unresolved, self.is_step_up):
            return redirect(
                login_finish(request, user, proof, wanted=self.next_url, is_step_up=self.is_step_up)
            )
        pending = Pending(proof, unresolved.outcome, unresolved.accounts, self.next_url)
        if unresolved.outcome is Match.NONE:
            _trace_failure(proof.provider, unresolved, proof)
        pending_write(request.session, pending)
        return redirect("accounts:no_account" if unresolved.outcome is Match.NONE else "accounts:choose")


def _goes_on_as_one_of(
    request: HttpRequest, user: User, unresolved: AccountUnresolved, is_step_up: bool
) -> bool:
    """Whether the session that goes on is of one of the linked accounts: the choice was made at login."""
    goes_on = is_step_up or getattr(request, "phase", None) is Phase.LOCKED
    return goes_on and unresolved.outcome is Match.CHOOSE and user.pk in unresolved.accounts


def _mixup(provider: IdentityProvider, reason: str) -> LoginRefused:
    trace_write(
        type="oidc.mixup.detected",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=Actor(login="inconnu"),
        reason=reason,
        detail={"provider": provider.slug, "issuer": provider.issuer},
    )
    return LoginRefused(LoginRefusal.STATE, reason)


def login_refused(request: HttpRequest, provider: IdentityProvider, refused: LoginRefused) -> HttpResponse:
    """The neutral page of a login that ends here; what happened is traced, not shown."""
    _trace_failure(provider, refused, getattr(request, "oidc_proof", None))
    return render(
        request,
        "accounts/refused.html",
        {
            "code": refused.refusal.value,
            "advice": ADVICE[refused.refusal],
            "correlation": getattr(request, "correlation", ""),
            "locked": getattr(request, "phase", None) is Phase.LOCKED,
        },
        status=STATUS[refused.refusal],
    )


def _trace_failure(provider: IdentityProvider, refused: LoginRefused, proof: Proof | None) -> None:
    trace_write(
        type=f"{provider.event_prefix}.login.failure",
        action=Action.EXECUTE,
        outcome=Outcome.FAILURE,
        actor=proof.as_actor() if proof else Actor(login="inconnu"),
        reason=refused.reason,
        detail={"code": refused.refusal.value}
        | (proof.detail() if proof else {"provider": provider.slug, "issuer": provider.issuer}),
    )


def _provider(slug: str) -> IdentityProvider:
    provider = provider_offered(slug)
    if provider is None:
        raise Http404
    return provider


def _is_safe_redirect(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


# --- Logout at the provider -------------------------------------------------------------------


def logout_propose(
    request: HttpRequest, provider: IdentityProvider | None, tokens: str, actor: Actor
) -> None:
    """Keep, in the new anonymous session, what ending the provider's session takes: five minutes."""
    if provider is not None:
        request.session[LOGOUT] = {
            "provider": provider.slug,
            "tokens": tokens,
            "at": time.time(),
            "login": actor.login,
        }


def logout_proposed(request: HttpRequest) -> IdentityProvider | None:
    """The provider whose session the person may still end."""
    entry = request.session.get(LOGOUT)
    if not isinstance(entry, dict) or time.time() - entry["at"] > LOGOUT_LIFE_S:
        return None
    return provider_offered(entry["provider"])


@public
@never_cache
def provider_logout(request: HttpRequest) -> HttpResponse:
    """End the session at the provider too: give the refresh token back, then go to end_session (psc 11.2).

    A GET that only a person who has just logged out may use, once; the id token travels in the
    address of the redirection, nowhere else.
    """
    provider = logout_proposed(request)
    entry = request.session.pop(LOGOUT, None)
    if provider is None or entry is None:
        return redirect("accounts:login")
    client, tokens = ProviderClient(provider), open_tokens(entry["tokens"])
    try:
        address = client.metadata().end_session
        if tokens.get("refresh"):
            client.revoke(tokens["refresh"])
    except LoginRefused:
        messages.warning(request, f"{provider.label} ne répond pas : sa session se fermera d’elle-même.")
        return redirect("accounts:login")
    if not address:
        return redirect("accounts:login")
    state = secrets.token_urlsafe(24)
    request.session["logout_state"] = state
    params = {
        "post_logout_redirect_uri": absolutify(request, logout_response_path(provider.slug)),
        "state": state,
    }
    params |= {"id_token_hint": tokens["id"]} if "id" in tokens else {"client_id": provider.client_id}
    trace_write(
        type=f"{provider.event_prefix}.logout.rp",
        action=Action.EXECUTE,
        actor=Actor(login=entry["login"]),
        detail={"provider": provider.slug, "issuer": provider.issuer},
    )
    separator = "&" if urlsplit(address).query else "?"
    return HttpResponseRedirect(f"{address}{separator}{urlencode(params)}")


@public
@never_cache
def logout_response(request: HttpRequest, slug: str) -> HttpResponse:
    """Back from the provider's logout; a missing state fails nothing (psc 11.2)."""
    provider = _provider(slug)
    expected = request.session.pop("logout_state", None)
    if expected is not None and request.GET.get("state") == expected:
        messages.success(request, f"Vous êtes aussi déconnecté de {provider.label}.")
    return redirect("accounts:login")
