"""Acting on documents of the DMP: integrating, making visible, checking what the record holds.

Sources: spec dmp 0.2, 6.5, 6.7; SC.DMP/UX.14.BIS, UX.31; SC.CDA/DD.05, VISU.02.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import requires
from dmp.models import RemoteDocument
from dmp.selectors import filed_versions, remote_documents
from dmp.services import documents_integrate, local_check, summary_of, visibility_change
from dmp.services.retrieving import Integrated
from dmp.services.visibility import VisibilityChange
from documents.enums import ReceiptOutcome
from documents.models import Version
from dossier.access import version_for_page
from dossier.banner import banner_of, rail_of
from dossier.dmp_access import CLOSED, Asked, access_confirmed, asked_about, asked_for, may_look_at
from dossier.dmp_rows import may_refile, row_of_remote
from dossier.views.dmp import SEEN, shown_group
from dossier.views.envois import Done
from dossier.views.record import documents_listed
from sending.services import visibility_replace

MOST_AT_ONCE = 50
UNPROCESSABLE = 422
NOTHING_CHOSEN = "Aucun document n’est coché : rien n’a été intégré."
CHOICES = (
    ("patient", "Rendre visible au patient", "Le patient verra ce document dans Mon espace santé."),
    (
        "representants",
        "Rendre visible aux représentants légaux",
        "Les parents ou représentants légaux verront ce document dans l’espace du mineur.",
    ),
    ("tous", "Rendre visible aux deux", "Le patient et ses représentants légaux verront ce document."),
)


@dataclass(frozen=True, slots=True)
class VisibilityChoice:
    """One button of the dialog: what it lifts, and who will see."""

    value: str
    label: str
    consequence: str


@dataclass(frozen=True, slots=True)
class VisibilityDialog:
    """Inputs of dossier/_visibility_dialog.html."""

    url: str
    title: str
    document: str
    target: str
    choices: Sequence[VisibilityChoice]
    error: str = ""
    cancel_url: str = ""


@requires("patients.open", "dmp.consult", "documents.import")
@require_POST
def dmp_integrate(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Integrate one document or the checked ones; each says what became of it (SC.DMP/UX.31)."""
    asked = asked_for(request, patient_uid)
    chosen = remote_documents(asked.user, asked.patient, _uids(request.POST.getlist("document")))
    done: list[Integrated] = []
    if asked.consultation is not None and chosen:
        done = documents_integrate(asked.consultation, chosen, now=asked.now)
    sentence = summary_of(done) or (CLOSED if asked.consultation is None else NOTHING_CHOSEN)
    failures = failures_of(done)
    if not request.headers.get("HX-Request"):
        messages.info(request, sentence)
        for failure in failures:
            messages.warning(request, failure)
        return HttpResponseRedirect(f"{reverse('dossier:patient', args=[patient_uid])}?dmp=1")
    group = shown_group(asked, sentence=sentence, failures=tuple(failures))
    context = documents_listed(request, asked.record).context | {"dmp_group": group, "is_fragment": True}
    answer = render(request, "dossier/_documents.html", context)
    answer["HX-Trigger-After-Settle"] = SEEN
    return answer


@requires("patients.open", "dmp.consult", "documents.import")
@require_http_methods(["GET", "POST"])
def dmp_refile(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """File again a document of the DMP that was deleted from the record, with a motive (mssante 2.6)."""
    asked, document = asked_about(request, document_uid)
    back = f"{reverse('dossier:patient', args=[asked.patient.uid])}?dmp=1"
    here = filed_versions(asked.patient, [document.unique_id]).get(document.unique_id)
    error = "" if asked.consultation is not None and may_look_at(asked) else CLOSED
    if not error and not may_refile(document, here, asked.user):
        raise Http404
    if request.method == "POST" and not error and asked.consultation is not None:
        motive = request.POST.get("motif", "").replace("\x00", "").strip()[:300]
        if motive:
            done = documents_integrate(asked.consultation, [document], now=asked.now, refiled_for=motive)
            for one in done:
                say = messages.warning if failures_of([one]) else messages.success
                say(request, one.sentence)
            return HttpResponseRedirect(back)
        error = "Écrivez pourquoi vous classez ce document de nouveau."
    context = {
        "document": document if may_look_at(asked) else None,
        "error": error,
        "cancel_url": back,
        "banner": banner_of(asked.record, asked.user),
        "rail": rail_of(asked.patient, asked.user, current="documents"),
    }
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "dossier/refile.html", context, status=status)


def failures_of(done: Sequence[Integrated]) -> list[str]:
    """Why those that were not filed were not, one line each with its title."""
    filed = (ReceiptOutcome.INTEGRATED, ReceiptOutcome.REPLACED, ReceiptOutcome.DUPLICATE)
    return [f"{one.document.title} : {one.sentence}" for one in done if one.outcome not in filed]


@requires("patients.open", "dmp.consult", "documents.visibility")
@require_http_methods(["GET", "POST"])
def dmp_visibility(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """Rendre visible…, on a document of the DMP: who will see it, and that there is no way back."""
    asked, document = asked_about(request, document_uid)
    dialog = VisibilityDialog(
        url=reverse("dossier:dmp_visibility", args=[document.uid]),
        title="Rendre visible",
        document=document.title if may_look_at(asked) else "",
        target=f"#doc-dmp-{document.uid}",
        choices=choices_of(document.is_invisible_patient, document.is_invisible_rep_legaux),
        cancel_url=reverse("dossier:patient", args=[asked.patient.uid]),
    )
    if asked.consultation is None or not may_look_at(asked):
        return _dialog_answer(request, asked, dialog, error=CLOSED)
    if request.method == "GET":
        return _dialog_answer(request, asked, dialog)
    to_patient, to_guardians = lifted_by(request.POST.get("choix", ""))
    if not (to_patient or to_guardians):
        return _dialog_answer(request, asked, dialog, error="Choisissez qui verra ce document.")
    change = visibility_change(
        asked.consultation,
        unique_id=document.unique_id,
        to_patient=to_patient,
        to_guardians=to_guardians,
        now=asked.now,
    )
    if not change.is_done or change.document is None:
        return _dialog_answer(request, asked, dialog, error=change.sentence)
    return _row_done(request, asked, change, change.document)


@requires("patients.open", "documents.view", "documents.visibility")
@require_http_methods(["GET", "POST"])
def version_visibility(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Rendre visible…, on a document of the record: in the DMP itself, else by the PFI, else its author."""
    version = version_for_page(request, version_uid)
    asked = asked_for(request, version.document.patient.uid)
    dialog = VisibilityDialog(
        url=reverse("dossier:version_visibility", args=[version.uid]),
        title="Rendre visible",
        document=version.document.title,
        target=f"#doc-{version.document.uid}",
        choices=choices_of(version.is_invisible_patient, version.is_invisible_rep_legaux),
        cancel_url=f"{reverse('dossier:patient', args=[asked.patient.uid])}?document={version.uid}",
    )
    if request.method == "GET":
        return _dialog_answer(request, asked, dialog)
    to_patient, to_guardians = lifted_by(request.POST.get("choix", ""))
    if not (to_patient or to_guardians):
        return _dialog_answer(request, asked, dialog, error="Choisissez qui verra ce document.")
    done, sentence = version_show(asked, version, to_patient=to_patient, to_guardians=to_guardians)
    if not done:
        return _dialog_answer(request, asked, dialog, error=sentence)
    messages.success(request, sentence)
    url = reverse("dossier:patient", args=[asked.patient.uid])
    answer: HttpResponse = HttpResponseRedirect(f"{url}?document={version.uid}")
    if request.headers.get("HX-Request"):
        answer = HttpResponse("")
        answer["HX-Redirect"] = url
    return answer


def version_show(asked: Asked, version: Version, *, to_patient: bool, to_guardians: bool) -> tuple[bool, str]:
    """The path of dmp 0.2 for a document of the record; whether it was done, and the sentence."""
    if asked.consultation is not None and version.unique_id:
        change = visibility_change(
            asked.consultation,
            unique_id=version.unique_id,
            to_patient=to_patient,
            to_guardians=to_guardians,
            now=asked.now,
        )
        if change.is_done:
            return True, change.sentence
    shown = visibility_replace(
        version=version, to_patient=to_patient, to_guardians=to_guardians, actor=asked.actor
    )
    return shown.is_done, shown.sentence


@requires("patients.open", "dmp.consult", polling=True)
@require_GET
def version_check(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Is a newer version in the DMP, or was it deleted there? Asked by the pane (SC.CDA/DD.05, VISU.02)."""
    version = version_for_page(request, version_uid)
    asked = asked_for(request, version.document.patient.uid)
    if asked.consultation is None or not version.unique_id or access_confirmed(asked) is None:
        return HttpResponse("")
    check = local_check(asked.consultation, version, now=asked.now)
    context = {
        "check": check,
        "view_url": reverse("dossier:dmp_document", args=[check.newer.uid]) if check.newer else "",
        "integrate_url": reverse("dossier:dmp_integrate", args=[asked.patient.uid])
        if check.newer and asked.user.has_perm("documents.import")
        else "",
    }
    return render(request, "dossier/_dmp_check.html", context)


def choices_of(hides_patient: bool, hides_guardians: bool) -> list[VisibilityChoice]:
    """What may be lifted: one button when one thing hides, three when both do."""
    wanted = {
        "patient": hides_patient,
        "representants": hides_guardians,
        "tous": hides_patient and hides_guardians,
    }
    return [VisibilityChoice(*choice) for choice in CHOICES if wanted[choice[0]]]


def lifted_by(choice: str) -> tuple[bool, bool]:
    """To the patient, to representatives."""
    return choice in ("patient", "tous"), choice in ("representants", "tous")


def _dialog_answer(
    request: HttpRequest, asked: Asked, dialog: VisibilityDialog, *, error: str = ""
) -> HttpResponse:
    """The dialog; without script, the page that holds it alone. An error stands in the dialog itself."""
    context: dict[str, Any] = {"dialog": replace(dialog, error=error)}
    if request.headers.get("HX-Request"):
        answer = render(request, "dossier/_visibility_dialog.html", context)
        if request.method == "POST":  # its form aims at the row
            answer["HX-Retarget"], answer["HX-Reswap"] = "#dialogues", "innerHTML"
        return answer
    context |= {
        "banner": banner_of(asked.record, asked.user),
        "rail": rail_of(asked.patient, asked.user, current="documents"),
    }
    return render(request, "dossier/visibility.html", context)


def _row_done(
    request: HttpRequest, asked: Asked, change: VisibilityChange, document: RemoteDocument
) -> HttpResponse:
    """The row as it is now, a toast, and the dialog closed."""
    if not request.headers.get("HX-Request"):
        messages.success(request, change.sentence)
        return HttpResponseRedirect(f"{reverse('dossier:patient', args=[asked.patient.uid])}?dmp=1")
    filed = filed_versions(asked.patient, [document.unique_id])
    context = {
        "row": row_of_remote(document, asked.user, filed),
        "done": Done(strong=change.sentence, text=f"{document.title}."),
        "closes_dialog": True,
    }
    answer = render(request, "dossier/_dmp_row.html", context)
    answer["HX-Trigger-After-Settle"] = SEEN
    return answer


def _uids(values: Sequence[str]) -> list[UUID]:
    found = []
    for value in values[:MOST_AT_ONCE]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
