"""Addresses of the API, version 1. Everything is named by its public identifier."""

from __future__ import annotations

from django.urls import URLPattern, path

from dpi.api import views

app_name = "api"

urlpatterns: list[URLPattern] = [
    path("me", views.Me.as_view(), name="me"),
    path("schema", views.Schema.as_view(), name="schema"),
    path("<path:rest>", views.Unknown.as_view(), name="unknown"),
]
