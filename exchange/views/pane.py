"""The pane of one message: what became of it, its segments in French, its text, its answer, its checks.

What the reader may not see is not built: the browser never gets it (ui reference 6.20).
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.urls import reverse

from accounts.http import SignedInRequest
from accounts.models import User
from audit.enums import Action
from audit.services import trace_write
from exchange.checking import CheckState, message_checks
from exchange.enums import Direction, DocumentProfile, Transport
from exchange.models import TROUBLED_STATES, Message
from exchange.reading import MessageShown, message_shown
from exchange.rules import ByHand, HandVerdict, by_hand
from exchange.selectors import acknowledgements_around
from exchange.timeline import duration_ms, timeline
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.names import ERROR_NAMES, event_name
from interop.hl7v2.tokens import parse_message
from ui.components import Entry
from ui.french import full_moment

SHOWN: Final = "exchange_shown"
"""Key of the session: why which message may be read, and until when."""
RAW_SHOWN: Final = 20_000
"""Bytes of an unreadable message that the screen shows; the file holds all."""


def pane_of(request: SignedInRequest, message: Message, reason_error: str = "") -> dict[str, Any]:
    """Inputs of exchange/_message.html. What may not be seen is not in it."""
    user = request.user
    reason = reason_given(request, message)
    if reason:
        trace_read(request, message, reason, "screen")
    checks, parsed = message_checks(
        bytes(message.raw),
        sha256=message.sha256,
        ack=bytes(message.ack or b""),
        control_id=message.control_id,
        charset=message.partner.charset,
        document_profile=document_profile_of(message),
    )
    tab = request.GET.get("onglet", "segments")
    shown = message_shown(parsed, sees_all=bool(reason)) if parsed else None
    faults = sum(check.state is CheckState.FAILED for check in checks)
    verdict = _verdict(message)
    return {
        "message": message,
        "title": " · ".join(filter(None, (kind_of(message), event_name(message.type, message.profile)))),
        "subtitle": _subtitle(message),
        "family": family_of(message.state),
        "detail": code_of(message),
        "duration": duration_ms(message),
        "act": _act(message, user, verdict.act),
        "refusal": verdict.refusal,
        "file_url": reverse("exchange:message_file", args=[message.uid]) if parsed or reason else "",
        "steps": timeline(message, acknowledgements_around(message)),
        "error": _error_words(message, sees_all=bool(reason)),
        "warning": message.warning,
        "hides": bool(shown and shown.hides_something) or (parsed is None and not reason),
        "reason": reason,
        "show_url": reverse("exchange:message_show", args=[message.uid])
        if user.has_perm("exchange.raw") and not reason
        else "",
        "reason_error": reason_error,
        "tabs": _tabs(message, tab, faults),
        "tab": tab,
        "shown": shown,
        "raw_text": _unreadable_text(message, parsed is None and bool(reason)),
        "ack": _ack_shown(message, sees_all=bool(reason)),
        "checks": checks,
        "close_url": reverse("exchange:journal"),
    }


def document_profile_of(message: Message) -> str:
    """The volet of a document message: what its sender is set to; we send the current one."""
    is_incoming = message.direction == Direction.INCOMING
    return message.partner.profile if is_incoming else DocumentProfile.V21.value


def _verdict(message: Message) -> HandVerdict:
    return by_hand(
        direction=message.direction,
        state=message.state,
        message_type=message.type,
        profile=message.profile,
        ack_code=message.ack_code,
    )


def _act(message: Message, user: User, act: ByHand | None) -> Entry | None:
    if act is None or not user.has_perm("exchange.replay"):
        return None
    slug = "reemettre" if act is ByHand.RESEND else "rejouer"
    url = reverse("exchange:message_act", args=[message.uid, slug])
    return Entry(act.value, url, "refresh" if act is ByHand.RESEND else "play")


def kind_of(message: Message) -> str:
    return "^".join(message.type.split("^")[:2]) or "Message illisible"


def _subtitle(message: Message) -> str:
    way = "vers" if message.direction == Direction.OUTGOING else "de"
    profile = f"profil {message.profile}" if message.profile else ""
    parts = (
        message.control_id,
        f"{way} {message.partner.name}",
        profile,
        full_moment(message.created_at),
    )
    return " · ".join(filter(None, parts))


def _tabs(message: Message, current: str, faults: int) -> list[Entry]:
    base = f"{reverse('exchange:journal')}?message={message.uid}&onglet="
    words = f"Contrôles ({faults} erreur{'s' if faults > 1 else ''})"
    tabs = [("segments", "Segments", "list"), ("brut", "Brut (er7)", "file-text")]
    tabs += [("ack", "Acquittement", "check-check"), ("controles", words, "list-checks")]
    return [Entry(label, base + key, icon, current=key == current) for key, label, icon in tabs]


def _error_words(message: Message, *, sees_all: bool) -> str:
    """What went wrong. The free text of a partner on a line may hold a trait: only its codes are shown."""
    if sees_all or message.direction == Direction.INCOMING or not message.ack:
        return message.error
    if message.partner.transport == Transport.INTEGRATED:
        return message.error
    try:
        faults = parse_ack(bytes(message.ack), default_charset=message.partner.charset).faults
    except Hl7Error:
        return "Réponse illisible"
    parts = [
        " ".join(filter(None, (fault.code, fault.location, ERROR_NAMES.get(fault.code, ""))))
        for fault in faults
    ]
    return " ; ".join(parts)


def _ack_shown(message: Message, *, sees_all: bool) -> MessageShown | None:
    if not message.ack:
        return None
    try:
        parsed = parse_message(bytes(message.ack), default_charset=message.partner.charset)
    except Hl7Error:
        return None
    return message_shown(parsed, sees_all=sees_all)


def _unreadable_text(message: Message, is_shown: bool) -> str:
    """The beginning of bytes that no parser reads, each control character made visible."""
    if not is_shown:
        return ""
    text = bytes(message.raw)[:RAW_SHOWN].decode("latin-1").replace("\r", "\n")
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)


def reason_given(request: SignedInRequest, message: Message) -> str:
    """Why this person reads this message now, when the right is held and the reason still stands."""
    if not request.user.has_perm("exchange.raw"):
        return ""
    given = request.session.get(SHOWN, {}).get(str(message.uid))
    if not isinstance(given, dict) or given["until"] < time.time():
        return ""
    return str(given["reason"])


def trace_read(request: SignedInRequest, message: Message, reason: str, means: str) -> None:
    trace_write(
        type="exchange.message.read",
        action=Action.READ,
        actor=request.actor,
        patient_uid=message.patient_uid,
        object_type="exchange.message",
        object_uid=message.uid,
        reason=reason,
        detail={"means": means, "control_id": message.control_id},
    )


def family_of(state: str) -> str:
    outgoing = ("queued", "sent", "acked", "rejected", "deferred")
    return "message_out" if state in outgoing else "message_in"


def code_of(message: Message) -> str:
    """The first code of the error of a message in trouble."""
    if message.state not in TROUBLED_STATES:
        return ""
    first = message.error.partition(" ")[0]
    return first if first.isdecimal() else ""
