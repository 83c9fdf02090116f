"""Names of SOAP 1.2, WS-Addressing, WS-Security and MTOM/XOP.

Source: W3C recommendations of each format; their use by the DMP is described in the DMP integration guide
(TD0.1) and in the official example messages.
"""

from typing import Final

# Namespaces
NS_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
NS_SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
NS_WSA: Final = "http://www.w3.org/2005/08/addressing"
NS_WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
NS_XOP: Final = "http://www.w3.org/2004/08/xop/include"
NS_XML: Final = "http://www.w3.org/XML/1998/namespace"

# WS-Addressing
WSA_ANONYMOUS: Final = "http://www.w3.org/2005/08/addressing/anonymous"
WSA_FAULT_ACTION: Final = "http://www.w3.org/2005/08/addressing/fault"

# Media types
MEDIA_SOAP: Final = "application/soap+xml"
MEDIA_XOP: Final = "application/xop+xml"
MEDIA_MULTIPART: Final = "multipart/related"

# Fault codes of SOAP 1.2 (local names in the namespace of the envelope)
FAULT_SENDER: Final = "Sender"
FAULT_RECEIVER: Final = "Receiver"
FAULT_MUST_UNDERSTAND: Final = "MustUnderstand"
FAULT_VERSION_MISMATCH: Final = "VersionMismatch"
FAULT_DATA_ENCODING: Final = "DataEncodingUnknown"

# Fault subcodes of WS-Security 1.1 (12): the token was refused
WSSE_FAULTS: Final = frozenset(
    {
        "UnsupportedSecurityToken",
        "UnsupportedAlgorithm",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "FailedAuthentication",
        "FailedCheck",
        "SecurityTokenUnavailable",
        "MessageExpired",
    }
)
