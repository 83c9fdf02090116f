"""Demonstration data: one legal entity, its sites, professionals, and the patients whom the DMP knows.

Nobody here exists. FINESS and RPPS numbers are fictitious (department 99; the RPPS range `9970…` of test
cards) with a right Luhn key; patients are the official test identities of the INSi qualification base and
of the CI-SIS samples, and invented persons whose matricule has a right key under the authority of tests.
"""

import csv
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Final

from interop.dmp import codes as dmp_codes
from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf


@dataclass(frozen=True, slots=True)
class Site:
    """A geographic establishment."""

    finess: str
    name: str
    sector: str
    city: str
    postal_code: str
    city_code: str

    @property
    def struct_idnat(self) -> str:
        return vihf.FINESS_PREFIX + self.finess


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A legal entity and its sites; both of its certificates carry its national identifier."""

    finess: str
    name: str
    department: str
    sites: tuple[Site, ...]

    @property
    def struct_idnat(self) -> str:
        return vihf.FINESS_PREFIX + self.finess

    @property
    def structures(self) -> frozenset[str]:
        """National identifiers under which the entity may speak: its own and those of its sites."""
        return frozenset({self.struct_idnat, *(site.struct_idnat for site in self.sites)})


@dataclass(frozen=True, slots=True)
class Exercise:
    """One more exercise or activity of a professional: `mode` is L (libéral), S (salarié) or B (bénévole)."""

    profession: str
    know_how: str
    site: Site
    legal_finess: str
    mode: str


@dataclass(frozen=True, slots=True)
class Professional:
    """A person whom Pro Santé Connect can identify; without RPPS, by an identifier of the structure.

    `mailbox` is the MSSanté address of a doctor outside the hospital, whom letters reach. `others` are
    exercises beside the first, of which `profession`, `know_how`, `site` and `legal_finess` speak.
    """

    key: str
    family: str
    given: str
    civility: str
    exercise_civility: str
    rpps: str | None
    internal_id: str
    profession: str
    know_how: str
    label: str
    site: Site
    legal_finess: str
    mailbox: str = ""
    others: tuple[Exercise, ...] = ()

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """Every exercise, the first one first."""
        mode = "S" if self.site.sector == "SA01" else "L"
        first = Exercise(self.profession, self.know_how, self.site, self.legal_finess, mode)
        return (first, *self.others) if self.profession else ()

    @property
    def subject_name_id(self) -> str:
        """PS_IdNat: `8` and the RPPS, or `3`, the FINESS, `/` and the internal identifier."""
        if self.rpps is not None:
            return vihf.RPPS_PREFIX + self.rpps
        return f"3{self.legal_finess}/{self.internal_id}"


class DmpState(StrEnum):
    """State of a patient's DMP; a patient without DMP is `NONE`."""

    OPEN = "open"
    CLOSED = "closed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Patient:
    """A person of the DMP. `birth_date` is YYYY-MM-DD, `sex` M or F, `birth_place` the COG of a commune.

    `given_names` is the list of the birth certificate where it holds more than the first.
    `closed_on` (YYYYMMDD) and `closing_reason` belong to a DMP that is closed. `treating` is the national
    identifier of the médecin traitant. By default a patient accepts the modes of emergency, and lets
    nobody read there what is masked.
    """

    matricule: str
    family: str
    given: str
    birth_date: str
    sex: str
    state: DmpState
    oid: str = ins_codes.INS_NIR_TEST_OID
    birth_place: str = "63220"
    given_names: str = ""
    closed_on: str = ""
    closing_reason: str = ""
    is_attached: bool = True
    treating: str = ""
    opposes_break_glass: bool = False
    opposes_emergency: bool = False
    shows_masked_in_emergency: bool = False


SITE_RIVIERES: Final = Site(
    "990000101", "HOPITAL DES TROIS RIVIERES", "SA01", "TROIS-RIVIERES", "99100", "99101"
)
SITE_SAINT_ROCH: Final = Site("990000200", "HOPITAL SAINT-ROCH", "SA01", "SAINT-ROCH", "99200", "99201")
LEGAL_ENTITY: Final = LegalEntity(
    "990000010",
    "CENTRE HOSPITALIER DES TROIS RIVIERES",
    "Démonstration (99)",
    (SITE_RIVIERES, SITE_SAINT_ROCH),
)
SITE_ELSEWHERE: Final = Site("990000903", "CABINET DU DR VASSEUR", "SA07", "VALMONT", "99900", "99901")
SITE_CITY: Final = Site(
    "990000911", "MAISON DE SANTE DES TILLEULS", "SA08", "TROIS-RIVIERES", "99100", "99101"
)

PROFESSIONALS: Final = (
    Professional(
        "hoda", "HODA", "Alice", "MME", "DR", "99700900014", "", "10", "SM26",
        "Médecin, médecine générale", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "lemaire", "LEMAIRE", "Bruno", "M", "DR", "99700900022", "", "10", "SM05",
        "Médecin, chirurgie générale", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "martin", "MARTIN", "Chloé", "MME", "", "99700900030", "", "60", "",
        "Infirmière", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "picard", "PICARD", "Sophie", "MME", "DR", "99700900055", "", "10", "SM04",
        "Médecin, cardiologie", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "marchand", "MARCHAND", "Claire", "MME", "DR", "99700900089", "", "10", "SM04",
        "Médecin, trois exercices dont un en ville", SITE_RIVIERES, LEGAL_ENTITY.finess,
        others=(
            Exercise("10", "SM04", SITE_ELSEWHERE, SITE_ELSEWHERE.finess, "L"),
            Exercise("10", "SM26", SITE_SAINT_ROCH, LEGAL_ENTITY.finess, "S"),
        ),
    ),
    Professional(
        "garnier", "GARNIER", "Paul", "M", "", "99700900063", "", "60", "",
        "Infirmier", SITE_SAINT_ROCH, LEGAL_ENTITY.finess,
    ),
    Professional(
        "vasseur", "VASSEUR", "Étienne", "M", "DR", "99700900048", "", "10", "SM26",
        "Médecin libéral, exerce ailleurs", SITE_ELSEWHERE, SITE_ELSEWHERE.finess,
        "etienne.vasseur@medecin.mssante.test",
    ),
    Professional(
        "petit", "PETIT", "Bernard", "M", "DR", "99700900071", "", "10", "SM26",
        "Médecin libéral, maison de santé", SITE_CITY, SITE_CITY.finess,
        "bernard.petit@medecin.mssante.test",
    ),
    Professional(
        "roux", "ROUX", "Denis", "M", "", None, "DROUX", "", "",
        "Agent d'admission, sans numéro RPPS", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "colin", "COLIN", "Nadia", "MME", "", None, "NCOLIN", "", "",
        "Secrétaire médicale", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "faure", "FAURE", "Inès", "MME", "", None, "IFAURE", "", "",
        "Cellule d'identitovigilance", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "benali", "BENALI", "Karim", "M", "", None, "KBENALI", "", "",
        "Pilotage, direction du système d'information", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
    Professional(
        "delmas", "DELMAS", "Hélène", "MME", "", None, "HDELMAS", "", "",
        "Déléguée à la protection des données", SITE_RIVIERES, LEGAL_ENTITY.finess,
    ),
)  # fmt: skip

OFFICIAL_PATIENTS: Final = (
    Patient(
        "279035121518989", "PAT-TROIS", "DOMINIQUE", "1979-03-28", "F", DmpState.OPEN,
        treating="899700900071",
    ),
    Patient(
        "275126322074974", "ADRUN", "ZOE", "1975-12-31", "F", DmpState.OPEN, opposes_break_glass=True
    ),
    Patient(
        "297022A02077878", "ADRTROIS", "DOMINIQUE", "1997-02-26", "F", DmpState.OPEN, birth_place="2A020"
    ),
    Patient(
        "160012B02077713", "ADRTROIS", "TOUSSAINT", "1960-01-01", "M", DmpState.CLOSED, birth_place="2B020",
        closed_on="20250610", closing_reason=dmp_codes.CLOSED_BY_PATIENT, is_attached=False,
    ),
    Patient(
        "236066322083656", "TCHITCHI", "CATARINA", "1936-06-21", "F", DmpState.OPEN,
        given_names="CATARINA BELLA",
    ),
    Patient(
        "109076322083489", "ECETINSI", "PIERRE-ALAIN", "2009-07-14", "M", DmpState.OPEN,
        given_names="PIERRE-ALAIN MURIEL FLORIANT",
    ),
    Patient(
        "277076322082910", "NESSI", "RUTH", "1977-07-14", "F", DmpState.OPEN,
        given_names="RUTH ISABELLE", birth_place="51215",
    ),
    Patient(
        "110086322083060", "NESSI", "MICHELANGELO", "2010-08-07", "M", DmpState.OPEN,
        given_names="MICHELANGELO ANTHONY",
    ),
    Patient(
        "180032B02040123", "CORSE", "ANTHONY", "1980-03-02", "M", DmpState.NONE, birth_place="2B020"
    ),
    Patient("181036322045660", "HERMANN", "GATIEN", "1981-03-24", "M", DmpState.NONE),
)  # fmt: skip


def invented_patients() -> tuple[Patient, ...]:
    """The invented persons of the demonstration hospital, in the order of their file."""
    with files("sandbox").joinpath("data/patients.tsv").open(encoding="utf-8") as stream:
        return tuple(
            Patient(
                row["matricule"],
                row["family"],
                row["given"],
                row["birth_date"],
                row["sex"],
                DmpState(row["state"]),
                birth_place=row["birth_place"],
                given_names=row["given_names"],
            )
            for row in csv.DictReader(stream, delimiter="\t")
        )


PATIENTS: Final = OFFICIAL_PATIENTS + invented_patients()


def professional(key: str) -> Professional:
    """The professional of that key; KeyError when there is none."""
    for candidate in PROFESSIONALS:
        if candidate.key == key:
            return candidate
    raise KeyError(key)
