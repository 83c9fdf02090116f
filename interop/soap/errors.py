"""What may be wrong with a SOAP message that was received."""

from __future__ import annotations

from lxml import etree


class SoapError(ValueError):
    """The message is not SOAP that we accept: malformed, incomplete or beyond a limit."""


class SoapFault(Exception):  # noqa: N818 - the name of the format
    """The other side answered with a fault (SOAP 1.2 part 1, 5.4).

    `code` and `subcode` are local names, prefixes removed: the functional code of the DMP
    (`DMPInvalidCertificate`...) is the deepest subcode. `reason` is text of the server, for
    technical screens only; `detail_element` is the detail as it came, for services that structure it.
    """

    def __init__(
        self,
        code: str,
        *,
        subcode: str = "",
        reason: str = "",
        detail: str = "",
        detail_element: etree._Element | None = None,
    ) -> None:
        super().__init__(f"{code} {subcode}".strip())
        self.code = code
        self.subcode = subcode
        self.reason = reason
        self.detail = detail
        self.detail_element = detail_element
