"""Checks of the patient: identifiers, INS, traits (cda.md 3; ins.md 2.1, 7.4)."""

from collections.abc import Iterator

from lxml import etree

from interop.cda import codes
from interop.cda.check.findings import Finding, Rule, finding
from interop.cda.codes import NameQualifier
from interop.cda.datatypes import Id, is_oid
from interop.cda.reading import many, one, read_id, text_of, value_of
from interop.ins.codes import INS_OIDS, RETIRED_INS_OIDS
from interop.ins.key import MATRICULE_LENGTH
from interop.ins.traits import date_of_hl7, is_cog

_PATIENT_MAIL = "@patient.mssante.fr"
_GENDERS = {code.code for code in codes.GENDERS.values()}


def check_patient(root: etree._Element, allowed_ins_oids: frozenset[str]) -> Iterator[Finding]:
    """Check the recordTarget."""
    for role in many(root, "c:recordTarget/c:patientRole"):
        yield from _check_identifiers(role, allowed_ins_oids)
        person = one(role, "c:patient")
        if person is None:
            yield finding(Rule.PATIENT, role, "L'identité du patient manque", "patient")
            continue
        yield from _check_names(person)
        yield from _check_traits(person)
        matricule = _matricule(role)
        if matricule:
            yield from _check_ins_traits(person)
        yield from _check_mail(role, matricule)


def _check_identifiers(role: etree._Element, allowed_ins_oids: frozenset[str]) -> Iterator[Finding]:
    inses, locals_ = 0, 0
    for element in many(role, "c:id"):
        identifier = read_id(element) or Id("")
        if not is_oid(identifier.root) or not identifier.extension:
            yield finding(Rule.PATIENT, element, "Un identifiant de patient a un OID et une valeur")
        elif identifier.root in RETIRED_INS_OIDS:
            yield finding(Rule.INS, element, "L'INS calculé n'est plus émis")
        elif identifier.root in INS_OIDS:
            inses += 1
            if identifier.root not in allowed_ins_oids:
                yield finding(Rule.INS, element, "Cet OID d'INS n'est pas permis sur cette plateforme")
            if len(identifier.extension) != MATRICULE_LENGTH:
                yield finding(Rule.INS, element, "Le matricule INS a 15 caractères")
        else:
            locals_ += 1
    if inses > 1:
        yield finding(Rule.INS, role, "Un seul matricule INS est permis", "id")
    if not locals_:
        yield finding(Rule.PATIENT, role, "L'IPP manque", "id")


def _matricule(role: etree._Element) -> str:
    return next((e.get("extension") or "" for e in many(role, "c:id") if e.get("root") in INS_OIDS), "")


def _check_names(person: etree._Element) -> Iterator[Finding]:
    if len(many(person, "c:name")) != 1:
        yield finding(Rule.PATIENT, person, "Le patient a un nom, et un seul", "name")
    for part in many(person, "c:name/*"):
        name = etree.QName(part).localname
        allowed = {NameQualifier.BIRTH, NameQualifier.USED} | ({None} if name != "family" else set())
        if name in ("family", "given") and part.get("qualifier") not in allowed:
            yield finding(Rule.PATIENT, part, "Le qualificatif du nom est BR ou CL")
        if not text_of(part):
            yield finding(Rule.PATIENT, part, "La partie du nom est vide")
    for part_name in ("family", "given"):
        if not many(person, f"c:name/c:{part_name}"):
            yield finding(Rule.PATIENT, person, "La partie du nom manque", f"name/{part_name}")


def _check_traits(person: etree._Element) -> Iterator[Finding]:
    gender = one(person, "c:administrativeGenderCode")
    if gender is None or gender.get("code") not in _GENDERS or gender.get("codeSystem") != codes.HL7_GENDER:
        yield finding(Rule.PATIENT, person, "Le sexe est M, F ou UN", "administrativeGenderCode")
    birth = value_of(person, "c:birthTime")
    if len(birth) != len("AAAAMMJJ") or date_of_hl7(birth) is None:
        yield finding(Rule.PATIENT, person, "La date de naissance est complète", "birthTime")


def _check_ins_traits(person: etree._Element) -> Iterator[Finding]:
    """Check that an INS goes with all the strict traits (SM; cda.md 3)."""
    for path, text in (
        ("c:name/c:family[@qualifier='BR']", "Le nom de naissance accompagne l'INS"),
        ("c:name/c:given[@qualifier='BR']", "Le premier prénom de naissance accompagne l'INS"),
        ("c:name/c:given[not(@qualifier)]", "La liste des prénoms de naissance accompagne l'INS"),
    ):
        found = person.xpath(path, namespaces={"c": codes.HL7_V3})
        if len(found) != 1:
            yield finding(Rule.INS, person, text, "name")
    cog = text_of(one(person, "c:birthplace/c:place/c:addr/c:county"))
    if not is_cog(cog):
        yield finding(Rule.INS, person, "Le code du lieu de naissance accompagne l'INS", "birthplace")


def _check_mail(role: etree._Element, matricule: str) -> Iterator[Finding]:
    """Check that a citizen's mail address does not give away an INS that is not there."""
    for telecom in many(role, "c:telecom"):
        address = (telecom.get("value") or "").removeprefix("mailto:")
        if address.endswith(_PATIENT_MAIL) and address.removesuffix(_PATIENT_MAIL) != matricule:
            yield finding(Rule.INS, telecom, "L'adresse citoyenne porte un autre INS que le document")
