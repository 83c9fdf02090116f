"""What a registry or a repository answers, and what its error codes mean for us.

Sources: ebRS 3.0 (RegistryResponse), IHE ITI TF-3 table 4.2.4.1-2, spec dmp 3.7 (classes of errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lxml import etree

from interop.soap.errors import SoapError
from interop.xds import codes

_MAX_TEXT = 1000


class ErrorKind(StrEnum):
    """Class of an error: decides retry, stop and what the user reads (spec dmp 3.7)."""

    DUPLICATE = "duplicate"
    PATIENT = "patient"
    RIGHTS = "rights"
    CONFIGURATION = "configuration"
    DATA = "data"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


_KINDS: dict[ErrorKind, tuple[str, ...]] = {
    ErrorKind.DUPLICATE: (codes.ERROR_DUPLICATE_UNIQUE_ID, codes.ERROR_NON_IDENTICAL_HASH),
    ErrorKind.PATIENT: (codes.ERROR_UNKNOWN_PATIENT, codes.DMP_CLOSED),
    ErrorKind.RIGHTS: (codes.DMP_ACCESS_DENIED,),
    ErrorKind.CONFIGURATION: (codes.DMP_INVALID_CERTIFICATE,),
    ErrorKind.DATA: (
        codes.ERROR_PATIENT_MISMATCH,
        codes.ERROR_DUPLICATE_IN_MESSAGE,
        codes.ERROR_DOCUMENT_UNIQUE_ID,
        codes.ERROR_REGISTRY_METADATA,
        codes.ERROR_REPOSITORY_METADATA,
        codes.ERROR_MISSING_DOCUMENT,
        codes.ERROR_MISSING_METADATA,
        codes.ERROR_TOO_MANY_RESULTS,
        codes.ERROR_QUERY_MISSING_PARAM,
        codes.ERROR_QUERY_PARAM_NUMBER,
        codes.ERROR_UNKNOWN_QUERY,
        codes.ERROR_DEPRECATED_DOCUMENT,
        codes.ERROR_UNKNOWN_REPOSITORY,
        codes.ERROR_METADATA_UPDATE,
        codes.ERROR_METADATA_VERSION,
        codes.ERROR_METADATA_IDENTIFIER,
    ),
    ErrorKind.TRANSIENT: (
        codes.ERROR_REGISTRY_NOT_AVAILABLE,
        codes.ERROR_REGISTRY,
        codes.ERROR_REPOSITORY,
        codes.ERROR_REGISTRY_BUSY,
        codes.ERROR_REPOSITORY_BUSY,
    ),
}
KIND_OF_CODE: Mapping[str, ErrorKind] = MappingProxyType(
    {code: kind for kind, found in _KINDS.items() for code in found}
)
"""Default classes of the codes that sources name; a setting may add or move codes (spec dmp 9, rule 9)."""


def kind_of_code(code: str, kinds: Mapping[str, ErrorKind] = KIND_OF_CODE) -> ErrorKind:
    """Return the class of an error code; a prefix of a namespace (`urn:...:code`) is ignored."""
    return kinds.get(code.rpartition(":")[2], ErrorKind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One `RegistryError`. `context` is text of the server, for technical screens only."""

    code: str
    context: str = ""
    severity: str = codes.SEVERITY_ERROR
    location: str = ""

    @property
    def is_warning(self) -> bool:
        return self.severity == codes.SEVERITY_WARNING


@dataclass(frozen=True, slots=True)
class RegistryResponse:
    """Status and errors of an answer, warnings among them."""

    status: str
    errors: tuple[RegistryError, ...] = ()

    @property
    def succeeded(self) -> bool:
        """A success may carry warnings; a partial success is not one (a single lot is sent at a time)."""
        return self.status == codes.RESPONSE_SUCCESS

    @property
    def first_error(self) -> RegistryError:
        """The error to report: the first that is no warning."""
        return next((error for error in self.errors if not error.is_warning), RegistryError(""))


def parse_registry_response(element: etree._Element) -> RegistryResponse:
    """Read `rs:RegistryResponse`.

    Raises:
        SoapError: another element, or no status.
    """
    if element.tag != f"{{{codes.NS_RS}}}RegistryResponse":
        raise SoapError(f"{element.tag} instead of RegistryResponse")
    return read_status(element)


def read_status(element: etree._Element) -> RegistryResponse:
    """Read the status and the error list that several answers share.

    Raises:
        SoapError: no status.
    """
    status = element.get("status", "")
    if not status:
        raise SoapError("an answer without status")
    errors = element.iterfind(f"{{{codes.NS_RS}}}RegistryErrorList/{{{codes.NS_RS}}}RegistryError")
    return RegistryResponse(status, tuple(_read_error(error) for error in errors))


def _read_error(element: etree._Element) -> RegistryError:
    return RegistryError(
        code=element.get("errorCode", "").strip(),
        context=element.get("codeContext", "")[:_MAX_TEXT],
        severity=element.get("severity", codes.SEVERITY_ERROR),
        location=element.get("location", "")[:_MAX_TEXT],
    )
