"""Invented contexts for every page template of the interface: the patients of the reference screens.

Pages are drawn from these in tests (they must render, be accessible, and hold no inline style) and
may serve to look at them. No real person, official test identity.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import SimpleNamespace as Values
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from ui.components import (
    Column,
    Entry,
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

PARIS = ZoneInfo("Europe/Paris")
BORN = date(1979, 3, 28)


def at(day: int, month: int, hour: int = 0, minute: int = 0, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=PARIS)


def tonight() -> datetime:
    return timezone.localtime().replace(hour=22, minute=0, second=0, microsecond=0)


def shell(current: str = "Mes patients", *, admission: bool = False) -> Shell:
    entries = [
        Entry("Mes patients", "#", "bed", short="Patients"),
        Entry("Envois", "#", "send", alarm=2, alarm_noun="échecs"),
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
        Entry(**{**{slot: getattr(entry, slot) for slot in entry.__slots__}, "current": entry.label == current})
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
        "dmp": Values(state="open", detail="", news=5, invisible=1, news_url="#groupe-dmp", retry_url=""),
        "choices": Values(
            alimentation="not_opposed", consultation="not_opposed", at=at(6, 3, 11), source="screen", url="#"
        ),
        "stay": Values(
            number="000897406", kind="Hospit. complète", unit="CHIR V", bed="12", entered_at=at(6, 3, 11), url=""
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


def _row(**values: Any) -> Values:
    base = {
        "uid": "0",
        "url": "?document=0",
        "preview_url": "#",
        "unit": "CHIR V",
        "author": "HODA A.",
        "version_note": "",
        "origin": "produced",
        "marks": [],
        "sendings": [],
        "is_draft": False,
        "has_no_sending": False,
        "offer": None,
        "links": [],
        "actions": [],
        "group": "",
        "checked": False,
        "selected": False,
        "is_removed": False,
    }
    return Values(**{**base, **values})


def _sending(channel: str, state: str = "", detail: str = "", text: str = "", action: Any = None) -> Values:
    return Values(channel=channel, state=state, detail=detail, text=text, action=action)


def _own_rows() -> list[Values]:
    hold = Values(label="Retenir", icon="pause", url="#", key="r")
    return [
        _row(
            uid="1",
            act_date=date(2025, 3, 8),
            title="Sortie après cure de hernie inguinale",
            type="Lettre de liaison",
            sendings=[_sending("DMP", "scheduled", "22:00"), _sending("MSS", text="2 dest.", action=hold)],
        ),
        _row(
            uid="2",
            act_date=date(2025, 3, 7),
            title="Cure de hernie inguinale droite",
            type="CR opératoire",
            selected=True,
            sendings=[_sending("DMP", "received_dmp", "07/03"), _sending("MSS", "read", "· Dr BLANC")],
        ),
        _row(
            uid="3",
            act_date=date(2025, 3, 6),
            title="Consultation pré-anesthésique",
            type="CR de consultation",
            author="MARTEL C.",
            unit="ANESTH",
            is_draft=True,
        ),
        _row(
            uid="4",
            act_date=date(2025, 3, 5),
            title="NFS, ionogramme sanguin",
            type="CR d’examens biologiques",
            author="Labo BIOVAL",
            unit="",
            origin="mssante",
            has_no_sending=True,
            marks=[Values(family="reception", state="new", detail="")],
        ),
        _row(
            uid="5",
            act_date=date(2025, 2, 1),
            title="Échographie abdominale",
            type="CR d’imagerie médicale",
            author="Clinique du Parc",
            unit="",
            version_note="V1",
            origin="dmp",
            offer=Values(label="V2 disponible dans le DMP", icon="git-compare", url="#"),
        ),
        _row(
            uid="6",
            act_date=date(2025, 1, 12),
            title="Biopsie gastrique",
            type="CR d’anatomopathologie",
            author="NGUYEN T.",
            unit="ANAPATH",
            marks=[Values(family="visibility", state="invisible_patient", detail="41 j")],
            sendings=[
                _sending("DMP", "received_dmp", "26/01"),
                _sending("", action=Values(label="Rendre visible…", icon="eye", url="#", key="v")),
            ],
        ),
        _row(
            uid="7",
            act_date=date(2024, 12, 20),
            title="Scanner thoracique",
            type="CR d’imagerie médicale",
            author="Clinique du Parc",
            unit="",
            origin="dmp",
            sendings=[_sending("", "deleted_dmp", "02/03")],
        ),
    ]


def _dmp_rows() -> list[Values]:
    see, take = Values(label="Voir", icon="eye", url="#"), Values(label="Intégrer", icon="download", url="#")
    rows = [
        ("20/02/2025", "Synthèse médicale", "Volet de synthèse", "Dr BLANC S., médecin traitant", "in_dmp", True),
        ("18/02/2025", "Carnet de vaccination", "Document déposé par le patient", "", "patient", False),
        ("15/02/2025", "Consultation de cardiologie", "CR de consultation", "Dr ROUX K.", "in_dmp", True),
        ("03/02/2025", "Ordonnance, inhibiteur de la pompe", "Ordonnance", "Dr BLANC S.", "in_dmp", False),
    ]
    return [
        _row(
            uid=f"dmp-{at_}",
            act_date=datetime.strptime(day, "%d/%m/%Y").date(),
            title=title,
            type=kind,
            author=author,
            unit="",
            origin=origin,
            group="dmp",
            check_value=str(at_),
            checked=checked,
            links=[see],
            actions=[take],
            marks=[Values(family="visibility", state="invisible_patient", detail="")] if at_ == 0 else [],
        )
        for at_, (day, title, kind, author, origin, checked) in enumerate(rows)
    ]


def _filters(*labels: str) -> list[Filter]:
    return [Filter(label.lower(), label, [Option("a", "Premier"), Option("b", "Second")]) for label in labels]


def patient() -> dict[str, Any]:
    return {
        "shell": shell(),
        "banner": banner(),
        "rail": rail(),
        "name_in_title": True,
        "count": 24,
        "new_documents": [Values(label="Lettre de liaison de sortie", url="#")],
        "dmp_search_url": "#",
        "import_url": "#",
        "filters": _filters("Type", "Origine", "État d’envoi", "Unité"),
        "filter_action": "#",
        "columns": {
            "date": Column("Date acte", "#", "descending"),
            "title": Column("Titre", "#"),
            "type": Column("type", "#"),
            "author": Column("auteur", "#"),
            "origin": Column("Origine", "#"),
            "sending": Column("Envois", ""),
        },
        "rows": _own_rows(),
        "dmp_group": Values(since=date(2025, 1, 12), count=5, invisible=1, integrate_url="#", rows=_dmp_rows()),
        "preview": Values(
            title="Cure de hernie inguinale droite",
            type="CR opératoire",
            act_date=date(2025, 3, 7),
            author="Dr HODA Adam",
            version=1,
            close_url="?",
            warnings=[],
            new_version_url="#",
            print_url="#",
            enlarge_url="#",
            more=[Entry("Supprimer…", "#", "trash")],
            tabs=[
                Entry("PDF", "#", "file-text", current=True),
                Entry("Vue structurée", "#", "list"),
                Entry("Métadonnées", "#", "info"),
            ],
            frame_url="about:blank",
            frame_title="PDF : Cure de hernie inguinale droite",
            sandboxed=False,
            journal_url="#",
            recipients=[
                Values(who="DMP · Mon espace santé", role="visible de la patiente", state="received_dmp", detail="07/03 18:04"),
                Values(who="Dr BLANC Sylvie", role="médecin traitant · MSSanté", state="read", detail="08/03 08:12"),
                Values(who="Dr ROUX Karim", role="adresseur · MSSanté", state="delivered", detail="07/03 18:05"),
            ],
        ),
        "pane_open": False,
    }


def _unit_row(*values: Any, **changes: Any) -> Values:
    names = ("bed", "birth_name", "given_name", "sex", "birth_date", "entered_at")
    base: dict[str, Any] = dict(zip(names, values, strict=True))
    base |= {
        "url": "#",
        "status": "QUAL",
        "attributes": [],
        "allergies": [],
        "allergy_state": "none_known",
        "choice": "not_opposed",
        "dmp_state": "",
        "news": 0,
        "invisible": 0,
        "stay_note": "",
        "todo": [],
        "selected": False,
    }
    return Values(**{**base, **changes})


def unit_list() -> dict[str, Any]:
    draft = Values(family="sending", state="to_validate", weight="dashed", text="1 à valider")
    received = Values(family="reception", state="new", text="1 REÇU")
    failed = Values(family="order_state", state="failed", weight="solid", text="2 échecs")
    waiting = Values(family="order_state", state="waiting_identity", weight="tint", text="1 en attente INS")
    return {
        "shell": shell(),
        "title": "Mes patients",
        "subtitle": "CHIR V · Chirurgie viscérale · UF 6268 · 7 patients présents",
        "views_label": "Mes listes",
        "views": [
            Group("Mes listes", [Entry("CHIR V", "#", "bed", current=True, count=12)]),
            Group("Mouvements", [Entry("Sorties du jour", "#", "log-out", count=1)]),
            Group(
                "À traiter",
                [Entry("Info non recueillie", "#", "circle-question", count=1), Entry("INS à qualifier", "#", "id-card", count=3)],
            ),
        ],
        "refreshed_at": at(8, 3, 14, 32),
        "refresh_url": "#",
        "filters": _filters("Identité", "Information", "À faire"),
        "filter_action": "#",
        "columns": {"bed": Column("Lit", "#", "ascending"), "patient": Column("Patient", "#"), "stay": Column("Séjour", "#")},
        "rows": [
            _unit_row("1", "PAT-UN", "CAMILLE", "F", date(1951, 7, 14), at(4, 3)),
            _unit_row(
                "2", "PAT-DEUX", "ISMAËL", "M", date(1988, 11, 2), at(8, 3),
                status="PROV", allergy_state="not_recorded", choice="not_collected", news=None,
                dmp_state="not_informed", stay_note="urgences", todo=[waiting],
            ),
            _unit_row(
                "4", "PAT-QUATRE", "JEANNE", "F", date(1939, 1, 30), at(1, 3),
                allergy_state="known", allergies=["Iode"], news=2, todo=[received],
            ),
            _unit_row(
                "5", "PAT-CINQ", "RÉMI", "M", date(1967, 9, 19), at(5, 3), choice="opposed_alimentation", news=1
            ),
            _unit_row(
                "7", "PAT-SEPT", "AWA", "F", date(1994, 5, 8), at(7, 3),
                status="RECUP", news=None, dmp_state="ins_not_qualified", todo=[draft],
            ),
            _unit_row(
                "9", "PAT-NEUF", "MARCEL", "M", date(1944, 12, 23), at(28, 2),
                allergy_state="known", allergies=["Latex"], news=None, dmp_state="closed", todo=[failed],
            ),
            _unit_row(
                "10", "PAT-DIX", "LUCIE", "F", date(1972, 6, 11), at(6, 3), choice="opposed", news=None, dmp_state="opposed"
            ),
            _unit_row(
                "12", "PAT-TROIS", "DOMINIQUE", "F", BORN, at(6, 3),
                allergy_state="known", allergies=["Pénicilline"], news=5, invisible=1, selected=True,
                stay_note="sortie prévue aujourd’hui", todo=[received, draft],
            ),
            _unit_row("14", "PAT-QUATORZE", "HENRI", "M", date(1958, 4, 3), at(3, 3), status="VALI", news=None, dmp_state="checking"),
        ],
    }  # fmt: skip


def _block(key: str, title: str, kind: str = "text", **changes: Any) -> Values:
    base = {
        "key": key, "title": title, "kind": kind, "required": True, "help": "", "source": "", "error": "",
        "shown": True, "depends_key": "", "depends_value": "", "value": "", "options": [], "rows": [],
        "none": False, "statuses": [],
    }  # fmt: skip
    return Values(**{**base, **changes})


def letter_edit() -> dict[str, Any]:
    statuses = [
        Values(value="nouveau", label="Nouveau"),
        Values(value="poursuivi", label="Poursuivi"),
        Values(value="arrete", label="Arrêté"),
    ]
    return {
        "shell": shell(),
        "banner": banner(),
        "rail": rail(),
        "title": "Sortie après cure de hernie inguinale",
        "type_label": "Lettre de liaison à la sortie",
        "save_url": "#",
        "revision": 7,
        "saved_at": at(8, 3, 14, 32),
        "preview_url": "#",
        "validate_url": "#",
        "validation": None,
        "model_label": "CHIR V, sortie standard",
        "delete_url": "#",
        "blocks": [
            _block(
                "motif", "Motif d’hospitalisation", source="repris de l’admission",
                value="Cure programmée d’une hernie inguinale droite symptomatique, adressée par le Dr ROUX Karim.",
            ),
            _block(
                "synthese", "Synthèse médicale du séjour",
                value="Entrée le 06/03/2025. Intervention le 07/03/2025 par voie cœlioscopique, sans incident. "
                "Suites simples : reprise du transit et de l’alimentation, marche à H+4, douleur EN 2/10 sous "
                "paracétamol. Pas de fièvre.",
            ),
            _block(
                "micro_organismes", "Recherche de micro-organismes multirésistants (BMR, BHRe)", "choice", value="non",
                options=[Values(value="oui", label="Recherché"), Values(value="non", label="Non recherché")],
            ),
            _block("micro_organismes_identifies", "Micro-organismes identifiés", shown=False,
                   depends_key="micro_organismes", depends_value="oui"),
            _block(
                "traitements", "Traitements à la sortie", "treatments", source="repris des prescriptions du 08/03",
                statuses=statuses,
                rows=[
                    Values(name="Paracétamol 1 g", dosage="1 cp × 3 par jour, 5 jours", status="nouveau"),
                    Values(name="Énoxaparine 4000 UI", dosage="1 inj. par jour, 7 jours", status="nouveau"),
                    Values(name="Ésoméprazole 20 mg", dosage="1 cp le soir", status="poursuivi"),
                ],
            ),
            _block("resultats_attendus", "Résultats en attente", required=False),
            _block("suites", "Suites à donner", source="repris de l’agenda", required=False, error="",
                   value="Consultation de contrôle le 03/04/2025 à 09:30, Dr HODA. Arrêt de travail de 15 jours."),
        ],
        "helper": Values(
            checks=[
                Values(outcome="passed", title="Identité qualifiée", detail="Le PDF portera le datamatrix « INS à scanner ».", anchor=""),
                Values(outcome="passed", title="Rubriques obligatoires remplies", detail="6 sur 6", anchor=""),
                Values(outcome="warning", title="BMR / BHRe : « non recherché »", detail="Vous pouvez valider ainsi ou préciser.", anchor="micro_organismes"),
                Values(outcome="passed", title="Auteur et RPPS connus", detail="Dr HODA Adam", anchor=""),
            ],
            leaving=[
                Values(icon="cloud", tone="info", title="DMP · Mon espace santé", detail="Alimentation : informé, non opposé"),
                Values(icon="mail", tone="", title="2 correspondants par MSSanté", detail="Dr BLANC (médecin traitant), Dr ROUX (adresseur)"),
                Values(icon="clock", tone="info", title="Départ aujourd’hui à 22:00", detail="Différé réglé pour CHIR V. Vous pourrez retenir l’envoi jusque-là."),
            ],
            inserts=[Values(title="NFS, ionogramme du 05/03", extract="Hb 13,1 g/dL · plaquettes 244 G/L", text="Hb 13,1 g/dL.", target="synthese")],
            tabs=[Entry("Avant de valider", "#", "list-checks", current=True), Entry("Dossier", "#", "folder-open"), Entry("Versions", "#", "history")],
        ),
    }  # fmt: skip


def panel(**changes: Any) -> Values:
    def recipient(value: str, who: str, detail: str, channel: str, **more: Any) -> Values:
        base = {"name": "", "value": value, "who": who, "detail": detail, "channel": channel, "checked": True,
                "disabled": False, "reason": "", "state": "scheduled", "departure": tonight()}  # fmt: skip
        return Values(**{**base, **more})

    base = {
        "title": "Valider la lettre de liaison",
        "patient": banner(),
        "url": "#",
        "cancel_url": "?",
        "revision": 7,
        "problems": [],
        "recipients": [
            recipient("dmp", "DMP · Mon espace santé", "Alimentation : informé, non opposé", "dmp"),
            recipient("p1", "Dr BLANC Sylvie", "Médecin traitant · Lyon 3e", "mssante_pro"),
            recipient("p2", "Dr ROUX Karim", "Adresseur · Cabinet Voltaire", "mssante_pro"),
            recipient("pat", "Patiente", "Fil fermé à la réponse", "mssante_patient"),
            recipient("papier", "Papier", "Inutile : chacun est déjà servi", "paper", checked=False, state=""),
        ],
        "directory_url": "#",
        "visibility_source": "réglage de l’unité pour ce type",
        "invisible_patient": False,
        "masque_ps": False,
        "invisible_rep_legaux": False,
        "invisible_patient_reason": "",
        "masque_ps_reason": "",
        "rep_legaux_reason": "sans objet : majeure",
        "still_invisible": [Values(uid="b", title="Biopsie gastrique", act_date=date(2025, 1, 12), days=41, checked=False)],
        "departure": tonight(),
        "departure_text": "",
        "not_before": "",
        "error": "",
    }
    return Values(**{**base, **changes})


def validation() -> dict[str, Any]:
    return letter_edit() | {"validation": panel()}


def refused() -> dict[str, Any]:
    problems = [Values(text="Synthèse médicale du séjour : à remplir", anchor="synthese")]
    return letter_edit() | {"validation": panel(problems=problems)}


def _order(validated: datetime, name: str, given: str, document: str, who: str, channel: str, state: str, **more: Any) -> Values:
    base = {
        "uid": f"{name}-{channel}-{state}", "validated_at": validated, "birth_name": name, "given_name": given,
        "sex": "F", "birth_date": BORN, "patient_url": "#", "document": document, "document_url": "#", "who": who,
        "channel": channel, "state": state, "detail": "", "headline": "", "next": "", "action": None, "more": [],
        "actions": "", "checked": False,
    }  # fmt: skip
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
        _order(at(8, 3, 9, 41), "PAT-NEUF", "MARCEL", letter, "HODA A. · CHIR V", "mssante_pro", "failed", detail="5.1.1",
               headline="Boîte du Dr PETIT introuvable.", next="Choisir une autre adresse, puis relancer.", action=retry, actions="retry cancel"),
        _order(at(8, 3, 14, 36), "PAT-TROIS", "DOMINIQUE", letter, "HODA A. · CHIR V", "dmp", "scheduled", detail="22:00",
               next="Aujourd’hui 22:00", action=hold, actions="hold send_now cancel", checked=True),
        _order(at(8, 3, 14, 36), "PAT-TROIS", "DOMINIQUE", letter, "Dr BLANC, Dr ROUX", "mssante_pro", "scheduled", detail="22:00",
               next="Aujourd’hui 22:00", action=hold, actions="hold send_now cancel", checked=True),
        _order(at(8, 3, 10, 5), "PAT-QUATRE", "JEANNE", letter, "HODA A. · CHIR V", "dmp", "held",
               next="Retenu par HODA A. à 14:38", action=release, actions="release cancel"),
        _order(at(8, 3, 8, 55), "PAT-DEUX", "ISMAËL", "CR de passage aux urgences", "SIMON L. · URG", "dmp", "waiting_identity",
               next="Part seul dès que l’identité est qualifiée", action=see, actions="hold cancel"),
        _order(at(8, 3, 8, 10), "PAT-CINQ", "RÉMI", letter, "HODA A. · CHIR V", "dmp", "blocked", detail="opposition",
               next="Opposé à l’alimentation le 05/03", more=more, actions="cancel"),
        _order(at(8, 3, 8, 10), "PAT-CINQ", "RÉMI", letter, "Dr LEFEVRE", "mssante_pro", "sending", next="Tentative 1 sur 5", more=more),
        _order(at(7, 3, 18, 1), "PAT-UN", "CAMILLE", "Ordonnance de sortie", "HODA A.", "dmp", "handed_over", next="Accusé attendu", more=more),
        _order(at(7, 3, 17, 52), "PAT-TROIS", "DOMINIQUE", "CR opératoire", "HODA A.", "dmp", "received_dmp", next="07/03 18:04", more=more),
        _order(at(7, 3, 17, 52), "PAT-TROIS", "DOMINIQUE", "CR opératoire", "Dr BLANC", "mssante_pro", "read", next="08/03 08:12", more=more),
        _order(at(6, 3, 16, 30), "PAT-UN", "CAMILLE", "CR opératoire, version 1", "HODA A.", "dmp", "superseded", next="par la version 2 du 07/03"),
        _order(at(5, 3, 12, 14), "PAT-QUATRE", "JEANNE", "Ordonnance de sortie", "HODA A.", "mssante_patient", "cancelled", next="Annulé par HODA A. le 05/03"),
    ]  # fmt: skip
    for number, row in enumerate(rows):
        row.uid = str(number)
    return {
        "shell": shell("Envois"),
        "subtitle": "CHIR V · 7 derniers jours · 128 envois",
        "views_label": "Listes d’envois",
        "views": [
            Group("À traiter", [Entry("Échecs", "#", "octagon-alert", alarm=2, alarm_noun="échecs"), Entry("Retenus", "#", "pause", count=1)]),
            Group("Suivi", [Entry("Tous les envois", "#", "send", current=True, count=128)]),
        ],
        "refreshed_at": tonight_is - timedelta(minutes=2),
        "refresh_url": "#",
        "export_url": "#",
        "filters": [Filter("unite", "Unité", [Option("6268", "CHIR V", checked=True)]), *_filters("Auteur", "Canal", "État")],
        "filter_action": "#",
        "columns": {
            "validated": Column("Validé le", "#"), "patient": Column("Patient", "#"), "document": Column("Document", "#"),
            "channel": Column("Canal", "#"), "state": Column("État", "#", "descending"),
        },
        "rows": rows,
        "bulk_url": "#",
        "total": 128,
        "select_all_url": "#",
        "more_url": "#",
    }  # fmt: skip


def _steps(current: int) -> list[Step]:
    words = ("Recherche", "Identité", "Document présenté", "Séjour et information")
    return [
        Step(number, word, "done" if number < current else "current" if number == current else "ahead", "#")
        for number, word in enumerate(words, start=1)
    ]


def admission_identity() -> dict[str, Any]:
    given = differing_parts("DOMINIQUE", "DOMINIQUE MARIE-LOUISE")
    return {
        "shell": shell("Admissions", admission=True),
        "banner": banner(status="PROV", ins_url=""),
        "visit_note": "Première venue",
        "steps": _steps(2),
        "insi": Values(code="00", sentence="INSi a trouvé une identité unique (réponse 00)", called_at=at(12, 1, 9, 20), by="M. LEROY", means="appel par carte Vitale"),
        "insi_url": "#",
        "lines": [
            TraitLine("Nom de naissance", "PAT-TROIS", "PAT-TROIS", "identical"),
            TraitLine("Prénoms de naissance", "DOMINIQUE", "DOMINIQUE MARIE-LOUISE", "completed", given),
            TraitLine("Date de naissance", "28/03/1979", "28/03/1979", "identical"),
            TraitLine("Sexe", "F", "F", "identical"),
            TraitLine("Lieu de naissance", "", "63220", "completed", (("63220", True),), "Mazoires"),
        ],
        "to_look": 2,
        "complements": [
            Values(label="Nom utilisé", value="", url="#", url_label="Copier le nom de naissance"),
            Values(label="Prénom utilisé", value="Dominique", url="", url_label=""),
        ],
        "near": [Values(birth_name="PAT-TROYES", given_name="DOMINIQUE", traits="M · 28/03/1979 · Clermont-Ferrand", status="QUAL", remark="IPP 000871 · nom et sexe différents")],
        "status_path": ["PROV", "RECUP", "QUAL"],
        "status_text": "Accepter l’identité INSi la rend récupérée. Le contrôle du document présenté la rend qualifiée.",
        "document_form": Values(
            url="#",
            chosen="",
            choices=[Values(value=str(n), label=label) for n, label in enumerate(("Carte d’identité", "Passeport", "Titre de séjour", "Appli carte Vitale", "Livret de famille + parent", "Aucun document"))],
        ),
        "history": [Values(at=at(12, 1, 9, 14), text="identité créée (provisoire), M. LEROY")],
        "accept_url": "#",
        "refuse_url": "#",
    }  # fmt: skip


class _StayForm(forms.Form):
    kind = forms.ChoiceField(label="Type de venue", choices=[("I", "Hospit. complète")])
    unit = forms.ChoiceField(label="Unité", choices=[("6268", "CHIR V · UF 6268")])
    bed = forms.CharField(label="Lit", required=False)
    entered = forms.CharField(label="Entrée", help_text="jj/mm/aaaa hh:mm")


def choices() -> dict[str, Any]:
    return {
        "shell": shell("Admissions", admission=True),
        "banner": banner(),
        "visit_note": "Dernière venue : 12/01/2025, ANAPATH",
        "steps": _steps(4),
        "url": "#",
        "stay_form": _StayForm({"kind": "I", "unit": "6268", "bed": "12", "entered": ""}),
        "alimentation": {"value": "not_opposed", "error": ""},
        "consultation": {"value": "not_collected", "error": ""},
        "alimentation_choices": [
            ("not_collected", "Non recueillie", "Les documents partent (règle nationale)"),
            ("not_opposed", "Informé – non opposé", "Les documents partent"),
            ("opposed", "Informé – opposé", "Aucun document ne part"),
        ],
        "consultation_choices": [
            ("not_collected", "Non recueillie", "L’équipe ne peut pas consulter"),
            ("not_opposed", "Informé – non opposé", "L’équipe peut consulter"),
            ("opposed", "Informé – opposé", "L’équipe ne peut pas consulter"),
        ],
        "representative": False,
        "history": [
            Values(at=at(6, 3, 11, 2), alimentation="not_opposed", consultation="not_opposed", source="screen", by="M. LEROY", pending=True),
            Values(at=at(12, 1, 9, 35), alimentation="not_opposed", consultation="not_collected", source="pam", by="séjour 000812233", pending=False),
        ],
        "history_url": "#",
        "allows": [
            Values(icon="circle-check", title="Documents envoyés au DMP", detail="identité qualifiée, patient non opposé"),
            Values(icon="circle-check", title="DMP consultable par l’équipe CHIR V", detail="jusqu’à la sortie du patient"),
        ],
        "spoken_text": [
            "« Les documents de votre séjour sont déposés dans Mon espace santé. Vous les retrouvez, ainsi que les professionnels que vous consultez.",
            "Vous pouvez refuser l’un, l’autre ou les deux, maintenant ou plus tard. Cela ne change rien à vos soins. »",
        ],
        "labels_url": "#",
        "back_url": "#",
        "save_label": "Enregistrer l’admission",
    }  # fmt: skip


def choices_in_record() -> dict[str, Any]:
    return choices() | {"rail": rail(""), "steps": [], "shell": shell(), "stay_form": None, "save_label": "Enregistrer"}


def search() -> dict[str, Any]:
    def row(name: str, given: str, **more: Any) -> Values:
        base = {"url": "#", "birth_name": name, "given_name": given, "sex": "F", "birth_date": BORN, "birth_place": "Mazoires",
                "birth_place_code": "63220", "ipp": "000003", "status": "QUAL", "attributes": [], "last_visit": "CHIR V, en cours",
                "is_inside": True, "exceptional_url": "", "selected": False}  # fmt: skip
        return Values(**{**base, **more})

    return {
        "shell": shell(),
        "query": "28/03/1979 PAT",
        "form_url": "#",
        "searched": True,
        "count": 3,
        "rows": [
            row("PAT-TROIS", "DOMINIQUE", selected=True),
            row("PAT-TROYES", "DOMINIQUE", sex="M", attributes=["HOMA"], is_inside=False, exceptional_url="#"),
            row("PAT-TRENTE", "DOMINIC", sex="M", status="PROV", is_inside=False),
        ],
        "create_url": "#",
    }


class _LocalForm(forms.Form):
    username = forms.CharField(label="Identifiant", widget=forms.TextInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(label="Mot de passe", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


def login() -> dict[str, Any]:
    return {
        "hospital": "CHU Démo",
        "providers": [
            Values(label="Pro Santé Connect", help="e-CPS ou carte CPS", url="#", icon="smartphone", primary=True),
            Values(label="Compte de l’établissement", help="CHU Démo, avec second facteur", url="#", icon="hospital", primary=False),
        ],
        "local_form": _LocalForm(),
        "local_url": "#",
        "next": "/",
        "services": [Service("Pro Santé Connect", "up"), Service("DMP, MSSanté, INSi", "up"), Service("Annuaire santé", "slow", "14:10")],
        "version": "v1.4.2 (build 2025.03.1)",
        "environment": "Environnement de démonstration, patients fictifs",
        "idle_minutes": 15,
        "error": None,
        "links": [Entry("Problème de connexion", "#"), Entry("Accessibilité", "#"), Entry("Aide", "#")],
    }  # fmt: skip


PAGES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "login": ("accounts/login.html", login),
    "unit": ("dossier/unit_list.html", unit_list),
    "patient": ("dossier/patient.html", patient),
    "letter": ("documents/letter_edit.html", letter_edit),
    "validation": ("documents/letter_edit.html", validation),
    "refused": ("documents/letter_edit.html", refused),
    "envois": ("dossier/envois.html", envois),
    "identity": ("patients/admission_identity.html", admission_identity),
    "choices": ("consent/choices.html", choices),
    "choices-record": ("consent/choices.html", choices_in_record),
    "search": ("patients/search.html", search),
}
