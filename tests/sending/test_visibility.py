"""Rendre visible by a replacement through the PFI, for who has no consultation (dmp 0.2, path b)."""

from __future__ import annotations

import pytest
import time_machine
from django.utils import timezone

from audit.models import Trace
from consent.enums import ChoiceValue
from documents.enums import Intake, Origin, VersionState
from documents.models import Version
from documents.services import document_receive
from exchange.enums import MessageState
from exchange.models import Message, Partner
from interop.hl7v2 import parse_mdm, parse_message
from interop.hl7v2.codes import Action
from interop.hl7v2.mdm.model import MdmDocument
from sending import services
from sending.enums import OrderAction, OrderState
from sending.models import Order
from sending.preparing import orders_prepare
from sending.services import visibility_replace
from sending.services.visibility import FLAGGED, IMPOSSIBLE, LOCAL, SENT, Shown
from sending.worker import LINEAGE_WAIT, orders_decide
from tests.documents.arrivals import arriving, incoming
from tests.hospital import Ward
from tests.sending.recipients import GP

pytestmark = pytest.mark.requirement("SC.DMP/UX.14.BIS")


def leave() -> list[MdmDocument]:
    """One round of the worker; the PFI takes what it is given."""
    claimed = Order.objects.filter(state=OrderState.SCHEDULED).claim(worker="w", limit=100)
    messages = orders_decide(prepared=list(orders_prepare(claimed)), worker="w")
    for message in Message.objects.filter(state__in=[MessageState.QUEUED, MessageState.DEFERRED]):
        message.state = MessageState.ACKED
        message.save()
        services.message_orders_settle(message=message)
    return [parse_mdm(parse_message(bytes(message.raw))) for message in messages]


def show(ward: Ward, version: Version, *, guardians: bool = False) -> Shown:
    return visibility_replace(version=version, to_patient=True, to_guardians=guardians, actor=ward.actor)


def latest(version: Version) -> Version:
    return Version.objects.get(document=version.document, state=VersionState.CURRENT)


def orders(version: Version) -> dict[str, str]:
    found = Order.objects.filter(version=version)
    return {order.recipient_address or order.channel: order.action for order in found}


def test_what_never_left_changes_its_flags_and_leaves_with_them(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True, hold=True)
    assert show(ward, version) == Shown(True, LOCAL)
    version.refresh_from_db()
    assert (version.is_invisible_patient, version.state, Version.objects.count()) == (False, "current", 1)
    assert orders(version) == {"dmp": OrderAction.INITIAL}


def test_what_the_dmp_has_is_replaced_for_everybody_who_had_it(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True, recipients=(GP,))
    leave()
    assert show(ward, version) == Shown(True, SENT)

    version.refresh_from_db()
    issued = latest(version)
    assert (version.state, issued.number) == (VersionState.REPLACED, 2)
    assert (version.is_invisible_patient, issued.is_invisible_patient) == (True, False)
    assert orders(issued) == {"dmp": OrderAction.VISIBILITY, GP.address: OrderAction.REPLACE}
    messages = leave()
    with time_machine.travel(timezone.now() + LINEAGE_WAIT, tick=True):  # one message of a document at a time
        messages += leave()
    assert {message.action for message in messages} == {Action.REPLACE}
    to_dmp = next(message for message in messages if message.flags.dest_dmp)
    assert to_dmp.flags.modif_conf_code
    assert not to_dmp.flags.invisible_patient
    assert to_dmp.document.replaced_id is not None
    assert to_dmp.document.replaced_id.root == version.unique_id
    assert Trace.objects.filter(type="order.create", actor_login="ahoda").exists()


def test_only_what_is_asked_for_is_lifted(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True, is_invisible_rep_legaux=True)
    leave()
    show(ward, version)
    issued = latest(version)
    assert (issued.is_invisible_patient, issued.is_invisible_rep_legaux) == (False, True)


def test_asked_twice_it_leaves_once(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True)
    leave()
    show(ward, version)
    assert show(ward, Version.objects.get(pk=version.pk)) == Shown(False, IMPOSSIBLE)
    assert Version.objects.count() == 2
    assert Order.objects.filter(action=OrderAction.VISIBILITY).count() == 1


def test_against_the_choice_of_the_patient_nothing_leaves(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True)
    leave()
    ward.choose(ChoiceValue.OPPOSED)
    shown = show(ward, version)
    assert not shown.is_done
    assert "opposé à l’alimentation" in shown.sentence
    assert Version.objects.count() == 1


def test_what_went_by_mail_alone_keeps_its_version(ward: Ward, far_pfi: Partner) -> None:
    version = ward.write_letter(is_invisible_patient=True, to_dmp=False, recipients=(GP,))
    leave()
    assert show(ward, version) == Shown(True, FLAGGED)
    assert Version.objects.count() == 1


def test_a_document_from_elsewhere_is_for_its_author(ward: Ward) -> None:
    receipt = document_receive(
        patient=ward.patient,
        incoming=incoming(arriving(), origin=Origin.DMP, intake=Intake.MANUAL),
        actor=ward.actor,
        at=timezone.now(),
    )
    received = receipt.version
    assert received is not None
    assert show(ward, received) == Shown(False, IMPOSSIBLE)
