"""Checks of our own documents before validation: fast, without schematron (cda.md 12.4, 13).

They hold what the national tools demand of a producer and also what these tools do not see.
Received documents are not held to them.
"""

from collections.abc import Iterator
from itertools import chain

from lxml import etree

from interop.cda.check.acts import check_acts
from interop.cda.check.body import check_body
from interop.cda.check.findings import Finding, Rule
from interop.cda.check.header import check_header
from interop.cda.check.participants import check_participants
from interop.cda.check.patient import check_patient
from interop.cda.check.values import check_values
from interop.cda.elements import CDA
from interop.ins.codes import INS_OIDS
from interop.xml import DOCUMENT_LIMITS, XmlRefused, parse_xml

__all__ = ["Finding", "Rule", "check_document"]


def check_document(data: bytes, *, allowed_ins_oids: frozenset[str] = INS_OIDS) -> tuple[Finding, ...]:
    """Return what forbids a document of ours to be validated: empty when it may be.

    `allowed_ins_oids` is what this platform may emit (`INS_ALLOWED_OIDS`, ins.md 2.1).
    """
    try:
        root = parse_xml(data, limits=DOCUMENT_LIMITS)
    except XmlRefused as refused:
        return (Finding(Rule.XML, f"ligne {refused.line}", refused.text),)
    if root.tag != f"{CDA}ClinicalDocument":
        return (Finding(Rule.XML, "/", "La racine n'est pas ClinicalDocument"),)
    return tuple(_findings(root, allowed_ins_oids))


def _findings(root: etree._Element, allowed_ins_oids: frozenset[str]) -> Iterator[Finding]:
    return chain(
        check_header(root),
        check_patient(root, allowed_ins_oids),
        check_participants(root),
        check_acts(root),
        check_values(root),
        check_body(root),
    )
