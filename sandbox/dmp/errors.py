"""The two ways in which the DMP refuses: a SOAP fault, or a failed registry response."""

from dataclasses import dataclass

from interop.soap import codes as soap

# Subcodes of WS-Addressing and of WS-Security (OASIS), written with their prefix.
ADDRESSING_HEADER_REQUIRED = "wsa:MessageAddressingHeaderRequired"
INVALID_ADDRESSING_HEADER = "wsa:InvalidAddressingHeader"
ACTION_NOT_SUPPORTED = "wsa:ActionNotSupported"
SECURITY_UNAVAILABLE = "wsse:SecurityTokenUnavailable"
INVALID_SECURITY_TOKEN = "wsse:InvalidSecurityToken"  # noqa: S105 - name of a fault, no secret
FAILED_CHECK = "wsse:FailedCheck"
MESSAGE_EXPIRED = "wsse:MessageExpired"


class SoapFault(Exception):
    """Answer with a SOAP 1.2 fault. `subcode` is a functional code of the DMP or a prefixed standard one."""

    def __init__(self, reason: str, *, subcode: str = "", code: str = soap.FAULT_SENDER) -> None:
        super().__init__(f"{subcode or code}: {reason}")
        self.reason = reason
        self.subcode = subcode
        self.code = code


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One error of a `RegistryErrorList`: its code, and what it is about."""

    code: str
    context: str


class RegistryRefusal(Exception):
    """Answer with a failed registry response. At least one error."""

    def __init__(self, *errors: RegistryError) -> None:
        super().__init__("; ".join(f"{error.code}: {error.context}" for error in errors))
        self.errors = errors
