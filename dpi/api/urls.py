"""Addresses of the API, version 1. Everything is named by its public identifier."""

from __future__ import annotations

from django.urls import URLPattern, path

from consent import api as consent
from documents import api as documents
from dpi.api import views
from patients import api as patients
from sending import api as sending
from stats import api as stats

app_name = "api"

urlpatterns: list[URLPattern] = [
    path("me", views.Me.as_view(), name="me"),
    path("schema", views.Schema.as_view(), name="schema"),
    path("patients/search", patients.PatientSearch.as_view(), name="patients_search"),
    path("patients/<uuid:patient_uid>", patients.PatientDetail.as_view(), name="patient"),
    path("patients/<uuid:patient_uid>/episodes", patients.PatientEpisodes.as_view(), name="patient_episodes"),
    path("episodes/<uuid:episode_uid>", patients.EpisodeDetail.as_view(), name="episode"),
    path("episodes/<uuid:episode_uid>/choices", consent.EpisodeChoices.as_view(), name="episode_choices"),
    path(
        "patients/<uuid:patient_uid>/documents",
        documents.PatientDocuments.as_view(),
        name="patient_documents",
    ),
    path("documents/<uuid:document_uid>", documents.DocumentDetail.as_view(), name="document"),
    path("versions/<uuid:version_uid>/cda", documents.VersionCda.as_view(), name="version_cda"),
    path("versions/<uuid:version_uid>/pdf", documents.VersionPdf.as_view(), name="version_pdf"),
    path("receptions", documents.Receptions.as_view(), name="receptions"),
    path("orders", sending.Orders.as_view(), name="orders"),
    path("orders/<uuid:order_uid>", sending.OrderDetail.as_view(), name="order"),
    path("orders/<uuid:order_uid>/hold", sending.OrderHold.as_view(), name="order_hold"),
    path("orders/<uuid:order_uid>/release", sending.OrderRelease.as_view(), name="order_release"),
    path("orders/<uuid:order_uid>/send-now", sending.OrderSendNow.as_view(), name="order_send_now"),
    path("orders/<uuid:order_uid>/cancel", sending.OrderCancel.as_view(), name="order_cancel"),
    path("orders/<uuid:order_uid>/retry", sending.OrderRetry.as_view(), name="order_retry"),
    path("stats/figures", stats.Figures.as_view(), name="stats_figures"),
    path("stats/csv", stats.Csv.as_view(), name="stats_csv"),
    path("<path:rest>", views.Unknown.as_view(), name="unknown"),
]
