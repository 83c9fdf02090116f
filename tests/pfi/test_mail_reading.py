"""From a doctor in town to the record, over the real wire: IMAP, IHE_XDM, MDM, MDN (mssante 2.1 to 2.4)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import LazySettings
from imapclient import IMAPClient

from audit.models import Trace
from documents.enums import ReceiptOutcome
from documents.models import Document, Reception, ReceptionNotice
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, ServiceEndpoint
from exchange.models import Message
from interop.hl7v2.lps import peek_lps
from interop.hl7v2.tokens import parse_message
from interop.mail.opening import open_mail
from interop.mail.reports import ReadReport, parse_report
from mssante.enums import IncomingState, MailboxKind, MailState
from mssante.models import IncomingDocument, IncomingMail
from national.mail.opening import lines_close
from pfi.mail_reading import mailboxes_read
from pfi.routing import AnswerForm, route_of
from sandbox.mail import letters
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from sandbox.mail.cda_letter import Letter
from sandbox.mail.letters import Case
from sandbox.runtime import Sandbox, SandboxSettings
from tests.factories import MailboxFactory, OutgoingMailFactory, UnitFactory
from tests.hospital import MATRICULE, Ward

DOCTOR = "bernard.petit@medecin.mssante.test"


@pytest.fixture
def box(ward: Ward, tmp_path: Path, settings: LazySettings) -> Iterator[Sandbox]:
    """The operator, plugged to the hospital whose PFI reads its mailbox."""
    settings.INS_ALLOWED_OIDS = ["1.2.250.1.213.1.4.10"]
    with Sandbox(SandboxSettings(state=tmp_path / "state")) as running:
        files, mail = running.addresses.certificates, running.addresses.mail
        ServiceEndpoint.objects.create(
            service=NationalService.MSSANTE,
            base_url=mail.smtp_url,
            reading_url=mail.imap_url,
            ca_path=files.ca,
            certificate_path=files.client_cert,
            key_path=files.client_key,
            is_enabled=True,
        )
        InstallationSwitch.objects.update_or_create(code=Switch.PFI_MSS_IN, defaults={"is_on": True})
        MailboxFactory(unit=ward.unit, error_address=ERROR_BOX)
        yield running
        lines_close()


def mails(box: Sandbox, address: str) -> list[bytes]:
    """What a mailbox holds, the oldest first."""
    return [box.mail.store.content(one) for one in reversed(box.mail.store.all_mails(address))]


def read(times: int = 1) -> list[tuple[str, str]]:
    for _ in range(times):
        mailboxes_read(worker="test")
    return list(IncomingMail.objects.order_by("id").values_list("state", "code"))


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.requirement("F-PFI-08")
@pytest.mark.requirement("F-PFI-09")
def test_a_letter_that_matches_is_filed_and_its_author_told(box: Sandbox, ward: Ward) -> None:
    sent = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    assert read() == [(IncomingState.DONE, "")]
    (document,) = Document.objects.filter(patient=ward.patient)
    assert document.versions.get().unique_id == sent.letter.unique_id
    (notice,) = mails(box, DOCTOR)
    told = parse_report(notice)
    assert isinstance(told, ReadReport)
    assert (told.original_message_id, told.is_read, told.is_error) == (sent.message_id, True, False)
    assert [one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)] == ["Traites"]
    assert read(2) == [(IncomingState.DONE, "")]
    assert (len(mails(box, DOCTOR)), Document.objects.count()) == (1, 1)


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.requirement("F-PFI-09")
@pytest.mark.parametrize(
    ("case", "code"), [(Case.OTHER_TRAIT, "904"), (Case.UNKNOWN, "902"), (Case.NO_INS, "903")]
)
def test_a_letter_that_does_not_match_comes_back_whole_with_the_code(
    box: Sandbox, case: Case, code: str
) -> None:
    box.letters.send(case, matricule=MATRICULE, author="petit")
    (original,) = mails(box, APPLICATION_BOX)
    assert read() == [(IncomingState.REFUSED, code)]
    assert not Document.objects.exists()
    (notice,) = mails(box, DOCTOR)
    told = parse_report(notice)
    assert isinstance(told, ReadReport)
    assert (told.is_error, told.code) == (True, code)
    assert notice.count(original) == 1
    assert len(open_mail(notice).archives) == 1
    assert [one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)] == ["Erreurs"]


OURS = "ch-trois-rivieres.mssante.test"
CARDIOLOGY, SURGERY, UNKNOWN = f"cardiologie@{OURS}", f"chir-v@{OURS}", f"oubliee@{OURS}"
ADDRESSED = {
    "forwarder": ({"X-Sieve-Redirected-From": f"<{CARDIOLOGY}>"}, APPLICATION_BOX),
    "resent": ({"Resent-From": f"Cardiologie <{CARDIOLOGY}>"}, f"{DOCTOR}, {APPLICATION_BOX}"),
    "delivered": ({"Delivered-To": CARDIOLOGY}, DOCTOR),
    "to": ({}, f"Cardiologie <{CARDIOLOGY.upper()}>, {APPLICATION_BOX}"),
    "cc": ({"Cc": f"{DOCTOR}, {CARDIOLOGY}"}, f"{UNKNOWN}, {APPLICATION_BOX}"),
}


def addressed(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], to: str) -> None:
    """The next letters are for `to`, and bear these headers, as a rule of a mailbox or their author wrote."""
    whole = letters.mail_of

    def written(*args: Any, **wishes: Any) -> bytes:
        head, _, rest = whole(*args, **wishes).partition(b"\r\nTo: " + APPLICATION_BOX.encode())
        more = "".join(f"\r\n{name}: {value}" for name, value in headers.items())
        return head + f"\r\nTo: {to}{more}".encode() + rest

    monkeypatch.setattr(letters, "mail_of", written)


def handed() -> list[tuple[str, str, str]]:
    """Role, address and unit of the recipients in the message that the DPI received."""
    message = Message.objects.get(type__startswith="MDM", direction="out")
    found = peek_lps(parse_message(bytes(message.raw))).participants
    return [
        (part.role, part.address, part.organisation.identifier if part.organisation else "")
        for part in found
        if part.role != "SB"
    ]


@pytest.mark.requirement("DPI.CDA/HL7.02", "SC.MSS/UX.38")
@pytest.mark.parametrize("case", ADDRESSED)
def test_a_letter_for_a_ward_says_so_and_that_ward_is_told(
    box: Sandbox, ward: Ward, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    cardiology = UnitFactory(code="3435", name="CARDIOLOGIE", site=ward.unit.site)
    MailboxFactory(address=CARDIOLOGY, kind=MailboxKind.ORG, is_sender=False, unit=cardiology)
    addressed(monkeypatch, *ADDRESSED[case])
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    read()
    unknown = [("RCT", UNKNOWN, "")] if case == "cc" else []
    assert handed() == [("RCT", CARDIOLOGY, "3435"), ("RCT", APPLICATION_BOX, ward.unit.code), *unknown]
    reception = Reception.objects.get()
    assert (reception.outcome, reception.unit) == (ReceiptOutcome.INTEGRATED, cardiology)
    assert reception.recipient_address == CARDIOLOGY
    assert ReceptionNotice.objects.get().unit == cardiology


def test_a_stranger_or_a_mailbox_out_of_service_is_no_recipient(
    box: Sandbox, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = UnitFactory(code="9999", site=ward.unit.site)
    MailboxFactory(
        address="ferme@ailleurs.mssante.test",
        kind=MailboxKind.ORG,
        is_sender=False,
        unit=other,
        is_active=False,
    )
    MailboxFactory(address=SURGERY, kind=MailboxKind.ORG, is_sender=False, unit=other, notify_unit=ward.unit)
    unusable = f'"a b"@{OURS}'
    addressed(monkeypatch, {}, f"{DOCTOR}, clos@ailleurs.mssante.test, {unusable}, {SURGERY}, {SURGERY}")
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    read()
    assert handed() == [("RCT", SURGERY, ward.unit.code), ("RCT", APPLICATION_BOX, ward.unit.code)]


_LACKING = {
    "birth name": (rb'<family qualifier="BR">', b"<family>"),
    "any name": (rb"<name><family.*?</name>", b"<name nullFlavor='UNK'/>"),
    "given names": (rb"<given>[^<]*</given>(?=<given qualifier)", b""),
    "birth date": (rb"<birthTime[^>]*/>", b""),
    "sex": (rb"<administrativeGenderCode[^>]*/>", b""),
    "birth place": (rb"<county>[^<]*</county>", b""),
}


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.requirement("F-PFI-09")
@pytest.mark.parametrize("lacking", _LACKING)
def test_a_letter_that_lacks_a_strict_trait_reaches_the_dpi_and_comes_back_905(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    pattern, instead = _LACKING[lacking]
    whole = letters.build_letter

    def without(letter: Letter, pdf: bytes) -> bytes:
        document, count = re.subn(pattern, instead, whole(letter, pdf), count=1, flags=re.DOTALL)
        assert count == 1
        return document

    monkeypatch.setattr(letters, "build_letter", without)
    sent = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    assert read() == [(IncomingState.REFUSED, "905")]
    reception = Reception.objects.get()
    assert (reception.outcome, reception.code) == (ReceiptOutcome.REFUSED_IDENTITY, "905")
    assert not Document.objects.exists()
    told = parse_report(mails(box, DOCTOR)[0])
    assert isinstance(told, ReadReport)
    assert (told.original_message_id, told.code) == (sent.message_id, "905")
    assert "n'est pas complet" in told.label and "Error" not in told.label


def test_a_correction_replaces_and_a_withdrawal_deletes(box: Sandbox, ward: Ward) -> None:
    first = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    read()
    second = box.letters.send(Case.REPLACE, unique_id=first.letter.unique_id)
    read()
    document = Document.objects.get(patient=ward.patient)
    assert [one.state for one in document.versions.order_by("number")] == ["replaced", "current"]
    box.letters.send(Case.DELETE, unique_id=second.letter.unique_id)
    assert [state for state, _ in read()] == [IncomingState.DONE] * 3
    assert document.versions.order_by("number").last().state == "deleted"


def test_letters_of_one_root_wait_for_their_own_series_alone(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer without setId, who tells its documents apart by their extension."""
    whole, archived = letters.build_letter, letters.build_archive
    root = "1.2.250.1.888.77"

    def by_extension(content: bytes) -> bytes:
        content = re.sub(rb"<setId[^>]*/><versionNumber[^>]*/>", b"", content)
        told = rb'<id root="%s" extension="\1"/>' % root.encode()
        return re.sub(rb'<id root="[0-9.]+\.1\.(\d+)"/>', told, content)

    def in_archive(letter: Letter, document: bytes, *, action: str) -> bytes:
        named = replace(letter, unique_id=f"{root}^{letter.unique_id.rpartition('.')[2]}")
        return archived(named, document, action=action)

    monkeypatch.setattr(letters, "build_letter", lambda letter, pdf: by_extension(whole(letter, pdf)))
    monkeypatch.setattr(letters, "build_archive", in_archive)
    first = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    box.letters.send(Case.REPLACE, unique_id=first.letter.unique_id)
    for _ in range(3):
        read()
    assert set(read()) == {(IncomingState.DONE, "")}
    told = list(IncomingDocument.objects.order_by("id").values_list("unique_id", "message__lineage"))
    assert [unique_id for unique_id, _ in told] == [f"{root}^{number}" for number in (1, 2, 3)]
    assert [lineage for _, lineage in told] == [f"lps:{root}^{number}" for number in (1, 2, 1)]


def test_without_a_notice_asked_for_an_error_is_told_to_the_mailbox_of_errors(box: Sandbox) -> None:
    box.letters.send(Case.UNKNOWN, matricule=MATRICULE, author="petit", wants_receipt=False)
    read()
    assert mails(box, DOCTOR) == []
    (told,) = mails(box, ERROR_BOX)
    assert open_mail(told).subject.startswith("[KO Intégration système !][902] XDM/1.0/DDM+")


HOSTILE = {
    "bomb of parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 500,
    "no archive": b"Subject: XDM/1.0/DDM+CR X\r\nFrom: a@b.test\r\nMessage-ID: <9@x>\r\n\r\nrien",
    "broken archive": b"Message-ID: <8@x>\r\nFrom: a@b.test\r\nSubject: XDM/1.0/DDM+X\r\n"
    b"Content-Type: application/zip; name=IHE_XDM.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode(b"PK\x03\x04" + b"x" * 100),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_refused_with_a_code_kept_and_the_next_one_is_filed(
    box: Sandbox, ward: Ward, name: str
) -> None:
    stored = box.mail.deposit(APPLICATION_BOX, HOSTILE[name], sender=DOCTOR)
    raw = box.mail.store.content(stored)
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    (state, code), second = read()
    assert (state, bool(code), second) == (IncomingState.REFUSED, True, (IncomingState.DONE, ""))
    assert bytes(IncomingMail.objects.earliest("id").raw) == raw
    assert Document.objects.filter(patient=ward.patient).count() == 1


def test_a_mail_numbered_or_delivered_again_is_filed_and_answered_once(box: Sandbox) -> None:
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    (original,) = mails(box, APPLICATION_BOX)
    box.mail.deposit(
        APPLICATION_BOX, original.partition(b"From:")[1] + original.partition(b"From:")[2], sender=DOCTOR
    )
    box.mail.store.new_validity(APPLICATION_BOX)
    assert read(2) == [(IncomingState.DONE, "")]
    assert (Document.objects.count(), len(mails(box, DOCTOR))) == (1, 1)
    assert {one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)} == {"Traites"}


def test_a_mail_marked_but_not_moved_is_put_away_with_its_copies(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line falls between the mark and the move, then the operator delivers the mail twice more."""
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    (original,) = mails(box, APPLICATION_BOX)
    with monkeypatch.context() as falling:
        falling.setattr(IMAPClient, "move", Mock(side_effect=OSError))
        assert read() == [(IncomingState.DONE, "")]
    assert {one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)} == {"INBOX"}
    for _ in range(2):
        box.mail.deposit(APPLICATION_BOX, original[original.index(b"From:") :], sender=DOCTOR)
    assert read() == [(IncomingState.DONE, "")]
    assert [one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)] == ["Traites"] * 3
    assert IncomingMail.objects.get().copies == []


def test_an_operator_that_refuses_delays_and_the_switch_stops_all(box: Sandbox) -> None:
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    InstallationSwitch.objects.filter(code=Switch.PFI_MSS_IN).update(is_on=False)
    assert read() == []
    InstallationSwitch.objects.filter(code=Switch.PFI_MSS_IN).update(is_on=True)
    box.mail.faults.add("read_down")
    box.mail.faults.add("greylist", address=DOCTOR)
    assert read() == []
    assert read() == [(IncomingState.DONE, "")]
    assert mails(box, DOCTOR) == []
    IncomingMail.objects.update(not_before=None)
    read()
    assert len(mails(box, DOCTOR)) == 1


OWN = frozenset({"chb.test"})
ASKED, FORWARDED = "Disposition-Notification-To", "X-Sieve-Redirected-From"


@pytest.mark.parametrize(
    ("headers", "form", "to"),
    [
        (f"Return-Path: <a@x.test>\n{ASKED}: a@x.test", AnswerForm.NOTICE, "a@x.test"),
        (f"Return-Path: <b@x.test>\n{ASKED}: a@x.test", AnswerForm.PLAIN_MAIL, "err@chb.test"),
        ("Return-Path: <a@x.test>", AnswerForm.PLAIN_MAIL, "err@chb.test"),
        (f"Return-Path: <>\n{ASKED}: a@x.test", AnswerForm.NONE, ""),
        (f"Auto-Submitted: auto-replied\n{ASKED}: a@x.test", AnswerForm.NONE, ""),
        (
            f"Return-Path: <a@x.test>\n{ASKED}: a@x.test\n{FORWARDED}: y@chb.test",
            AnswerForm.PLAIN_MAIL, "y@chb.test",
        ),
        (
            f"Return-Path: <y@chb.test>\n{ASKED}: y@chb.test\n{FORWARDED}: y@chb.test",
            AnswerForm.NOTICE, "y@chb.test",
        ),
        (
            f"Return-Path: <a@x.test>\n{ASKED}: a@x.test\n{FORWARDED}: evil@z.test",
            AnswerForm.NOTICE, "a@x.test",
        ),
        ("Delivered-To: app@chb.test\nDelivered-To: y@chb.test", AnswerForm.PLAIN_MAIL, "y@chb.test"),
    ],
)  # fmt: skip
def test_the_answer_goes_where_the_rule_says(headers: str, form: AnswerForm, to: str) -> None:
    raw = f"From: a@x.test\nSubject: x\n{headers}\n\nx".replace("\n", "\r\n").encode()
    route = route_of(open_mail(raw), own_domains=OWN, error_address="err@chb.test")
    assert (route.form, route.to) == (form, to)


@pytest.mark.requirement("F-PFI-19")
def test_a_notice_that_may_have_left_leaves_again_as_the_same_mail_and_the_trace_says_so(
    box: Sandbox,
) -> None:
    box.mail.faults.add("drop", address=DOCTOR)  # the line is cut once the notice was taken
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    assert read() == [(IncomingState.DONE, "")]
    mail = IncomingMail.objects.get()
    assert mail.answer_attempt_at is not None and mail.answered_at is None
    assert len(mails(box, DOCTOR)) == 1
    read()
    assert len(mails(box, DOCTOR)) == 1, "not before its hour"
    IncomingMail.objects.update(not_before=None)
    read()
    notices = {open_mail(raw).message_id for raw in mails(box, DOCTOR)}
    assert (len(mails(box, DOCTOR)), len(notices)) == (2, 1)
    again = Trace.objects.filter(object_uid=mail.uid, detail__step="answer_again")
    assert again.count() == 1


PLAIN_BOUNCE = (
    b"From: mailer-daemon@patient.mssante.test\r\nTo: %s\r\nSubject: Information\r\n"
    b"Message-ID: <bounce@patient.mssante.test>\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: %s\r\n\r\n"
    b"Espace  R\xc3\xa9sili\xc3\xa9 par son titulaire."
)


@pytest.mark.requirement("MSS/va1.24")
@pytest.mark.parametrize(
    ("words", "state", "text"),
    [
        ({"espace résilié": "mailbox_closed"}, IncomingState.DONE, "La boîte du destinataire est fermée."),
        ({"Espace  Résilié": "patient_unknown"}, IncomingState.DONE, "Le patient n’a pas de boîte"),
        ({}, IncomingState.TO_REVIEW, ""),
    ],
)
def test_the_words_of_a_bounce_are_those_that_the_hospital_knows(
    box: Sandbox, settings: LazySettings, words: dict[str, str], state: str, text: str
) -> None:
    settings.MSS_BOUNCE_WORDS = words
    mail = OutgoingMailFactory(state=MailState.SENT, is_to_patient=True)
    box.mail.deposit(
        APPLICATION_BOX, PLAIN_BOUNCE % (APPLICATION_BOX.encode(), mail.message_id.encode()), sender=""
    )
    assert [found for found, _ in read()] == [state]
    mail.refresh_from_db()
    assert (mail.state == MailState.FAILED, mail.error_text[: len(text)]) == (bool(text), text)
