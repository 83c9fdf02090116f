"""What a person reads and decides about the national identity that opens the account (psc 6.4, 7)."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import logout as session_forget
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import signed_in
from accounts.http import SignedInRequest
from accounts.navigation import home_url, safe_next
from accounts.oidc.arrival import new_link_take
from accounts.oidc.views import logout_propose
from accounts.selectors import identities_of, provider_labels, provider_offered
from accounts.services import external_identity_unlink
from accounts.sessions import session_activity_choose, session_read

PROOF_AGE = timedelta(minutes=5)
"""An identity is withdrawn by who has just proved who it is (psc 7.8)."""


@signed_in(while_choosing=True)
@never_cache
@require_GET
def linked(request: SignedInRequest) -> HttpResponse:
    """« Compte rattaché »: said once, after the first login of an identity on an account (workflows 9.3a)."""
    wanted = safe_next(request) or home_url()
    link = new_link_take(request.session, request.user)
    if link is None:
        return redirect(wanted)
    context = {
        "link": link,
        "provider": provider_labels().get(link.provider, link.provider),
        "account": request.user,
        "assignments": request.user.assignments_now,
        "next": wanted,
    }
    return render(request, "accounts/linked.html", context)


@signed_in(while_choosing=True)
@never_cache
@require_http_methods(["GET", "POST"])
def activity(request: SignedInRequest) -> HttpResponse:
    """Among several activities in this establishment, the one of this session: before the first page.

    psc 6.4; one click. Chosen once: it is frozen until the end of the session (psc 20).
    """
    state, wanted = session_read(request.session), safe_next(request) or home_url()
    if state is None or not state.must_choose_activity:
        return redirect(wanted)
    offered = {str(number): one for number, one in enumerate(state.activities)}
    if request.method == "POST":
        chosen = offered.get(request.POST.get("activity", ""))
        if chosen is not None:
            session_activity_choose(request.session, state, chosen, user=request.user, actor=request.actor)
            return redirect(wanted)
    status = 422 if request.method == "POST" else 200
    context = {"offered": offered, "account": request.user, "next": wanted}
    return render(request, "accounts/activity.html", context, status=status)


def _left(request: SignedInRequest, slug: str) -> HttpResponse:
    """Out of a session that has just ended; the provider's own may be ended on the next page (psc 11)."""
    state, actor = session_read(request.session), request.actor
    session_forget(request)
    logout_propose(request, provider_offered(slug), state.tokens if state else "", actor)
    return redirect("accounts:logged_out")


@signed_in()
@never_cache
@require_http_methods(["GET", "POST"])
def unlink(request: SignedInRequest, number: int) -> HttpResponse:
    """Withdraw one of my identities, after I proved again who I am (psc 7.8).

    The sessions that its provider opened end, this one included. Another person's identity is unknown here.
    """
    identity = next((one for one in identities_of(request.user) if one.pk == number), None)
    if identity is None:
        raise Http404
    is_proved = timezone.now() - request.assurance.auth_time < PROOF_AGE
    if request.method == "POST" and is_proved:
        external_identity_unlink(identity=identity, actor=request.actor, reason="par la personne")
        if request.assurance.provider != identity.provider:
            return redirect("accounts:profile")
        return _left(request, identity.provider)
    context = {
        "identity": identity,
        "provider": provider_labels().get(identity.provider, identity.provider),
        "is_proved": is_proved,
        "proof": provider_offered(request.assurance.provider),
        "is_last": len(identities_of(request.user)) == 1,
        "ends_session": request.assurance.provider == identity.provider,
    }
    status = 403 if request.method == "POST" else 200
    return render(request, "accounts/unlink.html", context, status=status)
