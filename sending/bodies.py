"""What a mail says above its attachments: our own words, or those of the hospital (spec mssante 1.5).

CORPSMAIL_PS and CORPSMAIL_PATIENT of the order. A body never tells a diagnosis; that of the patient
always says whether an answer is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sending.enums import Audience, OrderAction

MARKS: Final = {
    "patient": "nom et prénom de naissance",
    "naissance": "date de naissance",
    "document": "type du document",
    "date": "date du document",
    "auteur": "qui l'a écrit",
    "service": "unité",
    "etablissement": "établissement",
    "telephone": "téléphone de l'établissement",
    "entree": "date d'entrée",
    "sortie": "date de sortie",
    "version": "numéro de version",
}
"""What a text may hold between braces, and what it becomes."""

_MARK: Final = re.compile(r"\{([a-z]+)\}")
_SIGNED: Final = "\n\n{auteur}, {service}\n{etablissement}"
DEFAULTS: Final = {
    (Audience.PROFESSIONAL, OrderAction.INITIAL): (
        "Docteur,\n\nVeuillez trouver ci-joint : {document} du {date}, concernant {patient}, né(e) le "
        "{naissance}.\n\nL’archive IHE_XDM s’intègre dans votre logiciel ; la copie PDF se lit telle quelle."
        + _SIGNED
    ),
    (Audience.PROFESSIONAL, OrderAction.REPLACE): (
        "Docteur,\n\nCe document annule et remplace la version précédente qui vous a été transmise : "
        "{document} du {date}, concernant {patient}, né(e) le {naissance}. Il s’agit de la version "
        "{version}.\n\nL’archive IHE_XDM s’intègre dans votre logiciel ; la copie PDF se lit telle quelle."
        + _SIGNED
    ),
    (Audience.PROFESSIONAL, OrderAction.DELETE): (
        "DEMANDE DE SUPPRESSION\n\nLe document ci-joint ({document} du {date}) vous a été transmis à tort "
        "et doit être supprimé de votre dossier." + _SIGNED
    ),
    (Audience.PATIENT, OrderAction.INITIAL): (
        "Bonjour,\n\nVoici votre document : {document} du {date}. Il a été écrit par {auteur}, {service}, "
        "{etablissement}.\n\nVous pouvez l’ouvrir et le garder dans Mon espace santé."
    ),
    (Audience.PATIENT, OrderAction.REPLACE): (
        "Bonjour,\n\nCe document annule et remplace celui que vous avez déjà reçu : {document} du {date}. "
        "Il a été écrit par {auteur}, {service}, {etablissement}."
    ),
    (Audience.PATIENT, OrderAction.DELETE): (
        "Bonjour,\n\nLe document ci-joint ({document} du {date}) vous a été envoyé par erreur : ne le "
        "gardez pas. Nous vous prions de nous en excuser.\n\n{etablissement}"
    ),
}
NO_REPLY: Final = "Ce message ne permet pas de réponse."
NO_REPLY_PHONE: Final = "Ce message ne permet pas de réponse ; pour une question, appelez le {telephone}."
MAY_REPLY: Final = "Vous pouvez répondre à ce message : votre réponse sera lue par {service}."


def body_of(
    snapshot: Mapping[str, Any],
    *,
    audience: Audience,
    action: OrderAction,
    text: str = "",
    closes_reply: bool,
) -> str:
    """The body of a mail, from the text of the hospital or from ours, with its marks filled.

    `snapshot` is the frozen content of the version. A mark that we do not know stays as it was typed.
    """
    wished = OrderAction.REPLACE if action == OrderAction.VISIBILITY else action
    body = text.strip() or DEFAULTS[audience, wished]
    if audience == Audience.PATIENT:
        body = f"{body}\n\n{_reply_words(snapshot, closes_reply)}"
    values = values_of(snapshot)
    return _MARK.sub(lambda mark: values.get(mark[1], mark[0]), body)


def unknown_marks(text: str) -> list[str]:
    """The marks of a text that would stay as typed: a slip, to be said before it is kept."""
    return sorted({mark for mark in _MARK.findall(text) if mark not in MARKS})


def values_of(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """What each mark becomes for a version."""
    patient, document, episode = snapshot["patient"], snapshot["document"], snapshot["episode"]
    author, site, unit = snapshot["author"], snapshot["site"], snapshot["unit"]
    return {
        "patient": f"{patient['birth_name']} {patient['first_birth_given_name']}".strip(),
        "naissance": _day(patient["birth_date"]),
        "document": document["type_label"],
        "date": _day(document["at"]),
        "auteur": f"{author.get('title', '')} {author['given_name']} {author['family_name']}".strip(),
        "service": unit["name"] or site["name"],
        "etablissement": site["name"],
        "telephone": site.get("phone", ""),
        "entree": _day(episode.get("admitted_at", "")),
        "sortie": _day(episode.get("discharged_at", "")),
        "version": str(document["number"]),
    }


def _reply_words(snapshot: Mapping[str, Any], closes_reply: bool) -> str:
    if not closes_reply:
        return MAY_REPLY
    return NO_REPLY_PHONE if snapshot["site"].get("phone") else NO_REPLY


def _day(text: str) -> str:
    """`jj/mm/aaaa` of an ISO date or moment; empty when there is none."""
    if not text:
        return ""
    day = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    return day.strftime("%d/%m/%Y")
