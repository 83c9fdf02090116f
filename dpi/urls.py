"""The URL map. A view without declared rule (`accounts.access`) is refused to everybody."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from dpi import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", views.live, name="health-live"),
    path("health/ready", views.ready, name="health-ready"),
    path("a-propos", views.about, name="about"),
    path("api/v1/", include("dpi.api.urls")),
    path("", include("ui.urls")),
    path("", include("accounts.urls")),
    path("", include("exchange.urls")),
    path("", include("mssante.urls")),
    path("", include("pfi.urls")),
    path("", include("dossier.urls")),
    path("", include("stats.urls")),
]

handler404 = "dpi.errors.not_found"
handler500 = "dpi.errors.server_error"
