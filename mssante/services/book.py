"""Mailboxes of the hospital and its address book (spec mssante 2.7, 3.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from interop.ins.traits import comparable
from mssante.enums import AddressSource, MailboxKind
from mssante.errors import AddressRefused
from mssante.models import Correspondent, CorrespondentAddress, Mailbox
from mssante.rules import address_key

_SEARCHED = ("family_name", "given_name", "structure", "city")


@transaction.atomic
def mailbox_set(*, address: str, actor: Actor, **values: Any) -> Mailbox:
    """Describe a mailbox of the hospital, known by its address; a call that changes nothing writes nothing.

    Raises AddressRefused for a kind or an address that the table does not admit.
    """
    row = Mailbox.objects.select_for_update(of=("self",)).filter(address__iexact=address.strip()).first()
    row = row or Mailbox(address=address_key(address))
    before = {name: getattr(row, name) for name in values}
    if row.pk and before == values:
        return row
    for name, value in values.items():
        setattr(row, name, value)
    _checked(row)
    row.save()
    trace_write(
        type="settings.change",
        action=Action.UPDATE,
        actor=actor,
        object_type="mssante.mailbox",
        object_uid=row.uid,
        detail={"address": row.address, "changed": sorted(values)},
    )
    return row


@transaction.atomic
def correspondent_keep(*, actor: Actor, rpps: str = "", finess: str = "", **values: Any) -> Correspondent:
    """Create or complete a correspondent, known by its RPPS, else by its FINESS."""
    known = Correspondent.objects.select_for_update(of=("self",))
    row = None
    if rpps:
        row = known.filter(rpps=rpps).first()
    elif finess:
        row = known.filter(rpps="", finess=finess).first()
    is_new = row is None
    row = row or Correspondent(rpps=rpps, finess=finess)
    if finess:
        row.finess = finess
    for name, value in values.items():
        setattr(row, name, value)
    row.search_text = comparable(" ".join(getattr(row, name) for name in _SEARCHED))[:500]
    _checked(row)
    row.save()
    trace_write(
        type="mssante.correspondent",
        action=Action.CREATE if is_new else Action.UPDATE,
        actor=actor,
        object_type="mssante.correspondent",
        object_uid=row.uid,
        detail={"rpps": row.rpps, "finess": row.finess},
    )
    return row


@transaction.atomic
def address_keep(
    *,
    correspondent: Correspondent,
    address: str,
    source: AddressSource,
    actor: Actor,
    kind: MailboxKind = MailboxKind.PER,
    label: str = "",
    verified_at: datetime | None = None,
    is_preferred: bool = False,
) -> CorrespondentAddress:
    """Add an address to a correspondent, or confirm it; the preferred one takes the place of the other.

    Raises AddressRefused for what is no address.
    """
    Correspondent.objects.select_for_update(of=("self",)).get(pk=correspondent.pk)
    key = address_key(address)
    row = CorrespondentAddress.objects.filter(correspondent=correspondent, address__iexact=key).first()
    row = row or CorrespondentAddress(correspondent=correspondent, address=key, source=source)
    row.kind, row.is_active = kind, True
    row.label = label or row.label
    row.verified_at = verified_at or row.verified_at
    if is_preferred and not row.is_preferred:
        correspondent.addresses.filter(is_preferred=True).update(is_preferred=False)
        row.is_preferred = True
    _checked(row)
    row.save()
    trace_write(
        type="mssante.correspondent",
        action=Action.UPDATE,
        actor=actor,
        object_type="mssante.correspondent",
        object_uid=correspondent.uid,
        detail={"address": key, "source": source},
    )
    return row


def _checked(row: Mailbox | Correspondent | CorrespondentAddress) -> None:
    try:
        row.clean_fields(exclude=["correspondent"])
    except ValidationError as error:
        field, (first, *_) = next(iter(error.message_dict.items()))
        name = getattr(row._meta.get_field(field), "verbose_name", field)
        raise AddressRefused(f"{name} : {first}") from error
