"""What a person reads and decides about the national identity that opens the account (psc 6.4, 7)."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import signed_in
from accounts.http import SignedInRequest
from accounts.models import IdentityProvider
from accounts.navigation import home_url, safe_next
from accounts.oidc.arrival import new_link_take


@signed_in()
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
