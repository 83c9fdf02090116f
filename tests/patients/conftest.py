"""A GAM that speaks PAM, without a socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from exchange.models import Message
from exchange.services import message_receive
from interop.hl7v2.ack import Ack, parse_ack
from tests.factories import PartnerFactory
from tests.patients.adt import TEST_OID, adt

Receive = Callable[..., Ack]


@pytest.fixture
def receive(db: None, settings: Settings) -> Receive:
    """Receive one ADT, given as bytes or as the arguments of `adt`, and return its acknowledgement."""
    settings.INS_ALLOWED_OIDS = [TEST_OID]
    partner = PartnerFactory(code="gam")

    def call(event: str | bytes, **fields: object) -> Ack:
        raw = event if isinstance(event, bytes) else adt(event, **fields)
        return parse_ack(message_receive(partner=partner, raw=raw))

    return call


def last_warning() -> str:
    """What the journal says of the last message."""
    row = Message.objects.order_by("-id").first()
    assert row is not None
    return row.warning
