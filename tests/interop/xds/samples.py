"""A lot of one document, with an official test identity and invented professionals."""

from dataclasses import replace

from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon
from interop.xds.iti41 import SubmittedDocument, content_hash
from interop.xds.metadata import Author, Code, DocumentEntry, SubmissionSet
from interop.xds.nomenclature import CONTENT_TYPES

INS = Cx("279035121518989", "1.2.250.1.213.1.4.10", codes.CX_INS)
CONTENT = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3"><!-- test --><title>été</title></ClinicalDocument>'.encode()
)
DOCTOR = Author(
    person=Xcn("899700900014", "HODA", "Alice"),
    institutions=(Xon("1990000101", "HOPITAL DES TROIS RIVIERES"),),
    specialty=Code("G15_10/SM26", codes.OID_SPECIALTY, "Médecin - Qualifié en Médecine Générale (SM)"),
    role="Médecin responsable",
)
ENTRY = DocumentEntry(
    entry_id="Document01",
    unique_id="1.2.250.1.999.1.1.1",
    patient_id=INS,
    title="Lettre de liaison à la sortie",
    comments="Version 1",
    creation_time="20261124083000",
    language_code="fr-FR",
    legal_authenticator=DOCTOR.person,
    service_start_time="20261120",
    service_stop_time="20261124070000",
    source_patient_id=Cx("1234567", "1.2.250.1.999.1.9"),
    source_patient_info=(
        "PID-5|PAT-TROIS^DOMINIQUE^DOMINIQUE MARIE-LOUISE^^^^L",
        "PID-7|19790328",
        "PID-8|F",
    ),
    hash=content_hash(CONTENT),
    size=len(CONTENT),
    authors=(DOCTOR,),
    class_code=Code("10", codes.OID_CLASS_CODE, "Compte rendu"),
    type_code=Code("11490-0", codes.OID_LOINC, "Lettre de liaison à la sortie d'un établissement de soins"),
    format_code=Code(codes.FORMAT_PDF, codes.OID_FORMAT_IHE, "Document à corps non structuré en Pdf/A-1"),
    facility_type_code=Code("SA01", codes.OID_FACILITY_TYPE, "Etablissement public de santé"),
    practice_setting_code=Code("ETABLISSEMENT", codes.OID_PRACTICE_SETTING, "Etablissement de santé"),
    confidentiality_codes=(
        Code("N", codes.OID_CONFIDENTIALITY_HL7, "Normal"),
        Code("INVISIBLE_PATIENT", codes.OID_VISIBILITY, "Non visible par le patient"),
    ),
    event_codes=(Code("IMP", "2.16.840.1.113883.5.4", "Hospitalisation"),),
    reference_ids=("ACC1^^^&1.2.250.1.999.5&ISO^urn:ihe:iti:xds:2013:accession",),
)
LOT = SubmissionSet(
    unique_id="1.2.250.1.999.1.3.1",
    source_id="1.2.250.1.999.1",
    patient_id=INS,
    submission_time="20261124083100",
    authors=(DOCTOR,),
    content_type=CONTENT_TYPES["03"],
    title="Lettre de liaison à la sortie",
)
DOCUMENT = SubmittedDocument(ENTRY, CONTENT)
REPLACEMENT = replace(DOCUMENT, replaces="urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e")
