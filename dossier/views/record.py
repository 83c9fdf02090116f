"""The record of one patient: documents, preview, INS, bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from audit.enums import Action
from audit.services import trace_write
from documents.enums import VersionState
from documents.models import Version
from documents.rendering import pdf_from_snapshot
from documents.selectors import (
    DocumentRow,
    DocumentSort,
    document_row,
    documents_for_patient,
    notice_waiting,
    unseen_kinds,
)
from documents.services import version_view
from documents.snapshot import snapshot_build
from documents.store import content_get
from documents.writing import WRITING_MODELS
from dossier.access import reader, record_for_page, version_for_page
from dossier.banner import banner_of, rail_of, stay_words
from dossier.deletion import is_deletion_over, is_ours_removed, may_list
from dossier.dmp_page import dmp_on_list, dmp_section, local_marks, with_dmp_check, with_dmp_marks
from dossier.document_list import Preview, Row, columns_of, preview_of, row_of
from dossier.enums import ListPage
from dossier.filters import (
    DOCUMENT_FILTERS,
    DocumentFilters,
    document_filters,
    document_menus,
    keep_documents,
)
from dossier.inbox import is_put_away, with_news
from dossier.remembered import CLEAR, SORT, list_query
from dossier.renderings import VIEW, with_renderings
from interop.ins.codes import ins_nature
from patients.selectors import Record, stays_to_conclude
from sending.models import Order
from sending.selectors import orders_of_documents

REMOVED = "supprimes"
"""Asks for the deleted documents, which the list leaves out once that was seen or done."""
DOCUMENT_SORTS = {sort.value: sort for sort in DocumentSort}


@requires("patients.open", "documents.view")
@require_GET
def patient(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """The document list, with the preview of `?document=` beside it (SC.CDA/INT.04, INT.08)."""
    user, _ = reader(request)
    record = record_for_page(request, patient_uid)
    listed = documents_listed(request, record)
    context = listed.context | dmp_section(request, record)
    if request.headers.get("HX-Request") and request.headers.get("HX-Target") == "liste":
        return render(request, "dossier/_documents.html", context | {"is_fragment": True})
    rows, found = listed.rows, listed.found
    context |= {
        "banner": dmp_on_list(banner_of(record, user)),
        "rail": rail_of(record.patient, user, current="documents", counts={"documents": len(rows)}),
        "count": len(rows),
        "new_documents": _new_documents(request, record),
        "import_url": f"{reverse('dossier:import_new')}?patient={patient_uid}"
        if user.has_perm("documents.import")
        else "",
        "dmp_search_url": reverse("dossier:dmp_search", args=[patient_uid])
        if user.has_perm("dmp.consult")
        else "",
        "filters": document_menus(listed.filters, rows),
        "text": listed.filters.text,
        "filter_action": reverse("dossier:patient", args=[patient_uid]),
        "preview": _preview(
            request, found, listed.orders[found[1].document_id], is_chosen="document" in request.GET
        )
        if found
        else None,
        "pane_open": "document" in request.GET,
        "name_in_title": True,
    }
    return render(request, "dossier/patient.html", context)


@dataclass(frozen=True, slots=True)
class Listed:
    """The documents of a record as the reader asked for them; `context` draws dossier/_documents.html."""

    rows: list[DocumentRow]
    orders: dict[int, list[Order]]
    found: tuple[DocumentRow, Version] | None
    filters: DocumentFilters
    context: dict[str, Any]


def documents_listed(request: HttpRequest, record: Record) -> Listed:
    """The list with its sort and filters, those asked for or those kept."""
    user, _ = reader(request)
    query = list_query(request, user, ListPage.DOCUMENTS, DOCUMENT_FILTERS)
    sort = _sort(query)
    rows = [row for row in documents_for_patient(record.patient, sort=sort) if may_list(row, user)]
    orders = orders_of_documents([row.document.pk for row in rows])
    found = _asked_version(request, rows)
    shown = found[1] if found else None
    url = reverse("dossier:patient", args=[record.patient.uid])
    filters = document_filters(query)
    marks = local_marks(user, record.patient, rows)
    news = unseen_kinds(record.patient.pk)
    put_away = (
        []
        if REMOVED in request.GET
        else [
            row
            for row in rows
            if is_put_away(row, news, shown) or is_deletion_over(row, orders[row.document.pk], shown)
        ]
    )
    kept = [row for row in keep_documents(rows, orders, filters) if row not in put_away]

    def line(row: DocumentRow) -> Row:
        made = row_of(row, orders[row.document.pk], user, selected=shown)
        told = with_news(made, news.get(row.document.pk, ""))
        return with_dmp_marks(told, row.shown, marks.get(row.shown.unique_id), user)

    context = {
        "columns": columns_of(url, sort),
        "rows": [line(row) for row in kept],
        "removed_count": len(put_away),
        "removed_url": f"{url}?{REMOVED}=1",
        "filtered": filters.is_narrowed,
        "total": len(rows),
        "clear_url": f"{url}?{CLEAR}=1" if filters.is_narrowed else "",
    }
    return Listed(rows, orders, found, filters, context)


@requires("patients.open", "documents.view")
@require_GET
def preview(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The preview pane alone."""
    user, _ = reader(request)
    version = version_for_page(request, version_uid)
    orders = orders_of_documents([version.document_id])[version.document_id]
    row = document_row(version.document_id)
    context = {"preview": _preview(request, (row, version), orders, is_chosen=True)}
    return render(request, "dossier/_preview_content.html", context)


@requires("patients.open", "patients.ins_view")
@require_POST
def ins(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Show the matricule of a qualified identity; the act is traced (ui reference 6.3)."""
    _, actor = reader(request)
    record = record_for_page(request, patient_uid)
    if record.ins is None:
        raise Http404
    with transaction.atomic():
        trace_write(
            type="identity.view",
            action=Action.READ,
            actor=actor,
            patient_uid=record.patient.uid,
            object_type="ins",
        )
    context = {"matricule": record.ins.matricule, "nature": ins_nature(record.ins.oid).value}
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_ins.html", context)
    return HttpResponseRedirect(reverse("dossier:patient", args=[patient_uid]))


@requires("patients.open", "documents.view")
@require_GET
@xframe_options_sameorigin
def document_pdf(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The PDF of a version, or of the draft as it stands; the reading is traced."""
    _, actor = reader(request)
    version = version_for_page(request, version_uid)
    is_draft = version.state == VersionState.DRAFT
    if not is_draft and not version.pdf_sha256:
        raise Http404
    content = _draft_pdf(version) if is_draft else content_get(version.pdf_sha256)
    version_view(version=version, actor=actor, rendering="preview" if is_draft else "pdf")
    return _file(content, "application/pdf", f"{version.uid}.pdf", inline=True)


@requires("patients.open", "documents.view")
@require_GET
def document_cda(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The CDA of a validated version, as a file; the reading is traced."""
    _, actor = reader(request)
    version = version_for_page(request, version_uid)
    if version.state == VersionState.DRAFT or not version.cda_sha256:
        raise Http404
    content = content_get(version.cda_sha256)
    version_view(version=version, actor=actor, rendering="cda")
    return _file(content, "application/xml", f"{version.uid}.xml", inline=False)


def _preview(
    request: HttpRequest,
    found: tuple[DocumentRow, Version],
    orders: Sequence[Order],
    *,
    is_chosen: bool,
) -> Preview:
    """One version beside the list, in the presentation that `?vue=` asks for.

    What the DMP has of it is asked only when the reader chose it (`is_chosen`).
    """
    user, _ = reader(request)
    row, version = found
    shown = with_renderings(preview_of(version, row, orders, user), version, row, request.GET.get(VIEW, ""))
    may_mark = user.has_perm("documents.received") and not row.document.is_produced
    waiting = notice_waiting(version) if may_mark else None
    if waiting is not None:
        shown = replace(shown, seen_url=reverse("dossier:mssante_seen", args=[waiting.reception.uid]))
    return with_dmp_check(shown, version, orders, user, is_chosen=is_chosen)


def _draft_pdf(version: Version) -> bytes:
    author = version.author
    if author is None or version.document.model not in WRITING_MODELS:
        raise Http404
    snapshot = snapshot_build(
        version=version, author=author, act_at=version.edited_at, unique_id="", set_id="", replaces=""
    )
    return pdf_from_snapshot(snapshot, is_draft=True)


def _file(content: bytes, media_type: str, name: str, *, inline: bool) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'{"inline" if inline else "attachment"}; filename="{name}"'
    response["Cache-Control"] = "no-store"
    # The browser's own PDF viewer needs its styles; nothing of the page may be reached from it.
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
    )
    return response


def _sort(query: QueryDict) -> DocumentSort:
    """The sort asked for, or the one kept for the reader (SC.CDA/INT.04); by date for anything else."""
    return DOCUMENT_SORTS.get(query.get(SORT, ""), DocumentSort.DATE_DESC)


def _asked_version(request: HttpRequest, rows: list[DocumentRow]) -> tuple[DocumentRow, Version] | None:
    """The version of `?document=` with its row; by default the newest validated document."""
    asked = request.GET.get("document", "")
    for row in rows:
        for version in row.versions:
            if str(version.uid) == asked:
                return row, version
    if asked:
        return None
    validated = [row for row in rows if row.shown.state != VersionState.DRAFT and not is_ours_removed(row)]
    newest = max(validated, key=lambda row: row.at, default=None)
    return (newest, newest.shown) if newest else None


def _new_documents(request: HttpRequest, record: Record) -> list[dict[str, str]]:
    """What this person may write, for each stay that may be concluded; the stay is named if several."""
    user, _ = reader(request)
    stays = stays_to_conclude(record)
    if not user.has_perm("documents.write") or not stays:
        return []
    return [
        {
            "label": model.title if len(stays) == 1 else f"{model.title} – {stay_words(stay)}",
            "url": reverse("dossier:letter_new", args=[record.patient.uid, model.code])
            + f"?sejour={stay.uid}",
        }
        for model in WRITING_MODELS.values()
        for stay in stays
    ]
