"""Addresses of the record. Patients, versions and orders are named by their public identifier."""

from __future__ import annotations

from django.urls import path

from dossier.dmp_urls import urlpatterns as dmp_urls
from dossier.views import (
    choices,
    deletion,
    envois,
    importing,
    insi,
    late_sending,
    letter,
    mails,
    message_choice,
    mssante,
    patients,
    reading,
    record,
    shell,
    traces,
)

app_name = "dossier"

urlpatterns = [
    path("traces/mssante", traces.mssante_traces, name="mssante_traces"),
    path("accueil", shell.start, name="start"),
    path("patients/", patients.home, name="home"),
    path("patients/recherche", patients.search, name="search"),
    path("patients/recherche/resultats", patients.search_results, name="search_results"),
    path("patients/<uuid:patient_uid>/", record.patient, name="patient"),
    path("patients/<uuid:patient_uid>/ins", record.ins, name="ins"),
    path("patients/<uuid:patient_uid>/identite", insi.identity, name="identity"),
    path("patients/<uuid:patient_uid>/identite/insi", insi.insi_ask_view, name="insi_ask"),
    path("insi/<uuid:query_uid>", insi.insi_state, name="insi_state"),
    path("insi/<uuid:query_uid>/<slug:decision>", insi.insi_decide, name="insi_decide"),
    path("patients/<uuid:patient_uid>/information", choices.choices, name="choices"),
    path("patients/<uuid:patient_uid>/messages", message_choice.message_choice, name="message_choice"),
    path("patients/<uuid:patient_uid>/envois", envois.patient_envois, name="patient_envois"),
    path("patients/<uuid:patient_uid>/documents/nouveau/<slug:model>", letter.letter_new, name="letter_new"),
    path("documents/<uuid:version_uid>/apercu", record.preview, name="preview"),
    path("documents/<uuid:version_uid>/pdf", record.document_pdf, name="document_pdf"),
    path("documents/<uuid:version_uid>/cda", record.document_cda, name="document_cda"),
    path("documents/<uuid:version_uid>/vue", reading.document_view, name="document_view"),
    path("documents/<uuid:version_uid>/pieces/<int:number>", reading.document_part, name="document_part"),
    path("documents/<uuid:version_uid>/redaction", letter.letter_edit, name="letter_edit"),
    path("documents/<uuid:version_uid>/valider", letter.letter_panel, name="letter_panel"),
    path(
        "documents/<uuid:version_uid>/valider/destinataires", letter.recipients_find, name="recipients_find"
    ),
    path(
        "documents/<uuid:version_uid>/valider/annuaire",
        letter.recipients_directory,
        name="recipients_directory",
    ),
    path("documents/<uuid:version_uid>/validation", letter.letter_validate, name="letter_validate"),
    path("documents/<uuid:version_uid>/nouvelle-version", letter.revise, name="revise"),
    path("mssante/", mssante.inbox, name="mssante"),
    path("mssante/historique", mssante.history, name="mssante_history"),
    path("mssante/reprendre/", mails.mails, name="mails"),
    path("mssante/reprendre/<uuid:uid>", mails.mail, name="mail"),
    path("mssante/reprendre/<uuid:uid>/en-tetes", mails.mail_headers, name="mail_headers"),
    path("mssante/reprendre/<uuid:uid>/texte", mails.mail_read, name="mail_read"),
    path("mssante/reprendre/<uuid:uid>/relire", mails.mail_reread, name="mail_reread"),
    path("mssante/reprendre/<uuid:uid>/classer", mails.mail_import, name="mail_import"),
    path("mssante/reprendre/<uuid:uid>/ecarter", mails.mail_set_aside, name="mail_set_aside"),
    path("mssante/importer", importing.import_new, name="import_new"),
    path("mssante/importer/<uuid:import_uid>", importing.import_show, name="import"),
    path("mssante/importer/<uuid:import_uid>/classer", importing.import_confirm, name="import_confirm"),
    path("mssante/tout-vu", mssante.see_all, name="mssante_see_all"),
    path("mssante/annuler", mssante.unsee, name="mssante_unsee"),
    path("mssante/<uuid:reception_uid>/ouvrir", mssante.open_document, name="mssante_open"),
    path("mssante/<uuid:reception_uid>/vu", mssante.see, name="mssante_seen"),
    path("mssante/<uuid:reception_uid>/signaler", mssante.report, name="mssante_report"),
    path("compteurs", shell.counters, name="counters"),
    path("documents/<uuid:version_uid>/envoyer", envois.send_dmp, name="send_dmp"),
    path("documents/<uuid:version_uid>/envoyer-a", late_sending.sending_add, name="sending_add"),
    path("documents/<uuid:version_uid>/envoyer-a/chercher", late_sending.find, name="sending_add_find"),
    path(
        "documents/<uuid:version_uid>/envoyer-a/annuaire",
        late_sending.directory,
        name="sending_add_directory",
    ),
    path("documents/<uuid:version_uid>/suppression", deletion.deletion, name="deletion"),
    path("envois/", envois.envois, name="envois"),
    path("envois/lignes", envois.envois_rows, name="envois_rows"),
    path("envois/lot", envois.orders_act, name="orders_act"),
    path("envois/<uuid:order_uid>/<slug:action>", envois.order_act, name="order_act"),
    *dmp_urls,
]
