"""Answers of INSi: the result, and the fault. Prefixes are not ours to rely on, and are not the product's."""

import uuid
from dataclasses import replace

from lxml import etree

from interop.insi import codes
from interop.insi.codes import ResultCode
from interop.soap import codes as soap
from sandbox.insi.people import Held, Known
from sandbox.insi.reading import InsiFault
from sandbox.xml import q

LABELS = {
    ResultCode.FOUND: "OK",
    ResultCode.NOBODY: "Aucune identite trouvee",
    ResultCode.SEVERAL: "Plusieurs identites trouvees",
}


def build_answer(code: ResultCode, person: Known | None) -> bytes:
    """`RESULTAT` in its envelope, without headers, as recorded answers are."""
    root = etree.Element(_r(codes.TAG_RESULT), nsmap={None: codes.NS_RESULT, "ns2": codes.NS_SEARCH})
    report = etree.SubElement(root, _r("CR"))
    _add(report, "CodeCR", code.value)
    _add(report, "LibelleCR", LABELS[code])
    if person is not None:
        _add_person(etree.SubElement(root, _r("INDIVIDU")), person)
    return _enveloped(root)


def build_fault(fault: InsiFault) -> bytes:
    """SOAP 1.2 fault: Sender, siram_100, the text for the user, `siram:Erreur` (ins.md 11.6)."""
    element = etree.Element(q(soap.NS_SOAP, "Fault"), nsmap={"env": soap.NS_SOAP, "siram": codes.NS_SIRAM})
    code = etree.SubElement(element, q(soap.NS_SOAP, "Code"))
    etree.SubElement(code, q(soap.NS_SOAP, "Value")).text = f"env:{soap.FAULT_SENDER}"
    subcode = etree.SubElement(code, q(soap.NS_SOAP, "Subcode"))
    etree.SubElement(subcode, q(soap.NS_SOAP, "Value")).text = f"siram:{codes.FAULT_SUBCODE}"
    reason = etree.SubElement(etree.SubElement(element, q(soap.NS_SOAP, "Reason")), q(soap.NS_SOAP, "Text"))
    reason.set(q(soap.NS_XML, "lang"), "fr")
    reason.text = fault.text
    detail = etree.SubElement(element, q(soap.NS_SOAP, "Detail"))
    error = etree.SubElement(detail, q(codes.NS_SIRAM, "Erreur"))
    error.set("severite", "fatale")
    error.set("code", fault.code)
    error.set("messageID", f"{codes.MESSAGE_ID_PREFIX}{uuid.uuid4()}")
    error.text = fault.text
    return _enveloped(element)


def damaged(person: Known, effect: str) -> Known:
    """The person as a fault makes the answer tell it."""
    match effect:
        case "no_key":
            return replace(person, active=replace(person.active, key=""))
        case "no_place":
            return replace(person, birth_place="")
        case "lunar":
            return replace(person, birth_date=f"{person.birth_date[:4]}-00-00")
    return person


def _add_person(individual: etree._Element, person: Known) -> None:
    _add_held(etree.SubElement(individual, _r("INSACTIF")), person.active)
    for past in person.history:
        _add_held(etree.SubElement(individual, _r("INSHISTO")), past)
    traits = etree.SubElement(individual, _r("TIQ"))
    values = {
        "NomNaissance": person.family,
        "Prenom": person.given_names.split(" ")[0] if person.says_first else "",
        "ListePrenom": person.given_names,
        "Sexe": person.sex,
        "DateNaissance": person.birth_date,
        "LieuNaissance": person.birth_place,
    }
    for name, value in values.items():
        if value:
            _add(traits, name, value)


def _add_held(element: etree._Element, held: Held) -> None:
    """A matricule; the start comes before the identifier, as recorded answers have it, not the schema."""
    if held.since:
        _add(element, "DateDeb", held.since)
    identifier = etree.SubElement(element, _r("IdIndividu"))
    _add(identifier, "NumIdentifiant", held.number)
    if held.key:
        _add(identifier, "Cle", held.key)
    _add(element, "OID", held.oid)
    if held.until:
        _add(element, "DateFin", held.until)


def _enveloped(body: etree._Element) -> bytes:
    envelope = etree.Element(q(soap.NS_SOAP, "Envelope"), nsmap={"env": soap.NS_SOAP})
    etree.SubElement(envelope, q(soap.NS_SOAP, "Body")).append(body)
    return bytes(etree.tostring(envelope, encoding="UTF-8", xml_declaration=True))


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, _r(name)).text = text


def _r(name: str) -> str:
    return q(codes.NS_RESULT, name)
