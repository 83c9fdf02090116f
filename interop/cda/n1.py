"""Documents with an unstructured body, N1 (cda.md 6.1)."""

from interop.cda.codes import N1_MEDIA_TYPES, PDF_MEDIA_TYPE, TEMPLATE_N1
from interop.cda.elements import add, add_file
from interop.cda.header import build_header
from interop.cda.model import DocumentHeader
from interop.xml import serialize_xml


def build_cda_n1(document: DocumentHeader, content: bytes, media_type: str = PDF_MEDIA_TYPE) -> bytes:
    """Return the bytes of a document whose body is a file, a PDF/A-1 unless said otherwise.

    The same header and content always give the same bytes.

    Raises:
        ValueError: a media type that the CI-SIS does not allow, or no content.
    """
    if media_type not in N1_MEDIA_TYPES:
        raise ValueError(f"a CDA body cannot be {media_type}")
    if not content:
        raise ValueError("a CDA body cannot be empty")
    root = build_header(document, (TEMPLATE_N1,))
    body = add(add(root, "component"), "nonXMLBody")
    add_file(body, "text", content, media_type)
    return serialize_xml(root)
