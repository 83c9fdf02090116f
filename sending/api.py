"""Orders to send for the software of the hospital: followed, held, released, tried again (workflows 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import requires
from accounts.api.described import IF_MATCH, etag_header, problems
from accounts.api.fields import Moment, Text, Uid
from accounts.api.inputs import NoQuery, PageQuery, query_of
from accounts.api.pages import page_of
from accounts.api.preconditions import etag_of, match_required
from accounts.api.views import ApiView
from audit.enums import Action, Outcome
from audit.services import trace_write
from documents.enums import DeletionMotive
from patients.api import patient_opened
from patients.errors import AccessRefused
from sending import services
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from sending.models import Order
from sending.selectors import WorkFilters, order_to_show, orders_visible, work_list
from sending.tasks import wake_after_commit

TAG = ["Envois"]
REASONS = [choice for choice in OrderReason.choices if choice[0]]


# --- What is read ------------------------------------------------------------------------------
class OrderSerializer(serializers.Serializer[Any]):
    """One order; `_order` fills it."""

    uid = serializers.UUIDField()
    patient = serializers.UUIDField()
    document = serializers.UUIDField()
    version = serializers.UUIDField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    action = serializers.ChoiceField(choices=OrderAction.choices)
    origin = serializers.ChoiceField(choices=OrderOrigin.choices)
    state = serializers.ChoiceField(choices=OrderState.choices)
    reason = serializers.ChoiceField(choices=REASONS, allow_null=True, help_text="Pourquoi il attend.")
    motive = serializers.ChoiceField(choices=DeletionMotive.choices, allow_null=True)
    recipient_label = serializers.CharField()
    recipient_address = serializers.CharField()
    recipient_rpps = serializers.CharField()
    not_before = Moment(allow_null=True, help_text="Ne part pas avant.")
    created_at = Moment()
    changed_at = Moment()
    is_uncertain = serializers.BooleanField(help_text="Parti, réponse perdue : le service est interrogé.")
    error_code = serializers.CharField()
    error_text = serializers.CharField()


class EventSerializer(serializers.Serializer[Any]):
    at = Moment()
    kind = serializers.CharField()
    from_state = serializers.ChoiceField(choices=OrderState.choices, allow_null=True)
    to_state = serializers.ChoiceField(choices=OrderState.choices)
    actor = serializers.CharField()
    detail = serializers.CharField()


class OrderDetailSerializer(OrderSerializer):
    events = EventSerializer(many=True, help_text="Du premier au dernier.")


class OrderPageSerializer(serializers.Serializer[Any]):
    results = OrderSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Curseur de la page suivante.")


# --- What is asked -----------------------------------------------------------------------------
class OrderQuery(PageQuery):
    state = serializers.MultipleChoiceField(choices=OrderState.choices, required=False)
    channel = serializers.MultipleChoiceField(choices=Channel.choices, required=False)
    unit = serializers.ListField(
        child=Text(max_length=20, allow_blank=True), required=False, max_length=50, help_text="Codes d’UF."
    )
    patient = Uid(required=False, help_text="Les envois de ce seul patient.")
    validated_since = Moment(required=False)


# --- Endpoints ---------------------------------------------------------------------------------
@requires("sending.list")
class Orders(ApiView):
    @extend_schema(
        operation_id="orders",
        summary="Lister les envois",
        description="Ceux des unités servies, ou d’un patient ; du dernier créé au premier.",
        parameters=[OrderQuery],
        responses=OrderPageSerializer,
        extensions=problems(404),
        tags=TAG,
    )
    def get(self, request: Request) -> Response:
        query = query_of(request, OrderQuery)
        asked = query.get("patient")
        patient = patient_opened(self, asked, what="orders") if asked else None
        filters = WorkFilters(
            states=tuple(query.get("state", ())),
            channels=tuple(query.get("channel", ())),
            units=tuple(query.get("unit", ())),
            since=query.get("validated_since"),
            patient=patient,
        )
        page = page_of(work_list(self.caller.user, filters), query)
        if patient is None:
            self._trace(page.rows)
        shown = {"results": [_order(row) for row in page.rows], "next": page.next}
        return Response(OrderPageSerializer(shown).data)

    def _trace(self, rows: list[Order]) -> None:
        """A list of several patients is one event with their identifiers (security 8.3)."""
        patients = sorted({str(row.version.document.patient.uid) for row in rows})
        trace_write(
            type="list.view",
            action=Action.READ,
            actor=self.actor,
            object_type="order",
            detail={"list": "orders", "count": len(rows), "patients": patients},
        )


@requires("sending.list")
class OrderDetail(ApiView):
    @extend_schema(
        operation_id="order",
        summary="Lire un envoi et son histoire",
        description="L’ETag dit l’état lu ; une action le rappelle dans If-Match.",
        parameters=[etag_header(200)],
        responses=OrderDetailSerializer,
        tags=TAG,
    )
    def get(self, request: Request, order_uid: UUID) -> Response:
        query_of(request, NoQuery)
        order = opened(self, order_uid)
        trace_write(
            type="order.view",
            action=Action.READ,
            actor=self.actor,
            patient_uid=order.version.document.patient.uid,
            object_type="order",
            object_uid=order.uid,
        )
        return _answer(order)


@requires("sending.hold")
class OrderAct(ApiView):
    """One action of a person or of a software on an order that it has just read."""

    act: ClassVar[Callable[..., Order]]

    def done(self, request: Request, order_uid: UUID) -> Response:
        query_of(request, NoQuery)
        order = opened(self, order_uid)
        with transaction.atomic():
            locked = Order.objects.select_for_update(of=("self",)).get(pk=order.pk)
            match_required(request, _etag(locked))
            changed = type(self).act(order=locked, actor=self.actor)
            wake_after_commit()
        return _answer(changed)


def _described(name: str, summary: str, description: str) -> Any:
    return extend_schema(
        operation_id=f"order_{name}",
        summary=summary,
        description=description,
        request=None,
        parameters=[IF_MATCH, etag_header(200)],
        responses=OrderDetailSerializer,
        extensions=problems(409),
        tags=TAG,
    )


class OrderHold(OrderAct):
    act = staticmethod(services.order_hold)

    @_described("hold", "Retenir un envoi", "Il ne part pas tant qu’il n’est pas libéré.")
    def post(self, request: Request, order_uid: UUID) -> Response:
        return self.done(request, order_uid)


class OrderRelease(OrderAct):
    act = staticmethod(services.order_release)

    @_described("release", "Libérer un envoi retenu", "Les règles décident de nouveau.")
    def post(self, request: Request, order_uid: UUID) -> Response:
        return self.done(request, order_uid)


class OrderSendNow(OrderAct):
    act = staticmethod(services.order_send_now)

    @_described("send_now", "Envoyer sans attendre le délai", "Les règles décident toujours.")
    def post(self, request: Request, order_uid: UUID) -> Response:
        return self.done(request, order_uid)


class OrderCancel(OrderAct):
    act = staticmethod(services.order_cancel)

    @_described("cancel", "Annuler un envoi", "Il ne partira pas, sauf à le relancer.")
    def post(self, request: Request, order_uid: UUID) -> Response:
        return self.done(request, order_uid)


class OrderRetry(OrderAct):
    act = staticmethod(services.order_retry)

    @_described("retry", "Relancer un envoi", "En échec ou annulé : le même ordre, un nouveau message.")
    def post(self, request: Request, order_uid: UUID) -> Response:
        return self.done(request, order_uid)


def opened(view: ApiView, uid: UUID) -> Order:
    """An order that the caller may see. 404 when unknown; AccessRefused, traced, when not the caller's."""
    try:
        order = order_to_show(uid)
    except Order.DoesNotExist as error:
        raise Http404 from error
    if orders_visible(view.caller.user, [uid]):
        return order
    trace_write(
        type="order.view",
        action=Action.READ,
        outcome=Outcome.REFUSED,
        actor=view.actor,
        patient_uid=order.version.document.patient.uid,
        object_type="order",
        object_uid=order.uid,
        reason="no_care_relation",
    )
    raise AccessRefused("Cet envoi ne concerne pas vos unités.", code="no_care_relation")


def _etag(order: Order) -> str:
    return etag_of("order", order.uid, order.state, order.changed_at.isoformat())


def _answer(order: Order) -> Response:
    events = [
        {
            "at": event.at,
            "kind": event.kind,
            "from_state": event.from_state or None,
            "to_state": event.to_state,
            "actor": event.actor_login,
            "detail": event.detail,
        }
        for event in order.events.all()
    ]
    return Response(
        OrderDetailSerializer(_order(order) | {"events": events}).data, headers={"ETag": _etag(order)}
    )


def _order(order: Order) -> dict[str, Any]:
    names = (
        "uid", "channel", "action", "origin", "state", "recipient_label", "recipient_address",
        "recipient_rpps", "not_before", "created_at", "changed_at", "is_uncertain", "error_code",
        "error_text",
    )  # fmt: skip
    document = order.version.document
    return {name: getattr(order, name) for name in names} | {
        "patient": document.patient.uid,
        "document": document.uid,
        "version": order.version.uid,
        "reason": order.reason or None,
        "motive": order.motive or None,
    }
