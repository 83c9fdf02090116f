"""A small hospital plugged into the sandbox over real TLS."""

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
from documents.models import Version
from documents.services import draft_create, draft_save, version_validate
from documents.wishes import SendingWishes
from documents.writing import LDL_SES
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, LegalEntity, ServiceEndpoint, Site, Unit
from exchange.enums import Transport
from exchange.models import Partner
from interop.ins.codes import TEST_INS_OIDS
from patients.enums import EpisodeKind, EpisodeState, IdentifierKind, Sex
from patients.models import Episode, Identifier, Patient
from sandbox.runtime import Sandbox, SandboxSettings
from tests.documents.snapshots import BODY

INS_OID = "1.2.250.1.213.1.4.10"
MATRICULE = "279035121518989"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the run of a worker; tests read what concerns their own document."""
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("sandbox"))) as box:
        yield box


@dataclass(frozen=True)
class Hospital:
    """What a scenario starts from: a doctor, and a qualified patient in hospital."""

    doctor: User
    patient: Patient
    episode: Episode
    unit: Unit
    sandbox: Sandbox

    def write_letter(self, **wishes: object) -> Version:
        """Write and validate a complete lettre de liaison as the doctor; `wishes` as in the panel."""
        draft = draft_create(
            patient=self.patient,
            episode=self.episode,
            unit=None,
            model=LDL_SES.code,
            author=self.doctor,
            actor=self.doctor.as_actor(),
        )
        saved = draft_save(version=draft, revision=0, title="Sortie après cure de hernie", body=BODY)
        return version_validate(
            version=saved,
            revision=saved.revision,
            author=self.doctor,
            actor=self.doctor.as_actor(),
            wishes=SendingWishes(**wishes),  # type: ignore[arg-type]  # test data
        )

    def dmp_documents(self, matricule: str = MATRICULE) -> list[dict[str, Any]]:
        """What the sandbox's DMP holds for a patient, signatures of lots left out."""
        answer = httpx.get(
            f"{self.sandbox.addresses.admin_url}dmp/documents", params={"ins": matricule}, trust_env=False
        )
        return list(answer.raise_for_status().json())


@pytest.fixture
def hospital(transactional_db: None, sandbox: Sandbox, settings: LazySettings, tmp_path: Path) -> Hospital:
    settings.INS_ALLOWED_OIDS = sorted(TEST_INS_OIDS)
    settings.SENDING_DELAY_MINUTES = 0
    settings.DOCUMENT_STORE = tmp_path / "documents"
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
    _plug(sandbox)
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
    Identifier.objects.create(patient=patient, kind=IdentifierKind.INS, value=MATRICULE, oid=INS_OID)
    episode = Episode.objects.create(
        patient=patient,
        visit_number="000897406",
        kind=EpisodeKind.INPATIENT,
        state=EpisodeState.OPEN,
        admitted_at=datetime(2026, 3, 6, 10, tzinfo=UTC),
        unit=unit,
    )
    return Hospital(doctor, patient, episode, unit, sandbox)


def _plug(sandbox: Sandbox) -> None:
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
