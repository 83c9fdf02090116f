"""Read the patient of a document, for identitovigilance (hl7v2.md 3.3; cda.md 3)."""

from lxml import etree

from interop.cda.codes import SDTC, NameQualifier
from interop.cda.datatypes import Id
from interop.cda.parsed import ParsedPatient
from interop.cda.reading import many, one, read_ids, read_telecoms, text_of, value_of
from interop.cda.refusals import CdaRefusal, CdaRefused
from interop.ins.codes import INS_OIDS
from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, Sex

_DATE_LENGTH = 8
# JDV_J143, and the code of the HL7 table that older producers use for an undetermined sex.
_SEXES = {"M": Sex.MALE, "F": Sex.FEMALE, "UN": Sex.UNDETERMINED, "U": Sex.UNDETERMINED}


def read_patient(document: etree._Element) -> ParsedPatient:
    """Read the recordTarget of a document.

    Raises:
        CdaRefused: no patient, no identifier, or two different INS.
    """
    roles = many(document, "c:recordTarget/c:patientRole")
    if len(roles) != 1:
        raise CdaRefused(CdaRefusal.HEADER, "L'en-tête CDA ne désigne pas un patient et un seul")
    role = roles[0]
    ids = tuple(identifier for identifier in read_ids(role) if identifier.extension)
    if not ids:
        raise CdaRefused(CdaRefusal.HEADER, "L'en-tête CDA n'a pas d'identifiant de patient")
    person = one(role, "c:patient")
    names = many(person, "c:name")
    birth_place = one(person, "c:birthplace/c:place")
    birth_time = value_of(person, "c:birthTime")
    return ParsedPatient(
        ids=ids,
        ins=_ins(ids),
        traits=ReceivedTraits(
            birth_name=_part(names, "family", NameQualifier.BIRTH),
            birth_given_names=_part(names, "given", None),
            first_birth_given_name=_part(names, "given", NameQualifier.BIRTH),
            birth_date=birth_time[:_DATE_LENGTH],
            sex=_SEXES.get(value_of(person, "c:administrativeGenderCode", "code"), ""),
            birth_place_cog=text_of(one(birth_place, "c:addr/c:county")),
        ),
        used_name=_part(names, "family", NameQualifier.USED) or _part(names, "family", NameQualifier.MARITAL),
        used_given_name=_part(names, "given", NameQualifier.USED),
        birth_time=birth_time,
        birth_place_name=text_of(one(birth_place, "c:addr/c:city")) or text_of(one(birth_place, "c:name")),
        is_deceased=_is_deceased(person),
        telecoms=read_telecoms(role),
    )


def _ins(ids: tuple[Id, ...]) -> Ins | None:
    found = {Ins(i.extension.upper(), i.root) for i in ids if i.root in INS_OIDS}
    if len(found) > 1:
        raise CdaRefused(CdaRefusal.HEADER, "L'en-tête CDA porte deux matricules INS différents")
    return found.pop() if found else None


def _part(names: list[etree._Element], part: str, qualifier: NameQualifier | None) -> str:
    """Return a part of the name: the first with a qualifier, or all those without, in order."""
    found = [
        text_of(element)
        for name in names
        for element in many(name, f"c:{part}")
        if element.get("qualifier") == qualifier
    ]
    found = [text for text in found if text]
    if qualifier is None:
        return " ".join(found)
    return found[0] if found else ""


def _is_deceased(person: etree._Element | None) -> bool:
    if person is None:
        return False
    indicator = person.find(f"{{{SDTC}}}deceasedInd")
    has_time = person.find(f"{{{SDTC}}}deceasedTime") is not None
    return has_time or (indicator is not None and indicator.get("value") == "true")
