"""Invented record, unit list and search."""

from datetime import date, datetime
from types import SimpleNamespace as Values
from typing import Any

from tests.ui.demo.around import BORN, at, banner, filters, rail, shell
from ui.components import Column, Entry, Group


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
    hidden = Values(family="visibility", state="invisible_patient", detail="")
    rows = [
        ("20/02/2025", "Synthèse médicale", "Volet de synthèse", "Dr BLANC S., médecin traitant", "in_dmp"),
        ("18/02/2025", "Carnet de vaccination", "Document déposé par le patient", "", "patient"),
        ("15/02/2025", "Consultation de cardiologie", "CR de consultation", "Dr ROUX K.", "in_dmp"),
        ("03/02/2025", "Ordonnance, inhibiteur de la pompe", "Ordonnance", "Dr BLANC S.", "in_dmp"),
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
            checked=at_ in (0, 2),
            links=[see],
            actions=[take],
            dialog_url="#" if at_ == 0 else "",
            is_new=at_ < 2,
            marks=[hidden] if at_ == 0 else [],
        )
        for at_, (day, title, kind, author, origin) in enumerate(rows)
    ]


def _dmp_group() -> Values:
    return Values(
        url="#",
        rows=_dmp_rows(),
        count=5,
        invisible=1,
        filed=2,
        unseen=2,
        since=at(12, 1, 9, 30),
        is_shown=True,
        is_search=False,
        sentence="2 intégrés, 1 déjà présent, 1 remplacé",
        failures=["Scanner : l’identité du document n’est pas exactement celle du patient."],
        integrate_url="#",
        seen_url="#",
        all_url="#",
        close_url="",
        narrowed="",
        widen_url="",
        takes_focus=False,
    )


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
        "filters": filters("Type", "Origine", "État d’envoi", "Unité"),
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
        "dmp_group": _dmp_group(),
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
                Values(
                    who="DMP · Mon espace santé",
                    role="visible de la patiente",
                    state="received_dmp",
                    detail="07/03 18:04",
                ),
                Values(
                    who="Dr BLANC Sylvie",
                    role="médecin traitant · MSSanté",
                    state="read",
                    detail="08/03 08:12",
                ),
                Values(
                    who="Dr ROUX Karim", role="adresseur · MSSanté", state="delivered", detail="07/03 18:05"
                ),
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
    values = {**base, **changes}
    state, count, hidden = values.pop("dmp_state"), values.pop("news"), values.pop("invisible")
    values["dmp"] = Values(state=state, news=count or 0, invisible=hidden, is_known=True)
    return Values(**values)


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
                [
                    Entry("Info non recueillie", "#", "circle-question", count=1),
                    Entry("INS à qualifier", "#", "id-card", count=3),
                ],
            ),
        ],
        "shows_dmp": True,
        "refreshed_at": at(8, 3, 14, 32),
        "refresh_url": "#",
        "filters": filters("Identité", "Information", "À faire"),
        "filter_action": "#",
        "columns": {
            "bed": Column("Lit", "#", "ascending"),
            "patient": Column("Patient", "#"),
            "stay": Column("Séjour", "#"),
        },
        "rows": [
            _unit_row("1", "PAT-UN", "CAMILLE", "F", date(1951, 7, 14), at(4, 3)),
            _unit_row(
                "2",
                "PAT-DEUX",
                "ISMAËL",
                "M",
                date(1988, 11, 2),
                at(8, 3),
                status="PROV",
                allergy_state="not_recorded",
                choice="not_collected",
                news=None,
                dmp_state="not_informed",
                stay_note="urgences",
                todo=[waiting],
            ),
            _unit_row(
                "4",
                "PAT-QUATRE",
                "JEANNE",
                "F",
                date(1939, 1, 30),
                at(1, 3),
                allergy_state="known",
                allergies=["Iode"],
                news=2,
                todo=[received],
            ),
            _unit_row(
                "5",
                "PAT-CINQ",
                "RÉMI",
                "M",
                date(1967, 9, 19),
                at(5, 3),
                choice="opposed_alimentation",
                news=1,
            ),
            _unit_row(
                "7",
                "PAT-SEPT",
                "AWA",
                "F",
                date(1994, 5, 8),
                at(7, 3),
                status="RECUP",
                news=None,
                dmp_state="ins_not_qualified",
                todo=[draft],
            ),
            _unit_row(
                "9",
                "PAT-NEUF",
                "MARCEL",
                "M",
                date(1944, 12, 23),
                at(28, 2),
                allergy_state="known",
                allergies=["Latex"],
                news=None,
                dmp_state="closed",
                todo=[failed],
            ),
            _unit_row(
                "10",
                "PAT-DIX",
                "LUCIE",
                "F",
                date(1972, 6, 11),
                at(6, 3),
                choice="opposed",
                news=None,
                dmp_state="opposed",
            ),
            _unit_row(
                "12",
                "PAT-TROIS",
                "DOMINIQUE",
                "F",
                BORN,
                at(6, 3),
                allergy_state="known",
                allergies=["Pénicilline"],
                news=5,
                invisible=1,
                selected=True,
                stay_note="sortie prévue aujourd’hui",
                todo=[received, draft],
            ),
            _unit_row(
                "14",
                "PAT-QUATORZE",
                "HENRI",
                "M",
                date(1958, 4, 3),
                at(3, 3),
                status="VALI",
                news=None,
                dmp_state="checking",
            ),
        ],
    }


def search() -> dict[str, Any]:
    def row(name: str, given: str, **more: Any) -> Values:
        base = {
            "url": "#",
            "birth_name": name,
            "given_name": given,
            "sex": "F",
            "birth_date": BORN,
            "birth_place": "Mazoires",
            "birth_place_code": "63220",
            "ipp": "000003",
            "status": "QUAL",
            "attributes": [],
            "last_visit": "CHIR V, en cours",
            "is_inside": True,
            "exceptional_url": "",
            "selected": False,
        }
        return Values(**{**base, **more})

    return {
        "shell": shell(),
        "query": "28/03/1979 PAT",
        "form_url": "#",
        "searched": True,
        "count": 3,
        "rows": [
            row("PAT-TROIS", "DOMINIQUE", selected=True),
            row(
                "PAT-TROYES", "DOMINIQUE", sex="M", attributes=["HOMA"], is_inside=False, exceptional_url="#"
            ),
            row("PAT-TRENTE", "DOMINIC", sex="M", status="PROV", is_inside=False),
        ],
        "create_url": "#",
    }
