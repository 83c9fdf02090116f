"""Names of the messages of the DMP that are not XDS.

Sources: DMP integration guide (TD0.2, TD0.3, TD1.3a), official DMP example messages v02.05.00, WSDL
Habilitations. What the server may change is an argument of the builders: these are the default values.
"""

from typing import Final

# Namespaces
NS_HL7_V3: Final = "urn:hl7-org:v3"
NS_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NS_AUTHORISATIONS: Final = "urn:si-dmp-habilitations"

# Service paths, below .../si-dmp-server/v2/services/
PATH_PATIENTS: Final = "patients"
PATH_AUTHORISATIONS: Final = "habilitations"

# WS-Addressing actions
ACTION_TD02: Final = "urn:hl7-org:v3:PRPA_IN201307UV02"
ACTION_TD02_RESPONSE: Final = "urn:hl7-org:v3:PRPA_IN201308UV02"
ACTION_TD03: Final = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization"
ACTION_TD03_RESPONSE: Final = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorizationResponse"

# HL7 V3 interactions and transmission wrapper
INTERACTION_TD02: Final = "PRPA_IN201307UV02"
INTERACTION_TD02_RESPONSE: Final = "PRPA_IN201308UV02"
OID_HL7_INTERACTIONS: Final = "2.16.840.1.113883.1.6"
OID_DMP_DEVICE: Final = "1.2.250.1.213.4.1.1.1"
DMP_DEVICE_NAME: Final = "DMP"
ITS_VERSION: Final = "XML_1.0"
PROCESSING_PRODUCTION: Final = "P"
PROCESSING_DEBUGGING: Final = "D"
PROCESSING_MODE: Final = "T"
ACCEPT_ALWAYS: Final = "AL"
ACCEPT_NEVER: Final = "NE"
MESSAGE_BRANCH: Final = "1.1"
"""Branch under the OID of the software for the identifiers of messages."""
QUERY_BRANCH: Final = "2"
"""Branch under the OID of the software for the identifiers of queries."""
ACK_ACCEPTED: Final = "AA"
QUERY_FOUND: Final = "OK"
QUERY_NOT_FOUND: Final = "NF"
PATIENT_SEMANTICS: Final = "Patient.id"

# Reasons of the control act
OID_REASON: Final = "1.2.250.1.213.1.1.4.11"
REASON_EXISTENCE: Final = "TEST_EXST"
REASON_EXISTENCE_LABEL: Final = "Test d'existence de dossier"

# Attention lines of an answer
OID_KEYWORD_AUTHORISATION: Final = "1.2.250.1.213.4.1.2.6.1"
OID_AUTHORISATION_STATUS: Final = "1.2.250.1.213.4.1.2.6.2"
OID_KEYWORD_TREATING_PHYSICIAN: Final = "1.2.250.1.213.4.1.2.6.3"
KEYWORD_AUTHORISATION: Final = "AUTORISATION"
KEYWORD_TREATING_PHYSICIAN: Final = "STATUT_MT"

# Status of the authorisation; VALIDE is published, the three others are recalled (spec dmp 1.4)
AUTHORISATION_VALID: Final = "VALIDE"
AUTHORISATION_EXPIRED: Final = "EXPIREE"
AUTHORISATION_BLOCKED: Final = "INTERDITE"
AUTHORISATION_NONE: Final = "INEXISTANTE"

# Status of the DMP
DMP_ACTIVE: Final = "active"
DMP_TERMINATED: Final = "terminated"

# Administrative observations
OID_OBSERVATION_ENS: Final = "1.2.250.1.213.4.1.2.3"
OID_OBSERVATION_ACCOUNT: Final = "1.2.250.1.213.4.1.2.9"
OBSERVATION_ENS: Final = "RATTACHEMENT_ENS"
OBSERVATION_ACCOUNT: Final = "COMPTE_INTERNET_OUVERT"

# Reason of a closure (detectedIssueEvent)
OID_CLOSING_REASON: Final = "1.2.250.1.213.4.1.2.4"
CLOSED_BY_PATIENT: Final = "FERMETURE_DEMANDE_PATIENT"

# TD0.3
AUTHORISATION_ADD: Final = "AJOUT"
AUTHORISATION_REMOVE: Final = "SUPPRESSION"
STATUS_OK: Final = "DMPOk"
