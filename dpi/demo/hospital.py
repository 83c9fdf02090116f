"""The demonstration establishment: one legal entity, two sites, six units, thirteen accounts.

FINESS numbers of department 99 belong to nobody; RPPS numbers are those of the sandbox's
professionals, so that Pro Santé Connect of the sandbox and the accounts of the DPI meet.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.enums import RoleCode

LEGAL_ENTITY = {
    "name": "CENTRE HOSPITALIER DES TROIS RIVIERES",
    "finess": "990000010",
    "oid_root": "1.2.250.1.999.1.9900010",
    "ipp_oid": "1.2.250.1.999.1.9900010.8.1",
    "visit_oid": "1.2.250.1.999.1.9900010.8.2",
}

SITES = (
    {
        "name": "HOPITAL DES TROIS RIVIERES",
        "finess": "990000101",
        "street": "1 avenue de la Confluence",
        "postal_code": "99100",
        "city": "TROIS-RIVIERES",
        "phone": "0199000001",
    },
    {
        "name": "HOPITAL SAINT-ROCH",
        "finess": "990000200",
        "street": "12 rue du Pont",
        "postal_code": "99200",
        "city": "SAINT-ROCH",
        "phone": "0199000002",
    },
)

# code UF, name, FINESS of its site, deferral before sending (minutes, None: that of the establishment)
UNITS = (
    ("6268", "CHIR V", "990000101", 2),
    ("3435", "CARDIOLOGIE", "990000101", 2),
    ("4120", "MEDECINE POLYVALENTE", "990000101", 2),
    ("5210", "CONSULTATIONS", "990000101", 0),
    ("7010", "URGENCES SAINT-ROCH", "990000200", 0),
    ("8305", "GERIATRIE SAINT-ROCH", "990000200", 2),
)


# Mailboxes of the operator of the sandbox: the name before the domain, the unit that reads it.
MAIL_DOMAIN = "ch-trois-rivieres.mssante.test"
MAIL_LABEL = "CH des Trois Rivières"
# Of the application mailbox, which sends for every site: the ward of the patients that letters are about.
INTAKE_UNIT = "6268"
MAILBOXES = (
    ("chirurgie-vasculaire", "6268"),
    ("cardiologie", "3435"),
    ("medecine-polyvalente", "4120"),
    ("consultations", "5210"),
    ("urgences-saint-roch", "7010"),
    ("geriatrie-saint-roch", "8305"),
)


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One account: `units` empty means the whole establishment.

    A person without RPPS was linked by the administrator to an identity of a provider:
    `structure_identity` is the subject of Pro Santé Connect, `establishment_identity` the name under
    which the hospital's own provider knows the person.
    """

    login: str
    family_name: str
    given_name: str
    role: RoleCode
    units: tuple[str, ...] = ()
    title: str = ""
    rpps: str = ""
    profession: str = ""
    specialty: str = ""
    may_use_password: bool = False
    structure_identity: str = ""
    establishment_identity: str = ""


_WARDS = ("6268", "3435", "4120", "5210")

USERS = (
    DemoUser(
        "ahoda",
        "HODA",
        "Alice",
        RoleCode.PRESCRIPTEUR,
        _WARDS,
        "Dr",
        "99700900014",
        "10",
        "SM26",
    ),
    DemoUser(
        "blemaire",
        "LEMAIRE",
        "Bruno",
        RoleCode.PRESCRIPTEUR,
        ("6268", "7010"),
        "Dr",
        "99700900022",
        "10",
        "SM05",
    ),
    DemoUser(
        "spicard",
        "PICARD",
        "Sophie",
        RoleCode.PRESCRIPTEUR,
        ("3435", "5210", "8305"),
        "Dr",
        "99700900055",
        "10",
        "SM04",
    ),
    DemoUser(
        "cmarchand",
        "MARCHAND",
        "Claire",
        RoleCode.PRESCRIPTEUR,
        ("3435", "8305"),
        "Dr",
        "99700900089",
        "10",
        "SM04",
    ),
    DemoUser("cmartin", "MARTIN", "Chloé", RoleCode.SOIGNANT, ("6268",), "", "99700900030", "60"),
    DemoUser("pgarnier", "GARNIER", "Paul", RoleCode.SOIGNANT, ("7010", "8305"), "", "99700900063", "60"),
    DemoUser("ncolin", "COLIN", "Nadia", RoleCode.SECRETAIRE, _WARDS, structure_identity="3990000010/NCOLIN"),
    DemoUser("droux", "ROUX", "Denis", RoleCode.ADMISSION, structure_identity="3990000010/DROUX"),
    DemoUser("ifaure", "FAURE", "Inès", RoleCode.IDENTITOVIGILANCE, establishment_identity="faure"),
    DemoUser("kbenali", "BENALI", "Karim", RoleCode.PILOTAGE, establishment_identity="benali"),
    DemoUser("hdelmas", "DELMAS", "Hélène", RoleCode.AUDITEUR, establishment_identity="delmas"),
    DemoUser("adm-esorel", "SOREL", "Élise", RoleCode.ADMIN_TECHNIQUE, may_use_password=True),
    DemoUser("adm-fmoreau", "MOREAU", "François", RoleCode.ADMIN_FONCTIONNEL, may_use_password=True),
)


@dataclass(frozen=True, slots=True)
class CityDoctor:
    """A doctor outside the hospital, known by the admission messages (ROL) and the directory."""

    rpps: str
    family_name: str
    given_name: str


CITY_DOCTORS = {
    "vasseur": CityDoctor("99700900048", "VASSEUR", "Étienne"),
    "petit": CityDoctor("99700900071", "PETIT", "Bernard"),
}
"""Médecins traitants: their mailbox in the sandbox is one of those that its pages show first."""

REFERRERS = {
    "abadie": CityDoctor("99700901202", "ABADIE", "Florence"),
    "berthier": CityDoctor("99700901251", "BERTHIER", "Luc"),
}
"""Who addressed a patient (PV1-8): doctors of the directory of the sandbox."""

# What the operator does once with the mail of these two: none tells of its arrival, one comes back.
SILENT_MAILBOX = "florence.abadie@medecin.mssante.test"
RETURNING_MAILBOX = "luc.berthier@medecin.mssante.test"
