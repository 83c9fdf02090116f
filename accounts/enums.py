"""Roles and kinds of account (spec README vocabulary; security 3.1, 3.2)."""

from django.db import models


class RoleCode(models.TextChoices):
    PRESCRIPTEUR = "prescripteur", "Prescripteur"
    PHARMACIEN = "pharmacien", "Pharmacien"
    SOIGNANT = "soignant", "Soignant"
    MEDICOTECHNIQUE = "medicotechnique", "Médico-technique"
    ETUDIANT = "etudiant", "Étudiant"
    SECRETAIRE = "secretaire", "Secrétaire"
    SOCIAL = "social", "Social"
    ADMISSION = "admission", "Agent d'admission"
    ADMIN_TECHNIQUE = "admin_technique", "Administrateur technique"
    ADMIN_FONCTIONNEL = "admin_fonctionnel", "Administrateur fonctionnel"
    IDENTITOVIGILANCE = "identitovigilance", "Identitovigilance"
    AUDITEUR = "auditeur", "Auditeur / DPO"
    PILOTAGE = "pilotage", "Pilotage / DSI"
    SERVICE = "service", "Compte de service"


class RoleFamily(models.TextChoices):
    """Families that one account never mixes (security 3.1)."""

    CARE = "care", "Soins"
    ADMISSION = "admission", "Admission"
    ADMIN_TECHNIQUE = "admin_technique", "Administration technique"
    ADMIN_FONCTIONNEL = "admin_fonctionnel", "Administration fonctionnelle"
    IDENTITE = "identite", "Identitovigilance"
    AUDIT = "audit", "Audit"
    PILOTAGE = "pilotage", "Pilotage"
    SERVICE = "service", "Service"


class AccountKind(models.TextChoices):
    NOMINATIVE = "nominative", "Nominatif"
    SERVICE = "service", "Service"
    BREAK_GLASS = "break_glass", "Secours scellé"
    TRAINING = "training", "Formation"


PRIVILEGED_FAMILIES = frozenset({RoleFamily.ADMIN_TECHNIQUE, RoleFamily.ADMIN_FONCTIONNEL})
"""Administration: separate accounts, never matched with a national identity (security 3.1, psc 7)."""


class AttributeSource(models.TextChoices):
    """Who vouches for an identity attribute of an account (security 4.4)."""

    UNVERIFIED = "", "Non vérifié"
    ADMIN = "admin", "Administrateur"
    DIRECTORY = "directory", "Annuaire"
    PSC = "psc", "Pro Santé Connect"


class LinkMethod(models.TextChoices):
    RPPS = "rpps", "Rapprochement par RPPS"
    CHOICE = "choice", "Preuve de l'utilisateur"
    ADMIN = "admin", "Administrateur"


class ProviderKind(models.TextChoices):
    PSC = "psc", "Pro Santé Connect"
    GENERIC = "generic", "Fournisseur OpenID Connect"


class ClientAuthentication(models.TextChoices):
    """How the product proves itself to the token endpoint (psc 3)."""

    BASIC = "client_secret_basic", "Secret (en-tête)"
    POST = "client_secret_post", "Secret (formulaire)"
    TLS = "tls_client_auth", "Certificat client"


class SessionEnd(models.TextChoices):
    LOGOUT = "logout", "Déconnexion"
    EXPIRED = "expired", "Durée maximale atteinte"
    ABANDONED = "abandoned", "Restée verrouillée"
    REPLACED = "replaced", "Connexion d'une autre personne sur le poste"
    KILLED = "killed", "Fermée par l'administration ou par l'utilisateur"
    TOO_MANY = "too_many", "Trop de sessions ouvertes"
    PROVIDER = "provider", "Fermée par le fournisseur d'identité"
    UNLINKED = "unlinked", "Identité dissociée du compte"


class RequestState(models.TextChoices):
    PENDING = "pending", "En attente"
    ACCEPTED = "accepted", "Acceptée"
    REFUSED = "refused", "Refusée"


class LoginRefusal(models.TextChoices):
    """Codes shown to the person, who learns no more than that (psc 13)."""

    CANCELLED = "PSC-01", "Connexion refusée ou annulée"
    STATE = "PSC-02", "Demande de connexion inconnue ou expirée"
    TOKEN = "PSC-03", "Réponse du fournisseur non valable"  # noqa: S105 - a code, not a secret
    NO_ACCOUNT = "PSC-04", "Aucun compte correspondant"
    ACCOUNT = "PSC-05", "Compte fermé, suspendu ou non rattachable"
    UNREACHABLE = "PSC-06", "Fournisseur injoignable"
    ASSURANCE = "PSC-07", "Niveau d'authentification insuffisant"
