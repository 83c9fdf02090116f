"""A doctor who may consult the DMP of a patient, and a DMP in memory that counts what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.assurance import Assurance
from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install
from audit.context import system_actor
from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from dmp.consultation import Consultation
from dmp.line import Line
from dmp.models import NoticeAcceptance
from dmp.selectors import Access, access_of
from dmp.services import notice_accept
from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from interop.cda.parse import parse_cda
from interop.vihf.claims import AuthenticationMode
from interop.xds.from_cda import entry_from_cda
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import SubmissionSet
from interop.xds.times import dtm_from_instant
from national.dmp.memory import DmpMemory
from national.dmp.ports import Authorisation, Submission
from patients.models import Patient
from patients.selectors import record
from tests.documents.arrivals import SENDER_ROOT
from tests.hospital import MATRICULE, Ward

INSTALLER = system_actor("tests")


def strong(minutes_ago: int = 5) -> Assurance:
    """A session opened with two factors by the mobile application of Pro Santé Connect."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    return Assurance("psc", "psc:eidas1:MOBILE", at, two_factor=True)


@dataclass
class Room:
    """The ward, its DMP in memory, and what people may do with it."""

    ward: Ward
    dmp: DmpMemory = field(default_factory=DmpMemory)

    @property
    def patient(self) -> Patient:
        return self.ward.patient

    @property
    def doctor(self) -> User:
        return self.ward.doctor

    def choose(self, value: ChoiceValue, subject: Subject = Subject.CONSULTATION) -> None:
        choice_record(episode=self.ward.episode, subject=subject, value=value, actor=self.ward.actor)

    def colleague(self, login: str = "blemaire", rpps: str = "99700900022") -> User:
        """Another doctor of the unit, who read the notice too."""
        user = User.objects.create_user(
            login, family_name="LEMAIRE", given_name="Bruno", rpps=rpps, profession="10", specialty="SM05"
        )
        assignment_give(
            user=user, role=RoleCode.PRESCRIPTEUR, unit=self.ward.unit, giver=None, actor=INSTALLER
        )
        NoticeAcceptance.objects.create(user=user, text_sha256="0" * 64)
        return user

    def access(self, user: User | None = None, assurance: Assurance | None = None) -> Access:
        user = user or User.objects.get(pk=self.doctor.pk)
        return access_of(
            record(Patient.objects.get(pk=self.patient.pk)),
            user,
            actor=user.as_actor(),
            assurance=assurance or strong(),
            now=timezone.now(),
        )

    def consultation(self, user: User | None = None) -> Consultation:
        found = self.access(user).consultation
        assert found is not None, self.access(user).gate
        return found

    def line(self, user: User | None = None) -> Line:
        return Line(self.consultation(user), gateway=self.dmp)

    def deposit(
        self,
        cda: bytes,
        *,
        visibility: tuple[str, ...] = (),
        at: datetime | None = None,
        replaces: str = "",
    ) -> str:
        """Somebody else feeds the DMP; returns the uniqueId."""
        entry = entry_from_cda(parse_cda(cda), cda, visibility=visibility)
        lot = SubmissionSet(
            unique_id=f"{SENDER_ROOT}.3.{len(self.dmp.sets) + 1}",
            source_id=f"{SENDER_ROOT}.3",
            patient_id=entry.patient_id,
            submission_time=dtm_from_instant(at or timezone.now()),
            authors=entry.authors,
        )
        parent = next((uuid for uuid, one in self.dmp.entries.items() if one.unique_id == replaces), "")
        document = SubmittedDocument(entry=entry, content=cda, replaces=parent)
        feeder = replace(self.consultation().context, mode=AuthenticationMode.INDIRECT)
        self.dmp.submit(feeder, Submission(lot, (document,)))
        return entry.unique_id

    def authorised(self, user: User | None = None) -> None:
        self.dmp.authorisations[MATRICULE, f"8{(user or self.doctor).rpps}"] = Authorisation.VALID


@pytest.fixture
def room(ward: Ward, settings: LazySettings) -> Room:
    """Everything that lets the doctor consult: right, notice, choice, endpoint."""
    roles_install()
    assignment_give(user=ward.doctor, role=RoleCode.PRESCRIPTEUR, unit=ward.unit, giver=None, actor=INSTALLER)
    ServiceEndpoint.objects.create(
        service=NationalService.DMP, base_url="https://localhost:1/", is_enabled=True
    )
    notice_accept(user=ward.doctor, actor=ward.actor)
    found = Room(ward)
    found.choose(ChoiceValue.NOT_OPPOSED)
    return found
