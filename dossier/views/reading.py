"""The structured view of a CDA and its attachments, each behind a policy of its own (security 10.2)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from accounts.access import requires
from documents.enums import VersionState
from documents.models import Version
from documents.services import version_view
from documents.store import content_get
from dossier.access import reader, version_for_page
from interop.cda.codes import PDF_MEDIA_TYPE
from interop.cda.display import DISPLAY_POLICY, attachments_of, html_of_cda

# A file of somebody else is opened by the browser only when it is a PDF; the rest is kept as a file.
FILE_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
PDF_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
NAMES: Final = {"application/xml": "xml", "text/xml": "xml", "text/plain": "txt", "text/rtf": "rtf"}


@requires("patients.open", "documents.view")
@require_GET
@xframe_options_sameorigin
def document_view(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The document by our own transformation, in a page that can do nothing (SC.CDA/INT.15, VISU.01)."""
    _, actor = reader(request)
    version = _with_cda(request, version_uid)
    page = html_of_cda(content_get(version.cda_sha256))
    version_view(version=version, actor=actor, rendering="structured")
    response = HttpResponse(page, content_type="text/html; charset=utf-8")
    response["Content-Security-Policy"] = DISPLAY_POLICY
    response["Cache-Control"] = "no-store"
    return response


@requires("patients.open", "documents.view")
@require_GET
def document_part(request: HttpRequest, version_uid: UUID, number: int) -> HttpResponse:
    """One attachment of a structured document, counted from 1."""
    _, actor = reader(request)
    version = _with_cda(request, version_uid)
    found = attachments_of(content_get(version.cda_sha256))
    if not 0 < number <= len(found):
        raise Http404
    part = found[number - 1]
    version_view(version=version, actor=actor, rendering=f"attachment-{number}")
    is_pdf = part.media_type == PDF_MEDIA_TYPE and part.content.startswith(b"%PDF-")
    name = f"{version.uid}-{number}.{'pdf' if is_pdf else NAMES.get(part.media_type, 'bin')}"
    media_type = PDF_MEDIA_TYPE if is_pdf else "application/octet-stream"
    response = HttpResponse(part.content, content_type=media_type)
    response["Content-Disposition"] = f'{"inline" if is_pdf else "attachment"}; filename="{name}"'
    response["Content-Security-Policy"] = PDF_POLICY if is_pdf else FILE_POLICY
    response["Cache-Control"] = "no-store"
    return response


def _with_cda(request: HttpRequest, version_uid: UUID) -> Version:
    version = version_for_page(request, version_uid)
    if version.state == VersionState.DRAFT or not version.cda_sha256:
        raise Http404
    return version
