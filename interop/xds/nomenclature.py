"""Tables that deduce metadata from a CDA document, kept as data beside this module.

Sources: ANS, tables d'association ASS_X04-CorrespondanceType-Classe-CISIS (23/02/2024) and
ASS_A11-CorresModeleCDA-XdsFormatCode-CISIS (26/01/2024), terminologies TRE_A03, TRE_A06 and TRE_R209 (labels
as published). A newer table replaces the file; nothing in code names a pair of type and class.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from interop.xds import codes
from interop.xds.metadata import Code

_ANY_MODEL = "*"

CONTENT_TYPES = MappingProxyType(
    {
        "03": Code(
            "03", codes.OID_CONTENT_TYPE, "Hospitalisation complète (non compris hospitalisation de semaine)"
        ),
        "04": Code("04", codes.OID_CONTENT_TYPE, "Hospitalisation de Jour"),
        "07": Code("07", codes.OID_CONTENT_TYPE, "Consultation Soins Externes"),
        "19": Code("19", codes.OID_CONTENT_TYPE, "Traitement et Cure Ambulatoire"),
        "97": Code("97", codes.OID_CONTENT_TYPE, "Type d'activité indifferencié"),
    }
)
_CONTENT_TYPE_OF_PATIENT_CLASS = {"I": "03", "O": "07", "E": "07", "R": "19", "N": "97"}


class UnknownCode(KeyError):
    """The nomenclature has no row for this code."""


def class_of_type(type_code: Code) -> Code:
    """Return the class of a document type (ASS_X04).

    Raises:
        UnknownCode: the type is not in the table.
    """
    class_code = _type_classes().get((type_code.code, type_code.system))
    if class_code is None:
        raise UnknownCode(type_code.code)
    return Code(class_code, codes.OID_CLASS_CODE, _class_labels()[class_code])


def format_of_media_type(media_type: str) -> Code:
    """Return the format of a CDA with an unstructured body (level 1).

    Raises:
        UnknownCode: no such body is accepted.
    """
    found = _formats().get(media_type)
    if found is None or "/" not in media_type:
        raise UnknownCode(media_type)
    return found


def format_of_models(template_ids: Iterable[str]) -> Code:
    """Return the format of a structured CDA (level 3) from its templateIds (ASS_A11).

    The first template of the table wins: CI-SIS models stand after the two general ones in a header.
    A model without a row has the format of "documents out of profile" (spec cda 8.7).
    """
    formats = _formats()
    return next((formats[root] for root in template_ids if root in formats), formats[_ANY_MODEL])


def content_type_of_patient_class(patient_class: str) -> Code:
    """Return the activity of a submission set from PV1-2 (JDV_J59, spec cda 8.8).

    Raises:
        UnknownCode: PV1-2 is none of I, O, E, R, N.
    """
    code = _CONTENT_TYPE_OF_PATIENT_CLASS.get(patient_class)
    if code is None:
        raise UnknownCode(patient_class)
    return CONTENT_TYPES[code]


def document_classes() -> dict[str, str]:
    """Return the labels of the document classes by code (TRE_A03)."""
    return dict(_class_labels())


def document_formats() -> dict[str, Code]:
    """Return the formats that documents may have, by their code (TRE_A06 and IHE)."""
    return {found.code: found for found in _formats().values()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("interop.xds").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines(), delimiter=";")


@cache
def _type_classes() -> dict[tuple[str, str], str]:
    return {(row["type_code"], row["type_system"]): row["class_code"] for row in _rows("type_class.csv")}


@cache
def _class_labels() -> dict[str, str]:
    return {row["class_code"]: row["label"] for row in _rows("class_label.csv")}


@cache
def _formats() -> dict[str, Code]:
    return {
        row["model"]: Code(row["format_code"], row["format_system"], row["label"] or row["format_code"])
        for row in _rows("format_by_model.csv")
    }
