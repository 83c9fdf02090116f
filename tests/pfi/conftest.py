"""Jobs of the PFI, and a DMP in memory that stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone

from exchange.models import Partner
from exchange.services import message_receive
from interop.hl7v2 import Action
from interop.vihf.claims import PatientClaim
from national.dmp.memory import DmpMemory
from national.dmp.ports import DmpState
from pfi import stays, worker
from pfi.existence import existence_noted
from pfi.models import Job
from tests.hospital import Ward
from tests.interop.hl7v2.samples import INS
from tests.pfi.orders import raw_order


@pytest.fixture
def dmp(db: None, monkeypatch: pytest.MonkeyPatch) -> DmpMemory:
    """The DMP as a port: what the wire checks is proven with the sandbox.

    The patient of the orders is known to have an open DMP; `test_existence` starts without knowing.
    """
    memory = DmpMemory()
    existence_noted(PatientClaim(INS.matricule, INS.oid), DmpState.OPEN, at=timezone.now())
    monkeypatch.setattr(worker, "dmp_gateway", lambda: memory)
    return memory


@pytest.fixture
def take(ward: Ward) -> Callable[..., Job]:
    """Have the PFI take an order in charge; its job."""

    def received(action: Action = Action.INITIAL, **changes: object) -> Job:
        answer = message_receive(partner=Partner.objects.get(code="pfi"), raw=raw_order(action, **changes))
        assert b"\rMSA|AA|" in answer
        return Job.objects.latest("id")

    return received


@pytest.fixture
def opposed(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Visit numbers whose patient opposed, as a source of the PFI."""
    visits: set[str] = set()
    monkeypatch.setattr(stays, "_sources", [lambda stay: stays.Known(stay.visit_number in visits)])
    yield visits
