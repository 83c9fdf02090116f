"""Rows of the document list and the preview beside it (ui reference 6.5, 6.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from documents.enums import Origin, VersionState
from documents.models import Version
from documents.selectors import DocumentRow, DocumentSort
from dossier.filters import NOT_SENT
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order
from sending.rules import LEFT_STATES, UNSENT_STATES, lacks_open_dmp, may_hold, may_release
from sending.selectors import latest_by_channel, mail_is_carried
from ui.components import Column, Entry
from ui.french import moment, scheduled
from ui.pills import label

CHANNEL_WORDS = {
    Channel.DMP: "DMP",
    Channel.MSSANTE_PRO: "MSS",
    Channel.MSSANTE_PATIENT: "MES",
}
DELETED_DMP = "deleted_dmp"
DELETION_WORDS = "Demande de suppression"
# Asks that an action concern every sending of the version of an order.
GROUP = "groupe"
ARRIVED_STATES = (OrderState.RECEIVED_DMP, OrderState.DELIVERED, OrderState.READ)
# Codes 900 to 906 of a recipient's software (hl7v2 3.4).
REFUSED_INTEGRATION = "90"
# A longer code is said with its reason, in the work list: in a mark it would hide the rest of the row.
SHORT_CODE = 12
# For the browser's own PDF viewer: the page across the pane, without the list of its pages.
PDF_VIEW = "#navpanes=0&pagemode=none&view=FitH"
REASON_WORDS = {
    "OPPOSITION": "opposition",
    "OPPOSITION_MES": "opposition",
    "INVISIBLE_PATIENT": "invisible",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark after a title."""

    family: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RowAction:
    """The one button of a row; posts to `url`."""

    label: str
    icon: str
    url: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Sending:
    """State of one channel, in the row or in « Qui a reçu quoi »."""

    channel: str
    state: str
    detail: str = ""
    text: str = ""
    action: RowAction | None = None
    who: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Inputs of dossier/_document_row.html."""

    uid: str
    act_date: datetime
    title: str
    type: str
    author: str
    unit: str
    version_note: str
    url: str
    preview_url: str
    origin: str
    other_origins: Sequence[str]
    marks: Sequence[Mark]
    sendings: Sequence[Sending]
    is_draft: bool
    edit_url: str
    has_no_sending: bool
    is_removed: bool
    selected: bool
    offer: Entry | None = None
    dialog_url: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence above the preview."""

    tone: str
    icon: str
    text: str
    url: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Inputs of dossier/_preview_content.html."""

    uid: str
    url: str
    title: str
    type: str
    act_date: datetime
    author: str
    version: int
    close_url: str
    frame_url: str = ""
    frame_title: str = ""
    sandboxed: bool = False
    edit_url: str = ""
    edit_label: str = ""
    new_version_url: str = ""
    print_url: str = ""
    enlarge_url: str = ""
    journal_url: str = ""
    check_url: str = ""
    visibility_url: str = ""
    warnings: Sequence[Notice] = ()
    more: Sequence[Entry] = ()
    attachments: Sequence[Entry] = ()
    seen_url: str = ""
    tabs: Sequence[object] = ()
    facts: Sequence[tuple[str, str]] = ()
    recipients: Sequence[Sending] = field(default_factory=tuple)


def row_of(row: DocumentRow, orders: Sequence[Order], user: User, *, selected: Version | None) -> Row:
    """One line of the list, with what happened on each channel."""
    shown, document = row.shown, row.document
    patient_url = reverse("dossier:patient", args=[document.patient.uid])
    is_draft = shown.state == VersionState.DRAFT
    can_edit = row.draft is not None and user.has_perm("documents.write")
    # What came from elsewhere is sent only when somebody asks: until then sending is without object.
    is_foreign = Origin.PRODUCED not in document.origins and not orders
    return Row(
        uid=str(document.uid),
        act_date=row.at,
        title=document.title,
        type=row.type_label,
        author=shown.author_label,
        unit=_place(row),
        version_note=f"V{shown.number}" if shown.number > 1 else "",
        url=f"{patient_url}?document={shown.uid}",
        preview_url=reverse("dossier:preview", args=[shown.uid]),
        origin=document.origins[0],
        other_origins=document.origins[1:],
        marks=marks_of(row),
        sendings=[] if is_draft or is_foreign else sendings_of(orders, user, shown),
        is_draft=is_draft,
        edit_url=reverse("dossier:letter_edit", args=[row.draft.uid]) if can_edit and row.draft else "",
        has_no_sending=is_foreign,
        is_removed=shown.state == VersionState.DELETED,
        selected=selected is not None and selected.document_id == document.pk,
    )


def _place(row: DocumentRow) -> str:
    """Where it comes from: the unit that wrote it, or the structure of a received one."""
    if not row.document.is_produced:
        return row.shown.author_organization
    return row.document.unit.name if row.document.unit else ""


def marks_of(row: DocumentRow) -> list[Mark]:
    """Visibility and version marks, always in the same order."""
    shown = row.shown
    flags = (
        (shown.is_invisible_patient, "invisible_patient"),
        (shown.is_invisible_rep_legaux, "invisible_rep_legaux"),
        (shown.is_masque_ps, "masque_ps"),
    )
    marks = [Mark("visibility", state) for is_set, state in flags if is_set]
    if shown.state == VersionState.DELETED and shown.deleted_at is not None:
        day = timezone.localtime(shown.deleted_at)
        word = "deleted" if row.document.is_produced else "deleted_by_sender"
        marks.append(Mark("version_mark", word, f"{day:%d/%m/%Y}"))
    if row.draft is not None and row.draft is not shown:
        marks.append(Mark("sending", "to_validate", f"version {row.draft.number}"))
    return marks


def sendings_of(orders: Sequence[Order], user: User, version: Version) -> list[Sending]:
    """What each channel says of this version; without any order it was never sent (SC.DMP/HISTO.01).

    An older version that is outside is said apart: its state is not that of the one shown.
    """
    own, older = orders_by_age(orders, version)
    sent = {_recipient_key(order) for order in own if order.state not in UNSENT_STATES}
    counts = Counter(channel for channel, _ in sent)
    sendings: list[Sending] = []
    offered: set[str] = set()
    for channel, order in latest_by_channel(own).items():
        sending = sending_of(order, user, mails=counts[channel])
        # One click holds the document for everybody: the button stands once, where it first applies.
        if sending.action is not None and sending.action.label in offered:
            sending = replace(sending, action=None)
        elif sending.action is not None:
            offered.add(sending.action.label)
        sendings.append(sending)
    sendings = sendings or [Sending("DMP", NOT_SENT, action=_send_action(version, user))]
    if not own:
        sendings += [
            Sending(CHANNEL_WORDS[channel], "", text=f"version {order.version.number} : {state_label(order)}")
            for channel, order in latest_by_channel(older).items()
            if order.state in LEFT_STATES
        ]
    return sendings


def _send_action(version: Version, user: User) -> RowAction | None:
    """Envoyer: the DMP was left out at validation, and feeding it is the rule."""
    if version.state != VersionState.CURRENT or not user.has_perm("sending.hold"):
        return None
    return RowAction("Envoyer", "send", reverse("dossier:send_dmp", args=[version.uid]))


def orders_by_age(orders: Sequence[Order], version: Version) -> tuple[list[Order], list[Order]]:
    """The orders of a version, and those of the versions before it.

    Of a deleted document, every request to delete it is of the version shown.
    """
    is_deleted = version.state == VersionState.DELETED
    own = [
        order
        for order in orders
        if order.version_id == version.pk or (is_deleted and order.action == OrderAction.DELETE)
    ]
    older = [order for order in orders if order.version.number < version.number and order not in own]
    return own, older


def state_label(order: Order) -> str:
    """The state in words, for a sentence."""
    return label("sending", state_of(order)).lower()


def sending_of(order: Order, user: User, *, mails: int = 1) -> Sending:
    """State of one order in the words of the vocabulary, with its one action.

    Of `mails` recipients on a channel the one to look at first is shown, with their number.
    """
    word = CHANNEL_WORDS[Channel(order.channel)]
    return Sending(
        channel=f"{word} ×{mails}" if mails > 1 else word,
        state=state_of(order),
        detail=detail_of(order),
        action=action_of(order) if user.has_perm("sending.hold") else None,
        who=order.recipient_label or "DMP · Mon espace santé",
        role=order.get_action_display(),
    )


def receivers_of(orders: Sequence[Order], user: User, version: Version) -> list[Sending]:
    """« Qui a reçu quoi »: one line for each recipient of this version, then the older ones (F-PV-43)."""
    own, older = orders_by_age(orders, version)
    lines = [_receiver(order, version) for order in sorted(own, key=lambda one: one.pk)]
    reached = {_recipient_key(order) for order in own}
    for order in sorted(older, key=lambda one: -one.pk):
        if order.state in LEFT_STATES and _recipient_key(order) not in reached:
            reached.add(_recipient_key(order))
            lines.append(_receiver(order, version))
    return lines or [Sending("DMP", NOT_SENT, who="DMP · Mon espace santé", role="Jamais envoyé")]


def _recipient_key(order: Order) -> tuple[str, str]:
    return order.channel, order.recipient_address.lower()


def _receiver(order: Order, version: Version) -> Sending:
    """Who, by which channel, since when, and what came back after it arrived."""
    parts = [
        DELETION_WORDS if order.action == OrderAction.DELETE else "",
        order.recipient_role or (order.get_action_display() if order.action != OrderAction.DELETE else ""),
        "Messagerie MES" if order.channel == Channel.MSSANTE_PATIENT else "",
        f"MSSanté · {order.recipient_address}" if order.channel == Channel.MSSANTE_PRO else "",
        f"version {order.version.number}" if order.version_id != version.pk else "",
        return_words(order),
    ]
    return Sending(
        channel=CHANNEL_WORDS[Channel(order.channel)],
        state=state_of(order),
        detail=_arrival(order) or detail_of(order),
        who=order.recipient_label or "DMP · Mon espace santé",
        role=" · ".join(part for part in parts if part),
    )


def _arrival(order: Order) -> str:
    """When it arrived: what the patient and the doctor in town have, and since when (F-PV-43)."""
    return moment(order.changed_at, timezone.now()) if order.state in ARRIVED_STATES else ""


def return_words(order: Order) -> str:
    """What came back about a mail that had arrived: it may have reached nobody, or no record."""
    if order.state not in (OrderState.DELIVERED, OrderState.READ) or not order.error_code:
        return ""
    if order.error_code.startswith(REFUSED_INTEGRATION):
        return f"non intégré par le logiciel du destinataire ({order.error_code})"
    return f"retour tardif : {order.error_text or order.error_code}"


def state_of(order: Order) -> str:
    """The state to show: a deletion received by the DMP reads « Supprimé du DMP »."""
    if order.action == OrderAction.DELETE and order.state == OrderState.RECEIVED_DMP:
        return DELETED_DMP
    return order.state


def detail_of(order: Order) -> str:
    """When it leaves, why it is blocked, or the failure: its code, or its words when there are short ones."""
    if order.action == OrderAction.DELETE and order.state not in (OrderState.RECEIVED_DMP, OrderState.FAILED):
        return "(suppression)"
    if order.state == OrderState.SCHEDULED and order.not_before:
        return scheduled(order.not_before, timezone.now())
    if order.state == OrderState.BLOCKED:
        return REASON_WORDS.get(order.reason, "")
    if order.state == OrderState.FAILED and lacks_open_dmp(order.channel, order.error_code):
        return "pas de DMP ouvert"
    if order.state == OrderState.FAILED and len(order.error_code) <= SHORT_CODE:
        return order.error_code
    return ""


def action_of(order: Order) -> RowAction | None:
    """Retenir or Libérer, the only actions of a row of the record, for every sending of the version."""
    state = OrderState(order.state)
    if may_release(state).is_allowed:
        return RowAction("Libérer", "play", _group_url(order, "release"), "r")
    if may_hold(state).is_allowed:
        return RowAction("Retenir", "pause", _group_url(order, "hold"), "r")
    return None


def _group_url(order: Order, action: str) -> str:
    return f"{reverse('dossier:order_act', args=[order.uid, action])}?{GROUP}=1"


def preview_of(version: Version, row: DocumentRow, orders: Sequence[Order], user: User) -> Preview:
    """One version of a document beside the list: its PDF, its other versions, who received it."""
    document = row.document
    patient_url = reverse("dossier:patient", args=[document.patient.uid])
    is_draft = version.state == VersionState.DRAFT
    may_write = user.has_perm("documents.write")
    may_revise = version.state == VersionState.CURRENT and may_write and document.model and not row.draft
    pdf_url = reverse("dossier:document_pdf", args=[version.uid])
    return Preview(
        uid=str(version.uid),
        url=reverse("dossier:preview", args=[version.uid]),
        title=document.title,
        type=row.type_label,
        act_date=version.act_at or version.edited_at,
        author=version.author_label,
        version=version.number,
        close_url=patient_url,
        frame_url=f"{pdf_url}{PDF_VIEW}",
        frame_title=f"{document.title}, PDF",
        edit_url=reverse("dossier:letter_edit", args=[row.draft.uid]) if row.draft and may_write else "",
        edit_label="Continuer la rédaction"
        if is_draft or row.draft is None
        else f"Continuer la version {row.draft.number}",
        new_version_url=reverse("dossier:revise", args=[version.uid]) if may_revise else "",
        print_url=pdf_url,
        enlarge_url=pdf_url,
        journal_url=reverse("dossier:patient_envois", args=[document.patient.uid])
        if user.has_perm("sending.list")
        else "",
        warnings=warnings_of(version, row),
        more=_other_entries(version, row, patient_url, user),
        recipients=() if is_draft else tuple(receivers_of(orders, user, version)),
    )


def warnings_of(version: Version, row: DocumentRow) -> list[Notice]:
    """What the reader must know before reading: draft, old version, not visible to everybody."""
    warnings = []
    if version.state == VersionState.DRAFT:
        warnings.append(Notice("warn", "pencil", "Brouillon : rien n’est validé, rien ne part."))
    elif version.state == VersionState.REPLACED:
        newest = row.shown
        url = reverse("dossier:patient", args=[row.document.patient.uid])
        warnings.append(
            Notice(
                "warn",
                "history",
                f"Ancienne version : la version {newest.number} l’a remplacée.",
                f"{url}?document={newest.uid}",
                f"Voir la version {newest.number}",
            )
        )
    if version.state == VersionState.DELETED and version.deleted_at is not None and row.document.is_produced:
        day = timezone.localtime(version.deleted_at)
        who = f" par {version.deleted_by.display_name}" if version.deleted_by else ""
        why = version.get_deletion_motive_display()
        text = f"Supprimé le {day:%d/%m/%Y}{who} : {why.lower()}. Il ne part plus et ne compte plus."
        warnings.append(Notice("bad", "trash", text))
    if version.is_invisible_patient:
        warnings.append(Notice("hid", "eye-off", "Attention, ce document n’est pas visible du patient."))
    if version.is_invisible_rep_legaux:
        text = "Attention, ce document n’est pas visible des représentants légaux : secret du mineur."
        warnings.append(Notice("hid", "eye-closed", text))
    return warnings


def _other_entries(version: Version, row: DocumentRow, patient_url: str, user: User) -> list[Entry]:
    """The CDA of a validated version, what may be done with it, and the other versions, newest first."""
    entries = []
    if version.state != VersionState.DRAFT:
        cda_url = reverse("dossier:document_cda", args=[version.uid])
        entries.append(Entry("Télécharger le CDA", cda_url, "download"))
    if version.state == VersionState.CURRENT and row.document.is_produced:
        if user.has_perm("sending.add") and mail_is_carried():
            url = reverse("dossier:sending_add", args=[version.uid])
            entries.append(Entry("Envoyer à un autre destinataire…", url, "send"))
        if user.has_perm("documents.delete"):
            entries.append(Entry("Supprimer…", reverse("dossier:deletion", args=[version.uid]), "trash"))
    for other in row.versions:
        if other.pk != version.pk:
            word = "brouillon" if other.state == VersionState.DRAFT else other.author_label
            entries.append(
                Entry(f"Version {other.number}, {word}", f"{patient_url}?document={other.uid}", "history")
            )
    return entries


def columns_of(base_url: str, sort: DocumentSort) -> dict[str, Column]:
    """Headers of the list: date and type sort, both directions (SC.CDA/INT.04)."""

    def column(label: str, up: DocumentSort | None, down: DocumentSort | None) -> Column:
        if up is None or down is None:
            return Column(label, "")
        direction = {up: "ascending", down: "descending"}.get(sort, "")
        following = up if sort == down else down
        return Column(label, f"{base_url}?tri={following.value}", direction)

    return {
        "date": column("Date", DocumentSort.DATE_ASC, DocumentSort.DATE_DESC),
        "title": column("Titre", None, None),
        "type": column("Type", DocumentSort.TYPE_ASC, DocumentSort.TYPE_DESC),
        "author": column("Auteur", None, None),
        "origin": column("Origine", None, None),
        "sending": column("Envoi DMP / MSS", None, None),
    }
