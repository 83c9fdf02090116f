"""What is done with one message: read with a reason, taken as a file, sent or applied again."""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.http import SignedInRequest
from exchange import services
from exchange.errors import NotRetryable
from exchange.reading import raw_masked
from exchange.selectors import message_by_uid
from exchange.tasks import hand_over_after_commit
from exchange.views.journal import journal_page
from exchange.views.pane import SHOWN, pane_of, reason_given, trace_read
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.tokens import parse_message
from ui.pills import label

REASON_LENGTH: Final = 10
REASON_MOST: Final = 200
SHOWN_SECONDS: Final = 15 * 60
"""How long a message stays readable in this session after its reason was given."""
SHOWN_MESSAGES: Final = 20


@requires("exchange.journal")
@require_GET
def message(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """One message: the pane alone for the script of the list, else the list with it."""
    found = message_by_uid(uid)
    if found is None:
        raise Http404
    if not request.headers.get("HX-Request"):
        return redirect(f"{reverse('exchange:journal')}?message={uid}")
    return render(request, "exchange/_message.html", {"pane": pane_of(request, found)})


@requires("exchange.journal", "exchange.raw")
@require_POST
def message_show(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """Note why the traits and the content are read; each display is then traced with that reason."""
    found = message_by_uid(uid)
    if found is None:
        raise Http404
    reason = " ".join(request.POST.get("motif", "").replace("\x00", "").split())
    if len(reason) < REASON_LENGTH:
        request.GET = QueryDict(f"message={uid}")
        return journal_page(
            request,
            status=422,
            reason_error=f"Le motif compte au moins {REASON_LENGTH} caractères\u202f: rien n’a été affiché.",
        )
    shown: dict[str, Any] = request.session.get(SHOWN, {})
    latest = dict(list(shown.items())[-SHOWN_MESSAGES + 1 :])
    latest[str(uid)] = {"until": time.time() + SHOWN_SECONDS, "reason": reason[:REASON_MOST]}
    request.session[SHOWN] = latest
    return redirect(f"{reverse('exchange:journal')}?message={uid}")


@requires("exchange.journal")
@require_GET
def message_file(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """The er7 text: as it came when its display was justified, else with what is hidden starred."""
    found = message_by_uid(uid)
    if found is None:
        raise Http404
    reason = reason_given(request, found)
    if reason:
        trace_read(request, found, reason, "file")
        content = bytes(found.raw)
    else:
        try:
            parsed = parse_message(bytes(found.raw), default_charset=found.partner.charset)
        except Hl7Error as error:
            raise Http404 from error
        content = raw_masked(parsed).encode("utf-8")
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{found.uid}.er7"'
    return response


@requires("exchange.journal", "exchange.replay")
@require_POST
def message_act(request: SignedInRequest, uid: UUID, action: str) -> HttpResponse:
    """Send an outgoing message again, or apply a received one again."""
    found = message_by_uid(uid)
    if found is None or action not in ("reemettre", "rejouer"):
        raise Http404
    try:
        if action == "reemettre":
            services.message_retry(message=found, actor=request.actor)
            hand_over_after_commit(found.pk)
            messages.success(request, "Message remis à la ligne, sous le même identifiant.")
        else:
            after = services.message_replay(message=found, actor=request.actor)
            word = label("message_in", after.state).lower()
            messages.success(request, f"Message rejoué\u202f: {word}.")
    except NotRetryable as refusal:
        messages.error(request, refusal.message)
    return HttpResponseRedirect(f"{reverse('exchange:journal')}?message={uid}")
