"""The development authority: what it makes, what it keeps, what it renews."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sandbox.authority import (
    Certificates,
    Profile,
    ensure_certificates,
    is_issued_by,
    load_issuer,
    organisation_subject,
)
from sandbox.demo import LEGAL_ENTITY


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("authority") / "authority")


def test_every_file_is_readable_by_its_owner_only(made: Certificates) -> None:
    folder = made.ca.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_organisation_certificates_name_the_structure_as_igc_sante_does(made: Certificates) -> None:
    for credential in (made.seal, made.client):
        subject = read(credential.certificate).subject.rfc4514_string()
        assert subject.startswith("CN=")
        assert f",OU=1{LEGAL_ENTITY.finess},O={LEGAL_ENTITY.name}," in subject
        assert subject.endswith(",C=FR")


def test_the_seal_signs_and_the_client_certificate_authenticates(made: Certificates) -> None:
    seal, client = read(made.seal.certificate), read(made.client.certificate)
    assert seal.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    assert not client.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    usage = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        seal.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


def test_the_stranger_looks_alike_but_comes_from_another_authority(made: Certificates) -> None:
    authority, stranger = read(made.ca), read(made.stranger.certificate)
    assert stranger.subject == read(made.client.certificate).subject
    assert is_issued_by(read(made.client.certificate), authority)
    assert not is_issued_by(stranger, authority)


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    ensure_certificates(tmp_path / "a")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    ensure_certificates(tmp_path / "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before


def test_certificates_live_one_year_and_are_renewed_before_their_end(tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    first = ensure_certificates(tmp_path, now=now)
    old = read(first.client.certificate)
    authority = first.ca.read_bytes()
    assert timedelta(days=364) < old.not_valid_after_utc - now < timedelta(days=366)
    again = ensure_certificates(tmp_path, now=now + timedelta(days=360))
    new = read(again.client.certificate)
    assert new.serial_number != old.serial_number
    assert new.not_valid_after_utc > old.not_valid_after_utc
    assert again.ca.read_bytes() == authority


def test_a_key_that_does_not_fit_its_certificate_is_replaced(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)
    made.client.key.write_bytes(made.seal.key.read_bytes())
    serial = read(made.client.certificate).serial_number
    ensure_certificates(tmp_path)
    assert read(made.client.certificate).serial_number != serial


def test_a_lost_authority_is_remade_with_all_that_it_issued(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)
    made.ca.unlink()
    again = ensure_certificates(tmp_path)
    for credential in (again.server, again.seal, again.client):
        assert is_issued_by(read(credential.certificate), read(again.ca))


def test_a_test_may_issue_a_certificate_of_its_own(tmp_path: Path) -> None:
    ensure_certificates(tmp_path)
    issuer = load_issuer(tmp_path)
    certificate, key = issuer.issue(
        organisation_subject(LEGAL_ENTITY, "EXPIRE"),
        Profile.SIGNATURE,
        now=datetime.now(UTC) - timedelta(days=10),
        validity=timedelta(days=1),
    )
    assert certificate.not_valid_after_utc < datetime.now(UTC)
    assert key.public_key() == certificate.public_key()
