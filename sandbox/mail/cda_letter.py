"""The letter of a doctor in town as a CDA R2 N1: a header conform to CI-SIS, a PDF as body.

Source: CI-SIS, structuration minimale; the places and labels of the matching (mssante.md 2.3).
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from lxml import etree
from lxml.builder import ElementMaker

from interop.cda import codes
from sandbox.demo import Patient, Professional

_E = ElementMaker(namespace=codes.HL7_V3, nsmap={None: codes.HL7_V3, "sdtc": codes.SDTC})
_SPECIALTY_LABEL = "Médecin - Qualifié en Médecine Générale (SM)"
_SECTOR_LABELS = {"SA07": "Cabinet individuel", "SA08": "Cabinet de groupe"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a letter says. `replaced_id` is the version that it takes over; `local_id` an identifier of the
    doctor's own, for a letter without INS.
    """

    unique_id: str
    set_id: str
    version: int
    title: str
    author: Professional
    patient: Patient
    written_at: datetime
    replaced_id: str = ""
    has_ins: bool = True
    local_id: str = "CABINET-0042"


def build_letter(letter: Letter, pdf: bytes) -> bytes:
    """Return the bytes of the document."""
    document = _E.ClinicalDocument(
        _E.realmCode(code=codes.REALM),
        _E.typeId(root=codes.TYPE_ID.root, extension=str(codes.TYPE_ID.extension)),
        *(
            _E.templateId(root=template.root)
            for template in (codes.TEMPLATE_HL7_FRANCE, codes.TEMPLATE_CISIS, codes.TEMPLATE_N1)
        ),
        _E.id(root=letter.unique_id),
        _code("code", codes.CR_CONSULTATION.code, codes.LOINC, codes.CR_CONSULTATION.display),
        _E.title(letter.title),
        _E.effectiveTime(value=_time(letter)),
        _code("confidentialityCode", "N", codes.HL7_CONFIDENTIALITY, "Normal"),
        _E.languageCode(code=codes.LANGUAGE),
        _E.setId(root=letter.set_id),
        _E.versionNumber(value=str(letter.version)),
        _record_target(letter),
        _author(letter),
        _E.custodian(_E.assignedCustodian(_E.representedCustodianOrganization(*_structure(letter.author)))),
        _E.legalAuthenticator(
            _E.time(value=_time(letter)), _E.signatureCode(code="S"), _entity("assignedEntity", letter.author)
        ),
        _E.documentationOf(
            _E.serviceEvent(
                _E.effectiveTime(_E.low(value=_time(letter))),
                _E.performer(_entity("assignedEntity", letter.author), typeCode="PRF"),
            )
        ),
        *_related(letter),
        _encounter(letter),
        _E.component(
            _E.nonXMLBody(
                _E.text(
                    base64.b64encode(pdf).decode("ascii"),
                    mediaType=codes.PDF_MEDIA_TYPE,
                    representation=codes.BASE64,
                )
            )
        ),
    )
    return bytes(etree.tostring(document, encoding="UTF-8", xml_declaration=True))


def _record_target(letter: Letter) -> etree._Element:
    person = letter.patient
    identifier = (
        _E.id(root=person.oid, extension=person.matricule)
        if letter.has_ins
        else _E.id(root=f"{letter.set_id}.1", extension=letter.local_id)
    )
    sex = codes.GENDERS[person.sex]
    place = _E.birthplace(_E.place(_E.addr(_E.county(person.birth_place))))
    return _E.recordTarget(
        _E.patientRole(
            identifier,
            _E.addr(nullFlavor="UNK"),
            _E.telecom(nullFlavor="UNK"),
            _E.patient(
                _E.name(
                    _E.family(person.family, qualifier="BR"),
                    _E.given(person.given_names or person.given),
                    _E.given(person.given, qualifier="BR"),
                ),
                _code("administrativeGenderCode", sex.code, sex.system, sex.display),
                _E.birthTime(value=person.birth_date.replace("-", "")),
                place,
            ),
        )
    )


def _author(letter: Letter) -> etree._Element:
    return _E.author(_E.time(value=_time(letter)), _entity("assignedAuthor", letter.author))


def _entity(name: str, person: Professional) -> etree._Element:
    """The doctor with the structure, as author or as assigned entity."""
    return _E(
        name,
        _E.id(root=codes.PROFESSIONAL_ID, extension=person.subject_name_id),
        _code(
            "code", f"G15_{person.profession}/{person.know_how}", codes.TRE_R01_SPECIALTY, _SPECIALTY_LABEL
        ),
        _address(person),
        _E.telecom(value=f"mailto:{person.mailbox}", use="WP"),
        _E.assignedPerson(
            _E.name(
                _E.prefix(person.civility),
                _E.suffix(person.exercise_civility),
                _E.given(person.given),
                _E.family(person.family),
            )
        ),
        _E.representedOrganization(
            *_structure(person),
            _E.telecom(nullFlavor="UNK"),
            _address(person),
            _code("standardIndustryClassCode", "AMBULATOIRE", codes.TRE_PRACTICE_SETTING, "Ambulatoire"),
        ),
    )


def _structure(person: Professional) -> tuple[etree._Element, etree._Element]:
    return _E.id(root=codes.STRUCTURE_ID, extension=person.site.struct_idnat), _E.name(person.site.name)


def _address(person: Professional) -> etree._Element:
    return _E.addr(_E.postalCode(person.site.postal_code), _E.city(person.site.city), _E.country("FRANCE"))


def _related(letter: Letter) -> tuple[etree._Element, ...]:
    if not letter.replaced_id:
        return ()
    parent = _E.parentDocument(
        _E.id(root=letter.replaced_id),
        _E.versionNumber(value=str(letter.version - 1)),
    )
    return (_E.relatedDocument(parent, typeCode=codes.REPLACES),)


def _encounter(letter: Letter) -> etree._Element:
    sector = letter.author.site.sector
    facility = _E.healthCareFacility(_code("code", sector, codes.TRE_R38, _SECTOR_LABELS[sector]))
    return _E.componentOf(
        _E.encompassingEncounter(
            _code("code", codes.AMBULATORY.code, codes.AMBULATORY.system, codes.AMBULATORY.display),
            _E.effectiveTime(_E.low(value=_time(letter))),
            _E.location(facility),
        )
    )


def _code(name: str, code: str, system: str, label: str) -> etree._Element:
    return _E(name, code=code, displayName=label, codeSystem=system)


def _time(letter: Letter) -> str:
    return letter.written_at.strftime("%Y%m%d%H%M%S%z")
