"""The narrative of a section: what a person reads, anchored so that entries point to it (cda.md 6.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from lxml import etree

from interop.cda.datatypes import Moment
from interop.cda.elements import add, add_text
from interop.xml import xml_text


@dataclass(frozen=True, slots=True)
class Anchor:
    """A text to which an entry points by `id`."""

    id: str
    text: str


Cell = str | Anchor


def add_table(
    text: etree._Element, rows: Iterable[Sequence[Cell]], head: Sequence[str] = (), title: str = ""
) -> None:
    """Append a table to the narrative, with column heads or one title over all columns."""
    table = add(text, "table", border="0")
    rows = list(rows)
    if title or head:
        line = add(add(table, "thead"), "tr")
        for heading in head or (title,):
            cell = add_text(line, "th", heading)
            if not head:
                cell.set("colspan", str(max(len(row) for row in rows)))
    body = add(table, "tbody")
    for row in rows:
        line = add(body, "tr")
        for value in row:
            _add_cell(line, value)


def _add_cell(line: etree._Element, value: Cell) -> None:
    cell = add(line, "td")
    if isinstance(value, Anchor):
        add_lines(add(cell, "content", ID=value.id), value.text)
    else:
        add_lines(cell, value)


def add_lines(element: etree._Element, text: str) -> None:
    """Fill an element with a text, one `br` at each end of line."""
    first, *others = xml_text(text).splitlines() or [""]
    element.text = first
    for line in others:
        add(element, "br").tail = line


def shown_day(moment: Moment | None, zone: tzinfo) -> str:
    """Return a date as French readers write it, in local time; nothing when it is not known."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(zone).date()
    return f"{moment:%d/%m/%Y}" if isinstance(moment, date) else ""
