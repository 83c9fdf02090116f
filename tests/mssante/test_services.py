"""A mail from its order to its last notice, each step kept (spec mssante 1.10)."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.context import system_actor
from audit.models import Trace
from mssante import services
from mssante.enums import AddressSource, MailAction, MailboxKind, MailState
from mssante.errors import AddressRefused
from mssante.events import mail_moved
from mssante.models import Correspondent, CorrespondentAddress, Mailbox, OutgoingMail
from mssante.selectors import (
    address_of,
    correspondents_by_rpps,
    correspondents_search,
    mail_of_report,
    reply_mailbox,
    sender_mailbox,
    thread_of,
)
from mssante.services.mails import Recipient
from national.retries import RETRIES
from tests.factories import (
    CorrespondentFactory,
    MailboxFactory,
    MessageFactory,
    OutgoingMailFactory,
    SiteFactory,
    UnitFactory,
)

WORKER = "pfi-1"
ACTOR = system_actor("tests")
pytestmark = pytest.mark.django_db


def now(mail):
    return OutgoingMail.objects.get(pk=mail.pk)


def kinds(mail):
    return [event.kind for event in mail.events.all()]


def claimed(mail):
    """The mail as a worker that took it holds it."""
    (taken,) = OutgoingMail.objects.filter(pk=mail.pk).claim(worker=WORKER, limit=1)
    return taken


def started(mail, raw=b"Subject: x\r\n\r\n"):
    taken = services.mail_attempt(mail=claimed(mail), worker=WORKER, raw=raw)
    assert taken is not None
    return taken


def sent(mail):
    services.mail_accepted(mail=started(mail), worker=WORKER, reply="250 2.0.0 queued")
    return now(mail)


class TestIdentifiers:
    def test_are_chosen_before_anything_leaves_and_kept(self):
        mail = services.mail_create(
            order=MessageFactory(),
            job_uid=uuid4(),
            action=MailAction.INITIAL,
            lineage="1.2.3",
            sender=MailboxFactory(),
            recipient=Recipient("Adam.HODA@medecin.mssante.test", "Dr HODA Adam", "10101010101"),
            wants_delivery=True,
            wants_reading=False,
        )
        assert mail.message_id == f"<{mail.envelope_id}@ch-trois-rivieres.mssante.test>"
        assert (mail.recipient, mail.recipient_key) == (
            "Adam.HODA@medecin.mssante.test",
            "adam.hoda@medecin.mssante.test",
        )
        assert (now(mail).state, kinds(mail)) == ("to_send", ["created"])
        first = started(mail)
        services.mail_retry_later(mail=first, worker=WORKER, code="451", text="try later")
        assert (now(mail).message_id, now(mail).envelope_id) == (mail.message_id, mail.envelope_id)

    def test_one_order_has_one_mail_for_a_recipient_whatever_the_case_of_the_address(self):
        mail = OutgoingMailFactory(recipient="a@medecin.mssante.test")
        with pytest.raises(IntegrityError, match="mssante_mail_once"), transaction.atomic():
            OutgoingMailFactory(order=mail.order, recipient="A@Medecin.mssante.test")


class TestAttempts:
    def test_the_bytes_of_the_first_attempt_are_those_of_every_attempt(self):
        mail = OutgoingMailFactory()
        services.mail_retry_later(mail=started(mail, b"first"), worker=WORKER, code="451", text="later")
        with time_machine.travel(timezone.now() + RETRIES[0], tick=False):
            started(mail, b"second")
        assert (bytes(now(mail).raw), now(mail).size) == (b"first", 5)

    def test_an_accepted_mail_is_sent_with_the_reply_of_the_operator(self):
        mail = sent(OutgoingMailFactory())
        assert (mail.state, mail.claimed_by, mail.attempt_at) == ("sent", "", None)
        assert mail.events.last().detail == "250 2.0.0 queued"

    def test_who_lost_the_lease_writes_nothing(self):
        mail = OutgoingMailFactory()
        late = started(mail)
        OutgoingMail.objects.filter(pk=mail.pk).update(claimed_by="pfi-2")
        services.mail_accepted(mail=late, worker=WORKER, reply="250")
        services.mail_retry_later(mail=late, worker=WORKER, code="451", text="")
        services.mail_fail(mail=late, worker=WORKER, code="550", text="")
        assert services.mail_attempt(mail=late, worker=WORKER) is None
        assert (now(mail).state, kinds(mail)) == ("to_send", ["attempt"])

    def test_a_mail_waits_by_the_schedule_then_fails(self):
        mail = OutgoingMailFactory()
        for delay in RETRIES:
            services.mail_retry_later(mail=started(mail), worker=WORKER, code="451", text="busy")
            assert now(mail).not_before - timezone.now() > delay - timedelta(seconds=10)
            OutgoingMail.objects.filter(pk=mail.pk).update(not_before=None)
        services.mail_retry_later(mail=started(mail), worker=WORKER, code="451", text="busy")
        assert (now(mail).state, now(mail).error_code) == ("failed", "451")
        assert kinds(mail)[-1] == "retries_ended"

    def test_a_dead_worker_leaves_a_doubt_that_waits_for_the_notice(self, settings):
        mail = OutgoingMailFactory()
        started(mail)
        OutgoingMail.objects.filter(pk=mail.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
        assert services.mail_attempt(mail=claimed(mail), worker=WORKER) is None
        doubtful = now(mail)
        assert (doubtful.state, doubtful.is_uncertain, doubtful.attempt_at) == ("to_send", True, None)
        assert doubtful.not_before > timezone.now() + timedelta(seconds=settings.MSS_DOUBT_SECONDS - 10)

    def test_the_notice_of_a_doubtful_mail_ends_it_and_it_never_leaves_again(self):
        mail = OutgoingMailFactory()
        services.mail_retry_later(
            mail=started(mail), worker=WORKER, code="cut", text="no reply", is_uncertain=True
        )
        services.mail_delivered(mail=mail, at=timezone.now(), detail="relayed 2.0.0")
        assert (now(mail).state, now(mail).is_uncertain, now(mail).error_code) == ("delivered", False, "")
        assert not OutgoingMail.objects.filter(state=MailState.TO_SEND).exists()

    def test_every_move_is_told_to_the_rooms_above(self):
        told = []

        def listen(*, mail, event, **kwargs):
            told.append((event.kind, mail.state))

        mail_moved.connect(listen)
        try:
            services.mail_read(mail=sent(OutgoingMailFactory()), at=timezone.now())
        finally:
            mail_moved.disconnect(listen)
        assert told == [("attempt", "to_send"), ("sent", "sent"), ("read", "read")]


class TestReports:
    def test_a_bounce_fails_a_mail_that_was_sent(self):
        mail = sent(OutgoingMailFactory())
        services.mail_bounced(mail=mail, at=timezone.now(), code="5.1.1", text="Boîte introuvable")
        assert (now(mail).state, now(mail).error_code) == ("failed", "5.1.1")

    @pytest.mark.parametrize("known", ["delivered", "read"])
    def test_a_late_bounce_is_appended_once_and_takes_no_success_back(self, known):
        mail = sent(OutgoingMailFactory())
        report = services.mail_delivered if known == "delivered" else services.mail_read
        report(mail=mail, at=timezone.now())
        for _ in range(2):
            services.mail_bounced(mail=mail, at=timezone.now(), code="5.2.2", text="Boîte pleine")
        assert (now(mail).state, now(mail).error_text) == (known, "Boîte pleine")
        assert kinds(mail).count("late_bounce") == 1

    def test_a_delay_is_information(self):
        mail = sent(OutgoingMailFactory())
        services.mail_noted(mail=mail, at=timezone.now(), kind="delayed", detail="4.4.1")
        assert (now(mail).state, kinds(mail)[-1]) == ("sent", "delayed")

    def test_a_document_that_the_recipient_could_not_integrate_did_arrive(self):
        mail = sent(OutgoingMailFactory())
        for _ in range(2):
            services.mail_not_treated(
                mail=mail, at=timezone.now(), code="902", text="Identifiant patient inconnu"
            )
        assert (now(mail).state, now(mail).error_code) == ("delivered", "902")
        assert now(mail).delivered_at is not None
        assert kinds(mail).count("not_treated") == 1

    def test_silence_is_a_delivery_after_the_time_out_only_and_a_notice_confirms_it(self, settings):
        early, late = sent(OutgoingMailFactory()), sent(OutgoingMailFactory())
        OutgoingMail.objects.filter(pk=early.pk).update(
            sent_at=timezone.now() - timedelta(days=settings.MSS_DSN_TIMEOUT, seconds=1)
        )
        assert services.mails_presume_delivered(now=timezone.now()) == 1
        assert (now(early).state, now(early).is_presumed) == ("delivered", True)
        assert now(late).state == "sent"
        services.mail_delivered(mail=early, at=timezone.now())
        assert not now(early).is_presumed
        assert kinds(early)[-1] == "delivery_confirmed"


class TestThread:
    def test_holds_what_the_same_recipient_saw_of_the_same_document(self):
        first = sent(OutgoingMailFactory())
        lost = OutgoingMailFactory(state=MailState.FAILED)
        OutgoingMailFactory(recipient="other@medecin.mssante.test")
        OutgoingMailFactory(lineage="1.2.250.1.999.1.1.2")
        second = OutgoingMailFactory(recipient="Sylvie.BLANC@medecin.mssante.test")
        assert thread_of(first) == []
        assert thread_of(second) == [first.message_id]
        assert lost.message_id not in thread_of(second)

    def test_a_report_names_its_mail_by_envelope_else_by_message_id(self):
        mail = OutgoingMailFactory()
        assert mail_of_report(envelope_id=mail.envelope_id) == mail
        assert mail_of_report(envelope_id="unknown", message_id=mail.message_id) == mail
        assert mail_of_report(envelope_id="", message_id="") is None


class TestMailboxes:
    def test_a_mailbox_is_known_by_its_address_and_a_repeat_writes_nothing(self):
        values = {"kind": MailboxKind.APP, "label": "CH A", "is_sender": True}
        services.mailbox_set(address="PFI@ch-a.mssante.test", actor=ACTOR, **values)
        services.mailbox_set(address="pfi@ch-a.mssante.test", actor=ACTOR, **values)
        assert Mailbox.objects.get().address == "pfi@ch-a.mssante.test"
        assert Trace.objects.filter(type="settings.change").count() == 1

    def test_what_is_no_address_is_refused_with_words(self):
        with pytest.raises(AddressRefused, match="adresse"):
            services.mailbox_set(address="no address", actor=ACTOR, kind=MailboxKind.APP, label="x")

    def test_only_an_application_mailbox_sends(self):
        with pytest.raises(IntegrityError, match="mssante_sender_is_app"), transaction.atomic():
            MailboxFactory(address="service@ch-a.mssante.test", kind=MailboxKind.ORG)

    def test_the_mailbox_of_the_site_sends_else_that_of_the_hospital(self):
        site = SiteFactory()
        everywhere = MailboxFactory()
        assert sender_mailbox(site.finess) == everywhere
        own = MailboxFactory(address="pfi@site.mssante.test", site=site)
        assert sender_mailbox(site.finess) == own
        assert sender_mailbox("990000999") == everywhere
        Mailbox.objects.update(is_active=False)
        assert sender_mailbox(site.finess) is None


class TestCorrespondents:
    def test_one_row_for_an_rpps_completed_by_what_is_learned(self):
        first = services.correspondent_keep(rpps="10101010101", family_name="Blanc", actor=ACTOR)
        services.correspondent_keep(rpps="10101010101", city="Lyon", actor=ACTOR)
        kept = Correspondent.objects.get()
        assert (kept.pk, kept.family_name, kept.city) == (first.pk, "Blanc", "Lyon")
        assert kept.search_text == "BLANC LYON"

    def test_the_preferred_address_is_proposed_first(self):
        doctor = CorrespondentFactory(address="")
        keep = services.address_keep
        for address, is_preferred in (("a@m.test", False), ("B@m.test", True), ("c@m.test", True)):
            keep(
                correspondent=doctor,
                address=address,
                source=AddressSource.MANUAL,
                actor=ACTOR,
                is_preferred=is_preferred,
            )
        found = correspondents_by_rpps([doctor.rpps, ""])[doctor.rpps]
        assert address_of(found).address == "c@m.test"
        assert list(CorrespondentAddress.objects.filter(is_preferred=True)) == [address_of(found)]

    def test_search_finds_the_beginning_of_each_word_and_ignores_accents(self):
        lyon = services.correspondent_keep(
            rpps="10101010101", family_name="Léger", given_name="Zoé", city="Lyon", actor=ACTOR
        )
        services.correspondent_keep(rpps="10101010102", family_name="Legrand", city="Paris", actor=ACTOR)
        services.address_keep(
            correspondent=lyon, address="zoe@m.test", source=AddressSource.MANUAL, actor=ACTOR
        )
        for text in ("leg", "LEGER zo", "lyon leger", "10101010101", "zoe@m"):
            assert correspondents_search(text) == [lyon], text
        for text in ("paris", "eger", "", "   "):
            assert correspondents_search(text) == []


def test_a_unit_that_people_read_is_where_a_patient_may_answer():
    unit = UnitFactory()
    MailboxFactory(address="auto@ch-a.mssante.test", unit=unit)
    assert reply_mailbox(unit.pk) is None
    read = MailboxFactory(
        address="cardio@ch-a.mssante.test", kind=MailboxKind.ORG, is_sender=False, unit=unit
    )
    assert reply_mailbox(unit.pk) == read
    assert reply_mailbox(None) is None
