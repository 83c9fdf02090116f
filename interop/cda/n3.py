"""Documents with a structured body, N3 (cda.md 6.2, 6.3, 7.1)."""

from zoneinfo import ZoneInfo

from interop.cda.codes import INPATIENT, LETTRE_DE_LIAISON_SORTIE, TEMPLATE_LDL_SES
from interop.cda.context import BodyContext
from interop.cda.elements import add
from interop.cda.header import build_header
from interop.cda.ldl_ses.body import add_discharge_letter
from interop.cda.ldl_ses.model import DischargeLetter
from interop.cda.model import DocumentHeader
from interop.cda.sections import add_pdf_copy
from interop.xml import serialize_xml


def build_cda_n3(document: DocumentHeader, letter: DischargeLetter, pdf: bytes = b"") -> bytes:
    """Return the bytes of a lettre de liaison de sortie, LDL-SES_2022.01.

    With `pdf`, the same content as PDF/A-1 is joined as FR-Document-PDF-copie. The same arguments
    always give the same bytes: identifiers of parts derive from that of the document.

    Raises:
        ValueError: a header whose type or main act is not that of the model.
    """
    _check_header(document)
    root = build_header(document, (TEMPLATE_LDL_SES,))
    context = BodyContext(document.id, ZoneInfo(document.time_zone))
    body = add(add(root, "component"), "structuredBody")
    add_discharge_letter(body, context, letter)
    if pdf:
        add_pdf_copy(body, context, pdf)
    return serialize_xml(root)


def _check_header(document: DocumentHeader) -> None:
    main = document.acts[0]
    if document.type.code != LETTRE_DE_LIAISON_SORTIE.code:
        raise ValueError("an LDL-SES has the type of a lettre de liaison de sortie")
    if main.code is None or main.code.code != INPATIENT.code or main.end is None:
        raise ValueError("the main act of an LDL-SES is the stay, from admission to discharge")
