"""States of the access to a DMP, and why a consultation is not possible (spec README; dmp 6.1, 6.2)."""

from django.db import models


class AccessState(models.TextChoices):
    """The icon beside the identity. Labels for readers are those of `ui.pills`, family `dmp_access`."""

    NOT_INFORMED = "not_informed", "Non informé"
    OPPOSED = "opposed", "Opposé"
    CHECKING = "checking", "Vérification"
    NONE = "none", "Pas de DMP"
    CLOSED = "closed", "Fermé"
    OPEN = "open", "Accès autorisé"
    BLOCKED = "blocked", "Bloqué par le patient"
    NOT_ALLOWED = "not_allowed", "Rôle non habilité"
    INS_NOT_QUALIFIED = "ins_not_qualified", "INS non qualifiée"
    UNAVAILABLE = "unavailable", "Indisponible"
    BREAK_GLASS = "break_glass", "Bris de glace"
    # Why this person asks nothing, beyond the vocabulary of the specification.
    NO_RIGHT = "no_right", "Rôle sans droit de consultation"
    SESSION_TOO_WEAK = "session_too_weak", "Session insuffisante"
    NO_RELATION = "no_relation", "Hors équipe de soins"
    STAY_ENDED = "stay_ended", "Séjour terminé"
    NOT_ENABLED = "not_enabled", "Consultation non activée"
    NOTICE_TO_READ = "notice_to_read", "Information à lire"
    NO_PROFESSION = "no_profession", "Profession absente du compte"
    NO_SPECIALTY = "no_specialty", "Spécialité absente du compte"
    NO_SECTION = "no_section", "Section absente du compte"
    # The DMP answered, and refused the request itself: certificate, structure, profile.
    REJECTED = "rejected", "Demande refusée"


class DocumentStatus(models.TextChoices):
    """Availability of a document in the DMP (spec dmp 3.2)."""

    APPROVED = "approved", "En vigueur"
    ARCHIVED = "archived", "Archivé"
    DEPRECATED = "deprecated", "Ancienne version"
    DELETED = "deleted", "Supprimé"


class CounterEvent(models.TextChoices):
    """Since when new documents are counted (SC.DMP/UX.15): a setting of the hospital."""

    LAST_SEEN = "last_seen", "Dernière ouverture de la liste"
    LAST_VISIT = "last_visit", "Fin de la venue précédente"
    LAST_INTEGRATION = "last_integration", "Dernière intégration"
    PERIOD = "period", "Période fixe"


class CounterReset(models.TextChoices):
    """What makes counted documents old ones: a setting of the hospital."""

    LIST = "list", "Ouverture de la liste"
    EXPLICIT = "explicit", "« Tout marquer comme vu »"
