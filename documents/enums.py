"""Origins, version states, flags of a document (spec README vocabulary)."""

from django.db import models


class Origin(models.TextChoices):
    PRODUCED = "produced", "Produit"
    DMP = "dmp", "DMP"
    MSSANTE = "mssante", "MSSanté"
    INTERNAL = "internal", "SIH (SGL, RIS)"
    UPLOAD = "upload", "Ajouté"


class VersionState(models.TextChoices):
    DRAFT = "draft", "Brouillon"
    CURRENT = "current", "En vigueur"
    REPLACED = "replaced", "Remplacé"
    DELETED = "deleted", "Supprimé"


class Structure(models.TextChoices):
    """Body of the CDA: unstructured with the PDF, or structured with the PDF inside."""

    N1 = "N1", "CDA R2 niveau 1"
    N3 = "N3", "CDA R2 niveau 3"


class Intake(models.TextChoices):
    """How a document entered: by a message, or by the hand of a person."""

    AUTOMATIC = "automatic", "Automatique"
    MANUAL = "manual", "À la main"


class ReceiptRequest(models.TextChoices):
    """What the sender asks: MDM T02, T10, T04 (spec hl7v2 2.1)."""

    INITIAL = "initial", "Première transmission"
    REPLACE = "replace", "Remplacement"
    DELETE = "delete", "Suppression"


class ReceiptOutcome(models.TextChoices):
    """What became of a document that arrived (requirements 13, hl7v2 3.5, dmp 6.5)."""

    INTEGRATED = "integrated", "Intégré"
    REPLACED = "replaced", "Intégré comme nouvelle version"
    DELETED = "deleted", "Supprimé à la demande de l’émetteur"
    DUPLICATE = "duplicate", "Déjà présent"
    OLDER = "older", "Version plus ancienne"
    CONFLICT = "conflict", "Identifiant déjà pris par un autre contenu"
    DELETED_BEFORE = "deleted_before", "Supprimé auparavant"
    UNKNOWN_VERSION = "unknown_version", "Version visée inconnue ou dépassée"
    REFUSED_AUTHOR = "refused_author", "Auteur non autorisé"
    REFUSED_IDENTITY = "refused_identity", "Identité non concordante"
    UNREADABLE = "unreadable", "Illisible"


class NoticeKind(models.TextChoices):
    """What is told about an arrival of MSSanté (SC.MSS/UX.38)."""

    NEW = "new", "Nouveau"
    REPLACED = "replaced", "Remplacé"
    DELETED = "deleted", "Supprimé"
    REJECTED = "rejected", "Rejeté"


class DeletionMotive(models.TextChoices):
    """Why a document of ours is deleted (workflows 3.8); the two errors leave the rates (stats 5)."""

    PATIENT_REQUEST = "patient_request", "Demande du patient"
    WRONG_PATIENT = "wrong_patient", "Erreur de patient"
    WRONG_DOCUMENT = "wrong_document", "Erreur de document"
    DEFINITIVE = "definitive", "Suppression définitive"


class VisibilityFault(models.TextChoices):
    """Why a document may not have the flags it is given (EX_2.1-1050, EX_0.1-1100; dmp 3.3, 5.4)."""

    HIDDEN_AND_MASKED = (
        "hidden_and_masked",
        "Un document ne peut pas être à la fois invisible au patient et masqué aux professionnels. "
        "Gardez l’un des deux choix.",
    )
    SECRET_OF_ADULT = (
        "secret_of_adult",
        "La connexion secrète est réservée aux patients mineurs. Décochez-la.",
    )
    SECRET_BUT_SEEN = (
        "secret_but_seen",
        "En connexion secrète, le document doit être invisible aux représentants légaux. Cochez les deux.",
    )
