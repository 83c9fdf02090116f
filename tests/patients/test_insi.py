"""Asking INSi, keeping its answer, deciding: statuses, traits, history, traces (spec ins 7.3, 10, 11)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Trace
from establishment.enums import Switch
from interop.ins.codes import PRODUCTION_INS_OIDS
from interop.insi.request import Search
from national.errors import Rejected, Unavailable
from national.insi.memory import InsiMemory
from patients.enums import IdentityAttribute, InsiDecision, InsiPurpose, InsiState
from patients.errors import ForbiddenTransition, IdentityRefused, InsiRefused
from patients.models import Identifier, IdentityEvent, InsiQuery, Patient
from patients.rules import StatusEvent
from patients.services import (
    identity_event_apply,
    identity_update,
    insi_accept,
    insi_ask,
    insi_confirm_mismatch,
    insi_do,
    insi_refuse,
    patient_create,
)
from tests.factories import PatientFactory, SwitchFactory
from tests.interop.insi import samples
from tests.patients.insi import ADRUN, answered, held
from tests.patients.people import CLERK
from tests.patients.test_services import INPUT, as_input

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def production(settings: LazySettings) -> None:
    settings.INS_ALLOWED_OIDS = sorted(PRODUCTION_INS_OIDS)


def fresh(patient: Patient) -> Patient:
    return Patient.objects.get(pk=patient.pk)


# --- The answer, kept ---------------------------------------------------------------------------------


def test_an_answer_is_kept_as_it_came_with_who_asked_and_when() -> None:
    patient = PatientFactory(**ADRUN)

    query = answered(patient)

    assert bytes(query.answer) == samples.ADRUN
    assert (query.state, query.code, query.operation) == (InsiState.ANSWERED, "00", "WS_INS2")
    assert (query.asked_by_login, query.purpose) == (CLERK.login, InsiPurpose.RECOVERY)
    assert query.message_id and query.ended_at
    assert query.attempts == [
        {"given_names": ["ZOE"], "with_place": False, "code": "00", "message_id": "uuid:1"}
    ]


def test_the_traces_name_the_act_and_never_the_person() -> None:
    patient = PatientFactory(**ADRUN)
    insi_accept(query=answered(patient), actor=CLERK)

    traces = list(Trace.objects.filter(type__startswith="identity.").order_by("id"))
    assert [trace.type for trace in traces] == [
        "identity.insi_asked", "identity.insi_answered", "identity.change", "identity.insi_decided",
    ]  # fmt: skip
    assert {trace.patient_uid for trace in traces} == {patient.uid}
    for trace in traces:
        assert not any(word in str(trace.detail) for word in ("ADRUN", "ZOE", "2751263220749"))


def test_every_search_is_noted_in_order() -> None:
    patient = PatientFactory(**ADRUN | {"birth_given_names": "ZOE ANNE"})
    double = InsiMemory(
        find=lambda search: samples.ADRUN if search.given_names == ("ANNE",) else samples.NOBODY
    )
    query = insi_ask(patient=patient, actor=CLERK)

    query = insi_do(query_id=query.pk, open_insi=lambda: double)

    assert [(one["given_names"], one["code"]) for one in query.attempts] == [
        (["ZOE"], "01"),
        (["ANNE"], "00"),
    ]


def test_several_are_told_apart_by_the_place_at_last() -> None:
    patient = PatientFactory(**ADRUN)

    def find(search: Search) -> bytes:
        return samples.ADRUN if search.birth_place_cog else samples.SEVERAL

    query = insi_ask(patient=patient, actor=CLERK)
    query = insi_do(query_id=query.pk, open_insi=lambda: InsiMemory(find=find))

    assert query.code == "00"
    assert [one["with_place"] for one in query.attempts] == [False, True]


# --- Rows 1 and 2: accepted, refused ------------------------------------------------------------------


@pytest.mark.requirement("INS/va1.15", "INS/va1.25", "INS/va1.03")
@pytest.mark.parametrize(("controlled", "status"), [(False, "RECUP"), (True, "QUAL")])
def test_an_identity_accepted_brings_its_matricule_and_its_status(controlled: bool, status: str) -> None:
    patient = PatientFactory(**ADRUN, is_identity_controlled=controlled, identity_document="CN")

    accepted = insi_accept(query=answered(patient), actor=CLERK)

    assert accepted.identity_status == status
    assert fresh(patient).identity_status == status
    row = Identifier.objects.get(patient=patient, kind="INS", is_active=True)
    assert (row.value, row.oid) == ("275126322074974", samples.NIR)
    assert (accepted.collection_method, accepted.insi_query_date) == ("INSI", timezone.localdate())
    assert accepted.identity_document == "CN"
    event = IdentityEvent.objects.get(patient=patient, kind=StatusEvent.INSI_ACCEPTED)
    assert event.evidence == "INSi uuid:1"


@pytest.mark.requirement("INS/va1.15")
def test_nothing_is_accepted_before_somebody_does() -> None:
    patient = PatientFactory(**ADRUN)

    answered(patient)

    assert fresh(patient).identity_status == "PROV"
    assert not Identifier.objects.filter(patient=patient, kind="INS").exists()


@pytest.mark.requirement("INS/va1.15", "INS/va1.39")
def test_traits_that_differ_are_taken_only_when_they_were_checked() -> None:
    patient = PatientFactory(
        **ADRUN | {"birth_name": "ADRAN", "birth_place_cog": "75056"}, birth_place_label="PARIS"
    )
    query = answered(patient)

    with pytest.raises(InsiRefused) as refused:
        insi_accept(query=query, actor=CLERK)
    assert refused.value.code == "differences_unchecked"
    assert fresh(patient).birth_name == "ADRAN"

    insi_accept(query=query, actor=CLERK, differences_checked=True)

    now = fresh(patient)
    assert (now.birth_name, now.birth_place_cog, now.birth_place_label) == ("ADRUN", "63220", "")
    event = IdentityEvent.objects.get(patient=patient, kind=StatusEvent.INSI_ACCEPTED)
    assert (event.before["birth_name"], event.after["birth_name"]) == ("ADRAN", "ADRUN")
    assert Trace.objects.get(type="identity.insi_decided").detail["differing"] == [
        "birth_name",
        "birth_place_cog",
    ]


def test_an_estimated_date_gives_way_to_that_of_insi() -> None:
    patient = PatientFactory(**ADRUN | {"birth_date": date(1975, 1, 1)}, is_birth_date_estimated=True)

    accepted = insi_accept(query=answered(patient), actor=CLERK, differences_checked=True)

    assert (accepted.birth_date, accepted.is_birth_date_estimated) == (date(1975, 12, 31), False)


@pytest.mark.requirement("INS/va1.03")
def test_the_former_matricules_join_the_history() -> None:
    patient = PatientFactory(
        birth_name="ECETINSI",
        birth_given_names="PIERRE-ALAIN MURIEL FLORIANT",
        first_birth_given_name="PIERRE-ALAIN",
        sex="M",
        birth_date=date(2009, 7, 14),
        birth_place_cog="63220",
    )

    insi_accept(query=answered(patient, samples.ECETINSI), actor=CLERK)

    rows = Identifier.objects.filter(patient=patient, kind="INS").order_by("id")
    assert [(row.value, row.is_active) for row in rows] == [
        ("109076322083489", True),
        ("209076322083439", False),
        ("209066322012355", False),
    ]


def test_a_false_key_of_insi_is_kept_identical() -> None:
    patient = PatientFactory(
        birth_name="HERMANN",
        birth_given_names="GATIEN",
        first_birth_given_name="GATIEN",
        sex="M",
        birth_date=date(1981, 3, 24),
        birth_place_cog="63220",
    )

    insi_accept(query=answered(patient, samples.HERMANN), actor=CLERK)

    assert Identifier.objects.get(patient=patient, is_active=True, kind="INS").value == "181036322045660"


def test_a_matricule_that_another_record_holds_opens_a_review() -> None:
    held()
    patient = PatientFactory(**ADRUN)

    assert insi_accept(query=answered(patient), actor=CLERK).is_identity_under_review


@pytest.mark.parametrize("controlled", [False, True])
def test_an_identity_refused_leaves_everything(controlled: bool) -> None:
    patient = PatientFactory(**ADRUN, is_identity_controlled=controlled)
    query = answered(patient)

    insi_refuse(query=query, actor=CLERK)

    assert fresh(patient).identity_status == ("VALI" if controlled else "PROV")
    assert InsiQuery.objects.get(pk=query.pk).decision == InsiDecision.REFUSED
    assert not Identifier.objects.filter(patient=patient, kind="INS").exists()
    with pytest.raises(InsiRefused, match="déjà"):
        insi_accept(query=query, actor=CLERK)


def test_an_answer_about_a_former_identity_is_not_taken() -> None:
    patient = PatientFactory(**ADRUN)
    query = answered(patient)
    identity_update(patient=patient, identity=as_input(patient, birth_name="AUTRE"), actor=CLERK)

    with pytest.raises(InsiRefused, match="a changé"):
        insi_accept(query=query, actor=CLERK, differences_checked=True)


@pytest.mark.parametrize(
    "sample",
    [
        samples.NO_KEY,
        samples.ADRUN.replace(b"1975-12-31", b"1975-00-00"),
        samples.ADRUN.replace(b"4.8<", b"4.10<"),
    ],
    ids=["key", "date", "authority"],
)
def test_an_answer_with_a_hole_is_not_taken(sample: bytes) -> None:
    patient = PatientFactory(**ADRUN)

    with pytest.raises(InsiRefused):
        insi_accept(query=answered(patient, sample), actor=CLERK, differences_checked=True)

    assert fresh(patient).identity_status == "PROV"


# --- Row 3: no result ---------------------------------------------------------------------------------


@pytest.mark.requirement("INS/va1.15", "INS/va1.25")
@pytest.mark.parametrize(
    "sample",
    [
        samples.NOBODY,
        samples.SEVERAL,
        Unavailable("INSi ne répond pas.", code="ReadTimeout"),
        Rejected("desir_550", message="INSi ne connaît pas le numéro."),
    ],
    ids=["01", "02", "down", "refused"],
)
@pytest.mark.parametrize("make", [lambda: PatientFactory(**ADRUN), held], ids=["PROV", "QUAL"])
def test_without_an_identity_the_status_stays(make: object, sample: bytes | Exception) -> None:
    patient = make()  # type: ignore[operator]
    before = (patient.identity_status, patient.identity_stamp)

    query = answered(patient, sample)

    now = fresh(patient)
    assert (now.identity_status, now.identity_stamp, now.is_identity_under_review) == (*before, False)
    if isinstance(sample, Exception):
        assert (query.state, query.error_text) == (InsiState.FAILED, sample.message)  # type: ignore[attr-defined]
    with pytest.raises(InsiRefused):
        insi_accept(query=query, actor=CLERK)


# --- Rows 10 and 11: verification ---------------------------------------------------------------------


def test_a_verification_that_finds_the_same_confirms_it_with_a_new_date() -> None:
    patient = held()

    query = answered(patient)

    now = fresh(patient)
    assert (query.purpose, query.decision) == (InsiPurpose.VERIFICATION, InsiDecision.CONFIRMED)
    assert (now.identity_status, now.insi_query_date) == ("QUAL", timezone.localdate())


@pytest.mark.parametrize(
    "sample",
    [
        samples.ADRUN.replace(b"ADRUN", b"ADRAN"),
        samples.ADRUN.replace(
            b"2751263220749</NumIdentifiant><Cle>74", b"2751263220748</NumIdentifiant><Cle>77"
        ),
    ],
    ids=["trait", "matricule"],
)
@pytest.mark.parametrize(("controlled", "status"), [(True, "VALI"), (False, "PROV")])
def test_a_verification_that_finds_another_waits_for_a_person(
    sample: bytes, controlled: bool, status: str
) -> None:
    patient = held(is_identity_controlled=controlled)
    before = patient.identity_status

    query = answered(patient, sample)

    waiting = fresh(patient)
    assert (waiting.identity_status, waiting.is_identity_under_review) == (before, True)
    assert Identifier.objects.filter(patient=patient, kind="INS", is_active=True).exists()

    insi_confirm_mismatch(query=query, actor=CLERK)

    now = fresh(patient)
    assert (now.identity_status, now.is_identity_under_review) == (status, False)
    former = Identifier.objects.get(patient=patient, kind="INS")
    assert (former.is_active, former.end_reason) == (False, "verification_ko_confirmed")


def test_the_identity_that_a_verification_found_may_replace_ours() -> None:
    patient = held(birth_name="ADRAN")
    query = answered(patient)
    assert fresh(patient).is_identity_under_review

    insi_accept(query=query, actor=CLERK, differences_checked=True)

    now = fresh(patient)
    assert (now.birth_name, now.identity_status, now.is_identity_under_review) == ("ADRUN", "QUAL", False)


def test_a_verification_never_closes_a_review_opened_for_another_reason() -> None:
    patient = held(is_identity_under_review=True)

    query = answered(patient)

    assert query.decision == ""
    assert fresh(patient).is_identity_under_review


def test_an_incomplete_verification_changes_nothing() -> None:
    patient = held()

    query = answered(patient, samples.NO_KEY)

    assert not fresh(patient).is_identity_under_review
    with pytest.raises(InsiRefused):
        insi_confirm_mismatch(query=query, actor=CLERK)


def test_an_ins_in_force_is_not_refused_it_is_verified() -> None:
    with pytest.raises(ForbiddenTransition):
        insi_refuse(query=answered(held(birth_name="ADRAN")), actor=CLERK)


def test_a_confirmed_identity_has_no_mismatch_to_confirm() -> None:
    with pytest.raises(InsiRefused):
        insi_confirm_mismatch(query=answered(held(is_identity_under_review=True)), actor=CLERK)


# --- Rows 6 and 7 -------------------------------------------------------------------------------------


@pytest.mark.requirement("INS/va1.39")
@pytest.mark.parametrize(("document", "status"), [("", "PROV"), ("CN", "VALI")])
def test_a_trait_changed_after_insi_drops_the_ins(document: str, status: str) -> None:
    patient = insi_accept(query=answered(PatientFactory(**ADRUN, is_identity_controlled=True)), actor=CLERK)
    assert patient.identity_status == "QUAL"

    changed = identity_update(
        patient=patient, identity=as_input(patient, birth_name="ADRAN"), actor=CLERK, document=document
    )

    assert changed.identity_status == status
    assert not Identifier.objects.filter(patient=patient, kind="INS", is_active=True).exists()


# --- Who is not asked about ---------------------------------------------------------------------------


@pytest.mark.requirement("INS/va1.41")
@pytest.mark.parametrize("attribute", [IdentityAttribute.DOUT, IdentityAttribute.FICT])
def test_a_doubtful_or_fictive_identity_is_never_asked_about(attribute: str) -> None:
    patient = PatientFactory(**ADRUN, identity_attributes=[attribute])

    with pytest.raises(InsiRefused) as refused:
        insi_ask(patient=patient, actor=CLERK)

    assert refused.value.code == "IDENTITY_DOUBTFUL"
    assert not InsiQuery.objects.exists()


@pytest.mark.requirement("INS/va1.41")
def test_a_doubt_that_comes_after_the_answer_stops_its_acceptance() -> None:
    patient = PatientFactory(**ADRUN)
    query = answered(patient)
    identity_event_apply(patient=patient, event=StatusEvent.DOUBTFUL_SET, actor=CLERK)

    with pytest.raises(InsiRefused):
        insi_accept(query=query, actor=CLERK)

    assert fresh(patient).identity_status == "PROV"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sex": "I"}, "le sexe"),
        ({"birth_name": "ADRUN 2"}, "le nom de naissance"),
        ({"birth_date": None}, "date de naissance"),
        ({"is_closed": True}, "fermée"),
    ],
)
def test_an_identity_that_insi_cannot_take_is_said_at_once(change: dict[str, object], words: str) -> None:
    with pytest.raises(InsiRefused, match=words):
        insi_ask(patient=PatientFactory(**ADRUN | change), actor=CLERK)


def test_a_question_that_waits_is_not_asked_twice_and_a_lost_one_is_replaced() -> None:
    patient = PatientFactory(**ADRUN)
    first = insi_ask(patient=patient, actor=CLERK)

    assert insi_ask(patient=patient, actor=CLERK) == first
    later = insi_ask(patient=patient, actor=CLERK, now=timezone.now() + timedelta(minutes=2))

    assert later != first
    assert InsiQuery.objects.get(pk=first.pk).state == InsiState.LOST
    assert insi_do(query_id=first.pk, open_insi=lambda: InsiMemory()).state == InsiState.LOST


def test_the_database_refuses_a_decision_without_an_identity() -> None:
    query = answered(PatientFactory(**ADRUN), samples.NOBODY)
    query.decision = InsiDecision.ACCEPTED
    with pytest.raises(IntegrityError), transaction.atomic():
        query.save()


# --- Another master -----------------------------------------------------------------------------------


@pytest.mark.parametrize("said_by", ["setting", "switch"])
def test_where_identities_are_managed_elsewhere_nothing_is_written_here(
    settings: LazySettings, said_by: str
) -> None:
    patient = PatientFactory(**ADRUN)
    query = answered(patient)
    if said_by == "setting":
        settings.IDENTITY_MASTER = "external_pam"
    else:
        SwitchFactory(code=Switch.IDENTITY_REPOSITORY)

    for act in (
        lambda: insi_ask(patient=patient, actor=CLERK),
        lambda: insi_accept(query=query, actor=CLERK),
        lambda: insi_refuse(query=query, actor=CLERK),
        lambda: identity_update(patient=patient, identity=as_input(patient, birth_name="AUTRE"), actor=CLERK),
        lambda: identity_event_apply(patient=patient, event=StatusEvent.HOMONYM_DETECTED, actor=CLERK),
        lambda: patient_create(identity=INPUT, actor=CLERK),
    ):
        with pytest.raises(IdentityRefused) as refused:
            act()
        assert refused.value.code == "external_master"
    assert fresh(patient).identity_stamp == patient.identity_stamp
