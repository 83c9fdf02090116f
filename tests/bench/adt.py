"""Admissions of invented persons, and lines that send them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from exchange.lines import Line, LineSettings
from interop.hl7v2 import build_adt
from interop.hl7v2.datatypes import Authority, Identifier
from interop.hl7v2.pam import Movement, MovementId, PatientIdentity
from tests.bench.people import Person, person
from tests.interop.hl7v2.samples import HOSPITAL, SENT_AT, admission


def admission_of(someone: Person, control_id: str) -> bytes:
    """A complete A01 of PAM France: identity with its INS, stay, movement, choices."""
    made = admission()
    return build_adt(
        replace(
            made,
            header=replace(made.header, control_id=control_id),
            identity=_identity(someone, made.identity),
            visit=replace(
                made.visit,
                number=Identifier(someone.visit, HOSPITAL, "VN"),
                account=Identifier(f"D{someone.visit}", HOSPITAL, "AN"),
            ),
            movement=_movement(someone, made.movement),
        )
    )


def admissions(count: int, *, prefix: str) -> list[bytes]:
    """Admissions of as many different persons; MSH-10 begins with `prefix`."""
    return [admission_of(person(number), f"{prefix}{number:07d}") for number in range(count)]


def _identity(someone: Person, sample: PatientIdentity) -> PatientIdentity:
    return replace(
        sample,
        identifiers=(Identifier(someone.ipp, HOSPITAL, "PI"),),
        ins=someone.ins,
        birth_name=someone.birth_name,
        first_birth_given_name=someone.first_given_name,
        birth_given_names=someone.given_names,
        used_name=someone.used_name,
        birth_date=someone.birth_date,
        sex=someone.sex,
        birth_place_code=someone.cog,
        birth_place_name="",
        account=Identifier(f"D{someone.visit}", HOSPITAL, "AN"),
        updated_at=SENT_AT,
    )


def _movement(someone: Person, sample: Movement | None) -> Movement:
    if sample is None:
        raise ValueError("the sample admission has a movement")
    return replace(sample, ids=(MovementId(f"{someone.number}", Authority("CHX", "000897406")),))


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender saw: its duration, that of each message, in seconds, and the answers."""

    wall: float
    seconds: list[float]
    answers: list[bytes]

    @property
    def per_s(self) -> float:
        return len(self.seconds) / self.wall


@contextmanager
def lines_to(port: int, count: int) -> Iterator[list[Line]]:
    """Connections to a listener of this machine."""
    settings = LineSettings("127.0.0.1", port, connect_timeout=5, ack_timeout=60, max_bytes=2**20)
    with ExitStack() as stack:
        yield [stack.enter_context(Line(settings)) for _ in range(count)]


def send_all(lines: Sequence[Line], messages: Sequence[bytes]) -> Sent:
    """Send the messages over the lines, one at a time on each; every line waits for its answers."""
    seconds: list[float] = []
    answers: list[bytes] = []

    def send(line: Line, share: Sequence[bytes]) -> None:
        for message in share:
            started = time.perf_counter()
            answer = line.exchange(message)
            seconds.append(time.perf_counter() - started)
            answers.append(answer)

    threads = [
        threading.Thread(target=send, args=(line, messages[place :: len(lines)]))
        for place, line in enumerate(lines)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Sent(time.perf_counter() - started, seconds, answers)


def refusals(answers: Sequence[bytes]) -> list[str]:
    """A sentence when a message was not accepted."""
    refused = [answer for answer in answers if b"\rMSA|AA|" not in answer]
    return [f"{len(refused)} messages refused, the first by {refused[0]!r}"] if refused else []
