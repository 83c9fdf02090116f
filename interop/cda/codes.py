"""Identifiers of the CI-SIS documents: OIDs, templateIds, codes (cda.md, with its sections).

The labels of codes are those of their value sets. The larger value sets are tables in
`interop.cda.value_sets`.
"""

from enum import StrEnum

from interop.cda.datatypes import Code, Id

# Namespaces (cda.md 1).
HL7_V3 = "urn:hl7-org:v3"
SDTC = "urn:hl7-org:sdtc"
DICOM_PS3_20 = "urn:dicom-org:ps3-20"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSLT = "http://www.w3.org/1999/XSL/Transform"

# Code systems.
LOINC = "2.16.840.1.113883.6.1"
SNOMED_CT = "2.16.840.1.113883.6.96"
ATC = "2.16.840.1.113883.6.73"
TRE_A05 = "1.2.250.1.213.1.1.4.12"  # types of documents without LOINC code
TRE_A06 = "1.2.250.1.213.1.1.4.2.282"  # formatCode of the CI-SIS
TRE_R38 = "1.2.250.1.71.4.2.4"  # secteur d'activité
TRE_PRACTICE_SETTING = "1.2.250.1.213.1.1.4.9"
TRE_R01_SPECIALTY = "1.2.250.1.213.1.1.4.5"
TA_ASIP = "1.2.250.1.213.1.1.4.322"
CIM_10 = "2.16.840.1.113883.6.3"
CCAM = "1.2.250.1.215.300.1"
CIS = "1.2.250.1.213.2.3.1"
CIP = "1.2.250.1.213.2.3.2"
EMDN = "1.2.250.1.213.2.68"
HL7_ACT_CODE = "2.16.840.1.113883.5.4"
HL7_ACT_PRIORITY = "2.16.840.1.113883.5.7"
HL7_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
HL7_GENDER = "2.16.840.1.113883.5.1"
HL7_PARTICIPATION_FUNCTION = "2.16.840.1.113883.5.88"
HL7_ROLE = "2.16.840.1.113883.5.111"
HL7_ROUTE = "2.16.840.1.113883.5.112"
EDQM = "0.4.0.127.0.16.1.1.2.1"
IPS_ABSENT_OR_UNKNOWN = "2.16.840.1.113883.5.1150.1"
CISIS_ENCOUNTER = "1.2.250.1.213.1.1.4.2.291"
TRE_R02_DESTINATION = "1.2.250.1.213.1.6.1.8"
DISCHARGE_DISPOSITION = "1.2.250.1.213.2.14"

# Identifier roots (cda.md 1.1). Those of the INS are in `interop.ins.codes`.
PROFESSIONAL_ID = "1.2.250.1.71.4.2.1"
STRUCTURE_ID = "1.2.250.1.71.4.2.2"
PATIENT_DOCUMENT_HOST = "1.2.250.1.213.4.1"
UUID_OID_ARC = "2.25"

# Header (cda.md 2 and 6.1).
REALM = "FR"
TYPE_ID = Id("2.16.840.1.113883.1.3", "POCD_HD000040")
TEMPLATE_HL7_FRANCE = Id("2.16.840.1.113883.2.8.2.1")
TEMPLATE_CISIS = Id("1.2.250.1.213.1.1.1.1")
TEMPLATE_N1 = Id("1.3.6.1.4.1.19376.1.2.20")
LANGUAGE = "fr-FR"
NORMAL = Code("N", HL7_CONFIDENTIALITY, "Normal")
CONFIDENTIALITIES = frozenset({"N", "R", "V"})  # JDV_J08 without the masking codes (cda.md 8.6)
REPLACES = "RPLC"

# Document models (cda.md 7).
TEMPLATE_LDL_SES = Id("1.2.250.1.213.1.1.1.29", "2022.01")
TEMPLATE_LDL_EES = Id("1.2.250.1.213.1.1.1.21", "2022.01")

# Patient (cda.md 3).
GENDERS = {
    "M": Code("M", HL7_GENDER, "Masculin"),
    "F": Code("F", HL7_GENDER, "Féminin"),
    "I": Code("UN", HL7_GENDER, "Inconnu"),
}


class NameQualifier(StrEnum):
    """Qualifiers of the parts of a patient's name; `SP` is read only (cda.md 3)."""

    BIRTH = "BR"
    USED = "CL"
    MARITAL = "SP"


# Civility and title of professionals (JDV_J245, JDV_J246; cda.md 4).
PREFIXES = frozenset({"M", "MME"})
SUFFIXES = frozenset({"DR", "MC", "MG", "PC", "PG", "PR"})

# Encounter and main act (JDV_J142; cda.md 5).
INPATIENT = Code("IMP", HL7_ACT_CODE, "Hospitalisation (établissement, y compris HAD)")
EMERGENCY = Code("EMER", HL7_ACT_CODE, "Passage aux urgences (établissement)")
OUTPATIENT = Code("EXTERNE", CISIS_ENCOUNTER, "Acte et consultation externe (établissement)")
SESSION = Code("SEANCE", CISIS_ENCOUNTER, "Séance (établissement ou libéral)")
AMBULATORY = Code("AMB", HL7_ACT_CODE, "Ambulatoire (hors établissement)")
HOME_CARE = Code("HH", HL7_ACT_CODE, "Soins à domicile (hors établissement)")

# Functions of participants (JDV_J47; cda.md 4.1 and 4.9).
GENERAL_PRACTITIONER = Code("PCP", HL7_PARTICIPATION_FUNCTION, "Médecin traitant")
ATTENDING = Code(
    "ATTPHYS", HL7_PARTICIPATION_FUNCTION, "Référent - Responsable du patient dans la structure de soins"
)
ADMITTING = Code("ADMPHYS", HL7_PARTICIPATION_FUNCTION, "Responsable de l'admission")
DISCHARGING = Code("DISPHYS", HL7_PARTICIPATION_FUNCTION, "Responsable de la sortie")


class ParticipationType(StrEnum):
    """JDV_J144, `participant/@typeCode` (cda.md 4.9)."""

    PRESCRIBER = "REF"
    REFERRER = "REFB"
    INFORMED = "INF"
    RESPONSIBLE = "RESP"
    PERFORMER = "PRF"
    CONSULTANT = "CON"
    VERIFIER = "VRF"


class EncounterParticipation(StrEnum):
    """JDV_J140, `encounterParticipant/@typeCode` (cda.md 5.4)."""

    ADMITTER = "ADM"
    ATTENDING = "ATND"
    CONSULTANT = "CON"
    DISCHARGER = "DIS"
    REFERRER = "REF"
    RESPONSIBLE = "RESP"


class RelatedEntityClass(StrEnum):
    """`informant/relatedEntity/@classCode` (cda.md 4.4)."""

    EMERGENCY_CONTACT = "ECON"
    TRUSTED_PERSON = "NOK"
    INFORMANT = "CON"
    CAREGIVER = "CAREGIVER"
    HELPED_PERSON = "PAT"


# Types of the documents a hospital writes (JDV_J07; cda.md 7).
LETTRE_DE_LIAISON_SORTIE = Code("11490-0", LOINC, "Lettre de liaison à la sortie d'un établissement de soins")
LETTRE_DE_LIAISON_ENTREE = Code(
    "18761-7", LOINC, "Note de transfert (dont lettre de liaison à l'entrée en établissement de soins)"
)
CR_OPERATOIRE = Code("34874-8", LOINC, "CR opératoire")
CR_CONSULTATION = Code("11488-4", LOINC, "CR ou fiche de consultation ou de visite")
CR_HOSPITALIER = Code("34112-3", LOINC, "CR hospitalier (séjour)")
CR_URGENCES = Code("15507-7", LOINC, "CR de passage aux urgences")
CR_ACCOUCHEMENT = Code("15508-5", LOINC, "CR d'accouchement")
CR_ANESTHESIE = Code("77436-4", LOINC, "CR d'anesthésie")
PRESCRIPTION_PRODUITS = Code("57833-6", LOINC, "Prescription de produits de santé")
PRESCRIPTION_SOINS = Code("57832-8", LOINC, "Prescription de soins")
PRESCRIPTION_AUTRE = Code("57828-6", LOINC, "Prescription (autre)")
DEMANDE_IMAGERIE = Code("55115-0", LOINC, "Demande d'actes d'imagerie")
LETTRE_ADRESSAGE = Code("96349-6", LOINC, "Lettre d'adressage")
CERTIFICAT_MEDICAL = Code("89601-9", LOINC, "Certificat médical")
CR_IMAGERIE = Code("18748-4", LOINC, "CR d'imagerie médicale")
CR_BIOLOGIE = Code("11502-2", LOINC, "CR d'examens biologiques")

# Bodies (cda.md 6).
PDF_MEDIA_TYPE = "application/pdf"
BASE64 = "B64"
N1_MEDIA_TYPES = frozenset({PDF_MEDIA_TYPE, "text/plain", "text/rtf", "image/jpeg", "image/tiff"})

# FR-Document-PDF-copie (cda.md 6.3).
TEMPLATE_PDF_COPY_SECTION = Id("1.2.250.1.213.1.1.2.243")
TEMPLATE_ATTACHED_DOCUMENT = Id("1.2.250.1.213.1.1.3.18")
TEMPLATE_SIMPLE_OBSERVATION_IHE = Id("1.3.6.1.4.1.19376.1.5.3.1.4.13")
TEMPLATE_SIMPLE_OBSERVATION = Id("1.2.250.1.213.1.1.3.48")
TEMPLATE_ATTACHED_DOCUMENT_TYPE = Id("1.2.250.1.213.1.1.3.48.18")
PDF_COPY = Code("55108-5", LOINC, "Copie du document", "LOINC")
ATTACHED_DOCUMENT = Code("55107-7", LOINC, "Document attaché", "LOINC")
ATTACHED_DOCUMENT_TYPE = Code("69764-9", LOINC, "Type de document", "LOINC")

PROFESSION_PREFIX = "G15_"
"""Before a profession (TRE_G15) in the codes of authors: `G15_10`, `G15_10/SM26` (JDV_J01)."""
