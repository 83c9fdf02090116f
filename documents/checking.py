"""Checks of what was produced, before it may be validated (design 2, step 3).

Fast and structural, on the bytes themselves (`interop.cda.check` for what the CI-SIS asks of a
producer): the Schematrons and Preflight run in the conformance tests.
"""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from typing import Any

import pypdf
from lxml import etree
from pypdf.errors import PyPdfError

from documents.rendering import Renderings
from interop.cda.check import check_document
from interop.cda.codes import HL7_V3
from interop.cda.value_sets import healthcare_facility_types, practice_settings
from interop.ins.codes import INS_OIDS
from interop.xml import DOCUMENT_LIMITS, XmlRefused, parse_xml

NAMESPACES = {"c": HL7_V3}
FINESS_LENGTH = 9


def lacking_facts(snapshot: dict[str, Any]) -> list[str]:
    """What a document cannot be written without and the writer cannot type, in French words.

    Sources: spec cda 2 to 5 (recordTarget, author, healthCareFacility, custodian are required).
    """
    patient, author, site, unit = (snapshot[part] for part in ("patient", "author", "site", "unit"))
    checks = {
        "l’IPP du patient": patient["ipp"] and patient["ipp_oid"],
        "la date de naissance du patient": patient["birth_date"],
        "le sexe du patient": patient["sex"],
        "le RPPS de l’auteur": author["rpps"],
        "la profession de l’auteur": author["profession"],
        "le FINESS du site": len(site.get("finess", "")) == FINESS_LENGTH,
        "le secteur d’activité du site": site.get("sector") in healthcare_facility_types(),
        "le cadre d’exercice de l’unité": unit["practice_setting"] in practice_settings(),
    }
    return [what for what, is_known in checks.items() if not is_known]


def findings_of(
    snapshot: dict[str, Any], renderings: Renderings, *, allowed_ins_oids: frozenset[str] = INS_OIDS
) -> list[str]:
    """French sentences, empty when the PDF and the CDA are fit to leave.

    `allowed_ins_oids` is what this installation may emit: no test matricule in production.
    """
    conformity = check_document(renderings.cda, allowed_ins_oids=allowed_ins_oids)
    return [
        *_pdf_findings(renderings.pdf),
        *_cda_findings(snapshot, renderings),
        *(f"{finding.text} ({finding.location})" for finding in conformity),
    ]


def _pdf_findings(pdf: bytes) -> list[str]:
    if not pdf.startswith(b"%PDF-1.4"):
        return ["le PDF n’est pas de version 1.4, celle du PDF/A-1"]
    try:
        reader = pypdf.PdfReader(BytesIO(pdf), strict=True)
        if reader.is_encrypted or not len(reader.pages):
            return ["le PDF est chiffré ou vide"]
    except PyPdfError:
        return ["le PDF est illisible"]
    return []


def _cda_findings(snapshot: dict[str, Any], renderings: Renderings) -> list[str]:
    """The CDA says what the snapshot says: identifiers, INS, body (SC.CDA/DD.02, INS/va1.53)."""
    try:
        root = parse_xml(renderings.cda, limits=DOCUMENT_LIMITS)
    except XmlRefused as error:
        return [f"le CDA est illisible ({error.code})"]
    document, patient = snapshot["document"], snapshot["patient"]
    expected_ins = [patient["ins"]] if patient["ins"] else []
    checks = {
        "l’identifiant du CDA": _values(root, "c:id/@root") == [document["unique_id"]],
        "le setId du CDA": _values(root, "c:setId/@root") == [document["set_id"]],
        "la version du CDA": _values(root, "c:versionNumber/@value") == [str(document["number"])],
        "le type du CDA": _values(root, "c:code/@code") == [document["type_code"]],
        "le document remplacé": _values(root, "c:relatedDocument/c:parentDocument/c:id/@root")
        == ([document["replaces"]] if document["replaces"] else []),
        "le matricule INS du CDA": _ins_of(root) == expected_ins,
        "le PDF dans le CDA": _body_of(root) == renderings.pdf,
    }
    return [f"{what} ne correspond pas à la saisie" for what, is_right in checks.items() if not is_right]


def _values(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path, namespaces=NAMESPACES)
    return [str(value) for value in found] if isinstance(found, list) else []


def _ins_of(root: etree._Element) -> list[str]:
    ids = root.iterfind("c:recordTarget/c:patientRole/c:id", NAMESPACES)
    return [str(found.get("extension")) for found in ids if found.get("root") in INS_OIDS]


def _body_of(root: etree._Element) -> bytes:
    body = root.findtext("c:component/c:nonXMLBody/c:text", namespaces=NAMESPACES)
    return b64decode(body or "")
