"""Orders for the tests of the sending room."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from exchange.enums import Transport
from exchange.models import Partner
from sending.models import Order
from tests.hospital import Ward
from tests.letters import letters_to_send


@pytest.fixture
def far_pfi(ward: Ward) -> Partner:
    """The PFI is another software, out of reach: nobody listens on its port."""
    partner = Partner.objects.get(code="pfi")
    partner.transport, partner.host, partner.port = Transport.MLLP, "127.0.0.1", 1
    partner.uses_tls = False
    partner.save()
    return partner


@pytest.fixture
def many_orders(ward: Ward) -> Callable[[int], list[Order]]:
    return partial(letters_to_send, ward)
