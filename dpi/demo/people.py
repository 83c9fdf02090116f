"""Demonstration patients: official test identities (spec ins 15), and invented persons beside them.

The OID is that of INS test numbers, whatever base the identity comes from. `status` is PID-32.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from interop.hl7v2.codes import ChoiceCode


@dataclass(frozen=True, slots=True)
class DemoStay:
    """A stay relative to now: admitted `ago`, discharged `length` later when closed."""

    visit: str
    unit: str
    ago: timedelta
    patient_class: str = "I"
    length: timedelta | None = None
    room: str = ""
    bed: str = ""
    alimentation: ChoiceCode | None = None
    consultation: ChoiceCode | None = None
    referrer: str = ""
    """Key of who addressed the patient in `hospital.REFERRERS`."""


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """A person as the hospital's administrative system knows them."""

    ipp: str
    birth_name: str
    given_names: str
    sex: str
    birth_date: date
    cog: str
    status: str
    matricule: str = ""
    used_name: str = ""
    identity_document: str = ""
    doctor: str = ""
    """Key of the family doctor in `hospital.CITY_DOCTORS`."""
    stays: tuple[DemoStay, ...] = ()


_INO, _IO, _IC, _INC = (
    ChoiceCode.NOT_OPPOSED,
    ChoiceCode.OPPOSED,
    ChoiceCode.CONSENTS,
    ChoiceCode.DOES_NOT_CONSENT,
)

OFFICIAL_PATIENTS = (
    DemoPatient(
        "000003",
        "PAT-TROIS",
        "DOMINIQUE",
        "F",
        date(1979, 3, 28),
        "63220",
        "VALI",
        "279035121518989",
        identity_document="CN",
        doctor="petit",
        stays=(
            DemoStay("000897406", "6268", timedelta(days=2, hours=3), "I", None, "12", "1", _INO, _IC),
            DemoStay("000881220", "3435", timedelta(days=310), "I", timedelta(days=4), "", "", _INO, _IC),
        ),
    ),
    DemoPatient(
        "000011",
        "ADRUN",
        "ZOE",
        "F",
        date(1975, 12, 31),
        "63220",
        "VALI",
        "275126322074974",
        used_name="ADRUN-MOREL",
        identity_document="PA",
        doctor="vasseur",
        stays=(DemoStay("000897411", "6268", timedelta(days=1), "I", None, "12", "2"),),
    ),
    DemoPatient(
        "000012",
        "ADRTROIS",
        "DOMINIQUE",
        "F",
        date(1997, 2, 26),
        "2A020",
        "VALI",
        "297022A02077878",
        identity_document="CN",
        doctor="petit",
        stays=(DemoStay("000897420", "3435", timedelta(days=5), "I", None, "31", "1", _IO, _INC),),
    ),
    DemoPatient(
        "000013",
        "ADRTROIS",
        "TOUSSAINT",
        "M",
        date(1960, 1, 1),
        "2B020",
        "VALI",
        "160012B02077713",
        identity_document="CN",
        doctor="vasseur",
        stays=(DemoStay("000897421", "3435", timedelta(days=3), "I", None, "31", "2", _INO, _IC, "abadie"),),
    ),
    DemoPatient(
        "000014",
        "CORSE",
        "ANTHONY",
        "M",
        date(1980, 3, 2),
        "2B020",
        "VALI",
        "180032B02040123",
        identity_document="PA",
        doctor="petit",
        stays=(DemoStay("000897430", "7010", timedelta(hours=5), "E", None, "", "", _INO),),
    ),
    DemoPatient(
        "000015",
        "HERMANN",
        "GATIEN",
        "M",
        date(1981, 3, 24),
        "63220",
        "PROV",
        "181036322045660",
        stays=(DemoStay("000897431", "7010", timedelta(hours=2), "E"),),
    ),
    DemoPatient(
        "000016",
        "ECETINSI",
        "PIERRE-ALAIN MURIEL FLORIANT",
        "M",
        date(2009, 7, 14),
        "63220",
        "VALI",
        "109076322083489",
        identity_document="AN",
        doctor="petit",
        stays=(DemoStay("000897440", "6268", timedelta(days=4), "I", None, "14", "1", _INO, _IC),),
    ),
    DemoPatient(
        "000017",
        "NESSI",
        "MICHELANGELO ANTHONY",
        "M",
        date(2010, 8, 7),
        "63220",
        "VALI",
        identity_document="AN",
        stays=(DemoStay("000897441", "6268", timedelta(days=1, hours=6), "I", None, "14", "2", _INO, _IC),),
    ),
    DemoPatient(
        "000018",
        "TCHITCHI",
        "CATARINA BELLA",
        "F",
        date(1936, 6, 21),
        "63220",
        "VALI",
        "236066322083656",
        identity_document="CN",
        doctor="vasseur",
        stays=(
            DemoStay("000897461", "3435", timedelta(days=6), "I", None, "32", "1", _INO, _IC),
            DemoStay("000880118", "3435", timedelta(days=40), "I", timedelta(days=9), "", "", _INO, _IC),
        ),
    ),
    DemoPatient(
        "000019",
        "HOUILLES",
        "PIERRE PAUL JACQUES",
        "M",
        date(1993, 1, 27),
        "99999",
        "PROV",
        stays=(DemoStay("000897450", "6268", timedelta(hours=9), "I", None, "15", "1"),),
    ),
    DemoPatient(
        "000020",
        "NESSI",
        "RUTH ISABELLE",
        "F",
        date(1977, 7, 14),
        "51215",
        "VALI",
        "277076322082910",
        identity_document="CS",
        doctor="petit",
        stays=(
            DemoStay("000897460", "6268", timedelta(days=1, hours=2), "I", None, "16", "1", _INO, _IC),
            DemoStay(
                "000881950",
                "6268",
                timedelta(days=21),
                "I",
                timedelta(days=2),
                "",
                "",
                _INO,
                _INC,
                "berthier",
            ),
        ),
    ),
    DemoPatient(
        "000021",
        "PROVISOIRE",
        "MATRICULE",
        "M",
        date(2009, 7, 1),
        "63220",
        "VALI",
        "109076322088835",
        identity_document="AN",
        stays=(DemoStay("000897451", "4120", timedelta(days=2), "I", None, "46", "1", _INO, _IC),),
    ),
    DemoPatient(
        "000022",
        "PATIENTA",
        "DOMINIQUE",
        "M",
        date(2005, 1, 1),
        "75056",
        "VALI",
        "274075176079430",
        identity_document="CN",
        stays=(DemoStay("000881960", "5210", timedelta(days=12), "O", timedelta(hours=1), "", "", _INO),),
    ),
    DemoPatient(
        "000023",
        "DE VINCI",
        "LEONARDO",
        "M",
        date(2014, 2, 1),
        "99127",
        "VALI",
        identity_document="AN",
        stays=(DemoStay("000897452", "8305", timedelta(days=1), "I", None, "55", "1"),),
    ),
)


def invented_patients() -> tuple[DemoPatient, ...]:
    """The invented persons, from two tables: who they are, and their stays."""
    stays: dict[str, list[DemoStay]] = {}
    for row in _rows("stays.tsv"):
        stays.setdefault(row["ipp"], []).append(_stay(row))
    return tuple(_person(row, tuple(stays.get(row["ipp"], ()))) for row in _rows("people.tsv"))


def _rows(name: str) -> Iterator[dict[str, str]]:
    with files(__package__).joinpath("data", name).open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream, delimiter="\t")


def _person(row: dict[str, str], stays: tuple[DemoStay, ...]) -> DemoPatient:
    return DemoPatient(
        ipp=row["ipp"],
        birth_name=row["birth_name"],
        given_names=row["given_names"],
        sex=row["sex"],
        birth_date=date.fromisoformat(row["birth_date"]),
        cog=row["cog"],
        status=row["status"],
        matricule=row["matricule"],
        used_name=row["used_name"],
        identity_document=row["identity_document"],
        doctor=row["doctor"],
        stays=stays,
    )


def _stay(row: dict[str, str]) -> DemoStay:
    return DemoStay(
        row["visit"],
        row["unit"],
        timedelta(hours=int(row["hours_ago"])),
        row["patient_class"],
        timedelta(hours=int(row["hours_long"])) if row["hours_long"] else None,
        row["room"],
        row["bed"],
        ChoiceCode(row["alimentation"]) if row["alimentation"] else None,
        ChoiceCode(row["consultation"]) if row["consultation"] else None,
    )


PATIENTS = OFFICIAL_PATIENTS + invented_patients()

REFUSES_MESSAGES = "000012"
"""IPP of who refused the messages of the hospital in Mon espace santé (MSS/va1.20)."""

# IPP, state, labels: the patients that are not named here have allergies « non renseignées ».
ALLERGIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("000003", "known", ("Pénicilline",)),
    ("000011", "none_known", ()),
    ("000013", "known", ("Produits de contraste iodés", "Latex")),
    ("000018", "none_known", ()),
)
