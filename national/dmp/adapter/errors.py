"""What an answer that is no success becomes: one of the three errors, with its class and its words.

Source: spec dmp 3.7 (layers, classes). The code is for programs, the message for users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from interop.soap import codes as soap_codes
from interop.soap.errors import SoapError, SoapFault
from interop.xds import codes as xds
from interop.xds.metadata import MetadataError
from interop.xds.responses import ErrorKind, RegistryResponse, kind_of_code
from interop.xml import XmlRefused
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain

METADATA_INCOMPLETE = "METADATA_INCOMPLETE"

_SERVER_FAULTS = frozenset({soap_codes.FAULT_RECEIVER, "Server"})
_MESSAGES = MappingProxyType(
    {
        ErrorKind.DUPLICATE: "Le DMP connaît déjà un document de cet identifiant.",
        ErrorKind.PATIENT: "Ce patient n'a pas de DMP ouvert.",
        ErrorKind.RIGHTS: "Le DMP n'autorise pas cette opération.",
        ErrorKind.CONFIGURATION: "Le DMP refuse les certificats ou l'identification de la structure.",
        ErrorKind.DATA: "Le DMP a refusé le document ou ses métadonnées.",
    }
)
_MESSAGES_OF_CODES = MappingProxyType(
    {
        xds.ERROR_TOO_MANY_RESULTS: "Trop de documents répondent à la recherche : réduisez la période.",
        xds.ERROR_METADATA_VERSION: (
            "Ce document a changé dans le DMP depuis sa lecture : relisez-le, puis recommencez."
        ),
        xds.ERROR_DOCUMENT_UNIQUE_ID: "Le DMP ne trouve pas ce document.",
        xds.ERROR_UNKNOWN_REPOSITORY: "Le DMP ne trouve pas ce document.",
    }
)
Kinds = Mapping[str, ErrorKind]


def of_fault(fault: SoapFault, kinds: Kinds) -> NationalServiceError:
    """A SOAP fault: the functional code is the subcode, the code says whose mistake it is."""
    kind = kind_of_code(fault.subcode, kinds)
    if kind is ErrorKind.UNKNOWN and fault.subcode in soap_codes.WSSE_FAULTS:
        kind = ErrorKind.CONFIGURATION
    elif kind is ErrorKind.UNKNOWN and not fault.subcode and fault.code in _SERVER_FAULTS:
        kind = ErrorKind.TRANSIENT
    return _error(fault.subcode or fault.code, f"{fault.reason} {fault.detail}".strip(), kind)


def of_failure(response: RegistryResponse, kinds: Kinds) -> NationalServiceError:
    """A failed answer of the registry or of the repository: its first error."""
    error = response.first_error
    return of_code(error.code or response.status.rpartition(":")[2], error.context, kinds)


def of_code(code: str, text: str, kinds: Kinds) -> NationalServiceError:
    """A functional code of the DMP, wherever it stood."""
    return _error(code, text, kind_of_code(code, kinds))


def of_unreadable(error: SoapError, *, repeatable: bool) -> NationalServiceError:
    """An answer that is SOAP and not what was asked for."""
    if repeatable:
        return Unavailable("Le DMP a donné une réponse illisible.", code="UNREADABLE", text=str(error))
    message = "Le DMP a donné une réponse illisible ; l'issue sera vérifiée."
    return Uncertain(message, code="UNREADABLE", text=str(error))


def is_closed(error: NationalServiceError) -> bool:
    """Tell whether a refusal says that the DMP is closed."""
    return error.code.rpartition(":")[2] == xds.DMP_CLOSED


@contextmanager
def metadata_checked() -> Iterator[None]:
    """Refuse here what the registry would refuse, before anything leaves."""
    try:
        yield
    except (MetadataError, XmlRefused) as error:
        raise Rejected(
            METADATA_INCOMPLETE,
            str(error),
            kind=RejectionKind.DATA,
            message="Le document ou ses métadonnées ne permettent pas cette opération au DMP.",
        ) from error


def _error(code: str, text: str, kind: ErrorKind) -> NationalServiceError:
    if kind is ErrorKind.TRANSIENT:
        return Unavailable("Le DMP est momentanément indisponible.", code=code, text=text)
    own = _MESSAGES_OF_CODES.get(code.rpartition(":")[2])
    message = own or _MESSAGES.get(kind, f"Le DMP a refusé la demande ({code}).")
    return Rejected(code, text, kind=RejectionKind(kind.value), message=message)
