"""HL7 partners and the message journal: raw bytes first (spec hl7v2 1.5, 1.6, 6.2)."""

from __future__ import annotations

import uuid
from typing import ClassVar, Final, Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from exchange.enums import Direction, DocumentProfile, MessageState, PamAck, Transport
from exchange.leases import Leased, LeasedQuerySet

WAITING_STATES = (
    MessageState.STORED,
    MessageState.QUEUED,
    MessageState.SENT,
    MessageState.DEFERRED,
)
"""Rows that a worker still has to take up: stored ones to apply, the others to send or send again."""
TROUBLED_STATES = (
    MessageState.REJECTED,
    MessageState.REFUSED,
    MessageState.CONFLICT,
    MessageState.UNREADABLE,
)
"""Rows that a person should look at."""
MAX_ATTEMPTS: Final = 76
"""Attempts that the delays of decision 10 allow within 72 hours; a row at its end waits for a person."""


class Partner(models.Model):
    """An application on the other side of a line: GAM, SGL, RIS, PFI."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    code = models.SlugField("code", max_length=40, unique=True)
    name = models.CharField("nom", max_length=100)
    transport = models.CharField("transport", max_length=12, choices=Transport, default=Transport.MLLP)
    application = models.CharField("MSH-3 du partenaire", max_length=180, blank=True)
    facility = models.CharField("MSH-4 du partenaire", max_length=180, blank=True)
    host = models.CharField("hôte", max_length=200, blank=True)
    port = models.PositiveIntegerField("port", null=True, blank=True)
    listen_port = models.PositiveIntegerField("port d'écoute", null=True, blank=True, unique=True)
    uses_tls = models.BooleanField("TLS avec certificats mutuels", default=True)
    peer_subject = models.CharField("sujet du certificat accepté", max_length=300, blank=True)
    charset = models.CharField("jeu de caractères par défaut", max_length=20, default="UNICODE UTF-8")
    processing_ids = models.CharField("MSH-11 acceptés", max_length=3, default="P")
    pam_ack = models.CharField("acquittement PAM", max_length=8, choices=PamAck, default=PamAck.APPLIED)
    profile = models.CharField(
        "volet des documents envoyés à la PFI",
        max_length=3,
        choices=DocumentProfile,
        default=DocumentProfile.V21,
    )
    accepts_consent = models.BooleanField("choix du patient reçus par PAM (ZFA)", default=True)
    is_active = models.BooleanField("actif", default=True)

    class Meta:
        verbose_name = "partenaire"

    def __str__(self) -> str:
        return self.name


class MessageQuerySet(LeasedQuerySet["Message"]):
    def to_apply(self) -> Self:
        """Stored incoming rows that may be applied: the messages of one patient keep their order.

        A row waits for an older one of its lineage that nobody tried yet or that is being applied;
        it does not wait for one that a defect holds back, movements being replayed by their dates.
        """
        now = timezone.now()
        older = self._older(MessageState.STORED).filter(Q(attempts=0) | Q(claimed_until__gt=now))
        return self.filter(
            ~Exists(older),
            direction=Direction.INCOMING,
            state=MessageState.STORED,
            attempts__lt=MAX_ATTEMPTS,
        )

    def to_send(self) -> Self:
        """Outgoing rows to send, or to send again: one FIFO per partner and lineage (hl7v2 1.6)."""
        unsent = (MessageState.QUEUED, MessageState.SENT, MessageState.DEFERRED)
        return self.filter(~Exists(self._older(*unsent)), direction=Direction.OUTGOING, state__in=unsent)

    def _older(self, *states: MessageState) -> MessageQuerySet:
        return Message.objects.filter(
            direction=OuterRef("direction"),
            partner=OuterRef("partner"),
            lineage=OuterRef("lineage"),
            state__in=states,
            id__lt=OuterRef("id"),
        ).exclude(lineage="")


MessageManager = models.Manager.from_queryset(MessageQuerySet)


class Message(Leased):
    """One HL7 message, with the exact bytes in and out."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    direction = models.CharField("sens", max_length=3, choices=Direction)
    partner = models.ForeignKey(
        Partner,
        on_delete=models.PROTECT,
        related_name="messages",
        db_index=False,  # the unique constraint and the index of the lineages begin with it, or nearly
        db_constraint=False,  # its check would lock the partner's row for each message; PROTECT keeps it
    )
    state = models.CharField("état", max_length=12, choices=MessageState)
    raw = models.BinaryField("message")
    sha256 = models.CharField("empreinte", max_length=64)
    sending_application = models.CharField("MSH-3", max_length=180, blank=True)
    sending_facility = models.CharField("MSH-4", max_length=180, blank=True)
    control_id = models.CharField("MSH-10", max_length=199, blank=True)
    type = models.CharField("MSH-9", max_length=40, blank=True)
    profile = models.CharField("MSH-21", max_length=120, blank=True)
    patient_uid = models.UUIDField("patient", null=True, blank=True)
    lineage = models.CharField("lignée (file ordonnée)", max_length=128, blank=True)
    ack = models.BinaryField("acquittement", null=True, blank=True)
    ack_code = models.CharField("MSA-1", max_length=2, blank=True)
    error = models.CharField("erreur", max_length=500, blank=True)
    warning = models.CharField("avertissement", max_length=500, blank=True)
    created_at = models.DateTimeField("enregistré le", default=timezone.now)
    done_at = models.DateTimeField("traité le", null=True, blank=True)

    objects: ClassVar[MessageManager] = MessageManager()

    class Meta:
        verbose_name = "message"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "direction",
                    "partner",
                    "sending_application",
                    "sending_facility",
                    "control_id",
                ],
                condition=~Q(state__in=[MessageState.CONFLICT, MessageState.UNREADABLE]),
                name="exchange_message_control_id",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state__in=WAITING_STATES),
                name="exchange_message_waiting",
            ),
            models.Index(
                fields=["partner", "lineage", "id"],
                condition=Q(state__in=WAITING_STATES) & ~Q(lineage=""),
                name="exchange_message_lineage",
            ),
            models.Index(
                fields=["control_id"],
                condition=Q(direction=Direction.OUTGOING),
                name="exchange_message_control",
            ),
            BrinIndex(fields=["created_at"], name="exchange_message_created", autosummarize=True),
            models.Index(
                fields=["-created_at"],
                condition=Q(state__in=TROUBLED_STATES),
                name="exchange_message_troubled",
            ),
            models.Index(
                fields=["patient_uid", "-created_at"],
                condition=Q(patient_uid__isnull=False),
                name="exchange_message_patient",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.control_id}"
