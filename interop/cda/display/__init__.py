"""Showing any CDA document: our own transformation to HTML that can do nothing but be read.

Sources: cda.md 10, security.md 10.2; SC.CDA/VISU.01, VISU.03, INT.15. A received style sheet is never run,
nor even read: what comes out is built element by element from a closed list, so that no script, style,
link or address of the document can reach the page.
"""

from interop.cda.display.attachments import Attachment, attachments_of
from interop.cda.display.facts import Fact, facts_of
from interop.cda.display.page import (
    DISPLAY_POLICY,
    DisplayedCda,
    display_cda,
    html_of_cda,
    pdf_of_cda,
)

__all__ = [
    "DISPLAY_POLICY",
    "Attachment",
    "DisplayedCda",
    "Fact",
    "attachments_of",
    "display_cda",
    "facts_of",
    "html_of_cda",
    "pdf_of_cda",
]
