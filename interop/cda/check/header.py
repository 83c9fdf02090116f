"""Checks of what identifies and describes a document (cda.md 2)."""

from collections.abc import Iterator

from lxml import etree

from interop.cda import codes
from interop.cda.check.findings import Finding, Rule, finding
from interop.cda.datatypes import is_id_root, moment_of_hl7
from interop.cda.reading import many, one, read_id, read_ids, text_of, value_of
from interop.cda.value_sets import document_types

_HAS_OFFSET_LENGTH = len("AAAAMMJJhhmm+ZZZZ")
_COMMON_TEMPLATES = (codes.TEMPLATE_HL7_FRANCE, codes.TEMPLATE_CISIS)
_ONCE = (
    "realmCode",
    "typeId",
    "id",
    "code",
    "title",
    "effectiveTime",
    "confidentialityCode",
    "languageCode",
    "setId",
    "versionNumber",
    "recordTarget",
    "custodian",
    "legalAuthenticator",
    "componentOf",
    "component",
)


def check_header(root: etree._Element) -> Iterator[Finding]:
    """Check cardinalities, templates, identity of the version, type, times."""
    for name in _ONCE:
        count = len(many(root, f"c:{name}"))
        if count != 1:
            yield finding(Rule.HEADER, root, f"L'élément doit être présent une fois ({count} trouvés)", name)
    if value_of(root, "c:realmCode", "code") != codes.REALM:
        yield finding(Rule.HEADER, root, "Le code doit être FR", "realmCode")
    if read_id(one(root, "c:typeId")) != codes.TYPE_ID:
        yield finding(Rule.HEADER, root, "L'identifiant du type CDA est faux", "typeId")
    yield from _check_templates(root)
    yield from _check_version(root)
    yield from _check_type(root)
    yield from _check_description(root)


def _check_templates(root: etree._Element) -> Iterator[Finding]:
    templates = read_ids(root, "c:templateId")
    if templates[:2] != _COMMON_TEMPLATES:
        yield finding(
            Rule.IDENTITY, root, "Les modèles HL7 France et CI-SIS doivent être déclarés", "templateId"
        )
    rest = templates[2:]
    is_n1 = one(root, "c:component/c:nonXMLBody") is not None
    if is_n1 and rest != (codes.TEMPLATE_N1,):
        yield finding(
            Rule.IDENTITY, root, "Un corps non structuré déclare trois modèles, et eux seuls", "templateId"
        )
    if not is_n1 and (not rest or codes.TEMPLATE_N1 in rest):
        yield finding(Rule.IDENTITY, root, "Un corps structuré déclare son modèle", "templateId")


def _check_version(root: etree._Element) -> Iterator[Finding]:
    identifier, set_id = read_id(one(root, "c:id")), read_id(one(root, "c:setId"))
    for name, value in (("id", identifier), ("setId", set_id)):
        if value is not None and not is_id_root(value.root):
            yield finding(Rule.IDENTITY, root, "La racine n'est ni un OID ni un UUID", name)
    if identifier is not None and identifier == set_id:
        yield finding(Rule.IDENTITY, root, "L'identifiant est aussi celui du document", "setId")
    number = value_of(root, "c:versionNumber")
    is_number = number.isascii() and number.isdigit() and int(number) >= 1
    if not is_number:
        yield finding(Rule.IDENTITY, root, "La version est un entier à partir de 1", "versionNumber")
    related = many(root, "c:relatedDocument")
    if is_number and (int(number) > 1) != bool(related):
        yield finding(
            Rule.IDENTITY,
            root,
            "La version 1 ne remplace rien, toute autre nomme la version remplacée",
            "relatedDocument",
        )
    for element in related:
        yield from _check_related(element, identifier_of_document=identifier)


def _check_related(element: etree._Element, *, identifier_of_document: object) -> Iterator[Finding]:
    if element.get("typeCode") != codes.REPLACES:
        yield finding(Rule.IDENTITY, element, "Seul le lien RPLC est permis")
    replaced = read_id(one(element, "c:parentDocument/c:id"))
    if replaced is None or replaced == identifier_of_document:
        yield finding(Rule.IDENTITY, element, "L'identifiant de la version remplacée manque ou est le sien")


def _check_type(root: etree._Element) -> Iterator[Finding]:
    code = one(root, "c:code")
    if code is None:
        return
    known = document_types().get(code.get("code") or "")
    if known is None or known.system != code.get("codeSystem"):
        yield finding(Rule.HEADER, code, "Le type de document n'est pas dans le jeu de valeurs J07")
    elif known.display != code.get("displayName"):
        yield finding(Rule.HEADER, code, f"Le libellé du type doit être « {known.display} »")


def _check_description(root: etree._Element) -> Iterator[Finding]:
    if not text_of(one(root, "c:title")):
        yield finding(Rule.HEADER, root, "Le titre est vide", "title")
    created = value_of(root, "c:effectiveTime")
    if moment_of_hl7(created) is None or len(created) < _HAS_OFFSET_LENGTH:
        yield finding(Rule.HEADER, root, "La date de création porte l'heure et son décalage", "effectiveTime")
    confidentiality = one(root, "c:confidentialityCode")
    if confidentiality is not None and (
        confidentiality.get("code") != codes.NORMAL.code
        or confidentiality.get("codeSystem") != codes.HL7_CONFIDENTIALITY
        or confidentiality.get("displayName") != codes.NORMAL.display
    ):
        yield finding(
            Rule.HEADER, confidentiality, "La confidentialité est N : le masquage n'est pas dans le CDA"
        )
    if value_of(root, "c:languageCode", "code") != codes.LANGUAGE:
        yield finding(Rule.HEADER, root, f"La langue est {codes.LANGUAGE}", "languageCode")
