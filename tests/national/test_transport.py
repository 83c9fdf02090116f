"""Mutual TLS on loopback: what passes, and what each failure is called."""

import os
import ssl
import threading
from pathlib import Path

import pytest

from national.breaker import Breaker
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.transport import (
    CERTIFICATE_REFUSED,
    CERTIFICATE_UNREADABLE,
    SERVER_NOT_TRUSTED,
    Answer,
    TlsFiles,
    Transport,
    TransportSettings,
    build_tls_context,
)
from tests.interop import pki
from tests.national.conftest import Start
from tests.national.server import Reply, Request, closed_port


def post(transport: Transport, body: bytes = b"<q/>", **options: object) -> Answer:
    asked = {"content_type": "text/xml", "read_timeout": 5.0, "repeatable": False} | options
    return transport.post("registry", body, **asked)


@pytest.mark.parametrize("tls_1_2", [True, False])
def test_a_request_passes_with_mutual_authentication(start: Start, tls_1_2: bool) -> None:
    server, transport = start(lambda request: Reply(request.body), tls_1_2=tls_1_2)
    content = os.urandom(300_000)
    assert post(transport, content) == Answer(200, "application/soap+xml", content)
    assert server.requests == [Request("/services/registry", "text/xml", content)]


def test_connections_are_kept(start: Start) -> None:
    server, transport = start(lambda request: Reply(b"ok"))
    for _ in range(3):
        post(transport)
    assert server.handshakes == 1


def test_an_answer_of_any_status_comes_back(start: Start) -> None:
    _server, transport = start(lambda request: Reply(b"<fault/>", status=500))
    assert post(transport).status == 500


def test_a_redirection_is_not_followed(start: Start) -> None:
    server, transport = start(lambda request: Reply(status=302, headers={"Location": "https://localhost/"}))
    assert post(transport).status == 302
    assert len(server.requests) == 1


def test_a_compressed_answer_is_not_inflated(start: Start) -> None:
    _server, transport = start(lambda request: Reply(b"\x1f\x8b raw", headers={"Content-Encoding": "gzip"}))
    assert post(transport).body == b"\x1f\x8b raw"


def test_a_refused_connection_is_unavailable(tls_files: TlsFiles) -> None:
    transport = Transport(TransportSettings("Le DMP", f"https://localhost:{closed_port()}/", tls_files))
    with pytest.raises(Unavailable) as caught:
        post(transport)
    transport.close()
    assert caught.value.message == "Le DMP ne répond pas."
    assert caught.value.code == "ConnectError"


@pytest.mark.parametrize("tls_1_2", [True, False])
def test_a_certificate_that_the_service_does_not_know_is_called_by_its_name(
    start: Start, tmp_path: Path, tls_1_2: bool
) -> None:
    unknown = pki.issued("inconnu", purpose="client", by="AUTRE AC")
    (tmp_path / "u.pem").write_bytes(unknown.certificate_pem)
    (tmp_path / "u.key").write_bytes(unknown.key_pem)
    files = TlsFiles(tmp_path / "ca.pem", tmp_path / "u.pem", tmp_path / "u.key")
    server, transport = start(lambda request: Reply(), tls=files, tls_1_2=tls_1_2)
    with pytest.raises(Rejected) as caught:
        post(transport)
    assert caught.value.code == CERTIFICATE_REFUSED
    assert caught.value.kind is RejectionKind.CONFIGURATION
    assert "certificat d'authentification" in caught.value.message
    assert server.requests == []


def test_a_server_of_another_authority_is_not_trusted(start: Start, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(pki.authority("AUTRE AC").certificate_pem)
    files = TlsFiles(tmp_path / "other.pem", tmp_path / "client.pem", tmp_path / "client.key")
    server, transport = start(lambda request: Reply(), tls=files)
    with pytest.raises(Unavailable) as caught:
        post(transport)
    assert caught.value.code == SERVER_NOT_TRUSTED
    assert server.requests == []


@pytest.mark.parametrize("missing", ["ca.pem", "client.pem", "client.key"])
def test_a_missing_file_is_a_matter_of_configuration(start: Start, tmp_path: Path, missing: str) -> None:
    _server, transport = start(lambda request: Reply())
    (tmp_path / missing).unlink()
    with pytest.raises(Rejected) as caught:
        post(transport)
    assert (caught.value.code, caught.value.kind) == (CERTIFICATE_UNREADABLE, RejectionKind.CONFIGURATION)


def test_an_encrypted_key_without_password_does_not_ask_the_terminal(tmp_path: Path, start: Start) -> None:
    from cryptography.hazmat.primitives import serialization

    encrypted = pki.issued("client", purpose="client").key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"motdepasse"),
    )
    (tmp_path / "enc.key").write_bytes(encrypted)
    without = TlsFiles(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "enc.key")
    _server, transport = start(lambda request: Reply(), tls=without)
    with pytest.raises(Rejected) as caught:
        post(transport)
    assert caught.value.code == CERTIFICATE_UNREADABLE
    files = TlsFiles(*(tmp_path / n for n in ("ca.pem", "client.pem", "enc.key")), key_password="motdepasse")
    assert "motdepasse" not in repr(files)
    _server, transport = start(lambda request: Reply(b"ok"), tls=files)
    assert post(transport).body == b"ok"


def test_a_renewed_certificate_is_taken_up_without_a_restart(start: Start, tmp_path: Path) -> None:
    server, transport = start(lambda request: Reply(b"ok"))
    post(transport)
    renewed = pki.issued("client renouvelé", purpose="client")
    (tmp_path / "client.key").write_bytes(renewed.key_pem)
    (tmp_path / "client.pem").write_bytes(renewed.certificate_pem)
    post(transport)
    post(transport)
    assert server.handshakes == 2


def test_the_context_is_built_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(
        "national.transport.build_tls_context", lambda files: built.append(1) or build_tls_context(files)
    )
    _server, transport = start(lambda request: Reply(b"ok"))
    for _ in range(3):
        post(transport)
    assert built == [1]


def test_weak_versions_and_ciphers_are_off(tls_files: TlsFiles) -> None:
    context = build_tls_context(tls_files)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    weak = [c["name"] for c in context.get_ciphers() if "GCM" not in c["name"] and "CHACHA" not in c["name"]]
    assert weak == []


def test_a_revoked_server_is_not_trusted(start: Start, tmp_path: Path) -> None:
    (tmp_path / "crl.pem").write_bytes(pki.revocation_list("server"))
    files = TlsFiles(
        *(tmp_path / name for name in ("ca.pem", "client.pem", "client.key")), revocation=tmp_path / "crl.pem"
    )
    _server, transport = start(lambda request: Reply(), tls=files)
    with pytest.raises(Unavailable) as caught:
        post(transport)
    assert caught.value.code == SERVER_NOT_TRUSTED


@pytest.mark.parametrize(("repeatable", "error"), [(False, Uncertain), (True, Unavailable)])
def test_a_line_cut_after_receipt_is_uncertain_unless_it_may_be_repeated(
    start: Start, repeatable: bool, error: type[NationalServiceError]
) -> None:
    server, transport = start(lambda request: Reply(cut=True))
    with pytest.raises(error):
        post(transport, repeatable=repeatable)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("repeatable", "error"), [(False, Uncertain), (True, Unavailable)])
def test_an_answer_that_does_not_come_in_time_is_uncertain_unless_it_may_be_repeated(
    start: Start, repeatable: bool, error: type[NationalServiceError]
) -> None:
    answered = threading.Event()

    def slow(_request: Request) -> Reply:
        answered.wait(5)
        return Reply()

    _server, transport = start(slow)
    try:
        with pytest.raises(error) as caught:
            post(transport, repeatable=repeatable, read_timeout=0.2)
        assert caught.value.code == "ReadTimeout"
    finally:
        answered.set()


def test_an_answer_cut_in_its_middle_is_uncertain(start: Start) -> None:
    _server, transport = start(lambda request: Reply(b"half", length=8))
    with pytest.raises(Uncertain):
        post(transport)


def test_an_answer_beyond_the_limit_is_not_read(start: Start) -> None:
    _server, transport = start(lambda request: Reply(b"x" * 1000), max_answer_bytes=999)
    with pytest.raises(Uncertain, match="vérifiée"):
        post(transport)
    with pytest.raises(Unavailable):
        post(transport, repeatable=True)


def test_an_answer_that_drips_is_bounded_in_time(start: Start) -> None:
    ticks = iter(range(0, 1000, 10))
    server, _transport = start(lambda request: Reply(b"x" * 400_000))
    settings = TransportSettings("Le DMP", server.base_url, _transport.settings.tls, breaker_threshold=0)
    transport = Transport(settings, clock=lambda: float(next(ticks)))
    with pytest.raises(Uncertain) as caught:
        post(transport, read_timeout=5.0)
    transport.close()
    assert "too long" in caught.value.text


def test_after_five_failures_the_service_is_left_alone_for_a_while(tls_files: TlsFiles) -> None:
    now = [0.0]
    settings = TransportSettings("Le DMP", f"https://localhost:{closed_port()}/", tls_files)
    transport = Transport(settings, clock=lambda: now[0])
    found = []
    for _ in range(6):
        with pytest.raises(Unavailable) as caught:
            post(transport)
        found.append(caught.value.code)
    assert found == ["ConnectError"] * 5 + ["BREAKER_OPEN"]
    now[0] = 61.0
    for expected in ("ConnectError", "BREAKER_OPEN"):
        with pytest.raises(Unavailable) as caught:
            post(transport)
        assert caught.value.code == expected
    transport.close()


def test_a_success_closes_the_breaker() -> None:
    now = [0.0]
    breaker = Breaker(threshold=2, cooldown=60, clock=lambda: now[0])
    breaker.failed()
    breaker.failed()
    assert not breaker.allows()
    now[0] = 60.0
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allows()


def test_a_threshold_of_zero_never_opens() -> None:
    breaker = Breaker(threshold=0, cooldown=60, clock=lambda: 0.0)
    for _ in range(10):
        breaker.failed()
    assert breaker.allows()


def test_an_address_with_or_without_a_last_slash_is_the_same(tls_files: TlsFiles) -> None:
    urls = {
        TransportSettings("x", url, tls_files).url("registry") for url in ("https://h/v2", "https://h/v2/")
    }
    assert urls == {"https://h/v2/registry"}


def test_a_plain_address_is_refused(tls_files: TlsFiles) -> None:
    with pytest.raises(ValueError, match="https"):
        TransportSettings("Le DMP", "http://localhost/", tls_files)


def test_threads_share_a_transport(start: Start) -> None:
    _server, transport = start(lambda request: Reply(request.body))
    found: list[bytes] = []

    def work(number: int) -> None:
        for _ in range(5):
            found.append(post(transport, str(number).encode()).body)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(str(number).encode() for number in range(4) for _ in range(5))
