"""The indicators for the software of the hospital: the figures of a month, and the CSV (SC.STAT/ES.01)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import requires
from accounts.api.described import problems
from accounts.api.fields import Moment, Text
from accounts.api.inputs import Input, query_of
from accounts.api.limits import EXPORTS
from accounts.api.views import ApiView
from establishment.models import LegalEntity
from stats.enums import Chapter, Measure
from stats.errors import EstablishmentUnknown, PeriodRefused
from stats.rules.figures import Figure
from stats.rules.months import Month, Period
from stats.selectors.exporting import Wanted, csv_lines, figures_for, file_name
from stats.selectors.tally import reading_at
from stats.services import export_trace, figures_trace

TAG = ["Indicateurs"]
MONTH = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
LONGEST_MONTHS = 36
SERVICES = ["true", "false"]


# --- What is read ------------------------------------------------------------------------------
class FigureSerializer(serializers.Serializer[Any]):
    """One line of the CSV; an empty text is « sans objet ». `_figure` fills it."""

    indicator = serializers.CharField(help_text="Code stable : docs/indicateurs.md.")
    chapter = serializers.ChoiceField(choices=Chapter.choices)
    finess = serializers.CharField(help_text="Site, ou TOUS.")
    doc_type = serializers.CharField()
    type_code = serializers.CharField()
    profession = serializers.CharField()
    service = serializers.CharField()
    volet = serializers.CharField()
    document_year = serializers.CharField()
    unit = serializers.ChoiceField(choices=Measure.choices)
    value = serializers.IntegerField(allow_null=True, help_text="D’un nombre.")
    numerator = serializers.IntegerField(allow_null=True, help_text="D’un taux.")
    denominator = serializers.IntegerField(allow_null=True, help_text="D’un taux.")
    rate = serializers.DecimalField(
        max_digits=7,
        decimal_places=2,
        allow_null=True,
        coerce_to_string=False,
        help_text="Pour cent, à deux décimales ; nul quand le dénominateur est nul.",
    )


class FiguresSerializer(serializers.Serializer[Any]):
    month = serializers.CharField()
    extracted_at = Moment()
    results = FigureSerializer(many=True, help_text="Zéros compris, dans l’ordre du CSV.")


# --- What is asked -----------------------------------------------------------------------------
class FiguresQuery(Input):
    month = serializers.RegexField(MONTH, help_text="Un mois : 2026-03.")
    finess = Text(required=False, max_length=9, help_text="Un seul site, ou TOUS pour leur union.")
    chapter = serializers.MultipleChoiceField(choices=Chapter.choices, required=False)
    by_service = serializers.ChoiceField(choices=SERVICES, required=False, help_text="Une ligne par service.")


class CsvQuery(Input):
    """A period of the CSV; by default the previous and the current year."""

    from_month = serializers.RegexField(MONTH, required=False, help_text="Premier mois : 2026-01.")
    to_month = serializers.RegexField(MONTH, required=False, help_text="Dernier mois, compris.")
    finess = Text(required=False, max_length=9, help_text="Un seul site.")
    by_service = serializers.ChoiceField(choices=SERVICES, required=False, help_text="Une ligne par service.")


# --- Endpoints ---------------------------------------------------------------------------------
@requires("stats.view")
class Figures(ApiView):
    is_of_establishment = True

    @extend_schema(
        operation_id="stats_figures",
        summary="Lire les indicateurs d’un mois",
        description="Les lignes du CSV pour ce mois, zéros compris. Un mois en cours change encore.",
        parameters=[FiguresQuery],
        responses=FiguresSerializer,
        extensions=problems(409),
        tags=TAG,
    )
    def get(self, request: Request) -> Response:
        query = query_of(request, FiguresQuery)
        _described()
        at = timezone.now()
        month = _month(query["month"])
        wanted = Wanted(Period(month, month), query.get("finess", ""), query.get("by_service") == "true")
        figures_trace(wanted=wanted, actor=self.actor)
        chapters = query.get("chapter") or set(Chapter.values)
        rows = [_figure(one) for one in figures_for(wanted, at) if one.indicator.chapter in chapters]
        shown = {"month": month.text, "extracted_at": at, "results": rows}
        return Response(FiguresSerializer(shown).data)


@requires("stats.export")
class Csv(ApiView):
    limit = EXPORTS
    is_of_establishment = True

    @extend_schema(
        operation_id="stats_csv",
        summary="Exporter les indicateurs en CSV",
        description="Le fichier des pages et de `manage.py stats_export`, 36 mois au plus.",
        parameters=[CsvQuery],
        responses={(200, "text/csv"): OpenApiTypes.STR},
        extensions=problems(409, 422),
        tags=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        query = query_of(request, CsvQuery)
        _described()
        at = timezone.now()
        wanted = Wanted(_period(query, at), query.get("finess", ""), query.get("by_service") == "true")
        export_trace(wanted=wanted, actor=self.actor)
        response = HttpResponse("".join(csv_lines(wanted, at)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{file_name(at)}"'
        return response


def _described() -> None:
    if not LegalEntity.objects.exists():
        raise EstablishmentUnknown()


def _month(text: str) -> Month:
    """A month in the form that the query has checked."""
    year, _, number = text.partition("-")
    return Month(int(year), int(number))


def _period(query: dict[str, Any], at: datetime) -> Period:
    """The months asked for, at most LONGEST_MONTHS. Raises PeriodRefused."""
    usual = reading_at(at).period
    first = _month(query["from_month"]) if "from_month" in query else usual.first
    last = _month(query["to_month"]) if "to_month" in query else usual.last
    period = Period(first, last)
    if last < first or len(period) > LONGEST_MONTHS:
        raise PeriodRefused(LONGEST_MONTHS)
    return period


def _figure(figure: Figure) -> dict[str, Any]:
    key, ratio = figure.key, figure.ratio
    return {
        "indicator": key.indicator,
        "chapter": figure.indicator.chapter,
        "finess": key.finess,
        "doc_type": key.doc_type,
        "type_code": key.type_code,
        "profession": key.profession,
        "service": key.service,
        "volet": key.volet,
        "document_year": key.document_year,
        "unit": figure.indicator.measure,
        "value": figure.value,
        "numerator": ratio.numerator if ratio else None,
        "denominator": ratio.denominator if ratio else None,
        "rate": figure.rate,
    }
