"""What a reader without the right to the content may see of a message: nothing of the patient (ui 6.20)."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.checking import CheckState, message_checks
from exchange.reading import Piece, SegmentShown, message_shown, raw_masked
from exchange.visibility import without_matricules
from interop.hl7v2.names import EVENT_NAMES, FIELD_NAMES, SEGMENT_NAMES, event_name
from interop.hl7v2.tokens import parse_message
from tests.exchange.messages import message
from tests.interop.hl7v2.official import needs_official, official, official_names

# What the official examples say of their persons, and what a mail says of them in its subject.
SECRETS = (
    "PAT-TROIS", "DOMINIQUE", "279035121518989", "19790328", "Breteuil", "63220", "DUPONT", "Réault",
    "801234567897", "0546442221", "patient.mssante.fr", "adam.hoda", "405660", "24000006", "07/08/2010",
)  # fmt: skip
ADMISSION = "pam_consent/ConsentementConsultation_NonOppositionAlimentation.er7"
BY_MAIL = "trans_lps_v1_1/mdm_initial/message_MDM__LPS_MSS_CR_Radio_INIT_N1.er7"
REPLACEMENT = "trans_doc_v2_1/mdm_replacement/message_MDM_CR_Radio_RPLC_N1.er7"


def texts(pieces: tuple[Piece, ...]) -> str:
    return "".join("▨" if piece.hidden else piece.text for piece in pieces)


def value_of(segments: tuple[SegmentShown, ...], label: str) -> list[str]:
    return [texts(field.pieces) for one in segments for field in one.fields if field.label == label]


@needs_official
@pytest.mark.parametrize("name", official_names())
def test_nothing_of_a_person_is_in_what_a_masked_reader_gets(name: str) -> None:
    raw = official(name)
    parsed = parse_message(raw)
    shown = message_shown(parsed, sees_all=False)
    everything = raw_masked(parsed) + "".join(
        texts(pieces)
        for segment in shown.segments
        for pieces in chain((segment.raw,), (field.pieces for field in segment.fields))
    )

    assert [secret for secret in SECRETS if secret.lower() in everything.lower()] == []
    assert not re.search(r"[A-Za-z0-9+/]{80}", everything), "the bytes of a document"
    assert shown.left_out == 0


@needs_official
def test_what_serves_to_follow_an_exchange_stays_readable() -> None:
    segments = message_shown(parse_message(official(ADMISSION)), sees_all=False).segments

    assert value_of(segments, "MSH-7") == ["06/03/2024 11:11:54"]
    assert value_of(segments, "MSH-9") == ["ADT · A01 · ADT_A01"]
    assert value_of(segments, "PID-3")[1].startswith("▨ · ASIP-SANTE-INS-NIR")
    assert value_of(segments, "PID-5") == ["▨"]
    assert value_of(segments, "PID-32") == ["VALI"]
    assert value_of(segments, "PV1-19")[0].startswith("000897406")
    assert value_of(segments, "ZFA-9") == ["▨"]


@needs_official
def test_markers_and_documents_are_named_in_french_and_documents_by_their_size() -> None:
    shown = message_shown(parse_message(official(REPLACEMENT)), sees_all=False)
    markers = {field.name: texts(field.pieces) for one in shown.segments for field in one.fields}
    sizes = [piece.size for one in shown.segments for piece in one.raw if piece.size is not None]

    assert markers["Destinataire : DMP"].startswith("Y")
    assert markers["Envoyé par"].startswith("SB")
    assert value_of(shown.segments, "TXA-2") == ["18748-4 CR d'imagerie médicale"]
    assert sizes[0] is not None and sizes[0] > 5_000
    assert shown.hides_something


@needs_official
@pytest.mark.parametrize("name", [ADMISSION, BY_MAIL])
def test_who_sees_all_reads_the_segments_as_they_came(name: str) -> None:
    parsed = parse_message(official(name))
    shown = message_shown(parsed, sees_all=True)

    assert not shown.hides_something
    for segment, line in zip(parsed.segments, shown.segments, strict=True):
        if not any(piece.size is not None for piece in line.raw):
            assert texts(line.raw) == segment.serialize()
    assert any("PAT-TROIS" in value for value in value_of(shown.segments, "PID-5"))


@given(st.text(st.characters(min_codepoint=65, max_codepoint=90), min_size=5, max_size=12))
def test_a_segment_that_nobody_knows_is_hidden_whole(secret: str) -> None:
    unknown = f"ZZZ|{secret}|^{secret}&{secret}~{secret}"
    parsed = parse_message(message(unknown, f"PID|||{secret}^^^CHU&1&N^PI"))
    masked = raw_masked(parsed).partition("\r\n")[2]

    assert secret not in masked
    assert "^^^CHU&1&N^PI" in masked


def test_a_long_message_is_cut_on_the_screen_and_says_so() -> None:
    shown = message_shown(parse_message(message(*["NTE|1||x"] * 500)), sees_all=True)

    assert len(shown.segments) == 200
    assert shown.left_out == 301


@pytest.mark.parametrize(
    ("kind", "profile", "words"),
    [
        ("ADT^A01^ADT_A01", "", "admission"),
        ("MDM^T10^MDM_T02", "2.1^CISIS_CDA_HL7_V2", "remplacement"),
        ("MDM^T02^MDM_T02", "1.1^CISIS_CDA_HL7_LPS", "document MSSanté"),
        ("QBP^Q21", "", ""),
    ],
)
def test_events_are_said_in_words(kind: str, profile: str, words: str) -> None:
    assert event_name(kind, profile) == words


def test_every_named_field_belongs_to_a_named_segment() -> None:
    assert FIELD_NAMES.keys() <= SEGMENT_NAMES.keys()
    assert all(name and name[0].isupper() for fields in FIELD_NAMES.values() for name in fields.values())
    assert all(name and name[0].islower() for name in EVENT_NAMES.values())


def test_what_a_service_said_loses_its_matricules() -> None:
    text = "INS 279035121518989 et 297022A02077878 inconnus, code 10001234567"
    assert without_matricules(text) == "INS *** et *** inconnus, code 10001234567"


class TestChecks:
    def checks(self, raw: bytes, ack: bytes = b"", sha256: str = "") -> dict[str, tuple[CheckState, str]]:
        import hashlib

        found, _ = message_checks(
            raw,
            sha256=sha256 or hashlib.sha256(raw).hexdigest(),
            ack=ack,
            control_id=parse_message(raw).get("MSH-10") if raw.startswith(b"MSH") else "",
            charset="UNICODE UTF-8",
        )
        return {check.label: (check.state, check.code) for check in found}

    @needs_official
    def test_an_official_admission_passes(self) -> None:
        found = self.checks(official(ADMISSION))
        assert {state for state, _ in found.values()} <= {CheckState.PASSED, CheckState.WARNING}
        assert "Admission, IHE PAM France 2.11" in found

    def test_a_fault_is_named_with_its_code(self) -> None:
        found = self.checks(message("EVN||20250102", kind="ADT^A01^ADT_A01"))
        assert (CheckState.FAILED, "100") in found.values()

    def test_altered_bytes_are_seen(self) -> None:
        found = self.checks(message("EVN||20250102"), sha256="0" * 64)
        assert found["Empreinte"][0] is CheckState.FAILED

    def test_the_answer_to_another_message_is_seen(self) -> None:
        ack = message("MSA|AA|AUTRE", kind="ACK^A01^ACK")
        found = self.checks(message("EVN||20250102", control_id="M1"), ack)
        assert found["Acquittement"][0] is CheckState.FAILED

    def test_bytes_that_are_no_message_have_one_failed_reading(self) -> None:
        found = self.checks(b"\x00\x01 pas du HL7")
        assert found["Lecture du message"][0] is CheckState.FAILED
