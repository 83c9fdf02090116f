"""Invented persons, the same ones at every run: number N always has the same identity.

Family names follow a skewed frequency, as real ones do: a few are very common, most are rare. Matricules
have a right key and stand under the demonstration authority, which identifies nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from interop.ins.codes import INS_NIR_DEMO_OID
from interop.ins.key import Ins, nir_key

_COMMON = tuple(
    "MARTIN BERNARD THOMAS PETIT ROBERT RICHARD DURAND DUBOIS MOREAU LAURENT SIMON MICHEL LEFEBVRE LEROY "
    "ROUX DAVID BERTRAND MOREL FOURNIER GIRARD BONNET DUPONT LAMBERT FONTAINE ROUSSEAU VINCENT MULLER "
    "LEFEVRE FAURE ANDRE MERCIER BLANC GUERIN BOYER GARNIER CHEVALIER FRANCOIS LEGRAND GAUTHIER GARCIA "
    "PERRIN ROBIN CLEMENT MORIN NICOLAS HENRY ROUSSEL MATHIEU GAUTIER MASSON".split()
)
_HEADS = tuple(
    "AR BAL BAR BEAU BEL BER BOIS BON BOUR BRU CAR CHA CHAM CHER COL COR DAL DES DU FAU FER FON GAL GAR GEN "
    "GOU GUI HAR JOU LA LAM LAN LE LOU MAL MAN MAR MES MON MOU NAU PAR PEL PER PI POU PRE RA REN RI ROCHE "
    "SAL SAU TAL TER TOUR VA VER VIL".split()
)
_TAILS = tuple(
    "BERT BIER BOIS CHARD CHET DEAU DIER DOUX FORT GEAU GNAN GNON LARD LET LIER LON LOT MAIN MARD MET MIER "
    "MONT NARD NEAU NET NIER NOT PIN QUET RAND RAUD RET RIER RON ROUX SAC SARD SEAU SIER SON TAUD TEAU TIER "
    "TON VAL VEAU VIER VILLE ZAC".split()
)
_WOMEN = tuple(
    "MARIE JEANNE FRANCOISE MONIQUE CATHERINE NATHALIE ISABELLE JACQUELINE ANNE SYLVIE MARTINE MADELEINE "
    "NICOLE SUZANNE HELENE CHRISTINE MARGUERITE DENISE LOUISE CHRISTIANE YVONNE VALERIE SANDRINE CELINE "
    "EMMA JADE LEA CHLOE MANON CAMILLE SARAH INES ZOE LUCIE AGATHE".split()
)
_MEN = tuple(
    "JEAN PIERRE MICHEL ANDRE PHILIPPE LOUIS RENE ALAIN JACQUES BERNARD MARCEL DANIEL ROGER PAUL ROBERT "
    "CLAUDE HENRI CHRISTIAN NICOLAS GEORGES PATRICK GERARD FRANCOIS CHRISTOPHE OLIVIER LUCAS HUGO LOUIS "
    "GABRIEL ARTHUR JULES ADAM RAPHAEL NATHAN TOM".split()
)
_COG = (
    "75115",
    "69381",
    "13201",
    "59350",
    "33063",
    "31555",
    "44109",
    "67482",
    "35238",
    "63113",
    "2A004",
    "97411",
)
_FIRST_BIRTH = date(1925, 1, 1)
_LAST_BIRTH = date(2025, 1, 1)


@dataclass(frozen=True, slots=True)
class Person:
    """One invented identity; `used_name` is empty for those who use their birth name."""

    number: int
    birth_name: str
    used_name: str
    given_names: str
    sex: str
    birth_date: date
    cog: str

    @property
    def first_given_name(self) -> str:
        return self.given_names.partition(" ")[0]

    @property
    def ipp(self) -> str:
        return f"8{self.number:07d}"

    @property
    def visit(self) -> str:
        return f"9{self.number:08d}"

    @property
    def ins(self) -> Ins:
        digit = "1" if self.sex == "M" else "2"
        number = f"{digit}{self.birth_date:%y%m}{self.cog}{self.number % 999 + 1:03d}"
        return Ins(number + nir_key(number), INS_NIR_DEMO_OID)


def person(number: int) -> Person:
    """The person of this number."""
    chance = random.Random(number)  # noqa: S311 - data, no secret
    sex = chance.choice("MF")
    given_names = chance.sample(_MEN if sex == "M" else _WOMEN, chance.choice((1, 2, 2, 3)))
    used_name = _family_name(chance) if sex == "F" and chance.random() < 0.45 else ""
    days = (_LAST_BIRTH - _FIRST_BIRTH).days
    return Person(
        number=number,
        birth_name=_family_name(chance),
        used_name=used_name,
        given_names=" ".join(dict.fromkeys(given_names)),
        sex=sex,
        birth_date=_FIRST_BIRTH + timedelta(days=chance.randrange(days)),
        cog=chance.choice(_COG),
    )


def _family_name(chance: random.Random) -> str:
    draw = chance.random()
    if draw < 0.15:
        return _COMMON[min(int(chance.expovariate(0.06)), len(_COMMON) - 1)]
    name = chance.choice(_HEADS) + chance.choice(_TAILS)
    return f"{name}-{chance.choice(_COMMON)}" if draw > 0.92 else name
