"""French names of events, segments and fields, for those who read a message on a screen.

Sources: HL7 v2.5 and v2.6 (definitions of segments), IHE PAM France 2.11 (ZBE, ZFx), volets CI-SIS
"Transmission de document(s) CDA en HL7v2" 2.1 and "au LPS" 1.1 (OBX-3, PRT-4). A name that is missing here is
shown as its number: what a message holds is never left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from interop.hl7v2 import codes

EVENT_NAMES: Final[Mapping[str, str]] = {
    "ADT^A01": "admission",
    "ADT^A02": "mutation",
    "ADT^A03": "sortie",
    "ADT^A04": "consultation ou urgences",
    "ADT^A05": "préadmission",
    "ADT^A06": "passage en hospitalisation",
    "ADT^A07": "retour en externe",
    "ADT^A08": "mise à jour",
    "ADT^A11": "admission annulée",
    "ADT^A12": "mutation annulée",
    "ADT^A13": "sortie annulée",
    "ADT^A14": "admission attendue",
    "ADT^A15": "mutation attendue",
    "ADT^A16": "sortie attendue",
    "ADT^A21": "permission",
    "ADT^A22": "retour de permission",
    "ADT^A24": "rapprochement d’identités",
    "ADT^A28": "nouvelle identité",
    "ADT^A31": "mise à jour d’identité",
    "ADT^A37": "rapprochement annulé",
    "ADT^A38": "préadmission annulée",
    "ADT^A40": "fusion d’identités",
    "ADT^A44": "dossier déplacé",
    "ADT^A47": "changement d’identifiant",
    "ADT^A49": "changement de dossier administratif",
    "ADT^A52": "permission annulée",
    "ADT^A53": "retour de permission annulé",
    "ADT^A54": "changement de médecin",
    "ADT^A55": "changement de médecin annulé",
    "ADT^Z99": "mouvement modifié",
    "MDM^T02": "document",
    "MDM^T04": "suppression",
    "MDM^T10": "remplacement",
    "ORU^R01": "résultats",
    "OUL^R22": "résultats",
    "ZAM^Z01": "réception par le DMP",
    "ZAM^Z02": "réception MSSanté",
    "ZAM^Z03": "accusé de lecture",
}
"""MSH-9.1^MSH-9.2. Sources: IHE PAM France 2.11 (events), both volets (MDM, ORU, ZAM)."""

RECEIVED_BY_MAIL: Final[Mapping[str, str]] = {
    "MDM^T02": "document MSSanté",
    "MDM^T10": "remplacement MSSanté",
    "MDM^T04": "suppression MSSanté",
}
"""The same events under the profile of documents that came by MSSanté (CISIS_CDA_HL7_LPS)."""

SEGMENT_NAMES: Final[Mapping[str, str]] = {
    "MSH": "En-tête du message",
    "SFT": "Logiciel",
    "UAC": "Authentification",
    "EVN": "Événement",
    "PID": "Patient",
    "PD1": "Patient, compléments",
    "NK1": "Personne à prévenir",
    "PV1": "Venue",
    "PV2": "Venue, compléments",
    "ROL": "Intervenant",
    "MRG": "Identité fusionnée",
    "ZBE": "Mouvement",
    "ZFA": "Statut DMP et choix du patient",
    "ZFD": "Identité, compléments",
    "ZFM": "Séjour, PMSI",
    "ZFP": "Activité professionnelle",
    "ZFS": "Soins sans consentement",
    "ZFV": "Venue, compléments français",
    "AL1": "Allergie",
    "DG1": "Diagnostic",
    "DRG": "Groupe homogène",
    "PR1": "Acte",
    "DB1": "Handicap",
    "GT1": "Garant",
    "IN1": "Prise en charge",
    "IN2": "Prise en charge, assuré",
    "IN3": "Prise en charge, accord",
    "ACC": "Accident",
    "PDA": "Décès et autopsie",
    "ORC": "Ordre",
    "OBR": "Demande",
    "OBX": "Observation",
    "NTE": "Commentaire",
    "TXA": "Document",
    "PRT": "Participant",
    "MSA": "Acquittement",
    "ERR": "Erreur",
}

FIELD_NAMES: Final[Mapping[str, Mapping[int, str]]] = {
    "MSH": {
        1: "Séparateur", 2: "Délimiteurs", 3: "Application émettrice", 4: "Établissement émetteur",
        5: "Application destinataire", 6: "Établissement destinataire", 7: "Date du message", 9: "Type",
        10: "Identifiant", 11: "Mode de traitement", 12: "Version", 13: "Numéro de séquence",
        15: "Accusé d’enregistrement", 16: "Accusé applicatif", 17: "Pays", 18: "Jeu de caractères",
        19: "Langue", 21: "Profil",
    },
    "SFT": {
        1: "Éditeur", 2: "Version", 3: "Produit", 4: "Identifiant du binaire", 6: "Date d’installation",
    },
    "EVN": {
        1: "Code", 2: "Date d’enregistrement", 3: "Date prévue", 4: "Raison", 5: "Opérateur",
        6: "Date de l’événement", 7: "Établissement",
    },
    "PID": {
        1: "Rang", 2: "Identifiant externe", 3: "Identifiants", 4: "Autre identifiant", 5: "Nom",
        6: "Nom de naissance de la mère", 7: "Date de naissance", 8: "Sexe", 9: "Alias", 11: "Adresse",
        13: "Téléphone", 14: "Téléphone professionnel", 16: "Situation familiale", 17: "Religion",
        18: "Dossier administratif", 19: "Numéro de sécurité sociale", 21: "Identifiant de la mère",
        23: "Lieu de naissance", 24: "Naissance multiple", 25: "Rang de naissance", 26: "Nationalité",
        29: "Date de décès", 30: "Décédé", 31: "Identité inconnue", 32: "Fiabilité de l’identité",
        33: "Dernière mise à jour", 35: "Espèce",
    },
    "PD1": {
        1: "Dépendance", 2: "Mode de vie", 3: "Établissement de suivi", 4: "Médecin de suivi",
        6: "Handicap", 12: "Confidentialité",
    },
    "NK1": {
        1: "Rang", 2: "Nom", 3: "Lien", 4: "Adresse", 5: "Téléphone", 6: "Téléphone professionnel",
        7: "Rôle",
    },
    "PV1": {
        1: "Rang", 2: "Type de venue", 3: "Localisation", 4: "Type d’admission", 5: "Préadmission",
        6: "Localisation précédente", 7: "Médecin responsable", 8: "Médecin adresseur",
        9: "Médecin consultant", 10: "Discipline", 14: "Provenance", 16: "Confidentialité",
        17: "Médecin d’admission", 18: "Type de patient", 19: "Numéro de venue", 20: "Classe financière",
        21: "Régime de prix", 36: "Mode de sortie", 37: "Destination", 41: "Dernière venue du dossier",
        44: "Date d’entrée", 45: "Date de sortie", 51: "Indicateur de venue",
    },
    "PV2": {
        1: "Lieu attendu", 2: "Catégorie d’hébergement", 3: "Motif d’admission", 4: "Motif de mutation",
        7: "Codes de visite", 8: "Entrée prévue", 9: "Sortie prévue", 12: "Description de la venue",
        22: "Protection", 38: "Mode d’arrivée", 46: "Date de statut", 47: "Sortie prévue du lit",
    },
    "ROL": {
        1: "Identifiant du rôle", 2: "Action", 3: "Rôle", 4: "Personne", 5: "Début", 6: "Fin", 11: "Adresse",
        12: "Téléphone",
    },
    "MRG": {
        1: "Identifiants retirés", 3: "Dossier administratif retiré", 5: "Venue retirée", 7: "Nom retiré",
    },
    "ZBE": {
        1: "Identifiant du mouvement", 2: "Début", 3: "Fin", 4: "Action", 5: "Mouvement historique",
        6: "Événement d’origine", 7: "UF de responsabilité médicale", 8: "UF de responsabilité de soins",
        9: "Nature",
    },
    "ZFA": {
        1: "Statut du DMP", 2: "Date du statut", 3: "Date de fermeture", 4: "Autorisation d’accès (ancien)",
        5: "Date de l’autorisation (ancien)", 6: "Opposition au bris de glace (ancien)",
        7: "Opposition au centre 15 (ancien)", 8: "Date d’opposition (ancien)",
        9: "Information et alimentation", 10: "Date de ce recueil", 11: "Information et consultation",
        12: "Date de ce recueil",
    },
    "ZFD": {
        1: "Date lunaire", 2: "Semaines de gestation", 3: "Accord pour les SMS",
        4: "Date de naissance corrigée", 5: "Mode d’obtention de l’identité", 6: "Date de l’appel à INSi",
        7: "Document d’identité", 8: "Date de fin du document",
    },
    "ZFM": {
        1: "Mode d’entrée", 2: "Mode de sortie", 3: "Provenance", 4: "Destination",
        5: "Passage par les urgences",
    },
    "ZFP": {1: "Activité", 2: "Catégorie socioprofessionnelle"},
    "ZFS": {
        1: "Rang", 2: "Identifiant du mode", 3: "Début", 4: "Fin", 5: "Action", 6: "Mode",
        7: "Code RIM-P", 8: "Commentaire",
    },
    "ZFV": {
        1: "Établissement de provenance", 2: "Transport de sortie", 4: "Début de placement",
        5: "Fin de placement", 6: "Adresses", 7: "Dossier de l’établissement d’origine",
        8: "Numéros d’archives", 9: "Mode de sortie propre", 11: "Soins pendant le transport",
    },
    "ORC": {
        1: "Action", 2: "Ordre du demandeur", 3: "Ordre de l’exécutant", 4: "Groupe", 5: "État",
        7: "Quantité et horaire", 9: "Date de saisie", 10: "Saisi par", 12: "Prescripteur",
    },
    "OBR": {
        1: "Rang", 2: "Ordre du demandeur", 3: "Ordre de l’exécutant", 4: "Type de document ou d’examen",
        7: "Date de l’observation", 10: "Préleveur", 16: "Prescripteur", 22: "Date de résultat",
        25: "État du résultat", 32: "Interprète principal",
    },
    "OBX": {
        1: "Rang", 2: "Type de valeur", 3: "Observation", 4: "Sous-identifiant", 5: "Valeur", 6: "Unité",
        7: "Valeurs de référence", 8: "Anomalie", 11: "État", 14: "Date", 15: "Producteur",
        16: "Observateur",
    },
    "NTE": {1: "Rang", 2: "Source", 3: "Commentaire", 4: "Type"},
    "TXA": {
        1: "Rang", 2: "Type de document", 3: "Présentation", 4: "Date de l’acte", 5: "Auteur de l’acte",
        6: "Date de création", 7: "Date de transcription", 9: "Auteur", 10: "Valideur",
        12: "Identifiant unique", 13: "Identifiant remplacé", 14: "Ordre", 16: "Nom du fichier",
        17: "Achèvement", 18: "Confidentialité", 19: "Disponibilité", 22: "Authentification",
    },
    "PRT": {
        1: "Identifiant", 2: "Action", 3: "Raison", 4: "Rôle", 5: "Personne", 6: "Type de personne",
        7: "Type d’organisation", 8: "Organisation", 9: "Lieu", 10: "Appareil ou application", 11: "Début",
        12: "Fin", 14: "Adresse", 15: "Adresse de messagerie", 16: "Adresse de messagerie",
    },
    "MSA": {
        1: "Réponse", 2: "Message acquitté", 3: "Texte", 4: "Séquence attendue", 6: "Condition d’erreur",
    },
    "ERR": {
        1: "Code et lieu (ancien)", 2: "Lieu", 3: "Code HL7", 4: "Gravité", 5: "Code applicatif",
        6: "Paramètre", 7: "Diagnostic", 8: "Message",
    },
    "AL1": {1: "Rang", 2: "Type", 3: "Allergène", 4: "Gravité", 5: "Réaction", 6: "Date"},
    "DG1": {1: "Rang", 2: "Nomenclature", 3: "Diagnostic", 4: "Libellé", 5: "Date", 6: "Type"},
    "PR1": {1: "Rang", 2: "Nomenclature", 3: "Acte", 4: "Libellé", 5: "Date"},
    "IN1": {1: "Rang", 2: "Contrat", 3: "Organisme", 4: "Nom de l’organisme", 16: "Nom de l’assuré",
            36: "Numéro d’assuré"},
}  # fmt: skip

MARKER_NAMES: Final[Mapping[str, str]] = {
    "MASQUE_PS": "Masqué aux professionnels",
    "INVISIBLE_PATIENT": "Invisible au patient",
    "INVISIBLE_REP_LEGAUX": "Invisible aux représentants légaux",
    "CONNEXION_SECRETE": "Connexion secrète",
    "MODIF_CONF_CODE": "Visibilité modifiée",
    "DESTDMP": "Destinataire : DMP",
    "DESTMSSANTEPS": "Destinataire : professionnels, MSSanté",
    "DESTMSSANTEPAT": "Destinataire : patient, MSSanté",
    "ACK_RECEPTION": "Accusé de réception demandé",
    "ACK_LECTURE_MSS": "Accusé de lecture",
    "ACK_RECEPTION_DMP": "Réception par le DMP",
    "ACK_RECEPTION_MSS": "Réception MSSanté",
    "CORPSMAIL_PS": "Corps du courriel aux professionnels",
    "CORPSMAIL_PATIENT": "Corps du courriel au patient",
    "DESTINATAIRE_MSS": "Destinataire du courriel",
    "LECTEUR_MSS": "Lecteur du courriel",
}
"""OBX-3.1 of the markers (MetaDMPMSS) and of the business acknowledgements (AckMetierZAM)."""

PARTICIPATION_NAMES: Final[Mapping[str, str]] = {
    "SB": "Envoyé par",
    "RCT": "Destinataire",
    "REPLY": "Répondre à",
}
"""PRT-4.1."""

ERROR_NAMES: Final[Mapping[str, str]] = {
    codes.ERROR_ACCEPTED: "message accepté",
    codes.ERROR_SEGMENT_SEQUENCE: "segment absent ou mal placé",
    codes.ERROR_FIELD_MISSING: "champ obligatoire absent",
    codes.ERROR_DATA_TYPE: "donnée mal formée",
    codes.ERROR_TABLE_VALUE: "code inconnu",
    codes.ERROR_CARDINALITY: "répétition non permise",
    codes.ERROR_OTHER: "message mal formé",
    codes.ERROR_MESSAGE_TYPE: "type de message non pris en charge",
    codes.ERROR_EVENT: "événement non pris en charge",
    codes.ERROR_PROCESSING: "mode de traitement non accepté",
    codes.ERROR_VERSION: "version non prise en charge",
    codes.ERROR_APPLICATION: "refus de l’application",
}
"""Table 0357, in plain French."""


def event_name(message_type: str, profile: str = "") -> str:
    """Name an event from MSH-9 and MSH-21 as the journal keeps them; empty when unknown."""
    key = "^".join(message_type.split("^")[:2])
    if codes.PROFILE_LPS in profile and key in RECEIVED_BY_MAIL:
        return RECEIVED_BY_MAIL[key]
    return EVENT_NAMES.get(key, "")


def field_name(segment: str, number: int) -> str:
    """Name a field; empty when unknown."""
    return FIELD_NAMES.get(segment, {}).get(number, "")
