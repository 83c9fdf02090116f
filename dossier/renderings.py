"""The presentations of a document in the preview: PDF first, structured view, metadata (ui reference 6.7).

One row in the list whatever a document holds (SC.CDA/DD.15); its PDF when there is one, and one
control to its structured view (SC.CDA/VISU.03, F-PV-01).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from django.urls import reverse
from django.utils import timezone

from documents.enums import Intake, ReceiptOutcome, Structure, VersionState
from documents.models import Reception, Version
from documents.received import REFILED_FOR
from documents.selectors import DocumentRow, receptions_of_document
from documents.store import content_get
from dossier.document_list import PDF_VIEW, Notice, Preview
from interop.cda.display import Attachment, attachments_of, facts_of
from interop.cda.parse import parse_cda
from ui.components import Entry
from ui.french import full_moment
from ui.pills import label

VIEW: Final = "onglet"


class View(StrEnum):
    """A presentation, as named in the address of the page."""

    PDF = "pdf"
    STRUCTURED = "structuree"
    FACTS = "metadonnees"


_WORDS: Final = {
    View.PDF: ("PDF", "file-text"),
    View.STRUCTURED: ("Vue structurée", "list"),
    View.FACTS: ("Métadonnées", "info"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: a page of its own, and the fragment that htmx puts in the pane."""

    name: str
    label: str
    icon: str
    url: str
    fragment_url: str
    current: bool


def views_of(version: Version) -> list[View]:
    """The presentations that a version has, the first one shown when none is asked."""
    if version.state == VersionState.DRAFT:
        return [View.PDF]
    views = [View.PDF] if version.pdf_sha256 else []
    if version.cda_sha256 and (version.structure == Structure.N3 or not version.pdf_sha256):
        views.append(View.STRUCTURED)
    return [*views, View.FACTS]


def with_renderings(preview: Preview, version: Version, row: DocumentRow, asked: str) -> Preview:
    """The preview with its tabs, and the presentation that is asked for, or the first."""
    if version.state == VersionState.DRAFT:
        return preview
    views = views_of(version)
    view = View(asked) if asked in views else views[0]
    shown = replace(
        _framed(preview, version, view),
        tabs=_tabs(version, row, views, view),
        attachments=_attachments(version),
    )
    return shown if row.document.is_produced else _received(shown, version)


def _tabs(version: Version, row: DocumentRow, views: Sequence[View], current: View) -> list[Tab]:
    page = reverse("dossier:patient", args=[row.document.patient.uid])
    fragment = reverse("dossier:preview", args=[version.uid])
    return [
        Tab(
            view,
            *_WORDS[view],
            url=f"{page}?document={version.uid}&{VIEW}={view}",
            fragment_url=f"{fragment}?{VIEW}={view}",
            current=view is current,
        )
        for view in views
    ]


def _framed(preview: Preview, version: Version, view: View) -> Preview:
    """What the pane shows, and what « Agrandir » and « Imprimer » open: the PDF, for want of it the page."""
    pdf_url = reverse("dossier:document_pdf", args=[version.uid]) if version.pdf_sha256 else ""
    page_url = reverse("dossier:document_view", args=[version.uid]) if version.cda_sha256 else ""
    preview = replace(preview, print_url=pdf_url or page_url, enlarge_url=pdf_url or page_url)
    match view:
        case View.FACTS:
            return replace(preview, frame_url="", facts=_facts(version))
        case View.STRUCTURED:
            title = f"{preview.title}, vue structurée"
            return replace(
                preview, frame_url=page_url, frame_title=title, sandboxed=True, enlarge_url=page_url
            )
    return replace(preview, frame_url=f"{pdf_url}{PDF_VIEW}")


def _facts(version: Version) -> list[tuple[str, str]]:
    """The header of the CDA as it is, then how it came here."""
    facts: list[tuple[str, str]] = []
    if version.cda_sha256:
        facts = [(fact.label, fact.value) for fact in facts_of(parse_cda(content_get(version.cda_sha256)))]
    return facts + [
        ("Provenance", _provenance(reception)) for reception in receptions_of_document(version.document_id)
    ]


def _provenance(reception: Reception) -> str:
    parts = [label("document_origin", reception.origin), f"le {full_moment(reception.at)}"]
    if reception.source_label:
        parts.append(f"de {reception.source_label}")
    words = " ".join(parts)
    if reception.outcome == ReceiptOutcome.DELETED:
        words = f"{words}, suppression demandée"
    if reception.intake != Intake.MANUAL:
        return words
    words = f"{words}, importé à la main par {reception.actor_login}"
    motive = reception.extra.get(REFILED_FOR, "")
    return f"{words}, classé de nouveau après suppression : {motive}" if motive else words


def _attachments(version: Version) -> list[Entry]:
    """What a received structured document carries beside its text (Documents ajoutés)."""
    if version.structure != Structure.N3 or version.snapshot is not None:
        return []
    return [
        Entry(
            _part_words(found),
            reverse("dossier:document_part", args=[version.uid, number]),
            "file-text",
        )
        for number, found in enumerate(attachments_of(content_get(version.cda_sha256)), start=1)
    ]


def _part_words(part: Attachment) -> str:
    """Its heading and what it is, said once."""
    if not part.section:
        return part.label
    return part.section if part.label.lower() in part.section.lower() else f"{part.section} ({part.label})"


def _received(preview: Preview, version: Version) -> Preview:
    """Received from elsewhere: it is neither corrected nor sent from here."""
    author = ", ".join(part for part in (version.author_label, version.author_organization) if part)
    warnings = [*preview.warnings]
    if version.state == VersionState.DELETED and version.deleted_at is not None:
        day = timezone.localtime(version.deleted_at)
        text = f"Supprimé par l’émetteur le {day:%d/%m/%Y}. Il reste lisible ici et ne part plus."
        warnings.insert(0, Notice("warn", "trash", text))
    return replace(preview, author=author, recipients=(), warnings=warnings, new_version_url="")
