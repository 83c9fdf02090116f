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


class LinkMethod(models.TextChoices):
    RPPS = "rpps", "Rapprochement par RPPS"
    CHOICE = "choice", "Choix de l'utilisateur"
    ADMIN = "admin", "Administrateur"
