"""Pages of login, lock, logout and "Mon compte" (workflows journey 9; security 5)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import local
from accounts.access import public, requires, signed_in
from accounts.assurance import LOCAL_PROVIDER, PASSWORD_LEVEL, Assurance
from accounts.enums import LinkMethod, LoginRefusal, ProviderKind, SessionEnd
from accounts.errors import AccountError, LoginRefused
from accounts.exports import accounts_csv
from accounts.forms import (
    AccessRequestForm,
    AccountChoiceForm,
    LocalLoginForm,
    PasswordChangeForm,
    UnlockForm,
)
from accounts.http import SignedInRequest
from accounts.login_sessions import user_sessions_end
from accounts.models import IdentityProvider, User
from accounts.navigation import arrival_url, home_url, safe_next
from accounts.oidc.client import ProviderClient
from accounts.oidc.login import last_login_tell, login_finish
from accounts.oidc.matching import access_request_create, account_link
from accounts.oidc.proof import Pending, pending_drop, pending_read
from accounts.oidc.views import login_refused, logout_propose, logout_proposed
from accounts.rules import Match, Phase
from accounts.selectors import (
    actor_of,
    identities_of,
    open_sessions_of,
    provider_labels,
    provider_offered,
    providers_offered,
)
from accounts.services import password_set
from accounts.sessions import (
    Login,
    session_end,
    session_lock,
    session_open,
    session_read,
    session_unlock,
)
from accounts.vault import seal_tokens
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from establishment.models import LegalEntity
from ui.components import Service
from ui.preferences import provider_last

REFUSED = "Identifiant ou mot de passe refusé. Après plusieurs échecs, l’accès est suspendu un moment."

PSC_WORDS = "S'identifier avec Pro Santé Connect"
"""The name of the button, as the référentiel writes it (psc 12)."""

# --- Login ------------------------------------------------------------------------------------


@public
@never_cache
@require_safe
def login(request: HttpRequest) -> HttpResponse:
    """Our own login page: every provider offered, and the folded local form.

    It goes to one by itself only for who named it in the address, `?idp=slug` (psc 9): a refusal comes back
    to a page without it, so that nobody turns in circles.
    """
    phase = getattr(request, "phase", None)
    if phase is Phase.OPEN:
        return redirect(safe_next(request) or home_url())
    if phase is Phase.LOCKED:
        return redirect("accounts:locked")
    slug = request.GET.get("idp", "")
    asked = provider_offered(slug) if slug else None
    if asked is not None:
        wanted = safe_next(request)
        address = reverse("accounts:oidc_start", args=[asked.slug])
        return redirect(f"{address}?{urlencode({'next': wanted})}" if wanted else address)
    return _login_page(request, LocalLoginForm())


def _login_page(request: HttpRequest, form: LocalLoginForm, *, status: int = 200) -> HttpResponse:
    entity = LegalEntity.objects.first()
    ways = _ways(providers_offered(), last=provider_last(request))
    context = {
        "hospital": entity.name if entity else "",
        "providers": ways,
        "services": [Service(way["label"], "down" if way["down"] else "up") for way in ways],
        "local_form": form if settings.LOCAL_LOGIN_ENABLED else None,
        "next": safe_next(request),
        "version": f"v{settings.DPI_VERSION}",
        "environment": "Environnement de démonstration, patients fictifs" if settings.DPI_SANDBOX else "",
        "idle_minutes": settings.SESSION_LOCK_MINUTES,
        "error": None,
    }
    return render(request, "accounts/login.html", context, status=status)


def _ways(providers: list[IdentityProvider], *, last: str = "") -> list[dict[str, Any]]:
    """The providers as the page shows them: one that did not answer lately says so and goes last.

    The one by which this browser last logged in stands out (psc 9), the first one otherwise.
    """
    ways = []
    for provider in providers:
        down, is_psc = ProviderClient(provider).seems_down(), provider.kind == ProviderKind.PSC
        ways.append(
            {
                "slug": provider.slug,
                "label": provider.label,
                "words": PSC_WORDS if is_psc else provider.label,
                "more_url": settings.PSC_ABOUT_URL if is_psc else "",
                "help": "ne répond pas actuellement" if down else provider.hint,
                "icon": "smartphone" if is_psc else "hospital",
                "down": down,
                "primary": False,
            }
        )
    ways.sort(key=lambda way: way["down"])
    used = next((way for way in ways if way["slug"] == last and not way["down"]), None)
    if used is not None:
        used["help"] = (
            f"{used['help']} · utilisé la dernière fois" if used["help"] else "Utilisé la dernière fois"
        )
    if ways:
        (used or ways[0])["primary"] = True
    return ways


@public
@never_cache
@sensitive_post_parameters("password")
@require_POST
def login_local(request: HttpRequest) -> HttpResponse:
    """Password login, for local administrators alone. Every refusal reads the same."""
    form = LocalLoginForm(request.POST)
    if not settings.LOCAL_LOGIN_ENABLED or not form.is_valid():
        return _login_page(request, form, status=422)
    name = form.cleaned_data["username"]
    user = local.password_check(request, name, form.cleaned_data["password"])
    if user is None or not local.opens_session(user):
        reason = "not a local administrator" if user else _failure_reason(request)
        local.login_failure_trace(login=name, reason=reason)
        form.add_error(None, REFUSED)
        return _login_page(request, form, status=422)
    last = session_open(
        request,
        Login(
            user=user,
            backend=local.BACKEND,
            assurance=_password_assurance(),
            event="login.success",
            detail={"provider": LOCAL_PROVIDER},
        ),
    )
    last_login_tell(request, last)
    return redirect(arrival_url(safe_next(request)))


def _failure_reason(request: HttpRequest) -> str:
    return "locked" if getattr(request, "axes_locked_out", False) else "credentials"


def _password_assurance() -> Assurance:
    return Assurance(LOCAL_PROVIDER, PASSWORD_LEVEL, timezone.now(), two_factor=False)


# --- First national login: choose, prove, ask -------------------------------------------------


@public
@never_cache
@sensitive_post_parameters("password")
def choose(request: HttpRequest) -> HttpResponse:
    """Several accounts for one identity: choose a linked one, or prove the one to link (psc 7.1, 7.3)."""
    pending = pending_read(request.session)
    if pending is None or pending.outcome is Match.NONE:
        return redirect("accounts:login")
    form = AccountChoiceForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and form.cleaned_data["account"] in pending.accounts:
        user = User.objects.get(pk=form.cleaned_data["account"])
        if pending.outcome is Match.CHOOSE:
            return _chosen(request, pending, user)
        return _proved(request, pending, user, form)
    return _choose_page(request, pending, form)


def _choose_page(
    request: HttpRequest, pending: Pending, form: AccountChoiceForm, *, status: int = 200
) -> HttpResponse:
    users = User.objects.filter(pk__in=pending.accounts).order_by("id")
    context = {
        "identity": pending.proof.identity,
        "provider": pending.proof.provider,
        "accounts": [{"user": user, "assignments": user.assignments_now} for user in users],
        "needs_proof": pending.outcome is Match.PROVE,
        "form": form,
    }
    return render(request, "accounts/choose.html", context, status=status)


def _chosen(request: HttpRequest, pending: Pending, user: User) -> HttpResponse:
    proof = pending.proof
    if not user.is_active:
        return login_refused(request, proof.provider, LoginRefused(LoginRefusal.ACCOUNT, "inactive"))
    trace_write(
        type=f"{proof.provider.event_prefix}.account.chosen",
        action=Action.EXECUTE,
        actor=actor_of(user, assurance=proof.assurance.level),
        object_type="user",
        object_uid=user.uid,
        detail=proof.detail(),
    )
    pending_drop(request.session)
    return redirect(login_finish(request, user, proof, wanted=pending.next_url))


def _proved(request: HttpRequest, pending: Pending, user: User, form: AccountChoiceForm) -> HttpResponse:
    """An account is proved by its own password; without one, an administrator decides."""
    proof = pending.proof
    if not user.has_usable_password():
        access_request_create(proof, message="", account=user)
        pending_drop(request.session)
        return render(request, "accounts/request_sent.html", {"identity": proof.identity})
    if local.password_check(request, user.login, form.cleaned_data["password"]) != user:
        local.login_failure_trace(login=user.login, reason="proof of account")
        form.add_error("password", "Mot de passe refusé.")
        return _choose_page(request, pending, form, status=422)
    try:
        account_link(proof, user, LinkMethod.CHOICE)
    except LoginRefused as refused:
        return login_refused(request, proof.provider, refused)
    return _chosen(request, pending, user)


@public
@never_cache
def no_account(request: HttpRequest) -> HttpResponse:
    """A good identity without account: a neutral page and a request, never an access (psc 7.4)."""
    pending = pending_read(request.session)
    if pending is None or pending.outcome is not Match.NONE:
        return redirect("accounts:login")
    identity = pending.proof.identity
    form = AccessRequestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        access_request_create(pending.proof, message=form.cleaned_data["message"])
        pending_drop(request.session)
        return render(request, "accounts/request_sent.html", {"identity": identity})
    context = {
        "identity": identity,
        "provider": pending.proof.provider,
        "form": form,
        "code": LoginRefusal.NO_ACCOUNT.value,
        "correlation": getattr(request, "correlation", ""),
    }
    return render(request, "accounts/no_account.html", context, status=403)


# --- Lock -------------------------------------------------------------------------------------


@signed_in(while_locked=True)
@require_POST
def lock_now(request: SignedInRequest) -> HttpResponse:
    """Lock the session at once; what is written stays on the server."""
    state = session_read(request.session)
    if state is not None and state.verdict(timezone.now()).phase is Phase.OPEN:
        session_lock(request, state, request.actor)
    return redirect("accounts:locked")


@signed_in(while_locked=True)
@never_cache
@require_GET
def locked(request: SignedInRequest) -> HttpResponse:
    """The lock page: nothing of the record, and how the same person goes on."""
    state = session_read(request.session)
    if state is None or state.verdict(timezone.now()).phase is Phase.OPEN:
        return redirect(safe_next(request) or home_url())
    return _locked_page(request, UnlockForm())


def _locked_page(request: SignedInRequest, form: UnlockForm, *, status: int = 200) -> HttpResponse:
    by_password = request.assurance.provider == LOCAL_PROVIDER
    provider = None if by_password else provider_offered(request.assurance.provider)
    context = {
        "person": request.user.display_name,
        "form": form if by_password else None,
        "provider": provider,
        "next": safe_next(request),
    }
    return render(request, "accounts/locked.html", context, status=status)


@signed_in(while_locked=True)
@never_cache
@sensitive_post_parameters("password")
@require_POST
def unlock_local(request: SignedInRequest) -> HttpResponse:
    """The password of the same account opens its locked session again."""
    form = UnlockForm(request.POST)
    state = session_read(request.session)
    if state is None or state.assurance.provider != LOCAL_PROVIDER:
        return redirect("accounts:locked")
    if form.is_valid():
        user = local.password_check(request, request.user.login, form.cleaned_data["password"])
        if user == request.user:
            session_unlock(request, state, _password_assurance(), request.actor)
            return redirect(safe_next(request) or home_url())
        local.login_failure_trace(login=request.user.login, reason="unlock")
        form.add_error("password", "Mot de passe refusé.")
    return _locked_page(request, form, status=422)


# --- Logout -----------------------------------------------------------------------------------


@signed_in(while_locked=True)
@require_POST
def logout(request: SignedInRequest) -> HttpResponse:
    """End the session here and now (SC.SSI/IE.38); the provider's is proposed on the next page."""
    slug = request.assurance.provider
    provider = None if slug == LOCAL_PROVIDER else provider_offered(slug)
    event = f"{provider.event_prefix}.logout.local" if provider else "logout"
    actor: Actor = request.actor
    tokens = session_end(request, request.user, SessionEnd.LOGOUT, event=event)
    logout_propose(request, provider, seal_tokens(tokens) if tokens else "", actor)
    response = redirect("accounts:logged_out")
    response["Clear-Site-Data"] = '"cache", "storage"'
    response["Cache-Control"] = "no-store"
    return response


@public
@never_cache
@require_safe
def logged_out(request: HttpRequest) -> HttpResponse:
    """Said in words, with the way to end the provider's session too."""
    return render(request, "accounts/logged_out.html", {"provider": logout_proposed(request)})


# --- Review of the accounts -------------------------------------------------------------------


@requires("accounts.review_export")
@require_GET
def review_export(request: SignedInRequest) -> HttpResponse:
    """Every account and habilitation, for the administrator's review (SC.SSI/IAM.94)."""
    text = accounts_csv()
    trace_write(
        type="export.accounts",
        action=Action.READ,
        actor=request.actor,
        detail={"lines": text.count("\r\n") - 1},
    )
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="comptes-{day}.csv"'
    return response


# --- My account -------------------------------------------------------------------------------


@signed_in()
@require_GET
def profile(request: SignedInRequest) -> HttpResponse:
    """Who I am here, my roles, the identities that open my account, my open sessions."""
    labels = provider_labels()
    context = {
        "account": request.user,
        "assignments": request.user.assignments_now,
        "sessions": open_sessions_of(request.user),
        "current_key": request.session.session_key,
        "has_password": request.user.has_usable_password(),
        "identities": [(labels.get(one.provider, one.provider), one) for one in identities_of(request.user)],
    }
    return render(request, "accounts/profile.html", context)


@signed_in()
@require_POST
def sessions_close(request: SignedInRequest) -> HttpResponse:
    """Log me out everywhere else (security 5)."""
    closed = user_sessions_end(
        user=request.user, actor=request.actor, except_key=request.session.session_key or ""
    )
    messages.success(request, f"{closed} autre(s) session(s) fermée(s).")
    return redirect("accounts:profile")


@signed_in(while_expired=True)
@never_cache
@sensitive_post_parameters("current", "new", "again")
def password(request: SignedInRequest) -> HttpResponse:
    """Change my local password; the present one is asked again, my other sessions end."""
    if not request.user.has_usable_password():
        return redirect("accounts:profile")
    form = PasswordChangeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _password_changed(request, form):
        messages.success(request, "Mot de passe changé.")
        return redirect("accounts:profile")
    status = 422 if form.errors else 200
    return render(request, "accounts/password.html", {"form": form}, status=status)


def _password_changed(request: SignedInRequest, form: PasswordChangeForm) -> bool:
    checked = local.password_check(request, request.user.login, form.cleaned_data["current"])
    if checked != request.user:
        form.add_error("current", "Mot de passe refusé.")
        _password_refused(request, "current password")
        return False
    key = request.session.session_key or ""
    try:
        user = password_set(
            user=checked, password=form.cleaned_data["new"], actor=request.actor, keep_session=key
        )
    except AccountError as error:
        form.add_error("new", error.message)
        _password_refused(request, "policy")
        return False
    update_session_auth_hash(request, user)
    return True


def _password_refused(request: SignedInRequest, reason: str) -> None:
    trace_write(
        type="password.change.failure",
        action=Action.UPDATE,
        outcome=Outcome.FAILURE,
        actor=request.actor,
        object_type="user",
        object_uid=request.user.uid,
        reason=reason,
    )
