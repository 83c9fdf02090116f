"""Addresses of the directory of professionals."""

from __future__ import annotations

from django.urls import path

from mssante import views

app_name = "mssante"

urlpatterns = [
    path("annuaire/", views.directory, name="directory"),
    path("annuaire/resultats", views.directory_rows, name="directory_rows"),
    path("annuaire/<uuid:uid>/carnet", views.pick, name="pick"),
]
