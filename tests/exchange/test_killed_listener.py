"""The listener is killed: nothing is lost, nothing happens twice (hl7v2 1.6)."""

from __future__ import annotations

import random
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from dpi.launcher.ports import Ports
from exchange.errors import NoAnswer
from exchange.models import Message
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.mllp import frame
from patients.models import Episode, Movement, Patient
from tests.exchange.listening import Listening, line_to
from tests.exchange.processes import running, wait_until
from tests.factories import PartnerFactory, UnitFactory
from tests.patients.adt import adt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


def effects() -> tuple[int, int, int]:
    return Patient.objects.count(), Episode.objects.count(), Movement.objects.count()


def test_killed_between_commit_and_answer_the_resend_gets_one_effect_and_one_same_answer(
    listening: Listening, tmp_path: Path
) -> None:
    UnitFactory(code="6268")
    partner = PartnerFactory(code="gam")
    port_file = tmp_path / "port"
    raw = adt("A01")
    with running("-m", "tests.exchange.killed_listener", str(port_file), "gam") as process:
        wait_until(lambda: port_file.exists() and port_file.read_text(), what="the listener is ready")
        port = int(port_file.read_text())
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connected:
            connected.sendall(frame(raw))
            assert connected.recv(1024) == b""
        assert process.wait(30) == -signal.SIGKILL
    row = Message.objects.get()
    assert row.state == "applied"
    assert effects() == (1, 1, 1)

    with line_to(listening.start(partner)) as line:
        answers = [line.exchange(raw) for _ in range(2)]

    assert answers == [bytes(row.ack or b"")] * 2
    assert parse_ack(answers[0]).code == "AA"
    assert effects() == (1, 1, 1)


@pytest.mark.slow
def test_killed_at_random_under_load_every_message_has_one_effect(tmp_path: Path, ports: Ports) -> None:
    """Real processes of the command, killed at random instants while a sender insists."""
    UnitFactory(code="6268")
    port = ports.hold_free()
    PartnerFactory(code="gam", listen_port=port)
    chosen = random.Random(20250102)  # noqa: S311 - instants of a test
    raws = [adt("A01", ipp=f"P{n:03d}", visit=f"V{n:03d}") for n in range(40)]
    answers: dict[bytes, bytes] = {}
    for kill in range(6):
        ready = tmp_path / f"ready{kill}"
        with running("manage.py", "mllp_listen", "--ready-file", str(ready)) as process:
            wait_until(ready.exists, what="the listener is ready")
            killer = threading.Timer(chosen.uniform(0.01, 0.12), process.kill)
            if kill < 5:
                killer.start()
            with line_to(port) as line, suppress(NoAnswer):
                for raw in raws:
                    if raw not in answers:
                        answers[raw] = line.exchange(raw)
            killer.cancel()
    assert len(answers) == 40
    assert {parse_ack(answer).code for answer in answers.values()} == {"AA"}
    assert effects() == (40, 40, 40)
    assert Message.objects.count() == 40
    assert set(Message.objects.values_list("state", flat=True)) == {"applied"}
