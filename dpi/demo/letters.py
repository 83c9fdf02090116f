"""Letters of the demonstration, in every state that a sending can be in; written by the services.

What each becomes is decided by the rules and by the sandbox, not written here: an opposed patient's
letter is blocked, a closed DMP refuses, an identity without INS waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from accounts.models import User
from documents.models import Document, Version
from documents.services import document_revise, draft_create, draft_save, version_validate
from documents.wishes import SendingWishes, Visibility
from documents.writing import LDL_SES, empty_body
from dossier.recipients import candidates_of, wishes_of
from patients.models import Episode


@dataclass(frozen=True, slots=True)
class DemoLetter:
    """`decision` is `draft`, `now`, `wait` (the unit's deferral), `hold` or `keep` (sent nowhere).

    What is sent goes where the panel proposes: the DMP, the médecin traitant, who addressed, the patient.
    """

    visit: str
    author: str
    title: str
    reason: str
    story: str
    decision: str = "now"
    visibility: Visibility = field(default_factory=Visibility)
    correction: str = ""


_INVISIBLE = Visibility(is_invisible_patient=True)

LETTERS = (
    DemoLetter(
        "000881220",
        "ahoda",
        "Sortie de cardiologie",
        "Palpitations invalidantes depuis trois semaines.",
        "Fibrillation atriale paroxystique, réduite spontanément. Échographie cardiaque sans anomalie.",
        correction="Dose de l’anticoagulant corrigée : apixaban 5 mg, un comprimé matin et soir.",
    ),
    DemoLetter(
        "000897406",
        "blemaire",
        "Compte rendu provisoire du séjour",
        "Cure programmée d’une hernie inguinale droite.",
        "Intervention cœlioscopique sans incident. Histologie en attente d’annonce.",
        visibility=_INVISIBLE,
    ),
    DemoLetter(
        "000880118",
        "ahoda",
        "Sortie de cardiologie",
        "Décompensation cardiaque.",
        "Bonne évolution sous diurétiques, poids de sortie 58 kg, créatinine 96 µmol/L.",
    ),
    DemoLetter(
        "000881950",
        "blemaire",
        "Sortie de chirurgie",
        "Cholécystectomie programmée.",
        "Suites simples, sortie à J2.",
    ),
    DemoLetter(
        "000897411",
        "ahoda",
        "Lettre en cours d’écriture",
        "Bilan d’une anémie.",
        "À compléter après la fibroscopie.",
        decision="draft",
    ),
    DemoLetter(
        "000897420",
        "spicard",
        "Sortie de cardiologie",
        "Douleur thoracique.",
        "Épreuve d’effort négative. Traitement inchangé.",
    ),
    DemoLetter(
        "000897421",
        "spicard",
        "Sortie de cardiologie",
        "Contrôle de stimulateur.",
        "Seuils stables, pile suffisante pour six ans.",
    ),
    DemoLetter(
        "000897440",
        "ahoda",
        "Sortie de chirurgie",
        "Fracture du radius.",
        "Réduction sous anesthésie, immobilisation six semaines.",
        decision="hold",
    ),
    DemoLetter(
        "000897441",
        "blemaire",
        "Sortie de chirurgie",
        "Appendicectomie.",
        "Appendicite catarrhale, suites simples.",
        decision="wait",
    ),
    DemoLetter(
        "000897430",
        "blemaire",
        "Passage aux urgences",
        "Plaie de la main.",
        "Suture sous anesthésie locale, pas d’atteinte tendineuse. Vaccination antitétanique à jour.",
    ),
    DemoLetter(
        "000897451",
        "ahoda",
        "Sortie de médecine",
        "Asthme aigu modéré.",
        "Amélioration rapide sous bronchodilatateurs, plan d’action remis.",
        decision="keep",
    ),
)


def letters_write() -> int:
    """Write what is not written yet; returns how many letters. A second run changes nothing."""
    count = 0
    for letter in LETTERS:
        episode = Episode.objects.select_related("patient", "unit").get(visit_number=letter.visit)
        if not Document.objects.filter(episode=episode, title=letter.title).exists():
            _write(letter, episode)
            count += 1
    return count


def _write(letter: DemoLetter, episode: Episode) -> None:
    author = User.objects.get(login=letter.author)
    actor = author.as_actor()
    draft = draft_create(
        patient=episode.patient,
        episode=episode,
        unit=None,
        model=LDL_SES.code,
        author=author,
        actor=actor,
    )
    draft = draft_save(version=draft, revision=draft.revision, title=letter.title, body=_body(letter, draft))
    for note in _validations(letter):
        if note:
            draft = document_revise(document=draft.document, author=author, actor=actor)
            body = draft.body | {"suites": note}
            draft = draft_save(version=draft, revision=draft.revision, title=letter.title, body=body)
        draft = version_validate(
            version=draft, revision=draft.revision, author=author, actor=actor, wishes=_wishes(letter, draft)
        )


def _validations(letter: DemoLetter) -> Iterator[str]:
    """What each validated version corrects, empty for the first; none for a draft."""
    if letter.decision == "draft":
        return
    yield ""
    if letter.correction:
        yield letter.correction


def _wishes(letter: DemoLetter, draft: Version) -> SendingWishes:
    """The panel as it opens, every proposal left ticked."""
    is_sent = letter.decision != "keep"
    ticked = [one.key for one in candidates_of(draft) if one.is_default] if is_sent else []
    return SendingWishes(
        to_dmp=is_sent,
        recipients=wishes_of(draft, ticked, may_reply=False),
        hold=letter.decision == "hold",
        not_before=timezone.now() if letter.decision == "now" else None,
        visibility=letter.visibility,
    )


def _body(letter: DemoLetter, draft: Version) -> dict[str, Any]:
    """A letter as short as a doctor in a hurry writes it, complete all the same."""
    known: dict[str, Any] = draft.body
    return (
        empty_body(LDL_SES)
        | known
        | {
            "motif": letter.reason,
            "modalite_entree": "programmee",
            "synthese": letter.story,
            "micro_organismes": "non",
            "transfusion": "non",
            "derives_sang": "non",
            "modalite_sortie": "domicile",
            "suites": "Consultation de contrôle à un mois.",
            "traitements": {
                "none": False,
                "rows": [
                    {
                        "name": "Paracétamol 1 g, comprimé",
                        "dosage": "1 comprimé, jusqu’à 3 par jour, pendant 5 jours",
                        "status": "nouveau",
                    }
                ],
            },
        }
    )
