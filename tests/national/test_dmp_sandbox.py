"""The real adapter against the strict sandbox, which reads the wire with its own code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from interop.cda.parse import parse_cda
from interop.seal import Seal
from interop.vihf.claims import AuthenticationMode, PatientClaim
from interop.vihf.codes import AC_SMARTCARD_PKI, AIR_SIMPLIFIED_DECLARATION
from interop.xds import codes
from interop.xds.from_cda import entry_from_cda
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import SubmissionSet
from interop.xds.nomenclature import content_type_of_patient_class
from interop.xds.times import dtm_from_instant
from interop.xml import parse_xml, serialize_xml
from national.calls import CallRecord
from national.dmp.adapter import DmpSettings, DmpSoap
from national.dmp.ports import AccessContext, Submission
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from national.transport import TlsFiles, Transport, TransportSettings
from sandbox.runtime import Sandbox, SandboxSettings
from tests.interop.xds.samples import DOCTOR
from tests.national.dmp_bench import CONTEXT, SOFTWARE

GOLDEN = Path(__file__).parents[1] / "interop" / "golden" / "cda" / "n1_qualified.xml"
PATIENT = PatientClaim("279035121518989", "1.2.250.1.213.1.4.10")
NUMBERS = count(1)


@dataclass
class Bench:
    box: Sandbox
    gateway: DmpSoap
    calls: list[CallRecord]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("sandbox"))) as box:
        files = box.addresses.certificates
        tls = TlsFiles(Path(files.ca), Path(files.client_cert), Path(files.client_key))
        settings = TransportSettings("Le DMP", box.addresses.dmp.base_url, tls, breaker_threshold=0)
        transport = Transport(settings)
        calls: list[CallRecord] = []
        seal = Seal.from_pem(Path(files.seal_cert).read_bytes(), Path(files.seal_key).read_bytes())
        yield Bench(box, DmpSoap(transport, seal, DmpSettings(SOFTWARE), record=calls.append), calls)
        transport.close()


def letter(*, set_number: int = 0, version: int = 1, parent: str = "") -> bytes:
    """The golden discharge letter under new identifiers; a new version names its parent."""
    root = parse_xml(GOLDEN.read_bytes())
    hl7 = {"h": "urn:hl7-org:v3"}
    number = next(NUMBERS)
    root.find("h:id", hl7).set("root", f"1.2.250.1.999.1.1.{number}")
    root.find("h:setId", hl7).set("root", f"1.2.250.1.999.1.2.{set_number or number}")
    root.find("h:versionNumber", hl7).set("value", str(version))
    if parent:
        related = parse_xml(
            '<relatedDocument xmlns="urn:hl7-org:v3" typeCode="RPLC"><parentDocument>'
            f'<id root="{parent}"/></parentDocument></relatedDocument>'.encode()
        )
        root.find("h:componentOf", hl7).addprevious(related)
    return serialize_xml(root)


def submission(content: bytes, *, replaces: str = "", visibility: tuple[str, ...] = ()) -> Submission:
    document = parse_cda(content)
    entry = entry_from_cda(document, content, visibility=visibility)
    lot = SubmissionSet(
        unique_id=f"1.2.250.1.999.1.3.{next(NUMBERS)}",
        source_id="1.2.250.1.999.1",
        patient_id=entry.patient_id,
        submission_time=dtm_from_instant(datetime.now(UTC)),
        authors=(DOCTOR,),
        content_type=content_type_of_patient_class("I"),
        title=entry.title,
    )
    return Submission(lot, (SubmittedDocument(entry, content, replaces),))


def context() -> AccessContext:
    return replace(CONTEXT, structure="1990000101", authenticated_at=datetime.now(UTC))


def test_a_letter_is_registered_and_found_again(bench: Bench) -> None:
    sent = submission(letter(), visibility=(codes.VISIBILITY_HIDDEN_PATIENT,))
    bench.gateway.submit(context(), sent)
    entry = sent.documents[0].entry
    (uuid,) = bench.gateway.references(context(), PATIENT, entry.unique_id)
    assert uuid.startswith("urn:uuid:")
    assert bench.calls[-2].transaction == "TD2.1"


def test_a_document_that_was_never_sent_is_not_found(bench: Bench) -> None:
    assert bench.gateway.references(context(), PATIENT, "1.2.250.1.999.1.1.999999") == ()


def test_a_second_version_replaces_the_first(bench: Bench) -> None:
    first = submission(letter())
    bench.gateway.submit(context(), first)
    parent = first.documents[0].entry.unique_id
    (uuid,) = bench.gateway.references(context(), PATIENT, parent)
    family = int(parse_cda(first.documents[0].content).set_id.root.rpartition(".")[2])
    second = submission(letter(set_number=family, version=2, parent=parent), replaces=uuid)
    bench.gateway.submit(context(), second)
    with pytest.raises(Rejected) as caught:
        third = letter(set_number=family, version=3, parent=parent)
        bench.gateway.submit(context(), submission(third, replaces=uuid))
    assert caught.value.kind is RejectionKind.DATA


def test_the_same_identifier_is_registered_once(bench: Bench) -> None:
    content = letter()
    bench.gateway.submit(context(), submission(content))
    with pytest.raises(Rejected) as caught:
        bench.gateway.submit(context(), submission(content))
    assert (caught.value.code, caught.value.kind) == (
        codes.ERROR_DUPLICATE_UNIQUE_ID,
        RejectionKind.DUPLICATE,
    )


def test_a_patient_without_dmp_is_refused(bench: Bench) -> None:
    content = letter().replace(b"279035121518989", b"180032B02040123")
    with pytest.raises(Rejected) as caught:
        bench.gateway.submit(context(), submission(content))
    assert caught.value.kind is RejectionKind.PATIENT


def test_a_structure_that_is_not_ours_is_refused(bench: Bench) -> None:
    stranger = replace(context(), structure="1750803447")
    with pytest.raises(Rejected):
        bench.gateway.submit(stranger, submission(letter()))


def test_the_structure_deletes_its_own_document(bench: Bench) -> None:
    sent = submission(letter())
    bench.gateway.submit(context(), sent)
    entry = sent.documents[0].entry
    (uuid,) = bench.gateway.references(context(), PATIENT, entry.unique_id)
    change = {"entry_uuid": uuid, "original_status": codes.STATUS_APPROVED}
    deletion = replace(sent.lot, unique_id=f"1.2.250.1.999.1.3.{next(NUMBERS)}")
    bench.gateway.set_status(context(), deletion, new_status=codes.STATUS_DELETED, **change)
    assert bench.gateway.references(context(), PATIENT, entry.unique_id) == ()
    again = replace(sent.lot, unique_id=f"1.2.250.1.999.1.3.{next(NUMBERS)}")
    with pytest.raises(Rejected) as caught:
        bench.gateway.set_status(context(), again, new_status=codes.STATUS_DELETED, **change)
    assert caught.value.kind is RejectionKind.DATA


def test_feeding_does_not_give_the_right_to_read(bench: Bench) -> None:
    """Spec dmp 1.8: in indirect mode metadata are closed, only references are open."""
    entry = submission(letter()).documents[0].entry
    with pytest.raises(Rejected) as caught:
        bench.gateway.search(context(), DocumentCriteria(entry.patient_id))
    assert caught.value.kind is RejectionKind.RIGHTS


def test_an_identified_professional_reads_the_documents_of_a_patient_who_agreed(bench: Bench) -> None:
    """AIR simplifié: RPPS in the NameID, CONF_EXI_PGSSIS declared, individual authorisation at the DMP."""
    sent = submission(letter(), visibility=(codes.VISIBILITY_HIDDEN_PATIENT,))
    bench.gateway.submit(context(), sent)
    entry = sent.documents[0].entry
    criteria = DocumentCriteria(entry.patient_id, type_codes=(entry.type_code,))
    reader = replace(
        context(),
        mode=AuthenticationMode.AIR,
        authentication_class=AC_SMARTCARD_PKI,
        authentication_declaration=AIR_SIMPLIFIED_DECLARATION,
    )
    with pytest.raises(Rejected) as caught:
        bench.gateway.search(reader, criteria)
    assert caught.value.kind is RejectionKind.RIGHTS
    ins = (PATIENT.matricule, PATIENT.oid)
    bench.box.dmp.registry.set_authorisation(ins, reader.name_id, "valid", datetime.now(UTC))
    found = bench.gateway.search(reader, criteria)
    registered = next(one for one in found.entries if one.unique_id == entry.unique_id)
    assert registered.visibility == {codes.VISIBILITY_HIDDEN_PATIENT}
    assert registered.status == codes.STATUS_APPROVED
    assert replace(entry, entry_id="", reference_ids=()) == replace(
        registered,
        entry_id="",
        logical_id="",
        version=0,
        status="",
        repository_unique_id="",
        reference_ids=(),
    )
    documents = bench.gateway.documents(reader, PATIENT, [entry.unique_id])
    assert documents.entries[0].entry_id == registered.entry_id
    sets = bench.gateway.submission_sets(reader, SetCriteria(entry.patient_id))
    lot = next(one for one in sets if one.unique_id == sent.lot.unique_id)
    links = bench.gateway.associations(reader, PATIENT, [lot.entry_id])
    assert registered.entry_id in {link.target for link in links}


def test_an_answer_that_comes_twice_is_never_taken_for_that_of_another_request(bench: Bench) -> None:
    known = submission(letter())
    bench.box.dmp.faults.add("answer_twice", times=1)
    bench.gateway.submit(context(), known)
    # The next call may meet the second copy, and says so; from then on the line is a new one.
    with contextlib.suppress(Unavailable):
        assert bench.gateway.references(context(), PATIENT, "1.2.250.1.999.1.1.999999") == ()
    assert bench.gateway.references(context(), PATIENT, "1.2.250.1.999.1.1.999999") == ()
    assert len(bench.gateway.references(context(), PATIENT, known.documents[0].entry.unique_id)) == 1


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ("accepted_then_drop", Uncertain),
        ("reset", Uncertain),
        ("malformed", Uncertain),
        ("xxe", Uncertain),
        ("http:503", Unavailable),
        ("fault:DMPInvalidCertificate", Rejected),
        ("registry:XDSRepositoryBusy", Unavailable),
    ],
)
def test_a_service_that_misbehaves_has_a_name(bench: Bench, effect: str, error: type[Exception]) -> None:
    bench.box.dmp.faults.add(effect, times=1)
    sent = submission(letter())
    with pytest.raises(error):
        bench.gateway.submit(context(), sent)
    known = bench.gateway.references(context(), PATIENT, sent.documents[0].entry.unique_id)
    assert bool(known) == (effect == "accepted_then_drop")
