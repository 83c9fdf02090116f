"""Hostile and odd archives: refused with a code that names what and where (security.md 10.4, 20)."""

from __future__ import annotations

import re
import struct
import tracemalloc
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.cda.datatypes import Id
from interop.xdm.codes import XdmAction
from interop.xdm.container import ARCHIVE_LIMITS, ArchiveLimits
from interop.xdm.errors import XdmRefusal, XdmRefused
from interop.xdm.opening import open_xdm
from interop.xds import codes as xds
from interop.xds.iti41 import content_hash
from tests.interop.cda.samples import IPP_ROOT, PROVISIONAL, QUALIFIED
from tests.interop.xdm.samples import DOCUMENT, METADATA, archive, cda, changed, files_of, zipped


def refusal(data: bytes, limits: ArchiveLimits = ARCHIVE_LIMITS) -> tuple[XdmRefusal, str]:
    with pytest.raises(XdmRefused) as caught:
        open_xdm(data, limits=limits)
    assert caught.value.text
    return caught.value.code, caught.value.place


def with_entry(name: str | zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    return zipped([*files_of(archive()).items(), (name, content)])


def linked(mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("IHE_XDM/LINK")
    info.external_attr = mode << 16
    return info


def raw_name(name: bytes) -> bytes:
    """Our archive where an entry has this very name, which the library would never write."""
    data = with_entry("N" * len(name))
    return data.replace(b"N" * len(name), name)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", XdmRefusal.NOT_ZIP),
        (b"%PDF-1.4", XdmRefusal.NOT_ZIP),
        (archive()[:-10], XdmRefusal.NOT_ZIP),
        (b"PK\x05\x06" + b"\x00" * 18, XdmRefusal.NO_METADATA),
        (archive()[:1000] + archive()[2000:], XdmRefusal.DAMAGED),
        (zipped({"README.TXT": b"x"}), XdmRefusal.NO_METADATA),
        (zipped({"METADATA.XML": b"<a/>"}), XdmRefusal.NO_METADATA),
    ],
)
def test_what_is_no_archive_of_documents_is_refused(data: bytes, code: XdmRefusal) -> None:
    assert refusal(data)[0] == code


@pytest.mark.parametrize(
    "name",
    [
        b"../../etc/passwd",
        b"IHE_XDM/../../x",
        b"/etc/passwd",
        b"IHE_XDM//x",
        b"C:\\windows\\x",
        b"c:/windows/x",
        b"IHE_XDM\\x",
        b"IHE_XDM/a\x00.exe",
        b"IHE_XDM/\x1b[31m",
        b"IHE_XDM/./x",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_shown_without_its_odd_characters(name: bytes) -> None:
    code, place = refusal(raw_name(name))
    assert code == XdmRefusal.NAME
    assert place.isprintable() and place


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644, 0o140755])
def test_a_link_or_a_device_is_refused(mode: int) -> None:
    assert refusal(with_entry(linked(mode), b"/etc/passwd")) == (XdmRefusal.LINK, "IHE_XDM/LINK")


@pytest.mark.parametrize("name", ["IHE_XDM/SUBSET01/DOC00001.XML", "ihe_xdm/subset01/doc00001.xml"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused_whatever_their_case(name: str) -> None:
    assert refusal(with_entry(name))[0] == XdmRefusal.DUPLICATE_NAME


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(archive())
    place = data.rindex(b"PK\x01\x02")
    data[place + 8] |= 1
    assert refusal(bytes(data)) == (XdmRefusal.ENCRYPTED, DOCUMENT)


def test_another_compression_is_refused() -> None:
    data = bytearray(archive())
    place = data.rindex(b"PK\x01\x02")
    struct.pack_into("<H", data, place + 10, zipfile.ZIP_LZMA)
    assert refusal(bytes(data)) == (XdmRefusal.METHOD, DOCUMENT)


def test_an_archive_inside_is_refused_by_its_name_and_by_its_bytes() -> None:
    assert refusal(with_entry("IHE_XDM/inner.zip"))[0] == XdmRefusal.NESTED_ARCHIVE
    files = files_of(archive()) | {DOCUMENT: archive()}
    assert refusal(zipped(files)) == (XdmRefusal.NESTED_ARCHIVE, DOCUMENT)


def test_sizes_and_counts_are_bounded() -> None:
    assert refusal(archive(), ArchiveLimits(max_bytes=100))[0] == XdmRefusal.TOO_LARGE
    assert refusal(archive(), ArchiveLimits(max_entries=3))[0] == XdmRefusal.TOO_MANY_ENTRIES
    assert refusal(archive(), ArchiveLimits(max_entry_bytes=500)) == (XdmRefusal.ENTRY_TOO_LARGE, METADATA)
    assert refusal(archive(), ArchiveLimits(max_total_bytes=500)) == (XdmRefusal.TOTAL_TOO_LARGE, METADATA)


def test_a_bomb_is_stopped_while_it_inflates_and_not_by_what_its_header_says() -> None:
    bomb = zipped(files_of(archive()) | {DOCUMENT: b"<" * (60 * 2**20)})
    lying = bytearray(bomb)
    struct.pack_into("<I", lying, lying.rindex(b"PK\x01\x02") + 24, 10)
    tracemalloc.start()
    try:
        assert refusal(bomb) == (XdmRefusal.RATIO, DOCUMENT)
        code, place = refusal(bytes(lying))
        assert place == DOCUMENT and code in {XdmRefusal.RATIO, XdmRefusal.DAMAGED, XdmRefusal.SIZE}
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_wide_directory_is_refused_before_the_library_believes_it() -> None:
    """ZIP64 counts entries apart: the ordinary count may say one while it says a million."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"a"
    directory = entry * 20_000
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 20_000, 20_000, len(directory), 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    data = directory + wide + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), 0, 0)
    tracemalloc.start()
    try:
        assert refusal(data)[0] == XdmRefusal.METHOD
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_directory_of_countless_entries_makes_no_object_of_each() -> None:
    many = zipped([(f"f{number}", b"") for number in range(20_000)])
    lying = bytearray(many)
    end = lying.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", lying, end + 8, 1, 1)
    false_count = bytes(lying)
    tracemalloc.start()
    try:
        assert refusal(many)[0] == XdmRefusal.TOO_MANY_ENTRIES
        assert refusal(false_count)[0] == XdmRefusal.TOO_MANY_ENTRIES
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_an_entry_that_does_not_inflate_is_damaged() -> None:
    data = bytearray(archive())
    place = data.index(b"DOC00001.XML") + 40
    data[place : place + 20] = b"\xff" * 20
    assert refusal(bytes(data)) == (XdmRefusal.DAMAGED, DOCUMENT)


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        (b"not xml", XdmRefusal.METADATA),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', XdmRefusal.METADATA),
        (b"<a/>", XdmRefusal.METADATA),
        (b'<RegistryObjectList xmlns="%s"/>' % xds.NS_RIM.encode(), XdmRefusal.NO_DOCUMENT),
    ],
)
def test_metadata_that_cannot_be_read_is_refused(metadata: bytes, code: XdmRefusal) -> None:
    assert refusal(zipped(files_of(archive()) | {METADATA: metadata}))[0] == code


def test_the_line_of_a_doctype_is_named() -> None:
    metadata = b'\n\n<!DOCTYPE a SYSTEM "x"><a/>'
    code, place = refusal(zipped(files_of(archive()) | {METADATA: metadata}))
    assert (code, place) == (XdmRefusal.METADATA, f"{METADATA}, ligne 3")


@pytest.mark.parametrize(
    "uri", [b"DOC00002.XML", b"../SUBSET02/DOC00001.XML", b"/etc/passwd", b"", b"../../README.TXT"]
)
def test_a_document_is_read_only_under_its_uri_in_its_own_subset(uri: bytes) -> None:
    data = changed(metadata=(b">DOC00001.XML<", b">" + uri + b"<"))
    assert refusal(data)[0] == XdmRefusal.FILE_MISSING


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"document": (b"Lettre de liaison", b"Lettre de liaizon")}, XdmRefusal.HASH),
        ({"document": (b"Lettre de liaison", b"Lettre")}, XdmRefusal.SIZE),
        ({"metadata": (b".1.41", b".1.99")}, XdmRefusal.OTHER_ID),
        ({"metadata": (b"279035121518989", b"279035121518900")}, XdmRefusal.OTHER_PATIENT),
    ],
)
def test_a_document_that_is_not_what_the_metadata_says_is_refused(change, code) -> None:  # type: ignore[no-untyped-def]
    assert refusal(changed(**change)) == (code, DOCUMENT)


def test_a_file_that_is_no_cda_is_refused_with_its_line() -> None:
    content = b"<a>\n<!DOCTYPE b></a>"
    files = files_of(archive())
    size, sha1 = str(len(files[DOCUMENT])).encode(), content_hash(files[DOCUMENT]).encode()
    metadata = files[METADATA].replace(sha1, content_hash(content).encode())
    files |= {METADATA: metadata.replace(b">" + size + b"<", b">%d<" % len(content)), DOCUMENT: content}
    code, place = refusal(zipped(files))
    assert code == XdmRefusal.NOT_CDA and place.startswith(f"{DOCUMENT}, ligne")


def test_two_patients_never_travel_together() -> None:
    other = replace(PROVISIONAL, ipp=Id(IPP_ROOT, "9"))
    one, two = files_of(archive(cda(41))), files_of(archive(cda(43, patient=other)))
    second = {name.replace("SUBSET01", "SUBSET02"): content for name, content in two.items()}
    assert refusal(zipped(second | one))[0] == XdmRefusal.SEVERAL_PATIENTS


def test_a_local_identifier_that_is_the_same_does_not_hide_two_ins() -> None:
    """The metadata of both documents names the same IPP; their INS differ."""
    stranger = replace(QUALIFIED, ins=replace(QUALIFIED.ins, matricule="160012B02077713"))
    one = _named_by_ipp(files_of(archive(cda(41))))
    two = _named_by_ipp(files_of(archive(cda(43, patient=stranger))))
    second = {name.replace("SUBSET01", "SUBSET02"): content for name, content in two.items()}
    assert refusal(zipped(second | one))[0] == XdmRefusal.SEVERAL_PATIENTS


def _named_by_ipp(files: dict[str, bytes]) -> dict[str, bytes]:
    ipp = f"{QUALIFIED.ipp.extension}^^^&amp;{QUALIFIED.ipp.root}&amp;ISO^PI".encode()
    metadata = re.sub(
        rb'value="[0-9A-Z]+\^\^\^&amp;[0-9.]+&amp;ISO\^NH"', b'value="' + ipp + b'"', files[METADATA]
    )
    return files | {METADATA: metadata}


def test_further_subsets_are_read_and_case_does_not_matter() -> None:
    files = {name.lower(): content for name, content in files_of(archive(cda(41))).items()}
    more = files_of(archive(cda(43, set_id=Id("1.2.3.4"))))
    files |= {name.replace("SUBSET01", "SUBSET02"): content for name, content in more.items()}
    del files["INDEX.HTM"], files["README.TXT"]
    assert len(open_xdm(zipped(files)).documents) == 2


def test_a_pdf_or_a_style_sheet_of_the_archive_is_named_and_nothing_more() -> None:
    files = files_of(archive())
    entry = files[METADATA][files[METADATA].index(b"<ExtrinsicObject") :]
    entry = entry[: entry.index(b"</ExtrinsicObject>") + 18]
    pdf = entry.replace(b"text/xml", b"application/pdf").replace(b"DOC00001.XML", b"COPIE.PDF")
    sheet = entry.replace(b"DOC00001.XML", b"STYLE001.XSL").replace(b"11490-0", b"FEUILLE-DE-STYLE")
    files[METADATA] = files[METADATA].replace(entry, entry + pdf + sheet)
    folder = "IHE_XDM/SUBSET01"
    opened = open_xdm(zipped(files | {f"{folder}/COPIE.PDF": b"%PDF", f"{folder}/STYLE001.XSL": b"<"}))
    assert len(opened.documents) == 1
    assert [other.place for other in opened.others] == [f"{folder}/COPIE.PDF", f"{folder}/STYLE001.XSL"]


def test_metadata_without_hash_is_read_with_a_warning() -> None:
    metadata = files_of(archive())[METADATA]
    start = metadata.index(b'<Slot name="hash">')
    slot = metadata[start : metadata.index(b"</Slot>", start) + 7]
    assert open_xdm(changed(metadata=(slot, b""))).warnings == (
        f"Empreinte absente des métadonnées ({DOCUMENT})",
    )


@pytest.mark.parametrize(
    ("slot", "action"),
    [
        (("urn:asip:ci-sis:action", "D"), XdmAction.DELETE),
        (("Action", "c"), XdmAction.REPLACE),
        (("urn:x:transaction", "42"), None),
        (("urn:x:other", "D"), None),
    ],
)
def test_the_action_is_read_under_the_names_that_others_may_give_it(slot, action) -> None:  # type: ignore[no-untyped-def]
    name, value = slot
    added = f'<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>'
    data = changed(metadata=(b'<Slot name="URI">', added.encode() + b'<Slot name="URI">'))
    assert open_xdm(data).documents[0].action is action


def test_the_action_of_the_lot_is_that_of_its_documents() -> None:
    added = b'<Slot name="action"><ValueList><Value>D</Value></ValueList></Slot>'
    data = changed(metadata=(b'<Slot name="submissionTime">', added + b'<Slot name="submissionTime">'))
    assert open_xdm(data).documents[0].action is XdmAction.DELETE


def test_an_action_that_nobody_knows_is_no_first_transmission() -> None:
    data = archive(action=XdmAction.DELETE)
    files = files_of(data)
    files[METADATA] = files[METADATA].replace(b"<Value>D</Value>", b"<Value>X</Value>")
    assert refusal(zipped(files))[0] == XdmRefusal.METADATA


def test_the_status_deleted_is_a_deletion() -> None:
    added = b'<ExtrinsicObject status="%s"' % xds.STATUS_DELETED.encode()
    assert open_xdm(changed(metadata=(b"<ExtrinsicObject", added))).documents[0].action is XdmAction.DELETE


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(XdmRefused):
        open_xdm(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(place: int, value: int) -> None:
    data = bytearray(archive())
    data[place % len(data)] = value
    try:
        open_xdm(bytes(data))
    except XdmRefused as error:
        assert error.text
