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


class IncomingState(models.TextChoices):
    """A mail of an application mailbox, until its final treatment (mssante 1.11, 2.1)."""

    RECEIVED = "received", "Reçu"
    HANDED_OVER = "handed_over", "Remis au dossier"
    DONE = "done", "Traité"
    REFUSED = "refused", "Refusé"
    TO_REVIEW = "to_review", "À reprendre par une personne"
    SET_ASIDE = "set_aside", "Écarté par une personne"


class IncomingKind(models.TextChoices):
    DOCUMENT = "document", "Documents"
    DELIVERY = "delivery", "Avis de remise"
    READING = "reading", "Accusé de lecture"
    PATIENT = "patient", "Courriel d’un usager"
    OTHER = "other", "Autre"
