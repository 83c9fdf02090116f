"""Demonstration patients: official test identities (spec ins 15), in the four statuses.

The OID is that of INS test numbers, whatever base the identity comes from. `status` is PID-32.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

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
    stays: tuple[DemoStay, ...] = ()


_INO, _IO, _IC, _INC = (
    ChoiceCode.NOT_OPPOSED,
    ChoiceCode.OPPOSED,
    ChoiceCode.CONSENTS,
    ChoiceCode.DOES_NOT_CONSENT,
)

PATIENTS = (
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
        stays=(DemoStay("000897421", "3435", timedelta(days=3), "I", None, "31", "2", _INO, _IC),),
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
        stays=(DemoStay("000880118", "3435", timedelta(days=40), "I", timedelta(days=9), "", "", _INO, _IC),),
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
        stays=(
            DemoStay("000881950", "6268", timedelta(days=21), "I", timedelta(days=2), "", "", _INO, _INC),
        ),
    ),
)

# IPP, state, labels: the patients that are not named here have allergies « non renseignées ».
ALLERGIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("000003", "known", ("Pénicilline",)),
    ("000011", "none_known", ()),
    ("000013", "known", ("Produits de contraste iodés", "Latex")),
    ("000018", "none_known", ()),
)
