"""National identifiers of professionals and structures in documents (cda.md 1.1; idNat_PS, idNat_Struct)."""

from interop.cda.codes import PROFESSIONAL_ID, STRUCTURE_ID
from interop.cda.datatypes import Id


def rpps_id(rpps: str) -> Id:
    """Return the identifier of a professional by the 11 digits of the RPPS number."""
    return Id(PROFESSIONAL_ID, "8" + _digits(rpps, 11, "RPPS"))


def adeli_id(adeli: str) -> Id:
    """Return the identifier of a professional by the 9 characters of the ADELI number."""
    return Id(PROFESSIONAL_ID, "0" + adeli)


def internal_professional_id(finess: str, internal: str) -> Id:
    """Return the identifier of a professional known to one establishment only."""
    return Id(PROFESSIONAL_ID, f"3{_finess(finess)}/{internal}")


def finess_id(finess: str) -> Id:
    """Return the identifier of a structure by its FINESS number, geographic or legal."""
    return Id(STRUCTURE_ID, "1" + _finess(finess))


def siren_id(siren: str) -> Id:
    """Return the identifier of a structure by its SIREN number."""
    return Id(STRUCTURE_ID, "2" + _digits(siren, 9, "SIREN"))


def siret_id(siret: str) -> Id:
    """Return the identifier of a structure by its SIRET number."""
    return Id(STRUCTURE_ID, "3" + _digits(siret, 14, "SIRET"))


def rpps_of(identifier: Id) -> str:
    """Return the RPPS number of a professional's identifier, or an empty text."""
    extension = identifier.extension
    is_rpps = identifier.root == PROFESSIONAL_ID and len(extension) == 12 and extension.startswith("8")
    return extension[1:] if is_rpps and extension.isdigit() else ""


def finess_of(identifier: Id) -> str:
    """Return the FINESS number of a structure's identifier, or an empty text."""
    extension = identifier.extension
    is_finess = identifier.root == STRUCTURE_ID and len(extension) == 10 and extension.startswith("1")
    return extension[1:] if is_finess else ""


def _finess(finess: str) -> str:
    # Corsica: 2A0000001.
    if len(finess) != 9 or not finess.isalnum():
        raise ValueError("a FINESS number has 9 characters")
    return finess


def _digits(number: str, length: int, name: str) -> str:
    if len(number) != length or not number.isdigit():
        raise ValueError(f"a {name} number has {length} digits")
    return number
