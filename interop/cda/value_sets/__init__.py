"""Entries of the CI-SIS value sets that documents use, one table per set (cda.md 11).

The first line of each table names its value set and its date. A code is never taken out: stored
documents use it.
"""

from functools import cache
from importlib.resources import files
from types import MappingProxyType

from interop.cda.datatypes import Code


@cache
def _table(name: str) -> MappingProxyType[str, Code]:
    lines = files(__package__).joinpath(f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return MappingProxyType({code: Code(code, system, label) for code, system, label in rows})


def author_specialties() -> MappingProxyType[str, Code]:
    """Return JDV_J01 by code: profession and specialty, `G15_10/SM26`, or role of an author."""
    return _table("author_specialty")


def document_types() -> MappingProxyType[str, Code]:
    """Return JDV_J07 by code: the types of documents, with the seven codes added since."""
    return _table("document_type")


def dmp_document_types() -> MappingProxyType[str, Code]:
    """Return JDV_J66 by code: those of the types that the DMP admits."""
    return _table("dmp_document_type")


def healthcare_facility_types() -> MappingProxyType[str, Code]:
    """Return JDV_J02 by code: the secteur d'activité of a place of care, `SA01`."""
    return _table("healthcare_facility_type")


def practice_settings() -> MappingProxyType[str, Code]:
    """Return JDV_J04 by code: the cadre d'exercice, `ETABLISSEMENT`."""
    return _table("practice_setting")
