"""What the patient was told and chose, for the software of the hospital (SC.DMP/CONF.06, .09, .13)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import requires
from accounts.api.described import IF_MATCH, at_least_one, etag_header, problems
from accounts.api.fields import Flag, Moment
from accounts.api.inputs import Input, NoQuery, PageQuery, body_of, query_of
from accounts.api.pages import page_of
from accounts.api.preconditions import etag_of, match_required
from accounts.api.views import ApiView
from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.selectors import CurrentChoices, choices_current, choices_history
from consent.services import choices_record
from patients.api import episode_opened
from patients.models import Episode

TAG = ["Choix du patient"]


class ChoiceSerializer(serializers.Serializer[Any]):
    """One recorded choice. Why the patient chose so is neither asked nor kept (SC.DMP/CONF.06)."""

    uid = serializers.UUIDField()
    subject = serializers.ChoiceField(choices=Subject.choices)
    value = serializers.ChoiceField(choices=ChoiceValue.choices)
    source = serializers.ChoiceField(choices=ChoiceSource.choices)  # type: ignore[assignment]  # our word
    collected_at = Moment()
    recorded_at = Moment()
    is_effective = serializers.BooleanField(help_text="Faux : gardé, sans effet.")
    by_representative = serializers.BooleanField()
    author = serializers.CharField(source="author_login")


class CurrentSerializer(serializers.Serializer[Any]):
    """What counts for one subject."""

    value = serializers.ChoiceField(choices=ChoiceValue.choices)
    is_allowed = serializers.BooleanField(help_text="Ce que la règle en déduit aujourd’hui.")
    choice = serializers.UUIDField(allow_null=True, help_text="Le choix qui compte.")


class ChoicesSerializer(serializers.Serializer[Any]):
    alimentation = CurrentSerializer()
    consultation = CurrentSerializer()
    results = ChoiceSerializer(many=True, help_text="Du dernier enregistré au premier.")
    next = serializers.CharField(allow_null=True, help_text="Curseur de la page suivante.")


@at_least_one("alimentation", "consultation")
class ChoiceBody(Input):
    """One subject or both."""

    alimentation = serializers.ChoiceField(choices=ChoiceValue.choices, required=False)
    consultation = serializers.ChoiceField(choices=ChoiceValue.choices, required=False)
    collected_at = Moment(required=False, help_text="Quand le patient l’a dit ; sans : maintenant.")
    by_representative = Flag(required=False, default=False)

    def validate(self, attrs: Any) -> Any:
        if not {"alimentation", "consultation"} & set(attrs):
            raise serializers.ValidationError(
                "Donnez au moins un choix : alimentation ou consultation.", code="required"
            )
        return attrs


@requires("consent.view", "patients.identity_view")
class EpisodeChoices(ApiView):
    @extend_schema(
        operation_id="episode_choices",
        summary="Lire les choix d’un épisode et leur histoire",
        description="L’ETag de la réponse dit l’état lu ; un enregistrement le rappelle dans If-Match.",
        parameters=[PageQuery, etag_header(200)],
        responses=ChoicesSerializer,
        tags=TAG,
    )
    def get(self, request: Request, episode_uid: UUID) -> Response:
        query = query_of(request, PageQuery)
        episode = episode_opened(self, episode_uid, what="choices")
        page = page_of(choices_history(episode), query)
        current = choices_current(episode)
        return _answer(episode, current, page.rows, page.next, status.HTTP_200_OK)

    @extend_schema(
        operation_id="episode_choices_record",
        summary="Enregistrer l’information et les choix du patient",
        description="S’ajoute à l’histoire, de source `api`. Une opposition bloque aussitôt les envois qui "
        "attendent. Rendu : ce qui compte maintenant et ce qui vient d’être enregistré.",
        request=ChoiceBody,
        parameters=[IF_MATCH, etag_header(201)],
        responses={201: ChoicesSerializer},
        extensions=problems(409),
        tags=TAG,
    )
    @requires("consent.view", "consent.record", "patients.identity_view")
    def post(self, request: Request, episode_uid: UUID) -> Response:
        query_of(request, NoQuery)
        body = body_of(request, ChoiceBody)
        episode = episode_opened(self, episode_uid, what="choices")
        with transaction.atomic():
            Episode.objects.select_for_update(of=("self",)).only("pk").get(pk=episode.pk)
            match_required(request, _etag(episode, choices_current(episode)))
            recorded = choices_record(episode=episode, actor=self.actor, source=ChoiceSource.API, **body)
            current = choices_current(episode)
        return _answer(episode, current, recorded, None, status.HTTP_201_CREATED)


def _etag(episode: Episode, current: CurrentChoices) -> str:
    return etag_of("choices", episode.uid, current.known)


def _answer(
    episode: Episode, current: CurrentChoices, rows: list[Any], following: str | None, code: int
) -> Response:
    choices = {
        "alimentation": _current(current, Subject.ALIMENTATION, current.feeding.allowed),
        "consultation": _current(current, Subject.CONSULTATION, current.consulting.allowed),
        "results": rows,
        "next": following,
    }
    return Response(ChoicesSerializer(choices).data, status=code, headers={"ETag": _etag(episode, current)})


def _current(current: CurrentChoices, subject: Subject, is_allowed: bool) -> dict[str, Any]:
    choice = current.of(subject)
    return {
        "value": current.value_of(subject),
        "is_allowed": is_allowed,
        "choice": choice.uid if choice else None,
    }
