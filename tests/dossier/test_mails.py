"""The mails that wait for a person: who sees them, what is hidden, what may be done, what is traced."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from accounts.models import Role
from audit.models import Trace
from documents.models import HandImport, Version
from establishment.models import Unit
from mssante.enums import IncomingKind, IncomingState
from mssante.models import IncomingMail
from mssante.services import incoming_set_aside, incoming_settle, incoming_store
from tests.dossier.conftest import Arrive, htmx, seen
from tests.factories import MailboxFactory
from tests.hospital import MATRICULE, Ward
from tests.scenarios.hostile import archive_of, mail_of

PATIENT = f"{MATRICULE}@patient.mssante.fr"


@pytest.fixture
def mail(ward: Ward) -> IncomingMail:
    """A good mail that the reading left to a person; its subject names the patient."""
    return left(ward)


def left(ward: Ward, *, state: IncomingState = IncomingState.TO_REVIEW, code: str = "ACTION") -> IncomingMail:
    mailbox = MailboxFactory(unit=ward.unit)
    number = IncomingMail.objects.count() + 1
    raw = mail_of(archive_of(number), headers=(("Reply-To", PATIENT),))
    row, _ = incoming_store(
        mailbox=mailbox,
        raw=raw,
        size=len(raw),
        uid=number,
        uid_validity=1,
        message_id=f"<{number}@x>",
        digest=str(number),
    )
    row.sender = "bernard.petit@medecin.mssante.test"
    incoming_settle(mail=row, state=state, code=code, text="Le texte parle de remplacement.")
    row.refresh_from_db()
    return row


@pytest.fixture
def technician(arrive: Arrive) -> Client:
    return arrive(RoleCode.ADMIN_TECHNIQUE, unit=None, login="tech")


@pytest.fixture
def secretary(arrive: Arrive) -> Client:
    return arrive(RoleCode.SECRETAIRE, login="sec")


def address(name: str, mail: IncomingMail) -> str:
    return reverse(f"dossier:{name}", args=[mail.uid])


def page(browser: Client, mail: IncomingMail | None = None, **query: str):  # type: ignore[no-untyped-def]
    given = query | ({"courriel": str(mail.uid)} if mail else {})
    return seen(browser.get(reverse("dossier:mails"), given))


def test_the_list_gives_the_reason_and_nothing_that_names_a_patient(
    technician: Client, mail: IncomingMail
) -> None:
    shown = page(technician, mail)
    assert "Le texte parle de remplacement." in shown.text and "bernard.petit@" in shown.text
    assert "PAT-TROIS" not in shown.text and MATRICULE not in shown.text
    assert "•••@patient.mssante.fr" in shown.text
    assert shown.texts("#apercu h2") == ["Courriel de bernard.petit@medecin.mssante.test"]
    fragment = technician.get(address("mail", mail), headers=htmx()).content.decode()
    assert "<html" not in fragment and "PAT-TROIS" not in fragment


def test_a_stranger_and_a_secretary_of_elsewhere_see_nothing(
    ward: Ward, arrive: Arrive, nurse: Client, mail: IncomingMail
) -> None:
    assert nurse.get(reverse("dossier:mails")).status_code == 403
    other = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
    elsewhere = arrive(RoleCode.SECRETAIRE, unit=other, login="ailleurs")
    assert "Aucun courriel" in page(elsewhere).text
    assert elsewhere.get(address("mail", mail)).status_code == 404
    assert elsewhere.post(address("mail_set_aside", mail), {"motif": "une autre unité"}).status_code == 404


def test_the_headers_are_shown_whole_to_who_may_and_says_why(technician: Client, mail: IncomingMail) -> None:
    assert technician.post(address("mail_headers", mail), {"motif": "panne de relève"}).status_code == 403
    role = Role.objects.get(code=RoleCode.ADMIN_TECHNIQUE)
    role.permissions = [*role.permissions, "exchange.raw"]
    role.save()
    technician.post(address("mail_headers", mail), {"motif": "court"})
    assert not Trace.objects.filter(type="mssante.incoming.headers").exists()
    shown = seen(technician.post(address("mail_headers", mail), {"motif": "panne de relève"}))
    assert "PAT-TROIS" in shown.text and MATRICULE in shown.text
    trace = Trace.objects.get(type="mssante.incoming.headers")
    assert (trace.object_uid, trace.reason, trace.actor_login) == (mail.uid, "panne de relève", "tech")
    assert "PAT-TROIS" not in page(technician, mail).text, "once"


def answer_of_patient(ward: Ward, text: str = "Bonjour, à quelle heure dois-je venir ?") -> IncomingMail:
    """What a patient answers, as the reading leaves it: a mail without document."""
    raw = (
        f"From: Dominique PAT-TROIS <{PATIENT}>\r\nTo: pfi@ch-trois-rivieres.mssante.test\r\n"
        f"Subject: Re: Lettre de liaison PAT-TROIS\r\nMessage-ID: <reponse@x>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()
    row, _ = incoming_store(
        mailbox=MailboxFactory(unit=ward.unit),
        raw=raw,
        size=len(raw),
        uid=99,
        uid_validity=1,
        message_id="<reponse@x>",
        digest="reponse",
    )
    row.sender = PATIENT
    incoming_settle(
        mail=row,
        state=IncomingState.TO_REVIEW,
        kind=IncomingKind.PATIENT,
        text="Courriel sans document, à lire par une personne.",
    )
    row.refresh_from_db()
    return row


@pytest.mark.requirement("SC.MSS/UX.37")
def test_the_answer_of_a_patient_is_read_once_for_a_reason_and_traced(
    ward: Ward, secretary: Client, technician: Client, settings: LazySettings
) -> None:
    settings.MSS_PATIENT_DOMAIN = "patient.mssante.fr"
    mail = answer_of_patient(ward)
    closed = page(secretary, mail)
    assert closed.texts("#apercu .badge") == ["USAGER"] == closed.texts("#liste .badge")
    assert (
        "Dominique" not in closed.text and MATRICULE not in closed.text and "quelle heure" not in closed.text
    )
    secretary.post(address("mail_read", mail), {"motif": "court"})
    assert not Trace.objects.filter(type="mssante.incoming.text").exists()

    shown = seen(secretary.post(address("mail_read", mail), {"motif": "réponse à lire"}))
    assert shown.texts(".mail-text") == ["Bonjour, à quelle heure dois-je venir ?"]
    facts = " ".join(shown.texts("#apercu dl")).replace(" ", "")
    assert "DominiquePAT-TROIS" in facts and MATRICULE in facts
    trace = Trace.objects.get(type="mssante.incoming.text")
    assert (trace.actor_login, trace.reason, trace.action) == ("sec", "réponse à lire", "R")
    assert (trace.patient_uid, trace.patient_ins) == (ward.patient.uid, MATRICULE)
    assert "quelle heure" not in str(trace.detail)
    assert "quelle heure" not in page(secretary, mail).text, "once"
    assert technician.post(address("mail_read", mail), {"motif": "panne de relève"}).status_code == 403
    assert not page(technician, mail).has("#motif-texte")


def test_the_text_of_a_stranger_stays_text_and_other_units_do_not_read_it(
    ward: Ward, secretary: Client, arrive: Arrive
) -> None:
    mail = answer_of_patient(ward, "<script>alert(1)</script><a href='http://piege.test'>ici</a>")
    shown = seen(secretary.post(address("mail_read", mail), {"motif": "réponse à lire"}))
    assert not shown.has(".mail-text script") and not shown.has(".mail-text a")
    assert "<script>alert(1)</script>" in shown.texts(".mail-text")[0]
    other = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
    elsewhere = arrive(RoleCode.SECRETAIRE, unit=other, login="ailleurs")
    assert elsewhere.post(address("mail_read", mail), {"motif": "par curiosité"}).status_code == 404


def test_a_mail_too_large_has_no_text_here(ward: Ward, secretary: Client) -> None:
    mail = left(ward, code="MAIL_TOO_LARGE")
    assert not page(secretary, mail).has("#motif-texte")
    secretary.post(address("mail_read", mail), {"motif": "réponse à lire"})
    assert not Trace.objects.filter(type="mssante.incoming.text").exists()


@pytest.mark.requirement("SC.MSS/UX.39")
def test_a_mail_is_filed_by_hand_through_the_import(
    ward: Ward, secretary: Client, mail: IncomingMail
) -> None:
    answer = secretary.post(address("mail_import", mail))
    opened = HandImport.objects.get()
    assert answer["Location"] == reverse("dossier:import", args=[opened.uid])
    shown = seen(secretary.get(answer["Location"]))
    assert "PAT-TROIS" in shown.text
    confirm = reverse("dossier:import_confirm", args=[opened.uid])
    unique_id = "1.2.250.1.999.7.1.1"
    secretary.post(confirm, {"patient": str(ward.patient.uid), "document": unique_id})
    assert Version.objects.filter(unique_id=unique_id).exists()
    assert "Classé à la main" in page(secretary, mail).text


def test_who_may_not_import_is_not_offered_it(technician: Client, mail: IncomingMail) -> None:
    assert "Classer à la main" not in page(technician, mail).text
    assert technician.post(address("mail_import", mail)).status_code == 403


@pytest.mark.requirement("SC.MSS/UX.37")
def test_a_mail_is_read_again_as_if_it_had_just_come(technician: Client, mail: IncomingMail) -> None:
    technician.post(address("mail_reread", mail))
    mail.refresh_from_db()
    assert (mail.state, mail.code, mail.done_at, mail.attempts) == (IncomingState.RECEIVED, "", None, 0)
    assert Trace.objects.get(type="mssante.incoming.reread").detail["code"] == "ACTION"


@pytest.mark.parametrize(
    ("state", "code"), [(IncomingState.REFUSED, "xdm:ratio"), (IncomingState.TO_REVIEW, "MAIL_TOO_LARGE")]
)
def test_what_was_answered_or_is_not_here_is_not_read_again(
    ward: Ward, technician: Client, state: IncomingState, code: str
) -> None:
    mail = left(ward, state=state, code=code)
    assert "Relire" not in [word.strip() for word in page(technician, mail).texts("#apercu button")]
    technician.post(address("mail_reread", mail))
    mail.refresh_from_db()
    assert (mail.state, mail.code) == (state, code)


@pytest.mark.requirement("SC.MSS/UX.37")
def test_a_mail_is_set_aside_with_a_reason_and_kept(technician: Client, mail: IncomingMail) -> None:
    technician.post(address("mail_set_aside", mail), {"motif": "court"})
    mail.refresh_from_db()
    assert mail.state == IncomingState.TO_REVIEW
    technician.post(address("mail_set_aside", mail), {"motif": "publicité d’un éditeur"})
    raw = bytes(mail.raw)
    mail.refresh_from_db()
    assert (mail.state, mail.set_aside_by, bytes(mail.raw)) == (IncomingState.SET_ASIDE, "tech", raw)
    assert "Aucun courriel" in page(technician).text
    assert "publicité d’un éditeur" in page(technician, etat="set_aside").text
    assert Trace.objects.get(type="mssante.incoming.set_aside").reason == "publicité d’un éditeur"


def test_set_aside_twice_is_refused_and_odd_addresses_are_not_found(
    ward: Ward, technician: Client, mail: IncomingMail
) -> None:
    incoming_set_aside(mail=mail, reason="publicité d’un éditeur", actor=ward.actor)
    technician.post(address("mail_set_aside", mail), {"motif": "une seconde fois"})
    mail.refresh_from_db()
    assert mail.set_aside_reason == "publicité d’un éditeur"
    for odd in ("x", "00000000-0000-4000-8000-000000000000"):
        assert technician.get(reverse("dossier:mails"), {"courriel": odd}).status_code == 404
