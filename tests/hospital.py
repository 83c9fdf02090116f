"""A small hospital for tests: a doctor, a qualified patient in hospital, and the sandbox when wanted.

`ward` holds the rows alone (nothing leaves the database); `hospital` is the same ward plugged into
the sandbox's DMP over real TLS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import LazySettings

from accounts.models import User
from audit.context import Actor
from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from documents.models import Version
from documents.services import document_revise, draft_create, draft_save, version_validate
from documents.wishes import SendingWishes, Visibility
from documents.writing import LDL_SES
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, LegalEntity, ServiceEndpoint, Site, Unit
from exchange.enums import Transport
from exchange.models import Partner
from interop.ins.codes import INS_NIR_TEST_OID, TEST_INS_OIDS
from mssante.enums import MailboxKind
from mssante.models import Mailbox
from national.dmp.opening import gateway_close
from national.mail.opening import lines_close
from patients.enums import EpisodeKind, EpisodeState, IdentifierKind, Sex
from patients.models import Episode, Identifier, Patient
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX, PATIENT_DOMAIN
from sandbox.mail.notices import Receipt
from sandbox.runtime import Sandbox, SandboxSettings
from tests.documents.snapshots import BODY

MATRICULE = "279035121518989"


@dataclass(frozen=True)
class Ward:
    """What a test starts from: a doctor, and a qualified patient in hospital."""

    doctor: User
    patient: Patient
    episode: Episode
    unit: Unit

    @property
    def actor(self) -> Actor:
        return self.doctor.as_actor()

    def draft(self, **changes: object) -> Version:
        """A complete draft, saved once (revision 1); `changes` are answers of its body."""
        draft = draft_create(
            patient=self.patient,
            episode=self.episode,
            unit=None,
            model=LDL_SES.code,
            author=self.doctor,
            actor=self.actor,
        )
        return draft_save(version=draft, revision=0, title="Sortie après cure de hernie", body=BODY | changes)

    def validate(self, draft: Version, **wishes: Any) -> Version:
        """Validate a draft as the doctor; `wishes` as in the panel, flags of visibility included."""
        flags = {name: wishes.pop(name) for name in list(wishes) if name.startswith("is_")}
        return version_validate(
            version=draft,
            revision=draft.revision,
            author=self.doctor,
            actor=self.actor,
            wishes=SendingWishes(visibility=Visibility(**flags), **wishes),
        )

    def write_letter(self, **wishes: Any) -> Version:
        """Write and validate a complete lettre de liaison as the doctor."""
        return self.validate(self.draft(), **wishes)

    def revise(self, version: Version, **wishes: Any) -> Version:
        """Correct a validated letter and validate its next version."""
        draft = document_revise(document=version.document, author=self.doctor, actor=self.actor)
        corrected = BODY | {"synthese": f"Correction après la version {version.number}."}
        saved = draft_save(
            version=draft, revision=draft.revision, title=version.document.title, body=corrected
        )
        return self.validate(saved, **wishes)

    def choose(self, value: ChoiceValue) -> None:
        """Record on screen what the patient chose about the alimentation of the DMP."""
        choice_record(episode=self.episode, subject=Subject.ALIMENTATION, value=value, actor=self.actor)


@dataclass(frozen=True)
class Hospital(Ward):
    """A ward whose PFI feeds the sandbox's DMP."""

    sandbox: Sandbox

    def dmp_documents(self, matricule: str = MATRICULE) -> list[dict[str, Any]]:
        """What the sandbox's DMP holds for a patient, signatures of lots left out."""
        answer = httpx.get(
            f"{self.sandbox.addresses.admin_url}dmp/documents", params={"ins": matricule}, trust_env=False
        )
        return list(answer.raise_for_status().json())

    def dmp_document(self, version: Version) -> dict[str, Any] | None:
        """The document of a version in the DMP; more than one is a fault."""
        found = [row for row in self.dmp_documents() if row["unique_id"] == version.unique_id]
        assert len(found) <= 1
        return found[0] if found else None

    def dmp_requests(self, version: Version) -> list[str]:
        """Operations that the DMP saw for the document of a version, oldest first."""
        answer = httpx.get(f"{self.sandbox.addresses.admin_url}dmp/journal", trust_env=False)
        return [row["operation"] for row in answer.json() if version.unique_id in row["unique_ids"]]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the run of a worker; tests read what concerns their own document."""
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("sandbox"))) as box:
        yield box


@pytest.fixture
def ward(db: None, settings: LazySettings, tmp_path: Path) -> Ward:
    return _ward(settings, tmp_path)


@pytest.fixture
def hospital(
    transactional_db: None, sandbox: Sandbox, settings: LazySettings, tmp_path: Path
) -> Iterator[Hospital]:
    ward = _ward(settings, tmp_path)
    plug_dmp(sandbox)
    yield Hospital(ward.doctor, ward.patient, ward.episode, ward.unit, sandbox)
    sandbox.dmp.faults.clear()
    gateway_close()


@dataclass(frozen=True)
class MailHospital(Ward):
    """A ward whose PFI mails through the sandbox's operator, and reads the notices that come back."""

    sandbox: Sandbox

    def inbox(self, address: str) -> list[bytes]:
        """What a mailbox of the operator holds, the oldest first."""
        store = self.sandbox.mail.store
        return [store.content(mail) for mail in reversed(store.all_mails(address))]

    def read_by(self, address: str, *, error: tuple[str, str] | None = None) -> None:
        """The owner of a mailbox opens the last mail, or the owner's software refuses it with a code."""
        mail = self.sandbox.mail.store.all_mails(address)[0]
        assert self.sandbox.mail.answer(mail, Receipt("displayed" if error is None else "processed", error))


@pytest.fixture
def mail_hospital(transactional_db: None, settings: LazySettings, tmp_path: Path) -> Iterator[MailHospital]:
    """A sandbox of its own: what a mailbox holds is counted."""
    ward = _ward(settings, tmp_path)
    settings.MSS_PATIENT_DOMAIN = PATIENT_DOMAIN
    with Sandbox(SandboxSettings(state=tmp_path / "sandbox")) as box:
        plug_mail(box)
        yield MailHospital(ward.doctor, ward.patient, ward.episode, ward.unit, box)
        lines_close()


def _ward(settings: LazySettings, folder: Path) -> Ward:
    settings.INS_ALLOWED_OIDS = sorted(TEST_INS_OIDS)
    settings.SENDING_DELAY_MINUTES = 0
    settings.DMP_AIR_SITES = ["990000101"]
    settings.DOCUMENT_STORE = folder / "documents"
    return ward_rows()


def ward_rows() -> Ward:
    """Describe the hospital in the database: its PFI works in the same software."""
    entity = LegalEntity.objects.create(
        name="CENTRE HOSPITALIER DES TROIS RIVIERES",
        finess="990000010",
        oid_root="1.2.250.1.999.1.9900010",
        ipp_oid="1.2.250.1.999.1.9900010.8.1",
        visit_oid="1.2.250.1.999.1.9900010.8.2",
    )
    site = Site.objects.create(legal_entity=entity, name="HOPITAL DES TROIS RIVIERES", finess="990000101")
    unit = Unit.objects.create(site=site, code="6268", name="CHIR V")
    Partner.objects.create(code="pfi", name="PFI intégrée", transport=Transport.INTEGRATED)
    InstallationSwitch.objects.create(code=Switch.PFI_DMP, is_on=True)
    doctor = User.objects.create_user(
        "ahoda",
        family_name="HODA",
        given_name="Alice",
        title="Dr",
        rpps="99700900014",
        profession="10",
        specialty="SM26",
    )
    patient = Patient.objects.create(
        birth_name="PAT-TROIS",
        birth_given_names="DOMINIQUE",
        first_birth_given_name="DOMINIQUE",
        birth_date=date(1979, 3, 28),
        sex=Sex.FEMALE,
        birth_place_cog="63220",
        is_ins_recovered=True,
        is_identity_controlled=True,
    )
    Identifier.objects.create(patient=patient, kind=IdentifierKind.IPP, value="000003", namespace="CHTR")
    Identifier.objects.create(patient=patient, kind=IdentifierKind.INS, value=MATRICULE, oid=INS_NIR_TEST_OID)
    episode = Episode.objects.create(
        patient=patient,
        visit_number="000897406",
        kind=EpisodeKind.INPATIENT,
        state=EpisodeState.OPEN,
        admitted_at=datetime(2026, 3, 6, 10, tzinfo=UTC),
        unit=unit,
    )
    return Ward(doctor, patient, episode, unit)


def plug_dmp(sandbox: Sandbox) -> None:
    """Give the hospital the addresses and certificates of the sandbox's DMP."""
    certificates = sandbox.addresses.certificates
    ServiceEndpoint.objects.create(
        service=NationalService.DMP,
        base_url=sandbox.addresses.dmp.base_url,
        ca_path=certificates.ca,
        certificate_path=certificates.client_cert,
        key_path=certificates.client_key,
        signing_certificate_path=certificates.seal_cert,
        signing_key_path=certificates.seal_key,
        is_enabled=True,
    )


def plug_mail(sandbox: Sandbox) -> None:
    """Give the hospital the addresses and certificates of the sandbox's operator, and its own mailbox."""
    certificates, mail = sandbox.addresses.certificates, sandbox.addresses.mail
    ServiceEndpoint.objects.create(
        service=NationalService.MSSANTE,
        base_url=mail.smtp_url,
        reading_url=mail.imap_url,
        ca_path=certificates.ca,
        certificate_path=certificates.client_cert,
        key_path=certificates.client_key,
        is_enabled=True,
    )
    for switch in (Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN):
        InstallationSwitch.objects.update_or_create(code=switch, defaults={"is_on": True})
    Mailbox.objects.create(
        address=APPLICATION_BOX,
        kind=MailboxKind.APP,
        label="CH des Trois Rivières",
        is_sender=True,
        error_address=ERROR_BOX,
    )
