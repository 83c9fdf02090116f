"""Names of the téléservice INSi (WSDL and XSD of INSi 1.5.0; shared/spec/ins.md 11).

Action and namespaces move with the version of the package: the action is a setting of the adapter.
"""

from enum import StrEnum
from typing import Final

# Namespaces of the bodies
NS_SEARCH: Final = "http://www.cnamts.fr/INSiRecSans"
NS_RESULT: Final = "http://www.cnamts.fr/INSiResultat"
# Namespaces of the headers and of the faults
NS_BAM: Final = "urn:siram:bam:ctxbam"
NS_LPS: Final = "urn:siram:lps:ctxlps"
NS_SIRAM: Final = "urn:siram"

TAG_SEARCH: Final = "RECSANSVITALE"
TAG_RESULT: Final = "RESULTAT"
ACTION_SEARCH: Final = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
SEARCH_FIELDS: Final = ("NomNaissance", "Prenom", "Sexe", "DateNaissance", "LieuNaissance")
"""Children of a search, in the order of the schema; only `Prenom` is repeated."""

BAM_NATURE: Final = "CTXBAM"
BAM_VERSION: Final = "01_02"
LPS_NATURE: Final = "CTXLPS"
LPS_VERSION: Final = "01_00"
IDAM_KIND: Final = "4"
"""Attribute R of IDAM: the number is that of an authorisation of the CNDA."""
MESSAGE_ID_PREFIX: Final = "uuid:"

# Common names of the certificates of an establishment (ins.md 11.5): any other is desir_560.
CERTIFICATE_NAMES: Final = frozenset({"INSI-AUTO", "INSI-MANU"})

# Faults (ins.md 11.6)
FAULT_SUBCODE: Final = "siram_100"
UNKNOWN_SOFTWARE: Final = "desir_550"
INSUFFICIENT_RIGHTS: Final = "desir_560"
ACCESS_PREFIXES: Final = ("siram_", "desir_")
FUNCTIONAL_PREFIX: Final = "insi_"


class ResultCode(StrEnum):
    """CodeCR of an answer (ins.md 11.3)."""

    FOUND = "00"
    NOBODY = "01"
    SEVERAL = "02"
