"""A small hospital tied to a sandbox that runs in its own process, as in the demonstration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install
from audit.context import system_actor
from dpi.demo.hospital import LEGAL_ENTITY, SITES
from establishment.enums import NationalService, Switch
from establishment.models import LegalEntity, Site, Unit
from exchange.enums import Transport
from exchange.models import Partner
from exchange.services.partners import PFI_PARTNER
from patients.models import Episode
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from tests.bench.children import running, written
from tests.bench.context import folder
from tests.factories import EndpointFactory, EpisodeFactory, MailboxFactory, SwitchFactory, test_identity

ACTOR = system_actor("bench")
# Identities whose DMP is open in the sandbox (tests/factories.py numbers them).
OPEN_DMP = (0, 1, 2, 6)


@contextmanager
def sandbox() -> Iterator[dict[str, Any]]:
    """The stand-ins of the national services, until the block ends; yields their addresses."""
    state = folder() / "sandbox"
    addresses = state / "addresses.json"
    with running("sandbox", "-m", "sandbox", "--state", str(state), ready=written(addresses)):
        yield json.loads(addresses.read_text("utf-8"))


def plug_dmp(addresses: dict[str, Any]) -> None:
    """Make the sandbox the DMP of this installation, certificates included."""
    files = addresses["certificates"]
    EndpointFactory(
        service=NationalService.DMP,
        base_url=addresses["dmp"]["base_url"],
        ca_path=files["ca"],
        certificate_path=files["client_cert"],
        key_path=files["client_key"],
        signing_certificate_path=files["seal_cert"],
        signing_key_path=files["seal_key"],
    )


def plug_mail(addresses: dict[str, Any], unit: Unit) -> None:
    """Make the sandbox the MSSanté operator, with the application mailbox of this hospital."""
    files, mail = addresses["certificates"], addresses["mail"]
    EndpointFactory(
        service=NationalService.MSSANTE,
        base_url=mail["smtp_url"],
        reading_url=mail["imap_url"],
        ca_path=files["ca"],
        certificate_path=files["client_cert"],
        key_path=files["client_key"],
    )
    for switch in (Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN):
        SwitchFactory(code=switch)
    MailboxFactory(address=APPLICATION_BOX, unit=unit, is_sender=True, error_address=ERROR_BOX)


def build_hospital() -> Unit:
    """Legal entity, site, unit, roles, the integrated PFI; returns the unit."""
    entity = LegalEntity.objects.create(**LEGAL_ENTITY)
    site = Site.objects.create(legal_entity=entity, **SITES[0])
    unit = Unit.objects.create(site=site, code="6268", name="CHIR V")
    Partner.objects.create(code=PFI_PARTNER, name="PFI intégrée", transport=Transport.INTEGRATED)
    SwitchFactory(code=Switch.PFI_DMP)
    roles_install(actor=ACTOR)
    return unit


def doctor_of(unit: Unit) -> User:
    """A prescriber of the unit, known to the sandbox."""
    doctor = User.objects.create_user(
        "ahoda",
        family_name="HODA",
        given_name="Alice",
        title="Dr",
        rpps="99700900014",
        profession="10",
        specialty="SM26",
    )
    assignment_give(user=doctor, role=RoleCode.PRESCRIPTEUR, giver=None, actor=ACTOR, unit=unit)
    return doctor


def stays(unit: Unit) -> list[Episode]:
    """Qualified patients with an open DMP, each in hospital."""
    return [EpisodeFactory(patient=test_identity(index), unit=unit) for index in OPEN_DMP]
