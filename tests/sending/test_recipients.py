"""Orders to recipients of MSSanté: who, when they may leave, what carries them (README decisions 4, 7, 8)."""

from dataclasses import replace

import pytest
from django.utils import timezone

from audit.models import Trace
from consent.enums import ChoiceValue, MessageChoiceValue
from consent.services import message_choice_record
from documents.enums import VersionState
from documents.models import Version
from documents.services import version_reissue
from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2 import parse_mdm, parse_message
from interop.hl7v2.codes import Action, Participation
from interop.hl7v2.tokens import parse_message as tokens
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from mssante.enums import MailboxKind
from patients.enums import EpisodeState
from patients.models import Episode, Patient
from patients.rules import StatusEvent
from patients.services import identity_event_apply
from sending import services
from sending.enums import Audience, OrderAction, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.models import MailText, Order, ReplyRule
from sending.preparing import orders_prepare
from sending.selectors import closes_reply, former_recipients
from sending.worker import orders_decide, orders_drain
from tests.factories import MailboxFactory
from tests.hospital import MATRICULE
from tests.sending.recipients import CLINIC, GP, PATIENT, PATIENT_MAY_REPLY, REFERRER

WORKER = "worker-1"
PATIENT_ADDRESS = f"{MATRICULE}@patient.mssante.fr"


def orders_of(version):
    """Orders of a version, by who receives: the address, else the channel."""
    found = Order.objects.filter(version=version).select_related("message")
    return {order.recipient_address or order.channel: order for order in found}


def states(version):
    return {who: order.state for who, order in orders_of(version).items()}


def claim():
    return Order.objects.filter(state=OrderState.SCHEDULED).claim(worker=WORKER, limit=100)


def leave():
    """One round of the worker, without handing anything over; the messages that were written."""
    messages = orders_decide(prepared=list(orders_prepare(claim())), worker=WORKER)
    return [parse_mdm(parse_message(bytes(message.raw))) for message in messages]


def acked():
    """The PFI took what left."""
    for message in Message.objects.filter(state__in=[MessageState.QUEUED, MessageState.DEFERRED]):
        message.state = MessageState.ACKED
        message.save()
        services.message_orders_settle(message=message)


def refuse_messages(ward, value=MessageChoiceValue.OPPOSED):
    return message_choice_record(patient=ward.patient, value=value, actor=ward.actor)


def lose_qualification(ward):
    Patient.objects.update(is_identity_controlled=False)
    ward.patient.refresh_from_db()


# --- one order for each recipient ----------------------------------------------------------------
@pytest.mark.requirement("HOP/va1.05", "F-PV-48")
def test_each_recipient_has_one_order_whatever_the_roles_it_was_ticked_under(ward):
    same = replace(REFERRER, address=GP.address.upper(), role="Adresseur")
    version = ward.write_letter(recipients=(GP, same, PATIENT, PATIENT))
    orders = orders_of(version)
    assert set(orders) == {"dmp", GP.address, "mssante_patient"}
    letter = orders[GP.address]
    assert (letter.channel, letter.recipient_label, letter.recipient_role, letter.recipient_rpps) == (
        "mssante_pro",
        "Dr BLANC Sylvie",
        "Médecin traitant",
        "10101010101",
    )
    assert len({order.idempotency_key for order in orders.values()}) == 3
    assert Trace.objects.filter(type="order.create").count() == 3


def test_a_letter_held_at_validation_is_held_for_everybody(ward):
    assert set(states(ward.write_letter(recipients=(GP, PATIENT), hold=True)).values()) == {"held"}


def test_the_dmp_may_be_left_out(ward):
    assert set(orders_of(ward.write_letter(to_dmp=False, recipients=(GP,)))) == {GP.address}


# --- gates ---------------------------------------------------------------------------------------
@pytest.mark.requirement("MSS/va1.20")
def test_a_patient_who_refuses_messages_gets_none_and_nobody_else_is_stopped(ward):
    refuse_messages(ward)
    version = ward.write_letter(recipients=(GP, PATIENT))
    assert states(version) == {"dmp": "scheduled", GP.address: "scheduled", "mssante_patient": "blocked"}
    assert orders_of(version)["mssante_patient"].reason == OrderReason.OPPOSITION_MES


@pytest.mark.requirement("MSS/va1.20")
def test_a_refusal_told_later_blocks_at_once_and_its_withdrawal_gives_the_mail_back(ward):
    version = ward.write_letter(recipients=(PATIENT,))
    refuse_messages(ward)
    assert states(version)["mssante_patient"] == "blocked"
    assert states(version)["dmp"] == "scheduled"
    refuse_messages(ward, MessageChoiceValue.NOT_OPPOSED)
    assert states(version)["mssante_patient"] == "scheduled"


@pytest.mark.requirement("MSS/va1.20")
def test_the_refusal_is_asked_again_when_the_mail_is_about_to_leave(ward):
    version = ward.write_letter(recipients=(GP, PATIENT))
    prepared = list(orders_prepare(claim()))
    refuse_messages(ward)
    Order.objects.filter(channel="mssante_patient").update(state="scheduled", claimed_by=WORKER)
    assert orders_decide(prepared=prepared, worker=WORKER) == []  # the message named the patient
    assert states(version)["mssante_patient"] == "blocked"
    (sent,) = leave()
    assert not sent.flags.dest_mss_patient and sent.flags.dest_mss_professional and sent.flags.dest_dmp


@pytest.mark.requirement("F-PFI-15")
def test_an_identity_that_is_not_qualified_stops_the_patient_and_the_dmp_but_no_professional(ward):
    lose_qualification(ward)
    version = ward.write_letter(recipients=(GP, PATIENT))
    assert states(version) == {
        "dmp": "waiting_identity",
        GP.address: "scheduled",
        "mssante_patient": "waiting_identity",
    }
    (sent,) = leave()
    assert (sent.flags.dest_dmp, sent.flags.dest_mss_professional) == (False, True)
    assert sent.patient.ins is None
    assert MATRICULE.encode() not in bytes(Message.objects.get().raw)


def test_a_doubtful_identity_stops_everybody(ward):
    version = ward.write_letter(recipients=(GP, PATIENT))
    identity_event_apply(patient=ward.patient, event=StatusEvent.DOUBTFUL_SET, actor=ward.actor)
    assert set(states(version).values()) == {"waiting_identity"}


@pytest.mark.parametrize(
    ("is_allowed", "stay", "expected"),
    [
        (True, EpisodeState.PLANNED, "scheduled"),
        (True, EpisodeState.OPEN, "waiting_identity"),
        (False, EpisodeState.PLANNED, "waiting_identity"),
    ],
)
def test_a_recovered_ins_serves_the_address_before_admission_by_derogation_only(
    ward, settings, is_allowed, stay, expected
):
    settings.MSS_PATIENT_ALLOW_UNQUALIFIED = is_allowed
    Episode.objects.update(state=stay)
    ward.episode.refresh_from_db()
    lose_qualification(ward)
    version = ward.write_letter(to_dmp=False, recipients=(PATIENT,))
    assert states(version)["mssante_patient"] == expected
    if expected == "scheduled":
        (sent,) = leave()
        (recipient,) = sent.patient_recipients
        assert (recipient.address, recipient.person.identifier) == (PATIENT_ADDRESS, "")
        assert sent.patient.ins is None
        assert MATRICULE.encode() not in sent.document.content


def test_a_document_invisible_to_the_patient_is_not_mailed_to_the_patient(ward):
    version = ward.write_letter(recipients=(GP, PATIENT), is_invisible_patient=True)
    patient = orders_of(version)["mssante_patient"]
    assert (patient.state, patient.reason) == ("blocked", OrderReason.INVISIBLE_PATIENT)
    assert states(version)[GP.address] == "scheduled"
    Version.objects.update(is_invisible_patient=False)  # made visible again, in the DMP
    services.orders_reconsider_waiting()
    assert states(version)["mssante_patient"] == "scheduled"


# --- one message for all that is ready -----------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.01", "HOP/va1.05")
def test_one_message_carries_the_dmp_the_professionals_and_the_patient(ward):
    unit_mailbox = MailboxFactory(
        address="chir-v@ch.mssante.test", kind=MailboxKind.ORG, is_sender=False, unit=ward.unit
    )
    version = ward.write_letter(recipients=(GP, REFERRER, CLINIC, PATIENT))
    (sent,) = leave()
    assert {order.message_id for order in orders_of(version).values()} == {Message.objects.get().pk}
    assert {order.state for order in orders_of(version).values()} == {"sending"}
    flags = sent.flags
    assert flags.dest_dmp and flags.dest_mss_professional and flags.dest_mss_patient
    assert flags.ack_reception and flags.ack_reading
    by_address = {part.address: part for part in sent.participants if part.role == Participation.RECIPIENT}
    assert set(by_address) == {GP.address, REFERRER.address, CLINIC.address, PATIENT_ADDRESS}
    assert by_address[GP.address].national_person_id == "810101010101"
    assert by_address[CLINIC.address].organisation.identifier == "990000309"
    assert by_address[PATIENT_ADDRESS].person.identifier == MATRICULE
    assert sent.reply_addresses == (unit_mailbox.address,)


@pytest.mark.requirement("SC.MSS/CONF.24")
def test_the_channel_with_the_patient_is_closed_by_the_note_after_its_row_and_only_then(ward):
    ward.write_letter(to_dmp=False, recipients=(PATIENT,))
    (closed,) = leave()
    raw = bytes(Message.objects.get().raw).decode()
    assert closed.flags.patient_cannot_reply
    row = next(line for line in raw.split("\r") if "|DESTMSSANTEPAT^" in line)
    assert raw.split("\r")[raw.split("\r").index(row) + 1] == "NTE|1|||FIN"
    assert closed.body_patient.endswith("Ce message ne permet pas de réponse.")
    ward.write_letter(to_dmp=False, recipients=(PATIENT_MAY_REPLY,))
    (open_,) = leave()
    assert not open_.flags.patient_cannot_reply
    assert open_.body_patient.endswith("votre réponse sera lue par CHIR V.")


@pytest.mark.requirement("SC.MSS/CONF.24")
def test_the_rule_of_the_unit_and_of_the_type_comes_before_the_setting(ward, settings):
    document = ward.draft().document
    assert closes_reply(document)
    settings.MSS_FIN_DEFAULT = False
    assert not closes_reply(document)
    ReplyRule.objects.create(type_code=document.type_code, closes_reply=True)
    assert closes_reply(document)
    ReplyRule.objects.create(unit=ward.unit, closes_reply=False)
    assert not closes_reply(document)
    ReplyRule.objects.create(unit=ward.unit, type_code=document.type_code, closes_reply=True)
    ReplyRule.objects.create(unit=ward.unit, type_code="34874-8", closes_reply=False)
    assert closes_reply(document)


def test_the_words_of_the_mail_are_ours_until_the_hospital_writes_its_own(ward):
    ward.write_letter(recipients=(GP, PATIENT))
    (ours,) = leave()
    assert "PAT-TROIS DOMINIQUE" in ours.body_professional
    assert "28/03/1979" in ours.body_professional
    assert "PAT-TROIS" not in ours.body_patient  # the patient knows who it is about
    MailText.objects.create(
        audience=Audience.PROFESSIONAL, text="Cher confrère, {document} de {patient}, {inconnu}."
    )
    MailText.objects.create(audience=Audience.PROFESSIONAL, unit=ward.unit, text="De la part de {service}.")
    MailText.objects.create(
        audience=Audience.PROFESSIONAL, action=OrderAction.REPLACE, text="Remplace le précédent."
    )
    ward.write_letter(recipients=(GP,))
    (theirs,) = leave()
    assert theirs.body_professional == "De la part de CHIR V."
    MailText.objects.filter(unit=ward.unit).delete()
    ward.write_letter(recipients=(GP,))
    (theirs,) = leave()
    assert theirs.body_professional.startswith("Cher confrère, Lettre de liaison")
    assert theirs.body_professional.endswith("de PAT-TROIS DOMINIQUE, {inconnu}.")


@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-15")
def test_an_order_that_is_ready_later_leaves_with_the_ins_and_who_had_the_letter_gets_it_too(ward):
    Patient.objects.update(is_ins_recovered=False)
    ward.patient.refresh_from_db()
    version = ward.write_letter(to_dmp=False, recipients=(GP, PATIENT))
    (first,) = leave()
    acked()
    identity_event_apply(
        patient=ward.patient,
        event=StatusEvent.INSI_ACCEPTED,
        actor=ward.actor,
        ins=Ins(MATRICULE, INS_NIR_TEST_OID),
    )
    (second,) = leave()
    assert (first.flags.dest_mss_professional, first.flags.dest_mss_patient) == (True, False)
    assert (second.flags.dest_mss_professional, second.flags.dest_mss_patient) == (False, True)
    issued = Version.objects.get(number=2)
    assert second.document.id.root == issued.unique_id  # what left is never rebuilt
    assert states(version)[GP.address] == "handed_over"
    acked()
    (third,) = leave()
    assert (third.action, third.document.id.root) == (Action.REPLACE, issued.unique_id)
    assert [part.address for part in third.professional_recipients] == [GP.address]


def test_a_message_taken_back_for_one_order_leaves_again_for_the_others(ward, far_pfi):
    version = ward.write_letter(recipients=(GP, PATIENT))
    orders_drain(worker=WORKER)
    assert set(states(version).values()) == {"sending"}
    ward.choose(ChoiceValue.OPPOSED)
    assert states(version) == {"dmp": "blocked", GP.address: "scheduled", "mssante_patient": "scheduled"}
    assert Message.objects.get().state == MessageState.REJECTED
    (sent,) = leave()
    assert not sent.flags.dest_dmp and sent.flags.dest_mss_professional and sent.flags.dest_mss_patient


def test_a_replaced_version_takes_back_the_message_of_all_its_orders(ward, far_pfi):
    first = ward.write_letter(recipients=(GP, PATIENT))
    orders_drain(worker=WORKER)
    second = ward.revise(first, recipients=(GP,))
    assert set(states(first).values()) == {"superseded"}
    # Nothing of the first version was received: for everybody the second one is the first.
    assert orders_of(second)[GP.address].action == OrderAction.INITIAL


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_a_message_refused_whole_leaves_again_order_by_order_and_one_refusal_holds_back_no_other(ward):
    version = ward.write_letter(recipients=(GP, PATIENT))
    orders_drain(worker=WORKER)  # this PFI carries the DMP alone
    assert set(states(version).values()) == {"scheduled"}
    for _ in range(3):
        Order.objects.update(not_before=timezone.now())
        orders_drain(worker=WORKER)
    assert states(version) == {"dmp": "handed_over", GP.address: "failed", "mssante_patient": "failed"}
    assert "canal non activé" in orders_of(version)[GP.address].error_text
    assert Message.objects.filter(direction="out").count() == 4


def test_a_batch_that_ends_between_the_orders_of_one_message_does_not_part_them(ward):
    version = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    orders_drain(worker=WORKER, limit=1)
    assert len({order.message_id for order in orders_of(version).values()}) == 1


# --- later versions ------------------------------------------------------------------------------
@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-17")
def test_a_new_version_replaces_for_who_received_one_and_is_the_first_for_the_others(ward):
    first = ward.write_letter(recipients=(GP, PATIENT))
    leave()
    acked()
    second = ward.revise(first, recipients=(GP, REFERRER, PATIENT))
    actions = {who: order.action for who, order in orders_of(second).items()}
    assert actions == {
        "dmp": "replace",
        GP.address: "replace",
        REFERRER.address: "initial",
        "mssante_patient": "replace",
    }
    messages = {}
    for _ in range(2):
        messages |= {sent.action: sent for sent in leave()}
        acked()
        Order.objects.filter(state="scheduled").update(not_before=timezone.now())
    replacement, initial = messages[Action.REPLACE], messages[Action.INITIAL]
    assert replacement.document.replaced_id.root == first.unique_id
    assert [part.address for part in replacement.professional_recipients] == [GP.address]
    assert "annule et remplace" in replacement.body_professional
    assert [part.address for part in initial.professional_recipients] == [REFERRER.address]
    assert "annule et remplace" not in initial.body_professional


@pytest.mark.requirement("SC.MSS/UX.05.BIS")
def test_former_recipients_are_those_whom_a_version_left_for_once_each(ward):
    first = ward.write_letter(recipients=(GP, REFERRER, CLINIC, PATIENT))
    set_id = first.document.set_id
    assert former_recipients(set_id) == []
    leave()
    acked()
    services.order_fail(order=orders_of(first)[CLINIC.address], code="550", text="", kind="bounced")
    services.order_delivered(order=orders_of(first)[GP.address], at=timezone.now())
    second = ward.revise(first, recipients=(replace(GP, address=GP.address.upper()),))
    former = former_recipients(set_id)
    assert {order.recipient_label for order in former} == {GP.label, REFERRER.label, PATIENT.label}
    leave()
    acked()
    assert len(former_recipients(set_id)) == 3
    assert {order.version_id for order in former_recipients(set_id)} == {first.pk, second.pk}


@pytest.mark.requirement("SC.MSS/UX.05.BIS")
def test_a_letter_reissued_for_its_identity_reaches_who_had_it(ward):
    version = ward.write_letter(recipients=(GP, PATIENT), not_before=None)
    Order.objects.filter(channel="mssante_patient").update(state="held")
    leave()
    acked()
    Patient.objects.update(birth_name="PAT-QUATRE", identity_stamp=99)
    issued = version_reissue(version=Version.objects.get(pk=version.pk), actor=ward.actor)
    orders = orders_of(issued)
    assert {who: (order.state, order.action) for who, order in orders.items()} == {
        GP.address: ("scheduled", "replace"),
        "mssante_patient": ("held", "initial"),
    }
    assert orders_of(version).keys() == {"dmp", GP.address}


# --- sending later -------------------------------------------------------------------------------
def test_a_recipient_found_later_receives_the_same_version(ward):
    version = ward.write_letter(recipients=(GP,))
    leave()
    acked()
    (added,) = services.orders_add(version=version, recipients=[REFERRER], actor=ward.actor)
    assert (added.state, added.action, added.not_before <= timezone.now()) == ("scheduled", "initial", True)
    (sent,) = leave()
    assert sent.document.id.root == version.unique_id
    assert [part.address for part in sent.professional_recipients] == [REFERRER.address]


@pytest.mark.requirement("F-PV-48")
def test_nobody_is_sent_the_same_version_twice(ward):
    version = ward.write_letter(recipients=(GP,))
    with pytest.raises(OrderRefused, match="existe déjà"):
        services.orders_add(
            version=version, recipients=[replace(GP, address=GP.address.upper())], actor=ward.actor
        )
    assert len(orders_of(version)) == 2


def test_a_version_that_was_replaced_is_sent_to_nobody_new(ward):
    version = ward.write_letter()
    Version.objects.update(state=VersionState.REPLACED)
    with pytest.raises(OrderRefused, match="plus récente"):
        services.orders_add(version=version, recipients=[GP], actor=ward.actor)


def test_what_leaves_is_read_by_any_pfi(ward):
    """hl7apy reads what we emit, segments in their order."""
    ward.write_letter(recipients=(GP, PATIENT))
    leave()
    raw = bytes(Message.objects.get().raw)
    names = [segment.name for segment in tokens(raw).segments]
    assert names[:8] == ["MSH", "EVN", "PID", "PV1", "ORC", "OBR", "TXA", "OBX"]
    assert names[8:11] == ["PRT", "PRT", "PRT"]
    assert names.count("NTE") == 1
