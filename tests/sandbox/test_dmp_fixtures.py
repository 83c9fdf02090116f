"""Patients A to H: documents of other structures, valid as if they had been submitted."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from interop.cda.check import check_document
from interop.cda.parse import parse_cda
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import matricule_fault
from interop.xds import codes as xds
from sandbox.dmp.cda import read_header, read_pdf
from sandbox.dmp.checks import document_problems, entry_problems, lot_problems
from sandbox.dmp.ebxml import read_object, write_object
from sandbox.dmp.fixtures.plan import HOMONYM, people
from sandbox.dmp.records import Document
from sandbox.dmp.registry import Registry
from sandbox.dmp.vihf import Role, Vihf
from sandbox.documents.people import WRITERS
from sandbox.runtime import Sandbox, SandboxSettings
from tests.interop.cda.official import check_cda, needs_official_data

A, D, E, F, H = (
    ("279035121518989", INS_NIR_TEST_OID),
    ("277076322082910", INS_NIR_TEST_OID),
    ("109076322083489", INS_NIR_TEST_OID),
    ("275126322074974", INS_NIR_TEST_OID),
    ("236066322083656", INS_NIR_TEST_OID),
)
G = (HOMONYM.matricule, HOMONYM.oid)


@pytest.fixture(scope="module")
def state(prepared_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(prepared_state, tmp_path_factory.mktemp("fixtures") / "state")


@pytest.fixture(scope="module")
def demonstration(state: Path) -> Iterator[Sandbox]:
    """A sandbox at its first start, with its documents; read by the tests, changed by none."""
    with Sandbox(SandboxSettings(state=state, with_documents=True)) as box:
        yield box


@pytest.fixture
def registry(demonstration: Sandbox) -> Registry:
    return demonstration.dmp.registry


def current(registry: Registry, ins: tuple[str, str]) -> list[Document]:
    return [document for document in registry.documents(ins) if not document.is_signature]


def test_patient_a_has_what_a_demonstration_needs(registry: Registry) -> None:
    documents = current(registry, A)
    assert len(documents) == 25
    statuses = Counter(document.status for document in documents)
    assert statuses == {xds.STATUS_APPROVED: 22, xds.STATUS_DEPRECATED: 2, xds.STATUS_ARCHIVED: 1}
    codes = Counter(code for document in documents for code in document.confidentiality)
    assert (codes[xds.VISIBILITY_HIDDEN_PATIENT], codes[xds.VISIBILITY_MASKED]) == (2, 1)
    chain = [document for document in documents if document.set_id.endswith(".2.11")]
    assert [document.set_version for document in chain] == [1, 2, 3]
    classes = {document.metadata.code(xds.SCHEME_CLASS_CODE).code for document in documents}  # type: ignore[union-attr]
    assert "90" in classes
    assert not {document.structure for document in documents} & {"1990000101", "1990000200", "1990000010"}


def test_the_history_of_vaccinations_is_older_than_two_years_and_the_images_have_a_reference(
    registry: Registry,
) -> None:
    by_type = {
        document.metadata.code(xds.SCHEME_TYPE_CODE).code: document  # type: ignore[union-attr]
        for document in current(registry, A)
    }
    limit = (datetime.now(UTC) - timedelta(days=730)).strftime("%Y%m%d%H%M%S")
    assert by_type["11369-6"].metadata.slot(xds.SLOT_SERVICE_START) < limit
    references = by_type["18748-4"].metadata.slots[xds.SLOT_REFERENCE_ID_LIST]
    assert [value.rpartition("^")[2] for value in references] == [
        xds.REFERENCE_ACCESSION,
        xds.REFERENCE_STUDY,
    ]


def test_the_other_patients_are_those_of_the_plan(registry: Registry) -> None:
    assert len(current(registry, H)) == 600
    assert len(current(registry, G)) == 3
    assert registry.authorisation(D, "899700900022", datetime.now(UTC)) == "blocked"
    assert registry.authorisation(D, "899700900014", datetime.now(UTC)) == "none"
    hidden = [
        xds.VISIBILITY_HIDDEN_GUARDIANS in document.confidentiality for document in current(registry, E)
    ]
    assert hidden.count(True) == 2
    person = registry.patient(F)
    assert person is not None and person.opposes_break_glass
    homonym, patient = registry.patient(G), registry.patient(A)
    assert homonym is not None and patient is not None
    assert (homonym.family, homonym.given) == (patient.family, patient.given)
    assert matricule_fault(homonym.matricule) is None


def test_no_document_would_be_refused_by_the_registry(registry: Registry) -> None:
    """Metadata against the rules of TD2.1, and against the header of the document itself."""
    for ins in (A, D, E, F, G):
        for document in current(registry, ins):
            if not document.structure:
                continue  # deposited by the patient: another path than TD2.1
            token = asking_as(document)
            header = read_header(registry.content(document))
            problems = [*entry_problems(document.metadata, token)]
            problems += document_problems(document.metadata, header, token)
            lot = registry.lot(document.lot_uuid)
            assert lot is not None
            problems += lot_problems(lot.metadata, token, datetime.now(UTC))
            assert problems == [], document.unique_id


def asking_as(document: Document) -> Vihf:
    return Vihf(
        "_1", "INDIRECTE", document.actor, "x", document.structure, "SA01", (Role("10", "1"),), "normal",
        *document.ins, False, "DPI 1",
    )  # fmt: skip


def test_the_product_reads_each_document_as_a_document_of_the_patient(registry: Registry) -> None:
    for ins in (A, D, E, F, G):
        for document in current(registry, ins):
            content = registry.content(document)
            parsed = parse_cda(content)
            assert parsed.id.root == document.unique_id
            assert parsed.patient.ins is not None and parsed.patient.ins.matricule == ins[0]
            # What only a producer of ours is held to: a person as author, a PDF that is PDF/A.
            assert check_document(content) == () or not document.structure, document.unique_id


def test_every_pdf_is_one_that_a_reader_opens(registry: Registry) -> None:
    found = [read_pdf(registry.content(document)) for document in current(registry, A)]
    pdfs = [pdf for pdf in found if pdf is not None]
    assert len(pdfs) == 24  # and one plain text
    assert all(pdf.startswith(b"%PDF-1.4") and pdf.endswith(b"%%EOF\n") for pdf in pdfs)
    for pdf in pdfs:
        start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
        assert pdf[start : start + 4] == b"xref"


@needs_official_data
def test_a_sample_conforms_to_the_national_checker(registry: Registry, tmp_path: Path) -> None:
    """Level 1 and level 3, of a professional and of the patient, with the schematrons of the ANS."""
    wanted = ("1", "13", "16", "21", "35", "63", "73")
    files = []
    for ins in (A, E, F, G):
        for document in current(registry, ins):
            if document.unique_id.rpartition(".")[2] in wanted:
                files.append(tmp_path / f"{document.unique_id}.xml")
                files[-1].write_bytes(registry.content(document))
    assert len(files) == len(wanted)
    assert check_cda(*files) == ""


def test_writers_have_right_keys() -> None:
    for writer in WRITERS.values():
        assert luhn(writer.idnat[1:]), writer.idnat
        assert luhn(writer.organisation.idnat[1:]), writer.organisation.idnat


def luhn(digits: str) -> bool:
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def test_what_the_registry_returns_of_them_is_read_back_equal(registry: Registry) -> None:
    for document in current(registry, A):
        read = read_object(write_object(document.metadata.xml, document.registered))
        assert read.slots.items() >= document.metadata.slots.items()
        assert read.unique_id == document.unique_id


def test_a_second_start_adds_nothing_and_keeps_identifiers(prepared_state: Path, tmp_path: Path) -> None:
    own = shutil.copytree(prepared_state, tmp_path / "own")
    settings = SandboxSettings(state=own, with_documents=True)
    with Sandbox(settings) as box:
        first = {document.unique_id: document.entry_uuid for document in current(box.dmp.registry, A)}
    with Sandbox(settings) as box:
        assert {d.unique_id: d.entry_uuid for d in current(box.dmp.registry, A)} == first


def test_a_load_that_was_interrupted_goes_on(prepared_state: Path, tmp_path: Path) -> None:
    own = shutil.copytree(prepared_state, tmp_path / "own")
    settings = SandboxSettings(state=own, with_documents=True)
    with Sandbox(settings):
        pass
    journal = own / "dmp" / "dmp.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:100]) + lines[100][:50])
    with Sandbox(settings) as box:
        assert len(current(box.dmp.registry, A)) == 25
        assert len(current(box.dmp.registry, H)) == 600


def test_without_the_demonstration_the_dmp_is_empty(box: Sandbox) -> None:
    for person in people().values():
        assert box.dmp.registry.documents((person.matricule, person.oid)) == ()
