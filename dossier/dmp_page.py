"""The place of the DMP in the page of a record: banner, section of the list, marks of filed documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from dmp.enums import AccessState
from dmp.selectors import statuses_for_patients
from dmp.services import known_check
from dmp.services.checking import LocalCheck
from documents.enums import Origin, VersionState
from documents.models import Version
from documents.selectors import DocumentRow
from dossier.banner import Banner
from dossier.dmp_access import asked_for
from dossier.dmp_rows import DmpGroup
from dossier.document_list import Mark, Preview, Row
from dossier.views.dmp import shown_group
from patients.models import Patient
from patients.selectors import Record
from sending.enums import Channel, OrderState
from sending.models import Order
from ui.components import Entry

OPEN = "dmp"


def dmp_on_list(banner: Banner) -> Banner:
    """The same banner on the page that holds the list: the counter opens the section beside it."""
    return replace(banner, dmp_url=f"{banner.dmp_url}?liste=1") if banner.dmp_url else banner


def dmp_section(request: HttpRequest, record: Record) -> dict[str, Any]:
    """The DMP section of the list: empty until the access is confirmed, or open when asked (`?dmp=1`).

    Nothing is read for a page that did not ask: the section comes after the banner's fragment.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_perm("dmp.consult"):
        return {}
    is_redrawn = request.headers.get("HX-Target") == "liste"
    if request.GET.get(OPEN):
        return {"dmp_group": shown_group(asked_for(request, record.patient.uid), opened=True)}
    url = reverse("dossier:dmp_group", args=[record.patient.uid])
    return {"dmp_group": DmpGroup(url=url), "dmp_load": is_redrawn}


def local_marks(user: User, patient: Patient, rows: Sequence[DocumentRow]) -> dict[str, LocalCheck]:
    """What the DMP told this person of the filed documents, by uniqueId, while the access stands.

    1 query, and 2 more when the access was confirmed in this session.
    """
    if not user.has_perm("dmp.consult"):
        return {}
    states = statuses_for_patients(user, [patient.pk], now=timezone.now())
    if states.get(patient.pk) != AccessState.OPEN:
        return {}
    return known_check(user, patient, [row.shown.unique_id for row in rows if row.shown.unique_id])


def with_dmp_marks(row: Row, shown: Version, check: LocalCheck | None, user: User) -> Row:
    """A filed document with what the DMP says of it (F-PV-03), and the act that may show it (F-PV-19)."""
    if shown.state == VersionState.CURRENT and user.has_perm("documents.visibility"):
        hides = shown.is_invisible_patient or shown.is_invisible_rep_legaux
        url = reverse("dossier:version_visibility", args=[shown.uid]) if hides else ""
        row = replace(row, dialog_url=url)
    if check is None:
        return row
    if check.newer is not None:
        offer = Entry(
            "Version plus récente dans le DMP",
            reverse("dossier:dmp_document", args=[check.newer.uid]),
            "git-compare",
        )
        return replace(row, offer=offer)
    if check.is_deleted:
        return replace(row, marks=[*row.marks, Mark("sending", "deleted_dmp")])
    return row


def with_dmp_check(
    preview: Preview, version: Version, orders: Sequence[Order], user: User, *, is_chosen: bool
) -> Preview:
    """The preview of a document, with the act that may show it to others.

    What the DMP has of it is asked for beside, when it came from there or was received there, and only
    when the reader chose it: never by itself (EX_3.1-2030).
    """
    is_there = any(
        order.channel == Channel.DMP
        and order.state == OrderState.RECEIVED_DMP
        and order.version_id == version.pk
        for order in orders
    )
    hides = version.is_invisible_patient or version.is_invisible_rep_legaux
    may_show = hides and version.state == VersionState.CURRENT and user.has_perm("documents.visibility")
    is_linked = is_there or Origin.DMP in version.document.origins
    return replace(
        preview,
        check_url=reverse("dossier:version_check", args=[version.uid])
        if is_chosen and is_linked and user.has_perm("dmp.consult")
        else "",
        visibility_url=reverse("dossier:version_visibility", args=[version.uid]) if may_show else "",
    )
