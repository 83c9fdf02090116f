"""From the button of the identity cell to the qualified status, through INSi over TLS (ins 7.3, 11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from audit.models import Trace
from establishment.enums import NationalService
from interop.ins.codes import INS_NIR_TEST_OID, INS_OIDS
from national.insi.opening import insi_close
from national.models import Call
from patients.models import Identifier, InsiQuery, Patient
from patients.rules import StatusEvent
from patients.services import identity_event_apply
from patients.tasks import insi_search
from sandbox.insi.reading import SOFTWARE_AUTHORISATION
from sandbox.runtime import Sandbox
from tests.dossier.conftest import seen
from tests.factories import EndpointFactory, LegalEntityFactory, PatientFactory
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db
INSTALLER = system_actor("tests")


@pytest.fixture
def box(db: None, sandbox: Sandbox, settings: LazySettings) -> Iterator[Sandbox]:
    LegalEntityFactory()
    settings.INSI_AUTHORISATION = SOFTWARE_AUTHORISATION
    settings.INS_ALLOWED_OIDS = sorted(INS_OIDS)
    files = sandbox.addresses.certificates
    EndpointFactory(
        service=NationalService.INSI,
        base_url=sandbox.addresses.insi.url,
        ca_path=files.ca,
        certificate_path=files.insi_cert,
        key_path=files.insi_key,
    )
    yield sandbox
    sandbox.insi.faults.clear()
    insi_close()


@pytest.fixture
def cell(box: Sandbox) -> Client:
    roles_install()
    user = user_create(login="ifaure", family_name="FAURE", given_name="Inès", actor=INSTALLER)
    assignment_give(user=user, role=RoleCode.IDENTITOVIGILANCE, giver=None, actor=INSTALLER)
    return sign_in(Client(), user)


def person(family: str, given: str, sex: str, birth: date, place: str = "63220") -> Patient:
    return PatientFactory(
        birth_name=family,
        birth_given_names=given,
        first_birth_given_name=given.split()[0],
        sex=sex,
        birth_date=birth,
        birth_place_cog=place,
    )


def ask(cell: Client, patient: Patient) -> InsiQuery:
    """Press the button, then do what a worker does."""
    assert cell.post(reverse("dossier:insi_ask", args=[patient.uid])).status_code == 302
    query = InsiQuery.objects.filter(patient=patient).latest("id")
    insi_search(query.pk)
    return InsiQuery.objects.get(pk=query.pk)


def status_of(patient: Patient) -> str:
    return str(Patient.objects.get(pk=patient.pk).identity_status)


@pytest.mark.requirement("INS/va1.03", "INS/va1.15", "INS/va1.25")
def test_the_only_way_to_a_qualified_identity_is_insi_and_a_document(cell: Client) -> None:
    patient = person("ECETINSI", "PIERRE-ALAIN MURIEL FLORIANT", "M", date(2009, 7, 14))

    query = ask(cell, patient)
    accepted = cell.post(reverse("dossier:insi_decide", args=[query.uid, "accepter"]))

    assert (accepted.status_code, status_of(patient)) == (302, "RECUP")
    rows = Identifier.objects.filter(patient=patient, kind="INS").order_by("id")
    assert [(row.value, row.oid, row.is_active) for row in rows] == [
        ("109076322083489", INS_NIR_TEST_OID, True),
        ("209076322083439", INS_NIR_TEST_OID, False),
        ("209066322012355", INS_NIR_TEST_OID, False),
    ]
    identity_event_apply(patient=patient, event=StatusEvent.DOCUMENT_COHERENT, actor=INSTALLER, evidence="CN")
    assert status_of(patient) == "QUAL"
    call = Call.objects.get(service=NationalService.INSI)
    assert (call.patient_uid, call.actor_label, call.message_id) == (
        patient.uid, "ifaure", query.message_id,
    )  # fmt: skip
    assert Trace.objects.filter(type="identity.insi_decided", patient_uid=patient.uid).exists()


@pytest.mark.requirement("INS/va1.15")
@pytest.mark.parametrize(
    ("family", "given", "sex", "birth", "place", "code", "searches"),
    [
        ("HOUILLES", "PIERRE PAUL JACQUES", "M", date(1993, 1, 27), "", "01", 4),
        ("TCHITCHI", "OLA BELLA", "F", date(1936, 6, 21), "63220", "00", 2),
        ("JUMELAGE", "MARIE", "F", date(1985, 5, 12), "", "02", 1),
        ("JUMELAGE", "MARIE", "F", date(1985, 5, 12), "35238", "00", 2),
        ("JUMELAGE", "MARIE JEANNE", "F", date(1985, 5, 12), "", "00", 2),
        ("PROVISOIRE", "MATRICULE", "M", date(2009, 7, 1), "63220", "00", 1),
    ],
)
def test_the_official_cases_end_as_they_must(
    cell: Client, family: str, given: str, sex: str, birth: date, place: str, code: str, searches: int
) -> None:
    query = ask(cell, person(family, given, sex, birth, place))

    assert (query.code, len(query.attempts)) == (code, searches)


@pytest.mark.requirement("INS/va1.15")
@pytest.mark.parametrize("effect", ["http:503", "fault:desir_550", "malformed", "xxe"])
def test_a_refusal_or_a_breakdown_leaves_the_identity_and_says_so(
    cell: Client, box: Sandbox, effect: str
) -> None:
    patient = person("ADRUN", "ZOE", "F", date(1975, 12, 31))
    box.insi.faults.add(effect)

    query = ask(cell, patient)

    assert (query.state, status_of(patient)) == ("failed", "PROV")
    shown = seen(cell.get(reverse("dossier:identity", args=[patient.uid])))
    assert "INSi indisponible" in shown.text
    assert query.error_text in shown.text
    assert ask(cell, patient).code == "00"
