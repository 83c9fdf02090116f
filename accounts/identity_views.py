"""What a person reads and decides about the national identity that opens the account (psc 6.4, 7)."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import signed_in
from accounts.http import SignedInRequest
from accounts.models import IdentityProvider
from accounts.navigation import home_url, safe_next
from accounts.oidc.arrival import new_link_take
from accounts.sessions import session_activity_choose, session_read


@signed_in(while_choosing=True)
@never_cache
@require_GET
def linked(request: SignedInRequest) -> HttpResponse:
    """« Compte rattaché »: said once, after the first login of an identity on an account (workflows 9.3a)."""
    wanted = safe_next(request) or home_url()
    link = new_link_take(request.session, request.user)
    if link is None:
        return redirect(wanted)
    provider = IdentityProvider.objects.filter(slug=link.provider).only("label").first()
    context = {
        "link": link,
        "provider": provider.label if provider else link.provider,
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
