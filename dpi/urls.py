"""The URL map. Every address needs an account unless its view says `login_not_required`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dpi import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", views.live, name="health-live"),
    path("health/ready", views.ready, name="health-ready"),
]
