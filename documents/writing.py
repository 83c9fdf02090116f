"""What a clinician fills in: writing models and their sections, as data.

A model gives the headings of one kind of document. The lettre de liaison à la sortie follows the
volet LDL-SES 2022.01 (spec cda 7.1); the type code is that of JDV_J07 (HOP/va1.03).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SectionKind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    TREATMENTS = "treatments"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a closed question, with its national code when there is one."""

    value: str
    label: str
    code: str = ""
    code_system_name: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One heading. `depends_on` is (section key, value): shown and asked only then."""

    key: str
    title: str
    kind: SectionKind = SectionKind.TEXT
    is_required: bool = False
    help: str = ""
    options: tuple[Option, ...] = ()
    depends_on: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WritingModel:
    """A kind of document that the product writes."""

    code: str
    type_code: str
    type_label: str
    title: str
    sections: tuple[Section, ...]

    def section(self, key: str) -> Section:
        return next(section for section in self.sections if section.key == key)


YES_NO = (Option("oui", "Oui"), Option("non", "Non"))

TREATMENT_STATUSES = (
    Option("nouveau", "Nouveau"),
    Option("poursuivi", "Poursuivi"),
    Option("modifie", "Modifié"),
    Option("arrete", "Arrêté"),
)

TREATMENT_COLUMNS = ("name", "dosage", "status")

LDL_SES = WritingModel(
    code="ldl-ses",
    type_code="11490-0",
    type_label="Lettre de liaison à la sortie d'un établissement de soins",
    title="Lettre de liaison de sortie",
    sections=(
        Section("motif", "Motif d’hospitalisation", is_required=True),
        Section(
            "modalite_entree",
            "Modalité d’entrée",
            SectionKind.CHOICE,
            is_required=True,
            options=(
                Option("programmee", "Hospitalisation programmée", "8715000", "SNOMED CT"),
                Option("urgence", "Hospitalisation en urgence", "183452005", "SNOMED CT"),
                Option("transfert", "Transfert", "107724000", "SNOMED CT"),
                Option("autre", "Autre", "GEN-092.06.07", "TA"),
            ),
        ),
        Section("synthese", "Synthèse médicale du séjour", is_required=True),
        Section(
            "micro_organismes",
            "Recherche de micro-organismes multirésistants (BMR, BHRe)",
            SectionKind.CHOICE,
            is_required=True,
            options=(Option("oui", "Recherché"), Option("non", "Non recherché")),
        ),
        Section(
            "micro_organismes_identifies",
            "Micro-organismes identifiés",
            depends_on=("micro_organismes", "oui"),
        ),
        Section(
            "transfusion",
            "Transfusion de produits sanguins",
            SectionKind.CHOICE,
            is_required=True,
            options=YES_NO,
        ),
        Section("transfusion_incident", "Accidents transfusionnels", depends_on=("transfusion", "oui")),
        Section(
            "derives_sang",
            "Administration de dérivés du sang",
            SectionKind.CHOICE,
            is_required=True,
            options=YES_NO,
        ),
        Section(
            "derives_sang_incident",
            "Événements indésirables des dérivés du sang",
            depends_on=("derives_sang", "oui"),
        ),
        Section("evenement_indesirable", "Événement indésirable pendant le séjour"),
        Section("allergies", "Allergies et intolérances"),
        Section("dispositifs", "Dispositifs médicaux"),
        Section("traitements_arretes", "Traitements arrêtés pendant le séjour"),
        Section(
            "traitements",
            "Traitements à la sortie",
            SectionKind.TREATMENTS,
            is_required=True,
            help="Sans traitement à la sortie, cocher « Aucun traitement ».",
        ),
        Section("resultats_attendus", "Résultats en attente"),
        Section("suites", "Suites à donner"),
        Section(
            "modalite_sortie",
            "Modalité de sortie",
            SectionKind.CHOICE,
            is_required=True,
            options=(
                Option("domicile", "Retour au domicile", "160849004", "SNOMED CT"),
                Option("had", "Hospitalisation à domicile", "127", "JDV_ModaliteSortie"),
                Option("etablissement", "Autre établissement de santé", "GEN-092.06.01", "TA"),
                Option("autre", "Autre", "GEN-092.06.03", "TA"),
            ),
        ),
    ),
)

WRITING_MODELS: Mapping[str, WritingModel] = {LDL_SES.code: LDL_SES}


def empty_body(model: WritingModel) -> dict[str, Any]:
    """The body of a new draft: every section present and empty."""
    return {
        section.key: {"none": False, "rows": []} if section.kind is SectionKind.TREATMENTS else ""
        for section in model.sections
    }


def cleaned_body(model: WritingModel, body: Mapping[str, Any]) -> dict[str, Any]:
    """`body` in the shape of the model, whatever was sent: every section, nothing else.

    A character that PostgreSQL cannot keep (NUL) is dropped; an empty row of treatments too.
    """
    return {section.key: _cleaned_answer(section, body.get(section.key)) for section in model.sections}


def _cleaned_answer(section: Section, answer: Any) -> Any:
    if section.kind is not SectionKind.TREATMENTS:
        return _cleaned_text(answer)
    given = answer if isinstance(answer, Mapping) else {}
    rows = [
        {column: _cleaned_text(row.get(column)) for column in TREATMENT_COLUMNS}
        for row in given.get("rows") or ()
        if isinstance(row, Mapping)
    ]
    filled = [row for row in rows if row["name"] or row["dosage"]]
    return {"none": bool(given.get("none")) and not filled, "rows": filled}


def _cleaned_text(value: Any) -> str:
    return value.replace("\x00", "") if isinstance(value, str) else ""


def is_asked(section: Section, body: Mapping[str, Any]) -> bool:
    """Whether the section applies, given the answers so far."""
    return section.depends_on is None or body.get(section.depends_on[0]) == section.depends_on[1]


def is_filled(section: Section, body: Mapping[str, Any]) -> bool:
    """Whether the writer answered; « aucun traitement » is an answer, an empty table is not."""
    answer = body.get(section.key)
    if section.kind is SectionKind.TREATMENTS:
        return isinstance(answer, dict) and (bool(answer.get("none")) or bool(answer.get("rows")))
    return bool(str(answer or "").strip())


def missing_sections(model: WritingModel, body: Mapping[str, Any]) -> list[Section]:
    """Required sections that are asked and still empty, in the order of the form."""
    return [
        section
        for section in model.sections
        if section.is_required and is_asked(section, body) and not is_filled(section, body)
    ]


def invalid_answers(model: WritingModel, body: Mapping[str, Any]) -> list[Section]:
    """Closed questions whose answer is none of the options."""
    return [
        section
        for section in model.sections
        if section.kind is SectionKind.CHOICE
        and body.get(section.key)
        and body[section.key] not in {option.value for option in section.options}
    ]
