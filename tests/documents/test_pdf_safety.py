"""The PDF of a received document: what acts is refused, what our library cannot read is not (security 20)."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject, TextStringObject

from documents.pdf_safety import PdfFault, PdfRefused, check_pdf_passive
from sandbox.mail.pdf import text_pdf

GOOD = text_pdf("Compte rendu", ["Une ligne."])


def held(**entries: object) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in entries.items()})


def action(kind: str = "/JavaScript") -> DictionaryObject:
    return held(S=NameObject(kind))


def written(writer: PdfWriter) -> bytes:
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


def with_root(**entries: object) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    writer.root_object.update(held(**entries))
    return written(writer)


def with_annotation(**entries: object) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    writer.pages[0][NameObject("/Annots")] = ArrayObject([held(**entries)])
    return written(writer)


def behind_a_reference() -> bytes:
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    kind = writer._add_object(NameObject("/Launch"))
    writer.root_object.update(held(OpenAction=writer._add_object(held(S=kind))))
    return written(writer)


def bookmarks(*, ring: bool) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    first = held(Title=TextStringObject("1"))
    if not ring:
        first.update(held(A=action("/Launch")))
    reference = writer._add_object(first)
    first.update(held(Next=reference))
    writer.root_object.update(held(Outlines=held(First=reference)))
    return written(writer)


ACTIVE = {
    "script at the opening": lambda: with_root(OpenAction=action()),
    "program at the closing": lambda: with_root(AA=held(WC=action("/Launch"))),
    "script by its name": lambda: with_root(Names=held(JavaScript=held())),
    "form that computes": lambda: with_root(AcroForm=held(XFA=NullObject())),
    "after a harmless one": lambda: with_root(
        OpenAction=held(S=NameObject("/GoTo"), Next=action("/SubmitForm"))
    ),
    "under a link": lambda: with_annotation(A=action("/Launch")),
    "rich media": lambda: with_annotation(Subtype=NameObject("/RichMedia")),
    "behind a reference": behind_a_reference,
    "in a bookmark": lambda: bookmarks(ring=False),
    "bookmarks in a ring": lambda: bookmarks(ring=True),
    "spelt otherwise, in a damaged file": lambda: b"%PDF-1.4\n1 0 obj << /S /Java#53cript >> endobj\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVE)
def test_a_pdf_that_runs_something_is_refused(name: str) -> None:
    with pytest.raises(PdfRefused) as caught:
        check_pdf_passive(ACTIVE[name]())
    assert caught.value.code == PdfFault.ACTIVE


def test_a_pdf_that_nobody_opens_without_a_password_is_refused() -> None:
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    writer.encrypt("secret", algorithm="AES-256")
    with pytest.raises(PdfRefused) as caught:
        check_pdf_passive(written(writer))
    assert caught.value.code == PdfFault.ENCRYPTED


def unlocked(**entries: object) -> bytes:
    """Encrypted, and opened by every viewer without asking."""
    writer = PdfWriter(clone_from=BytesIO(GOOD))
    writer.root_object.update(held(**entries))
    writer.encrypt("", "owner", algorithm="AES-256")
    return written(writer)


def test_an_encryption_that_hides_nothing_is_looked_through() -> None:
    check_pdf_passive(unlocked())
    with pytest.raises(PdfRefused):
        check_pdf_passive(unlocked(OpenAction=action()))


@pytest.mark.parametrize(
    "content",
    [GOOD, b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n", with_root(OpenAction=held(S=NameObject("/GoTo")))],
)
def test_a_document_of_care_is_not_refused_for_what_only_our_library_minds(content: bytes) -> None:
    check_pdf_passive(content)
