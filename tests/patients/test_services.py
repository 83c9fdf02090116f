"""Identities, alerts, teams and openings written on screen, each with its trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Trace
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from patients.enums import AlertKind, AlertState, EpisodeState
from patients.errors import AccessRefused, AlertRefused, ForbiddenTransition, IdentityRefused, TeamRefused
from patients.models import Alert, CareTeamMember, Identifier, IdentityEvent, Patient
from patients.rules import StatusEvent
from patients.services import (
    IdentityInput,
    alerts_set,
    identity_event_apply,
    identity_update,
    patient_create,
    record_open,
    team_member_add,
    team_member_end,
)
from tests.factories import (
    AssignmentFactory,
    EpisodeFactory,
    LegalEntityFactory,
    PatientFactory,
    UserFactory,
    test_identity,
)
from tests.patients.people import CLERK

pytestmark = pytest.mark.django_db

INPUT = IdentityInput(
    birth_name="Müller",
    first_birth_given_name="Zoé",
    birth_given_names="Zoé Anne",
    birth_date=date(1975, 12, 31),
    sex="F",
    birth_place_cog="63220",
)
MATRICULE = Ins("275126322074974", INS_NIR_TEST_OID)


@pytest.mark.requirement("INS/va1.01", "INS/va1.02", "INS/va1.03")
def test_a_created_identity_is_provisional_normalised_and_traced() -> None:
    LegalEntityFactory()
    patient = patient_create(identity=INPUT, actor=CLERK, ipp="000042")
    assert (patient.birth_name, patient.birth_given_names) == ("MULLER", "ZOE ANNE")
    assert patient.identity_status == "PROV"
    assert (patient.used_name, patient.used_given_name) == ("", "")
    assert Identifier.objects.get().value == "000042"
    trace = Trace.objects.get()
    assert (trace.type, trace.action, trace.patient_uid) == ("identity.create", "C", patient.uid)
    assert "MULLER" not in str(trace.detail)


def test_the_same_ipp_twice_is_refused() -> None:
    LegalEntityFactory()
    patient_create(identity=INPUT, actor=CLERK, ipp="000042")
    with pytest.raises(IdentityRefused, match="IPP"):
        patient_create(identity=INPUT, actor=CLERK, ipp="000042")
    assert Patient.objects.count() == 1


@pytest.mark.requirement("INS/va1.01")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"birth_name": "Jean2"}, "position 5"),
        ({"birth_name": ""}, "caractère"),
        ({"first_birth_given_name": "-Zoé"}, "position 1"),
        ({"birth_given_names": "ANNE ZOE"}, "premier prénom"),
        ({"birth_place_cog": "7511"}, "INSEE"),
        ({"sex": "U"}, "sexe"),
        ({"birth_date": date(2999, 1, 1)}, "futur"),
    ],
)
def test_a_trait_out_of_the_rules_is_refused_with_a_sentence(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(IdentityRefused, match=sentence):
        patient_create(identity=replace(INPUT, **changes), actor=CLERK)  # type: ignore[arg-type]
    assert Patient.objects.count() == 0


def as_input(patient: Patient, **changes: object) -> IdentityInput:
    names = IdentityInput.__dataclass_fields__
    values = {name: getattr(patient, name) for name in names} | changes
    return IdentityInput(**values)  # type: ignore[arg-type]


@pytest.mark.requirement("INS/va1.39")
def test_a_strict_trait_changed_drops_the_ins_and_the_status() -> None:
    patient = test_identity(1)
    changed = identity_update(
        patient=patient, identity=as_input(patient, birth_place_cog="75115"), actor=CLERK, reason="erreur"
    )
    assert changed.identity_status == "PROV"
    former = Identifier.objects.get(kind="INS")
    assert (former.is_active, former.end_reason) == (False, "trait_changed")
    event = IdentityEvent.objects.get()
    assert (event.before["ins_matricule"], event.before["status"]) == (former.value, "QUAL")
    trace = Trace.objects.get()
    assert (trace.type, trace.reason, trace.detail["status"]) == (
        "identity.change",
        "erreur",
        ["QUAL", "PROV"],
    )


@pytest.mark.requirement("INS/va1.02")
def test_complementary_traits_never_move_the_status() -> None:
    patient = test_identity(1)
    changed = identity_update(
        patient=patient, identity=as_input(patient, used_name="DUBOIS", city="Bron"), actor=CLERK
    )
    assert (changed.identity_status, changed.used_name, changed.search_used_name) == (
        "QUAL",
        "DUBOIS",
        "DUBOIS",
    )
    assert Identifier.objects.filter(kind="INS", is_active=True).exists()


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    patient = test_identity(1)
    identity_update(patient=patient, identity=as_input(patient), actor=CLERK)
    assert Trace.objects.count() == 0


@pytest.mark.requirement("INS/va1.25", "INS/va1.03")
def test_insi_then_document_qualifies() -> None:
    patient = PatientFactory()
    patient = identity_event_apply(
        patient=patient, event=StatusEvent.INSI_ACCEPTED, actor=CLERK, evidence="insi", ins=MATRICULE
    )
    assert patient.identity_status == "RECUP"
    patient = identity_event_apply(
        patient=patient, event=StatusEvent.DOCUMENT_COHERENT, actor=CLERK, evidence="PA"
    )
    assert (patient.identity_status, patient.identity_document) == ("QUAL", "PA")
    assert Patient.objects.get().identity_status == "QUAL"
    row = Identifier.objects.get(kind="INS")
    assert (row.value, row.oid) == (MATRICULE.matricule, MATRICULE.oid)
    assert list(IdentityEvent.objects.values_list("kind", "evidence")) == [
        ("insi_accepted", "insi"),
        ("document_coherent", "PA"),
    ]


@pytest.mark.requirement("INS/va1.03", "INS/va1.41")
def test_no_matricule_without_its_evidence() -> None:
    patient = PatientFactory()
    with pytest.raises(ForbiddenTransition, match="matricule"):
        identity_event_apply(patient=patient, event=StatusEvent.INSI_ACCEPTED, actor=CLERK)
    identity_event_apply(patient=patient, event=StatusEvent.DOUBTFUL_SET, actor=CLERK)
    with pytest.raises(ForbiddenTransition, match="douteuse"):
        identity_event_apply(patient=patient, event=StatusEvent.INSI_ACCEPTED, actor=CLERK, ins=MATRICULE)
    assert not Identifier.objects.filter(kind="INS").exists()


@pytest.mark.requirement("INS/va1.41")
def test_the_database_itself_refuses_a_doubtful_identity_that_is_not_provisional() -> None:
    patient = test_identity(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.filter(pk=patient.pk).update(identity_attributes=["DOUT"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.filter(pk=PatientFactory().pk).update(identity_attributes=["FICT", "HOMA"])


@pytest.mark.requirement("INS/va1.46")
def test_a_failed_verification_freezes_until_a_person_decides() -> None:
    patient = test_identity(1)
    patient = identity_event_apply(patient=patient, event=StatusEvent.VERIFICATION_KO, actor=CLERK)
    assert (patient.identity_status, patient.is_identity_under_review) == ("QUAL", True)
    patient = identity_event_apply(patient=patient, event=StatusEvent.VERIFICATION_KO_CONFIRMED, actor=CLERK)
    assert (patient.identity_status, patient.is_identity_under_review) == ("VALI", False)


# --- Alerts --------------------------------------------------------------------------------------
def test_known_alerts_replace_what_was_recorded_and_keep_it() -> None:
    patient = PatientFactory()
    alerts_set(patient=patient, kind=AlertKind.ALLERGY, state=AlertState.NONE_KNOWN, actor=CLERK)
    alerts_set(
        patient=patient,
        kind=AlertKind.ALLERGY,
        state=AlertState.KNOWN,
        labels=["Pénicilline", " Pénicilline ", "Latex", ""],
        actor=CLERK,
    )
    active = Alert.objects.filter(is_active=True).order_by("id")
    assert list(active.values_list("state", "label")) == [("known", "Pénicilline"), ("known", "Latex")]
    assert Alert.objects.filter(is_active=False).get().state == "none_known"
    trace = Trace.objects.last()
    assert trace is not None and trace.detail == {"kind": "allergy", "state": "known", "count": 2}


@pytest.mark.parametrize(
    ("state", "labels"),
    [(AlertState.KNOWN, []), (AlertState.KNOWN, ["  "]), (AlertState.NONE_KNOWN, ["Latex"])],
)
def test_an_alert_that_contradicts_itself_is_refused(state: AlertState, labels: list[str]) -> None:
    with pytest.raises(AlertRefused):
        alerts_set(patient=PatientFactory(), kind=AlertKind.ALLERGY, state=state, labels=labels, actor=CLERK)
    assert Alert.objects.count() == 0


# --- Team and openings ---------------------------------------------------------------------------
@pytest.mark.requirement("F-DPI-08", "F-PV-10")
def test_a_member_joins_once_and_leaves() -> None:
    episode, user = EpisodeFactory(), UserFactory()
    member = team_member_add(episode=episode, user=user, actor=CLERK)
    assert team_member_add(episode=episode, user=user, actor=CLERK) == member
    team_member_end(member=member, actor=CLERK)
    team_member_end(member=member, actor=CLERK)
    assert CareTeamMember.objects.get().until is not None
    assert list(Trace.objects.values_list("type", flat=True)) == ["team.add", "team.remove"]


def test_nobody_joins_a_cancelled_episode_nor_with_a_closed_account() -> None:
    with pytest.raises(TeamRefused):
        team_member_add(episode=EpisodeFactory(state=EpisodeState.CANCELLED), user=UserFactory(), actor=CLERK)
    with pytest.raises(TeamRefused):
        team_member_add(episode=EpisodeFactory(), user=UserFactory(is_active=False), actor=CLERK)


@pytest.mark.requirement("F-DPI-03", "F-PV-10")
def test_opening_a_record_is_traced_and_refused_without_a_care_relation() -> None:
    episode = EpisodeFactory()
    user = AssignmentFactory(unit=episode.unit).user
    stranger = AssignmentFactory().user

    relation = record_open(patient=episode.patient, user=user, actor=user.as_actor())
    with pytest.raises(AccessRefused):
        record_open(patient=episode.patient, user=stranger, actor=stranger.as_actor())

    assert relation.kind == "unit" and relation.until is None
    rows = Trace.objects.order_by("id").values_list("type", "outcome", "actor_uid", "patient_uid")
    assert list(rows) == [
        ("patient.open", "success", user.uid, episode.patient.uid),
        ("patient.open", "refused", stranger.uid, episode.patient.uid),
    ]


@pytest.mark.requirement("F-PV-11")
@pytest.mark.parametrize(("days", "is_open"), [(1, True), (29, True), (31, False)])
def test_the_relation_lasts_some_days_after_the_discharge(days: int, is_open: bool) -> None:
    discharged = timezone.now() - timedelta(days=days)
    episode = EpisodeFactory(state=EpisodeState.CLOSED, discharged_at=discharged)
    user = AssignmentFactory(unit=episode.unit).user
    if is_open:
        relation = record_open(patient=episode.patient, user=user, actor=user.as_actor())
        assert relation.until == discharged + timedelta(days=30)
    else:
        with pytest.raises(AccessRefused):
            record_open(patient=episode.patient, user=user, actor=user.as_actor())
