"""The codes that the registry accepts are those of the official value sets."""

from pathlib import Path

import pytest
from lxml import etree

from sandbox.dmp import value_sets

SVS = "{urn:ihe:iti:svs:2008}"


def official(shared: Path, name: str) -> set[tuple[str, str]]:
    (file,) = (shared / "cisis" / "jeuxDeValeurs").glob(f"{name}_*.xml")
    root = etree.parse(file).getroot()
    return {(item.get("code", ""), item.get("codeSystem", "")) for item in root.iter(f"{SVS}Concept")}


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("JDV_J01", value_sets.author_specialties),
        ("JDV_J02", value_sets.facility_types),
        ("JDV_J04", value_sets.practice_settings),
        ("JDV_J07", value_sets.document_types),
    ],
)
def test_a_value_set_holds_every_official_code(shared: Path, name: str, held: object) -> None:
    missing = official(shared, name) - held()  # type: ignore[operator]  # a function of the table
    assert missing == set()
