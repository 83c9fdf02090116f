"""The deletion of a document of ours: where it is asked, what it stops, what it leaves (SC.DMP/CONF.03)."""

import pytest
import time_machine
from django.utils import timezone

from audit.models import Trace
from consent.enums import ChoiceValue, MessageChoiceValue
from documents.enums import DeletionMotive, Origin, VersionState
from documents.errors import NotADraft, NotDeletable, NotOurs, NotRevisable, VersionMoved
from documents.models import Document, Version
from documents.services import document_delete, document_revise
from documents.wishes import DeletionWishes
from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2.codes import Action
from sending import services
from sending.enums import OrderAction, OrderState
from sending.errors import OrderRefused
from sending.models import Order
from sending.selectors import recipient_name
from sending.worker import LINEAGE_WAIT, orders_drain
from tests.factories import MailboxFactory
from tests.sending.recipients import GP, PATIENT, REFERRER
from tests.sending.test_recipients import acked, leave, lose_qualification, refuse_messages

ALL = (GP, REFERRER, PATIENT)


@pytest.fixture(autouse=True)
def sender(db):
    MailboxFactory()


def delete(ward, version, motive=DeletionMotive.WRONG_DOCUMENT, spared=()):
    wishes = DeletionWishes(motive, frozenset(spared))
    return document_delete(version=version, wishes=wishes, author=ward.doctor, actor=ward.actor)


def sent(ward, *recipients, **wishes):
    """A letter that the PFI took for everybody."""
    version = ward.write_letter(recipients=recipients, **wishes)
    leave()
    acked()
    return version


def deletions():
    found = Order.objects.filter(action=OrderAction.DELETE).select_related("version")
    return {recipient_name(order): order for order in found}


@pytest.mark.requirement("SC.DMP/CONF.03", "SC.MSS/UX.05.BIS", "DPI.CDA/HL7.01")
def test_a_deletion_is_asked_of_the_dmp_and_of_each_recipient_in_one_message(ward):
    version = sent(ward, *ALL)
    deleted = delete(ward, version, DeletionMotive.PATIENT_REQUEST)
    assert (deleted.state, deleted.deleted_by, deleted.deletion_motive) == (
        VersionState.DELETED, ward.doctor, "patient_request",
    )  # fmt: skip
    assert {order.motive for order in deletions().values()} == {"patient_request"}
    (message,) = leave()
    assert message.action is Action.DELETE
    assert message.document.id.root == version.unique_id
    flags = message.flags
    assert (flags.dest_dmp, flags.dest_mss_professional, flags.dest_mss_patient) == (True, True, True)
    assert {part.address for part in message.professional_recipients} == {GP.address, REFERRER.address}
    assert "DEMANDE DE SUPPRESSION" in message.body_professional
    trace = Trace.objects.get(type="document.delete")
    assert (trace.actor_login, trace.reason) == (ward.doctor.login, "patient_request")


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_what_never_left_is_cancelled_and_asked_of_nobody(ward):
    version = ward.write_letter(recipients=ALL, hold=True)
    delete(ward, version)
    assert set(Order.objects.values_list("state", "action")) == {(OrderState.CANCELLED, OrderAction.INITIAL)}
    assert leave() == []
    with pytest.raises(OrderRefused, match="supprimé"):
        services.order_retry(order=Order.objects.first(), actor=ward.actor)


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_a_message_that_waits_for_a_pfi_out_of_reach_is_taken_back(ward, far_pfi):
    version = ward.write_letter(recipients=(GP,))
    orders_drain(worker="test")
    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.SENDING}
    delete(ward, version)
    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.CANCELLED}
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.REJECTED}


@pytest.mark.requirement("SC.MSS/UX.05.BIS")
def test_each_one_is_asked_to_delete_the_version_that_it_has(ward):
    first = sent(ward, GP, REFERRER)
    second = ward.revise(first, recipients=(GP,))
    leave()
    acked()
    delete(ward, second)
    asked = {name: order.version for name, order in deletions().items()}
    assert asked == {
        "dmp:": second,
        f"mssante_pro:{GP.address}": second,
        f"mssante_pro:{REFERRER.address}": first,
    }
    messages = leave()
    acked()
    with time_machine.travel(timezone.now() + LINEAGE_WAIT):  # one message of a document after the other
        messages += leave()
    assert {message.document.id.root for message in messages} == {first.unique_id, second.unique_id}


def test_the_version_before_is_deleted_from_the_dmp_when_the_last_one_never_left(ward):
    first = sent(ward)
    second = ward.revise(first, hold=True)
    delete(ward, second)
    assert {name: order.version for name, order in deletions().items()} == {"dmp:": first}
    assert Order.objects.get(version=second).state == OrderState.CANCELLED


@pytest.mark.requirement("SC.MSS/UX.05.BIS")
def test_who_is_spared_is_not_asked(ward):
    version = sent(ward, *ALL)
    delete(ward, version, spared=[f"mssante_pro:{REFERRER.address}", "mssante_patient:"])
    assert set(deletions()) == {"dmp:", f"mssante_pro:{GP.address}"}


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "SC.DMP/CONF.03")
def test_neither_an_opposition_nor_a_lost_identity_stops_a_deletion(ward):
    version = sent(ward, PATIENT)
    ward.choose(ChoiceValue.OPPOSED)
    refuse_messages(ward, MessageChoiceValue.OPPOSED)
    lose_qualification(ward)
    delete(ward, version, DeletionMotive.WRONG_PATIENT)
    (message,) = leave()
    assert (message.action, message.flags.dest_dmp, message.flags.dest_mss_patient) == (
        Action.DELETE, True, True,
    )  # fmt: skip
    assert message.patient.ins is not None  # that of the message that was sent (hl7v2 2.1)


def test_what_arrives_after_all_is_asked_back(ward):
    version = ward.write_letter(hold=True)
    order = Order.objects.get()
    delete(ward, version)
    services.order_received_dmp(order=order, at=order.changed_at)
    services.order_received_dmp(order=order, at=order.changed_at)
    assert set(deletions()) == {"dmp:"}


def test_a_draft_of_the_next_version_goes_with_the_document(ward):
    version = ward.write_letter()
    draft = document_revise(document=version.document, author=ward.doctor, actor=ward.actor)
    delete(ward, version)
    assert list(Version.objects.values_list("state", flat=True)) == [VersionState.DELETED]
    with pytest.raises(NotRevisable):
        document_revise(document=version.document, author=ward.doctor, actor=ward.actor)
    assert not Version.objects.filter(pk=draft.pk).exists()


def test_a_deletion_refuses_what_was_replaced_deleted_or_received(ward):
    first = ward.write_letter()
    second = ward.revise(first)
    with pytest.raises(VersionMoved):
        delete(ward, first)
    delete(ward, second)
    with pytest.raises(NotDeletable):
        delete(ward, second)
    other = ward.write_letter()
    Document.objects.filter(pk=other.document_id).update(origins=[Origin.MSSANTE], model="")
    with pytest.raises(NotOurs):
        delete(ward, other)


def test_a_draft_alone_is_not_a_document_to_delete(ward):
    with pytest.raises((NotADraft, NotDeletable)):
        delete(ward, ward.draft())
