"""The sandbox reads the wire with its own code: of the product it takes constants only."""

import ast
from pathlib import Path

import pytest

import sandbox

FOLDER = Path(sandbox.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
PRODUCT = {path.parent.name for path in FOLDER.parent.glob("*/__init__.py")} - {"sandbox"}


def imported(path: Path) -> set[str]:
    """Full names of what a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_of_the_product_only_constants_are_imported(path: Path) -> None:
    taken = {name for name in imported(path) if name.split(".")[0] in PRODUCT}
    assert all(name.startswith("interop.") and "codes" in name.split(".") for name in taken), taken


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_xml_is_parsed_in_one_place(path: Path) -> None:
    text = path.read_text()
    assert ("etree.fromstring(" in text) == (path.name == "xml.py")
    assert "etree.parse(" not in text
