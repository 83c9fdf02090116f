"""IHE_XDM.zip as we write it."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from interop.cda.datatypes import Id
from interop.cda.parse import parse_cda
from interop.xdm.build import XdmDocument, build_xdm, entry_uuid_of
from interop.xdm.codes import ACTION_SLOT, XdmAction
from interop.xdm.opening import open_xdm
from interop.xds import codes as xds
from interop.xds.ebrim import parse_object_list
from interop.xds.from_cda import entry_from_cda
from interop.xds.metadata import MetadataError
from interop.xml import canonical_xml, parse_xml
from tests.interop.hl7v2.official import GOLDEN as HL7_GOLDEN
from tests.interop.xdm.samples import DOCUMENT, METADATA, PRODUCER, archive, cda, files_of, lot, next_cda
from tests.shared import ABSENT, SHARED

GOLDEN = HL7_GOLDEN.parent / "xdm"
EXAMPLES = SHARED / "cisis" / "examples"


def test_the_layout_is_that_of_the_volet() -> None:
    assert list(files_of(archive())) == ["INDEX.HTM", "README.TXT", METADATA, DOCUMENT]
    with zipfile.ZipFile(BytesIO(archive())) as opened:
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_DEFLATED}
        assert not any(info.flag_bits & 1 for info in opened.infolist())


def test_the_same_documents_give_the_same_bytes() -> None:
    assert archive() == archive()


@pytest.mark.parametrize("name", ["initial", "replace", "delete"])
def test_the_metadata_is_that_of_the_golden_file(name: str) -> None:
    content = next_cda() if name == "replace" else cda()
    action = {"initial": None, "replace": XdmAction.REPLACE, "delete": XdmAction.DELETE}[name]
    metadata = files_of(archive(content, action=action))[METADATA]
    golden = (GOLDEN / f"metadata_{name}.xml").read_bytes()
    assert canonical_xml(parse_xml(metadata)) == canonical_xml(parse_xml(golden))


def test_a_replacement_names_the_entry_of_the_former_mail() -> None:
    first = files_of(archive(cda(41)))[METADATA]
    second = files_of(archive(next_cda(), action=XdmAction.REPLACE))[METADATA]
    former = _objects(first).entries[0].entry_id
    relations = [item for item in _objects(second).associations if item.kind == xds.ASSOCIATION_REPLACE]
    assert [(item.source, item.target) for item in relations] == [
        (_objects(second).entries[0].entry_id, former)
    ]
    assert former == entry_uuid_of(_objects(first).entries[0].unique_id)


def _objects(metadata: bytes):  # type: ignore[no-untyped-def]
    return parse_object_list(parse_xml(metadata)[0])


@pytest.mark.parametrize("action", [None, *XdmAction])
def test_what_is_written_is_read_back(action: XdmAction | None) -> None:
    content = next_cda() if action is XdmAction.REPLACE else cda()
    opened = open_xdm(archive(content, action=action, visibility=frozenset({"INVISIBLE_PATIENT"})))
    (document,) = opened.documents
    assert (document.content, document.action, document.place) == (content, action, DOCUMENT)
    assert document.cda == parse_cda(content)
    assert document.entry.visibility == {"INVISIBLE_PATIENT"}
    assert (document.entry.size, document.entry.uri) == (len(content), "DOC00001.XML")
    assert opened.lots[0].unique_id == lot(content).unique_id
    assert opened.warnings == opened.others == ()


def test_several_documents_of_one_patient_make_one_archive() -> None:
    opened = open_xdm(archive(cda(41), cda(43, set_id=Id("1.2.250.1.999.1.2.43"))))
    assert [document.place[-12:] for document in opened.documents] == ["DOC00001.XML", "DOC00002.XML"]


@pytest.mark.parametrize("contents", [[], [cda(), cda()]])
def test_an_archive_holds_documents_and_each_once(contents: list[bytes]) -> None:
    with pytest.raises(MetadataError):
        build_xdm(lot(cda()), [XdmDocument(content) for content in contents], producer=PRODUCER)


def test_the_start_page_runs_nothing_and_links_to_the_files_alone() -> None:
    page = files_of(archive())["INDEX.HTM"].decode()
    assert "<script" not in page and "http" not in page
    assert f'href="{DOCUMENT}"' in page and 'href="README.TXT"' in page
    assert "Version 0.1" not in page
    assert "version 0.1" in files_of(archive())["README.TXT"].decode()


def test_the_name_of_the_action_slot_is_a_setting() -> None:
    data = archive(action=XdmAction.DELETE, action_slot="urn:autre")
    assert b'name="urn:autre"' in files_of(data)[METADATA] and ACTION_SLOT.encode() not in data
    assert open_xdm(data, action_slot="urn:autre").documents[0].action is XdmAction.DELETE


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason=ABSENT)
def test_every_official_document_travels() -> None:
    for path in sorted(EXAMPLES.glob("*.xml")):
        content = path.read_bytes()
        parsed = parse_cda(content)
        entry = entry_from_cda(parsed, content)
        data = build_xdm(lot(content, patient_id=entry.patient_id), [XdmDocument(content)], producer=PRODUCER)
        assert open_xdm(data).documents[0].content == content, path.name
