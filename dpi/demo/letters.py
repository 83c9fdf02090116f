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
from documents.enums import DeletionMotive
from documents.models import Document, Version
from documents.services import (
    ImportBy,
    LooseFile,
    document_delete,
    document_revise,
    draft_create,
    draft_save,
    import_open,
    loose_file_import,
    version_validate,
)
from documents.store import content_get
from documents.wishes import DeletionWishes, SendingWishes, Visibility
from documents.writing import LDL_SES, empty_body
from dossier.recipients import candidates_of, wishes_of
from patients.models import Episode
from sending.models import Order
from sending.services import order_cancel


@dataclass(frozen=True, slots=True)
class DemoLetter:
    """`decision` is `draft`, `now`, `wait` (the unit's deferral), `hold` or `keep` (sent nowhere); `cancel`
    (held, then cancelled) or `delete` (kept, then deleted as an error of document).

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
    DemoLetter(
        "000897451",
        "ahoda",
        "Lettre écrite dans le mauvais dossier",
        "Asthme aigu modéré.",
        "Lettre destinée à un autre patient : supprimée.",
        decision="delete",
    ),
    DemoLetter(
        "000897441",
        "blemaire",
        "Lettre annulée avant son départ",
        "Appendicectomie.",
        "Envoi annulé : le courrier a été remis en main propre.",
        decision="cancel",
    ),
)
SCANNED_TITLE = "Courrier de ville numérisé"
SCANNED_VISIT = "000897451"
SCANNED_TYPE = "34133-9"


def letters_write() -> int:
    """Write what is not written yet; returns how many letters. A second run changes nothing."""
    count = 0
    for letter in LETTERS:
        episode = Episode.objects.select_related("patient", "unit").get(visit_number=letter.visit)
        if not Document.objects.filter(episode=episode, title=letter.title).exists():
            _write(letter, episode)
            count += 1
    _import_scanned()
    return count


def _import_scanned() -> None:
    """A PDF without CDA that its reader filed by hand, once: the bytes of a letter printed, then scanned."""
    episode = Episode.objects.select_related("patient", "unit").get(visit_number=SCANNED_VISIT)
    if Document.objects.filter(patient=episode.patient, title=SCANNED_TITLE).exists():
        return
    printed = Version.objects.filter(document__episode=episode).exclude(pdf_sha256="").earliest("id")
    user = User.objects.get(login="ahoda")
    actor = user.as_actor()
    opened = import_open(
        user=user,
        actor=actor,
        content=content_get(printed.pdf_sha256),
        name="courrier.pdf",
        patient=episode.patient,
    )
    file = LooseFile(title=SCANNED_TITLE, type_code=SCANNED_TYPE, act_at=timezone.now())
    by = ImportBy(user=user, actor=actor, unit=episode.unit)
    loose_file_import(opened=opened, patient=episode.patient, file=file, by=by)


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
    if letter.decision == "cancel":
        for order in Order.objects.filter(version=draft).order_by("id"):
            order_cancel(order=order, actor=actor)
    elif letter.decision == "delete":
        wishes = DeletionWishes(motive=DeletionMotive.WRONG_DOCUMENT)
        document_delete(version=draft, wishes=wishes, author=author, actor=actor)


def _validations(letter: DemoLetter) -> Iterator[str]:
    """What each validated version corrects, empty for the first; none for a draft."""
    if letter.decision == "draft":
        return
    yield ""
    if letter.correction:
        yield letter.correction


def _wishes(letter: DemoLetter, draft: Version) -> SendingWishes:
    """The panel as it opens, every proposal left ticked."""
    is_sent = letter.decision not in ("keep", "delete")
    ticked = [one.key for one in candidates_of(draft) if one.is_default] if is_sent else []
    return SendingWishes(
        to_dmp=is_sent,
        recipients=wishes_of(draft, ticked, may_reply=False),
        hold=letter.decision in ("hold", "cancel"),
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
