"""A doctor who may consult the DMP of a patient, and a DMP in memory that counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

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
from national.dmp.memory import DmpMemory
from national.dmp.ports import Authorisation
from patients.models import Patient
from patients.selectors import record
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


Maker = Callable[..., None]
