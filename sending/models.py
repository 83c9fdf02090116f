"""The DPI's orders to send: one row is version x channel x action x recipient.

The row is the outbox (house-style, section 7): written with the validation, claimed with a lease,
moved by acknowledgements. Its life is appended to `OrderEvent`.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from documents.enums import DeletionMotive
from documents.models import Version
from establishment.models import Unit
from exchange.leases import Leased, LeasedQuerySet
from exchange.models import Message
from sending.enums import (
    Audience,
    Channel,
    OrderAction,
    OrderOrigin,
    OrderReason,
    OrderState,
)

RELAUNCHED = "relaunched"
"""Event of an order that was sent again by itself, once, because the DMP may have been opened meanwhile."""
LATE_RECEPTION = "late_received_dmp"
LATE_ARRIVALS = [LATE_RECEPTION, "late_delivered", "late_read"]
"""Events of an order that was given up, and arrived all the same."""
OUTCOME = Q(
    Q(to_state__in=[OrderState.RECEIVED_DMP, OrderState.DELIVERED, OrderState.READ, OrderState.FAILED])
    & ~Q(from_state=F("to_state"))
) | Q(kind__in=LATE_ARRIVALS)
"""Events by which an order arrived, or failed for good: what the indicators count (stats C10, C11)."""


class OrderQuerySet(LeasedQuerySet["Order"]):
    """Rows that wait for a worker, claimed by lease."""


OrderManager = models.Manager.from_queryset(OrderQuerySet)


class Order(Leased):
    """One act of sending. `idempotency_key` makes a second identical order impossible."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="orders")
    channel = models.CharField("canal", max_length=16, choices=Channel)
    action = models.CharField("action", max_length=10, choices=OrderAction)
    origin = models.CharField("origine", max_length=10, choices=OrderOrigin, default=OrderOrigin.FLUX)
    recipient_address = models.CharField("adresse du destinataire", max_length=254, blank=True)
    recipient_label = models.CharField("destinataire", max_length=200, blank=True)
    recipient_rpps = models.CharField("RPPS du destinataire", max_length=11, blank=True)
    recipient_finess = models.CharField("FINESS du destinataire", max_length=9, blank=True)
    recipient_family = models.CharField("nom du destinataire", max_length=100, blank=True)
    recipient_given = models.CharField("prénom du destinataire", max_length=100, blank=True)
    recipient_role = models.CharField("rôle du destinataire", max_length=60, blank=True)
    closes_reply = models.BooleanField("le patient ne peut pas répondre", default=True)
    state = models.CharField("état", max_length=16, choices=OrderState)
    reason = models.CharField(
        "motif",
        max_length=20,
        choices=OrderReason,
        blank=True,
        default=OrderReason.NONE,
    )
    motive = models.CharField("motif de suppression", max_length=16, choices=DeletionMotive, blank=True)
    lineage = models.CharField("lignée (setId)", max_length=128)
    # Frozen for the indicators (stats C8, mssante 6): a unit may move, an identity may change.
    finess = models.CharField("FINESS géographique à la création", max_length=9, blank=True)
    has_ins = models.BooleanField("INS qualifiée dans ce qui part", default=False)
    idempotency_key = models.CharField("clé d'unicité", max_length=300, unique=True)
    message = models.ForeignKey(
        Message,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="message HL7",
    )
    is_alone = models.BooleanField(
        "part seul", default=False, help_text="Le message qui le portait avec d'autres a été refusé."
    )
    is_uncertain = models.BooleanField("issue incertaine", default=False)
    error_code = models.CharField("code d'erreur", max_length=60, blank=True)
    error_text = models.CharField("erreur", max_length=500, blank=True)
    relaunch_at = models.DateTimeField("relancé seul le", null=True, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    changed_at = models.DateTimeField("changé le", default=timezone.now)

    objects: ClassVar[OrderManager] = OrderManager()

    class Meta:
        verbose_name = "ordre d'envoi"
        verbose_name_plural = "ordres d'envoi"
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state__in=[OrderState.SCHEDULED, OrderState.SENDING]),
                name="sending_order_waiting",
            ),
            models.Index(fields=["version", "channel"], name="sending_order_version"),
            models.Index(fields=["state", "-changed_at"], name="sending_order_state"),
            models.Index(fields=["lineage", "id"], name="sending_order_lineage"),
            models.Index(
                fields=["relaunch_at"],
                condition=Q(relaunch_at__isnull=False),
                name="sending_order_relaunch",
            ),
        ]
        permissions = [
            ("reprise", "Peut reprendre l'historique"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.get_channel_display()} {self.uid}"


class MailText(models.Model):
    """The body of the mails, edited by the hospital: the most precise row serves, else our own words.

    A row for a type and a unit comes before a row for the unit, that before a row for the type.
    `text` may hold the marks of `sending.bodies.MARKS`.
    """

    audience = models.CharField("à qui", max_length=12, choices=Audience)
    action = models.CharField("action", max_length=10, choices=OrderAction, default=OrderAction.INITIAL)
    type_code = models.CharField("type de document", max_length=20, blank=True)
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name="unité"
    )
    text = models.TextField("texte", max_length=4000)

    class Meta:
        verbose_name = "texte de courriel"
        verbose_name_plural = "textes de courriel"
        constraints = [
            models.UniqueConstraint(
                fields=["audience", "action", "type_code", "unit"],
                nulls_distinct=False,
                name="sending_mail_text_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_audience_display()}, {self.get_action_display()}"


class ReplyRule(models.Model):
    """Whether the patient may answer, by type and unit; without a row the setting of the hospital."""

    type_code = models.CharField("type de document", max_length=20, blank=True)
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name="unité"
    )
    closes_reply = models.BooleanField("le patient ne peut pas répondre")

    class Meta:
        verbose_name = "règle de réponse du patient"
        verbose_name_plural = "règles de réponse du patient"
        constraints = [
            models.UniqueConstraint(
                fields=["type_code", "unit"], nulls_distinct=False, name="sending_reply_rule_once"
            ),
        ]

    def __str__(self) -> str:
        return "réponse fermée" if self.closes_reply else "réponse possible"


class OrderEvent(models.Model):
    """One change of an order: append-only history, also the source of the indicators.

    `at` is when it happened, by the clock of who says so; `recorded_at` when we learned it, by ours,
    so that what a past month counts never changes (stats C10).
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField("le", default=timezone.now)
    recorded_at = models.DateTimeField("enregistré le", default=timezone.now)
    kind = models.CharField("événement", max_length=30)
    from_state = models.CharField("de", max_length=16, choices=OrderState, blank=True)
    to_state = models.CharField("à", max_length=16, choices=OrderState)
    actor_login = models.CharField("par", max_length=150)
    actor_uid = models.UUIDField("utilisateur", null=True, blank=True)
    detail = models.CharField("détail", max_length=500, blank=True)

    class Meta:
        verbose_name = "événement d'ordre"
        verbose_name_plural = "événements d'ordre"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["order", "recorded_at"],
                include=["to_state", "kind"],
                condition=OUTCOME,
                name="sending_event_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.from_state} > {self.to_state}"
