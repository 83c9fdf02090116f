"""The seal of a structure (cachet, certificate ORG_SIGN): what signs the VIHF and the submission sets.

Sources: spec dmp 0 (fact 6), 2.1 (issuer name), 2.5 (signature), 9 rule 2 (keys). Load a seal once per
process: reading an RSA key from PEM costs thirty times a signature.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

MINIMUM_KEY_BITS = 2048

# RFC 2253, 2.3: the names that a printer writes as keywords; any other type is an OID with hexadecimal DER.
_KEYWORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}


class SealError(ValueError):
    """The certificate or the key cannot be used to sign."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signing key with its certificate and, optionally, the certificates above it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    subject: str = field(init=False)
    certificate_base64: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.key.public_key().public_numbers() != _public_numbers(self.certificate):
            raise SealError("the key is not that of the certificate")
        if self.key.key_size < MINIMUM_KEY_BITS:
            raise SealError(f"the key is shorter than {MINIMUM_KEY_BITS} bits")
        object.__setattr__(self, "subject", rfc2253_name(self.certificate.subject))
        object.__setattr__(self, "certificate_base64", certificate_base64(self.certificate))

    @classmethod
    def from_pem(cls, certificates: bytes, key: bytes, *, password: bytes | None = None) -> Seal:
        """Load PEM bytes; `certificates` begins with the certificate of the key.

        Raises:
            SealError: unreadable, not RSA, or key and certificate do not belong together.
        """
        try:
            chain = x509.load_pem_x509_certificates(certificates)
            private = serialization.load_pem_private_key(key, password)
        except (ValueError, TypeError) as error:
            raise SealError(f"unreadable certificate or key: {error}") from None
        return cls(chain[0], _rsa(private), tuple(chain[1:]))

    @classmethod
    def from_pkcs12(cls, data: bytes, *, password: bytes | None = None) -> Seal:
        """Load a PKCS#12 file.

        Raises:
            SealError: unreadable, incomplete or not RSA.
        """
        try:
            key, certificate, chain = pkcs12.load_key_and_certificates(data, password)
        except ValueError as error:
            raise SealError(f"unreadable PKCS#12 file: {error}") from None
        if certificate is None:
            raise SealError("the PKCS#12 file holds no certificate")
        return cls(certificate, _rsa(key), tuple(chain))

    def sign(self, data: bytes, digest: hashes.HashAlgorithm) -> bytes:
        """Return the RSA PKCS#1 v1.5 signature of `data`."""
        return self.key.sign(data, padding.PKCS1v15(), digest)

    def is_valid_at(self, instant: datetime) -> bool:
        """Tell whether the certificate is in its period of validity (`instant` has a zone)."""
        return self.certificate.not_valid_before_utc <= instant <= self.certificate.not_valid_after_utc

    def days_left(self, instant: datetime) -> int:
        """Whole days before the certificate ends; negative once it has ended."""
        return (self.certificate.not_valid_after_utc - instant).days


def rfc2253_name(name: x509.Name) -> str:
    """Print a distinguished name by RFC 2253, most specific part first, as the DMP compares it."""
    return ",".join("+".join(_printed(part) for part in rdn) for rdn in reversed(name.rdns))


def certificate_base64(certificate: x509.Certificate) -> str:
    """The DER bytes of a certificate in base64, on one line."""
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii")


def _printed(part: x509.NameAttribute[str | bytes]) -> str:
    keyword = _KEYWORDS.get(part.oid)
    if keyword is None:
        return f"{part.oid.dotted_string}=#{_value_der(part).hex()}"
    return f"{keyword}={_escaped(str(part.value))}"


def _escaped(value: str) -> str:
    escaped = "".join(f"\\{char}" if char in ',+"\\<>;' else char for char in value)
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and not escaped.endswith("\\ "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _value_der(part: x509.NameAttribute[str | bytes]) -> bytes:
    """DER of the value alone: the last element of SEQUENCE { SET { SEQUENCE { oid, value }}}."""
    der = x509.Name([part]).public_bytes()
    for _level in range(3):
        der = _content(der)[0]
    return _content(der)[1]


def _content(der: bytes) -> tuple[bytes, bytes]:
    """Split one DER element: its content, and what follows it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start : start + length], der[start + length :]


def _rsa(key: object) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SealError("the signing key is not an RSA key")
    return key


def _public_numbers(certificate: x509.Certificate) -> rsa.RSAPublicNumbers | None:
    public = certificate.public_key()
    return public.public_numbers() if isinstance(public, rsa.RSAPublicKey) else None
