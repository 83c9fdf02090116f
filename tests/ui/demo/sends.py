"""Invented work list of orders."""

from datetime import datetime, timedelta
from types import SimpleNamespace as Values
from typing import Any

from django.utils import timezone

from tests.ui.demo.around import BORN, at, filters, shell
from ui.components import Column, Entry, Filter, Group, Option


def _order(
    validated: datetime, name: str, given: str, document: str, who: str, channel: str, state: str, **more: Any
) -> Values:
    base = {
        "uid": f"{name}-{channel}-{state}",
        "validated_at": validated,
        "birth_name": name,
        "given_name": given,
        "sex": "F",
        "birth_date": BORN,
        "patient_url": "#",
        "document": document,
        "document_url": "#",
        "who": who,
        "channel": channel,
        "state": state,
        "detail": "",
        "headline": "",
        "next": "",
        "action": None,
        "more": [],
        "actions": "",
        "checked": False,
    }
    return Values(**{**base, **more})


def envois() -> dict[str, Any]:
    retry = Values(label="Relancer", icon="refresh", url="#", key="")
    hold = Values(label="Retenir", icon="pause", url="#", key="r")
    release = Values(label="Libérer", icon="play", url="#", key="r")
    see = Values(label="Voir identité", icon="id-card", url="", href="#", key="")
    more = [Values(label="Annuler l’envoi", icon="x", url="#")]
    tonight_is = timezone.localtime()
    letter = "Lettre de liaison"
    rows = [
        _order(
            at(8, 3, 9, 41),
            "PAT-NEUF",
            "MARCEL",
            letter,
            "HODA A. · CHIR V",
            "mssante_pro",
            "failed",
            detail="5.1.1",
            headline="Boîte du Dr PETIT introuvable.",
            next="Choisir une autre adresse, puis relancer.",
            action=retry,
            actions="retry cancel",
        ),
        _order(
            at(8, 3, 14, 36),
            "PAT-TROIS",
            "DOMINIQUE",
            letter,
            "HODA A. · CHIR V",
            "dmp",
            "scheduled",
            detail="22:00",
            next="Aujourd’hui 22:00",
            action=hold,
            actions="hold send_now cancel",
            checked=True,
        ),
        _order(
            at(8, 3, 14, 36),
            "PAT-TROIS",
            "DOMINIQUE",
            letter,
            "Dr BLANC, Dr ROUX",
            "mssante_pro",
            "scheduled",
            detail="22:00",
            next="Aujourd’hui 22:00",
            action=hold,
            actions="hold send_now cancel",
            checked=True,
        ),
        _order(
            at(8, 3, 10, 5),
            "PAT-QUATRE",
            "JEANNE",
            letter,
            "HODA A. · CHIR V",
            "dmp",
            "held",
            next="Retenu par HODA A. à 14:38",
            action=release,
            actions="release cancel",
        ),
        _order(
            at(8, 3, 8, 55),
            "PAT-DEUX",
            "ISMAËL",
            "CR de passage aux urgences",
            "SIMON L. · URG",
            "dmp",
            "waiting_identity",
            next="Part seul dès que l’identité est qualifiée",
            action=see,
            actions="hold cancel",
        ),
        _order(
            at(8, 3, 8, 10),
            "PAT-CINQ",
            "RÉMI",
            letter,
            "HODA A. · CHIR V",
            "dmp",
            "blocked",
            detail="opposition",
            next="Opposé à l’alimentation le 05/03",
            more=more,
            actions="cancel",
        ),
        _order(
            at(8, 3, 8, 10),
            "PAT-CINQ",
            "RÉMI",
            letter,
            "Dr LEFEVRE",
            "mssante_pro",
            "sending",
            next="Tentative 1 sur 5",
            more=more,
        ),
        _order(
            at(7, 3, 18, 1),
            "PAT-UN",
            "CAMILLE",
            "Ordonnance de sortie",
            "HODA A.",
            "dmp",
            "handed_over",
            next="Accusé attendu",
            more=more,
        ),
        _order(
            at(7, 3, 17, 52),
            "PAT-TROIS",
            "DOMINIQUE",
            "CR opératoire",
            "HODA A.",
            "dmp",
            "received_dmp",
            next="07/03 18:04",
            more=more,
        ),
        _order(
            at(7, 3, 17, 52),
            "PAT-TROIS",
            "DOMINIQUE",
            "CR opératoire",
            "Dr BLANC",
            "mssante_pro",
            "read",
            next="08/03 08:12",
            more=more,
        ),
        _order(
            at(6, 3, 16, 30),
            "PAT-UN",
            "CAMILLE",
            "CR opératoire, version 1",
            "HODA A.",
            "dmp",
            "superseded",
            next="par la version 2 du 07/03",
        ),
        _order(
            at(5, 3, 12, 14),
            "PAT-QUATRE",
            "JEANNE",
            "Ordonnance de sortie",
            "HODA A.",
            "mssante_patient",
            "cancelled",
            next="Annulé par HODA A. le 05/03",
        ),
    ]
    for number, row in enumerate(rows):
        row.uid = str(number)
    return {
        "shell": shell("Envois"),
        "subtitle": "CHIR V · 7 derniers jours · 128 envois",
        "views_label": "Listes d’envois",
        "views": [
            Group(
                "À traiter",
                [
                    Entry("Échecs", "#", "octagon-alert", alarm=2, alarm_noun="échecs"),
                    Entry("Retenus", "#", "pause", count=1),
                ],
            ),
            Group("Suivi", [Entry("Tous les envois", "#", "send", current=True, count=128)]),
        ],
        "refreshed_at": tonight_is - timedelta(minutes=2),
        "refresh_url": "#",
        "export_url": "#",
        "filters": [
            Filter("unite", "Unité", [Option("6268", "CHIR V", checked=True)]),
            *filters("Auteur", "Canal", "État"),
        ],
        "filter_action": "#",
        "columns": {
            "validated": Column("Validé le", "#"),
            "patient": Column("Patient", "#"),
            "document": Column("Document", "#"),
            "channel": Column("Canal", "#"),
            "state": Column("État", "#", "descending"),
        },
        "rows": rows,
        "bulk_url": "#",
        "total": 128,
        "select_all_url": "#",
        "more_url": "#",
    }
