"""What surrounds every invented page: application bar, banner, rail, moments."""

from datetime import date, datetime
from types import SimpleNamespace as Values
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from ui.components import Entry, Filter, Option, Service, Shell, Step, UserCard

PARIS = ZoneInfo("Europe/Paris")
BORN = date(1979, 3, 28)


def at(day: int, month: int, hour: int = 0, minute: int = 0, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=PARIS)


def tonight() -> datetime:
    return timezone.localtime().replace(hour=22, minute=0, second=0, microsecond=0)


def shell(current: str = "Mes patients", *, admission: bool = False) -> Shell:
    entries = [
        Entry("Mes patients", "#patients", "bed", short="Patients", key="patients"),
        Entry("Envois", "#envois", "send", alarm=2, alarm_noun="échecs", key="envois"),
        Entry("Admissions", "#", "id-card"),
    ]
    if admission:
        entries = [
            Entry("Patients", "#", "bed"),
            Entry("Admissions", "#", "id-card"),
            Entry("INS à reprendre", "#", "list-checks", count=3),
            Entry("Info non recueillie", "#", "circle-question", count=1),
        ]
    marked = [
        Entry(
            **{**{slot: getattr(entry, slot) for slot in entry.__slots__}, "current": entry.label == current}
        )
        for entry in entries
    ]
    return Shell(
        hospital="CHU Démo",
        unit="Admissions · Bâtiment A" if admission else "CHIR V · UF 6268",
        home_url="/",
        environment="Démonstration",
        entries=marked,
        search_url="#",
        search_results_url="#",
        user=UserCard("M. LEROY", "Agent d’admission", "ML")
        if admission
        else UserCard("Dr A. HODA", "Médecin · 2 facteurs", "AH"),
        session="2 facteurs (Pro Santé Connect)",
        services=[Service("DMP, MSSanté, INSi", "up")],
        version="v1.4.2 (build 2025.03.1)",
        logout_url="#",
    )


def dmp_fact(state: str) -> Values:
    is_open = state == "open"
    return Values(
        state=state, detail="", news=5, invisible=1, news_url="#groupe-dmp" if is_open else "", retry_url=""
    )


def banner(**changes: Any) -> Values:
    values = {
        "birth_name": "PAT-TROIS",
        "given_name": "DOMINIQUE",
        "sex": "F",
        "birth_date": BORN,
        "birth_place": "Mazoires",
        "birth_place_code": "63220",
        "used_name": "",
        "ipp": "000003",
        "status": "QUAL",
        "attributes": [],
        "ins_url": "#",
        "alerts": [Values(state="known", label="pénicilline")],
        "alerts_url": "#",
        "dmp": dmp_fact("open"),
        "choices": Values(
            alimentation="not_opposed", consultation="not_opposed", at=at(6, 3, 11), source="screen", url="#"
        ),
        "stay": Values(
            number="000897406",
            kind="Hospit. complète",
            unit="CHIR V",
            bed="12",
            entered_at=at(6, 3, 11),
            url="",
        ),
        "team_count": 6,
    }
    return Values(**{**values, **changes})


def rail(current: str = "Dossier médical") -> list[Entry]:
    entries = [
        ("Synthèse", "layout", None),
        ("Dossier médical", "folder-open", 24),
        ("Mouvements", "arrows", None),
        ("Envois", "send", 1),
        ("Équipe", "users", 6),
        ("Traçabilité", "history", None),
    ]
    return [Entry(label, "#", icon, current=label == current, count=count) for label, icon, count in entries]


def filters(*labels: str) -> list[Filter]:
    return [Filter(label.lower(), label, [Option("a", "Premier"), Option("b", "Second")]) for label in labels]


def steps(current: int) -> list[Step]:
    words = ("Recherche", "Identité", "Document présenté", "Séjour et information")
    return [
        Step(number, word, "done" if number < current else "current" if number == current else "ahead", "#")
        for number, word in enumerate(words, start=1)
    ]
