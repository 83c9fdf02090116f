"""Identifiers of the INS (référentiel INS v2.1; shared/spec/ins.md 2.1 and 6)."""

from enum import StrEnum

# Assigning authorities of a matricule (ins.md 2.1).
INS_NIR_OID = "1.2.250.1.213.1.4.8"
INS_NIA_OID = "1.2.250.1.213.1.4.9"
INS_NIR_TEST_OID = "1.2.250.1.213.1.4.10"
INS_NIR_DEMO_OID = "1.2.250.1.213.1.4.11"
# INS-A and INS-C, computed locally before 2020: read as foreign identifiers, never as an INS.
RETIRED_INS_OIDS = frozenset({"1.2.250.1.213.1.4.1", "1.2.250.1.213.1.4.2"})

INS_OIDS = frozenset({INS_NIR_OID, INS_NIA_OID, INS_NIR_TEST_OID, INS_NIR_DEMO_OID})

# What a platform may read and write: a test identity must never reach the real DMP (ins.md 2.1).
PRODUCTION_INS_OIDS = frozenset({INS_NIR_OID, INS_NIA_OID})
TEST_INS_OIDS = frozenset({INS_NIR_OID, INS_NIA_OID, INS_NIR_TEST_OID})
DEMO_INS_OIDS = frozenset({INS_NIR_TEST_OID, INS_NIR_DEMO_OID})

# Names of the authorities in HL7 v2 CX-4.1 (official CI-SIS example messages; NIA by analogy, ins.md 16).
INS_AUTHORITY_NAMES = {
    INS_NIR_OID: "ASIP-SANTE-INS-NIR",
    INS_NIA_OID: "ASIP-SANTE-INS-NIA",
    INS_NIR_TEST_OID: "ASIP-SANTE-INS-NIR",
    INS_NIR_DEMO_OID: "ASIP-SANTE-INS-NIR",
}

# Birth place codes of the COG (ins.md 6).
COG_UNKNOWN = "99999"
COG_FOREIGN_PREFIX = "99"


class IdentityStatus(StrEnum):
    """Status of an identity (RNIV EXI SI 07; ins.md 7.1)."""

    PROVISIONAL = "PROV"
    RECOVERED = "RECUP"
    VALIDATED = "VALI"
    QUALIFIED = "QUAL"


class InsNature(StrEnum):
    """What a matricule is, shown after it (ins.md 2.1)."""

    NIR = "NIR"
    NIA = "NIA"


def ins_nature(oid: str) -> InsNature:
    """Return the nature of a matricule: told by its OID, never by its digits (ins.md 2.1).

    Raises:
        ValueError: the OID is not one of an INS.
    """
    if oid not in INS_OIDS:
        raise ValueError(f"{oid} is not the OID of an INS")
    return InsNature.NIA if oid == INS_NIA_OID else InsNature.NIR
