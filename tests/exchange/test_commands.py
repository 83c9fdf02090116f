"""`mllp_listen` and `mllp_send` as an operator runs them."""

from __future__ import annotations

import os
import signal
import socket
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from dpi.launcher.ports import Ports
from exchange.management.commands.mllp_send import with_fresh_id
from exchange.models import Message, Partner
from exchange.services import development_partner_ensure
from interop.hl7v2.header import peek_header
from tests.exchange.conftest import Treated
from tests.exchange.listening import Listening
from tests.exchange.messages import message
from tests.exchange.processes import running, wait_until
from tests.factories import PartnerFactory
from tests.patients.adt import adt

pytestmark = pytest.mark.django_db(transaction=True)


def test_send_prints_the_answers(listening: Listening, treated: Treated, tmp_path: Path) -> None:
    port = listening.start(PartnerFactory())
    file = tmp_path / "one.hl7"
    file.write_bytes(message(control_id="A1").replace(b"\r", b"\n"))
    printed = StringIO()
    call_command("mllp_send", str(file), port=port, stdout=printed)
    assert "one.hl7 :" in printed.getvalue()
    assert "MSA|AA|A1" in printed.getvalue()


def test_send_with_fresh_ids_makes_each_sending_another_message(
    listening: Listening, treated: Treated, tmp_path: Path
) -> None:
    port = listening.start(PartnerFactory())
    file = tmp_path / "one.hl7"
    file.write_bytes(message(control_id="015"))
    for _ in range(2):
        call_command("mllp_send", "--fresh-ids", str(file), port=port, stdout=StringIO())
    assert treated.count == 2
    assert Message.objects.exclude(control_id="015").count() == 2


def test_send_says_which_messages_were_not_accepted(listening: Listening, tmp_path: Path) -> None:
    port = listening.start(PartnerFactory())
    file = tmp_path / "bad.hl7"
    file.write_bytes(message(kind="SIU^S12"))
    printed = StringIO()
    with pytest.raises(CommandError, match="1 message"):
        call_command("mllp_send", str(file), port=port, stdout=printed)
    assert "MSA|AE" in printed.getvalue()


def test_send_says_that_nobody_listens(tmp_path: Path, ports: Ports) -> None:
    file = tmp_path / "one.hl7"
    file.write_bytes(message())
    printed = StringIO()
    with pytest.raises(CommandError):
        call_command("mllp_send", str(file), port=ports.hold_free(), stdout=printed)
    assert "Connexion refusée" in printed.getvalue()
    with pytest.raises(CommandError, match="ne peut être lu"):
        call_command("mllp_send", str(tmp_path / "absent"), stdout=StringIO())


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|^~\\&|A\rPID|1|2|3|4|5|6|7|8|9|10|11", b"no message"])
def test_a_fresh_id_never_damages_what_has_none(raw: bytes) -> None:
    assert with_fresh_id(raw) == raw


def test_a_fresh_id_changes_nothing_else() -> None:
    raw = message("PID|1", control_id="015")
    fresh = with_fresh_id(raw)
    header = peek_header(fresh)
    assert header is not None
    assert fresh == raw.replace(b"|015|", f"|{header.control_id}|".encode())


def test_the_development_partner_is_plain_and_takes_any_environment() -> None:
    for port in (2575, 2576):
        development_partner_ensure(port=port)
    partner = Partner.objects.get()
    assert (partner.code, partner.listen_port, partner.uses_tls) == ("dev", 2576, False)
    assert (partner.processing_ids, partner.application) == ("PTD", "")


def test_without_any_port_the_command_says_so(settings: Settings, ports: Ports) -> None:
    settings.DPI_SANDBOX = False
    development_partner_ensure(port=ports.hold_free())
    with pytest.raises(CommandError, match="Aucun partenaire"):
        call_command("mllp_listen", stdout=StringIO())


def test_a_taken_port_stops_the_command_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        PartnerFactory(code="gam", listen_port=taken.getsockname()[1])
        with pytest.raises(CommandError, match="gam.*impossible à ouvrir"):
            call_command("mllp_listen", stdout=StringIO())


def test_tls_without_certificates_stops_the_command_with_one_line(settings: Settings, ports: Ports) -> None:
    PartnerFactory(code="gam", listen_port=ports.hold_free(), uses_tls=True)
    with pytest.raises(CommandError, match="MLLP_CA_PATH"):
        call_command("mllp_listen", stdout=StringIO())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_listener_of_the_sandbox_serves_several_processes_and_ends_at_a_signal(
    tmp_path: Path, ports: Ports, number: signal.Signals
) -> None:
    port, ready, file = ports.hold_free(), tmp_path / "ready", tmp_path / "a01.hl7"
    file.write_bytes(adt("A31", processing="D"))
    command = ("manage.py", "mllp_listen", "--processes", "2", "--ready-file", str(ready))
    with running(*command, DPI_SANDBOX="true", DPI_MLLP_PORT=str(port)) as process:
        wait_until(ready.exists, what="the listener is ready")
        for _ in range(4):
            call_command("mllp_send", "--fresh-ids", str(file), port=port, stdout=StringIO())
        process.send_signal(number)
        assert process.wait(30) == 0
    assert Message.objects.filter(partner__code="dev", state="applied").count() == 4
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.slow
@pytest.mark.faults
def test_when_one_process_of_the_listener_dies_the_whole_listener_ends(tmp_path: Path, ports: Ports) -> None:
    """Its supervisor starts it again: it never goes on with less than it was asked for."""
    ready = tmp_path / "ready"
    command = ("manage.py", "mllp_listen", "--processes", "2", "--ready-file", str(ready))
    with running(*command, DPI_SANDBOX="true", DPI_MLLP_PORT=str(ports.hold_free())) as process:
        wait_until(ready.exists, what="the listener is ready")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert "processus de l'écoute" in process.stderr.read().decode()
