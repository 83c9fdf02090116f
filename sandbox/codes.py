"""Codes that the sandbox needs and that no format of `interop` names.

Sources: Pro Santé Connect claims (userinfo of the test environment), DMP HL7 V3 messages (TD0.2), INS
identifiers.
"""

from typing import Final

# Code systems of the claims of Pro Santé Connect
OID_CLAIM_PROFESSION: Final = "1.2.250.1.213.1.1.5.5"
OID_CLAIM_SECTOR: Final = "1.2.250.1.71.4.2.4"
OID_CLAIM_PSI: Final = "1.2.250.1.213.1.3.1.1"
OID_CLAIM_LEVEL: Final = "1.2.250.1.213.1.5.1.1.1"
PSC_FEDERATION_ID: Final = "550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd"
"""Identifier of the user federation inside the `sub` of the real service (test environment)."""

# Reasons and answers of the existence test (TD0.2)
OID_TD02_REASON: Final = "1.2.250.1.213.1.1.4.11"
OID_DMP_DEVICE: Final = "1.2.250.1.213.4.1.1.1"
OID_DMP_REPOSITORY: Final = "1.2.250.1.213.4.1.1.1.2"
"""repositoryUniqueId seen in the official examples."""
OID_HL7_INTERACTIONS: Final = "2.16.840.1.113883.1.6"
OID_KEYWORD_AUTHORISATION: Final = "1.2.250.1.213.4.1.2.6.1"
OID_AUTHORISATION_STATUS: Final = "1.2.250.1.213.4.1.2.6.2"
OID_KEYWORD_TREATING_PHYSICIAN: Final = "1.2.250.1.213.4.1.2.6.3"
OID_DMP_ATTACHMENT: Final = "1.2.250.1.213.4.1.2.3"
AUTHORISATION_VALID: Final = "VALIDE"
AUTHORISATION_NONE: Final = "INEXISTANTE"
ACTION_TD02: Final = "urn:hl7-org:v3:PRPA_IN201307UV02"
ACTION_TD02_RESPONSE: Final = "urn:hl7-org:v3:PRPA_IN201308UV02"
REASON_EXISTENCE: Final = "TEST_EXST"

ACTION_TD03: Final = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization"
ACTION_TD03_RESPONSE: Final = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorizationResponse"
NS_AUTHORISATIONS: Final = "urn:si-dmp-habilitations"
AUTHORISATION_EXPIRED: Final = "EXPIREE"
AUTHORISATION_BLOCKED: Final = "INTERDITE"
KEYWORD_AUTHORISATION: Final = "AUTORISATION"
INTERACTION_TD02: Final = "PRPA_IN201307UV02"
INTERACTION_TD02_RESPONSE: Final = "PRPA_IN201308UV02"

# LOINC types with a rule of their own
TYPE_VACCINATION_NOTE: Final = "87273-9"

# Kinds of organisation certificates, as IGC-Santé names them
KEY_LABEL_SIGN: Final = "ORG_SIGN"
KEY_LABEL_TLS: Final = "ORG_AUTH_CLI"
