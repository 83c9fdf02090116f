"""Structures and professionals elsewhere, who write what a patient brings: nobody here exists.

FINESS of department 99, RPPS of the range of test cards, each with a right Luhn key.
"""

from typing import Final

from interop.vihf import codes as vihf
from sandbox.demo import Professional, Site, professional
from sandbox.documents.codes import AMBULATORY, HOSPITAL, SECTORS, SPECIALTIES
from sandbox.documents.model import Organisation, Writer


def _organisation(finess: str, name: str, sector: str, street: str, city: str, phone: str) -> Organisation:
    setting = HOSPITAL if sector in ("SA01", "SA04") else AMBULATORY
    idnat = vihf.FINESS_PREFIX + finess
    return Organisation(idnat, name, SECTORS[sector], setting, street, "99900", city, phone)


def _of_site(site: Site, phone: str) -> Organisation:
    return Organisation(
        site.struct_idnat,
        site.name,
        SECTORS[site.sector],
        AMBULATORY,
        "3 place de la Mairie",
        site.postal_code,
        site.city,
        phone,
    )


def _of_professional(person: Professional, phone: str) -> Writer:
    return Writer(
        person.subject_name_id,
        person.family,
        person.given,
        person.civility,
        SPECIALTIES[f"G15_{person.profession}/{person.know_how}"],
        _of_site(person.site, phone),
        person.exercise_civility,
    )


_VALMONT: Final = _organisation(
    "990000804", "CENTRE HOSPITALIER DE VALMONT", "SA01", "2 avenue de la Gare", "VALMONT", "0199010001"
)
_ORMES: Final = _organisation(
    "990000812", "CLINIQUE DES ORMES", "SA04", "15 rue des Ormes", "VALMONT", "0199010002"
)
_LABORATORY: Final = _organisation(
    "990000820", "LABORATOIRE DU PONT", "SA25", "8 rue du Pont", "TROIS-RIVIERES", "0199010003"
)
_IMAGING: Final = _organisation(
    "990000838", "CENTRE D'IMAGERIE DU PARC", "SA08", "1 allée du Parc", "TROIS-RIVIERES", "0199010004"
)
_PHARMACY: Final = _organisation(
    "990000846", "PHARMACIE DU MARCHE", "SA33", "5 place du Marché", "TROIS-RIVIERES", "0199010005"
)
_PSYCHIATRY: Final = _organisation(
    "990000853", "CABINET DU DR ARNAUD", "SA07", "21 rue des Lilas", "VALMONT", "0199010006"
)
_CARDIOLOGY: Final = _organisation(
    "990000861", "CABINET DU DR NOEL", "SA07", "4 rue de la Source", "VALMONT", "0199010007"
)


def _doctor(
    number: str, family: str, given: str, civility: str, specialty: str, organisation: Organisation
) -> Writer:
    code = SPECIALTIES[f"G15_10/{specialty}"]
    return Writer(vihf.RPPS_PREFIX + number, family, given, civility, code, organisation, "DR")


WRITERS: Final = {
    "vasseur": _of_professional(professional("vasseur"), "0199010008"),
    "petit": _of_professional(professional("petit"), "0199010009"),
    "blanc": _doctor("99700901012", "BLANC", "Odile", "MME", "SM26", _VALMONT),
    "rey": _doctor("99700901020", "REY", "Antoine", "M", "SM04", _VALMONT),
    "leroy": _doctor("99700901038", "LEROY", "Hélène", "MME", "SM05", _ORMES),
    "anselme": _doctor("99700901046", "ANSELME", "Marc", "M", "SM02", _ORMES),
    "fontaine": _doctor("99700901053", "FONTAINE", "Claire", "MME", "SM03", _LABORATORY),
    "keller": _doctor("99700901061", "KELLER", "Jean", "M", "SM01", _LABORATORY),
    "simon": _doctor("99700901079", "SIMON", "Laure", "MME", "SM44", _IMAGING),
    "arnaud": _doctor("99700901087", "ARNAUD", "Philippe", "M", "SM42", _PSYCHIATRY),
    "noel": _doctor("99700901095", "NOEL", "Béatrice", "MME", "SM04", _CARDIOLOGY),
    "lambert": Writer(
        vihf.RPPS_PREFIX + "99700901103", "LAMBERT", "Julie", "MME", SPECIALTIES["G15_21/A"], _PHARMACY
    ),
    "morel": Writer(vihf.RPPS_PREFIX + "99700901111", "MOREL", "Sami", "M", SPECIALTIES["G15_60"], _VALMONT),
}
