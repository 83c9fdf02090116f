"""The reference letter: a discharge letter of two pages for a qualified official test identity."""

from __future__ import annotations

from typing import Any

from tests.documents.snapshots import BODY, letter

PAGES = 2
_STORY = (
    "Patiente adressée par son médecin traitant pour la prise en charge programmée d’une hernie inguinale "
    "droite symptomatique, évoluant depuis huit mois, gênante à l’effort et à la marche prolongée. "
    "Antécédents : hypertension artérielle traitée, reflux gastro-œsophagien, appendicectomie dans "
    "l’enfance.\n"
    "À l’entrée : apyrétique, pression artérielle 138/84 mmHg, fréquence cardiaque 72/min, saturation 98 % "
    "en air ambiant. Abdomen souple, hernie réductible, sans signe d’étranglement. Biologie : hémoglobine "
    "13,4 g/dL, plaquettes 245 G/L, créatinine 68 µmol/L, hémostase normale."
)
_COURSE = (
    "Intervention sous anesthésie générale, par voie cœlioscopique transabdominale prépéritonéale, avec "
    "pose d’une prothèse de 15 × 10 cm. Durée 55 minutes, pertes sanguines négligeables, aucune difficulté. "
    "Extubation sur table, surveillance en salle de réveil deux heures, score de douleur à 3/10.\n"
    "Suites : reprise de l’alimentation le soir même, lever précoce, miction spontanée. Pansements propres "
    "et secs. Douleur contrôlée par antalgiques de palier 1, une prise de palier 2 la première nuit. "
    "Prévention thrombo-embolique par héparine de bas poids moléculaire et bas de contention.\n"
    "Complication : aucune. Examen de sortie : apyrétique, abdomen souple, transit repris, mollets souples, "
    "cicatrices sans inflammation."
)
_TREATMENTS = (
    ("Paracétamol 1 g, comprimé", "1 comprimé, jusqu’à 3 par jour, pendant 5 jours", "nouveau"),
    ("Énoxaparine 4 000 UI, seringue", "1 injection sous-cutanée par jour, pendant 7 jours", "nouveau"),
    ("Amlodipine 5 mg, gélule", "1 gélule le matin", "poursuivi"),
    ("Ésoméprazole 20 mg, comprimé", "1 comprimé le soir", "poursuivi"),
    ("Macrogol 4000 10 g, sachet", "1 à 2 sachets le matin en cas de constipation", "nouveau"),
    ("Ibuprofène 400 mg, comprimé", "arrêt : antécédent de reflux", "arrete"),
)

REFERENCE_BODY: dict[str, Any] = BODY | {
    "motif": "Cure programmée d’une hernie inguinale droite symptomatique, adressée par le médecin traitant.",
    "synthese": f"{_STORY}\n{_COURSE}\n{_COURSE}",
    "suites": (
        "Consultation de contrôle avec le chirurgien à un mois. Arrêt de travail de quinze jours. Soins "
        "infirmiers à domicile : injection quotidienne, ablation des fils au dixième jour. Port de charges "
        "de plus de cinq kilogrammes déconseillé pendant six semaines. Consulter sans attendre en cas de "
        "fièvre, de douleur intense, de tuméfaction ou de vomissements."
    ),
    "traitements": {
        "none": False,
        "rows": [{"name": name, "dosage": dosage, "status": status} for name, dosage, status in _TREATMENTS],
    },
}


def reference_letter(number: int = 1) -> dict[str, Any]:
    """The snapshot of the letter, under identifiers of its own."""
    return letter(
        document={
            "unique_id": f"1.2.250.1.999.1.9900010.1.{1000 + number}",
            "set_id": f"1.2.250.1.999.1.9900010.2.{1000 + number}",
        },
        body=REFERENCE_BODY,
    )
