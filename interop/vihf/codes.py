"""Names of the VIHF, the SAML 2.0 assertion of the French health sector.

Sources: CI-SIS transport volet (VIHF), DMP integration guide (EX_0.1, EX_AIR), official DMP example messages.
What the server may change is an argument of the builder, never a literal: these are the default values.
"""

from typing import Final

# Namespaces
NS_SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
NS_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
NS_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NS_XS: Final = "http://www.w3.org/2001/XMLSchema"
NS_HL7_V3: Final = "urn:hl7-org:v3"

SAML_VERSION: Final = "2.0"
ISSUER_FORMAT_X509: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"

VIHF_VERSION_3: Final = "3.0"
VIHF_VERSION_4: Final = "4.0"
TOKEN_LIFETIME_SECONDS: Final = 30
"""EX_AIR-040: a token is considered valid for 30 seconds, for one single call."""

# Authentication of the user in the source system (AuthnContextClassRef)
AC_PASSWORD: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"  # noqa: S105 - a class name, no secret
AC_PASSWORD_PROTECTED: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a class name, no secret
AC_TLS_CLIENT: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient"
AC_SMARTCARD_PKI: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
AC_MOBILE_TWO_FACTOR: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered"
AC_TIME_SYNC_TOKEN: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"  # noqa: S105 - a class name
AC_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
AIR_SIMPLIFIED_DECLARATION: Final = "CONF_EXI_PGSSIS"
"""EX_AIR-050: primary authentication method declared in AIR simplifié (AuthnContextDecl)."""
DECLARATION_ELEMENT: Final = "AuthnContextDecl"
"""Where the declaration stands; AuthnContextDeclRef is the other reading (spec dmp 12, 2)."""
WITHOUT_SECOND_FACTOR: Final = frozenset({AC_PASSWORD, AC_PASSWORD_PROTECTED, AC_UNSPECIFIED})
"""Methods that cannot be those of a session in AIR mode: two factors are mandatory."""

# Values of the authentication mode
MODE_DIRECT: Final = "DIRECTE"
MODE_INDIRECT: Final = "INDIRECTE"
MODE_INDIRECT_REINFORCED: Final = "INDIRECTE_RENFORCEE"

# Attribute names
ATTR_VERSION: Final = "VIHF_Version"
ATTR_AUTH_MODE: Final = "Authentification_mode"
ATTR_AUTH_MODE_ALTERNATIVE: Final = "Authentification_Mode"
ATTR_STRUCTURE: Final = "Identifiant_Structure"
ATTR_SECTOR: Final = "Secteur_Activite"
ATTR_SUBJECT_ID: Final = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
ATTR_ROLE: Final = "urn:oasis:names:tc:xacml:2.0:subject:role"
ATTR_RESOURCE_ID: Final = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
ATTR_RESOURCE_URN: Final = "Ressource_URN"
ATTR_PURPOSE_OF_USE: Final = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
ATTR_CONFIDENTIALITY: Final = "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code"
ATTR_ACCESS_REASON: Final = "Mode_Acces_Raison"
ATTR_LPS_ID: Final = "LPS_ID"
ATTR_LPS_NAME: Final = "LPS_Nom"
ATTR_LPS_VERSION: Final = "LPS_Version"
ATTR_LPS_HOMOLOGATION: Final = "LPS_ID_HOMOLOGATION_DMP"

RESOURCE_URN_DMP: Final = "urn:dmp"

# Code systems
OID_SECTOR: Final = "1.2.250.1.71.4.2.4"
"""TRE_R02 activity sector (`SAxx`), value set JDV_J61-HealthcareFacilityTypeCode-DMP."""
OID_PROFESSION: Final = "1.2.250.1.71.1.2.7"
"""TRE_G15-ProfessionSante."""
OID_SPECIALTY_RPPS: Final = "1.2.250.1.71.4.2.5"
"""TRE_R01 savoir-faire, second role of a physician."""
OID_PHARMACIST_SECTION: Final = "1.2.250.1.71.4.2.6"
"""TRE_G05-SousSectionTableauCNOP (NOS of ANS), second role of a pharmacist."""
OID_ROLE_NON_PS: Final = "1.2.250.1.213.1.1.4.6"
"""TRE_A00_ProducteurDocNonPS: software and producers who are no health professional."""
OID_ACCESS_MODE: Final = "1.2.250.1.213.1.1.4.248"
"""Access mode of the VIHF (PurposeOfUse)."""

PROFESSION_SYSTEM_NAME: Final = "professions"
SPECIALTY_SYSTEM_NAME: Final = "specialites RPPS"
ACCESS_MODE_SYSTEM_NAME: Final = "mode acces VIHF 2.0"

# Roles
ROLE_AUTOMATE: Final = "AUTOMATE"
PROFESSION_PHYSICIAN: Final = "10"
PROFESSION_PHARMACIST: Final = "21"
PROFESSIONS_WITH_SECOND_ROLE: Final = frozenset({PROFESSION_PHYSICIAN, PROFESSION_PHARMACIST})
"""Professions whose role needs a second value (specialty or section of the order)."""

# Purposes of use: code, label
PURPOSE_NORMAL: Final = ("normal", "Accès normal")
PURPOSE_BREAK_GLASS: Final = ("bris_de_glace", "Accès bris de glace")
PURPOSE_CENTRE_15: Final = ("centre_15", "Accès centre 15")
PURPOSES: Final = (PURPOSE_NORMAL, PURPOSE_BREAK_GLASS, PURPOSE_CENTRE_15)

SECRET_CONNECTION_CODE: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"  # noqa: S105 - an official code, no secret

# First character of the national identifier of a person (PS_IdNat): `8` RPPS, `0` ADELI
RPPS_PREFIX: Final = "8"
# First character of the national identifier of a structure (Struct_IdNat)
FINESS_PREFIX: Final = "1"
SIREN_PREFIX: Final = "2"
SIRET_PREFIX: Final = "3"
