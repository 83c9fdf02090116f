"""Trying a provider of identities out: its discovery document and its keys, asked anew (F-PV-36; psc 2)."""

from __future__ import annotations

from accounts.enums import LoginRefusal
from accounts.errors import LoginRefused
from accounts.models import IdentityProvider
from accounts.oidc.client import ProviderClient
from audit.context import Actor
from national.trials import TrialResult


def provider_try(slug: str, _actor: Actor) -> TrialResult:
    """Ask a provider where it answers and with which keys it signs; nobody logs in."""
    provider = IdentityProvider.objects.filter(slug=slug).first()
    if provider is None:
        return TrialResult(False, "Ce fournisseur n’est pas décrit.", "NOT_CONFIGURED")
    client = ProviderClient(provider)
    try:
        client.forget()
        client.metadata()
        count = len(client.keys().get("keys", []))
    except LoginRefused as refused:
        words = (
            "ne répond pas"
            if refused.refusal is LoginRefusal.UNREACHABLE
            else "a donné une réponse inattendue"
        )
        return TrialResult(False, f"{provider.label} {words}.", refused.reason[:120])
    if not count:
        return TrialResult(False, f"{provider.label} ne publie aucune clé de signature.", "NO_KEY")
    plural = "s" if count > 1 else ""
    return TrialResult(True, f"{provider.label} répond et publie {count} clé{plural} de signature.")
