"""The two renderings of a snapshot: paper (PDF/A-1b) and CDA R2 with that paper inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from audit.errors import ApplicationError
from documents.cda import cda_from_snapshot, strict_traits
from documents.writing import (
    TREATMENT_STATUSES,
    WRITING_MODELS,
    Section,
    SectionKind,
    is_asked,
    is_filled,
)
from interop.ins.datamatrix import DatamatrixError, build_payload, build_svg
from interop.ins.key import Ins
from ui.printing import html_to_pdf, printable

NO_TREATMENT = "Aucun traitement à la sortie."
_STATUS_LABELS = {option.value: option.label for option in TREATMENT_STATUSES}


class DatamatrixImpossible(ApplicationError):
    """A qualified identity whose traits cannot be written in the datamatrix."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            "L’identité est qualifiée mais ses traits ne permettent pas d’écrire le datamatrix INS. "
            "Signalez-la à la cellule d’identitovigilance.",
            code=fault,
        )


@dataclass(frozen=True, slots=True)
class Renderings:
    """The bytes that leave: `cda` holds `pdf`."""

    pdf: bytes
    cda: bytes


def renderings_build(snapshot: dict[str, Any]) -> Renderings:
    """Both renderings of one snapshot (SC.CDA/DD.02)."""
    pdf = pdf_from_snapshot(snapshot)
    return Renderings(pdf=pdf, cda=cda_from_snapshot(snapshot, pdf))


def pdf_from_snapshot(snapshot: dict[str, Any], *, is_draft: bool = False) -> bytes:
    """Paper of the document; raises PrintingUnavailable."""
    shown = _printable_copy(snapshot)
    return html_to_pdf(
        html_from_snapshot(snapshot, is_draft=is_draft),
        title=f"{shown['document']['title']} - {shown['patient']['birth_name']} "
        f"{shown['patient']['first_birth_given_name']}",
        author=shown["author"]["display_name"],
    )


def html_from_snapshot(snapshot: dict[str, Any], *, is_draft: bool = False) -> str:
    """The page that is printed, all text escaped and covered by the print font."""
    shown = _printable_copy(snapshot)
    return render_to_string(
        "documents/print/letter.html",
        {
            "s": shown,
            "sections": shown_sections(shown),
            "datamatrix": datamatrix_of(snapshot),
            "is_draft": is_draft,
        },
    )


def shown_sections(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    """Filled sections in the order of the model: title, and text or rows."""
    model = WRITING_MODELS[snapshot["document"]["model"]]
    body = snapshot["body"]
    return [
        _shown_section(section, body[section.key])
        for section in model.sections
        if is_asked(section, body) and is_filled(section, body)
    ]


def datamatrix_of(snapshot: dict[str, Any]) -> SafeString:
    """The INS datamatrix of a qualified identity, else an empty text (SC.CDA/VISU.04)."""
    patient = snapshot["patient"]
    if not patient["ins"]:
        return SafeString()
    try:
        svg = build_svg(build_payload(strict_traits(patient), Ins(patient["ins"], patient["ins_oid"])))
    except DatamatrixError as error:
        raise DatamatrixImpossible(str(error)) from error
    return mark_safe(svg)  # noqa: S308 - drawn by interop.ins from encoded bytes, no text inside


def _shown_section(section: Section, answer: Any) -> dict[str, Any]:
    rows: list[dict[str, str]] = []
    text = ""
    match section.kind:
        case SectionKind.TREATMENTS:
            rows = [row | {"status": _STATUS_LABELS.get(row.get("status", ""), "")} for row in answer["rows"]]
            text = "" if rows else NO_TREATMENT
        case SectionKind.CHOICE:
            text = next(option.label for option in section.options if option.value == answer)
        case SectionKind.TEXT:
            text = answer
    return {"key": section.key, "title": section.title, "text": text, "rows": rows}


def _printable_copy(value: Any) -> Any:
    """The same JSON value with every text covered by the print font."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable_copy(item) for item in value]
    return value
