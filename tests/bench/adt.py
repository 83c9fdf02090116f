"""Admissions of invented persons, lines that send them, and another parser that reads them."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from exchange.lines import Line, LineSettings
from interop.cda.codes import PROFESSIONAL_ID
from interop.hl7v2 import build_adt
from interop.hl7v2.codes import NAMESPACE_PERSON
from interop.hl7v2.datatypes import (
    Address,
    Authority,
    Coded,
    Identifier,
    Location,
    Person,
    PersonName,
    Telecom,
)
from interop.hl7v2.pam import Contact, Movement, MovementId, PatientIdentity, Visit
from tests.bench.people import Person as Someone
from tests.bench.people import person
from tests.interop.hl7v2.samples import HOSPITAL, SENT_AT, admission

_PROFESSIONALS = Authority(NAMESPACE_PERSON, PROFESSIONAL_ID, "ISO")
_HOME = Address("12 bis rue de la Confluence", "Bâtiment C", "TROIS-RIVIERES", "99100", "FRA", "H")
_FAMILY = (
    Contact(
        PersonName("MARTIN", "ANNE", type="D"),
        Coded("SPO", "Conjoint", "HL70063"),
        "K",
        _HOME,
        (Telecom("PRN", "PH", "", "0199000010"),),
    ),
    Contact(
        PersonName("MARTIN", "JULIEN", type="D"),
        Coded("CHD", "Enfant", "HL70063"),
        "C",
        Address("4 place du Marché", "", "SAINT-ROCH", "99200", "FRA", "H"),
        (Telecom("PRN", "CP", "", "0699000011"),),
    ),
)


def admission_of(someone: Someone, control_id: str) -> bytes:
    """A complete A01 of PAM France, about 1.3 kB: identity with its INS, family, stay, movement, choices."""
    made = admission()
    return build_adt(
        replace(
            made,
            header=replace(made.header, control_id=control_id),
            identity=_identity(someone, made.identity),
            visit=_visit(someone, made.visit),
            movement=_movement(someone, made.movement),
            contacts=_FAMILY,
            referring_physician=_professional("10000023084", "AGNES", "Isabelle"),
        )
    )


def admissions(count: int, *, prefix: str) -> list[bytes]:
    """Admissions of as many different persons; MSH-10 begins with `prefix`."""
    return [admission_of(person(number), f"{prefix}{number:07d}") for number in range(count)]


def _identity(someone: Someone, sample: PatientIdentity) -> PatientIdentity:
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
        address=_HOME,
        telecoms=(
            Telecom("PRN", "PH", "", "0199000012"),
            Telecom("PRN", "CP", "", "0699000013"),
            Telecom("NET", "Internet", "patient@exemple.fr", ""),
        ),
        marital_status="M",
        account=Identifier(f"D{someone.visit}", HOSPITAL, "AN"),
        updated_at=SENT_AT,
    )


def _visit(someone: Someone, sample: Visit | None) -> Visit:
    if sample is None:
        raise ValueError("the sample admission has a visit")
    return replace(
        sample,
        number=Identifier(someone.visit, HOSPITAL, "VN"),
        account=Identifier(f"D{someone.visit}", HOSPITAL, "AN"),
        location=Location("3436", f"{100 + someone.number % 40}", "1", HOSPITAL, "O"),
        attending=(_professional("99700900014", "HODA", "Alice"),),
        description="Surveillance après cure de hernie inguinale",
    )


def _professional(rpps: str, family: str, given: str) -> Person:
    return Person(rpps, family, given, _PROFESSIONALS, "D", "RPPS")


def _movement(someone: Someone, sample: Movement | None) -> Movement:
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


def hl7apy_per_s(messages: Sequence[bytes], clock: Callable[[], float] = time.perf_counter) -> float:
    """The yardstick of reading: messages that hl7apy parses in a second of the clock, without groups."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    texts = [message.decode() for message in messages]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = clock()
        for text in texts:
            parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        return len(texts) / (clock() - started)
