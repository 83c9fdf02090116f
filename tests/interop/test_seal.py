"""The seal of a structure: loading, names, validity."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from interop.seal import Seal, SealError, rfc2253_name
from tests.interop import pki


def test_a_seal_is_loaded_from_pem() -> None:
    identity = pki.issued("CACHET DE TEST")
    chain = identity.certificate_pem + pki.authority().certificate_pem
    seal = Seal.from_pem(chain, identity.key_pem)
    assert seal.certificate == identity.certificate
    assert seal.chain == (pki.authority().certificate,)


def test_a_seal_is_loaded_from_pkcs12_with_its_password() -> None:
    identity = pki.issued("CACHET DE TEST")
    data = pkcs12.serialize_key_and_certificates(
        b"seal",
        identity.key,
        identity.certificate,
        None,
        serialization.BestAvailableEncryption(b"motdepasse"),
    )
    assert Seal.from_pkcs12(data, password=b"motdepasse").subject == pki.seal().subject
    with pytest.raises(SealError, match="PKCS#12"):
        Seal.from_pkcs12(data, password=b"autre")


def test_a_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(SealError, match="not that of the certificate"):
        Seal.from_pem(pki.issued("CACHET DE TEST").certificate_pem, pki.issued("AUTRE CACHET").key_pem)


def test_a_short_key_and_an_elliptic_key_are_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused on purpose
    name = pki.subject("COURT")
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(short.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(short, hashes.SHA256())
    )
    with pytest.raises(SealError, match="2048"):
        Seal(certificate, short)
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SealError, match="RSA"):
        Seal.from_pem(pki.issued("CACHET DE TEST").certificate_pem, elliptic)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_unreadable_bytes_are_refused(pem: bytes) -> None:
    with pytest.raises(SealError, match="unreadable"):
        Seal.from_pem(pem, pki.issued("CACHET DE TEST").key_pem)


def test_the_private_key_is_not_in_a_representation() -> None:
    assert "RSAPrivateKey" not in repr(pki.seal())


def test_a_signature_is_pkcs1_v1_5() -> None:
    signature = pki.seal().sign(b"data", hashes.SHA256())
    key = pki.seal().certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())


def test_the_days_left_are_counted() -> None:
    now = datetime.now(UTC)
    assert pki.seal().days_left(now) in (89, 90)
    assert pki.seal().is_valid_at(now)
    assert not pki.seal().is_valid_at(now + timedelta(days=91))


def test_names_are_printed_by_rfc_2253() -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, "NTRFR-1"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ' CHU "A", B+C '),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "#1"),
        ]
    )
    assert rfc2253_name(name) == (r"OU=\#1,O=\ CHU \"A\"\, B\+C\ ,2.5.4.97=#0c074e545246522d31,C=FR")


def test_a_value_of_more_than_127_bytes_keeps_its_der_length() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.BUSINESS_CATEGORY, "x" * 128)])
    assert rfc2253_name(name) == "2.5.4.15=#0c8180" + "78" * 128
