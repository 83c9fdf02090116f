"""Codes of the documents of other structures (JDV_J01, J02, J04, J07, J142; labels as published)."""

from typing import Final

from interop.cda import codes as cda
from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.documents.model import Coded

ROOT: Final = "1.2.250.1.999.9"
"""Root of the identifiers of all the structures that the sandbox invents."""
IPP_BRANCH: Final = "9"
INS_TEST: Final = ins_codes.INS_NIR_TEST_OID

AMBULATORY: Final = Coded("AMBULATOIRE", xds.OID_PRACTICE_SETTING, "Ambulatoire")
HOSPITAL: Final = Coded("ETABLISSEMENT", xds.OID_PRACTICE_SETTING, "Etablissement de santé")
PATIENT_SETTING: Final = Coded("EXP_PATIENT", vihf.OID_ROLE_NON_PS, "Expression personnelle du patient")
PATIENT_SECTOR: Final = PATIENT_SETTING

SECTORS: Final = {
    code: Coded(code, xds.OID_FACILITY_TYPE, label)
    for code, label in (
        ("SA01", "Etablissement public de santé"),
        ("SA04", "Etablissement privé non PSPH"),
        ("SA07", "Cabinet individuel"),
        ("SA08", "Cabinet de groupe"),
        ("SA25", "Laboratoire de biologie médicale"),
        ("SA33", "Pharmacie d'officine"),
    )
}
SPECIALTIES: Final = {
    code: Coded(code, xds.OID_SPECIALTY, label)
    for code, label in (
        ("G15_10/SM01", "Médecin - Anatomie et Cytologie pathologiques (SM)"),
        ("G15_10/SM02", "Médecin - Anesthésie-réanimation (SM)"),
        ("G15_10/SM03", "Médecin - Biologie médicale (SM)"),
        ("G15_10/SM04", "Médecin - Cardiologie et maladies vasculaires (SM)"),
        ("G15_10/SM05", "Médecin - Chirurgie générale (SM)"),
        ("G15_10/SM26", "Médecin - Qualifié en Médecine Générale (SM)"),
        ("G15_10/SM42", "Médecin - Psychiatrie (SM)"),
        ("G15_10/SM44", "Médecin - Radio-diagnostic (SM)"),
        ("G15_21/A", "Pharmacien titulaire d'officine"),
        ("G15_60", "Infirmier"),
    )
}
CLASSES: Final = {
    code: Coded(code, xds.OID_CLASS_CODE, label)
    for code, label in (
        ("10", "Compte rendu"),
        ("11", "Synthèse"),
        ("31", "Imagerie médicale"),
        ("42", "Prescription"),
        ("43", "Dispensation"),
        ("44", "Plan de soins, protocole de soins"),
        ("52", "Certificat, déclaration"),
        ("90", "Autres documents déposés par le patient"),
    )
}
# Type, its class, its label.
_LOINC_TYPES: Final = (
    ("11490-0", "10", "Lettre de liaison à la sortie d'un établissement de soins"),
    ("11488-4", "10", "CR ou fiche de consultation ou de visite"),
    ("11502-2", "10", "CR d'examens biologiques"),
    ("60568-3", "10", "CR d'anatomie et de cytologie pathologiques"),
    ("18748-4", "31", "CR d'imagerie médicale"),
    ("34874-8", "10", "CR opératoire"),
    ("15507-7", "10", "CR de passage aux urgences"),
    ("57833-6", "42", "Prescription de produits de santé"),
    ("68599-0", "11", "Synthèse psychiatrique"),
    ("11369-6", "52", "Historique des vaccinations"),
    ("87273-9", "52", "Note de vaccination"),
    ("34112-3", "10", "CR hospitalier (séjour)"),
    ("96349-6", "10", "Lettre d'adressage"),
    ("89601-9", "52", "Certificat médical"),
    ("77436-4", "10", "CR d'anesthésie"),
    ("34749-2", "10", "CR de consultation pré-anesthésique"),
    ("60593-1", "43", "Dispensation médicamenteuse"),
    ("18776-5", "44", "Plan personnalisé de soins"),
)
_NATIONAL_TYPES: Final = (
    ("SYNTH", "11", "Synthèse"),
    ("PRESC-BIO", "42", "Prescription d'actes de biologie médicale"),
    ("DOCPAT03", "90", "CR déposé par le patient"),
)
TYPES: Final = {
    code: (Coded(code, system, label), CLASSES[class_code])
    for system, rows in ((xds.OID_LOINC, _LOINC_TYPES), (xds.OID_TYPE_CODE_FR, _NATIONAL_TYPES))
    for code, class_code, label in rows
}
ENCOUNTERS: Final = {
    "IMP": cda.Code("IMP", cda.HL7_ACT_CODE, "Hospitalisation (établissement, y compris HAD)"),
    "EMER": cda.Code("EMER", cda.HL7_ACT_CODE, "Passage aux urgences (établissement)"),
    "AMB": cda.Code("AMB", cda.HL7_ACT_CODE, "Ambulatoire (hors établissement)"),
    "EXTERNE": cda.Code("EXTERNE", cda.CISIS_ENCOUNTER, "Acte et consultation externe (établissement)"),
}
FORMATS: Final = {
    "pdf": Coded(xds.FORMAT_PDF, xds.OID_FORMAT_IHE, "Document à corps non structuré en Pdf/A-1"),
    "text": Coded(xds.FORMAT_TEXT, xds.OID_FORMAT_IHE, "Document à corps non structuré en texte brut"),
    "n3": Coded(
        "urn:asip:ci-sis:ldl-ses:2017",
        xds.OID_FORMAT_FR,
        "Lettre de Liaison à la sortie de l'établissement de santé",
    ),
}
FORMATS_OF_LEVEL: Final = {"pdf": "pdf", "text": "text", "n3": "n3", "n3+pdf": "n3"}
REFERENCE_DOMAIN: Final = f"{ROOT}.5"
"""Domain of accession numbers of the imaging centre."""
STUDY: Final = f"{ROOT}.6"
"""Root of the studies of the imaging centre."""
