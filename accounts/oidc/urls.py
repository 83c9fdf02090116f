"""Paths that a provider knows: registered there, so they do not change."""

from __future__ import annotations

from django.urls import reverse


def callback_path(slug: str) -> str:
    """Where the provider sends the browser back after authentication."""
    return reverse("accounts:oidc_callback", args=[slug])


def logout_response_path(slug: str) -> str:
    """Where the provider sends the browser back after logout."""
    return reverse("accounts:logout_response", args=[slug])
