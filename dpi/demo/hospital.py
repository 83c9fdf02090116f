"""The demonstration establishment: one legal entity, two sites, three units, five accounts.

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
    ("7010", "URGENCES SAINT-ROCH", "990000200", 0),
)


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One account: `units` empty means the whole establishment.

    `structure_identity` is the Pro Santé Connect subject of a person without RPPS, whom the
    administrator linked.
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


USERS = (
    DemoUser(
        "ahoda",
        "HODA",
        "Alice",
        RoleCode.PRESCRIPTEUR,
        ("6268", "3435"),
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
        "SM04",
    ),
    DemoUser("cmartin", "MARTIN", "Chloé", RoleCode.SOIGNANT, ("6268",), "", "99700900030", "60"),
    DemoUser("droux", "ROUX", "Denis", RoleCode.ADMISSION, structure_identity="3990000010/DROUX"),
    DemoUser("adm-esorel", "SOREL", "Élise", RoleCode.ADMIN_TECHNIQUE, may_use_password=True),
)
