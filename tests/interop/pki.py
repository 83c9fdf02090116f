"""A throw-away public key infrastructure, with subjects shaped like those of IGC Santé."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from interop.seal import Seal

STRUCTURE = "1990000010"


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def subject(common_name: str, structure: str = STRUCTURE) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Rhône (69)"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CENTRE HOSPITALIER DE TEST"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, structure),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@cache
def authority(name: str = "AC DE TEST") -> Identity:
    key = _key(name)
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


@cache
def issued(common_name: str, *, purpose: str = "sign", by: str = "AC DE TEST", days: int = 90) -> Identity:
    """`purpose`: `sign` (cachet), `client` or `server` (loopback)."""
    issuer = authority(by)
    key = _key(common_name)
    builder = (
        _builder(subject(common_name), key, days=days)
        .issuer_name(issuer.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
        )
    )
    if purpose == "sign":
        builder = builder.add_extension(_usage(content_commitment=True), critical=True)
    elif purpose == "client":
        builder = builder.add_extension(_usage(digital_signature=True), critical=True).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
    else:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(_usage(digital_signature=True), critical=True).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
    return Identity(builder.sign(issuer.key, hashes.SHA256()), key)


def seal(common_name: str = "CACHET DE TEST") -> Seal:
    identity = issued(common_name)
    return Seal(identity.certificate, identity.key, (authority().certificate,))


def revocation_list(*revoked: str, purpose: str = "server", days: int = 1) -> bytes:
    """PEM of the CRL of the authority, with the certificates of these names; over when `days` is negative."""
    issuer, now = authority(), datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - timedelta(days=30))
        .next_update(now + timedelta(days=days))
    )
    for name in revoked:
        number = issued(name, purpose=purpose).certificate.serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
        )
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _builder(name: x509.Name, key: rsa.RSAPrivateKey, *, days: int = 90) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=180))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(**uses: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: uses.get(name, False) for name in names})
