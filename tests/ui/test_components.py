"""Values of the page parts: comparison of traits, filters, icons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from interop.xml import parse_xml
from ui import icons
from ui.components import Filter, Option, differing_parts


def test_added_given_names_are_marked_as_words() -> None:
    parts = differing_parts("DOMINIQUE", "DOMINIQUE MARIE-LOUISE")
    assert parts == (("DOMINIQUE ", False), ("MARIE-LOUISE", True))


def test_dates_of_same_length_are_marked_by_character() -> None:
    assert differing_parts("16/02/1983", "16/12/1983") == (("16/", False), ("1", True), ("2/1983", False))


def test_equal_values_have_no_mark() -> None:
    assert differing_parts("F", "F") == (("F", False),)
    assert differing_parts("F", "") == ()


@given(st.text(max_size=30), st.text(max_size=30))
def test_pieces_joined_give_the_value_back(local: str, other: str) -> None:
    parts = differing_parts(local, other)
    assert "".join(text for text, _ in parts) == other
    assert all(parts[i][1] != parts[i + 1][1] for i in range(len(parts) - 1))


def test_a_filter_knows_its_chosen_values() -> None:
    menu = Filter("unite", "Unité", [Option("1", "CHIR V", checked=True), Option("2", "REA")])
    assert [option.label for option in menu.chosen] == ["CHIR V"]


def test_an_icon_refers_to_the_sprite_and_is_silent() -> None:
    html = icons.icon("bed", 24, "turning")
    assert html.startswith('<svg class="icon icon--24 turning" aria-hidden="true" focusable="false">')
    assert '<use href="#i-bed"></use>' in html


@pytest.mark.parametrize(("name", "size"), [("no-such-icon", 16), ("bed", 17)])
def test_an_unknown_icon_or_size_is_refused(name: str, size: int) -> None:
    with pytest.raises(LookupError):
        icons.icon(name, size)


def test_the_sprite_holds_shapes_only() -> None:
    elements = {
        str(element.tag).rpartition("}")[2]
        for element in parse_xml(icons.SPRITE.encode()).iter(etree.Element)
    }
    assert elements == {"svg", "symbol", "path", "circle", "rect", "ellipse"}
