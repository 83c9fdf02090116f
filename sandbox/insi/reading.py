"""A request to INSi read as the real service reads it: certificate, headers, body, each refusal a SOAP fault.

Sources: ins.md 4.1 (profile), 11.2 (order of the body), 11.4 (contexts), 11.5 (certificate), 11.6 (faults);
XSD of the contexts. Only desir_550, desir_560 and siram_100 are published codes: where the real code is not
known, the one given here says `bac_a_sable`.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree

from interop.insi import codes
from interop.soap import codes as soap
from sandbox.serving import Request
from sandbox.xml import XmlError, children, parse, q, text_of

SOFTWARE_AUTHORISATION: Final = "BACASABLE0001"
"""The one number of authorisation that this stand-in knows."""
ENVELOPE_REFUSED: Final = "siram_bac_a_sable_enveloppe"
CONTEXT_REFUSED: Final = "siram_bac_a_sable_contexte"
TRAITS_REFUSED: Final = "insi_bac_a_sable_traits"
MAX_ENVELOPE: Final = 1024 * 1024

_BIRTH_NAME: Final = re.compile(r"[A-Z']+(?:(?:-{1,2}|[' ])[A-Z]+)*")
_GIVEN_NAME: Final = re.compile(r"[A-Z']+(?:[-' ][A-Z]+)*")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_COG: Final = re.compile(r"[A-Za-z0-9]{5}")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")
_MAX_NAME: Final = 100


class InsiFault(Exception):  # noqa: N818 - the name of the format
    """A refusal: functional code, and the text that the user reads."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was asked."""

    family: str
    given_names: tuple[str, ...]
    sex: str
    birth_date: str
    birth_place: str
    message_id: str


def read_request(request: Request) -> Asked:
    """Read and check a request; InsiFault names the first rule that is broken."""
    emitter = _emitter(request.client_certificate)
    envelope = _envelope(request)
    parts = children(envelope)
    if [part.tag for part in parts] != [q(soap.NS_SOAP, "Header"), q(soap.NS_SOAP, "Body")]:
        raise InsiFault(ENVELOPE_REFUSED, "une enveloppe porte un Header puis un Body")
    header, body = parts
    message_id = _check_headers(header, emitter)
    payload = children(body)
    if [one.tag for one in payload] != [q(codes.NS_SEARCH, codes.TAG_SEARCH)]:
        raise InsiFault(ENVELOPE_REFUSED, "RECSANSVITALE est attendu dans le Body")
    return _read_search(payload[0], message_id)


def _emitter(certificate: bytes | None) -> str:
    """OU of the certificate of the line, whose common name gives the right to call."""
    if certificate is None:
        raise InsiFault(codes.INSUFFICIENT_RIGHTS, "Certificat attendu.")
    subject = x509.load_der_x509_certificate(certificate).subject
    names = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    units = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    if len(names) != 1 or names[0] not in codes.CERTIFICATE_NAMES or not units:
        raise InsiFault(codes.INSUFFICIENT_RIGHTS, "Droits insuffisants pour ce service.")
    return units[0]


def _envelope(request: Request) -> etree._Element:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != soap.MEDIA_SOAP:
        raise InsiFault(ENVELOPE_REFUSED, f"{soap.MEDIA_SOAP} est attendu")
    if len(request.body) > MAX_ENVELOPE:
        raise InsiFault(ENVELOPE_REFUSED, "enveloppe trop longue")
    try:
        envelope = parse(request.body)
    except XmlError as error:
        raise InsiFault(ENVELOPE_REFUSED, str(error)) from error
    if envelope.tag != q(soap.NS_SOAP, "Envelope"):
        raise InsiFault(ENVELOPE_REFUSED, "SOAP 1.2 est attendu")
    return envelope


def _check_headers(header: etree._Element, emitter: str) -> str:
    """Both contexts, the action and the MessageID, once each. Returns the MessageID."""
    bam = _only(header, codes.NS_BAM, "ContexteBAM")
    lps = _only(header, codes.NS_LPS, "ContexteLPS")
    action = text_of(_only(header, soap.NS_WSA, "Action"))
    message_id = text_of(_only(header, soap.NS_WSA, "MessageID"))
    if header.find(q(soap.NS_WSSE, "Security")) is not None:
        raise InsiFault(ENVELOPE_REFUSED, "wsse:Security n’a pas sa place en TLS mutuelle")
    if action != codes.ACTION_SEARCH:
        raise InsiFault(ENVELOPE_REFUSED, f"action {action} inconnue")
    if not message_id.startswith(codes.MESSAGE_ID_PREFIX) or not _is_uuid(
        message_id.removeprefix(codes.MESSAGE_ID_PREFIX)
    ):
        raise InsiFault(ENVELOPE_REFUSED, "MessageID n’est pas uuid:…")
    _check_context(bam, codes.NS_BAM, {"Version": codes.BAM_VERSION}, "COUVERTURE", emitter)
    if bam.get("Nature", codes.BAM_NATURE) != codes.BAM_NATURE:
        raise InsiFault(CONTEXT_REFUSED, "Nature du ContexteBAM")
    wanted = {"Version": codes.LPS_VERSION, "Nature": codes.LPS_NATURE}
    _check_software(_check_context(lps, codes.NS_LPS, wanted, "LPS", emitter))
    return message_id


def _only(header: etree._Element, namespace: str, name: str) -> etree._Element:
    found = header.findall(q(namespace, name))
    if len(found) != 1:
        raise InsiFault(ENVELOPE_REFUSED, f"un en-tête {name} est attendu")
    return found[0]


def _check_context(
    context: etree._Element, namespace: str, attributes: dict[str, str], last: str, emitter: str
) -> etree._Element:
    """Children in the order of the schema, `Emetteur` that of the certificate. Returns the last child."""
    parts = children(context)
    if [part.tag for part in parts] != [q(namespace, name) for name in ("Id", "Temps", "Emetteur", last)]:
        raise InsiFault(CONTEXT_REFUSED, f"{etree.QName(context).localname} n’est pas conforme au schéma")
    if any(context.get(name) != value for name, value in attributes.items()):
        raise InsiFault(CONTEXT_REFUSED, f"Version ou Nature de {etree.QName(context).localname}")
    identifier, instant, sender = (text_of(part) for part in parts[:3])
    if not _is_uuid(identifier) or not _INSTANT.fullmatch(instant):
        raise InsiFault(CONTEXT_REFUSED, "Id ou Temps hors de leur forme")
    if sender != emitter:
        raise InsiFault(CONTEXT_REFUSED, "Emetteur n’est pas l’OU du certificat")
    return parts[3]


def _check_software(software: etree._Element) -> None:
    parts = children(software)
    names = ("IDAM", "Version", "Instance", "Nom")
    if [part.tag for part in parts] != [q(codes.NS_LPS, name) for name in names]:
        raise InsiFault(CONTEXT_REFUSED, "LPS n’est pas conforme au schéma")
    if parts[0].get("R") != codes.IDAM_KIND or text_of(parts[0]) != SOFTWARE_AUTHORISATION:
        raise InsiFault(codes.UNKNOWN_SOFTWARE, "Numéro d’autorisation du logiciel inconnu.")
    if not _is_uuid(text_of(parts[2])):
        raise InsiFault(CONTEXT_REFUSED, "Instance n’est pas un uuid")
    if not text_of(parts[3]).startswith("urn:lps:"):
        raise InsiFault(CONTEXT_REFUSED, "Nom n’est pas urn:lps:…")


def _read_search(body: etree._Element, message_id: str) -> Asked:
    """The traits: order of the schema, then each in its form."""
    ranks, values = [], dict[str, list[str]]()
    for child in children(body):
        name = etree.QName(child).localname
        if child.tag != q(codes.NS_SEARCH, name) or name not in codes.SEARCH_FIELDS:
            raise InsiFault(ENVELOPE_REFUSED, f"{name} n’est pas attendu")
        ranks.append(codes.SEARCH_FIELDS.index(name))
        values.setdefault(name, []).append(child.text or "")
    if ranks != sorted(ranks) or any(len(held) > 1 for name, held in values.items() if name != "Prenom"):
        raise InsiFault(ENVELOPE_REFUSED, "ordre ou nombre des éléments")
    single = {name: held[0] for name, held in values.items()}
    family, given = single.get("NomNaissance", ""), tuple(values.get("Prenom", ()))
    _refuse_unless(_is_name(family, _BIRTH_NAME), "NomNaissance")
    _refuse_unless(bool(given) and all(_is_name(one, _GIVEN_NAME) for one in given), "Prenom")
    _refuse_unless(single.get("Sexe", "") in ("M", "F"), "Sexe")
    _refuse_unless(_is_date(single.get("DateNaissance", "")), "DateNaissance")
    place = single.get("LieuNaissance")
    _refuse_unless(place is None or _COG.fullmatch(place) is not None, "LieuNaissance")
    return Asked(family, given, single["Sexe"], single["DateNaissance"], place or "", message_id)


def _refuse_unless(is_right: bool, name: str) -> None:
    if not is_right:
        raise InsiFault(TRAITS_REFUSED, f"{name} absent ou hors du profil attendu.")


def _is_name(text: str, pattern: re.Pattern[str]) -> bool:
    return len(text) <= _MAX_NAME and pattern.fullmatch(text) is not None


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
