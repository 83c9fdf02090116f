"""The one table of words for states: what a user reads, and how strongly it is marked.

Source: the vocabulary of `spec/README.md` (identifiers in code) and section 7 of the ui reference
(label, tone, weight, icon). Keys are the stable identifiers that rooms store; rooms above take their
French labels from `label()` so that a state is never written in two ways.

Weight says how much a mark needs its reader (ui reference, 3.6): quiet = done, tint = to know,
dashed = missing, someone must act, solid = failure. Tone never carries the meaning alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["ok", "info", "warn", "bad", "hid", "neu", "accent"]
Weight = Literal["quiet", "tint", "dashed", "solid", "badge", "tile"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one state is written.

    `short` is the word of dense lists, `detail` the pattern that adds a time, a code or a reason,
    `banner` the weight on the patient banner where it differs, `explanation` one plain sentence.
    """

    label: str
    icon: str = ""
    tone: Tone = "neu"
    weight: Weight = "quiet"
    short: str = ""
    detail: str = "{word} {detail}"
    banner: Weight | None = None
    explanation: str = ""

    def word(self, *, short: bool = False, detail: str = "") -> str:
        """Return the word shown, with its detail when there is one."""
        word = self.short if short and self.short else self.label
        return self.detail.format(word=word, detail=detail) if detail else word


_IN_BRACKETS: Final = "{word} ({detail})"
_AFTER_DASH: Final = "{word} – {detail}"
_AFTER_DOT: Final = "{word} · {detail}"

_IDENTITY_STATUS: Final[Mapping[str, Mark]] = {
    "PROV": Mark(
        "Identité provisoire", "circle-dashed", "warn", "dashed", "Provisoire", explanation="À compléter."
    ),
    "RECUP": Mark(
        "Identité récupérée",
        "cloud-download",
        "info",
        "tint",
        "Récupérée",
        explanation="INSi acceptée, document à contrôler.",
    ),
    "VALI": Mark(
        "Identité validée",
        "badge-check",
        "info",
        "tint",
        "Validée",
        explanation="Document contrôlé, INSi à appeler.",
    ),
    "QUAL": Mark(
        "Identité qualifiée",
        "shield-check",
        "ok",
        "quiet",
        "Qualifiée",
        banner="tint",
        explanation="INSi acceptée et document contrôlé.",
    ),
}

_IDENTITY_ATTRIBUTE: Final[Mapping[str, Mark]] = {
    "DOUT": Mark(
        "Identité douteuse", "triangle-alert", "warn", "tint", "Douteuse", explanation="Échanges bloqués."
    ),
    "FICT": Mark("Identité fictive", "flask", "warn", "tint", "Fictive", explanation="Aucun échange."),
    "HOMD": Mark(
        "Homonyme à vérifier",
        "users",
        "warn",
        "tint",
        "Homonyme",
        explanation="Doublon possible, à vérifier.",
    ),
    "HOMA": Mark("Homonyme", "users", "warn", "tint", explanation="Homonyme avéré : vérifier les traits."),
}

_DMP_ACCESS: Final[Mapping[str, Mark]] = {
    "not_informed": Mark(
        "Non informé – consultation impossible",
        "circle-question",
        "warn",
        "dashed",
        "Non informé",
        explanation="Recueillir l’information du patient.",
    ),
    "opposed": Mark(
        "Opposé à la consultation",
        "ban",
        "neu",
        "tint",
        "Opposé consultation",
        explanation="Choix du patient pour ce séjour.",
    ),
    "checking": Mark("Vérification…", "ring", explanation="Réponse attendue."),
    "none": Mark("Pas de DMP", "circle-slash"),
    "closed": Mark("DMP fermé", "cloud-off"),
    "open": Mark("Ouvert – accès autorisé", "cloud-check", "ok", short="Accès autorisé"),
    "blocked": Mark(
        "Ouvert – accès bloqué par le patient",
        "lock",
        "neu",
        "tint",
        "Bloqué par le patient",
        explanation="Ne pas réessayer.",
    ),
    "not_allowed": Mark("Ouvert – rôle non habilité", "user-x", "neu", "tint", "Rôle non habilité"),
    "session_too_weak": Mark(
        "Session sans second facteur ou sans RPPS",
        "key",
        short="Session insuffisante",
        explanation="Se reconnecter avec deux facteurs.",
    ),
    "no_right": Mark(
        "Rôle sans droit de consultation",
        "user-x",
        short="Rôle non habilité",
        explanation="Réservé aux professionnels habilités à consulter le DMP.",
    ),
    "no_relation": Mark("Hors équipe de soins", "users", explanation="Consultation réservée à l’équipe."),
    "stay_ended": Mark(
        "Séjour terminé – consultation close",
        "circle-slash",
        short="Séjour terminé",
        explanation="La consultation vaut pour le séjour.",
    ),
    "not_enabled": Mark(
        "Consultation non activée", "cloud-off", explanation="Non ouverte pour ce site de l’établissement."
    ),
    "notice_to_read": Mark(
        "Information à lire avant consultation",
        "info",
        "warn",
        "dashed",
        "Information à lire",
        explanation="Vos accès sont tracés et montrés au patient.",
    ),
    "ins_not_qualified": Mark(
        "INS non qualifiée – consultation impossible",
        "circle-slash",
        short="INS non qualifiée",
        explanation="Qualifier l’identité.",
    ),
    "no_profession": Mark(
        "Profession absente de votre compte – consultation impossible",
        "user-x",
        "warn",
        "dashed",
        "Profil incomplet",
        explanation="Le DMP la demande : à faire compléter par l’administrateur des comptes.",
    ),
    "no_specialty": Mark(
        "Spécialité absente de votre compte – consultation impossible",
        "user-x",
        "warn",
        "dashed",
        "Profil incomplet",
        explanation="Le DMP la demande aux médecins : à faire compléter par l’administrateur des comptes.",
    ),
    "no_section": Mark(
        "Section du tableau absente de votre compte – consultation impossible",
        "user-x",
        "warn",
        "dashed",
        "Profil incomplet",
        explanation="Le DMP la demande aux pharmaciens : à faire compléter par l’administrateur des comptes.",
    ),
    "rejected": Mark(
        "Demande refusée par le DMP",
        "octagon-alert",
        "warn",
        "tint",
        "Demande refusée",
        detail="{word} : {detail}",
        explanation="Un refus, pas une panne : prévenir l’administrateur.",
    ),
    "unavailable": Mark(
        "DMP indisponible", "unplug", detail=_IN_BRACKETS, explanation="Panne, pas un refus."
    ),
    "break_glass": Mark(
        "Bris de glace actif",
        "shield-alert",
        "bad",
        "tint",
        detail=_IN_BRACKETS,
        explanation="Tracé, patient prévenu.",
    ),
}

_CHOICE: Final[Mapping[str, Mark]] = {
    "not_collected": Mark(
        "Non recueillie",
        "circle-question",
        "warn",
        "dashed",
        explanation="Alimentation permise, consultation interdite.",
    ),
    "not_opposed": Mark("Informé – non opposé", "user-check", "ok", short="Non opposé"),
    "opposed": Mark("Informé – opposé", "ban", "neu", "tint", "Opposé"),
}

# The unit list says both choices in one mark; these words stand for a pair of values.
_CHOICES_SUMMARY: Final[Mapping[str, Mark]] = {
    "not_collected": Mark("Non recueillie", "circle-question", "warn", "dashed"),
    "not_opposed": Mark("Non opposé", "user-check"),
    "opposed_alimentation": Mark("Opposé alimentation", "ban", "neu", "tint"),
    "opposed_consultation": Mark("Opposé consultation", "ban", "neu", "tint"),
    "opposed": Mark("Opposé", "ban", "neu", "tint"),
}

_CHOICE_SUBJECT: Final[Mapping[str, Mark]] = {
    "alimentation": Mark(
        "Alimentation", "upload", explanation="Envoyer les documents du séjour dans Mon espace santé."
    ),
    "consultation": Mark("Consultation", "eye", explanation="Permettre à l’équipe de lire Mon espace santé."),
}

_CHOICE_SOURCE: Final[Mapping[str, Mark]] = {
    "screen": Mark("Écran", "monitor"),
    "pam": Mark("PAM", "server"),
    "api": Mark("Logiciel", "server", explanation="Enregistré par un autre logiciel de l’établissement."),
}

_ORDER_STATE: Final[Mapping[str, Mark]] = {
    "held": Mark("Retenu", "pause", "warn", "tint", explanation="Suspendu par une personne."),
    "scheduled": Mark("Programmé", "clock", "info", "tint", explanation="Part seul."),
    "waiting_identity": Mark(
        "En attente INS qualifiée", "hourglass", "warn", "dashed", explanation="Part dès la qualification."
    ),
    "blocked": Mark("Bloqué", "ban", "neu", "tint", detail=_AFTER_DASH),
    "sending": Mark("En cours", "ring", "info", "tint"),
    "handed_over": Mark("Transmis PFI", "send", "info", explanation="Accusé attendu."),
    "received_dmp": Mark("Reçu DMP", "check", "ok"),
    "delivered": Mark("Remis MSS", "mail-check", "ok"),
    "read": Mark("Lu", "mail-open", "ok", detail="{word} {detail}"),
    "failed": Mark("Échec", "octagon-alert", "bad", "solid", detail=_IN_BRACKETS),
    "cancelled": Mark("Annulé", "x"),
    "superseded": Mark("Remplacé", "git-compare"),
}

# What the document row says where there is no order, or where the order was a deletion.
_SENDING: Final[Mapping[str, Mark]] = {
    **_ORDER_STATE,
    "to_validate": Mark("À valider", "pencil", "warn", "dashed", explanation="Brouillon, rien ne part."),
    "not_sent": Mark("Non envoyé", "minus", explanation="Validé, aucun ordre."),
    "deleted_dmp": Mark("Supprimé du DMP", "trash"),
}

_ORDER_REASON: Final[Mapping[str, Mark]] = {
    "INS_NOT_QUALIFIED": Mark("INS non qualifiée", explanation="Part seul dès que l’identité est qualifiée."),
    "IDENTITY_DOUBTFUL": Mark("identité douteuse", explanation="Lever le doute sur l’identité."),
    "IDENTITY_REVIEW": Mark("identité à revoir", explanation="Vérifier l’identité avec l’identitovigilance."),
    "OPPOSITION": Mark("opposition", explanation="Le patient est opposé à l’alimentation."),
    "OPPOSITION_MES": Mark(
        "opposition MES", explanation="Le patient refuse les messages de Mon espace santé."
    ),
    "INVISIBLE_PATIENT": Mark("invisible au patient", explanation="Rendre le document visible d’abord."),
}

_ORDER_CHANNEL: Final[Mapping[str, Mark]] = {
    "dmp": Mark("DMP", "cloud"),
    "mssante_pro": Mark("MSSanté", "mail", short="MSS"),
    "mssante_patient": Mark("Patient (MES)", "message", short="MES"),
}

_ORDER_ACTION: Final[Mapping[str, Mark]] = {
    "initial": Mark("Premier envoi", "send"),
    "replace": Mark("Remplacement", "git-compare"),
    "visibility": Mark("Visibilité", "eye"),
    "delete": Mark("Suppression", "trash"),
}

_ORDER_ORIGIN: Final[Mapping[str, Mark]] = {
    "flux": Mark("Flux"),
    "historique": Mark("Reprise d’historique", "history"),
}

_JOB_STATE: Final[Mapping[str, Mark]] = {
    "pending": Mark("En file", "hourglass", "info", "tint"),
    "running": Mark("En cours", "ring", "info", "tint"),
    "retrying": Mark("À réessayer", "refresh", "warn", "tint"),
    "done": Mark("Réussi", "check", "ok"),
    "failed": Mark("Échec définitif", "octagon-alert", "bad", "solid", detail=_IN_BRACKETS),
    "cancelled": Mark("Annulé", "x"),
}

_MESSAGE_OUT: Final[Mapping[str, Mark]] = {
    "queued": Mark("À émettre", "hourglass", "warn", "dashed"),
    "sent": Mark("Émis", "arrow-up", "info"),
    "acked": Mark("Accepté", "check", "ok"),
    "rejected": Mark("Rejeté", "octagon-alert", "bad", "solid", detail=_IN_BRACKETS),
    "deferred": Mark("Différé", "clock", "info", "tint"),
}

_MESSAGE_IN: Final[Mapping[str, Mark]] = {
    "stored": Mark("Reçu", "inbox", "info"),
    "applied": Mark("Appliqué", "check", "ok"),
    "refused": Mark("Refusé", "octagon-alert", "bad", "solid", detail=_IN_BRACKETS),
    "conflict": Mark("Conflit", "git-compare", "bad", "solid"),
    "unreadable": Mark("Illisible", "octagon-alert", "bad", "solid"),
}

_CALL_OUTCOME: Final[Mapping[str, Mark]] = {
    "success": Mark("Réussi", "check", "ok"),
    "rejected": Mark("Refusé par le service", "ban", "warn", "tint", "Refusé"),
    "unavailable": Mark("Indisponible", "unplug", "bad", "tint"),
    "uncertain": Mark(
        "Issue inconnue", "hourglass", "warn", "dashed", explanation="Demande partie, sans réponse."
    ),
}

_MAIL_STATE: Final[Mapping[str, Mark]] = {
    "to_send": Mark("À envoyer", "clock", "info", "tint"),
    "sent": Mark("Envoyé", "send", "info"),
    "delivered": Mark("Remis", "mail-check", "ok"),
    "read": Mark("Lu", "mail-open", "ok"),
    "failed": Mark("Échec", "octagon-alert", "bad", "solid", detail=_IN_BRACKETS),
}

_INCOMING_MAIL: Final[Mapping[str, Mark]] = {
    "received": Mark("Reçu", "mail", "info", "tint"),
    "handed_over": Mark("Remis au dossier", "hourglass", "info", "tint"),
    "done": Mark("Traité", "mail-check", "ok"),
    "refused": Mark("Refusé", "octagon-alert", "bad", "solid"),
    "to_review": Mark("À reprendre", "mail-x", "warn", "dashed"),
    "set_aside": Mark("Écarté", "x"),
}

_VERSION_STATE: Final[Mapping[str, Mark]] = {
    "draft": Mark("Brouillon", "pencil", "warn", "dashed", explanation="Rien ne part."),
    "current": Mark("En vigueur", "file-text"),
    "replaced": Mark("Remplacé", "git-compare", detail="{word} par {detail}"),
    "deleted": Mark("Supprimé", "trash"),
}

_VERSION_MARK: Final[Mapping[str, Mark]] = {
    "newer_in_dmp": Mark("Version plus récente dans le DMP", "git-compare", "info", "tint"),
    "already_here": Mark("Déjà au dossier", "copy-check", detail=_IN_BRACKETS),
    "removed_here": Mark("Supprimé du dossier", "trash"),
    "ours": Mark("Déposé par nous", "hospital"),
    "archived": Mark("Archivé", "archive"),
    "older": Mark("Ancienne version", "history"),
    "deleted": Mark("Supprimé", "trash", detail="{word} le {detail}"),
    "deleted_by_sender": Mark("Supprimé par l’émetteur", "trash", detail="{word} le {detail}"),
}

_DOCUMENT_ORIGIN: Final[Mapping[str, Mark]] = {
    "produced": Mark("Produit ici", "hospital", "neu", "tile"),
    "dmp": Mark("Importé DMP", "cloud-download", "info", "tile"),
    "mssante": Mark("Reçu MSSanté", "mail", "accent", "tile"),
    "internal": Mark("Reçu du SIH", "server", "neu", "tile"),
    "upload": Mark("Importé à la main", "upload", "neu", "tile"),
    "in_dmp": Mark("Dans le DMP", "cloud", "info", "tile"),
    "patient": Mark("Patient", "user-circle", "neu", "tile"),
}

_VISIBILITY: Final[Mapping[str, Mark]] = {
    "invisible_patient": Mark(
        "Invisible patient",
        "eye-off",
        "hid",
        "tint",
        detail=_AFTER_DOT,
        explanation="Le patient ne voit pas ce document.",
    ),
    "invisible_rep_legaux": Mark("Invisible représentants", "eye-closed", "hid", "tint"),
    "masque_ps": Mark("Masqué aux PS", "mask", "hid", "tint"),
    "connexion_secrete": Mark("Connexion secrète", "lock", "hid", "tint"),
    "visible": Mark("Visible", "eye", detail="{word} le {detail}"),
}

_DELETION_MOTIVE: Final[Mapping[str, Mark]] = {
    "patient_request": Mark("Demande du patient"),
    "wrong_patient": Mark("Erreur de patient"),
    "wrong_document": Mark("Erreur de document"),
    "definitive": Mark("Suppression définitive"),
}

_RECEPTION: Final[Mapping[str, Mark]] = {
    "new": Mark("NOUVEAU", tone="accent", weight="badge"),
    "replaced": Mark("REMPLACÉ", tone="accent", weight="badge"),
    "deleted": Mark("SUPPRIMÉ", tone="accent", weight="badge"),
    "seen": Mark("Vu", "check"),
    "rejected": Mark("Rejet", "octagon-alert", "bad", "solid", explanation="Rien n’a été classé."),
}

_INSI: Final[Mapping[str, Mark]] = {
    "00": Mark("00 – identité unique", "circle-check", "ok"),
    "01": Mark("01 – aucune identité", "circle-x", "warn", "tint"),
    "02": Mark("02 – plusieurs identités", "users", "warn", "tint"),
    "unavailable": Mark("INSi indisponible", "unplug", "neu", "tint"),
}

_CARE_TEAM: Final[Mapping[str, Mark]] = {
    "inside": Mark("Équipe de soins", "users", "ok"),
    "outside": Mark("Hors équipe de soins", "lock", "neu", "tint"),
}

_ALLERGY: Final[Mapping[str, Mark]] = {
    "known": Mark(
        "Allergie", "triangle-alert", "bad", "quiet", detail="{word}\u202f: {detail}", banner="tint"
    ),
    "none_known": Mark("Aucune allergie connue", "", short="Aucune connue"),
    "not_recorded": Mark("Allergies non renseignées", "circle-question", "warn", "dashed", "Non renseignées"),
}

_COMPARISON: Final[Mapping[str, Mark]] = {
    "identical": Mark("Identique", "equal", "ok"),
    "completed": Mark("Complété par INSi", "plus", "warn"),
    "different": Mark("Différente", "not-equal", "bad"),
    "missing": Mark("Non renseigné", "minus"),
}

_MEDICATION_CHANGE: Final[Mapping[str, Mark]] = {
    "new": Mark("Nouveau", "plus", "info", "tint"),
    "continued": Mark("Poursuivi", "equal"),
    "changed": Mark("Modifié", "git-compare", "warn", "tint"),
    "stopped": Mark("Arrêté", "x"),
}

_SERVICE: Final[Mapping[str, Mark]] = {
    "up": Mark("joignable", "circle-check", "ok"),
    "slow": Mark("réponses lentes", "triangle-alert", "warn", detail="{word} depuis {detail}"),
    "down": Mark("injoignable", "unplug", "bad", detail="{word} depuis {detail}"),
    "off": Mark("non configuré", "circle-slash"),
}

_EXPIRY: Final[Mapping[str, Mark]] = {
    "fine": Mark("Valide", "check", "ok", detail="{detail} jours"),
    "notice": Mark("À prévoir", "clock", "info", "tint", detail="{detail} jours"),
    "warning": Mark("À renouveler", "triangle-alert", "warn", "tint", detail="{word}, {detail} jours"),
    "urgent": Mark("À renouveler", "octagon-alert", "bad", "solid", detail="{word}, {detail} jours"),
    "expired": Mark("Expiré", "octagon-alert", "bad", "solid", detail="{word}"),
    "unreadable": Mark("Illisible", "octagon-alert", "bad", "solid"),
}

_TRIAL: Final[Mapping[str, Mark]] = {
    "pending": Mark("En cours", "ring", "info"),
    "passed": Mark("Essai réussi", "circle-check", "ok"),
    "failed": Mark("Essai en échec", "octagon-alert", "bad", "tint"),
}

_SWITCH: Final[Mapping[str, Mark]] = {
    "on": Mark("Actif", "check", "ok"),
    "off": Mark("Inactif", "minus"),
}

_CHECK: Final[Mapping[str, Mark]] = {
    "passed": Mark("Conforme", "circle-check", "ok"),
    "warning": Mark("À regarder", "triangle-alert", "warn"),
    "failed": Mark("À corriger", "octagon-alert", "bad"),
}

_ROLE: Final[Mapping[str, Mark]] = {
    "prescripteur": Mark("Prescripteur"),
    "pharmacien": Mark("Pharmacien"),
    "soignant": Mark("Soignant"),
    "medicotechnique": Mark("Médico-technique"),
    "etudiant": Mark("Étudiant"),
    "secretaire": Mark("Secrétaire"),
    "social": Mark("Social"),
    "admission": Mark("Agent d’admission"),
    "admin_technique": Mark("Administrateur technique"),
    "admin_fonctionnel": Mark("Administrateur fonctionnel"),
    "identitovigilance": Mark("Identitovigilance"),
    "auditeur": Mark("Auditeur, délégué à la protection des données"),
    "pilotage": Mark("Pilotage, DSI"),
    "service": Mark("Compte de service"),
}

_EXPORT_STATE: Final[Mapping[str, Mark]] = {
    "pending": Mark("En préparation", "ring", "info", "tint", explanation="Prêt dans quelques instants."),
    "ready": Mark("Prêt", "check", "ok", "quiet", explanation="À télécharger pendant 24 heures."),
    "failed": Mark("Échec", "octagon-alert", "bad", "solid", explanation="Demander un nouvel export."),
    "expired": Mark("Lien expiré", "clock", "neu", "quiet", explanation="Demander un nouvel export."),
}

FAMILIES: Final[Mapping[str, Mapping[str, Mark]]] = {
    "export_state": _EXPORT_STATE,
    "identity_status": _IDENTITY_STATUS,
    "identity_attribute": _IDENTITY_ATTRIBUTE,
    "dmp_access": _DMP_ACCESS,
    "choice": _CHOICE,
    "choices_summary": _CHOICES_SUMMARY,
    "choice_subject": _CHOICE_SUBJECT,
    "choice_source": _CHOICE_SOURCE,
    "order_state": _ORDER_STATE,
    "sending": _SENDING,
    "order_reason": _ORDER_REASON,
    "order_channel": _ORDER_CHANNEL,
    "order_action": _ORDER_ACTION,
    "order_origin": _ORDER_ORIGIN,
    "job_state": _JOB_STATE,
    "message_out": _MESSAGE_OUT,
    "message_in": _MESSAGE_IN,
    "call_outcome": _CALL_OUTCOME,
    "mail_state": _MAIL_STATE,
    "incoming_mail": _INCOMING_MAIL,
    "version_state": _VERSION_STATE,
    "version_mark": _VERSION_MARK,
    "document_origin": _DOCUMENT_ORIGIN,
    "visibility": _VISIBILITY,
    "deletion_motive": _DELETION_MOTIVE,
    "reception": _RECEPTION,
    "insi": _INSI,
    "care_team": _CARE_TEAM,
    "allergy": _ALLERGY,
    "comparison": _COMPARISON,
    "medication_change": _MEDICATION_CHANGE,
    "service": _SERVICE,
    "check": _CHECK,
    "expiry": _EXPIRY,
    "trial": _TRIAL,
    "switch": _SWITCH,
    "role": _ROLE,
}


def mark(family: str, state: object) -> Mark:
    """Return how `state` of `family` is written.

    An unknown family is a mistake in a template and raises `LookupError`. An unknown state is a
    gap in this table: it must neither vanish from a record nor close it, so it is shown as such.
    """
    marks = FAMILIES.get(family)
    if marks is None:
        raise LookupError(f"no family of states named {family!r}")
    found = marks.get(str(state))
    if found is not None:
        return found
    return Mark(f"État inconnu ({state})", "circle-question", "warn", "dashed")


def label(family: str, state: object, *, short: bool = False) -> str:
    """Return the French word for a state; raises `LookupError` for an unknown family or state."""
    marks = FAMILIES.get(family)
    if marks is None or str(state) not in marks:
        raise LookupError(f"no label for state {state!r} of family {family!r}")
    return marks[str(state)].word(short=short)
