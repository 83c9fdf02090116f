"""Room taken in a mailbox: asked while it is read, told before the operator refuses (mssante 2.1.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from establishment.enums import NationalService, Switch
from exchange.alarms import service_alarms
from mssante.alarms import FULL
from mssante.models import Mailbox
from mssante.services import mailbox_quota_watch
from mssante.services.quotas import ASKED_EVERY
from national.errors import Unavailable
from national.mail.memory import MailReaderMemory
from national.mail.ports import Quota
from pfi import mail_reading
from pfi.mail_reading import mailboxes_read
from tests.factories import MailboxFactory, SwitchFactory

MIB = 2**20
NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


class Reader(MailReaderMemory):
    """A mailbox whose operator counts how often it is asked."""

    asked = 0

    def quota(self) -> Quota | None:
        self.asked += 1
        return super().quota()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    memory = Reader()
    monkeypatch.setattr(mail_reading, "mail_reader", lambda _address: memory)
    SwitchFactory(code=Switch.PFI_MSS_IN)
    MailboxFactory()
    return memory


def alarms() -> list[str]:
    return [one.text for one in service_alarms(timezone.now()) if one.code == FULL]


def read_at(moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        mailboxes_read(worker="test")


def test_a_mailbox_almost_full_is_told_and_no_more_once_it_was_emptied(reader: Reader) -> None:
    reader.space = Quota(79 * MIB, 100 * MIB)
    read_at(NOW)
    assert alarms() == []

    reader.space = Quota(80 * MIB, 100 * MIB)
    read_at(NOW + ASKED_EVERY)
    (text,) = alarms()
    assert "pfi@ch-trois-rivieres.mssante.test pleine à 80\u202f%" in text
    assert {one.service for one in service_alarms(NOW) if one.code == FULL} == {NationalService.MSSANTE}

    reader.space = Quota(10 * MIB, 100 * MIB)
    read_at(NOW + 2 * ASKED_EVERY)
    assert alarms() == []


def test_the_operator_is_not_asked_at_each_reading(reader: Reader) -> None:
    for seconds in (0, 15, 30, 600):
        read_at(NOW + timedelta(seconds=seconds))
    assert reader.asked == 1
    read_at(NOW + ASKED_EVERY)
    assert reader.asked == 2


def test_an_operator_that_does_not_tell_raises_no_alarm(reader: Reader) -> None:
    reader.space = Quota(90 * MIB, 100 * MIB)
    read_at(NOW)
    reader.space = None
    read_at(NOW + ASKED_EVERY)
    row = Mailbox.objects.get()
    assert (row.quota_used, row.quota_limit, row.quota_at) == (None, None, NOW + ASKED_EVERY)
    assert alarms() == []


def test_a_failure_keeps_the_last_value_and_stops_no_reading(reader: Reader) -> None:
    reader.space = Quota(90 * MIB, 100 * MIB)
    read_at(NOW)
    mailbox = Mailbox.objects.get()
    with time_machine.travel(NOW + ASKED_EVERY, tick=False):
        reader.failures.append(Unavailable("x", code="IMAP_NO"))
        mailbox_quota_watch(mailbox=mailbox, reader=reader)
    assert len(alarms()) == 1
    mailbox.refresh_from_db()
    assert mailbox.quota_at == NOW + ASKED_EVERY


def test_a_mailbox_out_of_service_is_no_concern(reader: Reader) -> None:
    reader.space = Quota(90 * MIB, 100 * MIB)
    read_at(NOW)
    Mailbox.objects.update(is_active=False)
    assert alarms() == []
