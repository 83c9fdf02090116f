"""Archives for the tests: ours, and those that a stranger may make."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

from interop.cda.datatypes import Id
from interop.cda.model import DocumentHeader, RelatedDocument
from interop.cda.n1 import build_cda_n1
from interop.cda.parse import parse_cda
from interop.xdm.build import Producer, XdmDocument, build_xdm
from interop.xds.from_cda import author_of, patient_id_of
from interop.xds.metadata import Code, SubmissionSet
from tests.interop.cda.samples import PDF, QUALIFIED, ROOT, minimal_document

PRODUCER = Producer("Hôpital d’essai", "dim@ch.test", "DPI", "0.1")
METADATA = "IHE_XDM/SUBSET01/METADATA.XML"
DOCUMENT = "IHE_XDM/SUBSET01/DOC00001.XML"


def header(**changes: Any) -> DocumentHeader:
    return replace(minimal_document(), **({"patient": QUALIFIED} | changes))


def cda(number: int = 41, **changes: Any) -> bytes:
    return build_cda_n1(header(id=Id(f"{ROOT}.1.{number}"), **changes), PDF)


def next_cda() -> bytes:
    return cda(42, version_number=2, replaces=RelatedDocument(Id(f"{ROOT}.1.41"), 1))


def lot(content: bytes, **changes: Any) -> SubmissionSet:
    parsed = parse_cda(content)
    return replace(
        SubmissionSet(
            unique_id=f"{ROOT}.3.7",
            source_id=ROOT,
            patient_id=patient_id_of(parsed.patient),
            submission_time="20260709130500",
            authors=(author_of(parsed.authors[0]),),
            content_type=Code("03", "1.2.250.1.213.2.2", "Hospitalisation complète"),
            title=parsed.title,
        ),
        **changes,
    )


def archive(*contents: bytes, **options: Any) -> bytes:
    contents = contents or (cda(),)
    documents = [XdmDocument(content, options.pop("visibility", frozenset())) for content in contents]
    return build_xdm(lot(contents[0]), documents, producer=PRODUCER, **options)


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(files: Mapping[str, bytes] | list[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    """A ZIP of anything, in this order; a list may name an entry twice."""
    buffer = BytesIO()
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in pairs:
            made.writestr(name, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def changed(**replacements: tuple[bytes, bytes]) -> bytes:
    """Our archive with a text changed in `metadata` or `document`, sizes and hashes left as they were."""
    files = files_of(archive())
    for part, (old, new) in replacements.items():
        name = {"metadata": METADATA, "document": DOCUMENT}[part]
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    return zipped(files)
