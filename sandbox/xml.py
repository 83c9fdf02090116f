"""XML of the sandbox: one safe parser of its own, and small readers."""

from lxml import etree

MAX_DEPTH = 256


class XmlError(ValueError):
    """The bytes are not XML that the sandbox accepts."""


def parse(data: bytes, *, large: bool = False) -> etree._Element:
    """Root of untrusted XML: no DTD, no entity, no network.

    `large` lifts the limit of libxml2 on one text node (the PDF of a document), never for an envelope.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise XmlError("a DOCTYPE is not accepted")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=large
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise XmlError(f"malformed XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise XmlError("a DOCTYPE is not accepted")
    if large:
        _check_depth(root)
    return root


def _check_depth(root: etree._Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise XmlError("elements are nested too deeply")


def q(namespace: str, name: str) -> str:
    """Qualified name, as lxml writes it."""
    return f"{{{namespace}}}{name}"


def text_of(element: etree._Element | None) -> str:
    """Text of an element without its blanks; empty when there is no element."""
    return (element.text or "").strip() if element is not None else ""


def children(element: etree._Element) -> list[etree._Element]:
    """Child elements, without comments and processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]
