"""Files of a wanted size for the mails of the bench: a real PDF whose weight does not compress."""

from __future__ import annotations

import random
from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, NumberObject

from sandbox.mail.pdf import text_pdf

ATTACHMENT_BYTES = 300_000
_AROUND = 1_600  # what a page, its font and the catalogue weigh


def scanned_pdf(number: int, size: int = ATTACHMENT_BYTES) -> bytes:
    """A page that holds an image of random bytes, as a scan would."""
    writer = PdfWriter(clone_from=BytesIO(text_pdf("Compte rendu", [f"Document {number}"])))
    image = DecodedStreamObject()
    image.set_data(random.Random(number).randbytes(size - _AROUND))  # noqa: S311 - filler
    image.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(1),
            NameObject("/Height"): NumberObject(1),
        }
    )
    writer.pages[0]["/Resources"][NameObject("/XObject")] = writer._add_object(image)
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()
