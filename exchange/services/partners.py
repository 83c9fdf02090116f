"""The partners that the product creates itself."""

from __future__ import annotations

from exchange.enums import Transport
from exchange.models import Partner
from exchange.rules import DEVELOPMENT_PARTNER

# Both directions: orders of the DPI to the PFI, business acknowledgements back.
PFI_PARTNER = "pfi"


def development_partner_ensure(*, port: int) -> Partner:
    """Give the development partner its port: plain, loopback, any sender, MSH-11 P, T or D.

    Who may connect is decided by `exchange.rules.may_connect`, whether it listens at all by the
    setting DPI_SANDBOX.
    """
    partner, _ = Partner.objects.update_or_create(
        code=DEVELOPMENT_PARTNER,
        defaults={
            "name": "Poste de développement",
            "transport": Transport.MLLP,
            "application": "",
            "facility": "",
            "listen_port": port,
            "uses_tls": False,
            "processing_ids": "PTD",
            "is_active": True,
        },
    )
    return partner


def integrated_pfi_ensure() -> Partner:
    """The PFI of this very software: the DPI's messages and its acknowledgements stay in process."""
    partner, _ = Partner.objects.update_or_create(
        code=PFI_PARTNER,
        defaults={
            "name": "Plateforme d'intermédiation intégrée",
            "transport": Transport.INTEGRATED,
            "uses_tls": False,
            "processing_ids": "PTD",
            "is_active": True,
        },
    )
    return partner
