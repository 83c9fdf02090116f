"""Mailboxes of the hospital, its correspondents, and the mails it sends (spec mssante 1, 2.7, 3.4).

No patient here: what a mail is about is in its bytes and in the order that asked for it.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from establishment.models import Site, Unit
from exchange.leases import Leased, LeasedQuerySet
from exchange.models import Message
from mssante.enums import (
    AddressSource,
    IncomingKind,
    IncomingState,
    MailAction,
    MailboxKind,
    MailState,
)
from mssante.rules import written_title


class Mailbox(models.Model):
    """A BAL of the hospital. The address is its only stable key: another address is another BAL.

    `error_address` is told about what could not be integrated (mssante 2.7); `unit` is the unit that
    reads or owns it, `notify_unit` the one whose people are told of what arrives, `unit` when empty.
    `quota_used` and `quota_limit` are bytes, as the operator told at `quota_at`; None when it does not.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    address = models.EmailField("adresse", max_length=254)
    kind = models.CharField("type de BAL", max_length=3, choices=MailboxKind)
    label = models.CharField("intitulé", max_length=200, help_text="Nom montré aux destinataires.")
    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name="site"
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name="unité"
    )
    notify_unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="unité prévenue des arrivées",
    )
    error_address = models.EmailField("BAL prévenue des rejets", max_length=254, blank=True)
    is_sender = models.BooleanField("sert aux envois de la PFI", default=False)
    is_active = models.BooleanField("en service", default=True)
    quota_used = models.BigIntegerField("place prise (octets)", null=True, blank=True)
    quota_limit = models.BigIntegerField("place permise (octets)", null=True, blank=True)
    quota_at = models.DateTimeField("place demandée le", null=True, blank=True)

    class Meta:
        verbose_name = "boîte aux lettres"
        verbose_name_plural = "boîtes aux lettres"
        constraints = [
            models.UniqueConstraint(Lower("address"), name="mssante_mailbox_address"),
            models.CheckConstraint(
                condition=Q(is_sender=False) | Q(kind=MailboxKind.APP), name="mssante_sender_is_app"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} <{self.address}>"

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()

    @property
    def reading_unit(self) -> Unit | None:
        """The unit whose people are told of what arrives, and in whose stays it is filed."""
        return self.notify_unit or self.unit


class Correspondent(models.Model):
    """A professional (RPPS) or a structure (FINESS) that the hospital writes to.

    A person without RPPS yet has neither key. `accepts_dematerialised` is column 18 of the
    directory; None when unknown.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    finess = models.CharField("FINESS", max_length=9, blank=True)
    title = models.CharField("civilité d'exercice", max_length=10, blank=True)
    family_name = models.CharField("nom d'exercice", max_length=100, blank=True)
    given_name = models.CharField("prénom d'exercice", max_length=100, blank=True)
    profession = models.CharField("profession", max_length=100, blank=True)
    specialty = models.CharField("spécialité", max_length=150, blank=True)
    structure = models.CharField("structure", max_length=200, blank=True)
    postal_code = models.CharField("code postal", max_length=10, blank=True)
    city = models.CharField("commune", max_length=80, blank=True)
    accepts_dematerialised = models.BooleanField("accepte la dématérialisation", null=True, blank=True)
    search_text = models.CharField(max_length=500, editable=False, default="")
    created_at = models.DateTimeField("enregistré le", default=timezone.now)
    updated_at = models.DateTimeField("modifié le", auto_now=True)

    class Meta:
        verbose_name = "correspondant"
        constraints = [
            models.UniqueConstraint(
                fields=["rpps"], condition=~Q(rpps=""), name="mssante_correspondent_rpps"
            ),
            models.UniqueConstraint(
                fields=["finess"], condition=Q(rpps="") & ~Q(finess=""), name="mssante_correspondent_finess"
            ),
            models.CheckConstraint(
                condition=~Q(family_name="") | ~Q(structure=""), name="mssante_correspondent_named"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As written in lists: `Dr HODA Adam`, or the name of the structure."""
        person = " ".join(filter(None, (self.title, self.family_name.upper(), self.given_name)))
        return person if self.family_name else self.structure


class CorrespondentAddress(models.Model):
    """One MSSanté address of a correspondent, with where it comes from and when it was last confirmed.

    `missed_checks` counts the daily searches in a row that did not find it in the directory.
    """

    correspondent = models.ForeignKey(Correspondent, on_delete=models.CASCADE, related_name="addresses")
    address = models.EmailField("adresse MSSanté", max_length=254)
    kind = models.CharField("type de BAL", max_length=3, choices=MailboxKind, default=MailboxKind.PER)
    label = models.CharField("service ou lieu", max_length=200, blank=True)
    source = models.CharField("origine", max_length=9, choices=AddressSource)
    verified_at = models.DateTimeField("vérifiée le", null=True, blank=True)
    checked_at = models.DateTimeField("cherchée dans l'annuaire le", null=True, blank=True)
    missed_checks = models.PositiveSmallIntegerField("absences de suite", default=0, db_default=0)
    is_preferred = models.BooleanField("préférée", default=False)
    is_active = models.BooleanField("en service", default=True)
    created_at = models.DateTimeField("enregistrée le", default=timezone.now)

    class Meta:
        verbose_name = "adresse de correspondant"
        verbose_name_plural = "adresses de correspondants"
        constraints = [
            models.UniqueConstraint("correspondent", Lower("address"), name="mssante_correspondent_address"),
            models.UniqueConstraint(
                fields=["correspondent"], condition=Q(is_preferred=True), name="mssante_one_preferred_address"
            ),
        ]
        indexes = [models.Index(Lower("address"), name="mssante_address")]

    def __str__(self) -> str:
        return self.address


class DirectoryEntry(models.Model):
    """One person or structure with one address, as a search of the national directory told it.

    The copy that answers while the directory does not, kept `DIRECTORY_COPY_DAYS` days. A person without
    mailbox has an empty `address`; `dematerialised` is None when the directory does not say.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    finess = models.CharField("FINESS", max_length=9, blank=True)
    title = models.CharField("civilité d'exercice", max_length=10, blank=True)
    family = models.CharField("nom d'exercice", max_length=100, blank=True)
    given = models.CharField("prénom d'exercice", max_length=100, blank=True)
    profession = models.CharField("profession", max_length=100, blank=True)
    profession_code = models.CharField("code de la profession", max_length=10, blank=True)
    specialty = models.CharField("spécialité", max_length=150, blank=True)
    specialty_code = models.CharField("code de la spécialité", max_length=10, blank=True)
    structure = models.CharField("structure", max_length=200, blank=True)
    street = models.CharField("voie", max_length=200, blank=True)
    postal_code = models.CharField("code postal", max_length=10, blank=True)
    city = models.CharField("commune", max_length=80, blank=True)
    address = models.CharField("adresse MSSanté", max_length=254, blank=True)
    kind = models.CharField("type de BAL", max_length=3, blank=True)
    label = models.CharField("service ou lieu", max_length=200, blank=True)
    dematerialised = models.BooleanField("accepte la dématérialisation", null=True, blank=True)
    search_text = models.CharField(max_length=700, editable=False, default="")
    seen_at = models.DateTimeField("vue le", default=timezone.now)

    class Meta:
        verbose_name = "entrée de l'annuaire"
        verbose_name_plural = "entrées de l'annuaire"
        constraints = [
            models.UniqueConstraint(fields=["rpps", "finess", "address"], name="mssante_entry_once"),
            models.CheckConstraint(condition=~Q(rpps="") | ~Q(finess=""), name="mssante_entry_known"),
        ]
        indexes = [models.Index(fields=["seen_at"], name="mssante_entry_seen")]

    def __str__(self) -> str:
        return f"annuaire {self.rpps or self.finess}"

    @property
    def name(self) -> str:
        """As written in lists: `Dr HODA Adam`, or the name of the structure."""
        person = " ".join(filter(None, (written_title(self.title), self.family.upper(), self.given)))
        return person if self.family else self.structure


class OutgoingMailQuerySet(LeasedQuerySet["OutgoingMail"]):
    """Rows that wait for a worker, claimed by lease."""


OutgoingMailManager = models.Manager.from_queryset(OutgoingMailQuerySet)


class OutgoingMail(Leased):
    """One mail to one recipient. Both identifiers are fixed before the first attempt (design, section 3),
    so that a retry is the same mail.

    `order` is the HL7 message that asked for it, `job_uid` the job of the PFI that carries it.
    `recipient_key` is the address as compared (`rules.address_key`): directories vary in case.
    `raw` is filled when the mail is first built, and never again: every attempt sends these bytes.
    `attempt_at` is set before the bytes leave and cleared by the answer: a row found with it was
    left by a worker that died.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+", verbose_name="ordre HL7")
    job_uid = models.UUIDField("travail de la PFI", db_index=True)
    action = models.CharField("action", max_length=8, choices=MailAction)
    lineage = models.CharField("lignée (setId)", max_length=128)
    sender = models.CharField("expéditeur", max_length=254)
    recipient = models.CharField("destinataire", max_length=254)
    recipient_key = models.CharField("destinataire (comparaison)", max_length=254)
    recipient_label = models.CharField("nom du destinataire", max_length=200, blank=True)
    recipient_id = models.CharField("identifiant du destinataire", max_length=40, blank=True)
    is_to_patient = models.BooleanField("au patient", default=False)
    message_id = models.CharField("Message-ID", max_length=200, unique=True)
    envelope_id = models.CharField("identifiant d'enveloppe (ENVID)", max_length=100, unique=True)
    state = models.CharField("état", max_length=9, choices=MailState, default=MailState.TO_SEND)
    raw = models.BinaryField("courriel", null=True, blank=True)
    size = models.PositiveIntegerField("taille (octets)", null=True, blank=True)
    wants_delivery = models.BooleanField("accusé de remise demandé", default=True)
    wants_reading = models.BooleanField("accusé de lecture demandé", default=True)
    is_uncertain = models.BooleanField("issue incertaine", default=False)
    is_presumed = models.BooleanField("remise présumée, sans avis", default=False)
    attempt_at = models.DateTimeField("tentative en cours depuis", null=True, blank=True)
    error_code = models.CharField("code d'erreur", max_length=60, blank=True)
    error_text = models.CharField("erreur", max_length=500, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    sent_at = models.DateTimeField("envoyé le", null=True, blank=True)
    delivered_at = models.DateTimeField("remis le", null=True, blank=True)
    read_at = models.DateTimeField("lu le", null=True, blank=True)

    objects: ClassVar[OutgoingMailManager] = OutgoingMailManager()

    class Meta:
        verbose_name = "courriel sortant"
        verbose_name_plural = "courriels sortants"
        constraints = [
            models.UniqueConstraint(fields=["order", "recipient_key"], name="mssante_mail_once"),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state=MailState.TO_SEND),
                name="mssante_mail_waiting",
            ),
            models.Index(
                fields=["sent_at"], condition=Q(state=MailState.SENT), name="mssante_mail_undelivered"
            ),
            models.Index(fields=["lineage", "recipient_key", "id"], name="mssante_mail_lineage"),
        ]

    def __str__(self) -> str:
        return f"courriel {self.uid}"


class MailEvent(models.Model):
    """One attempt, answer or report of a mail: append-only."""

    mail = models.ForeignKey(OutgoingMail, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField("le", default=timezone.now)
    kind = models.CharField("événement", max_length=30)
    from_state = models.CharField("de", max_length=9, choices=MailState, blank=True)
    to_state = models.CharField("à", max_length=9, choices=MailState)
    code = models.CharField("code", max_length=60, blank=True)
    detail = models.CharField("réponse du serveur", max_length=500, blank=True)

    class Meta:
        verbose_name = "événement de courriel"
        verbose_name_plural = "événements de courriel"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.from_state} > {self.to_state}"


class IncomingMailQuerySet(LeasedQuerySet["IncomingMail"]):
    """Rows that wait for a worker, claimed by lease."""


IncomingMailManager = models.Manager.from_queryset(IncomingMailQuerySet)


class IncomingMail(Leased):
    """One mail of an application mailbox: its bytes first, then what became of it.

    `digest` tells the same mail delivered, or numbered, twice. `raw` holds the headers alone of a mail above
    the limit of size. `code` is that of the refusal, `text` a French sentence without content. The answer is
    written once, under its own Message-ID, and `answer_raw` is sent until the operator has it;
    `answer_attempt_at` is set before it leaves and cleared by the reply: found set, the operator may have it
    already. `copies`: UIDs of the same mail delivered again, to be put away with it. `cleared_at`: all marked
    and moved in the mailbox.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="+", verbose_name="boîte")
    digest = models.CharField("empreinte", max_length=64)
    message_id = models.CharField("Message-ID", max_length=900, blank=True)
    imap_validity = models.BigIntegerField("UIDVALIDITY")
    imap_uid = models.BigIntegerField("UID")
    copies = ArrayField(
        models.BigIntegerField(), verbose_name="UID des copies", default=list, db_default=[], blank=True
    )
    raw = models.BinaryField("courriel", blank=True, default=b"")
    size = models.PositiveIntegerField("taille (octets)")
    sender = models.CharField("expéditeur", max_length=254, blank=True)
    kind = models.CharField("nature", max_length=8, choices=IncomingKind, default=IncomingKind.OTHER)
    state = models.CharField("état", max_length=11, choices=IncomingState, default=IncomingState.RECEIVED)
    code = models.CharField("code", max_length=60, blank=True)
    text = models.CharField("motif", max_length=500, blank=True)
    answer_to = models.CharField("réponse à", max_length=254, blank=True)
    answer_id = models.CharField("Message-ID de la réponse", max_length=200, blank=True)
    answer_raw = models.BinaryField("réponse", blank=True, default=b"")
    answer_attempt_at = models.DateTimeField("réponse en cours depuis", null=True, blank=True)
    answered_at = models.DateTimeField("répondu le", null=True, blank=True)
    cleared_at = models.DateTimeField("rangé le", null=True, blank=True)
    received_at = models.DateTimeField("reçu le", default=timezone.now)
    done_at = models.DateTimeField("terminé le", null=True, blank=True)
    set_aside_by = models.CharField("écarté par", max_length=150, blank=True, db_default="")
    set_aside_reason = models.CharField("écarté parce que", max_length=300, blank=True, db_default="")
    set_aside_at = models.DateTimeField("écarté le", null=True, blank=True)

    objects: ClassVar[IncomingMailManager] = IncomingMailManager()

    class Meta:
        verbose_name = "courriel entrant"
        verbose_name_plural = "courriels entrants"
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "digest"], name="mssante_incoming_once"),
        ]
        indexes = [
            models.Index(fields=["mailbox", "imap_validity", "imap_uid"], name="mssante_incoming_uid"),
            GinIndex(fields=["copies"], condition=~Q(copies=[]), name="mssante_incoming_copies"),
            models.Index(fields=["message_id"], name="mssante_incoming_message"),
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state__in=[IncomingState.RECEIVED, IncomingState.HANDED_OVER])
                | Q(cleared_at__isnull=True)
                | (~Q(answer_to="") & Q(answered_at__isnull=True)),
                name="mssante_incoming_waiting",
            ),
            models.Index(
                fields=["state", "-id"],
                condition=Q(state__in=[IncomingState.TO_REVIEW, IncomingState.REFUSED]),
                name="mssante_incoming_people",
            ),
        ]

    def __str__(self) -> str:
        return f"courriel reçu {self.uid}"


class IncomingDocument(models.Model):
    """One CDA of a mail, and the HL7 message by which it was handed to the DPI."""

    mail = models.ForeignKey(IncomingMail, on_delete=models.PROTECT, related_name="documents")
    message = models.OneToOneField(
        Message, on_delete=models.PROTECT, related_name="+", verbose_name="message HL7"
    )
    unique_id = models.CharField("identifiant du document", max_length=128)
    title = models.CharField("titre", max_length=300, blank=True)

    class Meta:
        verbose_name = "document d’un courriel"
        verbose_name_plural = "documents des courriels"
        ordering = ["id"]
        indexes = [models.Index(fields=["unique_id", "id"], name="mssante_incoming_document")]

    def __str__(self) -> str:
        return f"document {self.unique_id}"
