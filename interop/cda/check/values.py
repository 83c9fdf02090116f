"""Checks of the data types: moments, identifiers, addresses, telecoms (cda.md 1, 3.1, 3.2)."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from lxml import etree

from interop.cda.check.findings import Finding, Rule, elements, finding
from interop.cda.datatypes import Address, Moment, is_id_root, moment_of_hl7
from interop.cda.reading import many, value_of

_TIMES = ("effectiveTime", "time", "low", "high", "birthTime")
_TELECOM = re.compile(r"(?:tel|fax|mailto|http|ftp|mllp):[^\s<>\"{}|\\^`]+")
_TELECOM_USES = frozenset({"H", "HP", "HV", "WP", "DIR", "PUB", "EC", "MC", "PG"})
_ADDRESS_USES = frozenset({"H", "HP", "HV", "WP", "TMP"})
_STREET_LINE = "streetAddressLine"
_PARTS = frozenset(name for name, _ in Address(city="-").parts())
_ROOT_MAX, _EXTENSION_MAX = 128, 64


def check_values(root: etree._Element) -> Iterator[Finding]:
    """Check every moment, interval, identifier, address and telecom of the document."""
    for name in _TIMES:
        for element in elements(root, name):
            value = element.get("value")
            # In the body, low and high are quantities too.
            is_quantity = element.get("unit") is not None
            if value is not None and not is_quantity and moment_of_hl7(value) is None:
                yield finding(Rule.VALUE, element, "La date doit être complète, l'heure avec son décalage")
    for name in ("effectiveTime", "time"):
        for element in elements(root, name):
            yield from _check_interval(element)
    for name in ("id", "templateId", "setId", "typeId"):
        for element in elements(root, name):
            yield from _check_identifier(element)
    for element in elements(root, "addr"):
        yield from _check_address(element)
    for element in elements(root, "telecom"):
        yield from _check_telecom(element)


def _check_interval(element: etree._Element) -> Iterator[Finding]:
    low, high = moment_of_hl7(value_of(element, "c:low")), moment_of_hl7(value_of(element, "c:high"))
    if low is not None and high is not None and _instant(high, time.max) < _instant(low, time.min):
        yield finding(Rule.VALUE, element, "La fin précède le début")


def _instant(moment: Moment, clock: time) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, clock, tzinfo=UTC) if isinstance(moment, date) else moment


def _check_identifier(element: etree._Element) -> Iterator[Finding]:
    if element.get("nullFlavor"):
        return
    root, extension = element.get("root") or "", element.get("extension")
    if not is_id_root(root) or len(root) > _ROOT_MAX:
        yield finding(Rule.VALUE, element, "La racine n'est ni un OID ni un UUID")
    if extension is not None and not 0 < len(extension) <= _EXTENSION_MAX:
        yield finding(Rule.VALUE, element, f"L'extension a de 1 à {_EXTENSION_MAX} caractères")
    parent = element.getparent()
    if parent is not None and _is_repeated(element, parent):
        yield finding(Rule.VALUE, element, "Le même identifiant est donné deux fois")


def _is_repeated(element: etree._Element, parent: etree._Element) -> bool:
    key = (element.get("root"), element.get("extension"))
    twins = [t for t in parent.findall(element.tag) if (t.get("root"), t.get("extension")) == key]
    return len(twins) > 1 and twins[0] is not element


def _check_address(element: etree._Element) -> Iterator[Finding]:
    names = {etree.QName(child).localname for child in element if isinstance(child.tag, str)}
    parts = names & _PARTS
    if _STREET_LINE in names and parts:
        yield finding(Rule.VALUE, element, "L'adresse est en lignes ou en éléments, jamais les deux")
    if not element.get("nullFlavor") and not names:
        yield finding(Rule.VALUE, element, "L'adresse est vide")
    if element.get("use") not in (None, *_ADDRESS_USES):
        yield finding(Rule.VALUE, element, "L'usage de l'adresse n'est pas permis")
    if len(many(element, f"c:{_STREET_LINE}")) > 7:
        yield finding(Rule.VALUE, element, "L'adresse a sept lignes au plus")


def _check_telecom(element: etree._Element) -> Iterator[Finding]:
    value = element.get("value")
    if (value is None) == (element.get("nullFlavor") is None):
        yield finding(Rule.VALUE, element, "Une valeur, ou la raison de son absence")
    elif value is not None and not _TELECOM.fullmatch(value):
        yield finding(Rule.VALUE, element, "L'adresse de télécommunication est mal formée")
    if element.get("use") not in (None, *_TELECOM_USES):
        yield finding(Rule.VALUE, element, "L'usage de l'adresse de télécommunication n'est pas permis")
