"""A clock that is wrong signs nothing and says so, until it is right again (spec dmp 9, rule 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.conf import LazySettings
from django.utils import timezone

from establishment.enums import NationalService
from exchange.alarms import service_alarms
from interop.vihf.claims import AuthenticationMode
from national.clock import CLOCK_DRIFT, LAPSE, ClockWatch, drift_words
from national.dmp import opening
from national.dmp.opening import dmp_gateway, gateway_close
from national.errors import NationalServiceError, Unavailable
from national.models import Call, ClockReading
from national.rules import drift_of
from national.selectors import READ_LATELY, clock_drift
from national.services import clock_note
from national.transport import TlsFiles
from national.trials import trial_run
from tests.factories import EndpointFactory, LegalEntityFactory
from tests.national.conftest import Start
from tests.national.dmp_bench import CONTEXT, PATIENT, answer, results
from tests.national.server import LoopbackServer, Reply, Request

SENT = datetime(2026, 11, 28, 12, 0, 0, 400_000, tzinfo=UTC)
RECEIVED = SENT + timedelta(seconds=2)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


# --- measuring ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("dated", "drift"),
    [
        (datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC), 0),  # the same second, its fraction not said
        (datetime(2026, 11, 28, 12, 0, 2, tzinfo=UTC), 0),
        (datetime(2026, 11, 28, 12, 0, 8, 0, tzinfo=UTC), 5.6),
        (datetime(2026, 11, 28, 11, 59, 59, tzinfo=UTC), -0.4),
        (datetime(2026, 11, 28, 11, 59, 50, tzinfo=UTC), -9.4),
    ],
)
def test_only_what_the_time_of_the_call_does_not_explain_is_a_drift(dated: datetime, drift: float) -> None:
    text = format_datetime(dated, usegmt=True)
    assert drift_of(text, sent_at=SENT, received_at=RECEIVED) == seconds(drift)


@pytest.mark.parametrize("text", ["", "hier", "Sat, 99 Nov 2026 12:00:00 GMT", "\x00"])
def test_a_date_that_says_nothing_measures_nothing(text: str) -> None:
    assert drift_of(text, sent_at=SENT, received_at=RECEIVED) is None


def test_a_date_without_zone_is_read_as_gmt() -> None:
    assert drift_of("Sat, 28 Nov 2026 12:00:01 -0000", sent_at=SENT, received_at=RECEIVED) == timedelta()


# --- refusing ----------------------------------------------------------------------------------
@dataclass
class Watched:
    """A watch on a clock that the test moves."""

    now: float = 100.0
    told: list[timedelta] = field(default_factory=list)
    watch: ClockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = ClockWatch(limit=lambda: seconds(5), note=self.told.append, clock=lambda: self.now)

    def refuses(self) -> bool:
        try:
            self.watch.require("Le DMP")
        except Unavailable as error:
            assert error.code == CLOCK_DRIFT
            return True
        return False


@pytest.mark.parametrize(("drift", "refused"), [(5, False), (-5, False), (5.001, True), (-6, True)])
def test_beyond_the_limit_nothing_is_signed_either_way(drift: float, refused: bool) -> None:
    it = Watched()
    assert not it.refuses()
    it.watch.saw(seconds(drift))
    assert it.refuses() is refused
    assert it.told == ([seconds(drift)] if refused else [])


def test_one_call_a_minute_measures_again_and_the_end_is_learned() -> None:
    it = Watched()
    it.watch.saw(seconds(8))
    it.now += LAPSE - 1
    assert it.refuses()
    it.now += 1
    assert not it.refuses(), "the one that measures"
    assert it.refuses(), "the others wait for what it finds"
    it.watch.saw(seconds(7))
    it.now += LAPSE
    assert not it.refuses()
    it.watch.saw(seconds(0.2))
    assert not it.refuses() and not it.refuses()
    assert it.told == [seconds(8), seconds(7), seconds(0.2)]


def test_a_measure_that_finds_nobody_does_not_open_the_door() -> None:
    it = Watched()
    it.watch.saw(seconds(8))
    it.now += LAPSE
    assert not it.refuses()  # its call gets no answer
    it.now += LAPSE - 1
    assert it.refuses()
    it.now += 1
    assert not it.refuses()


@pytest.mark.parametrize(("drift", "words"), [(8.4, "retarde de 8 s"), (-31, "avance de 31 s")])
def test_the_sentence_says_which_way(drift: float, words: str) -> None:
    assert words in drift_words("Le DMP", seconds(drift))


# --- on the line of the installation -------------------------------------------------------------
@dataclass
class Installed:
    """The DMP of an installation, whose clock is `ahead` of ours by some seconds."""

    clock: Watched
    ahead: float = 0.0
    server: LoopbackServer = field(init=False)

    def reply(self, request: Request) -> Reply:
        made = answer(results())(request)
        made.headers["Date"] = format_datetime(datetime.now(UTC) + seconds(self.ahead), usegmt=True)
        return made

    def ask(self) -> None:
        dmp_gateway().references(CONTEXT, PATIENT, "1.2.3")

    @property
    def requests(self) -> int:
        return len(self.server.requests)


@pytest.fixture
def installed(
    db: None, start: Start, tls_files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installed]:
    gateway_close()
    LegalEntityFactory()
    watched = Watched()
    watched.watch._note = lambda drift: clock_note(NationalService.DMP, drift)
    monkeypatch.setattr(opening, "CLOCK", watched.watch)
    it = Installed(watched)
    it.server, _transport = start(it.reply)
    EndpointFactory(
        service=NationalService.DMP,
        base_url=it.server.base_url,
        ca_path=str(tls_files.authorities),
        certificate_path=str(tls_files.certificate),
        key_path=str(tls_files.key),
        signing_certificate_path=str(tls_files.certificate),
        signing_key_path=str(tls_files.key),
    )
    yield it
    gateway_close()


def test_a_drift_is_learned_from_the_answer_and_the_next_call_does_not_leave(installed: Installed) -> None:
    installed.ahead = 20
    installed.ask()
    with pytest.raises(Unavailable) as refused:
        installed.ask()
    assert (refused.value.code, installed.requests) == (CLOCK_DRIFT, 1)
    assert "retarde de" in refused.value.message
    assert list(Call.objects.order_by("id").values_list("outcome", "code")) == [
        ("success", ""),
        ("unavailable", CLOCK_DRIFT),
    ]
    with pytest.raises(Unavailable):  # consultation stands on the same clock
        dmp_gateway(AuthenticationMode.AIR).references(CONTEXT, PATIENT, "1.2.3")

    installed.ahead = 0
    installed.clock.now += LAPSE
    installed.ask()
    installed.ask()
    assert installed.requests == 3


def test_an_answer_that_refuses_measures_too(installed: Installed) -> None:
    def refusing(request: Request) -> Reply:
        late = format_datetime(datetime.now(UTC) - seconds(40), usegmt=True)
        return Reply(b"<html/>", 503, "text/html", {"Date": late})

    installed.server.script = refusing
    with pytest.raises(Unavailable):
        installed.ask()
    with pytest.raises(NationalServiceError) as refused:
        installed.ask()
    assert refused.value.code == CLOCK_DRIFT


def test_a_trial_measures_at_once(installed: Installed) -> None:
    from audit.context import system_actor

    installed.ahead = 20
    installed.ask()
    installed.ahead = 0
    trial_run("dmp", system_actor("tests"))
    installed.ask()
    assert installed.requests == 3


# --- told to the administrator -------------------------------------------------------------------
def codes(at: datetime) -> list[str]:
    return [alarm.code for alarm in service_alarms(at)]


def test_the_alarm_says_the_machine_and_goes_with_the_drift(
    installed: Installed, settings: LazySettings
) -> None:
    installed.ahead = -9
    installed.ask()
    now = timezone.now()
    (alarm,) = [found for found in service_alarms(now) if found.code == CLOCK_DRIFT]
    assert alarm.service == NationalService.DMP
    assert "avance de" in alarm.text and ClockReading.objects.get().host in alarm.text

    installed.ahead = 0
    installed.clock.now += LAPSE
    installed.ask()
    assert CLOCK_DRIFT not in codes(timezone.now())


def test_an_old_measure_says_nothing_of_now(db: None) -> None:
    clock_note(NationalService.DMP, seconds(9))
    now = timezone.now()
    assert clock_drift(NationalService.DMP, now) is not None
    assert CLOCK_DRIFT in codes(now)
    assert CLOCK_DRIFT not in codes(now + READ_LATELY)


def test_the_farthest_machine_is_named(db: None) -> None:
    clock_note(NationalService.DMP, seconds(1))
    ClockReading.objects.create(
        service=NationalService.DMP, host="dpi-2", drift_ms=-70_000, measured_at=timezone.now()
    )
    assert clock_drift(NationalService.DMP, timezone.now()) == ("dpi-2", seconds(-70))
