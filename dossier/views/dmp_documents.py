"""Looking at a document of the DMP in the pane: PDF first, structured view, metadata (dmp 6.5, 3.5).

Nothing is filed. The pane is drawn from the metadata, then asks for the content: a slow DMP holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from accounts.access import requires
from dmp.enums import DocumentStatus
from dmp.models import RemoteDocument
from dmp.selectors import Filed, filed_versions
from dmp.services import document_open, document_reopen
from dossier.banner import banner_of, rail_of
from dossier.dmp_access import CLOSED, Asked, asked_about, may_look_at
from dossier.dmp_contents import content_keep_for_session, content_of_session
from dossier.dmp_rows import author_words, marks_of_remote
from dossier.document_list import PDF_VIEW, Mark, Notice
from interop.cda.display import DISPLAY_POLICY, DisplayedCda, display_cda
from interop.cda.refusals import CdaRefused
from interop.xml import XmlRefused
from patients.models import Patient
from patients.rules import ReceivedPerson, differing_between
from patients.selectors import holder_of
from patients.services import record_open
from ui.components import Entry
from ui.french import file_size, full_moment

PDF, STRUCTURED, FACTS = "pdf", "structure", "metadonnees"
TABS = ((PDF, "PDF", "file-text"), (STRUCTURED, "Vue structurée", "list"), (FACTS, "Métadonnées", "info"))
PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
UNREADABLE = "Ce document ne peut pas être affiché : son contenu n’est pas un document médical lisible."


@dataclass(frozen=True, slots=True)
class RemotePreview:
    """Inputs of dossier/_dmp_preview.html: what is known before the content comes."""

    title: str
    type: str
    act_date: object
    author: str
    place: str
    marks: Sequence[Mark]
    close_url: str
    content_url: str
    warnings: Sequence[Notice]
    document_uid: str
    url: str
    integrate_url: str = ""
    visibility_url: str = ""


@dataclass(frozen=True, slots=True)
class RemoteContent:
    """Inputs of dossier/_dmp_content.html: one presentation, or why there is none."""

    tabs: Sequence[Entry]
    frame_url: str = ""
    frame_title: str = ""
    sandboxed: bool = False
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[Notice] = ()
    sentence: str = ""
    retry_url: str = ""


@requires("patients.open", "dmp.consult")
@require_GET
def dmp_document(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """The pane of one document, at once and without any call; its content is asked for by the pane."""
    asked, document = asked_about(request, document_uid)
    context: dict[str, Any] = {
        "preview": _preview(asked, document),
        "gone": CLOSED,
        "close_url": reverse("dossier:patient", args=[asked.patient.uid]),
    }
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_dmp_preview.html", context)
    record_open(patient=asked.patient, user=asked.user, actor=asked.actor)
    context |= {
        "banner": banner_of(asked.record, asked.user),
        "rail": rail_of(asked.patient, asked.user, current="documents"),
    }
    return render(request, "dossier/dmp_document.html", context)


@requires("patients.open", "dmp.consult")
@require_GET
def dmp_content(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """One presentation (`?vue=`); TD3.2 unless this session holds the content already."""
    asked, document = asked_about(request, document_uid)
    view = request.GET.get("vue", "")
    if not may_look_at(asked):
        return render(request, "dossier/_dmp_content.html", {"content": RemoteContent((), sentence=CLOSED)})
    if view == FACTS:
        shown = RemoteContent(_tabs(document, FACTS), facts=facts_of_remote(document))
        return render(request, "dossier/_dmp_content.html", {"content": shown})
    content, warnings, sentence = _content(request, asked, document, opens=not view)
    if not content:
        shown = RemoteContent(
            _tabs(document, view or PDF),
            sentence=sentence,
            retry_url=reverse("dossier:dmp_content", args=[document.uid]),
        )
        return render(request, "dossier/_dmp_content.html", {"content": shown})
    shown = _shown(asked, document, content, view, warnings)
    return render(request, "dossier/_dmp_content.html", {"content": shown})


@requires("patients.open", "dmp.consult")
@require_GET
@xframe_options_sameorigin
def dmp_pdf(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """The PDF of a document of the DMP, for the frame of the pane or for printing."""
    asked, document = asked_about(request, document_uid)
    displayed = _displayed(_content(request, asked, document)[0])
    if displayed is None or displayed.pdf is None:
        raise Http404
    return _framed(displayed.pdf, "application/pdf", PDF_POLICY)


@requires("patients.open", "dmp.consult")
@require_GET
@xframe_options_sameorigin
def dmp_structured(request: HttpRequest, document_uid: UUID) -> HttpResponse:
    """The structured view: our own transformation, in a frame that may do nothing (dmp 3.5)."""
    asked, document = asked_about(request, document_uid)
    displayed = _displayed(_content(request, asked, document)[0])
    if displayed is None or displayed.html is None:
        raise Http404
    return _framed(displayed.html, "text/html; charset=utf-8", DISPLAY_POLICY)


def _preview(asked: Asked, document: RemoteDocument) -> RemotePreview | None:
    """None once the access is closed: nothing of the document is shown any more, not even its title."""
    if not may_look_at(asked):
        return None
    here = filed_versions(asked.patient, [document.unique_id]).get(document.unique_id)
    return preview_of_remote(asked, document, here)


def preview_of_remote(asked: Asked, document: RemoteDocument, here: Filed | None) -> RemotePreview:
    """Header, marks and acts of the pane."""
    user = asked.user
    patient_url = reverse("dossier:patient", args=[asked.patient.uid])
    hides = document.is_invisible_patient or document.is_invisible_rep_legaux
    return RemotePreview(
        title=document.title or document.type_label or "Document sans titre",
        type=document.type_label or document.type_code,
        act_date=document.at,
        author=author_words(document),
        place=document.institution,
        marks=marks_of_remote(document, here),
        close_url=patient_url,
        content_url=reverse("dossier:dmp_content", args=[document.uid]),
        warnings=warnings_of_remote(document, here, patient_url),
        document_uid=str(document.uid),
        url=reverse("dossier:dmp_document", args=[document.uid]),
        integrate_url=reverse("dossier:dmp_integrate", args=[asked.patient.uid])
        if here is None and user.has_perm("documents.import")
        else "",
        visibility_url=reverse("dossier:dmp_visibility", args=[document.uid])
        if hides and user.has_perm("documents.visibility")
        else "",
    )


def warnings_of_remote(document: RemoteDocument, here: Filed | None, patient_url: str) -> list[Notice]:
    """What the reader must know before reading (EX_3.2-1025, EX_3.1-1040, SC.DMP/UX.14.TER)."""
    warnings = []
    if document.is_invisible_patient:
        warnings.append(Notice("hid", "eye-off", "Attention, ce document n’est pas visible du patient."))
    if document.is_invisible_rep_legaux:
        text = "Attention, ce document n’est pas visible des représentants légaux : secret du mineur."
        warnings.append(Notice("hid", "eye-closed", text))
    if document.is_of_patient:
        warnings.append(Notice("neu", "user-circle", "Document déposé par le patient."))
    if document.status == DocumentStatus.DEPRECATED or document.replaced_by:
        warnings.append(Notice("warn", "history", "Ancienne version : une plus récente est dans le DMP."))
    if here is not None:
        text = f"Déjà au dossier (v{here.number})."
        url = f"{patient_url}?document={here.version_uid}"
        warnings.append(Notice("neu", "copy-check", text, url, "Voir au dossier"))
    return warnings


def facts_of_remote(document: RemoteDocument) -> list[tuple[str, str]]:
    """The metadata of the registry, for the person who picks (SC.DMP/UX.14)."""
    return [
        ("Titre", document.title),
        ("Type", f"{document.type_label} ({document.type_code})"),
        ("Classe", document.class_label),
        ("Date de l’acte", full_moment(document.act_at)),
        ("Date du document", full_moment(document.created_at)),
        ("Déposé le", full_moment(document.deposited_at)),
        ("Auteur", document.author),
        ("Spécialité", document.specialty),
        ("Structure", document.institution),
        ("Secteur d’activité", document.facility_type),
        ("Cadre d’exercice", document.practice_setting),
        ("Actes", ", ".join(document.event_codes)),
        ("Format", document.format_code),
        ("Statut", document.get_status_display()),
        ("Visibilité", _visibility_words(document)),
        ("Taille", file_size(document.size if document.size >= 0 else None)),
        ("Version des métadonnées", str(document.version)),
        ("Identifiant", document.unique_id),
    ]


def _visibility_words(document: RemoteDocument) -> str:
    hidden = (
        (document.is_invisible_patient, "non visible par le patient"),
        (document.is_invisible_rep_legaux, "non visible par les représentants légaux"),
        (document.is_masque_ps, "masqué aux professionnels de santé"),
    )
    return ", ".join(words for is_set, words in hidden if is_set) or "visible"


def _content(
    request: HttpRequest, asked: Asked, document: RemoteDocument, *, opens: bool = False
) -> tuple[bytes, list[Notice], str]:
    """The bytes, warnings about them, and the sentence when there are none.

    `opens` when the pane is opened: one more look, and one more trace. Its frames and tabs add none.
    """
    if asked.consultation is None or not may_look_at(asked):
        return b"", [], CLOSED
    kept = content_of_session(request, document)
    if kept and not opens:
        return kept, [], ""
    if kept:
        opened = document_reopen(asked.consultation, document, kept)
    else:
        opened = document_open(asked.consultation, document)
        if not opened.is_there:
            return b"", [], opened.sentence
        content_keep_for_session(request, document, opened.content)
    warnings = []
    if opened.is_altered:
        text = "Ce document n’a pas l’empreinte ou la taille annoncée par le DMP : à lire avec prudence."
        warnings.append(Notice("warn", "triangle-alert", text))
    return opened.content, warnings, ""


def _shown(
    asked: Asked, document: RemoteDocument, content: bytes, view: str, warnings: list[Notice]
) -> RemoteContent:
    displayed = _displayed(content)
    if displayed is None:
        return RemoteContent(_tabs(document, view or PDF), sentence=UNREADABLE, warnings=warnings)
    warnings = [*warnings, *_identity_warnings(asked.patient, displayed)]
    views = {PDF: displayed.pdf is not None, STRUCTURED: displayed.html is not None}
    if not views.get(view):
        view = PDF if views[PDF] else STRUCTURED
    names = {PDF: "dossier:dmp_pdf", STRUCTURED: "dossier:dmp_structured"}
    url = reverse(names[view], args=[document.uid])
    return RemoteContent(
        _tabs(document, view, absent={name for name, is_there in views.items() if not is_there}),
        frame_url=f"{url}{PDF_VIEW}" if view == PDF else url,
        frame_title=f"{document.title}, {'PDF' if view == PDF else 'vue structurée'}",
        sandboxed=view == STRUCTURED,
        warnings=warnings,
    )


def _displayed(content: bytes) -> DisplayedCda | None:
    """What is shown of a document; None for bytes that are none, or that were made to harm."""
    if not content:
        return None
    try:
        return display_cda(content)
    except (XmlRefused, CdaRefused):
        return None


def _identity_warnings(patient: Patient, displayed: DisplayedCda) -> list[Notice]:
    """The identity written in the document, when it is not exactly that of the patient."""
    received = displayed.document.patient
    differing = differing_between(holder_of(patient), ReceivedPerson(received.traits, received.ins))
    if not differing:
        return []
    text = (
        "L’identité écrite dans ce document n’est pas exactement celle du patient : vérifier avant de s’y "
        "fier. Il ne pourra pas être intégré."
    )
    return [Notice("bad", "triangle-alert", text)]


def _tabs(document: RemoteDocument, current: str, *, absent: set[str] | None = None) -> list[Entry]:
    url = reverse("dossier:dmp_content", args=[document.uid])
    return [
        Entry(word, f"{url}?vue={name}", icon, current=name == current)
        for name, word, icon in TABS
        if name not in (absent or set())
    ]


def _framed(content: bytes, media_type: str, policy: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = policy
    return response
