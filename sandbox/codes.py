"""Codes that the sandbox needs and that no format of `interop` names.

Sources: Pro Santé Connect claims (userinfo of the test environment), official DMP examples (repository),
value sets JDV_J02 and JDV_J04 for what a patient deposits.
"""

from typing import Final

# Code systems of the claims of Pro Santé Connect
OID_CLAIM_PROFESSION: Final = "1.2.250.1.213.1.1.5.5"
OID_CLAIM_SECTOR: Final = "1.2.250.1.71.4.2.4"
OID_CLAIM_PSI: Final = "1.2.250.1.213.1.3.1.1"
OID_CLAIM_LEVEL: Final = "1.2.250.1.213.1.5.1.1.1"
PSC_FEDERATION_ID: Final = "550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd"
"""Identifier of the user federation inside the `sub` of the real service (test environment)."""

OID_DMP_REPOSITORY: Final = "1.2.250.1.213.4.1.1.1.2"
"""repositoryUniqueId seen in the official examples."""

# LOINC types with a rule of their own
TYPE_VACCINATION_NOTE: Final = "87273-9"

# Kinds of organisation certificates, as IGC-Santé names them
KEY_LABEL_SIGN: Final = "ORG_SIGN"
KEY_LABEL_TLS: Final = "ORG_AUTH_CLI"
# Common name of the certificate by which people of an establishment call INSi
INSI_MANUAL: Final = "INSI-MANU"

# Letters of doctors in town: the root under which the sandbox names them, of nobody (arc 999)
OID_TOWN: Final = "1.2.250.1.999.2.9900"
