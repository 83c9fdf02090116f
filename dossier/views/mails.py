"""Received mails that wait for a person: why, their headers, and what may be done (mssante 2.1, 2.4, 2.8).

What a mail says is read by who may, with a reason, once; its documents are seen through the import, which
asks whose they are.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.models import User
from audit.errors import ApplicationError
from documents.selectors import imports_of_file
from documents.services import import_open
from dossier.access import reader
from exchange.views.rail import RAIL_LABEL, exchange_rail
from interop.mail.opening import MailLimits
from mssante.enums import IncomingState
from mssante.headers import header_lines, shown_address
from mssante.models import IncomingMail
from mssante.reading import MailText, mail_text, usager_of
from mssante.rules import REASON_LENGTH, may_reread, may_set_aside
from mssante.selectors import REVIEWED_STATES, mail_to_review, mails_to_review
from mssante.services import (
    incoming_read_trace,
    incoming_reread,
    incoming_set_aside,
    incoming_text_trace,
)
from national.mail.ports import MAIL_TOO_LARGE
from patients.trace_files import patient_uids
from ui.components import Entry, Group
from ui.french import whole
from ui.pills import label

PAGE: Final = 50
MOST_PAGES: Final = 20
STATE, CHOSEN, REASON = "etat", "courriel", "motif"
ICONS: Final = {
    IncomingState.TO_REVIEW: "mail-x",
    IncomingState.REFUSED: "octagon-alert",
    IncomingState.SET_ASIDE: "x",
}
WORDS: Final = {
    IncomingState.TO_REVIEW: "À reprendre",
    IncomingState.REFUSED: "Refusés",
    IncomingState.SET_ASIDE: "Écartés",
}


@requires("mssante.review")
@require_GET
def mails(request: HttpRequest) -> HttpResponse:
    """The mails of one state, newest first, and the one chosen beside them."""
    user, _ = reader(request)
    asked = request.GET.get(CHOSEN, "")
    chosen = _chosen(user, asked) if asked else None
    return _page(request, user, chosen)


@requires("mssante.review")
@require_GET
def mail(request: HttpRequest, uid: UUID) -> HttpResponse:
    """One mail: the pane alone for the script of the list, else the list with it."""
    user, _ = reader(request)
    found = _found(user, uid)
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(_url(found))
    return render(request, "dossier/_mail.html", {"pane": _pane(user, found)})


@requires("mssante.review", "exchange.raw")
@require_POST
def mail_headers(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The headers as they came, once, for a reason that is traced."""
    user, actor = reader(request)
    found = _found(user, uid)
    reason = _reason(request)
    if not reason:
        return HttpResponseRedirect(_url(found))
    incoming_read_trace(mail=found, actor=actor, reason=reason)
    return _page(request, user, found, sees_all=True)


@requires("mssante.review", "mssante.read")
@require_POST
def mail_read(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The text of the mail and who wrote it, once, for a reason that is traced (mssante 1.7)."""
    user, actor = reader(request)
    found = _found(user, uid)
    reason = _reason(request)
    if not reason or not _is_whole(found):
        return HttpResponseRedirect(_url(found))
    limits = MailLimits(max_bytes=settings.MSS_MAX_MAIL_BYTES)
    text = mail_text(bytes(found.raw), patient_domain=settings.MSS_PATIENT_DOMAIN, limits=limits)
    known = patient_uids(text.matricule) if text.matricule else []
    incoming_text_trace(
        mail=found,
        actor=actor,
        reason=reason,
        matricule=text.matricule,
        patient_uid=known[0] if len(known) == 1 else None,
    )
    return _page(request, user, found, text=text)


@requires("mssante.review")
@require_POST
def mail_reread(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Give it back to the reading."""
    user, actor = reader(request)
    found = _found(user, uid)
    try:
        incoming_reread(mail=found, actor=actor)
    except ApplicationError as refusal:
        messages.error(request, refusal.message)
        return HttpResponseRedirect(_url(found))
    messages.success(request, "Le courriel sera relu à la prochaine relève (15 secondes).")
    return HttpResponseRedirect(reverse("dossier:mails"))


@requires("mssante.review", "documents.import", "patients.search")
@require_POST
def mail_import(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Open its archive as if the person had dropped the mail; the import then asks who the patient is."""
    user, actor = reader(request)
    found = _found(user, uid)
    try:
        if not _is_whole(found):
            raise ApplicationError(
                "Seuls les en-têtes de ce courriel sont ici : ouvrez-le chez l’opérateur.", code="too_large"
            )
        opened = import_open(user=user, actor=actor, content=bytes(found.raw), name=f"courriel-{uid}.eml")
    except ApplicationError as refusal:
        messages.error(request, refusal.message)
        return HttpResponseRedirect(_url(found))
    return HttpResponseRedirect(reverse("dossier:import", args=[opened.uid]))


@requires("mssante.review")
@require_POST
def mail_set_aside(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take it off the list, with a reason."""
    user, actor = reader(request)
    found = _found(user, uid)
    try:
        incoming_set_aside(mail=found, reason=request.POST.get(REASON, ""), actor=actor)
    except ApplicationError as refusal:
        messages.error(request, refusal.message)
        return HttpResponseRedirect(_url(found))
    messages.success(request, "Courriel écarté ; il reste gardé.")
    return HttpResponseRedirect(reverse("dossier:mails"))


def _reason(request: HttpRequest) -> str:
    """Why a person reads; empty, and said so, when that was not written."""
    reason = " ".join(request.POST.get(REASON, "").replace("\x00", "").split())
    if len(reason) >= REASON_LENGTH:
        return reason
    messages.error(
        request, f"Le motif compte au moins {REASON_LENGTH} caractères\u202f: rien n’a été affiché."
    )
    return ""


def _page(
    request: HttpRequest,
    user: User,
    chosen: IncomingMail | None,
    *,
    sees_all: bool = False,
    text: MailText | None = None,
) -> HttpResponse:
    state = IncomingState(chosen.state) if chosen else _state(request)
    pages = _pages(request)
    found = list(mails_to_review(user, state)[: pages * PAGE + 1])
    shown = found[: pages * PAGE]
    more = f"{reverse('dossier:mails')}?{STATE}={state}&page={pages + 1}"
    context: dict[str, Any] = {
        "views": _rail(user, state),
        "views_label": RAIL_LABEL if user.has_perm("exchange.journal") else "Listes de courriels",
        "title": WORDS[state],
        "subtitle": f"{whole(len(shown))} courriel{'s' * (len(shown) > 1)}",
        "refresh_url": f"{reverse('dossier:mails')}?{STATE}={state}",
        "rows": [(one, _sender(one), _url(one), one == chosen, _is_usager(one)) for one in shown],
        "more_url": more if len(found) > len(shown) and pages < MOST_PAGES else "",
        "pane": _pane(user, chosen, sees_all=sees_all, text=text) if chosen else None,
        "pane_open": chosen is not None,
    }
    return render(request, "dossier/mails.html", context)


def _pane(
    user: User, found: IncomingMail, *, sees_all: bool = False, text: MailText | None = None
) -> dict[str, Any]:
    """Inputs of dossier/_mail.html; what may not be seen is not built."""
    lines = header_lines(bytes(found.raw), patient_domain=settings.MSS_PATIENT_DOMAIN, sees_all=sees_all)
    is_whole = _is_whole(found)

    def action(name: str) -> str:
        return reverse(f"dossier:{name}", args=[found.uid])

    may_import = user.has_perm("documents.import") and user.has_perm("patients.search")
    return {
        "mail": found,
        "sender": _sender(found),
        "state": label("incoming_mail", found.state),
        "is_usager": _is_usager(found),
        "text": text,
        "usager": text.matricule if text else "",
        "read_url": action("mail_read") if user.has_perm("mssante.read") and is_whole and not text else "",
        "lines": lines,
        "show_url": action("mail_headers") if user.has_perm("exchange.raw") and not sees_all else "",
        "is_hidden": any(line.is_hidden for line in lines),
        "reread_url": "" if may_reread(state=found.state, code=found.code) else action("mail_reread"),
        "import_url": action("mail_import") if may_import and is_whole else "",
        "set_aside_url": "" if may_set_aside(state=found.state) else action("mail_set_aside"),
        "imports": imports_of_file(bytes(found.raw)) if is_whole else [],
        "reason_length": REASON_LENGTH,
        "close_url": f"{reverse('dossier:mails')}?{STATE}={found.state}",
    }


def _rail(user: User, current: IncomingState) -> list[Group]:
    url = reverse("dossier:mails")
    entries = []
    for state in REVIEWED_STATES:
        waits = state is IncomingState.TO_REVIEW
        count = mails_to_review(user, state).order_by().count() if waits else None
        entries.append(
            Entry(WORDS[state], f"{url}?{STATE}={state}", ICONS[state], current=state is current, count=count)
        )
    own = Group("Courriels reçus", entries)
    if user.has_perm("exchange.journal"):
        return [own, *exchange_rail(user, current=url)]
    back = Entry("Documents reçus", reverse("dossier:mssante"), "inbox")
    return [own, *([Group("MSSanté", [back])] if user.has_perm("documents.received") else [])]


def _sender(found: IncomingMail) -> str:
    return shown_address(found.sender, patient_domain=settings.MSS_PATIENT_DOMAIN) or "Expéditeur illisible"


def _is_usager(found: IncomingMail) -> bool:
    """Whether it came from the mailbox of a patient (ECO.3.1.1)."""
    return bool(usager_of(found.sender, patient_domain=settings.MSS_PATIENT_DOMAIN))


def _is_whole(found: IncomingMail) -> bool:
    return found.code != MAIL_TOO_LARGE


def _state(request: HttpRequest) -> IncomingState:
    asked = request.GET.get(STATE, "")
    return next((state for state in REVIEWED_STATES if state == asked), IncomingState.TO_REVIEW)


def _pages(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return min(max(int(asked), 1), MOST_PAGES) if asked.isdecimal() and len(asked) < 6 else 1


def _url(found: IncomingMail) -> str:
    return f"{reverse('dossier:mails')}?{CHOSEN}={found.uid}"


def _found(user: User, uid: UUID) -> IncomingMail:
    found = mail_to_review(user, uid)
    if found is None:
        raise Http404
    return found


def _chosen(user: User, text: str) -> IncomingMail:
    try:
        return _found(user, UUID(text))
    except ValueError as error:
        raise Http404 from error
