"""Checks of the participants (cda.md 4)."""

import re
from collections.abc import Iterator

from lxml import etree

from interop.cda import codes
from interop.cda.check.findings import Finding, Rule, elements, finding
from interop.cda.datatypes import moment_of_hl7
from interop.cda.reading import many, one, read_id, text_of, value_of
from interop.cda.value_sets import author_specialties

# idNat_PS: RPPS, ADELI, or an internal number behind that of a structure (cda.md 1.1).
_PROFESSIONAL = re.compile(r"8\d{11}|0[0-9AB]{9}|[13456][^/]+/.+")
_STRUCTURE = re.compile(r"1[0-9AB]{9}|2\d{9}|3\d{14}|4\d{11,}|0[0-9AB]{9}")
_SIGNED = "S"


def check_participants(root: etree._Element) -> Iterator[Finding]:
    """Check authors, custodian, authenticators, and what all persons and structures share."""
    authors = many(root, "c:author")
    if not authors:
        yield finding(Rule.PARTICIPANT, root, "Un auteur au moins", "author")
    for author in authors:
        yield from _check_author(author)
    for custodian in many(root, "c:custodian"):
        identifier = read_id(one(custodian, ".//c:representedCustodianOrganization/c:id"))
        if identifier is None or identifier.root not in (codes.STRUCTURE_ID, codes.PATIENT_DOCUMENT_HOST):
            yield finding(Rule.PARTICIPANT, custodian, "Le conservateur est une structure identifiée")
    for authenticator in (*many(root, "c:legalAuthenticator"), *many(root, "c:authenticator")):
        yield from _check_authenticator(authenticator)
    for element in root.iter(f"{{{codes.HL7_V3}}}id"):
        yield from _check_national_id(element)
    yield from _check_specialties(root)
    yield from _check_person_names(root)


def _check_author(author: etree._Element) -> Iterator[Finding]:
    yield from _check_time(author)
    assigned = one(author, "c:assignedAuthor")
    identifiers = [read_id(element) for element in many(assigned, "c:id")]
    if not identifiers or any(i is None or not i.extension for i in identifiers):
        yield finding(Rule.PARTICIPANT, author, "L'auteur est identifié", "assignedAuthor/id")
    is_person = one(assigned, "c:assignedPerson") is not None
    if is_person and one(assigned, "c:code") is None:
        yield finding(
            Rule.PARTICIPANT, author, "L'auteur a une profession ou une spécialité", "assignedAuthor/code"
        )
    if not is_person and one(assigned, "c:assignedAuthoringDevice") is None:
        yield finding(Rule.PARTICIPANT, author, "L'auteur est une personne ou un système", "assignedAuthor")


def _check_time(role: etree._Element) -> Iterator[Finding]:
    if moment_of_hl7(value_of(role, "c:time")) is None:
        yield finding(Rule.PARTICIPANT, role, "La date est obligatoire, avec son décalage", "time")


def _check_authenticator(authenticator: etree._Element) -> Iterator[Finding]:
    yield from _check_time(authenticator)
    if value_of(authenticator, "c:signatureCode", "code") != _SIGNED:
        yield finding(Rule.PARTICIPANT, authenticator, "Le code de signature est S", "signatureCode")
    identifier = read_id(one(authenticator, "c:assignedEntity/c:id"))
    if identifier is None or identifier.root != codes.PROFESSIONAL_ID:
        yield finding(
            Rule.PARTICIPANT,
            authenticator,
            "Le signataire est identifié",
            "assignedEntity/id",
        )
    if one(authenticator, "c:assignedEntity/c:assignedPerson") is None:
        yield finding(Rule.PARTICIPANT, authenticator, "Le signataire est une personne", "assignedEntity")


def _check_national_id(element: etree._Element) -> Iterator[Finding]:
    root, extension = element.get("root"), element.get("extension") or ""
    if root == codes.PROFESSIONAL_ID and not _PROFESSIONAL.fullmatch(extension):
        yield finding(Rule.PARTICIPANT, element, "L'identifiant national du professionnel est mal formé")
    if root == codes.STRUCTURE_ID and not _STRUCTURE.fullmatch(extension):
        yield finding(Rule.PARTICIPANT, element, "L'identifiant national de la structure est mal formé")


def _check_specialties(root: etree._Element) -> Iterator[Finding]:
    for name in ("assignedAuthor", "assignedEntity", "associatedEntity"):
        for entity in elements(root, name):
            code = one(entity, "c:code")
            if code is None:
                continue
            known = author_specialties().get(code.get("code") or "")
            if known is None or (known.system, known.display) != (
                code.get("codeSystem"),
                code.get("displayName"),
            ):
                yield finding(Rule.PARTICIPANT, code, "La profession n'est pas celle du jeu de valeurs J01")


def _check_person_names(root: etree._Element) -> Iterator[Finding]:
    for name in elements(root, "name"):
        parent = name.getparent()
        if parent is None or etree.QName(parent).localname == "patient" or len(name) == 0:
            continue
        if not text_of(one(name, "c:family")):
            yield finding(Rule.PARTICIPANT, name, "Le nom de famille manque", "family")
        for part, allowed in (("prefix", codes.PREFIXES), ("suffix", codes.SUFFIXES)):
            for element in many(name, f"c:{part}"):
                if text_of(element) not in allowed:
                    yield finding(Rule.PARTICIPANT, element, f"Permis : {', '.join(sorted(allowed))}")
