"""Systems and codes of the Annuaire Santé FHIR API, version 2.

Sources: spec mssante 3.1 (IG-fhir-annuaire 1.1, guide of version 2); nomenclatures TRE_G15 (profession),
TRE_R38 (savoir-faire), TRE_R256 (messagerie), JDV_J139 (type of BAL). Values are compared on the code alone
where the served data and the guide disagree on the system.
"""

from typing import Final

API_KEY_HEADER: Final = "ESANTE-API-KEY"

SYSTEM_RPPS: Final = "https://rpps.esante.gouv.fr"
SYSTEM_FINESS: Final = "https://finess.esante.gouv.fr"
SYSTEM_IDNPS: Final = "urn:oid:1.2.250.1.71.4.2.1"
SYSTEM_STRUCTURE: Final = "urn:oid:1.2.250.1.71.4.2.2"
SYSTEM_IDENTIFIER_TYPE: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
IDENTIFIER_RPPS: Final = "RPPS"
IDENTIFIER_FINESS: Final = frozenset({"FINEG", "FINEJ"})

NOS: Final = "https://mos.esante.gouv.fr/NOS"
SYSTEM_PROFESSION: Final = f"{NOS}/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
SYSTEM_SPECIALTY: Final = f"{NOS}/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
SYSTEM_MAIL: Final = f"{NOS}/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie"
SYSTEM_MAILBOX: Final = f"{NOS}/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL"
MARK_PROFESSION: Final = "G15"
MARK_SPECIALTY: Final = "R38"
"""What the system of a qualification must contain: its spelling varies."""

EXTENSION_MAIL_TYPE: Final = (
    "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type"
)
EXTENSION_MAILBOX: Final = (
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
)
MAIL_MSSANTE: Final = "MSSANTE"

PRACTITIONER: Final = "Practitioner"
ROLE: Final = "PractitionerRole"
ORGANIZATION: Final = "Organization"
