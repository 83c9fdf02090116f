"""docs/indicateurs.md says what the code counts (F-PV-32)."""

import re

import pytest

from stats.csv_layout import COLUMNS
from stats.definitions import BASE, INDICATORS
from stats.document_types import DEFAULT_CODES
from tests.shared import CHECKOUT

PAGE = (CHECKOUT / "docs" / "indicateurs.md").read_text("utf-8")
SHOWN = {"types": "de [type]", "the_type": "le [type]", "a_type": "un [type]", "e": "", "es": "", "s": "s"}


@pytest.mark.requirement("F-PV-32")
@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda one: one.code)
def test_each_indicator_is_there_with_its_numerator_and_its_denominator(indicator):
    base = "l'assiette du type (NB3)" if indicator.denominator == BASE else indicator.denominator or "—"
    name = indicator.name.format(**SHOWN)
    assert f"| `{indicator.code}` | {name} | {indicator.numerator} | {base} |" in PAGE


def test_nothing_else_is_announced():
    named = set(re.findall(r"^\| `((?:ALI|CON|MSSPRO|MSSPAT|MSSREC|INFO|X)_\w+)`", PAGE, re.MULTILINE))
    assert named == {indicator.code for indicator in INDICATORS}


def test_columns_are_those_of_the_layout():
    rows = re.findall(r"^\| (\d+) \| (.+?) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [(str(place), one.header, one.key) for place, one in enumerate(COLUMNS, 1)]


@pytest.mark.parametrize("doc_type", DEFAULT_CODES)
def test_codes_are_those_of_the_mapping(doc_type):
    codes = " ".join(f"`{code}`" for code in DEFAULT_CODES[doc_type])
    assert f"| `{doc_type.value}` | {doc_type.label} | {codes} |" in PAGE


def test_codes_of_the_mapping_are_types_of_documents():
    from interop.cda.value_sets import document_types

    assert {code for codes in DEFAULT_CODES.values() for code in codes} <= set(document_types())
