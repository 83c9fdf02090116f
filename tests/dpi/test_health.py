"""Liveness and readiness, on the real database and the real broker of the run."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.cache import cache
from django.db import OperationalError

from audit.context import system_actor
from audit.enums import Action
from audit.services import trace_write
from dpi import health, probes, tasks
from establishment.enums import NationalService
from establishment.services import endpoint_set
from tests.factories import PartnerFactory


def test_live_answers_without_account_nor_database(client):
    response = client.get("/health/live")
    assert response.status_code == 200
    assert response.json() == {"state": "ok"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_until_a_worker_took_a_task(client):
    cache.clear()
    response = client.get("/health/ready")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["database"]["state"] == parts["broker"]["state"] == "ok"
    assert parts["worker"]["state"] == "failed"


@pytest.mark.django_db
def test_ready_once_the_heartbeat_task_ran(client):
    tasks.heartbeat()
    assert client.get("/health/ready").json()["parts"]["worker"]["state"] == "ok"


@pytest.mark.django_db
def test_a_heartbeat_of_an_earlier_start_proves_nothing(settings):
    health.heartbeat_record(start_id="yesterday")
    settings.DPI_START_ID = "today"
    assert health.check_worker().state is health.State.FAILED


@pytest.mark.django_db
def test_a_heartbeat_that_stopped_is_noticed(settings):
    stale = time.time() - health.HEARTBEAT_LIFE_SECONDS - 1
    cache.set(health.HEARTBEAT_KEY, {"start": settings.DPI_START_ID, "at": stale})
    assert health.check_worker().state is health.State.FAILED


@pytest.mark.parametrize(("days", "state"), [(-1, "warning"), (0, "warning"), (29, "warning"), (30, "ok")])
def test_a_certificate_is_judged_by_the_days_it_has_left(days, state):
    assert health.certificate_finding("Cachet", days).state == state


def test_a_warning_does_not_take_the_product_out_of_service():
    warning = health.Finding(health.State.WARNING, "bientôt")
    assert health.is_ready({"certificate": warning})
    assert not health.is_ready({"certificate": warning, "database": health.Finding(health.State.FAILED, "")})


@pytest.mark.django_db
def test_the_answer_holds_no_version_and_no_address(client, settings):
    body = client.get("/health/ready").content.decode()
    assert settings.DPI_VERSION not in body
    assert settings.REDIS_URL not in body
    assert "/tmp" not in body  # noqa: S108 - a machine path must not leak


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_health_is_only_read(client, method):
    assert getattr(client, method)("/health/live").status_code == 405


class TestNationalServices:
    @pytest.fixture
    def certificate(self, tmp_path):
        """A file that holds a certificate with so many days left."""

        def write(days):
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
            now = datetime.now(UTC)
            built = (
                x509.CertificateBuilder()
                .subject_name(name)
                .issuer_name(name)
                .public_key(key.public_key())
                .serial_number(1)
                .not_valid_before(now - timedelta(days=400))
                .not_valid_after(now + timedelta(days=days, hours=1))
                .sign(key, hashes.SHA256())
            )
            file = tmp_path / f"{days}.pem"
            file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
            return str(file)

        return write

    def set_dmp(self, **values):
        endpoint_set(
            service=NationalService.DMP,
            actor=system_actor("tests"),
            base_url="https://dmp.example/",
            is_enabled=True,
            **values,
        )

    @pytest.mark.django_db
    def test_none_configured_is_said_and_the_product_stays_in_service(self, client):
        tasks.heartbeat()
        response = client.get("/health/ready")
        assert response.status_code == 200
        assert response.json()["parts"]["services"]["state"] == "warning"

    @pytest.mark.django_db
    def test_the_certificate_that_ends_first_is_the_one_shown(self, certificate):
        self.set_dmp(certificate_path=certificate(200), signing_certificate_path=certificate(12))
        finding = probes.check_certificates()
        assert (finding.days_left, finding.state) == (12, health.State.WARNING)

    @pytest.mark.django_db
    def test_the_certificate_of_the_lines_counts_once_a_partner_has_tls(self, certificate, settings):
        self.set_dmp(certificate_path=certificate(200))
        settings.MLLP_CERTIFICATE_PATH = certificate(-1)
        assert probes.check_certificates().days_left == 200
        PartnerFactory(uses_tls=True)
        finding = probes.check_certificates()
        assert (finding.text, finding.days_left) == ("Lignes HL7 (MLLP) : certificat expiré.", -1)

    @pytest.mark.django_db
    def test_a_file_that_is_no_certificate_is_said(self, certificate, tmp_path):
        (tmp_path / "x.pem").write_text("nothing")
        self.set_dmp(certificate_path=certificate(200), signing_certificate_path=str(tmp_path / "x.pem"))
        assert probes.check_certificates().text == "DMP / Mon espace santé : certificat illisible."

    @pytest.mark.django_db
    def test_traces_that_wait_too_long_for_their_seal_are_said(self):
        trace_write(type="test.x", action=Action.EXECUTE, actor=system_actor("tests"))
        assert probes.check_seals().state is health.State.OK
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
            assert probes.check_seals().state is health.State.WARNING


@pytest.mark.django_db
def test_a_database_that_is_gone_is_said_not_raised(client, monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)
    parts = client.get("/health/ready").json()["parts"]
    assert {parts[name]["state"] for name in ("database", "services", "certificates", "seals")} == {"failed"}


@pytest.mark.django_db
def test_a_broker_that_is_gone_is_said_not_raised(client, settings):
    address = "unix:///nowhere/valkey.sock?db=0"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": address}}
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert {response.json()["parts"][name]["state"] for name in ("broker", "worker")} == {"failed"}
