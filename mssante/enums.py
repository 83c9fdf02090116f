"""Mailboxes, addresses and the states of a mail (spec README vocabulary, mssante 1.1 and 1.10)."""

from django.db import models


class MailboxKind(models.TextChoices):
    """Kind of a BAL, with the official code as value (JDV_J139)."""

    PER = "PER", "BAL personnelle"
    ORG = "ORG", "BAL organisationnelle"
    APP = "APP", "BAL applicative"
    CAB = "CAB", "BAL de cabinet"


class AddressSource(models.TextChoices):
    """How an address came into the address book."""

    DIRECTORY = "directory", "Annuaire santé"
    MANUAL = "manual", "Saisie"
    RECEIVED = "received", "Message reçu"


class MailAction(models.TextChoices):
    INITIAL = "initial", "Envoi"
    REPLACE = "replace", "Remplacement"
    DELETE = "delete", "Suppression"


class MailState(models.TextChoices):
    TO_SEND = "to_send", "À envoyer"
    SENT = "sent", "Envoyé"
    DELIVERED = "delivered", "Remis"
    READ = "read", "Lu"
    FAILED = "failed", "Échec"
