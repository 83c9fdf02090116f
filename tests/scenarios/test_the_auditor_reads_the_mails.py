"""What was sent and received by MSSanté, from the real wire to the file that the auditor takes away.

Source: SC.MSS/UX.37; fields of spec mssante 1.11.
"""

import csv
import io
import json
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from audit.models import Trace
from documents.mail_trace_columns import COLUMNS, Direction
from documents.mail_traces import MailTraceQuery, mail_traces
from documents.models import Document, Reception
from exchange.services import messages_hand_over_due
from mssante.models import IncomingMail, OutgoingMail
from pfi.mail_reading import mailboxes_read
from pfi.mail_worker import mails_drain
from sandbox.mail.boxes import APPLICATION_BOX
from sandbox.mail.letters import Case
from sending.worker import orders_drain
from tests.dossier.conftest import seen
from tests.hospital import MATRICULE
from tests.scenarios.test_letter_reaches_the_mailboxes import PETIT
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("SC.MSS/UX.37")]

WORKER = "test"
INSTALLER = system_actor("tests")


@pytest.fixture
def auditor(db):
    roles_install()
    user = user_create(login="auditeur", family_name="ESSAI", given_name="Noé", actor=INSTALLER)
    assignment_give(user=user, role=RoleCode.AUDITEUR, unit=None, giver=None, actor=INSTALLER)
    return sign_in(Client(), user)


@pytest.fixture
def exchanged(mail_hospital):
    """A letter that reaches the doctor, who says it was read; one that comes and is filed, one refused."""
    mail_hospital.write_letter(to_dmp=False, recipients=(PETIT,))
    carry()
    mail_hospital.read_by(PETIT.address)
    mail_hospital.sandbox.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    mail_hospital.sandbox.letters.send(Case.UNKNOWN, matricule=MATRICULE, author="petit")
    carry()
    return mail_hospital


def carry():
    for _ in range(2):
        orders_drain(worker=WORKER)
        mails_drain(worker=WORKER)
        mailboxes_read(worker=WORKER)
        messages_hand_over_due(worker=WORKER)


def ask(client, **typed):
    return client.post(reverse("dossier:mssante_traces"), {"format": "csv", "acte": "extraire"} | typed)


def text(answer):
    return b"".join(answer.streaming_content).decode()


def table(answer):
    return list(csv.DictReader(io.StringIO(text(answer).removeprefix("\ufeff"), newline=""), delimiter=";"))


def steps(rows):
    return [row["etape"] for row in rows]


def test_the_file_follows_each_mail_to_its_final_treatment(exchanged, auditor):
    rows = table(ask(auditor))
    assert list(rows[0]) == list(COLUMNS)

    (mail,) = OutgoingMail.objects.all()
    ours = [row for row in rows if row["message_id"] == mail.message_id]
    assert steps(ours) == [
        "Envoi demandé à l’opérateur",
        "Accepté par l’opérateur",
        "Remis",
        "Lu ou traité par le destinataire",
    ]
    asked, accepted, delivered, _read = ours
    version = Document.objects.get(set_id=mail.lineage).versions.get()
    for row in ours:
        assert (row["sens"], row["boite"], row["a"]) == ("Envoyé", mail.sender, PETIT.address)
        assert (row["document"], row["lignee"]) == (version.unique_id, mail.lineage)
        assert (row["version_document"], row["type_document"]) == ("1", version.document.type_code)
        assert (row["ins"], row["patient"]) == (MATRICULE, str(exchanged.patient.uid))
        assert row["message_hl7"] == mail.order.control_id
    assert asked["requete"].startswith(
        f"MAIL FROM:<{mail.sender}> SIZE={mail.size} ; RCPT TO:<{PETIT.address}>"
    )
    assert asked["objet_courriel"].startswith("XDM/1.0/DDM+")
    assert (asked["statut_ins"], len(asked["sha256"])) == ("qualifiée", 64)
    assert accepted["reponse"].startswith("250 ") and accepted["duree_ms"].isdigit()
    assert delivered["trace_mere"] == asked["identifiant"]

    filed = Reception.objects.get(outcome="integrated")
    theirs = [row for row in rows if row["message_id"] == filed.source_id]
    assert steps(theirs) == [
        "Relevé dans la boîte",
        "Remis au dossier",
        "Classé au dossier",
        "Traité",
        "Accusé de traitement envoyé",
        "Rangé dans la boîte",
    ]
    fetched, handed, integrated, _done, answered, moved = theirs
    incoming = IncomingMail.objects.get(message_id=filed.source_id)
    assert (fetched["uidvalidity"], fetched["uid"]) == (str(incoming.imap_validity), str(incoming.imap_uid))
    assert fetched["requete"] == f"UID FETCH {incoming.imap_uid} BODY.PEEK[]"
    assert (fetched["sens"], fetched["boite"], fetched["de"]) == ("Reçu", APPLICATION_BOX, PETIT.address)
    assert handed["message_hl7"] == integrated["message_hl7"] != ""
    assert (integrated["document"], integrated["ins"]) == (filed.unique_id, MATRICULE)
    assert (answered["a"], moved["dossier_boite"]) == (PETIT.address, "Traites")

    refused = [row for row in rows if row["code"] == "902"]
    assert "Rejeté" in steps(refused) and "Refusé" in steps(refused)
    assert {row["resultat"] for row in refused if row["etape"] == "Rejeté"} == {"Refusé"}


def test_times_are_local_with_their_offset_and_no_text_of_a_mail_leaves(exchanged, auditor):
    rows = table(ask(auditor))
    first = Trace.objects.filter(type__startswith="mssante.").order_by("id").first()
    shown = datetime.fromisoformat(rows[0]["date"])
    assert abs((shown - first.time).total_seconds()) < 0.001
    assert shown.utcoffset() == timezone.localtime(first.time).utcoffset()
    written = text(ask(auditor))
    assert "Vous trouverez en pièces jointes" not in written
    as_json = [json.loads(line) for line in text(ask(auditor, format="jsonl")).splitlines()]
    assert all(list(row) == list(COLUMNS) for row in as_json)


def test_the_criteria_narrow_what_is_read(exchanged, auditor):
    everything = mail_traces(MailTraceQuery()).count()
    ways = {way: mail_traces(MailTraceQuery(direction=way)).count() for way in Direction}
    assert all(ways.values()) and sum(ways.values()) == everything
    of_patient = {row["message_id"] for row in table(ask(auditor, patient=MATRICULE))}
    filed = Reception.objects.get(outcome="integrated")
    refused = Reception.objects.exclude(pk=filed.pk).get()
    assert filed.source_id in of_patient and OutgoingMail.objects.get().message_id in of_patient
    assert refused.source_id not in of_patient or refused.candidate == exchanged.patient
    assert {row["a"] for row in table(ask(auditor, boite=PETIT.address.upper(), sens="out"))} == {
        PETIT.address
    }
    assert mail_traces(MailTraceQuery(mailbox="autre@ailleurs.mssante.test")).count() == 0
    author = exchanged.doctor
    by_author = table(ask(auditor, professionnels=author.rpps))
    assert {row["demandeur"] for row in by_author} == {f"8{author.rpps}"}


def test_the_page_lists_the_newest_and_traces_that_it_was_read(exchanged, auditor):
    assert not seen(auditor.get(reverse("dossier:mssante_traces"))).has("table")
    count = mail_traces(MailTraceQuery()).count()
    page = seen(ask(auditor, acte="afficher", patient=MATRICULE))
    assert page.has("#liste tbody tr")
    assert "Accepté par l’opérateur" in page.text
    newest = page.texts("#liste tbody tr td:first-child")[0]
    assert newest.endswith(f"{timezone.localtime().isoformat()[-6:]}")
    trace = Trace.objects.get(type="mssante.trace_view")
    assert (trace.actor_login, trace.detail["has_patient"]) == ("auditeur", True)
    assert MATRICULE not in json.dumps(trace.detail)
    answer = ask(auditor)
    assert answer["Content-Disposition"].startswith('attachment; filename="traces-mssante-')
    assert answer["Cache-Control"] == "no-store"
    assert len(table(answer)) == count + 2, "the reading and the export are traces too"
    assert Trace.objects.filter(type="mssante.trace_export").count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"professionnels": "10000000000"}, "Professionnels inconnus ici : 10000000000."),
        ({"patient": "999999"}, "Aucun patient n’a cet IPP"),
        ({"du": "31/02/2026"}, "Une date est illisible"),
        ({"boite": "cardiologie"}, "La boîte est une adresse complète"),
        ({"sens": "travers"}, "Ce sens n’existe pas"),
    ],
)
def test_what_cannot_be_answered_is_said_and_nothing_is_read(auditor, typed, words):
    assert words in seen(ask(auditor, **typed), 422).text
    assert not Trace.objects.filter(type__startswith="mssante.trace_").exists()


def test_nobody_else_reads_them(auditor):
    user = user_create(login="tech", family_name="ESSAI", given_name="Ada", actor=INSTALLER)
    assignment_give(user=user, role=RoleCode.ADMIN_TECHNIQUE, unit=None, giver=None, actor=INSTALLER)
    stranger = sign_in(Client(), user)
    assert stranger.get(reverse("dossier:mssante_traces")).status_code == 403
    assert ask(stranger).status_code == 403
