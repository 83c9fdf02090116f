"""Codes of HL7 v2 and of its French profiles.

Sources, named at each table: HL7 v2.5 and v2.6 (chapter 2, tables 0008, 0357, 0516), CI-SIS volet
"Transmission de document(s) CDA en HL7v2" v2.1 (TD), CI-SIS volet "Transmission au LPS d'un document CDA
provenant d'un courriel MSSanté" v1.1 (LPS), IHE PAM France 2.11 (PAM), IHE ITI TF-2 and TF-4.
"""

from enum import StrEnum
from typing import Final

from interop.ins.codes import INS_AUTHORITY_NAMES as INS_AUTHORITY_NAMES
from interop.ins.codes import INS_OIDS as INS_OIDS
from interop.ins.codes import RETIRED_INS_OIDS as RETIRED_INS_OIDS
from interop.ins.codes import IdentityStatus as IdentityStatus
from interop.xds.codes import OID_PERSON as OID_PERSON
from interop.xds.codes import OID_STRUCTURE as OID_STRUCTURE

# --- Character sets (MSH-18, table 0211; TD profils-messages, IHE TF-4 4.1.1.1) -------------------
CHARSET_UTF8: Final = "UNICODE UTF-8"
CHARSET_LATIN1: Final = "8859/1"
CHARSET_LATIN9: Final = "8859/15"
CODEC_OF_CHARSET: Final = {
    CHARSET_UTF8: "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    CHARSET_LATIN1: "iso8859-1",
    CHARSET_LATIN9: "iso8859-15",
}
"""Python codec of each declared character set; the keys are upper case."""
CHARSETS_UNDECLARED: Final = frozenset({"", "ASCII"})
"""Values of MSH-18 that say nothing: the partner's default decides (hl7v2.md 1.4)."""

COUNTRY: Final = "FRA"
"""MSH-17, ISO 3166 alpha-3."""
LANGUAGE: Final = "FR"
"""MSH-19 of PAM France 2.11."""
EXPLICITLY_EMPTY: Final = '""'
"""A field holding two double quotes asks the receiver to delete the value it stores (HL7 v2.5, 2.5.3)."""

# --- Versions and profiles (MSH-12, MSH-21) -------------------------------------------------------
VERSION_ORU: Final = "2.5"
VERSION_MDM: Final = "2.6"
VERSION_PAM: Final = "2.5^FRA^2.11"
PROFILE_DOCUMENT: Final = "CISIS_CDA_HL7_V2"
PROFILE_DOCUMENT_VERSION: Final = "2.1"
PROFILE_LPS: Final = "CISIS_CDA_HL7_LPS"
PROFILE_LPS_VERSION: Final = "1.1"
PROFILE_PAM: Final = "IHE_FRANCE-2.11-PAM"
PROFILE_PAM_VERSION: Final = "2.11"


# --- Acknowledgements (table 0008; hl7v2.md 1.5) --------------------------------------------------
class AckCode(StrEnum):
    """MSA-1, original mode. Enhanced codes (CA, CE, CR) are not used by the French profiles."""

    AA = "AA"
    """Accepted: the receiver takes the message in charge, the sender must not send it again."""
    AE = "AE"
    """The message has errors: sending the same bytes again is useless."""
    AR = "AR"
    """Refused for a passing reason: the sender may send again later."""


class Severity(StrEnum):
    """ERR-4 (table 0516)."""

    ERROR = "E"
    FATAL = "F"
    WARNING = "W"
    INFORMATION = "I"


ERROR_ACCEPTED: Final = "0"
ERROR_SEGMENT_SEQUENCE: Final = "100"
ERROR_FIELD_MISSING: Final = "101"
ERROR_DATA_TYPE: Final = "102"
ERROR_TABLE_VALUE: Final = "103"
ERROR_CARDINALITY: Final = "198"
ERROR_OTHER: Final = "199"
ERROR_MESSAGE_TYPE: Final = "200"
ERROR_EVENT: Final = "201"
ERROR_PROCESSING: Final = "202"
ERROR_VERSION: Final = "203"
ERROR_APPLICATION: Final = "207"
ERROR_LABELS: Final = {
    ERROR_ACCEPTED: "Message accepted",
    ERROR_SEGMENT_SEQUENCE: "Segment sequence error",
    ERROR_FIELD_MISSING: "Required field missing",
    ERROR_DATA_TYPE: "Data type error",
    ERROR_TABLE_VALUE: "Table value not found",
    ERROR_CARDINALITY: "Non-conformant cardinality",
    ERROR_OTHER: "Other HL7 Error",
    ERROR_MESSAGE_TYPE: "Unsupported message type",
    ERROR_EVENT: "Unsupported event code",
    ERROR_PROCESSING: "Unsupported processing",
    ERROR_VERSION: "Unsupported version",
    ERROR_APPLICATION: "Application error",
}
"""Table 0357 as both volets restrict it (LPS error-codes)."""

SYSTEM_ERROR_CODE: Final = "messageErrorCondition"
SYSTEM_APPLICATION_ERROR: Final = "applicationErrorCode"
"""ERR-5.3 of the acknowledgement of flow 6."""
SYSTEM_APPLICATION_CONDITION: Final = "applicationErrorCondition"
"""ERR-5.3 of ZAM^Z03: the same codes under the other name of table 0533."""
SYSTEM_DMP_ERROR: Final = "DMP_ERROR_CODE"
SYSTEM_SMTP_ERROR: Final = "SMTPERRORCODE"

APPLICATION_WRONG_VERSION: Final = "900"
APPLICATION_AUTHOR_NOT_ALLOWED: Final = "901"
APPLICATION_PATIENT_UNKNOWN: Final = "902"
APPLICATION_INS_ABSENT: Final = "903"
APPLICATION_INS_MISMATCH: Final = "904"
APPLICATION_INS_INCOMPLETE: Final = "905"
APPLICATION_OTHER: Final = "906"
APPLICATION_ERROR_LABELS: Final = {
    APPLICATION_WRONG_VERSION: (
        "Version du document incorrecte lors d'une demande de remplacement/suppression"
    ),
    APPLICATION_AUTHOR_NOT_ALLOWED: "Auteur non autorisé à remplacer ou supprimer un document",
    APPLICATION_PATIENT_UNKNOWN: "Identifiant patient inconnu",
    APPLICATION_INS_ABSENT: "INS non présent dans le document",
    APPLICATION_INS_MISMATCH: (
        "L'INS transmis ne correspond pas exactement à celui stocké dans la base du consommateur"
    ),
    APPLICATION_INS_INCOMPLETE: "L'INS transmis n'est pas complet",
    APPLICATION_OTHER: "Erreur 'Autre'",
}
"""Table applicationErrorCode (0533, LPS error-codes)."""
APPLICATION_ERROR_LOCATIONS: Final = {
    APPLICATION_WRONG_VERSION: "TXA^1^12",
    APPLICATION_AUTHOR_NOT_ALLOWED: "PRT^1^5",
    APPLICATION_PATIENT_UNKNOWN: "PID^1^3",
    APPLICATION_INS_ABSENT: "PID^1^3",
    APPLICATION_INS_MISMATCH: "PID^1^3",
    APPLICATION_INS_INCOMPLETE: "PID^1^3",
    APPLICATION_OTHER: "",
}
"""ERR-2 of each application error: `PID^1^3` is attested, the others are decided (hl7v2.md 3.4)."""

SMTP_ERROR_LABELS: Final = {
    "101": "Le serveur ne peut pas se connecter",
    "111": "Connexion refusée",
    "251": "Destinataire non local, le message ne sera pas relayé",
    "252": "Destinataire non vérifiable, remise tentée",
    "420": "Délai dépassé",
    "421": "Service indisponible",
    "422": "Quota de la boîte dépassé",
    "431": "Espace disque ou mémoire insuffisant",
    "432": "Changement de mot de passe requis",
    "441": "Le serveur du destinataire ne répond pas",
    "442": "Connexion interrompue",
    "450": "Boîte indisponible (occupée)",
    "451": "Abandon, erreur locale",
    "452": "Ressources insuffisantes",
    "500": "Commande inconnue",
    "501": "Erreur de syntaxe dans les paramètres",
    "502": "Commande non implémentée",
    "503": "Séquence de commandes incorrecte",
    "504": "Paramètre non implémenté",
    "510": "Adresse incorrecte",
    "512": "Hôte introuvable (DNS)",
    "513": "Type d'adresse incorrect",
    "523": "Taille totale au-dessus de la limite",
    "530": "Authentification requise",
    "541": "Rejeté par le destinataire (indésirable)",
    "550": "Boîte introuvable ou inaccessible",
    "551": "Relais refusé",
    "552": "Capacité de stockage dépassée",
    "553": "Nom de boîte invalide",
    "554": "Échec permanent",
}
"""SMTPERRORCODE of ZAM^Z02 (TD error-codes); our own wording."""


# --- Documents (TD evenements-declenchants, profils-messages) -------------------------------------
class Action(StrEnum):
    """What a document message asks. A change of visibility travels as a replacement (TD def-proc-collab)."""

    INITIAL = "initial"
    REPLACE = "replace"
    DELETE = "delete"


MDM_EVENT_OF_ACTION: Final = {Action.INITIAL: "T02", Action.REPLACE: "T10", Action.DELETE: "T04"}
ORDER_CONTROL_OF_ACTION: Final = {Action.INITIAL: "NW", Action.REPLACE: "RO", Action.DELETE: "CA"}
"""ORC-1 (table 0119)."""
RESULT_STATUS_OF_ACTION: Final = {Action.INITIAL: "F", Action.REPLACE: "C", Action.DELETE: "D"}
"""OBX-11 of the document (table 0085)."""
ACTION_OF_ORDER_CONTROL: Final = {code: action for action, code in ORDER_CONTROL_OF_ACTION.items()}
ACTION_OF_RESULT_STATUS: Final = {code: action for action, code in RESULT_STATUS_OF_ACTION.items()}
ACTION_OF_MDM_EVENT: Final = {event: action for action, event in MDM_EVENT_OF_ACTION.items()}

MDM_STRUCTURE: Final = "MDM_T02"
ORU_STRUCTURE: Final = "ORU_R01"
ZAM_STRUCTURE: Final = "ZAM_Z01"

TXA_CONTENT_TEXT: Final = "TEXT"
TXA_AUTHENTICATED: Final = "AU"
"""TXA-17 (table 0271)."""
RESULT_FINAL: Final = "F"
"""OBX-11 of everything but the document."""

PARTICIPATION_UNCHANGED: Final = "UC"
"""PRT-2 (table 0287)."""
PARTICIPATION_SYSTEM: Final = "participation"


class Participation(StrEnum):
    """PRT-4.1: the only reliable component of PRT-4 (hl7v2.md 2.5)."""

    SENT_BY = "SB"
    """The requester of the treatment: a professional or a device, with its structure."""
    RECIPIENT = "RCT"
    REPLY_TO = "REPLY"


PARTICIPATION_LABELS: Final = {
    Participation.SENT_BY: "Send by",
    Participation.RECIPIENT: "Result Copies To",
    Participation.REPLY_TO: "Reply To",
}

NAMESPACE_PERSON: Final = "ASIP-SANTE-PS"
NAMESPACE_STRUCTURE: Final = "ASIP-SANTE-ST"
ISO: Final = "ISO"
"""Universal id type of an OID (table 0301)."""

# Identifier types (table 0203)
ID_IPP: Final = "PI"
ID_INS: Final = "INS"
ID_ACCOUNT: Final = "AN"
ID_VISIT: Final = "VN"
ID_RPPS: Final = "RPPS"
ID_PERSON_NATIONAL: Final = "IDNPS"
ID_FINESS_LEGAL: Final = "FINEJ"
ID_FINESS_SITE: Final = "FINEG"
ID_STRUCTURE_NATIONAL: Final = "IDNST"
ID_UNIT: Final = "UF"

NAME_LEGAL: Final = "L"
"""Table 0200: birth name in PID-5; also the name type of a patient in PRT-5."""
NAME_DISPLAY: Final = "D"
"""Table 0200: name in use in PID-5; exercise name of a professional."""
NAME_UNSPECIFIED: Final = "U"
"""Table 0200: a name that nothing says to be the birth name; the French profile allows it in PID-5."""
ADDRESS_BIRTH: Final = "BDL"
"""Table 0190: XAD-9 of this repetition is the INSEE code of the birth place."""
ADDRESS_HOME: Final = "H"
EMAIL_X400: Final = "X.400"
"""XTN-3 of an MSSanté address (table 0202)."""

SYSTEM_LOINC: Final = "LN"
SYSTEM_TYPE_NATIONAL: Final = "TRE_A05"
SYSTEM_METADATA: Final = "MetaDMPMSS"
SYSTEM_YES_NO: Final = "expandedYes-NoIndicator"
SYSTEM_ACK: Final = "AckMetierZAM"
YES: Final = "Y"
NO: Final = "N"
NO_REPLY_MARK: Final = "FIN"
"""NTE-4 after DESTMSSANTEPAT: the patient cannot answer (TD meta-dmp-mss)."""


# --- Metadata of a document order (TD meta-dmp-mss, hl7v2.md 2.6) ---------------------------------
class Meta(StrEnum):
    """OBX-3.1 of the metadata, in the order of the table."""

    MASQUE_PS = "MASQUE_PS"
    INVISIBLE_PATIENT = "INVISIBLE_PATIENT"
    INVISIBLE_REP_LEGAUX = "INVISIBLE_REP_LEGAUX"
    CONNEXION_SECRETE = "CONNEXION_SECRETE"  # noqa: S105 a name of the table, no secret
    MODIF_CONF_CODE = "MODIF_CONF_CODE"
    DESTDMP = "DESTDMP"
    DESTMSSANTEPS = "DESTMSSANTEPS"
    DESTMSSANTEPAT = "DESTMSSANTEPAT"
    ACK_RECEPTION = "ACK_RECEPTION"
    ACK_LECTURE_MSS = "ACK_LECTURE_MSS"
    CORPSMAIL_PS = "CORPSMAIL_PS"
    CORPSMAIL_PATIENT = "CORPSMAIL_PATIENT"


META_LABELS: Final = {
    Meta.MASQUE_PS: "Masqué aux professionnels de Santé",
    Meta.INVISIBLE_PATIENT: "Document Non Visible par le patient",
    Meta.INVISIBLE_REP_LEGAUX: "Non visible par les représentants Légaux du patient",
    Meta.CONNEXION_SECRETE: "Connexion Secrete",
    Meta.MODIF_CONF_CODE: "Modification Confidentiality Code",
    Meta.DESTDMP: "Destinataire DMP",
    Meta.DESTMSSANTEPS: "Destinataire (Professionnel de Santé, organisation ou BAL applicative)",
    Meta.DESTMSSANTEPAT: "Destinataire Patient",
    Meta.ACK_RECEPTION: "Accusé de réception",
    Meta.ACK_LECTURE_MSS: "Accusé de lecture",
    Meta.CORPSMAIL_PS: "Corps du mail pour un PS",
    Meta.CORPSMAIL_PATIENT: "Corps du mail pour le patient",
}
META_FLAGS: Final = tuple(meta for meta in Meta if not meta.startswith("CORPSMAIL"))
META_BODIES: Final = (Meta.CORPSMAIL_PS, Meta.CORPSMAIL_PATIENT)
META_REQUIRED: Final = META_FLAGS[:8]
"""Rows 9 and 10 carry both "required" and "usage optional": emitted, not asked for (hl7v2.md 2.6)."""
META_LPS: Final = (
    Meta.MASQUE_PS,
    Meta.INVISIBLE_PATIENT,
    Meta.INVISIBLE_REP_LEGAUX,
    Meta.MODIF_CONF_CODE,
)
"""The four rows of the volet LPS (LPS profils-messages)."""
META_ALIASES: Final = {
    "ACK_LECTURE": Meta.ACK_LECTURE_MSS,
    "INVISIBLE_REPRESENTANTS_LEGAUX": Meta.INVISIBLE_REP_LEGAUX,
    "MODIF_CONFIDENTIALITYCODE": Meta.MODIF_CONF_CODE,
}
"""Names of earlier versions of the volet, accepted in reception."""
META_IGNORED: Final = frozenset({"COMP_LOT"})
"""v1.2 names without effect today."""


# --- Business acknowledgements (TD ack-metier-zam, hl7v2.md 2.8) ----------------------------------
class ZamKind(StrEnum):
    """Trigger event of a ZAM message."""

    DMP_RECEPTION = "Z01"
    MSS_DELIVERY = "Z02"
    MSS_READING = "Z03"


ZAM_OBSERVATION: Final = {
    ZamKind.DMP_RECEPTION: ("ACK_RECEPTION_DMP", "Accusé de réception DMP"),
    ZamKind.MSS_DELIVERY: ("ACK_RECEPTION_MSS", "Accusé de réception MSSanté"),
    ZamKind.MSS_READING: ("ACK_LECTURE_MSS", "Accusé de lecture"),
}
ZAM_PERSON: Final = {
    ZamKind.MSS_DELIVERY: ("DESTINATAIRE_MSS", "Destinataire MSSanté"),
    ZamKind.MSS_READING: ("LECTEUR_MSS", "Lecteur du courriel MSSanté"),
}
ZAM_ERROR_SYSTEM: Final = {
    ZamKind.DMP_RECEPTION: SYSTEM_DMP_ERROR,
    ZamKind.MSS_DELIVERY: SYSTEM_SMTP_ERROR,
    ZamKind.MSS_READING: SYSTEM_APPLICATION_CONDITION,
}


# --- PAM France 2.11 ------------------------------------------------------------------------------
class MovementAction(StrEnum):
    """ZBE-4."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    CANCEL = "CANCEL"


_EVENTS_OF_STRUCTURE: Final = {
    "ADT_A01": "A01 A04 A08 A13 Z99",
    "ADT_A02": "A02",
    "ADT_A03": "A03",
    "ADT_A05": "A05 A14 A28 A31",
    "ADT_A06": "A06 A07",
    "ADT_A09": "A09 A10 A11",
    "ADT_A12": "A12",
    "ADT_A15": "A15",
    "ADT_A16": "A16",
    "ADT_A21": "A21 A22 A25 A26 A27 A32 A33",
    "ADT_A24": "A24",
    "ADT_A30": "A47 A49",
    "ADT_A37": "A37",
    "ADT_A38": "A38",
    "ADT_A39": "A40",
    "ADT_A43": "A44",
    "ADT_A52": "A52 A53 A55",
    "ADT_A54": "A54",
}
PAM_STRUCTURES: Final = {
    event: structure for structure, events in _EVENTS_OF_STRUCTURE.items() for event in events.split()
}
"""MSH-9.3 of each event of PAM France (ITI-30, ITI-31). A08 is excluded in France and tolerated in reception
(hl7v2.md 4.2); every other ADT event is refused with 201."""
PAM_EVENT_TOLERATED: Final = "A08"
PAM_EVENTS_WITH_MOVEMENT: Final = frozenset(
    "A01 A02 A03 A04 A05 A06 A07 A11 A12 A13 A14 A15 A16 A21 A22 A25 A26 A27 A38 A52 A53 A54 A55 Z99".split()
)
"""ZBE required (IHE ITI TF-2, ITI-31)."""
PAM_EVENTS_WITHOUT_VISIT: Final = frozenset("A24 A28 A31 A37 A40 A44 A47 A49".split())
"""Events on the patient or on identifiers: PV1 absent or empty (PV1-2 = N)."""
PAM_EVENTS_WITH_MERGE: Final = frozenset("A40 A44 A47 A49".split())
"""MRG required."""

PATIENT_CLASSES: Final = frozenset("EINORV")
"""PV1-2 (table 0004 restricted by PAM France; V, virtual, is seen in the open transcription of 2.11)."""
PATIENT_CLASS_NONE: Final = "N"
"""PV1-2: the message speaks of no visit."""
SEXES: Final = frozenset("FMU")
SEX_UNKNOWN: Final = "U"
MOVEMENT_NATURES: Final = frozenset("S H M L D SM SH MH LD HMS C".split())
"""ZBE-9."""


RELIABILITY_CODES: Final = frozenset(
    (
        "VIDE PROV VALI DOUB DESA DPOT DOUA COLP COLV FILI CACH ANOM IDVER RECD IDRA USUR HOMD HOMA INVA "
        "FICT DOUT RECUP QUAL"
    ).split()
)
"""PID-32 (table 0445 of PAM 2.11), with RECUP and QUAL of the recent FR Core value sets."""
RELIABILITY_UNTRUSTED: Final = frozenset({"DOUT", "FICT"})
"""The identity is treated as provisional and must not be used with an INS (RNIV; hl7v2.md 4.3)."""
RELIABILITY_CLOSED: Final = frozenset({"DOUB", "DESA", "INVA", "USUR"})
"""No new document may be attached to the identity."""

DMP_STATUSES: Final = {
    "ACTIF": "ACTIF",
    "ACTIVE": "ACTIF",
    "FERME": "FERME",
    "CLOSED": "FERME",
    "INEXISTANT": "INEXISTANT",
    "NONEXISTENT": "INEXISTANT",
}
"""ZFA-1, with the English codes of IHE TF-4."""


class ChoiceCode(StrEnum):
    """ZFA-9 and ZFA-11."""

    NOT_OPPOSED = "INO"
    OPPOSED = "IO"
    CONSENTS = "IC"
    DOES_NOT_CONSENT = "INC"
    NOT_COLLECTED = "NA"


CHOICES_ALIMENTATION: Final = frozenset(
    {ChoiceCode.NOT_OPPOSED, ChoiceCode.OPPOSED, ChoiceCode.NOT_COLLECTED}
)
CHOICES_CONSULTATION: Final = frozenset(
    {ChoiceCode.CONSENTS, ChoiceCode.DOES_NOT_CONSENT, ChoiceCode.NOT_COLLECTED}
)

COLLECTION_MODES: Final = frozenset({"SM", "CV", "INSI", "CB", "RFID"})
"""ZFD-5: how the identity was obtained."""
IDENTITY_DOCUMENTS: Final = frozenset("PA CN CS AN LE PC CM CE CC TC AV DC AC IE".split())
"""ZFD-7: the document that proved the identity."""
ROLE_REFERRING_PHYSICIAN: Final = "ODRP"
"""ROL-3: médecin traitant déclaré."""
