"""The narrative blocks of a structured document, rebuilt from a closed list of elements (cda.md 10.6).

What is not in the list loses its tag and keeps its text; what is of another namespace is replaced by a
visible mark, because text that would vanish unseen is worse than text that looks plain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from interop.cda.codes import HL7_V3
from interop.cda.display.images import ImageFault, ImageRefused, data_url
from interop.cda.display.media import Media

NOT_SHOWN: Final = "[contenu non affiché]"
MAX_PAGE_IMAGE_BYTES: Final = 40 * 2**20
MAX_PAGE_IMAGES: Final = 500
"""All the images of one page together: a text may name the same image any number of times."""
TOO_MANY: Final = "[image non affichée : le document en montre déjà trop]"
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


_MARKS: Final = frozenset({NOT_SHOWN, TOO_MANY, *_FAULTS.values()})


class Narrative:
    """Rebuilds the `text` of sections; `media` are those of the document, by their ID."""

    def __init__(self, media: Mapping[str, Media]) -> None:
        self._media = media
        self._used: set[str] = set()
        self._images, self._image_bytes = 0, 0
        # Text is joined once, when something else comes after it: a hostile text has a million pieces.
        self._written: list[str] = []
        self._writes_to: etree._Element | None = None
        self._images_of: dict[etree._Element, list[str]] = defaultdict(list)
        for name, medium in media.items():
            if medium.is_image and medium.section_element is not None:
                self._images_of[medium.section_element].append(name)
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
        self._flush()
        return block

    def images_left(self, section: etree._Element) -> etree._Element | None:
        """The images of a section that no text of it names: they are shown after it, never lost."""
        block = etree.Element("div")
        for name in self._images_of.get(section, ()):
            if name not in self._used:
                self._used.add(name)
                self._medium(self._media[name], block)
        self._flush()
        return block if len(block) or block.text else None

    def _children(self, source: etree._Element, target: etree._Element) -> None:
        self._write(target, source.text)
        for child in source:
            if isinstance(child.tag, str):
                self._element(child, target)
            self._write(target, child.tail)

    def _element(self, source: etree._Element, target: etree._Element) -> None:
        if not source.tag.startswith(_TAG):
            self._write(target, NOT_SHOWN)
            return
        name = source.tag[len(_TAG) :]
        special = self._special.get(name)
        if special is not None:
            special(source, target)
        elif name in _PLAIN:
            made = self._add(target, _PLAIN[name])
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
            self._children(caption, self._add(target, "p", {"class": "bold"}))
        made = self._add(target, "ol" if ordered else "ul")
        for item in source.iterchildren(f"{_TAG}item"):
            self._element(item, made)

    def _caption(self, source: etree._Element, target: etree._Element) -> None:
        made = self._add(target, "caption" if target.tag == "table" else "p", {"class": "bold"})
        self._children(source, made)

    def _link(self, source: etree._Element, target: etree._Element) -> None:
        """Its words, then its address to be read, never followed."""
        made = self._add(target, "span")
        self._children(source, made)
        self._flush()
        address = (source.get("href") or "").strip()
        if address.startswith(("http://", "https://", "mailto:")) and address not in "".join(made.itertext()):
            self._write(made, f" ({address})")

    def _multimedia(self, source: etree._Element, target: etree._Element) -> None:
        caption = source.find(f"{_TAG}caption")
        for name in (source.get("referencedObject") or "").split():
            self._used.add(name)
            self._medium(self._media.get(name), target)
        if caption is not None:
            self._children(caption, self._add(target, "small"))

    def _medium(self, medium: Media | None, target: etree._Element) -> None:
        if medium is None:
            self._write(target, NOT_SHOWN)
        elif not medium.is_image:
            self._write(target, ATTACHED.format(label=medium.label))
        elif self._images >= MAX_PAGE_IMAGES or self._image_bytes >= MAX_PAGE_IMAGE_BYTES:
            self._write(target, TOO_MANY)
        else:
            self._image(medium, target)

    def _image(self, medium: Media, target: etree._Element) -> None:
        content = medium.content
        self._images += 1
        self._image_bytes += len(content)
        try:
            if self._image_bytes > MAX_PAGE_IMAGE_BYTES:
                self._write(target, TOO_MANY)
            else:
                self._add(target, "img", src=data_url(content), alt="Image du document")
        except ImageRefused as error:
            self._write(target, _FAULTS[error.fault])

    def _add(
        self, target: etree._Element, tag: str, attributes: Mapping[str, str] | None = None, **more: str
    ) -> etree._Element:
        """A new element at the end of `target`, after the text already written there."""
        self._flush()
        return etree.SubElement(target, tag, {**(attributes or {}), **more})

    def _write(self, target: etree._Element, text: str | None) -> None:
        """Text at the end of `target`; a mark that is already its last word is not said again."""
        if not text:
            return
        if target is not self._writes_to:
            self._flush()
            self._writes_to = target
        if not (text in _MARKS and self._written and self._written[-1] == text):
            self._written.append(text)

    def _flush(self) -> None:
        if self._writes_to is not None:
            _append_text(self._writes_to, "".join(self._written))
        self._written, self._writes_to = [], None


def _append_text(target: etree._Element, text: str) -> None:
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
