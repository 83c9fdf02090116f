"""What a page asks of the database does not grow with what it shows, and changes only knowingly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.models import Role, User
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from consent.enums import Subject
from documents.enums import Intake
from documents.models import Reception, Version
from documents.received import Confirmation
from documents.services import document_receive, import_open
from documents.writing import LDL_SES
from establishment.enums import NationalService
from exchange.models import Message
from interop.hl7v2 import Action
from mssante.enums import IncomingState
from mssante.models import DirectoryEntry, IncomingMail
from national.enums import CallOutcome
from national.models import Call, ServiceTrial
from patients.enums import EpisodeState
from patients.models import Episode, InsiQuery, Patient
from pfi.enums import JobAction, JobChannel, JobState
from pfi.models import Job
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order
from stats.enums import ExportState
from stats.models import Export
from tests.budgets.baseline import IS_NOTING, baseline, note, statements
from tests.budgets.dmp_pages import DMP_PAGES, NOT_MEASURED
from tests.documents.arrivals import arriving, incoming
from tests.documents.mailed import hand_over, mailed
from tests.exchange.people import administrator, browser_of
from tests.factories import (
    AlertFactory,
    ChoiceFactory,
    CorrespondentFactory,
    DocumentFactory,
    EpisodeFactory,
    MailboxFactory,
    MessageFactory,
    MovementFactory,
    PartnerFactory,
    QualifiedPatientFactory,
    SiteFactory,
    UnitFactory,
    ValidatedVersionFactory,
)
from tests.hospital import Ward
from tests.interop.cda.test_display import media, structured
from tests.patients.insi import answered, told
from tests.signing_in import sign_in
from tests.test_permissions import ADDRESSES

FEW, MANY = 2, 7
SHOWN = frozenset({200, 286})
"""A page, or a fragment that is asked no more."""
ANONYMOUS = frozenset({"accounts:login"})
TECHNICAL_ROOMS = ("exchange:", "pfi:", "dossier:mail")
"""Pages of the technical administrator, who has no patients."""
STATS_ROOM = "stats:"
IDENTITY_PAGES = frozenset({"dossier:identity", "dossier:insi_state"})
"""Pages of who manages identities."""


@dataclass(frozen=True)
class Record:
    """The record that the pages show: a draft, a letter already sent, a document from elsewhere."""

    ward: Ward
    draft: Version
    letter: Version
    received: Version
    refused: Reception

    @property
    def patient(self) -> Patient:
        return self.ward.patient


PAGES: dict[str, Callable[[Record], str]] = {
    "accounts:login": lambda record: reverse("accounts:login"),
    "accounts:profile": lambda record: reverse("accounts:profile"),
    "about": lambda record: reverse("about"),
    "dossier:home": lambda record: reverse("dossier:home"),
    "dossier:counters": lambda record: reverse("dossier:counters"),
    "dossier:search, by birth date": lambda record: search("17/05/1962 dur"),
    "dossier:search, by name": lambda record: search("durand camille"),
    "dossier:search, by sound": lambda record: search("durant camille"),
    "dossier:search, by number": lambda record: search("000003"),
    "dossier:search, by matricule": lambda record: search("279035121518989"),
    "dossier:search, nobody": lambda record: search("zzyzx inconnu"),
    "dossier:search_results": lambda record: f"{reverse('dossier:search_results')}?q=durand+camille",
    "dossier:patient": lambda record: reverse("dossier:patient", args=[record.patient.uid]),
    "dossier:patient, with preview": lambda record: (
        reverse("dossier:patient", args=[record.patient.uid]) + f"?document={record.letter.uid}"
    ),
    "dossier:choices": lambda record: reverse("dossier:choices", args=[record.patient.uid]),
    "dossier:identity": lambda record: reverse("dossier:identity", args=[record.patient.uid]),
    "dossier:insi_state": lambda record: reverse("dossier:insi_state", args=[insi_uid(record)]),
    "dossier:patient_envois": lambda record: reverse("dossier:patient_envois", args=[record.patient.uid]),
    "dossier:preview": lambda record: reverse("dossier:preview", args=[record.letter.uid]),
    "dossier:deletion": lambda record: reverse("dossier:deletion", args=[record.letter.uid]),
    "dossier:sending_add": lambda record: reverse("dossier:sending_add", args=[record.letter.uid]),
    "dossier:document_pdf": lambda record: reverse("dossier:document_pdf", args=[record.letter.uid]),
    "dossier:document_cda": lambda record: reverse("dossier:document_cda", args=[record.letter.uid]),
    "dossier:preview, received": lambda record: reverse("dossier:preview", args=[record.received.uid]),
    "dossier:preview, metadata": lambda record: (
        f"{reverse('dossier:preview', args=[record.received.uid])}?onglet=metadonnees"
    ),
    "dossier:document_view": lambda record: reverse("dossier:document_view", args=[record.received.uid]),
    "dossier:document_part": lambda record: reverse("dossier:document_part", args=[record.received.uid, 1]),
    "dossier:letter_edit": lambda record: reverse("dossier:letter_edit", args=[record.draft.uid]),
    "dossier:import_new": lambda record: reverse("dossier:import_new"),
    "dossier:import": lambda record: import_of(record),
    "dossier:import, chosen": lambda record: f"{import_of(record)}?patient={record.patient.uid}",
    "dossier:mails": lambda record: reverse("dossier:mails"),
    "dossier:mails, with one": lambda record: f"{reverse('dossier:mails')}?courriel={mail_uid(record)}",
    "dossier:mssante": lambda record: reverse("dossier:mssante"),
    "dossier:mssante, with rejection": lambda record: (
        f"{reverse('dossier:mssante')}?avis={record.refused.uid}"
    ),
    "dossier:mssante_history": lambda record: f"{reverse('dossier:mssante_history')}?vue=1",
    "dossier:envois": lambda record: reverse("dossier:envois"),
    "dossier:envois_rows": lambda record: reverse("dossier:envois_rows"),
    "exchange:journal": lambda record: reverse("exchange:journal"),
    "exchange:journal, with message": lambda record: f"{reverse('exchange:journal')}?message={message_uid()}",
    "exchange:journal_rows": lambda record: reverse("exchange:journal_rows"),
    "exchange:message": lambda record: f"{reverse('exchange:journal')}?vue=1&message={message_uid()}",
    "exchange:message_file": lambda record: reverse("exchange:message_file", args=[message_uid()]),
    "exchange:calls": lambda record: reverse("exchange:calls"),
    "exchange:services": lambda record: reverse("exchange:services"),
    "exchange:trial": lambda record: reverse("exchange:trial", args=[trial_uid()]),
    "mssante:directory": lambda record: f"{reverse('mssante:directory')}?nom=blanc",
    "mssante:directory_rows": lambda record: f"{reverse('mssante:directory_rows')}?nom=blanc",
    "mssante:directory_rows, of the book": lambda record: (
        f"{reverse('mssante:directory_rows')}?nom=blanc&source=carnet"
    ),
    "pfi:jobs": lambda record: reverse("pfi:jobs"),
    "pfi:job": lambda record: f"{reverse('pfi:jobs')}?vue=1&travail={job_uid()}",
    "stats:overview": lambda record: f"{reverse('stats:overview')}?actualiser=1",
    "stats:overview, kept": lambda record: reverse("stats:overview"),
    "stats:chapter": lambda record: reverse("stats:chapter", args=["alimentation"]),
    "stats:stays": lambda record: (
        f"{reverse('stats:stays')}?indicateur=ALI_DMP_TX_SEJ&type=LDL&mois={timezone.localdate():%Y-%m}"
    ),
    "stats:exports": lambda record: reverse("stats:exports"),
    "stats:export_rows": lambda record: reverse("stats:export_rows"),
    "stats:download": lambda record: reverse("stats:download", args=[export_uid()]),
    "api:me": lambda record: reverse("api:me"),
    "api:patient": lambda record: reverse("api:patient", args=[record.patient.uid]),
    "api:patient_episodes": lambda record: reverse("api:patient_episodes", args=[record.patient.uid]),
    "api:episode": lambda record: reverse("api:episode", args=[record.ward.episode.uid]),
    "api:episode_choices": lambda record: reverse("api:episode_choices", args=[record.ward.episode.uid]),
    "api:patient_documents": lambda record: reverse("api:patient_documents", args=[record.patient.uid]),
    "api:document": lambda record: reverse("api:document", args=[record.letter.document.uid]),
    "api:version_cda": lambda record: reverse("api:version_cda", args=[record.letter.uid]),
    "api:version_pdf": lambda record: reverse("api:version_pdf", args=[record.letter.uid]),
    "api:receptions": lambda record: reverse("api:receptions"),
    "api:orders": lambda record: reverse("api:orders"),
    "api:orders, of a patient": lambda record: f"{reverse('api:orders')}?patient={record.patient.uid}",
    "api:order": lambda record: reverse("api:order", args=[record.letter.orders.get().uid]),
}


def message_uid() -> str:
    """A message of the journal, with its acknowledgement: the order of the letter already sent."""
    found = Message.objects.filter(control_id="MEASURED").first() or MessageFactory(control_id="MEASURED")
    return str(found.uid)


def insi_uid(record: Record) -> str:
    """A question to INSi that found somebody, about the patient of the record."""
    found = InsiQuery.objects.filter(patient=record.patient).first() or answered(
        record.patient, told(record.patient)
    )
    return str(found.uid)


def trial_uid() -> str:
    """A trial that a worker has not taken up yet."""
    found = ServiceTrial.objects.first()
    return str((found or ServiceTrial.objects.create(target="dmp", asked_by_login="tests")).uid)


def mail_uid(record: Record) -> str:
    """A received mail that waits for a person."""
    found = IncomingMail.objects.filter(message_id="<measured@x>").first()
    return str((found or mail_of("measured", record.ward)).uid)


def mail_of(name: str, ward: Ward) -> IncomingMail:
    mailbox = MailboxFactory(unit=ward.unit)
    return IncomingMail.objects.create(
        mailbox=mailbox,
        digest=name,
        message_id=f"<{name}@x>",
        imap_validity=1,
        imap_uid=1,
        raw=b"From: a@b.test\r\n\r\nx",
        size=20,
        state=IncomingState.TO_REVIEW,
    )


def job_uid() -> str:
    """A failed job of the PFI."""
    found = Job.objects.filter(lineage="measured").first()
    return str((found or job_of("measured", JobState.FAILED)).uid)


def job_of(lineage: str, state: JobState) -> Job:
    return Job.objects.create(
        message=MessageFactory(partner=PartnerFactory(code="gam")),
        channel=JobChannel.DMP,
        action=JobAction.INITIAL,
        state=state,
        lineage=lineage,
        document_unique_id=lineage,
    )


def export_uid() -> str:
    """A file of indicators that is ready."""
    found = Export.objects.filter(state=ExportState.READY).first() or export_of(ExportState.READY)
    return str(found.uid)


def export_of(state: ExportState) -> Export:
    today = timezone.localdate().replace(day=1)
    return Export.objects.create(
        first_month=today,
        last_month=today,
        state=state,
        content=b"x",
        expires_at=timezone.now() + timedelta(hours=1),
        asked_by=User.objects.earliest("id"),
    )


def import_of(record: Record) -> str:
    """An import that the doctor has begun, of a document about the patient of the record."""
    opened = import_open(
        user=record.ward.doctor, actor=record.ward.actor, content=arriving(lineage=80), name="x.xml"
    )
    return reverse("dossier:import", args=[opened.uid])


def search(text: str) -> str:
    return f"{reverse('dossier:search')}?q={text.replace(' ', '+')}"


@pytest.fixture
def doctor(ward: Ward) -> Client:
    roles_install()
    assignment_give(
        user=ward.doctor,
        role=RoleCode.PRESCRIPTEUR,
        unit=ward.unit,
        giver=None,
        actor=system_actor("tests"),
    )
    return sign_in(Client(), ward.doctor)


@pytest.fixture
def record(ward: Ward) -> Record:
    return Record(
        ward,
        draft=ward.draft(),
        letter=ward.write_letter(),
        received=received_by(ward),
        refused=refused_by(ward),
    )


def identity_cell() -> Client:
    """Who manages the identities of the whole establishment."""
    roles_install()
    user = user_create(login="ifaure", family_name="FAURE", given_name="Inès", actor=system_actor("tests"))
    assignment_give(user=user, role=RoleCode.IDENTITOVIGILANCE, giver=None, actor=system_actor("tests"))
    return sign_in(Client(), user)


def reader_of_figures() -> User:
    """Somebody who may see figures, files and identities: no role of an installation may all of it."""
    roles_install()
    role = Role.objects.get(code=RoleCode.PILOTAGE)
    role.permissions = [*role.permissions, "patients.identity_view"]
    role.save()
    user = user_create(login="kbenali", family_name="BENALI", given_name="Karim", actor=system_actor("tests"))
    assignment_give(user=user, role=RoleCode.PILOTAGE, giver=None, actor=system_actor("tests"))
    return user


def received_by(ward: Ward) -> Version:
    """A structured document of another structure, with one annex, filed by hand."""
    cda = structured("<paragraph>RAS</paragraph>", after=media("annexe", b"%PDF-1.4", "application/pdf"))
    document = incoming(cda, intake=Intake.MANUAL, confirmation=Confirmation())
    receipt = document_receive(patient=ward.patient, incoming=document, actor=ward.actor, at=timezone.now())
    assert receipt.version is not None
    return receipt.version


def refused_by(ward: Ward) -> Reception:
    """A document that MSSanté brought for the unit, and whose identity was not that of the base."""
    hand_over(mailed(Action.INITIAL, arriving(lineage=90, traits={"birth_date": date(1979, 3, 27)})))
    return Reception.objects.latest("id")


def fill(ward: Ward, count: int) -> None:
    """More of everything that a page may list: patients of the unit, documents of the record, exchanges."""
    partner = PartnerFactory(code="gam")
    for _ in range(count):
        job_of("listed", JobState.PENDING)
        MessageFactory(partner=partner)
        mail_of(f"listed-{IncomingMail.objects.count()}", ward)
        Call.objects.create(
            service=NationalService.DMP, transaction="TD2.1", message_id="x", actor_label="tests",
            duration_ms=1, outcome=CallOutcome.UNAVAILABLE,
        )  # fmt: skip
        patient = QualifiedPatientFactory(birth_name="DURAND", first_birth_given_name="CAMILLE")
        episode = EpisodeFactory(patient=patient, unit=ward.unit)
        AlertFactory(patient=patient)
        CorrespondentFactory()
        DirectoryEntry.objects.create(
            rpps=f"997{DirectoryEntry.objects.count():08d}",
            family="BLANC",
            search_text="BLANC",
            address="b@m.test",
        )
        for subject in Subject:
            ChoiceFactory(episode=episode, subject=subject)
        letter_of(ward, patient, episode)
        letter_of(ward, ward.patient, ward.episode)
        MovementFactory(episode=ward.episode)
        answered(ward.patient, told(ward.patient))
        ChoiceFactory(episode=ward.episode)
        export_of(ExportState.READY)
        closed = {"state": EpisodeState.CLOSED, "discharged_at": timezone.now()}
        EpisodeFactory(patient=patient, unit=UnitFactory(site=SiteFactory()), **closed)


def letter_of(ward: Ward, patient: Patient, episode: Episode) -> None:
    document = DocumentFactory(patient=patient, episode=episode, unit=ward.unit, model=LDL_SES.code)
    version = ValidatedVersionFactory(document=document, author=ward.doctor)
    Order.objects.create(
        version=version,
        channel=Channel.DMP,
        action=OrderAction.INITIAL,
        state=OrderState.FAILED,
        error_code="DMPClosed",
        lineage=f"lineage-{version.pk}",
        idempotency_key=f"key-{version.pk}",
    )


def count_of(client: Client, address: str) -> list[str]:
    """Statements of a page the second time it is shown: the first one may remember something."""
    assert client.get(address).status_code in SHOWN
    with statements() as sent:
        assert client.get(address).status_code in SHOWN
    return sent


@pytest.mark.slow  # one for each page
@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_whatever_it_shows(
    page: str, ward: Ward, record: Record, doctor: Client
) -> None:
    address = PAGES[page](record)
    browser = Client() if page in ANONYMOUS else doctor
    if page.startswith(TECHNICAL_ROOMS):
        browser = browser_of(administrator())
    if page in IDENTITY_PAGES:
        browser = identity_cell()
    if page.startswith(STATS_ROOM):
        browser = browser_of(reader_of_figures())
    fill(ward, FEW)
    few = count_of(browser, address)
    fill(ward, MANY)
    many = count_of(browser, address)

    assert len(many) == len(few), "\n".join(many)
    if IS_NOTING:
        note(page, len(many))
    assert len(many) == baseline().get(page), "\n".join(many)


def test_every_noted_page_still_exists() -> None:
    assert baseline().keys() == PAGES.keys()


NO_PAGES = frozenset(
    {
        # Answers of the machine, steps of a login, the form of a local account, files.
        "health-live", "health-ready", "ui:guide", "accounts:choose", "accounts:no_account",
        "accounts:linked", "accounts:activity", "accounts:locked", "accounts:logged_out",
        "accounts:logout_provider", "accounts:review_export", "accounts:unlink",
        "accounts:oidc_start", "accounts:oidc_callback", "accounts:logout_response", "accounts:password",
        # A redirection, and forms that write.
        "dossier:start", "dossier:mssante_open", "exchange:message_show", "exchange:message_act",
        "exchange:service_try", "exchange:service_access", "exchange:switch", "pfi:replay",
        "dossier:mail", "dossier:mail_headers", "dossier:mail_read", "dossier:mail_reread",
        "dossier:mail_import", "dossier:mail_set_aside",
        "dossier:insi_ask", "dossier:insi_decide", "dossier:dmp_refile",
        "stats:export",
        "api:schema", "api:unknown", "api:stats_figures", "api:stats_csv",
    }
)  # fmt: skip
WRITES_ONLY = 405


def test_every_page_has_a_budget(doctor: Client) -> None:
    """A new address that can be read is measured, or said above to be no page."""
    measured = {page.partition(",")[0] for page in (*PAGES, *DMP_PAGES)}
    known = measured | NO_PAGES | NOT_MEASURED
    unknown = [address for address in ADDRESSES if address.name not in known]
    readable = [one.name for one in unknown if doctor.get(one.path).status_code != WRITES_ONLY]
    assert readable == []
