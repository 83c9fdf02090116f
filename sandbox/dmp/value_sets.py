"""Codes that the registry accepts, kept as data beside this module.

Sources: ANS, JDV_J01 (author specialty), JDV_J02 (facility type), JDV_J04 (practice setting), JDV_J07
(document type, with the codes added up to 29/06/2026), TRE_A03 (class), JDV_J59 (content type of a
submission set).
"""

import csv
from functools import cache
from importlib.resources import files

Pair = tuple[str, str]
"""Code and identifier of its system."""


@cache
def _all() -> dict[str, frozenset[Pair]]:
    found: dict[str, set[Pair]] = {}
    with files("sandbox.dmp").joinpath("data/value_sets.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter=";"):
            found.setdefault(row["set"], set()).add((row["code"], row["system"]))
    return {name: frozenset(pairs) for name, pairs in found.items()}


def author_specialties() -> frozenset[Pair]:
    return _all()["author_specialty"]


def facility_types() -> frozenset[Pair]:
    return _all()["facility_type"]


def practice_settings() -> frozenset[Pair]:
    return _all()["practice_setting"]


def document_types() -> frozenset[Pair]:
    return _all()["type"]


def document_classes() -> frozenset[Pair]:
    return _all()["class"]


def content_types() -> frozenset[Pair]:
    return _all()["content_type"]
