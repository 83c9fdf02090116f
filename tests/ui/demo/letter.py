"""Invented letter being written and its validation panel."""

from datetime import date
from types import SimpleNamespace as Values
from typing import Any

from tests.ui.demo.around import at, banner, rail, shell, tonight
from ui.components import Entry


def _block(key: str, title: str, kind: str = "text", **changes: Any) -> Values:
    base = {
        "key": key,
        "title": title,
        "kind": kind,
        "required": True,
        "help": "",
        "source": "",
        "error": "",
        "shown": True,
        "depends_key": "",
        "depends_value": "",
        "value": "",
        "options": [],
        "rows": [],
        "none": False,
        "statuses": [],
    }
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
                "motif",
                "Motif d’hospitalisation",
                source="repris de l’admission",
                value="Cure programmée d’une hernie inguinale droite symptomatique, "
                "adressée par le Dr ROUX Karim.",
            ),
            _block(
                "synthese",
                "Synthèse médicale du séjour",
                value="Entrée le 06/03/2025. Intervention le 07/03/2025 par voie cœlioscopique, "
                "sans incident. "
                "Suites simples : reprise du transit et de l’alimentation, marche à H+4, "
                "douleur EN 2/10 sous "
                "paracétamol. Pas de fièvre.",
            ),
            _block(
                "micro_organismes",
                "Recherche de micro-organismes multirésistants (BMR, BHRe)",
                "choice",
                value="non",
                options=[Values(value="oui", label="Recherché"), Values(value="non", label="Non recherché")],
            ),
            _block(
                "micro_organismes_identifies",
                "Micro-organismes identifiés",
                shown=False,
                depends_key="micro_organismes",
                depends_value="oui",
            ),
            _block(
                "traitements",
                "Traitements à la sortie",
                "treatments",
                source="repris des prescriptions du 08/03",
                statuses=statuses,
                rows=[
                    Values(name="Paracétamol 1 g", dosage="1 cp × 3 par jour, 5 jours", status="nouveau"),
                    Values(name="Énoxaparine 4000 UI", dosage="1 inj. par jour, 7 jours", status="nouveau"),
                    Values(name="Ésoméprazole 20 mg", dosage="1 cp le soir", status="poursuivi"),
                ],
            ),
            _block("resultats_attendus", "Résultats en attente", required=False),
            _block(
                "suites",
                "Suites à donner",
                source="repris de l’agenda",
                required=False,
                error="",
                value="Contrôle le 03/04/2025 à 09:30, Dr HODA. Arrêt de travail de 15 jours.",
            ),
        ],
        "helper": Values(
            checks=[
                Values(
                    outcome="passed",
                    title="Identité qualifiée",
                    detail="Le PDF portera le datamatrix « INS à scanner ».",
                    anchor="",
                ),
                Values(
                    outcome="passed", title="Rubriques obligatoires remplies", detail="6 sur 6", anchor=""
                ),
                Values(
                    outcome="warning",
                    title="BMR / BHRe : « non recherché »",
                    detail="Vous pouvez valider ainsi ou préciser.",
                    anchor="micro_organismes",
                ),
                Values(outcome="passed", title="Auteur et RPPS connus", detail="Dr HODA Adam", anchor=""),
            ],
            leaving=[
                Values(
                    icon="cloud",
                    tone="info",
                    title="DMP · Mon espace santé",
                    detail="Alimentation : informé, non opposé",
                ),
                Values(
                    icon="mail",
                    tone="",
                    title="2 correspondants par MSSanté",
                    detail="Dr BLANC (médecin traitant), Dr ROUX (adresseur)",
                ),
                Values(
                    icon="clock",
                    tone="info",
                    title="Départ aujourd’hui à 22:00",
                    detail="Différé réglé pour CHIR V. Vous pourrez retenir l’envoi jusque-là.",
                ),
            ],
            inserts=[
                Values(
                    title="NFS, ionogramme du 05/03",
                    extract="Hb 13,1 g/dL · plaquettes 244 G/L",
                    text="Hb 13,1 g/dL.",
                    target="synthese",
                )
            ],
            tabs=[
                Entry("Avant de valider", "#", "list-checks", current=True),
                Entry("Dossier", "#", "folder-open"),
                Entry("Versions", "#", "history"),
            ],
        ),
    }


def panel(**changes: Any) -> Values:
    def recipient(value: str, who: str, detail: str, channel: str, **more: Any) -> Values:
        base = {
            "name": "",
            "value": value,
            "who": who,
            "detail": detail,
            "channel": channel,
            "checked": True,
            "disabled": False,
            "reason": "",
            "state": "scheduled",
            "departure": tonight(),
        }
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
            recipient(
                "papier", "Papier", "Inutile : chacun est déjà servi", "paper", checked=False, state=""
            ),
        ],
        "directory_url": "#",
        "visibility_source": "réglage de l’unité pour ce type",
        "invisible_patient": False,
        "masque_ps": False,
        "invisible_rep_legaux": False,
        "invisible_patient_reason": "",
        "masque_ps_reason": "",
        "rep_legaux_reason": "sans objet : majeure",
        "still_invisible": [
            Values(uid="b", title="Biopsie gastrique", act_date=date(2025, 1, 12), days=41, checked=False)
        ],
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
