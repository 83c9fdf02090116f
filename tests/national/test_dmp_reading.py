"""A professional reads and changes the DMP: the real adapter against the strict sandbox, over mutual TLS."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from interop.seal import Seal
from interop.vihf import codes as vihf
from interop.vihf.claims import AuthenticationMode, PatientClaim, Purpose, profession_role
from interop.xds import codes
from interop.xds.composed import Cx
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.metadata import Code, DocumentEntry, SubmissionSet
from interop.xds.nomenclature import CONTENT_TYPES
from interop.xds.times import dtm_from_instant
from national.calls import CallRecord
from national.dmp.adapter import DmpSettings, DmpSoap
from national.dmp.ports import AccessContext, Authorisation, DmpState, DocumentAddress, Existence
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.transport import TlsFiles, Transport, TransportSettings
from sandbox.runtime import Sandbox, SandboxSettings
from tests.interop.xds.samples import DOCTOR
from tests.national.dmp_bench import CONTEXT, SOFTWARE

OID = "1.2.250.1.213.1.4.10"
A = PatientClaim("279035121518989", OID)
ABSENT = PatientClaim("180032B02040123", OID)
CLOSED = PatientClaim("160012B02077713", OID)
BLOCKING = PatientClaim("277076322082910", OID)
MINOR = PatientClaim("109076322083489", OID)
OPPOSED = PatientClaim("275126322074974", OID)
HOMONYM = PatientClaim("279036322014250", OID)
MANY = PatientClaim("236066322083656", OID)
NORMAL = Code("N", codes.OID_CONFIDENTIALITY_HL7, "Normal")
NUMBERS = count(1)


@dataclass
class Bench:
    box: Sandbox
    gateway: DmpSoap
    calls: list[CallRecord]

    def told(self, effect: str, operation: str) -> None:
        self.box.dmp.faults.add(effect, operation=operation)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a sandbox after its first start: a copy of it starts at once."""
    state = tmp_path_factory.mktemp("sandbox") / "state"
    with Sandbox(SandboxSettings(state=state, with_documents=True)):
        pass
    return state


@contextmanager
def started(state: Path) -> Iterator[Bench]:
    with Sandbox(SandboxSettings(state=state, with_documents=True)) as box:
        files = box.addresses.certificates
        tls = TlsFiles(Path(files.ca), Path(files.client_cert), Path(files.client_key))
        settings = TransportSettings("Le DMP", box.addresses.dmp.base_url, tls, breaker_threshold=0)
        transport = Transport(settings)
        calls: list[CallRecord] = []
        seal = Seal.from_pem(Path(files.seal_cert).read_bytes(), Path(files.seal_key).read_bytes())
        own = DmpSettings(SOFTWARE, software_oid="1.2.250.1.999.1")
        yield Bench(box, DmpSoap(transport, seal, own, record=calls.append), calls)
        transport.close()


@pytest.fixture(scope="module")
def running(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with started(shutil.copytree(prepared, tmp_path_factory.mktemp("shared") / "state")) as bench:
        yield bench


@pytest.fixture
def bench(running: Bench) -> Iterator[Bench]:
    """The sandbox that tests share who change no document."""
    running.calls.clear()
    yield running
    running.box.dmp.faults.clear()


@pytest.fixture
def own(prepared: Path, tmp_path: Path) -> Iterator[Bench]:
    """A sandbox of its own for a test that changes documents; the doctor is authorised on A."""
    with started(shutil.copytree(prepared, tmp_path / "state")) as bench:
        bench.gateway.authorise(reader(), A)
        yield bench


def reader(**changes: object) -> AccessContext:
    """A doctor of the hospital, logged in by two factors."""
    known = replace(
        CONTEXT,
        structure="1990000101",
        authenticated_at=datetime.now(UTC),
        mode=AuthenticationMode.AIR,
        authentication_class=vihf.AC_TIME_SYNC_TOKEN,
        authentication_declaration=vihf.AIR_SIMPLIFIED_DECLARATION,
    )
    return replace(known, **changes)  # type: ignore[arg-type]  # fields of a test


def cx(patient: PatientClaim) -> Cx:
    return Cx(patient.matricule, patient.oid, codes.CX_INS)


def lot(patient: PatientClaim) -> SubmissionSet:
    return SubmissionSet(
        unique_id=f"1.2.250.1.999.1.3.{next(NUMBERS)}",
        source_id="1.2.250.1.999.1",
        patient_id=cx(patient),
        submission_time=dtm_from_instant(datetime.now(UTC)),
        authors=(DOCTOR,),
        content_type=CONTENT_TYPES["03"],
        title="Changement de visibilité",
    )


def search(bench: Bench, patient: PatientClaim, **criteria: object) -> tuple[DocumentEntry, ...]:
    wanted = DocumentCriteria(cx(patient), **criteria)  # type: ignore[arg-type]  # criteria of a test
    return bench.gateway.search(reader(), wanted).entries


@pytest.fixture
def allowed(bench: Bench) -> Bench:
    """The doctor is authorised on the DMP of A."""
    bench.gateway.authorise(reader(), A)
    return bench


# TD0.2, TD0.3


@pytest.mark.parametrize(
    ("patient", "name_id", "state", "authorisation"),
    [
        (ABSENT, "", DmpState.NONE, Authorisation.NONE),
        (CLOSED, "", DmpState.CLOSED, Authorisation.NONE),
        (BLOCKING, "", DmpState.OPEN, Authorisation.NONE),
        (BLOCKING, "899700900022", DmpState.OPEN, Authorisation.BLOCKED),
        (HOMONYM, "", DmpState.OPEN, Authorisation.NONE),
    ],
    ids=["none", "closed", "open", "blocked", "homonym"],
)
def test_the_state_of_a_dmp_is_told_with_the_authorisation_of_who_asks(
    bench: Bench, patient: PatientClaim, name_id: str, state: DmpState, authorisation: Authorisation
) -> None:
    context = reader(name_id=name_id) if name_id else reader()
    found = bench.gateway.existence(context, patient)
    assert (found.state, found.authorisation) == (state, authorisation)


def test_a_closed_dmp_says_when_and_why(bench: Bench) -> None:
    found = bench.gateway.existence(reader(), CLOSED)
    assert found == Existence(
        DmpState.CLOSED,
        Authorisation.NONE,
        closed_on="20250610",
        closing_reason="FERMETURE_DEMANDE_PATIENT",
        is_attached=False,
        raw_authorisation="INEXISTANTE",
    )


def test_an_authorisation_is_set_lasts_six_months_and_is_set_anew(bench: Bench) -> None:
    context = reader(name_id="899700900055")
    assert bench.gateway.existence(context, HOMONYM).authorisation is Authorisation.NONE
    bench.gateway.authorise(context, HOMONYM)
    bench.gateway.authorise(context, HOMONYM)
    assert bench.gateway.existence(context, HOMONYM).authorisation is Authorisation.VALID
    ins = (HOMONYM.matricule, HOMONYM.oid)
    bench.box.dmp.registry.set_authorisation(ins, context.name_id, "expired", datetime.now(UTC))
    assert bench.gateway.existence(context, HOMONYM).authorisation is Authorisation.EXPIRED
    bench.gateway.authorise(context, HOMONYM)
    assert bench.gateway.existence(context, HOMONYM).authorisation is Authorisation.VALID


@pytest.mark.parametrize(
    ("patient", "changes", "kind"),
    [
        (BLOCKING, {"name_id": "899700900022"}, RejectionKind.RIGHTS),
        (CLOSED, {}, RejectionKind.PATIENT),
        (ABSENT, {}, RejectionKind.PATIENT),
        (A, {"purpose": Purpose.BREAK_GLASS, "access_reason": "inconscient"}, RejectionKind.RIGHTS),
    ],
    ids=["blocked", "closed", "none", "bris de glace"],
)
def test_an_authorisation_may_be_refused(
    bench: Bench, patient: PatientClaim, changes: dict[str, object], kind: RejectionKind
) -> None:
    with pytest.raises(Rejected) as caught:
        bench.gateway.authorise(reader(**changes), patient)
    assert caught.value.kind is kind


# TD3.1


def test_the_documents_in_force_of_two_years_are_found(allowed: Bench) -> None:
    since = datetime.now(UTC) - timedelta(days=730)
    entries = search(allowed, A, service_start_from=since)
    assert len(entries) == 20  # 25 less two former versions, one masked, one archived, one too old
    assert {entry.status for entry in entries} == {codes.STATUS_APPROVED}
    assert all(entry.repository_unique_id and entry.hash and entry.size > 0 for entry in entries)
    assert all(entry.logical_id and entry.version and entry.received for entry in entries)
    hidden = [entry for entry in entries if codes.VISIBILITY_HIDDEN_PATIENT in entry.visibility]
    assert len(hidden) == 2


@pytest.mark.parametrize(
    ("criteria", "titles"),
    [
        ({"type_codes": (Code("11369-6", codes.OID_LOINC),)}, ["Historique des vaccinations"]),
        ({"class_codes": (Code("31", codes.OID_CLASS_CODE),)}, ["IRM du rachis lombaire"]),
        ({"author_person": ("%NOEL%",)}, ["Consultation de cardiologie"]),
        (
            {"statuses": (codes.STATUS_ARCHIVED,)},
            ["Compte rendu d'examens biologiques"],
        ),
        ({"statuses": (codes.STATUS_DEPRECATED,)}, ["Synthèse médicale"] * 2),
        (
            {"confidentiality_codes": (Code(codes.VISIBILITY_HIDDEN_PATIENT, codes.OID_VISIBILITY),)},
            [
                "Compte rendu d'anatomie et de cytologie pathologiques",
                "Compte rendu d'examens biologiques",
            ],
        ),
        (
            {"practice_settings": (Code("EXP_PATIENT", vihf.OID_ROLE_NON_PS),)},
            ["Compte rendu d'un examen fait à l'étranger"],
        ),
    ],
    ids=["type", "class", "author", "archived", "obsolete", "invisible", "patient"],
)
def test_criteria_find_what_they_say(allowed: Bench, criteria: dict[str, object], titles: list[str]) -> None:
    assert sorted(entry.title for entry in search(allowed, A, **criteria)) == titles


def test_the_documents_of_a_homonym_are_not_found(allowed: Bench) -> None:
    found = search(allowed, A)
    assert {entry.patient_id for entry in found} == {cx(A)}
    assert not {entry.unique_id for entry in found} & {f"1.2.250.1.999.9.1.{n}" for n in (71, 72, 73)}


def test_too_many_documents_ask_for_a_shorter_period(bench: Bench) -> None:
    bench.gateway.authorise(reader(), MANY)
    with pytest.raises(Rejected) as caught:
        search(bench, MANY)
    assert caught.value.code == codes.ERROR_TOO_MANY_RESULTS
    since = datetime.now(UTC) - timedelta(days=730)
    assert len(search(bench, MANY, service_start_from=since)) == 104


def test_changes_are_found_from_sets_to_documents(allowed: Bench) -> None:
    """FindSubmissionSets, GetAssociations, GetDocumentsAndAssociations: what came since a time (dmp 6.3)."""
    since = datetime.now(UTC) - timedelta(days=28)
    sets = allowed.gateway.submission_sets(reader(), SetCriteria(cx(A), submitted_from=since))
    assert sets and all(one.submission_time >= dtm_from_instant(since) for one in sets)
    links = allowed.gateway.associations(reader(), A, [one.entry_id for one in sets])
    members = [link.target for link in links if link.kind == codes.ASSOCIATION_HAS_MEMBER]
    found = allowed.gateway.documents(reader(), A, entry_uuids=members)
    assert {entry.title for entry in found.entries} >= {"IRM du rachis lombaire"}


def test_a_chain_of_replacements_is_followed(allowed: Bench) -> None:
    first, second, third = (f"1.2.250.1.999.9.1.{number}" for number in (11, 12, 13))
    found = allowed.gateway.documents(reader(), A, [second])
    (entry,) = found.entries
    assert entry.status == codes.STATUS_DEPRECATED
    replacements = [link for link in found.associations if link.kind == codes.ASSOCIATION_REPLACE]
    newer = next(link.source for link in replacements if link.target == entry.entry_id)
    older = next(link.target for link in replacements if link.source == entry.entry_id)
    ends = allowed.gateway.documents(reader(), A, entry_uuids=[newer, older]).entries
    assert {one.unique_id for one in ends} == {first, third}


@pytest.mark.parametrize(
    ("patient", "kind"),
    [(BLOCKING, RejectionKind.RIGHTS), (CLOSED, RejectionKind.PATIENT), (ABSENT, RejectionKind.PATIENT)],
)
def test_without_a_right_nothing_is_found(bench: Bench, patient: PatientClaim, kind: RejectionKind) -> None:
    with pytest.raises(Rejected) as caught:
        search(bench, patient)
    assert caught.value.kind is kind


def test_break_glass_opens_a_dmp_unless_the_patient_opposed_it(bench: Bench) -> None:
    urgent = reader(purpose=Purpose.BREAK_GLASS, access_reason="Patient inconscient, risque vital")
    found = bench.gateway.search(urgent, DocumentCriteria(cx(BLOCKING)))
    assert len(found.entries) == 3  # without the masked one
    with pytest.raises(Rejected) as caught:
        bench.gateway.search(urgent, DocumentCriteria(cx(OPPOSED)))
    assert caught.value.kind is RejectionKind.RIGHTS
    assert bench.box.dmp.journal()[-1]["purpose"] == vihf.PURPOSE_BREAK_GLASS[0]


# TD3.2


def address_of(entry: DocumentEntry) -> DocumentAddress:
    return DocumentAddress(entry.repository_unique_id, entry.unique_id)


@pytest.mark.parametrize("effect", ["", "no_start", "base64_part", "lf_only"])
def test_documents_are_read_with_the_hash_and_size_of_their_metadata(allowed: Bench, effect: str) -> None:
    entries = search(allowed, A)[:3]
    if effect:
        allowed.told(effect, "TD3.2")
    answer = allowed.gateway.retrieve(reader(), A, [address_of(entry) for entry in entries])
    assert answer.errors == ()
    for entry, document in zip(entries, answer.documents, strict=True):
        assert document.address.unique_id == entry.unique_id
        assert hashlib.sha1(document.content, usedforsecurity=False).hexdigest() == entry.hash
        assert len(document.content) == entry.size
        assert document.mime_type == entry.mime_type


def test_altered_bytes_come_as_they_are_for_the_caller_to_compare(allowed: Bench) -> None:
    entry = search(allowed, A)[0]
    allowed.told("wrong_hash", "TD3.2")
    (document,) = allowed.gateway.retrieve(reader(), A, [address_of(entry)]).documents
    assert hashlib.sha1(document.content, usedforsecurity=False).hexdigest() != entry.hash


def test_a_document_that_is_missing_is_told_beside_the_others(allowed: Bench) -> None:
    entries = search(allowed, A)[:2]
    allowed.told("partial", "TD3.2")
    answer = allowed.gateway.retrieve(reader(), A, [address_of(entry) for entry in entries])
    assert [document.address.unique_id for document in answer.documents] == [entries[0].unique_id]
    assert [error.context for error in answer.errors] == [f"uniqueId={entries[1].unique_id}"]


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ("truncate", Unavailable),
        ("bad_boundary", Unavailable),
        ("malformed", Unavailable),
        ("xxe", Unavailable),
        ("reset", Unavailable),
        ("http:503", Unavailable),
        ("fault:DMPAccessDeniedByRightsService", Rejected),
        ("blocked", Rejected),
        ("auth_expired", Rejected),
    ],
)
def test_a_repository_that_misbehaves_has_a_name(
    allowed: Bench, effect: str, error: type[NationalServiceError]
) -> None:
    entry = search(allowed, A)[0]
    allowed.told(effect, "TD3.2")
    with pytest.raises(error):
        allowed.gateway.retrieve(reader(), A, [address_of(entry)])
    assert allowed.gateway.retrieve(reader(), A, [address_of(entry)]).documents


def test_a_document_masked_by_another_is_not_read(allowed: Bench) -> None:
    masked = DocumentAddress("1.2.250.1.213.4.1.1.1.2", "1.2.250.1.999.9.1.14")
    with pytest.raises(Rejected) as caught:
        allowed.gateway.retrieve(reader(), A, [masked])
    assert caught.value.kind is RejectionKind.RIGHTS


# TD3.3


def test_a_document_is_made_visible_to_the_guardians_of_a_minor(own: Bench) -> None:
    own.gateway.authorise(reader(), MINOR)
    code = Code(codes.VISIBILITY_HIDDEN_GUARDIANS, codes.OID_VISIBILITY)
    entry = next(
        one for one in search(own, MINOR, confidentiality_codes=(code,)) if one.visibility == {code.code}
    )
    own.gateway.set_visibility(reader(), lot(MINOR), entry=entry, confidentiality=(NORMAL,))
    (after,) = own.gateway.documents(reader(), MINOR, [entry.unique_id]).entries
    assert after.visibility == frozenset()
    assert (after.logical_id, after.version) == (entry.logical_id, entry.version + 1)
    assert after.entry_id != entry.entry_id
    assert replace(after, entry_id="", version=0, confidentiality_codes=()) == replace(
        entry, entry_id="", version=0, confidentiality_codes=()
    )
    with pytest.raises(Rejected) as caught:
        own.gateway.set_visibility(reader(), lot(MINOR), entry=entry, confidentiality=(NORMAL,))
    assert caught.value.code == codes.ERROR_METADATA_VERSION
    assert [call.transaction for call in own.calls].count("TD3.3b") == 2


def test_a_change_whose_answer_is_lost_is_found_by_reading_again(own: Bench) -> None:
    code = Code(codes.VISIBILITY_HIDDEN_PATIENT, codes.OID_VISIBILITY)
    entry = search(own, A, confidentiality_codes=(code,))[0]
    own.told("accepted_then_drop", "TD3.3b")
    with pytest.raises(Uncertain):
        own.gateway.set_visibility(reader(), lot(A), entry=entry, confidentiality=(NORMAL,))
    (after,) = own.gateway.documents(reader(), A, [entry.unique_id]).entries
    assert after.visibility == frozenset()


def test_a_colleague_may_mask_a_document_that_its_author_alone_unmasks(own: Bench) -> None:
    entry = next(one for one in search(own, A) if one.title == "Ordonnance")
    masked = (
        NORMAL,
        Code(codes.VISIBILITY_MASKED, codes.OID_VISIBILITY, "Masqué aux professionnels de santé"),
    )
    own.gateway.set_visibility(reader(), lot(A), entry=entry, confidentiality=masked)
    assert own.gateway.documents(reader(), A, [entry.unique_id]).entries == ()
    assert "TD3.3a" in [call.transaction for call in own.calls]


def test_a_nurse_reads_and_makes_visible_as_the_matrices_allow(own: Bench) -> None:
    nurse = reader(
        name_id="899700900030", subject="Chloé MARTIN", roles=(profession_role("60", "Infirmier"),)
    )
    own.gateway.authorise(nurse, A)
    found = own.gateway.search(nurse, DocumentCriteria(cx(A)))
    assert found.entries
    entry = next(one for one in found.entries if codes.VISIBILITY_HIDDEN_PATIENT in one.visibility)
    author = replace(DOCTOR, person=replace(DOCTOR.person, identifier=nurse.name_id))  # type: ignore[type-var]
    own.gateway.set_visibility(
        nurse, replace(lot(A), authors=(author,)), entry=entry, confidentiality=(NORMAL,)
    )


# The tokens


def test_no_token_was_used_twice_and_each_names_the_reader(bench: Bench) -> None:
    bench.gateway.existence(reader(), A)
    bench.gateway.authorise(reader(), A)
    search(bench, A)
    seen = bench.box.dmp.journal()
    assert len({one["assertion_id"] for one in seen}) == len(seen)
    assert {one["mode"] for one in seen} == {vihf.MODE_INDIRECT_REINFORCED}
    assert all(one["actor"].startswith("8") and one["structure"] == "1990000101" for one in seen)
