"""Metadata of a document, deduced from the header of its CDA.

Source: spec cda 8.1 to 8.7 (X2X mapping idea, corrected). Every value comes from the bytes that are sent,
never from a database a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from interop.cda import datatypes as cda_types
from interop.cda.parsed import BodyKind, ParsedActor, ParsedCda, ParsedPatient
from interop.ins.codes import INS_OIDS
from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon, escaped
from interop.xds.iti41 import content_hash
from interop.xds.metadata import NO_CODE, NO_ID, Author, Code, DocumentEntry, MetadataError
from interop.xds.nomenclature import UnknownCode, class_of_type, format_of_media_type, format_of_models
from interop.xds.times import dtm_from_ts

PARIS = ZoneInfo("Europe/Paris")

# PID-8 of HL7 v2 has no "indeterminate": it is written as unknown.
_PID_8 = {"M": "M", "F": "F", "I": "U"}
_OID = re.compile(r"[0-2](\.[0-9]+)+")


def entry_from_cda(
    document: ParsedCda,
    content: bytes,
    *,
    visibility: Iterable[str] = (),
    entry_id: str = "Document01",
    class_code: Code | None = None,
    uri: str = "",
    zone: tzinfo = PARIS,
) -> DocumentEntry:
    """Return the metadata of `content`, of which `document` is what `parse_cda` read.

    `visibility` are restriction codes (TRE_A07), added to the confidentiality of the CDA: they are never in
    the CDA itself. `class_code` is for a type that the table does not know. `zone` is that of times written
    without offset. What the header lacks stays empty: `entry_problems` tells before submission.

    Raises:
        MetadataError: the type of the document or its body has no class or format.
    """
    kind = _code(document.type)
    event_class = class_code or _class_code(kind)
    act = document.main_act
    performer = act.performer if act else None
    organization = performer.organization if performer else None
    encounter = document.encounter
    return DocumentEntry(
        entry_id=entry_id,
        unique_id=unique_id_of(document.id),
        patient_id=patient_id_of(document.patient),
        mime_type=codes.MIME_SELF_RENDERING if document.is_self_presenting else codes.MIME_CDA,
        title=document.title,
        creation_time=_dtm(document.effective_time, zone),
        language_code=document.language,
        legal_authenticator=_person(document.legal_authenticator),
        service_start_time=_dtm(act.start, zone) if act else "",
        service_stop_time=_dtm(act.end, zone) if act else "",
        source_patient_id=_source_patient_id(document.patient),
        source_patient_info=tuple(_source_patient_info(document.patient)),
        hash=content_hash(content),
        size=len(content),
        uri=uri,
        authors=tuple(author_of(actor) for actor in document.authors),
        class_code=event_class,
        type_code=kind,
        format_code=_format_code(document),
        facility_type_code=_code(encounter.facility_type if encounter else None),
        practice_setting_code=_code(organization.practice_setting if organization else None),
        confidentiality_codes=_confidentiality(document, visibility),
        event_codes=tuple(_events(document, with_translations=event_class.code == codes.CLASS_IMAGING)),
        reference_ids=tuple(_references(document)),
    )


def unique_id_of(identifier: cda_types.Id) -> str:
    """The XDS uniqueId of a CDA identifier: an OID, with its extension after a caret (spec cda 8.4)."""
    root = identifier.root
    if not _OID.fullmatch(root):
        root = f"{codes.OID_OF_UUID}.{UUID(root).int}"
    return f"{root}^{identifier.extension}" if identifier.extension else root


def patient_id_of(patient: ParsedPatient) -> Cx:
    """The INS; without it the local identifier, which an archive accepts and the DMP refuses."""
    if patient.ins is not None:
        return Cx(patient.ins.matricule, patient.ins.oid, codes.CX_INS)
    return _local_id(patient)


def author_of(actor: ParsedActor) -> Author:
    """An author of a CDA, person or system, with its specialty, function and structure."""
    organization = actor.organization
    institutions: tuple[Xon, ...] = ()
    if organization is not None and (organization.name or organization.id is not None):
        identifier = organization.id.extension if organization.id else ""
        institutions = (Xon(identifier, organization.name),)
    return Author(
        person=_person(actor),
        institutions=institutions,
        specialty=_code(actor.specialty),
        role=actor.function.display if actor.function else "",
    )


def _person(actor: ParsedActor | None) -> Xcn | None:
    """XCN of a professional, of the patient or of a system (spec cda 8.3)."""
    if actor is None or actor.id is None:
        return None
    identifier, authority = actor.id.extension, actor.id.root
    if actor.name is None and (actor.device_model or actor.device_software):
        return Xcn(
            identifier,
            actor.device_model,
            actor.device_software,
            authority,
            codes.XCN_SYSTEM,
            codes.XCN_DEVICE,
        )
    family = actor.name.family if actor.name else ""
    given = actor.name.given if actor.name else ""
    if authority in INS_OIDS:
        id_type = codes.XCN_PATIENT
    else:
        id_type = codes.XCN_INTERNAL if "/" in identifier else codes.XCN_NATIONAL
    return Xcn(identifier, family, given, authority, codes.XCN_PERSON, id_type)


def _local_id(patient: ParsedPatient) -> Cx:
    local = next(iter(patient.local_ids), None)
    return Cx(local.extension, local.root) if local else NO_ID


def _source_patient_id(patient: ParsedPatient) -> Cx:
    """The IPP of the producer; the INS when the document has no other identifier."""
    local = _local_id(patient)
    return patient_id_of(patient) if local == NO_ID else local


def _source_patient_info(patient: ParsedPatient) -> Iterator[str]:
    """PID fields, one value each: birth name (L), used name (D), birth date, sex, birth place (BDL)."""
    traits = patient.traits
    birth = (traits.birth_name, traits.first_birth_given_name, traits.birth_given_names)
    if traits.birth_name:
        yield _pid("5", *birth, "", "", "", "L")
    if patient.used_name:
        yield _pid("5", patient.used_name, patient.used_given_name, "", "", "", "", "D")
    if traits.birth_date:
        yield _pid("7", traits.birth_date)
    if traits.sex in _PID_8:
        yield _pid("8", _PID_8[traits.sex])
    if traits.birth_place_cog:
        yield _pid("11", "", "", "", "", "", "", "BDL", "", traits.birth_place_cog)


def _pid(field: str, *components: str) -> str:
    return f"PID-{field}|" + "^".join(escaped(component) for component in components)


def _class_code(kind: Code) -> Code:
    try:
        return class_of_type(kind)
    except UnknownCode:
        raise MetadataError((f"XDSDocumentEntry.classCode: no class for type {kind.code}",)) from None


def _format_code(document: ParsedCda) -> Code:
    if document.body.kind is BodyKind.N3:
        return format_of_models(template.root for template in document.template_ids)
    try:
        return format_of_media_type(document.body.media_type)
    except UnknownCode as error:
        raise MetadataError((f"XDSDocumentEntry.formatCode: no format for {error.args[0]}",)) from None


def _confidentiality(document: ParsedCda, visibility: Iterable[str]) -> tuple[Code, ...]:
    """The code of the CDA first, then one restriction each, in the order of the nomenclature."""
    wanted = set(visibility)
    unknown = wanted - codes.VISIBILITY_LABELS.keys()
    if unknown:
        raise MetadataError((f"XDSDocumentEntry.confidentialityCode: {sorted(unknown)} unknown",))
    restrictions = (
        Code(code, codes.OID_VISIBILITY, label)
        for code, label in codes.VISIBILITY_LABELS.items()
        if code in wanted
    )
    own = _code(document.confidentiality)
    return (*((own,) if own != NO_CODE else ()), *restrictions)


def _events(document: ParsedCda, *, with_translations: bool) -> Iterator[Code]:
    """Codes of the acts; for imaging, modality and region too, which are the translations."""
    found = (
        code
        for act in document.acts
        for code in (act.code, *(act.translations if with_translations else ()))
        if code is not None
    )
    yield from dict.fromkeys(_code(code) for code in found)


def _references(document: ParsedCda) -> Iterator[str]:
    """CXi values of the orders and accession numbers."""
    for identifier in document.accession_numbers:
        yield _reference(identifier, codes.REFERENCE_ACCESSION)
    for identifier in document.orders:
        yield _reference(identifier, codes.REFERENCE_ORDER)


def _reference(identifier: cda_types.Id, kind: str) -> str:
    authority = f"&{identifier.root}&ISO" if identifier.extension else ""
    return f"{escaped(identifier.extension or identifier.root)}^^^{authority}^{kind}"


def _code(code: cda_types.Code | None) -> Code:
    return NO_CODE if code is None else Code(code.code, code.system, code.display)


def _dtm(ts: str, zone: tzinfo) -> str:
    """An unreadable time is an absent one: its absence is reported by its name."""
    try:
        return dtm_from_ts(ts, zone=zone)
    except ValueError:
        return ""
