"""The narrative blocks of a structured document, rebuilt from a closed list of elements (cda.md 10.6).

What is not in the list loses its tag and keeps its text; what is of another namespace is replaced by a
visible mark, because text that would vanish unseen is worse than text that looks plain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from interop.cda.codes import HL7_V3
from interop.cda.display.images import ImageFault, ImageRefused, data_url
from interop.cda.display.media import Media

NOT_SHOWN: Final = "[contenu non affiché]"
ATTACHED: Final = "[pièce jointe : {label}]"
_TAG: Final = f"{{{HL7_V3}}}"
_PLAIN: Final[Mapping[str, str]] = {
    "paragraph": "p", "item": "li", "table": "table", "thead": "thead", "tbody": "tbody", "tfoot": "tfoot",
    "tr": "tr", "th": "th", "td": "td", "colgroup": "colgroup", "col": "col", "sub": "sub", "sup": "sup",
    "footnote": "small", "content": "span", "br": "br",
}  # fmt: skip
_VOID: Final = frozenset({"br", "col"})
_STYLES: Final[Mapping[str, str]] = {
    "bold": "bold",
    "italics": "italics",
    "underline": "underline",
    "emphasis": "italics",
    "bolditalics": "bold italics",
    "strikethrough": "struck",
}
_ALIGNMENTS: Final = frozenset({"left", "right", "center"})
_SPANS: Final = {"colspan": 60, "rowspan": 1000}
_ORDERED: Final = frozenset({"arabic", "littleroman", "bigroman", "littlealpha", "bigalpha"})
_FAULTS: Final = {
    ImageFault.TYPE: "[image non affichée : format inconnu]",
    ImageFault.SIZE: "[image non affichée : trop lourde]",
    ImageFault.PIXELS: "[image non affichée : trop grande]",
}


class Narrative:
    """Rebuilds the `text` of sections; `media` are those of the document, by their ID."""

    def __init__(self, media: Mapping[str, Media]) -> None:
        self._media = media
        self._used: set[str] = set()
        self._special: Mapping[str, Callable[[etree._Element, etree._Element], None]] = {
            "list": self._list,
            "caption": self._caption,
            "linkHtml": self._link,
            "renderMultiMedia": self._multimedia,
        }

    def block(self, text: etree._Element) -> etree._Element:
        """A `div` with what a `text` says."""
        block = etree.Element("div")
        self._children(text, block)
        return block

    def images_left(self, section: etree._Element) -> etree._Element | None:
        """The images of a section that no text of it names: they are shown after it, never lost."""
        block = etree.Element("div")
        for name, medium in self._media.items():
            if medium.is_image and name not in self._used and medium.section_element is section:
                self._used.add(name)
                self._medium(medium, block)
        return block if len(block) or block.text else None

    def _children(self, source: etree._Element, target: etree._Element) -> None:
        _append_text(target, source.text)
        for child in source:
            if isinstance(child.tag, str):
                self._element(child, target)
            _append_text(target, child.tail)

    def _element(self, source: etree._Element, target: etree._Element) -> None:
        if not source.tag.startswith(_TAG):
            _append_text(target, NOT_SHOWN)
            return
        name = source.tag[len(_TAG) :]
        special = self._special.get(name)
        if special is not None:
            special(source, target)
        elif name in _PLAIN:
            made = etree.SubElement(target, _PLAIN[name])
            _copy_layout(source, made)
            if name not in _VOID:
                self._children(source, made)
        else:
            self._children(source, target)

    def _list(self, source: etree._Element, target: etree._Element) -> None:
        styles = (source.get("styleCode") or "").lower().split()
        ordered = source.get("listType") == "ordered" or bool(_ORDERED.intersection(styles))
        caption = source.find(f"{_TAG}caption")
        if caption is not None:
            self._children(caption, etree.SubElement(target, "p", {"class": "bold"}))
        made = etree.SubElement(target, "ol" if ordered else "ul")
        for item in source.iterchildren(f"{_TAG}item"):
            self._element(item, made)

    def _caption(self, source: etree._Element, target: etree._Element) -> None:
        made = etree.SubElement(target, "caption" if target.tag == "table" else "p", {"class": "bold"})
        self._children(source, made)

    def _link(self, source: etree._Element, target: etree._Element) -> None:
        """Its words, then its address to be read, never followed."""
        made = etree.SubElement(target, "span")
        self._children(source, made)
        address = (source.get("href") or "").strip()
        if address.startswith(("http://", "https://", "mailto:")) and address not in "".join(made.itertext()):
            _append_text(made, f" ({address})")

    def _multimedia(self, source: etree._Element, target: etree._Element) -> None:
        caption = source.find(f"{_TAG}caption")
        for name in (source.get("referencedObject") or "").split():
            self._used.add(name)
            self._medium(self._media.get(name), target)
        if caption is not None:
            self._children(caption, etree.SubElement(target, "small"))

    def _medium(self, medium: Media | None, target: etree._Element) -> None:
        if medium is None:
            _append_text(target, NOT_SHOWN)
        elif not medium.is_image:
            _append_text(target, ATTACHED.format(label=medium.label))
        else:
            try:
                address = data_url(medium.content)
            except ImageRefused as error:
                _append_text(target, _FAULTS[error.fault])
            else:
                etree.SubElement(target, "img", src=address, alt="Image du document")


def _append_text(target: etree._Element, text: str | None) -> None:
    if not text:
        return
    if len(target):
        last = target[-1]
        last.tail = (last.tail or "") + text
    else:
        target.text = (target.text or "") + text


def _copy_layout(source: etree._Element, target: etree._Element) -> None:
    """Emphasis, alignment and spans: each value from a closed list, each number bounded."""
    classes: list[str] = []
    for style in (source.get("styleCode") or "").lower().split():
        classes += _STYLES.get(style, "").split()
    if (alignment := (source.get("align") or "").lower()) in _ALIGNMENTS:
        classes.append(alignment)
    if classes:
        target.set("class", " ".join(dict.fromkeys(classes)))
    for name, limit in _SPANS.items():
        span = source.get(name) or ""
        if span.isascii() and span.isdigit() and len(span) < 6 and int(span) > 1:
            target.set(name, str(min(int(span), limit)))
