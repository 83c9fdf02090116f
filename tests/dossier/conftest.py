"""A ward with the people who work there, each with a browser that is logged in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cssselect2
import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import html

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from establishment.enums import Switch
from establishment.models import Unit
from mssante.models import Correspondent
from patients.models import Episode, Patient
from sending.models import Order
from tests.factories import CorrespondentFactory, MailboxFactory, SwitchFactory
from tests.hospital import Ward
from tests.signing_in import sign_in

INSTALLER = system_actor("tests")

Arrive = Callable[..., Client]


@pytest.fixture
def arrive(ward: Ward) -> Arrive:
    """`arrive(role, unit=ward.unit)` gives a logged-in browser; the doctor of the ward is a role too."""
    roles_install()

    def log_in(role: RoleCode, *, unit: Unit | None = ward.unit, login: str = "", rpps: str = "") -> Client:
        user = user_create(
            login=login or f"{role}-{User.objects.count()}",
            family_name="ESSAI",
            given_name="Camille",
            rpps=rpps,
            profession="10" if rpps else "",
            actor=INSTALLER,
        )
        assignment_give(user=user, role=role, unit=unit, giver=None, actor=INSTALLER)
        return sign_in(Client(), user)

    return log_in


@pytest.fixture
def doctor(ward: Ward) -> Client:
    """The browser of the doctor of the ward."""
    roles_install()
    assignment_give(user=ward.doctor, role=RoleCode.PRESCRIPTEUR, unit=ward.unit, giver=None, actor=INSTALLER)
    return sign_in(Client(), ward.doctor)


@pytest.fixture
def nurse(arrive: Arrive) -> Client:
    return arrive(RoleCode.SOIGNANT, login="cmartin")


@pytest.fixture
def admission(arrive: Arrive) -> Client:
    """The admission agent serves the whole establishment."""
    return arrive(RoleCode.ADMISSION, unit=None, login="droux")


@pytest.fixture
def stranger(arrive: Arrive, ward: Ward) -> Client:
    """A doctor of another unit, who never cared for the patient of the ward."""
    elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
    return arrive(RoleCode.PRESCRIPTEUR, unit=elsewhere, login="blemaire", rpps="99700900022")


@dataclass(frozen=True)
class Seen:
    """An answer, read as a person does: words and elements, spaces made plain."""

    root: html.HtmlElement

    @property
    def text(self) -> str:
        return words_of(self.root)

    def all(self, selector: str) -> list[html.HtmlElement]:
        wrapper = cssselect2.ElementWrapper.from_html_root(self.root)
        return [found.etree_element for found in wrapper.query_all(selector)]

    def texts(self, selector: str) -> list[str]:
        return [words_of(element) for element in self.all(selector)]

    def one(self, selector: str) -> html.HtmlElement:
        found = self.all(selector)
        assert len(found) == 1, f"{selector}: {len(found)}"
        return found[0]

    def has(self, selector: str) -> bool:
        return bool(self.all(selector))


def words_of(element: html.HtmlElement) -> str:
    """The words of an element, one space between them; those of its script or template too."""
    return " ".join(" ".join(element.itertext()).replace("\u202f", " ").replace("\xa0", " ").split())


def seen(answer: HttpResponse, status: int = 200) -> Seen:
    """The markup of an answer with this status."""
    content = answer.content.decode()
    assert answer.status_code == status, content[:2000]
    if content.lstrip().startswith("<tr"):
        content = f"<table><tbody>{content}</tbody></table>"
    return Seen(html.fromstring(content))


def htmx(target: str = "", **headers: str) -> dict[str, str]:
    """Headers of a request that htmx sends."""
    return {"hx-request": "true", **({"hx-target": target} if target else {}), **headers}


def order_of(version: object) -> Order:
    return Order.objects.get(version=version)


@pytest.fixture
def mailing(ward: Ward) -> tuple[Correspondent, Correspondent]:
    """A hospital whose PFI carries MSSanté, and a patient whose doctors are known."""
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    MailboxFactory()
    attending = CorrespondentFactory(rpps="10101010101", family_name="BLANC", given_name="Sylvie")
    referring = CorrespondentFactory(
        rpps="10101010202", family_name="ROUX", given_name="Karim", city="Lyon 6e"
    )
    Patient.objects.update(attending_doctor_rpps=attending.rpps, attending_doctor_name="BLANC Sylvie")
    Episode.objects.update(referring_rpps=referring.rpps, referring_name="ROUX Karim")
    return attending, referring
