"""Patients, their stays and movements, for the software of the hospital (spec ins 7.4, 9.1)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import requires
from accounts.api.described import problems
from accounts.api.fields import Flag, Moment, Text
from accounts.api.inputs import Input, NoQuery, PageQuery, body_of, query_of
from accounts.api.limits import SEARCHES
from accounts.api.pages import page_of
from accounts.api.views import ApiView
from audit.enums import Action
from audit.services import trace_write
from interop.ins.codes import ins_nature
from patients.enums import (
    AlertKind,
    AlertState,
    EpisodeKind,
    EpisodeState,
    IdentityAttribute,
    IdentityStatus,
    Sex,
)
from patients.models import Episode, Patient
from patients.selectors import (
    Record,
    SearchCriteria,
    SearchRow,
    Tier,
    episode_by_uid,
    episodes_of,
    patient_by_uid,
    record,
)
from patients.services import patient_search, record_open

TAG = ["Patients"]
LONGEST_NAME, LONGEST_NUMBER = 100, 60


# --- What is read ------------------------------------------------------------------------------
class InsSerializer(serializers.Serializer[Any]):
    """The INS of a qualified identity."""

    matricule = serializers.CharField()
    oid = serializers.CharField(help_text="OID de l’autorité d’affectation.")
    nature = serializers.CharField(help_text="NIR ou NIA.")


class IdentitySerializer(serializers.Serializer[Any]):
    """The traits of a person, and how sure they are."""

    uid = serializers.UUIDField()
    birth_name = serializers.CharField()
    birth_given_names = serializers.CharField()
    first_birth_given_name = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    is_birth_date_estimated = serializers.BooleanField()
    sex = serializers.ChoiceField(choices=Sex.choices)
    birth_place_code = serializers.CharField(source="birth_place_cog", help_text="Code INSEE.")
    used_name = serializers.CharField()
    used_given_name = serializers.CharField()
    identity_status = serializers.ChoiceField(choices=IdentityStatus.choices)
    identity_attributes = serializers.ListField(
        child=serializers.ChoiceField(choices=IdentityAttribute.choices)
    )
    is_closed = serializers.BooleanField(help_text="Doublon ou identité désactivée : ne plus l’employer.")


class LastEpisodeSerializer(serializers.Serializer[Any]):
    visit_number = serializers.CharField()
    state = serializers.ChoiceField(choices=EpisodeState.choices)
    unit_name = serializers.CharField()
    begins_at = Moment(allow_null=True)


class FoundSerializer(serializers.Serializer[Any]):
    patient = IdentitySerializer()
    ipp = serializers.CharField()
    has_care_relation = serializers.BooleanField(help_text="Le dossier s’ouvre à l’appelant.")
    last_episode = LastEpisodeSerializer(allow_null=True)


class SearchResultSerializer(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=[tier.value for tier in Tier], help_text="Ce qui a trouvé.")
    is_truncated = serializers.BooleanField(help_text="D’autres existent : précisez.")
    results = FoundSerializer(many=True)


class AlertSerializer(serializers.Serializer[Any]):
    """One kind of alert: `not_recorded` never reads as none."""

    kind = serializers.ChoiceField(choices=AlertKind.choices)
    state = serializers.ChoiceField(choices=AlertState.choices)
    labels = serializers.ListField(child=serializers.CharField())


class PatientSerializer(serializers.Serializer[Any]):
    patient = IdentitySerializer()
    ipp = serializers.CharField()
    ins = InsSerializer(
        allow_null=True, help_text="Absent si l’identité n’est pas qualifiée, ou sans la portée `ins:read`."
    )
    alerts = AlertSerializer(many=True, allow_null=True, help_text="Absentes sans droit sur le dossier.")
    current_episode = serializers.UUIDField(allow_null=True, help_text="En cours, sinon prévu, ou dernier.")


class UnitSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()


class EpisodeSerializer(serializers.Serializer[Any]):
    uid = serializers.UUIDField()
    visit_number = serializers.CharField()
    account_number = serializers.CharField()
    kind = serializers.ChoiceField(choices=EpisodeKind.choices)
    state = serializers.ChoiceField(choices=EpisodeState.choices)
    planned_at = Moment(allow_null=True)
    admitted_at = Moment(allow_null=True)
    expected_discharge_at = Moment(allow_null=True)
    discharged_at = Moment(allow_null=True)
    unit = UnitSerializer(allow_null=True, help_text="Responsabilité médicale.")
    nursing_unit = UnitSerializer(allow_null=True)
    housing_unit = UnitSerializer(allow_null=True)
    room = serializers.CharField()
    bed = serializers.CharField()
    attending_name = serializers.CharField()
    attending_rpps = serializers.CharField()


class MovementSerializer(serializers.Serializer[Any]):
    identifiers = serializers.ListField(child=serializers.CharField(), help_text="ZBE-1.")
    event = serializers.CharField(help_text="Événement PAM : A01, A02…")
    start_at = Moment()
    is_historic = serializers.BooleanField()
    is_cancelled = serializers.BooleanField()
    nature = serializers.CharField(help_text="ZBE-9.")
    medical_unit_code = serializers.CharField()
    nursing_unit_code = serializers.CharField()
    housing_unit_code = serializers.CharField()
    room = serializers.CharField()
    bed = serializers.CharField()


class EpisodeDetailSerializer(EpisodeSerializer):
    patient = serializers.UUIDField(source="patient.uid")
    movements = MovementSerializer(many=True, help_text="Du premier au dernier.")


class EpisodePageSerializer(serializers.Serializer[Any]):
    results = EpisodeSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Curseur de la page suivante.")


# --- What is asked -----------------------------------------------------------------------------
class SearchBody(Input):
    """Criteria of one search; those that would list too many persons are refused."""

    name = Text(required=False, allow_blank=True, max_length=LONGEST_NAME, help_text="Noms et prénoms.")
    birth_date = serializers.DateField(required=False)
    identifier = Text(
        required=False,
        allow_blank=True,
        max_length=LONGEST_NUMBER,
        help_text="IPP, numéro de venue ou de dossier.",
    )
    matricule = Text(required=False, allow_blank=True, max_length=30, help_text="INS entier, 15 caractères.")
    extended = Flag(required=False, help_text="Noms seulement ressemblants aussi.")


class EpisodeQuery(PageQuery):
    state = serializers.MultipleChoiceField(choices=EpisodeState.choices, required=False)


# --- Endpoints ---------------------------------------------------------------------------------
@requires("patients.search")
class PatientSearch(ApiView):
    limit = SEARCHES

    @extend_schema(
        operation_id="patients_search",
        summary="Rechercher un patient",
        description="La recherche des pages, par critères. En POST : une identité n’a rien à faire dans une "
        "adresse. Le premier palier qui trouve répond, 50 lignes au plus.",
        request=SearchBody,
        responses=SearchResultSerializer,
        extensions=problems(422),
        tags=TAG,
    )
    def post(self, request: Request) -> Response:
        query_of(request, NoQuery)
        criteria = SearchCriteria(**body_of(request, SearchBody))
        found = patient_search(user=self.caller.user, criteria=criteria, actor=self.actor)
        rows = [_found(row) for row in found.rows]
        result = {"tier": found.tier.value, "is_truncated": found.is_truncated, "results": rows}
        return Response(SearchResultSerializer(result).data)


@requires("patients.identity_view")
class PatientDetail(ApiView):
    @extend_schema(
        operation_id="patient",
        summary="Lire une identité",
        description="L’INS n’y est que qualifiée, et pour qui a le droit de la lire.",
        responses=PatientSerializer,
        tags=TAG,
    )
    def get(self, request: Request, patient_uid: UUID) -> Response:
        query_of(request, NoQuery)
        patient = patient_opened(self, patient_uid, what="identity")
        found = record(patient)
        with_ins = found.ins is not None and self.caller.has_perm("patients.ins_view")
        if with_ins:
            trace_write(
                type="identity.view",
                action=Action.READ,
                actor=self.actor,
                patient_uid=patient.uid,
                object_type="ins",
            )
        clinical = self.caller.has_perm("patients.open")
        return Response(PatientSerializer(_patient(found, with_ins=with_ins, clinical=clinical)).data)


@requires("patients.identity_view")
class PatientEpisodes(ApiView):
    @extend_schema(
        operation_id="patient_episodes",
        summary="Lister les épisodes d’un patient",
        description="Du dernier enregistré au premier.",
        parameters=[EpisodeQuery],
        responses=EpisodePageSerializer,
        tags=TAG,
    )
    def get(self, request: Request, patient_uid: UUID) -> Response:
        query = query_of(request, EpisodeQuery)
        patient = patient_opened(self, patient_uid, what="episodes")
        page = page_of(episodes_of(patient, states=query.get("state", ())), query)
        return Response(EpisodePageSerializer({"results": page.rows, "next": page.next}).data)


@requires("patients.identity_view")
class EpisodeDetail(ApiView):
    @extend_schema(
        operation_id="episode",
        summary="Lire un épisode et ses mouvements",
        description="Tous les mouvements reçus, annulés compris.",
        responses=EpisodeDetailSerializer,
        tags=TAG,
    )
    def get(self, request: Request, episode_uid: UUID) -> Response:
        query_of(request, NoQuery)
        episode = episode_opened(self, episode_uid, what="episode")
        return Response(EpisodeDetailSerializer(episode).data)


# --- Opening -----------------------------------------------------------------------------------
def patient_opened(view: ApiView, uid: UUID, *, what: str) -> Patient:
    """A patient whose record the caller may open; traced. 404 when unknown, AccessRefused otherwise."""
    try:
        patient = patient_by_uid(uid)
    except Patient.DoesNotExist as error:
        raise Http404 from error
    record_open(patient=patient, user=view.caller.user, actor=view.actor, what=what)
    return patient


def episode_opened(view: ApiView, uid: UUID, *, what: str) -> Episode:
    """An episode of a patient whose record the caller may open; traced."""
    try:
        episode = episode_by_uid(uid)
    except Episode.DoesNotExist as error:
        raise Http404 from error
    record_open(patient=episode.patient, user=view.caller.user, actor=view.actor, what=what)
    return episode


def _found(row: SearchRow) -> dict[str, Any]:
    return {
        "patient": row.patient,
        "ipp": row.ipp,
        "has_care_relation": row.has_care_relation,
        "last_episode": row.last_episode,
    }


def _patient(found: Record, *, with_ins: bool, clinical: bool) -> dict[str, Any]:
    ins = found.ins if with_ins else None
    return {
        "patient": found.patient,
        "ipp": found.ipp,
        "ins": {"matricule": ins.matricule, "oid": ins.oid, "nature": ins_nature(ins.oid).value}
        if ins
        else None,
        "alerts": found.alerts if clinical else None,
        "current_episode": found.episode.uid if found.episode else None,
    }
