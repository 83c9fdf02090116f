"""Addresses of the intermediation: its work, named by public identifiers."""

from __future__ import annotations

from django.urls import path

from pfi import views

app_name = "pfi"

urlpatterns = [
    path("echanges/pfi/", views.jobs, name="jobs"),
    path("echanges/pfi/<uuid:uid>", views.job, name="job"),
    path("echanges/pfi/<uuid:uid>/rejouer", views.replay, name="replay"),
]
