"""A development certification authority shaped like IGC-Santé.

Made at first start in the state folder, kept afterwards, renewed when close to its end. It issues:

- the server certificate of the sandbox (`localhost`, `127.0.0.1`, `::1`);
- the two certificates of the demonstration legal entity: `ORG_SIGN` (cachet, signs VIHF and submission
  sets) and `ORG_AUTH_CLI` (mutual TLS). Their subject reads `CN=…,OU=1<FINESS>,O=…,ST=…,C=FR` (RFC 2253
  order);
- the certificate of the same entity for INSi, whose common name is `INSI-MANU` (ins.md 11.5);
- a look-alike of the second by an authority that nobody trusts, for tests.

Source: DMP integration guide EX_GEN-1450 (two certificates per structure), IGC-Santé organisation
certificates.
"""

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox import codes
from sandbox.demo import LEGAL_ENTITY, LegalEntity
from sandbox.storage import FolderLock, private_folder, write_private

LEAF_VALIDITY: Final = timedelta(days=365)
AUTHORITY_VALIDITY: Final = timedelta(days=5 * 365)
RENEW_BEFORE: Final = timedelta(days=7)
SERVER_NAMES: Final = ("localhost",)
SERVER_ADDRESSES: Final = ("127.0.0.1", "::1")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Profile(Enum):
    """What a certificate may do."""

    SERVER = "server"
    TLS_CLIENT = "tls_client"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Credential:
    """PEM files of a certificate and of its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Every credential of the sandbox; `ca` is the only certificate to trust."""

    ca: Path
    server: Credential
    seal: Credential
    client: Credential
    insi: Credential
    stranger: Credential


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority in memory: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(
        self,
        subject: x509.Name,
        profile: Profile,
        *,
        now: datetime | None = None,
        validity: timedelta = LEAF_VALIDITY,
    ) -> tuple[x509.Certificate, PrivateKey]:
        """Make a key and its certificate, valid from one hour before `now` for `validity`."""
        start = (now or datetime.now(UTC)) - timedelta(hours=1)
        # The national certificates are RSA, and so is the signature of the VIHF; the server of the sandbox
        # is free.
        key: PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if profile is Profile.SERVER
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .add_extension(_key_usage(profile), critical=True)
        )
        for extension in _profile_extensions(profile):
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256()), key


def _key_usage(profile: Profile) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=profile is Profile.SIGNATURE,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _profile_extensions(profile: Profile) -> tuple[x509.ExtensionType, ...]:
    if profile is Profile.SIGNATURE:
        return ()
    if profile is Profile.TLS_CLIENT:
        return (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVER_ADDRESSES]
    return (
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName(names),
    )


def new_issuer(common_name: str, *, now: datetime | None = None) -> Issuer:
    """A self-signed authority."""
    start = (now or datetime.now(UTC)) - timedelta(hours=1)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SANDBOX"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + AUTHORITY_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def organisation_subject(entity: LegalEntity, common_name: str) -> x509.Name:
    """Subject of an organisation certificate: the national identifier of the structure is the OU."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, entity.department),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, entity.name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, entity.struct_idnat),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def server_subject() -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SANDBOX"),
            x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAMES[0]),
        ]
    )


def write_credential(folder: Path, name: str, certificate: x509.Certificate, key: PrivateKey) -> Credential:
    """Write both PEM files, the key first: a certificate on the disk always has its key beside it."""
    credential = Credential(folder / f"{name}.crt.pem", folder / f"{name}.key.pem")
    write_private(
        credential.key,
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    write_private(credential.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return credential


def ensure_certificates(
    folder: Path, entity: LegalEntity = LEGAL_ENTITY, *, now: datetime | None = None
) -> Certificates:
    """The credentials of the folder: made when missing, remade when ended, ending soon, or unfit.

    Calling it again changes nothing while everything is valid. A new authority means new leaves.
    """
    instant = now or datetime.now(UTC)
    with FolderLock(private_folder(folder)):
        issuer = _ensure_issuer(folder, "ca", "AUTORITE DE DEVELOPPEMENT", instant)
        foreign = _ensure_issuer(folder, "stranger-ca", "AUTORITE INCONNUE", instant)
        tls_subject = organisation_subject(entity, f"dpi.{entity.finess}.example.org {codes.KEY_LABEL_TLS}")
        insi_subject = organisation_subject(entity, codes.INSI_MANUAL)
        seal_subject = organisation_subject(entity, f"CACHET DPI {codes.KEY_LABEL_SIGN}")

        def leaf(authority: Issuer, name: str, profile: Profile, subject: x509.Name) -> Credential:
            return _ensure_leaf(folder, name, authority, subject, profile, instant)

        return Certificates(
            ca=folder / "ca.crt.pem",
            server=leaf(issuer, "server", Profile.SERVER, server_subject()),
            seal=leaf(issuer, "seal", Profile.SIGNATURE, seal_subject),
            client=leaf(issuer, "client", Profile.TLS_CLIENT, tls_subject),
            insi=leaf(issuer, "insi", Profile.TLS_CLIENT, insi_subject),
            stranger=leaf(foreign, "stranger", Profile.TLS_CLIENT, tls_subject),
        )


def load_issuer(folder: Path, name: str = "ca") -> Issuer:
    """Read an authority from its files, so that a test can issue a certificate of its own."""
    certificate, key = _load(Credential(folder / f"{name}.crt.pem", folder / f"{name}.key.pem"))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{name} is not a key of this authority")
    return Issuer(certificate, key)


def _load(credential: Credential) -> tuple[x509.Certificate, PrivateKey]:
    certificate = x509.load_pem_x509_certificate(credential.certificate.read_bytes())
    # Our own key: checking its primes again would cost 40 ms at each start.
    key = serialization.load_pem_private_key(
        credential.key.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(f"unexpected kind of key in {credential.key.name}")
    if key.public_key() != certificate.public_key():
        raise ValueError(f"{credential.key.name} is not the key of its certificate")
    return certificate, key


def _usable(
    credential: Credential, now: datetime, accept: Callable[[x509.Certificate], bool]
) -> tuple[x509.Certificate, PrivateKey] | None:
    """The credential on the disk, or None when it is missing, broken, ending, or refused by `accept`."""
    try:
        certificate, key = _load(credential)
    except (OSError, ValueError):
        return None
    ending = now + RENEW_BEFORE >= certificate.not_valid_after_utc or now < certificate.not_valid_before_utc
    return None if ending or not accept(certificate) else (certificate, key)


def _ensure_issuer(folder: Path, name: str, common_name: str, now: datetime) -> Issuer:
    credential = Credential(folder / f"{name}.crt.pem", folder / f"{name}.key.pem")
    found = _usable(credential, now, lambda certificate: True)
    if found is not None and isinstance(found[1], ec.EllipticCurvePrivateKey):
        return Issuer(found[0], found[1])
    issuer = new_issuer(common_name, now=now)
    write_credential(folder, name, issuer.certificate, issuer.key)
    return issuer


def _ensure_leaf(
    folder: Path, name: str, issuer: Issuer, subject: x509.Name, profile: Profile, now: datetime
) -> Credential:
    credential = Credential(folder / f"{name}.crt.pem", folder / f"{name}.key.pem")

    def ours(certificate: x509.Certificate) -> bool:
        return certificate.subject == subject and is_issued_by(certificate, issuer.certificate)

    if _usable(credential, now, ours) is None:
        certificate, key = issuer.issue(subject, profile, now=now)
        write_credential(folder, name, certificate, key)
    return credential


@lru_cache(maxsize=64)
def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Was the certificate signed by that authority?"""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def server_context(certificates: Certificates, *, client_certificate: ssl.VerifyMode) -> ssl.SSLContext:
    """TLS 1.2 and above with the server certificate; client certificates are those of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.server.certificate, certificates.server.key)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = client_certificate
    return context
