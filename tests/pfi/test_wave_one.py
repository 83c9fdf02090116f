"""Partners of wave 1, over the real listener: what their profile forgives, what none does (hl7v2 2.1, 6.3).

The official messages of the volet 2.0 are sent as they are, under a fresh MSH-10, unless a test says what it
changed. The DMP and the operator are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.urls import reverse
from pytest_django.fixtures import Settings

from establishment.enums import Switch
from exchange.identifiers import new_control_id
from exchange.models import Message, Partner
from exchange.registry import handler_for
from interop.hl7v2.ack import Ack
from interop.hl7v2.codes import INS_OIDS
from interop.hl7v2.header import peek_header
from interop.hl7v2.tokens import parse_message
from interop.hl7v2.zam import parse_zam
from interop.xds import codes as xds_codes
from national.dmp.memory import DmpMemory
from national.mail.memory import MailSenderMemory
from pfi import mail_worker
from pfi.enums import JobState
from pfi.mail_worker import mails_drain
from pfi.models import Job
from pfi.worker import jobs_drain
from tests.exchange.listening import Listening, send, with_control_id
from tests.exchange.people import administrator, browser_of
from tests.factories import MailboxFactory, PartnerFactory, SwitchFactory
from tests.hospital import ward_rows
from tests.interop.hl7v2.official import normalised, official, patched, with_document
from tests.pfi.orders import raw_order

WORKER = "pfi-1"
RADIOLOGY = "trans_doc_v2_0/mdm_initial/message_MDM_CR_Radio_INIT_N1_Base64.er7"
RADIOLOGY_ID = "1.2.250.1.71.4.2.2.120456789^A71024000081"
BIOLOGY = "trans_doc_v2_0/oru_n1_n3_deletion/message_ORU_CR_Bio_DEL_N1_Base64_N3_Base64.er7"
BIOLOGY_IDS = {"1.2.250.1.213.1.1.12", "1.2.250.1.213.1.1.11"}
# One digit too many in the official address: it is nobody's, and is refused as such (its own test).
PATIENT_ADDRESS = (b"2770763220829106@patient", b"277076322082910@patient")


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> MailSenderMemory:
    memory = MailSenderMemory()
    monkeypatch.setattr(mail_worker, "mail_sender", lambda: memory)
    return memory


@pytest.fixture
def sent_by(
    transactional_db: None, settings: Settings, dmp: DmpMemory, operator: MailSenderMemory
) -> Iterator[Callable[..., Ack]]:
    """Sends bytes over the line of a partner of a profile; its acknowledgement. One line a profile."""
    settings.INS_ALLOWED_OIDS = sorted(INS_OIDS)
    ward_rows()
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    MailboxFactory()
    ports: dict[str, int] = {}
    with Listening() as listening:

        def sent(profile: str, raw: bytes) -> Ack:
            if profile not in ports:
                ports[profile] = listening.start(partner(profile))
            return send(ports[profile], with_control_id(raw, new_control_id()))[0]

        yield sent


def partner(profile: str) -> Partner:
    made: Partner = PartnerFactory(code=f"volet-{profile.replace('.', '-')}", profile=profile)
    return made


def fault(ack: Ack) -> tuple[str, str, str]:
    [found] = ack.faults
    return ack.code, found.code, found.location


def jobs() -> dict[str, Job]:
    return {job.channel: job for job in Job.objects.order_by("id")}


def work() -> None:
    jobs_drain(worker=WORKER)
    mails_drain(worker=WORKER)


def biology() -> bytes:
    return patched(official(BIOLOGY), PATIENT_ADDRESS)


def oul() -> bytes:
    """No official OUL is published: the official ORU of the volet 2.0 under the message of wave 1."""
    return patched(biology(), (b"ORU^R01^ORU_R01", b"OUL^R22^OUL_R22"))


# --- Taken in charge ---------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-11", "F-PFI-13")
def test_an_official_mdm_of_the_volet_2_0_feeds_the_dmp_and_is_mailed(
    sent_by: Callable[..., Ack], dmp: DmpMemory, operator: MailSenderMemory
) -> None:
    assert sent_by("2.0", official(RADIOLOGY)).code == "AA"
    made = jobs()
    assert set(made) == {"dmp", "mssante_pro"}
    assert {(job.profile, job.action, job.document_unique_id) for job in made.values()} == {
        ("2.0", "initial", RADIOLOGY_ID)
    }
    assert "OBX-11 décide" in Message.objects.get(direction="in").warning

    work()
    assert [entry.unique_id for entry in dmp.entries.values()] == [RADIOLOGY_ID]
    [entry] = dmp.entries.values()
    masked = {code.code for code in entry.confidentiality_codes}
    assert {"INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"} <= masked
    assert [mail.recipient for mail in operator.sent] == ["adam.hoda@test-ci-sis.mssante.fr"]
    assert Job.objects.get(channel="dmp").state == JobState.DONE


@pytest.mark.requirement("F-PFI-11", "F-PFI-12", "F-PFI-17")
@pytest.mark.parametrize(("profile", "raw"), [("2.0", biology), ("1.2", biology), ("1.2", oul)])
def test_two_renderings_of_biology_in_one_message_are_deleted_from_the_dmp_and_told_to_all(
    sent_by: Callable[..., Ack],
    dmp: DmpMemory,
    operator: MailSenderMemory,
    profile: str,
    raw: Callable[[], bytes],
) -> None:
    first = patched(biology(), (b"||||||D|", b"||||||F|"))
    assert sent_by("2.0", first).code == "AA"
    work()
    assert {entry.unique_id for entry in dmp.entries.values()} == BIOLOGY_IDS
    Job.objects.update(not_before=None)

    assert sent_by(profile, raw()).code == "AA"
    work()
    assert {entry.status for entry in dmp.entries.values()} == {xds_codes.STATUS_DELETED}
    told = ["277076322082910@patient.mssante.fr", "adam.hoda@test-ci-sis.mssante.fr"]
    assert sorted(mail.recipient for mail in operator.sent) == sorted(2 * told)
    assert set(Job.objects.filter(channel="dmp").values_list("state", flat=True)) == {JobState.DONE}


@pytest.mark.requirement("F-PFI-11", "F-PFI-19")
def test_an_accepted_order_is_carried_although_its_partner_moved_to_wave_2_meanwhile(
    sent_by: Callable[..., Ack], dmp: DmpMemory, operator: MailSenderMemory
) -> None:
    assert sent_by("2.0", official(RADIOLOGY)).code == "AA"
    Partner.objects.update(profile="2.1")
    work()
    assert Job.objects.get(channel="dmp").state == JobState.DONE
    assert len(operator.sent) == 1


@pytest.mark.requirement("F-PFI-11")
def test_a_replacement_without_setid_is_of_the_lineage_of_what_it_replaces(
    sent_by: Callable[..., Ack],
) -> None:
    content = official("trans_doc_v2_0/mdm_replacement/CR_Radio_CDAN1_v2.XML")
    raw = normalised(official("trans_doc_v2_0/mdm_replacement/message_MDM_CR_Radio_RPLC_N1.er7"))
    assert sent_by("2.0", official(RADIOLOGY)).code == "AA"
    assert sent_by("2.0", with_document(raw, content)).code == "AA"
    first, second = Job.objects.filter(channel="dmp").order_by("id")
    assert second.replaced_unique_id == first.document_unique_id == RADIOLOGY_ID
    assert second.lineage == first.lineage == RADIOLOGY_ID


@pytest.mark.requirement("F-PFI-11", "F-PFI-16")
@pytest.mark.parametrize(("profile", "version"), [("2.0", "2.0"), ("2.1", "2.1")])
def test_the_business_acknowledgement_speaks_the_volet_of_its_receiver(
    sent_by: Callable[..., Ack], dmp: DmpMemory, profile: str, version: str
) -> None:
    asked = b"OBX|11|CWE|ACK_RECEPTION^Accus\xc3\xa9 de r\xc3\xa9ception^MetaDMPMSS||"
    raw = raw_order() if profile == "2.1" else patched(official(RADIOLOGY), (asked + b"N", asked + b"Y"))
    assert sent_by(profile, raw).code == "AA"
    jobs_drain(worker=WORKER)
    zam = Message.objects.get(direction="out", type__startswith="ZAM^Z01")
    header = peek_header(bytes(zam.raw))
    assert header is not None and header.profile_version == version
    assert parse_zam(parse_message(bytes(zam.raw))).success


# --- Refused -----------------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-11", "F-PFI-16")
@pytest.mark.parametrize(
    ("name", "code", "location"), [(RADIOLOGY, "100", "ORC^1"), (BIOLOGY, "103", "ORC^1^1")]
)
def test_the_same_messages_from_a_partner_of_wave_2_are_refused_with_the_place(
    sent_by: Callable[..., Ack], name: str, code: str, location: str
) -> None:
    assert fault(sent_by("2.1", official(name))) == ("AE", code, location)
    assert not Job.objects.exists()


@pytest.mark.requirement("F-PFI-12")
@pytest.mark.parametrize("profile", ["2.1", "2.0"])
def test_an_oul_is_refused_200_from_a_partner_after_volet_1_2(
    sent_by: Callable[..., Ack], profile: str
) -> None:
    assert fault(sent_by(profile, oul())) == ("AE", "200", "MSH^1^9")
    assert not Job.objects.exists()


@pytest.mark.requirement("F-PFI-11")
@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"", ("AE", "101", "MSH^1^21")), (b"1.2^CISIS_CDA_HL7_V1", ("AE", "103", "MSH^1^21"))],
)
def test_msh_21_absent_or_of_another_volet_is_refused_by_its_own_code_to_wave_2_and_read_from_wave_1(
    sent_by: Callable[..., Ack], sent: bytes, expected: tuple[str, str, str]
) -> None:
    raw = patched(raw_order(), (b"2.1^CISIS_CDA_HL7_V2", sent))
    assert fault(sent_by("2.1", raw)) == expected
    assert sent_by("2.0", raw).code == "AA"
    assert Job.objects.get().profile == "2.0"


def test_a_message_of_mssante_keeps_its_own_handler() -> None:
    header = peek_header(
        b"MSH|^~\\&|PFI|X|DPI|X|2025||MDM^T02^MDM_T02|A1|P|2.6|||||FRA|UTF-8|||1.1^CISIS_CDA_HL7_LPS\r"
    )
    assert header is not None
    handler = handler_for(header)
    assert handler is not None and handler.__module__ == "documents.handlers"


@pytest.mark.requirement("F-PFI-11", "SC.DMP/CONF.12")
@pytest.mark.parametrize("profile", ["2.0", "1.2"])
@pytest.mark.parametrize(
    ("start", "code", "place"), [(b"PRT||UC||SB", "207", "PRT^2"), (b"PRT||UC||RCT", "101", "PRT^2")]
)
def test_no_profile_forgives_what_nothing_could_be_carried_without(
    sent_by: Callable[..., Ack], profile: str, start: bytes, code: str, place: str
) -> None:
    lines = [line for line in normalised(official(RADIOLOGY)).split(b"\r") if not line.startswith(start)]
    assert fault(sent_by(profile, b"\r".join(lines))) == ("AE", code, place)
    assert not Job.objects.exists()


@pytest.mark.requirement("F-PFI-11")
def test_the_official_address_of_a_patient_with_a_digit_too_many_is_nobodys(
    sent_by: Callable[..., Ack],
) -> None:
    assert fault(sent_by("2.0", official(BIOLOGY))) == ("AE", "207", "PRT^3^15^1^4")


def test_an_identifier_that_is_neither_an_oid_nor_a_uuid_is_refused(sent_by: Callable[..., Ack]) -> None:
    raw = raw_order()
    content = official("trans_doc_v2_0/mdm_initial/CR_Radio_CDAN1_v1.XML")
    for root in (b"abc", b"../../x"):
        changed = patched(content, (b'root="1.2.250.1.71.4.2.2.120456789"', b'root="' + root + b'"'))
        wave = normalised(official(RADIOLOGY))
        assert fault(sent_by("2.0", with_document(wave, changed)))[:2] == ("AE", "102")
    assert not Job.objects.exists()
    assert sent_by("2.1", raw).code == "AA"


# --- Read again --------------------------------------------------------------------------------------
def test_the_journal_checks_a_message_under_the_volet_of_its_partner(sent_by: Callable[..., Ack]) -> None:
    sent_by("2.0", official(RADIOLOGY))
    browser = browser_of(administrator())
    uid = Message.objects.get(direction="in").uid
    html = browser.get(f"{reverse('exchange:journal')}?message={uid}&onglet=controles").content.decode()
    assert "Transmission de document, volet 2.0" in html
    assert "100 · " not in html
    assert "Contrôles (0 erreur)" in html
