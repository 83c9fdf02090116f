"""The columns of the CSV (spec stats 4): the one module to replace for another layout.

The official package holds an example that was not available; `STATS_CSV_LAYOUT` may name another
module with the same two functions, `header` and `line_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from accounts.exports import neutral
from stats.document_types import codes_of
from stats.enums import Axis, DocType
from stats.rules.figures import ALL, Figure

FORMAT_VERSION: Final = "1.0"
END: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What every line says of the file: who extracts, when, how codes and places are called."""

    extracted_at: datetime
    finess_ej: str
    site_labels: Mapping[str, str]
    types_by_code: Mapping[str, DocType]
    type_labels: Mapping[str, str]
    profession_labels: Mapping[str, str]
    decimal_comma: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its French header, its stable key, what it holds. Text is quoted, a number is not."""

    header: str
    key: str
    value: Callable[[Figure, FileFacts], str]
    is_text: bool = True


def _type_codes(figure: Figure, facts: FileFacts) -> str:
    if figure.key.type_code:
        return figure.key.type_code
    return "|".join(codes_of(facts.types_by_code, figure.key.doc_type))


def _type_label(figure: Figure, facts: FileFacts) -> str:
    if figure.key.type_code:
        return facts.type_labels.get(figure.key.type_code, figure.key.type_code)
    return DocType(figure.key.doc_type).label if figure.key.doc_type else ""


def _indicator_label(figure: Figure, facts: FileFacts) -> str:
    key = figure.key
    of_dmp = _type_label(figure, facts) if key.type_code else ""
    return figure.indicator.label(key.doc_type if figure.indicator.axis != Axis.CODES else "", of_dmp)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _rate(figure: Figure, facts: FileFacts) -> str:
    rate: Decimal | None = figure.rate
    if rate is None:
        return ""
    return f"{rate:.2f}".replace(".", ",") if facts.decimal_comma else f"{rate:.2f}"


def _profession(figure: Figure, facts: FileFacts) -> str:
    code = figure.key.profession
    if code == ALL:
        return "Toutes les professions"
    return facts.profession_labels.get(code, code)


COLUMNS: Final[tuple[Column, ...]] = (
    Column("Version du format", "format_version", lambda figure, facts: FORMAT_VERSION),
    Column(
        "Date d'extraction",
        "extracted_at",
        lambda figure, facts: facts.extracted_at.isoformat(timespec="seconds"),
    ),
    Column("FINESS juridique", "finess_ej", lambda figure, facts: facts.finess_ej),
    Column("FINESS géographique", "finess_geo", lambda figure, facts: figure.key.finess),
    Column(
        "Établissement",
        "site_label",
        lambda figure, facts: facts.site_labels.get(figure.key.finess, figure.key.finess),
    ),
    Column("Période", "period", lambda figure, facts: figure.key.month.text),
    Column("Début de période", "period_start", lambda figure, facts: str(figure.key.month.first_day)),
    Column("Fin de période", "period_end", lambda figure, facts: str(figure.key.month.last_day)),
    Column("Chapitre", "chapter", lambda figure, facts: figure.indicator.chapter.value),
    Column("Code indicateur", "indicator_code", lambda figure, facts: figure.indicator.code),
    Column("Indicateur", "indicator_label", _indicator_label),
    Column("Code type de document", "doc_type_code", lambda figure, facts: figure.key.doc_type),
    Column("Type de document", "doc_type_label", _type_label),
    Column("Codes LOINC", "type_codes", _type_codes),
    Column("Code profession", "profession_code", lambda figure, facts: figure.key.profession),
    Column("Profession", "profession_label", _profession),
    Column("Service", "service_code", lambda figure, facts: figure.key.service),
    Column("Volet", "volet", lambda figure, facts: figure.key.volet),
    Column("Année du document", "document_year", lambda figure, facts: figure.key.document_year),
    Column("Unité", "unit", lambda figure, facts: figure.indicator.measure.value),
    Column("Valeur", "value", lambda figure, facts: _number(figure.value), False),
    Column(
        "Numérateur",
        "numerator",
        lambda figure, facts: _number(figure.ratio.numerator if figure.ratio else None),
        False,
    ),
    Column(
        "Dénominateur",
        "denominator",
        lambda figure, facts: _number(figure.ratio.denominator if figure.ratio else None),
        False,
    ),
    Column("Taux (%)", "rate", _rate, False),
)


def header() -> str:
    """The first line, with its end."""
    return ";".join(quoted(column.header) for column in COLUMNS) + END


def line_of(figure: Figure, facts: FileFacts) -> str:
    """One line with its end: RFC 4180, `;`, every text field quoted."""
    cells = (
        _cell(column.value(figure, facts)) if column.is_text else column.value(figure, facts)
        for column in COLUMNS
    )
    return ";".join(cells) + END


@lru_cache(maxsize=4096)  # the same few texts come again on every line
def _cell(text: str) -> str:
    return quoted(neutral(text))


def quoted(text: str) -> str:
    """The text between quotation marks, its own doubled; a line break stays inside its cell."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
