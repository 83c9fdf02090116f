"""Invented data for the gallery of components (development only). No real person, no real number."""

from datetime import UTC, datetime

from ui import pills
from ui.components import (
    Column,
    Entry,
    Exceptional,
    Filter,
    Group,
    Option,
    Service,
    Shell,
    Step,
    TraitLine,
    UserCard,
    differing_parts,
)
from ui.icons import ICON_NAMES

_DETAILS = {
    ("order_state", "scheduled"): "22:00",
    ("order_state", "failed"): "5.1.1",
    ("order_state", "blocked"): "opposition",
    ("dmp_access", "unavailable"): "14:32",
    ("dmp_access", "break_glass"): "58 min",
    ("visibility", "invisible_patient"): "41 j",
    ("visibility", "visible"): "08/03",
    ("allergy", "known"): "pénicilline",
    ("reception", "rejected"): "904",
    ("version_mark", "already_here"): "v1",
}


def shell() -> Shell:
    """An application bar and a status bar with every kind of entry."""
    return Shell(
        hospital="CHU Démo",
        unit="CHIR V · UF 6268",
        home_url="#",
        environment="Démonstration",
        entries=[
            Entry("Mes patients", "#", "bed", current=True, short="Patients", key="patients"),
            Entry("Tâches", "#", "list-checks", count=4),
            Entry("Envois", "#", "send", alarm=2, alarm_noun="échecs"),
            Entry("MSSanté", "#", "inbox", count=3, alarm=2, alarm_noun="rejets"),
            Entry("Admissions", "#", "id-card"),
        ],
        search_url="#",
        user=UserCard("Dr A. HODA", "Médecin · 2 facteurs", "AH"),
        user_menu=[Entry("Mes préférences", "#", "sliders")],
        session="2 facteurs (Pro Santé Connect)",
        services=[Service("DMP, MSSanté, INSi", "up"), Service("Annuaire santé", "slow", since="14:10")],
        version="v0.1.0",
    )


def _families() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (family, [(state, _DETAILS.get((family, state), "")) for state in states])
        for family, states in pills.FAMILIES.items()
    ]


def _lines() -> list[TraitLine]:
    return [
        TraitLine("Nom de naissance", "PAT-TROIS", "PAT-TROIS", "identical"),
        TraitLine(
            "Prénoms de naissance",
            "DOMINIQUE",
            "DOMINIQUE MARIE-LOUISE",
            "completed",
            differing_parts("DOMINIQUE", "DOMINIQUE MARIE-LOUISE"),
        ),
        TraitLine(
            "Date de naissance",
            "16/02/1983",
            "16/12/1983",
            "different",
            differing_parts("16/02/1983", "16/12/1983"),
        ),
        TraitLine("Lieu de naissance", "", "63220", "completed", (("63220", True),), remark="Mazoires"),
    ]


def context() -> dict[str, object]:
    """Everything that `ui/guide.html` shows."""
    return {
        "shell": shell(),
        "families": _families(),
        "icon_names": sorted(ICON_NAMES),
        "views_label": "Exemple de listes",
        "views": [
            Group(
                "Mes listes",
                [
                    Entry("CHIR V", "#", "bed", current=True, count=12),
                    Entry("Patients suivis", "#", "user-check", count=5),
                ],
            ),
            Group("À traiter", [Entry("Échecs", "#", "octagon-alert", alarm=2, alarm_noun="échecs")]),
        ],
        "filters": [
            Filter("unite", "Unité", [Option("6268", "CHIR V", checked=True), Option("2100", "REA")]),
            Filter("etat", "État", [Option("held", "Retenu"), Option("failed", "Échec")]),
        ],
        "steps": [Step(1, "Recherche", "done"), Step(2, "Identité", "current"), Step(3, "Document présenté")],
        "lines": _lines(),
        "columns": [Column("Date acte", "#", "descending"), Column("Origine", "#")],
        "choices": [
            ("not_collected", "Non recueillie", "Les documents partent (règle nationale)"),
            ("not_opposed", "Informé – non opposé", "Les documents partent"),
            ("opposed", "Informé – opposé", "Aucun document ne part"),
        ],
        "exceptional": Exceptional(
            "Bris de glace actif", "Urgence, patiente inconsciente", "Dr L. SIMON", 58, "#"
        ),
        "then": datetime(2025, 3, 8, 13, 36, tzinfo=UTC),
    }
