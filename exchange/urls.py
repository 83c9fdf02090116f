"""Addresses of the technical administrator. Messages are named by their public identifier."""

from __future__ import annotations

from django.urls import path

from exchange.views import calls, journal, message, services

app_name = "exchange"

urlpatterns = [
    path("echanges/", journal.journal, name="journal"),
    path("echanges/lignes", journal.journal_rows, name="journal_rows"),
    path("echanges/messages/<uuid:uid>", message.message, name="message"),
    path("echanges/messages/<uuid:uid>/afficher", message.message_show, name="message_show"),
    path("echanges/messages/<uuid:uid>/er7", message.message_file, name="message_file"),
    path("echanges/messages/<uuid:uid>/<slug:action>", message.message_act, name="message_act"),
    path("echanges/appels/", calls.calls, name="calls"),
    path("services-socles/", services.services, name="services"),
    path("services-socles/essais/<uuid:uid>", services.trial, name="trial"),
    path("services-socles/<str:target>/essai", services.service_try, name="service_try"),
    path("services-socles/<slug:service>/acces", services.access, name="service_access"),
    path("services-socles/interrupteurs/<slug:code>", services.switch, name="switch"),
]
