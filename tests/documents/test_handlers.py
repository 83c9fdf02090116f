"""Documents that come by MSSanté, from the message to the answer (DPI.CDA/HL7.02, SC.MSS/UX.05, UX.07)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from django.db import OperationalError

from documents import handlers
from documents.enums import Intake, Origin, ReceiptOutcome, VersionState
from documents.models import Document, Reception, Version
from documents.store import content_get
from establishment.models import Unit
from exchange.enums import MessageState
from interop.hl7v2 import Action
from interop.hl7v2.lps import LpsFlags
from interop.hl7v2.mdm import professional_recipient
from interop.ins.codes import INS_NIR_OID, INS_NIR_TEST_OID
from interop.ins.key import Ins
from mssante.models import Mailbox
from patients.enums import IdentifierKind
from patients.models import Identifier, Patient
from tests.documents.arrivals import SENDER_ROOT, arriving, document_id
from tests.documents.mailed import TO_UNIT, fresh, hand_over, last_message, mailed
from tests.hospital import MATRICULE
from tests.interop.cda.samples import minimal_document
from tests.interop.hl7v2.official import normalised, official, patched, with_document
from tests.interop.hl7v2.samples import INS

F8 = "trans_lps_v1_1/mdm_initial/message_MDM__LPS_MSS_CR_Radio_INIT_N1_Base64.er7"
F9 = "trans_lps_v1_1/mdm_deletion/message_MDM__LPS_MSS_CR_Radio_DEL_N1.er7"
V2 = "trans_lps_v1_1/mdm_deletion/CR_Radio_CDAN1_v2.XML"


def refusal_of(raw: bytes) -> str:
    """ERR-5 of a refusal; nothing was filed, the refusal is kept with the bytes."""
    before = (Document.objects.count(), Version.objects.count())
    ack = hand_over(raw)
    assert ack.code == "AE"
    (fault,) = ack.faults
    assert (fault.code, fault.application_system) == ("207", "applicationErrorCode")
    assert (Document.objects.count(), Version.objects.count()) == before
    reception = Reception.objects.latest("id")
    assert reception.code == fault.application_code and reception.reason
    assert reception.message_uid == last_message().uid
    assert last_message().state == MessageState.REFUSED
    if reception.cda_sha256:
        assert content_get(reception.cda_sha256)
    return fault.application_code


# --- official messages -----------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.02", "SC.MSS/UX.07")
def test_the_official_document_of_a_known_patient_is_filed(ward):
    Mailbox.objects.create(
        address="dpi@hopitala.mssante.fr", kind="APP", label="DPI", unit=ward.unit, is_active=True
    )
    ack = hand_over(normalised(official(F8)))
    assert (ack.code, ack.header.event, ack.faults) == ("AA", "T02", ())
    version = Version.objects.get()
    assert version.document.patient == ward.patient
    assert version.document.type_code == "18748-4"
    assert version.document.unit == ward.unit
    assert version.is_invisible_patient and version.is_invisible_rep_legaux and not version.is_masque_ps
    reception = Reception.objects.get()
    assert (reception.origin, reception.intake) == (Origin.MSSANTE, Intake.AUTOMATIC)
    assert (reception.source_address, reception.source_id) == ("thomas.eric@medecin.mssante.fr", "1")


@pytest.mark.requirement("DPI.CDA/HL7.02", "SC.MSS/UX.05")
def test_the_official_chain_of_three_messages(ward):
    """F8 (version 1), a T10 built from it with the official version 2, F9 (deletion of version 2)."""
    first = normalised(official(F8))
    deletion = normalised(official(F9))
    assert refusal_of(fresh(deletion)) == "900"
    assert hand_over(fresh(first)).code == "AA"
    assert refusal_of(fresh(deletion)) == "900"
    assert hand_over(fresh(replacement_of(first))).code == "AA"
    old, new = Version.objects.order_by("number")
    assert (old.state, new.state) == (VersionState.REPLACED, VersionState.CURRENT)
    assert hand_over(fresh(deletion)).code == "AA"
    new.refresh_from_db()
    assert new.state == VersionState.DELETED and content_get(new.cda_sha256)
    assert refusal_of(fresh(replacement_of(first))) == "906"
    outcomes = list(Reception.objects.filter(code="").order_by("id").values_list("outcome", flat=True))
    assert outcomes == [ReceiptOutcome.INTEGRATED, ReceiptOutcome.REPLACED, ReceiptOutcome.DELETED]


def replacement_of(first: bytes) -> bytes:
    """A T10 from F8: event, ORC-1, OBX-11, TXA-12 and 13, and the document, become those of version 2."""
    content = official(V2)
    old = re.search(rb"TXA\|1\|[^\r]*?\|(1\.2\.250[^|^]*)\^", first)
    assert old is not None
    new = re.search(rb'<id root="(1\.2\.250[^"]*)"', content)
    assert new is not None
    changed = patched(first, (b"MDM^T02^MDM_T02", b"MDM^T10^MDM_T02"), (b"ORC|NW", b"ORC|RO"))
    lines = changed.split(b"\r")
    for number, line in enumerate(lines):
        if line.startswith(b"TXA|"):
            fields = line.split(b"|")
            fields[12:14] = [new[1], old[1]]
            lines[number] = b"|".join(fields)
        if line.startswith(b"OBX|1|"):
            fields = line.split(b"|")
            fields[11] = b"C"
            lines[number] = b"|".join(fields)
    return with_document(b"\r".join(lines), content)


@pytest.mark.requirement("DPI.CDA/HL7.02")
def test_the_official_document_of_an_unknown_patient_is_902(ward):
    Identifier.objects.filter(kind=IdentifierKind.INS).delete()
    assert refusal_of(normalised(official(F8))) == "902"


# --- the table of hl7v2 3.3 ------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.02", "SC.MSS/UX.07")
@pytest.mark.parametrize(
    ("changes", "code", "differing"),
    [
        ({}, "", []),
        ({"traits": {"birth_name": "PAT-TROIZ"}}, "904", ["birth_name"]),
        ({"traits": {"birth_given_names": "DOMINIQUE MARIE"}}, "904", ["birth_given_names"]),
        ({"traits": {"birth_date": date(1979, 3, 27)}}, "904", ["birth_date"]),
        ({"traits": {"sex": "M"}}, "904", ["sex"]),
        ({"traits": {"birth_place_cog": "63221"}}, "904", ["birth_place_cog"]),
        ({"person": {"ins": Ins("160012B02077713", INS_NIR_TEST_OID)}}, "902", []),
        ({"person": {"ins": Ins(MATRICULE, INS_NIR_OID)}}, "902", []),
        ({"traits": {"birth_name": "pat-trois "}}, "", []),
        ({"traits": {"birth_name": "PAT TROIS"}}, "904", ["birth_name"]),
        ({"traits": {"birth_name": "PÂT-TROIS"}}, "904", ["birth_name"]),
    ],
)
def test_one_trait_that_differs_files_nothing(ward, changes, code, differing):
    raw = mailed(Action.INITIAL, arriving(**changes))
    if not code:
        assert hand_over(raw).code == "AA"
        return
    assert refusal_of(raw) == code
    reception = Reception.objects.get()
    assert reception.differing == differing
    assert reception.candidate == (ward.patient if code == "904" else None)
    assert reception.patient is None
    for value in ("PAT-TROI", "1979", "63221"):
        assert value not in reception.reason


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda patient: Patient.objects.filter(pk=patient.pk).update(is_identity_controlled=False),
            "qualifiée",
        ),
        (
            lambda patient: Patient.objects.filter(pk=patient.pk).update(is_identity_under_review=True),
            "révision",
        ),
        (lambda patient: Patient.objects.filter(pk=patient.pk).update(is_closed=True), "fermée"),
        (lambda patient: patient.identifiers.filter(kind="INS").update(is_active=False), "ancien matricule"),
        (lambda patient: twin_of(patient), "plusieurs identités"),
    ],
)
def test_an_identity_that_is_not_sure_files_nothing(ward, change, words):
    change(ward.patient)
    assert refusal_of(mailed(Action.INITIAL, arriving())) == "904"
    assert words in Reception.objects.get().reason


def changed(patient: Patient, **values: bool) -> None:
    Patient.objects.filter(pk=patient.pk).update(**values)


def twin_of(patient: Patient) -> None:
    twin = Patient.objects.create(birth_name="PAT-TROIS", first_birth_given_name="DOMINIQUE")
    Identifier.objects.create(
        patient=twin, kind=IdentifierKind.INS, value=MATRICULE, oid=INS_NIR_TEST_OID, is_active=True
    )


def test_an_authority_that_is_not_accepted_here_files_nothing(ward, settings):
    settings.INS_ALLOWED_OIDS = [INS_NIR_OID]
    assert refusal_of(mailed(Action.INITIAL, arriving())) == "904"


@pytest.mark.requirement("DPI.CDA/HL7.02")
@pytest.mark.parametrize(
    ("document", "code"),
    [
        (lambda cda: re.sub(rb'<id [^>]*extension="279035121518989"[^>]*/>', b"", cda), "903"),
        (lambda cda: re.sub(rb"<county>.*?</county>", b"", cda), "905"),
        (lambda cda: re.sub(rb"<birthTime [^>]*/>", b"", cda), "905"),
        (lambda cda: cda.replace(b"279035121518989", b"279035121518988"), "906"),
        (lambda cda: cda.replace(b"<effectiveTime", b"<effectiveTime2", 1), "906"),
        (lambda cda: re.sub(rb"<recordTarget>.*?</recordTarget>", b"", cda, flags=re.DOTALL), "906"),
    ],
)
def test_a_document_that_does_not_say_who_it_is_about_is_refused(ward, document, code):
    raw = mailed(Action.INITIAL, arriving())
    cda = document(arriving())
    assert cda != arriving()
    assert refusal_of(with_document(raw, cda)) == code
    reception = Reception.objects.get()
    assert reception.source_label == "Labo BIOVAL" and reception.source_id
    assert content_get(reception.cda_sha256) == cda
    assert reception.unit == ward.unit


@pytest.mark.requirement("DPI.CDA/HL7.02")
def test_the_ins_of_the_message_must_be_that_of_the_document(ward):
    raw = patched(mailed(Action.INITIAL, arriving()), (b"279035121518989^^^", b"160012B02077713^^^"))
    ack = hand_over(raw)
    assert (ack.faults[0].application_code, ack.faults[0].location) == ("906", "PID^1^3")


@pytest.mark.requirement("DPI.CDA/HL7.02")
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (patched(mailed(Action.INITIAL, arriving()), (b"|2.6|", b"|2.4|")), "203"),
        (patched(mailed(Action.INITIAL, arriving()), (b"ORC|NW", b"ORC|CA")), "199"),
        (with_document(mailed(Action.INITIAL, arriving()), b"dummy"), "102"),
        (with_document(mailed(Action.INITIAL, arriving()), b"<!DOCTYPE a><a/>"), "102"),
    ],
)
def test_a_message_that_is_wrong_as_a_message_gets_a_technical_code_without_err_5(ward, raw, code):
    ack = hand_over(fresh(raw))
    assert (ack.code, ack.faults[0].code, ack.faults[0].application_code) == ("AE", code, "")
    assert not Reception.objects.exists()


@pytest.mark.requirement("DPI.CDA/HL7.02")
def test_a_temporary_impossibility_is_no_refusal(ward, monkeypatch):
    """The database gives up: the message is kept as it came, and treated when it comes again."""
    raw = mailed(Action.INITIAL, arriving())

    def unavailable(**_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(handlers, "document_receive", unavailable)
        with pytest.raises(OperationalError):
            hand_over(raw)
    assert last_message().state == MessageState.STORED and not Reception.objects.exists()
    assert hand_over(raw).code == "AA"


# --- versions (3.5) --------------------------------------------------------------------------------
@pytest.mark.requirement("SC.MSS/UX.05", "F-PV-49")
def test_the_same_document_twice_is_accepted_and_filed_once(ward):
    assert hand_over(mailed(Action.INITIAL, arriving())).code == "AA"
    assert hand_over(mailed(Action.INITIAL, arriving())).code == "AA"
    assert Version.objects.count() == 1
    assert Reception.objects.latest("id").outcome == ReceiptOutcome.DUPLICATE


@pytest.mark.requirement("DPI.CDA/HL7.02", "SC.MSS/UX.05")
@pytest.mark.parametrize(
    ("action", "cda", "code"),
    [
        (Action.INITIAL, arriving(1, pdf=b"%PDF-1.4 other\n%%EOF"), "906"),
        (Action.INITIAL, arriving(1, id=document_id(9)), "900"),
        (Action.REPLACE, arriving(3, replaces=2), "900"),
        (Action.DELETE, arriving(5), "900"),
    ],
)
def test_what_does_not_follow_what_is_held_is_refused(ward, action, cda, code):
    hand_over(mailed(Action.INITIAL, arriving(1)))
    assert refusal_of(mailed(action, cda)) == code


@pytest.mark.requirement("SC.MSS/UX.05")
def test_a_change_of_visibility_alone_travels_as_a_replacement(ward):
    hand_over(mailed(Action.INITIAL, arriving(1), flags=LpsFlags(invisible_patient=True)))
    shown = LpsFlags(modif_conf_code=True)
    assert hand_over(mailed(Action.REPLACE, arriving(2, replaces=1), flags=shown)).code == "AA"
    old, new = Version.objects.order_by("number")
    assert old.is_invisible_patient and not new.is_invisible_patient
    assert Reception.objects.latest("id").is_visibility_change


def test_a_document_masked_to_professionals_keeps_its_mark_and_warns(ward):
    assert hand_over(mailed(Action.INITIAL, arriving(), flags=LpsFlags(masque_ps=True))).code == "AA"
    assert Version.objects.get().is_masque_ps
    assert "masqué aux professionnels" in last_message().warning


# --- who is told (mssante 2.7) ---------------------------------------------------------------------
@pytest.mark.requirement("SC.MSS/UX.38")
def test_the_unit_and_the_professional_of_the_address_are_told(ward):
    to_doctor = professional_recipient(
        rpps=ward.doctor.rpps, family="HODA", given="Alice", address="alice.hoda@ch.mssante.fr"
    )
    hand_over(mailed(Action.INITIAL, arriving(), to=(to_doctor, TO_UNIT)))
    reception = Reception.objects.get()
    assert (reception.unit, reception.recipient) == (ward.unit, ward.doctor)
    assert reception.document.episode == ward.episode


@pytest.mark.requirement("SC.MSS/UX.38")
def test_the_mailbox_names_the_unit_when_the_address_does_not(ward):
    other = Unit.objects.create(site=ward.unit.site, code="9999", name="MEDECINE")
    Mailbox.objects.create(
        address="medecine@ch.mssante.fr", kind="APP", label="M", unit=ward.unit, notify_unit=other
    )
    to_box = professional_recipient(
        rpps="10100000009", family="X", given="Y", address="Medecine@ch.mssante.fr"
    )
    hand_over(mailed(Action.INITIAL, arriving(), to=(to_box,)))
    reception = Reception.objects.get()
    assert (reception.unit, reception.recipient) == (other, None)
    assert reception.document.episode is None


@pytest.mark.requirement("SC.MSS/UX.37")
def test_no_trait_of_the_document_reaches_the_logs_nor_the_answer(ward, caplog):
    raw = mailed(Action.INITIAL, arriving(traits={"birth_name": "SECRETNAME"}))
    hand_over(raw)
    assert b"SECRETNAME" not in bytes(last_message().ack)
    assert "SECRETNAME" not in caplog.text and MATRICULE not in caplog.text
    assert INS.matricule == MATRICULE and SENDER_ROOT not in caplog.text


@pytest.mark.requirement("DPI.CDA/HL7.02")
def test_a_header_that_cannot_be_stored_is_answered_906_in_words(ward):
    """A code of our own reader never stands in ERR-5, which is a table of the volet."""
    ack = hand_over(mailed(Action.INITIAL, arriving(type=replace(minimal_document().type, code="X" * 30))))
    (fault,) = ack.faults
    assert (ack.code, fault.application_code) == ("AE", "906")
    assert "type du document" in fault.text
    assert Reception.objects.get().code == "cda:header"
