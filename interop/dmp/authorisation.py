"""TD0.3: set the authorisation of a professional on a DMP (service `habilitations`, proprietary).

Sources: spec dmp 1.5, WSDL Habilitations, official DMP example of TD0.3. The professional and the patient are
those of the VIHF; the role of treating physician is never sent from a hospital.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from interop.dmp import codes
from interop.soap.errors import SoapError

_MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class AuthorisationAnswer:
    """`status` is `DMPOk` or the code of an error; `context` explains it, in words of the server."""

    status: str
    context: str = ""

    @property
    def succeeded(self) -> bool:
        """Also when the authorisation was already there: the server says so in `context`."""
        return self.status == codes.STATUS_OK


def build_set_authorisation(action: str = codes.AUTHORISATION_ADD) -> etree._Element:
    """Return the body of the request."""
    root = etree.Element(_q("setAuthorization"), nsmap={None: codes.NS_AUTHORISATIONS})
    etree.SubElement(root, _q("action")).text = action
    return root


def parse_authorisation_answer(element: etree._Element) -> AuthorisationAnswer:
    """Read `setAuthorizationResponse`.

    Raises:
        SoapError: another element, or no status.
    """
    if element.tag != _q("setAuthorizationResponse"):
        raise SoapError(f"{element.tag} instead of setAuthorizationResponse")
    status = _text(element, "status")
    if not status:
        raise SoapError("an answer without status")
    return AuthorisationAnswer(status, _text(element, "context"))


def _text(element: etree._Element, name: str) -> str:
    return str(element.findtext(f"{_q('output')}/{_q(name)}", default="")).strip()[:_MAX_TEXT]


def _q(name: str) -> str:
    return f"{{{codes.NS_AUTHORISATIONS}}}{name}"
