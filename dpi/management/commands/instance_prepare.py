"""`manage.py instance_prepare`: tie this instance to its sandbox; run by the launcher at each start."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.enums import ProviderKind
from accounts.services import provider_set, roles_install
from audit.context import system_actor
from establishment.enums import NationalService
from establishment.services import endpoint_set

ACTOR = system_actor("launcher")


class Command(BaseCommand):
    help = "Installe les rôles et branche les simulateurs ; sans effet la seconde fois."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DPI_SANDBOX or settings.DPI_SANDBOX_ADDRESSES is None:
            raise CommandError("Cette commande branche des simulateurs : DPI_SANDBOX n'est pas posé.")
        addresses = json.loads(settings.DPI_SANDBOX_ADDRESSES.read_text("utf-8"))
        roles_install(actor=ACTOR)
        authority = addresses["certificates"]["ca"]
        self._provider(
            addresses["psc"],
            authority,
            slug="psc",
            kind=ProviderKind.PSC,
            label="Pro Santé Connect",
            scopes="openid scope_all",
            acr_values="eidas1",
            backchannel_logout=True,
        )
        self._provider(
            addresses["etablissement"],
            authority,
            slug="etablissement",
            kind=ProviderKind.GENERIC,
            label="Compte de l’établissement",
            hint="identifiant de l’hôpital et code à usage unique",
            second_factor=["otp"],
            rpps_claim="rpps",
            position=1,
        )
        if "dmp" in addresses:
            self._dmp(addresses)
        if "insi" in addresses:
            self._insi(addresses)
        if "mail" in addresses:
            self._mail(addresses)
        if "annuaire" in addresses:
            self._directory(addresses)

    def _provider(self, address: dict[str, str], authority: str, *, slug: str, **values: Any) -> None:
        provider_set(
            slug=slug,
            actor=ACTOR,
            issuer=address["issuer"],
            discovery_url=address["discovery_url"],
            client_id=address["client_id"],
            client_secret_path=address["client_secret_file"],
            ca_path=authority,
            **values,
        )

    def _mail(self, addresses: dict[str, Any]) -> None:
        files = addresses["certificates"]
        endpoint_set(
            service=NationalService.MSSANTE,
            actor=ACTOR,
            base_url=addresses["mail"]["smtp_url"],
            reading_url=addresses["mail"]["imap_url"],
            ca_path=files["ca"],
            certificate_path=files["client_cert"],
            key_path=files["client_key"],
            is_enabled=True,
        )

    def _insi(self, addresses: dict[str, Any]) -> None:
        files = addresses["certificates"]
        endpoint_set(
            service=NationalService.INSI,
            actor=ACTOR,
            base_url=addresses["insi"]["url"],
            ca_path=files["ca"],
            certificate_path=files["insi_cert"],
            key_path=files["insi_key"],
            is_enabled=True,
        )

    def _directory(self, addresses: dict[str, Any]) -> None:
        endpoint_set(
            service=NationalService.ANNUAIRE,
            actor=ACTOR,
            base_url=addresses["annuaire"]["base_url"],
            ca_path=addresses["certificates"]["ca"],
            api_key_path=addresses["annuaire"]["key_file"],
            is_enabled=True,
        )

    def _dmp(self, addresses: dict[str, Any]) -> None:
        files = addresses["certificates"]
        endpoint_set(
            service=NationalService.DMP,
            actor=ACTOR,
            base_url=addresses["dmp"]["base_url"],
            ca_path=files["ca"],
            certificate_path=files["client_cert"],
            key_path=files["client_key"],
            signing_certificate_path=files["seal_cert"],
            signing_key_path=files["seal_key"],
            is_enabled=True,
        )
