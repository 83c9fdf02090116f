"""Addresses of the indicators. Prepared files are named by their public identifier."""

from __future__ import annotations

from django.urls import path

from stats.views import board, exports

app_name = "stats"

urlpatterns = [
    path("indicateurs/", board.overview, name="overview"),
    path("indicateurs/sejours", board.stays, name="stays"),
    path("indicateurs/exporter", exports.export, name="export"),
    path("indicateurs/exports/", exports.exports, name="exports"),
    path("indicateurs/exports/lignes", exports.export_rows, name="export_rows"),
    path("indicateurs/exports/<uuid:export_uid>", exports.download, name="download"),
    path("indicateurs/pages/<slug:slug>", board.chapter, name="chapter"),
]
