"""Templates, codes and value sets of the LDL-SES_2022.01 model (cda.md 7.1 and its table)."""

from interop.cda.codes import (
    ATC,
    CIP,
    CIS,
    HL7_ACT_CODE,
    HL7_ACT_PRIORITY,
    IPS_ABSENT_OR_UNKNOWN,
    LOINC,
    SNOMED_CT,
    TA_ASIP,
    TEMPLATE_SIMPLE_OBSERVATION,
    TEMPLATE_SIMPLE_OBSERVATION_IHE,
    TRE_R02_DESTINATION,
)
from interop.cda.datatypes import Code, Id

# --- Sections: all the templateIds of each, then its LOINC code.
STATUS_SECTION = (Id("1.2.250.1.213.1.1.2.35"), Id("1.2.250.1.213.1.1.2.35.1"))
STATUS_SECTION_CODE = Code("33557-0", LOINC, "Etat d'achèvement", "LOINC")
REASON_SECTION = (Id("1.3.6.1.4.1.19376.1.5.3.1.3.1"), Id("1.2.250.1.213.1.1.2.127"))
REASON_SECTION_CODE = Code("42349-1", LOINC, "Raison de la recommandation", "LOINC")
EVENTS_SECTION = (
    Id("1.3.6.1.4.1.19376.1.5.3.1.1.21.2.9"),
    Id("1.3.6.1.4.1.19376.1.7.3.1.1.13.7"),
    Id("1.2.250.1.213.1.1.2.163"),
    Id("1.2.250.1.213.1.1.2.163.1"),
)
EVENTS_SECTION_CODE = Code("42545-4", LOINC, "Evènements observés", "LOINC")
STOPPED_TREATMENTS_SECTION = (Id("1.3.6.1.4.1.19376.1.5.3.1.3.21"), Id("1.2.250.1.213.1.1.2.145"))
STOPPED_TREATMENTS_SECTION_CODE = Code("18610-6", LOINC, "Traitements administrés", "LOINC")
DISCHARGE_TREATMENTS_SECTION = (Id("1.3.6.1.4.1.19376.1.5.3.1.3.22"), Id("1.2.250.1.213.1.1.2.146"))
DISCHARGE_TREATMENTS_SECTION_CODE = Code("10183-2", LOINC, "Traitements à la sortie", "LOINC")
EXPECTED_RESULTS_SECTION = (Id("1.3.6.1.4.1.19376.1.5.3.1.3.27"), Id("1.2.250.1.213.1.1.2.150"))
EXPECTED_RESULTS_SECTION_CODE = Code("30954-2", LOINC, "Résultats d'examens", "LOINC")
CARE_PLAN_SECTION = (
    Id("2.16.840.1.113883.10.20.1.10"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.3.36"),
    Id("1.2.250.1.213.1.1.2.158"),
)
CARE_PLAN_SECTION_CODE = Code("18776-5", LOINC, "Plan de soins", "LOINC")
DEVICES_SECTION = (
    Id("2.16.840.1.11383.10.20.1.7"),  # as the ANS prints it, one digit short of HL7's arc
    Id("1.3.6.1.4.1.19376.1.5.3.1.1.5.3.5"),
    Id("1.2.250.1.213.1.1.2.1"),
)
DEVICES_SECTION_CODE = Code("46264-8", LOINC, "Dispositifs médicaux", "LOINC")
ALLERGIES_SECTION = (
    Id("2.16.840.1.113883.10.20.1.2"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.3.13"),
    Id("1.2.250.1.213.1.1.2.137"),
)
ALLERGIES_SECTION_CODE = Code("48765-2", LOINC, "Allergies et hypersensibilités", "LOINC")

# --- Simple observations: the common templates, then that of each, and its code.
_SIMPLE = (TEMPLATE_SIMPLE_OBSERVATION_IHE, TEMPLATE_SIMPLE_OBSERVATION)


def _observation(*arcs: str) -> tuple[Id, ...]:
    return (*_SIMPLE, *(Id(f"{TEMPLATE_SIMPLE_OBSERVATION.root}.{arc}") for arc in arcs))


def _ta(code: str, display: str) -> Code:
    return Code(code, TA_ASIP, display, "TA_ASIP")


STATUS = (_observation("16", "16.1"), _ta("GEN-065", "Statut du document"))
ADMISSION_MODE = (_observation("6"), _ta("ORG-070", "Modalité d'entrée"))
DISCHARGE_MODE = (_observation("7"), _ta("ORG-074", "Modalité de sortie"))
SUMMARY = (_observation("9"), _ta("MED-142", "Synthèse médicale"))
ADVERSE_EVENT = (
    _observation("3"),
    _ta("MED-143", "Evènements indésirables survenus pendant l'hospitalisation"),
)
GERM_SEARCH = (
    _observation("8"),
    _ta("MED-309", "Recherche de microorganismes multi-résistants ou émergents effectuée"),
)
GERMS_FOUND = (_observation("5"), _ta("MED-144", "Identification de micro-organismes multirésistants"))
TRANSFUSION = (_observation("10"), _ta("MED-145", "Transfusion de produits sanguins"))
TRANSFUSION_ACCIDENT = (_observation("1"), _ta("MED-146", "Accidents transfusionnels"))
BLOOD_DERIVATIVES = (_observation("2"), _ta("MED-147", "Administration de dérivés du sang"))
BLOOD_DERIVATIVES_EVENT = (
    _observation("4"),
    _ta("MED-148", "Evènements indésirables suite à l'administration de dérivés du sang"),
)


def _snomed(code: str, display: str) -> Code:
    return Code(code, SNOMED_CT, display, "SNOMED CT")


# JDV_StatutDoc_CISIS (1.2.250.1.213.1.1.5.93).
IN_PROGRESS = _snomed("385651009", "en cours d'exécution")
DONE = _snomed("398166005", "réalisé")
APPROVED = _snomed("9571008", "approuvé")
CLOSED = _snomed("29179001", "clôturé")
DOCUMENT_STATUSES = (IN_PROGRESS, DONE, APPROVED, CLOSED)

# JDV_ModaliteEntree_CISIS (1.2.250.1.213.1.1.5.73).
EMERGENCY_ADMISSION = _snomed("183452005", "hospitalisation en urgence")
PLANNED_ADMISSION = _snomed("8715000", "hospitalisation programmée")
TRANSFER_ADMISSION = _snomed("107724000", "transfert du patient")
OTHER_ADMISSION = _ta("GEN-092.06.07", "Autre modalité d'entrée")
ADMISSION_MODES = (EMERGENCY_ADMISSION, PLANNED_ADMISSION, TRANSFER_ADMISSION, OTHER_ADMISSION)

# JDV_ModaliteSortie_CISIS (1.2.250.1.213.1.1.5.74).
HOME_DISCHARGE = _snomed("160849004", "retour au domicile")
REHABILITATION_DISCHARGE = Code("109", TRE_R02_DESTINATION, "Etablissement de santé privé autorisé en SSR")
HOME_HOSPITAL_DISCHARGE = Code("127", TRE_R02_DESTINATION, "Hospitalisation à Domicile")
NURSING_HOME_DISCHARGE = Code(
    "500", TRE_R02_DESTINATION, "Etablissement d'hébergement pour personnes âgées dépendantes"
)
OTHER_HOSPITAL_DISCHARGE = _ta("GEN-092.06.01", "Autre établissement de santé")
OTHER_DISCHARGE = _ta("GEN-092.06.03", "Autre destination")
DISCHARGE_MODES = (
    HOME_DISCHARGE,
    REHABILITATION_DISCHARGE,
    HOME_HOSPITAL_DISCHARGE,
    NURSING_HOME_DISCHARGE,
    OTHER_HOSPITAL_DISCHARGE,
    OTHER_DISCHARGE,
)

# --- FR-Traitement and FR-Produit-de-sante.
TREATMENT = (
    Id("1.2.250.1.213.1.1.3.42"),
    Id("2.16.840.1.113883.10.20.1.24"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.7"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.7.1"),  # normal dosing: no nested administration
)
PRODUCT = (
    Id("1.2.250.1.213.1.1.3.43"),
    Id("2.16.840.1.113883.10.20.1.53"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.7.2"),
)
DRUG = Code("DRUG", HL7_ACT_CODE, "Médicament", "HL7:ActCode")
# JDV_AbsentOrUnknownMedication_CISIS (1.2.250.1.213.1.1.5.664).
NO_MEDICATION = Code("no-known-medications", IPS_ABSENT_OR_UNKNOWN, "Pas de traitement médicamenteux connu")
UNKNOWN_MEDICATION = Code(
    "no-medication-info", IPS_ABSENT_OR_UNKNOWN, "Pas d'information sur les traitements médicamenteux"
)
CODE_SYSTEM_NAMES = {CIS: "CIS", CIP: "CIP", ATC: "ATC"}

# UCUM units as French readers write them, in the singular; others are shown as they are.
UNIT_LABELS = {
    "min": "minute",
    "h": "heure",
    "d": "jour",
    "wk": "semaine",
    "mo": "mois",
    "a": "an",
    "{tbl}": "comprimé",
    "{capsule}": "gélule",
    "{drop}": "goutte",
    "{dose}": "dose",
    "mg/d": "mg par jour",
    "g/d": "g par jour",
    "mL/h": "mL par heure",
}

# --- Care plan.
PLANNED_ACT = (
    Id("2.16.840.1.113883.10.20.1.25"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.19"),
    Id("1.2.250.1.213.1.1.3.62"),
)
FOLLOW_UP = (
    Id("2.16.840.1.113883.10.20.1.25"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.1.20.3.1"),
    Id("1.2.250.1.213.1.1.3.27"),
)
FOLLOW_UP_CODE = _ta("ORG-064", "Demande d'examen ou de suivi")
PLANNED_ENCOUNTER = (
    Id("2.16.840.1.113883.10.20.1.21"),
    Id("2.16.840.1.113883.10.20.1.25"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.14"),
    Id("1.2.250.1.213.1.1.3.58"),
)
URGENT = Code("UR", HL7_ACT_PRIORITY, "Urgent", "HL7:ActPriority")
CALLBACK = Code("CS", HL7_ACT_PRIORITY, "recontacter pour fixer RDV", "HL7:ActPriority")

# --- FR-Dispositif-medical.
DEVICE = (Id("2.16.840.1.113883.10.20.1.34"), Id("1.2.250.1.213.1.1.3.20"))

# --- FR-Liste-des-allergies and FR-Allergie-ou-hypersensibilite.
ALLERGY_LIST = (
    Id("2.16.840.1.113883.10.20.1.27"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.5.1"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.5.3"),
    Id("1.2.250.1.213.1.1.3.40"),
)
ALLERGY = (
    Id("2.16.840.1.113883.10.20.1.28"),
    Id("2.16.840.1.113883.10.20.1.18"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.5"),
    Id("1.3.6.1.4.1.19376.1.5.3.1.4.6"),
    Id("1.2.250.1.213.1.1.3.41"),
)
# JDV_TypeEvenementIndesirablePrevisible_CISIS (1.2.250.1.213.1.1.5.794).
ANY_ALLERGY = _snomed("609328004", "allergie")
DRUG_ALLERGY = _snomed("416098002", "allergie médicamenteuse")
FOOD_ALLERGY = _snomed("414285001", "allergie alimentaire")
SUBSTANCE_ALLERGY = _snomed("419199007", "allergie à une substance")
ANY_HYPERSENSITIVITY = _snomed("609396006", "hypersensibilité non allergique")
DRUG_INTOLERANCE = _snomed("59037007", "intolérance aux drogues et/ou médicaments")
FOOD_INTOLERANCE = _snomed("235719002", "intolérance alimentaire")
SUBSTANCE_INTOLERANCE = _snomed("782197009", "intolérance à une substance")
ALLERGY_KINDS = (
    ANY_ALLERGY,
    DRUG_ALLERGY,
    FOOD_ALLERGY,
    SUBSTANCE_ALLERGY,
    ANY_HYPERSENSITIVITY,
    DRUG_INTOLERANCE,
    FOOD_INTOLERANCE,
    SUBSTANCE_INTOLERANCE,
)
# JDV_AbsentOrUnknownAllergy_CISIS (1.2.250.1.213.1.1.5.661).
NO_ALLERGY = Code("no-known-allergies", IPS_ABSENT_OR_UNKNOWN, "Pas d'allergie/hypersensibilité connue")
UNKNOWN_ALLERGY = Code(
    "no-allergy-info", IPS_ABSENT_OR_UNKNOWN, "Pas d’information sur les allergies/hypersensibilités"
)
