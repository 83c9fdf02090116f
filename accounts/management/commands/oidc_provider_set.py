"""`manage.py oidc_provider_set`: describes an identity provider; a second call with the same values does
nothing (psc 9, 16; SC.SSI/IAM.80)."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.enums import ClientAuthentication, ProviderKind
from accounts.services import provider_set

DISCOVERY = "/.well-known/"


class Command(BaseCommand):
    help = "Crée ou modifie un fournisseur d'identité OpenID Connect."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--kind", choices=ProviderKind.values, default=ProviderKind.GENERIC)
        parser.add_argument("--discovery-url", required=True)
        parser.add_argument("--issuer", help="Par défaut : ce qui précède /.well-known/ dans la découverte.")
        parser.add_argument("--client-id", required=True)
        parser.add_argument("--authentication", choices=ClientAuthentication.values)
        parser.add_argument("--client-secret-file", dest="client_secret_path")
        parser.add_argument("--certificate-file", dest="certificate_path")
        parser.add_argument("--key-file", dest="key_path")
        parser.add_argument("--ca-file", dest="ca_path")
        parser.add_argument("--proxy-url")
        parser.add_argument("--label")
        parser.add_argument("--hint")
        parser.add_argument("--scopes")
        parser.add_argument("--acr-values")
        parser.add_argument("--accepted-acr", nargs="*")
        parser.add_argument("--second-factor", nargs="*", help="Valeurs acr ou amr qui valent deux facteurs.")
        parser.add_argument("--algorithms", nargs="+")
        parser.add_argument("--rpps-claim", help="Champ portant le RPPS, si le fournisseur en est garant.")
        parser.add_argument("--idp-hint")
        parser.add_argument("--position", type=int)
        parser.add_argument("--no-autolink", dest="autolink", action="store_const", const=False)
        parser.add_argument(
            "--backchannel-logout",
            action=BooleanOptionalAction,
            help="Le fournisseur peut fermer les sessions d'ici ; son adresse est à enregistrer chez lui.",
        )
        parser.add_argument("--disabled", dest="is_enabled", action="store_false")

    def handle(self, *args: Any, slug: str, discovery_url: str, issuer: str | None, **options: Any) -> None:
        if not discovery_url.startswith("https://") or DISCOVERY not in discovery_url:
            raise CommandError("L'adresse de découverte est en https et contient /.well-known/.")
        values: dict[str, Any] = {
            "discovery_url": discovery_url,
            "issuer": issuer or discovery_url.partition(DISCOVERY)[0],
        }
        names = (
            "kind", "client_id", "authentication", "client_secret_path", "certificate_path", "key_path",
            "ca_path", "proxy_url", "label", "hint", "scopes", "acr_values", "accepted_acr", "second_factor",
            "algorithms", "rpps_claim", "idp_hint", "position", "autolink", "is_enabled",
            "backchannel_logout",
        )  # fmt: skip
        values |= {name: options[name] for name in names if options.get(name) is not None}
        try:
            provider = provider_set(slug=slug, **values)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Fournisseur {provider.slug} : {provider.issuer}")
