"""Every permission of the product: `room.codename` and what it allows, in French (security 3.1).

A permission that is not listed here does not exist: views that name another one fail at import,
and a role keeps only names found here.
"""

from __future__ import annotations

from typing import Final

PERMISSIONS: Final[dict[str, str]] = {
    "accounts.manage": "Créer, modifier, suspendre et clore les comptes",
    "accounts.habilitation": "Donner et retirer les habilitations, rattacher une identité nationale",
    "accounts.review_export": "Exporter les comptes et habilitations pour leur revue",
    "accounts.support_screens": "Ouvrir les écrans de support technique",
    "audit.read": "Lire les traces",
    "audit.export": "Exporter les traces",
    "establishment.settings": "Régler l'installation et les accès aux services nationaux",
    "exchange.journal": "Suivre les échanges, sans identité ni contenu",
    "exchange.raw": "Lire le contenu des messages échangés",
    "exchange.replay": "Réémettre un message en échec, rejouer un message reçu",
    "patients.search": "Rechercher un patient",
    "patients.unit_list": "Voir la liste des patients de ses unités",
    "patients.identity_view": "Voir l'identité et le séjour d'un patient",
    "patients.ins_view": "Lire le matricule INS d'une identité qualifiée",
    "patients.identity_write": "Créer et modifier l'identité d'un patient",
    "patients.identity_qualify": "Valider et qualifier une identité",
    "patients.merge": "Fusionner des identités",
    "patients.open": "Ouvrir le dossier d'un patient",
    "patients.alerts_write": "Saisir les allergies et alertes",
    "patients.break_glass": "Ouvrir un dossier hors équipe de soins (accès exceptionnel)",
    "patients.trace": "Voir qui a consulté un dossier",
    "consent.view": "Voir l'information et les choix du patient",
    "consent.record": "Recueillir l'information et les choix du patient",
    "documents.view": "Lire les documents du dossier",
    "documents.write": "Rédiger un document",
    "documents.validate": "Valider un document",
    "documents.delete": "Supprimer un document",
    "documents.visibility": "Changer la visibilité d'un document",
    "documents.import": "Importer un document",
    "documents.import_mismatch": "Classer un document dont le matricule INS diffère, avec un motif",
    "documents.received": "Suivre les documents reçus par MSSanté dans ses unités",
    "dmp.consult": "Consulter le DMP",
    "dmp.break_glass": "Consulter le DMP en bris de glace",
    "dmp.trace_export": "Exporter les traces d'accès au DMP",
    "mssante.directory": "Chercher dans l'Annuaire santé, compléter le carnet d'adresses",
    "mssante.review": "Reprendre les courriels reçus qui attendent une personne, sans contenu",
    "mssante.read": "Lire, avec un motif, le texte d'un courriel reçu qui attend une personne",
    "mssante.trace_export": "Lire et exporter les traces de la messagerie MSSanté",
    "sending.list": "Voir les envois",
    "sending.hold": "Retenir, libérer, annuler et relancer un envoi",
    "sending.add": "Envoyer un document validé à un autre destinataire",
    "sending.reprise": "Envoyer l'historique des documents en lot",
    "pfi.jobs": "Suivre les travaux de la plateforme d'intermédiation, sans identité ni contenu",
    "stats.view": "Voir les indicateurs",
    "stats.export": "Exporter les indicateurs",
}


class UnknownPermission(ValueError):
    """The code names a permission that the registry does not hold."""


def checked(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, all known; UnknownPermission otherwise."""
    for name in names:
        if name not in PERMISSIONS:
            raise UnknownPermission(name)
    return names
