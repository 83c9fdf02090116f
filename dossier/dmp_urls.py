"""Addresses of what the record shows of the DMP."""

from __future__ import annotations

from django.urls import URLPattern, path

from dossier.views import dmp, dmp_acts, dmp_documents, dmp_search, notice, traces

urlpatterns: list[URLPattern] = [
    path("information-dmp", notice.notice, name="notice"),
    path("patients/<uuid:patient_uid>/dmp", dmp.dmp_fact, name="dmp_fact"),
    path("patients/<uuid:patient_uid>/dmp/nouveautes", dmp.dmp_news, name="dmp_news"),
    path("patients/<uuid:patient_uid>/dmp/liste", dmp.dmp_group, name="dmp_group"),
    path("patients/<uuid:patient_uid>/dmp/vu", dmp.dmp_seen, name="dmp_seen"),
    path("patients/<uuid:patient_uid>/dmp/integrer", dmp_acts.dmp_integrate, name="dmp_integrate"),
    path("dmp/documents/<uuid:document_uid>", dmp_documents.dmp_document, name="dmp_document"),
    path("dmp/documents/<uuid:document_uid>/contenu", dmp_documents.dmp_content, name="dmp_content"),
    path("dmp/documents/<uuid:document_uid>/pdf", dmp_documents.dmp_pdf, name="dmp_pdf"),
    path("dmp/documents/<uuid:document_uid>/vue", dmp_documents.dmp_structured, name="dmp_structured"),
    path("dmp/documents/<uuid:document_uid>/visibilite", dmp_acts.dmp_visibility, name="dmp_visibility"),
    path("dmp/documents/<uuid:document_uid>/classer", dmp_acts.dmp_refile, name="dmp_refile"),
    path("documents/<uuid:version_uid>/visibilite", dmp_acts.version_visibility, name="version_visibility"),
    path("documents/<uuid:version_uid>/dmp", dmp_acts.version_check, name="version_check"),
    path("patients/<uuid:patient_uid>/dmp/recherche", dmp_search.dmp_search, name="dmp_search"),
    path("patients/<uuid:patient_uid>/dmp/resultats", dmp_search.dmp_results, name="dmp_results"),
    path("patients/<uuid:patient_uid>/dmp/recherches", dmp_search.dmp_preset, name="dmp_preset"),
    path("traces/dmp", traces.dmp_traces, name="dmp_traces"),
]
