"""Cards, tables and alarms as values: what the templates of the indicators draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from interop.cda.value_sets import document_types
from stats.charts import Bar, Line, bar_of, line_of
from stats.definitions import BY_CODE, INDICATORS, TYPES_OF_AXIS, Indicator
from stats.document_types import SEGUR_TYPES
from stats.enums import Axis, Chapter, DocType, Measure, Volet
from stats.rules.alarms import MONTHS_BEFORE, Flow, Tone, drop, silence
from stats.rules.figures import ALL, UNKNOWN_FINESS, Ratio
from stats.selectors.board import NO_AXES, Axes, Board
from stats.selectors.exporting import profession_labels
from stats.selectors.watching import flows, last_reception
from ui.french import DASH, NO_BREAK_SPACE, month_words, percent, when

DRILLED: Final = frozenset({"ALI_DMP_TX_SEJ", "MSSPRO_TX_SEJ", "MSSPAT_TX_SEJ"}) | {
    indicator.code for indicator in INDICATORS if indicator.chapter == Chapter.INFO
}
"""Rates whose members are stays or consultations: their list may be read (F-PV-32)."""
# Indicators for which more is not better: their change has no colour.
NEUTRAL: Final = frozenset({"INFO_SEJ_OPP", "INFO_CONS_OPP"})


@dataclass(frozen=True, slots=True)
class Change:
    """Points of one month: their words, their direction, and the tone that their meaning gives."""

    words: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of figures."""

    label: str
    code: str = ""
    value: int | None = None
    before: int | None = None
    ratio: Ratio | None = None
    rate: str = ""
    bar: Bar | None = None
    line: Line | None = None
    change: Change | None = None
    url: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its line and its definition (ui reference 6.19)."""

    title: str
    figure: str
    ratio: Ratio
    line: Line
    definition: str
    url: str


@dataclass(frozen=True, slots=True)
class Section:
    """One indicator of a chapter: its official name, its lines, its definition."""

    indicator: Indicator
    title: str
    rows: list[Row]
    definition: str

    @property
    def is_rate(self) -> bool:
        return self.indicator.measure == Measure.RATE


@dataclass(frozen=True, slots=True)
class Alarm:
    """What somebody should look at: a title, facts, the threshold."""

    tone: Tone
    title: str
    facts: tuple[str, ...]

    @property
    def icon(self) -> str:
        return {Tone.BAD: "octagon-alert", Tone.WARN: "triangle-alert", Tone.OK: "circle-check"}[self.tone]


LETTERS: Final = Axes(doc_type=DocType.LDL)
EVERYTHING: Final = Axes(volet=Volet.GLOBAL)


def cards(board: Board) -> list[Card]:
    """The four figures of the overview (picture of the reference)."""
    month = month_words(board.month.first_day, year=False)
    opposed = board.ratio("INFO_SEJ_OPP", EVERYTHING).rate
    return [
        _card(
            board,
            "Lettres de liaison au DMP",
            "ALI_DMP_TX_SEJ",
            LETTERS,
            f"Séjours clôturés en {month} dont la lettre de liaison a été versée au DMP.",
            "alimentation",
        ),
        _card(
            board,
            "Identités qualifiées",
            "X_INS_TX_QUALIF",
            NO_AXES,
            "Identités qualifiées, parmi les patients venus dans le mois.",
            "information",
        ),
        _card(
            board,
            "Patients informés, non opposés",
            "INFO_SEJ_NONOPP",
            EVERYTHING,
            "Séjours clôturés, information enregistrée et pas d’opposition."
            + (f" Opposés{NO_BREAK_SPACE}: {_percent(opposed)}." if opposed is not None else ""),
            "information",
        ),
        _card(
            board,
            "MSSanté aux correspondants",
            "MSSPRO_TX_SEJ",
            LETTERS,
            "Séjours clôturés dont la lettre de liaison a été envoyée à un professionnel externe.",
            "mssante",
        ),
    ]


def _card(board: Board, title: str, code: str, axes: Axes, definition: str, slug: str) -> Card:
    ratio = board.ratio(code, axes)
    return Card(
        title=title,
        figure=DASH if ratio.rate is None else f"{ratio.rate:.1f}".replace(".", ","),
        ratio=ratio,
        line=line_of(board.months, board.rates(code, axes)),
        definition=definition,
        url=reverse("stats:chapter", args=[slug]),
    )


def feeding_rows(board: Board, *, may_list: bool) -> list[dict[str, object]]:
    """« Alimentation du DMP en flux, par type de document »: successes, failures, rate, change."""
    rows = []
    for doc_type in TYPES_OF_AXIS[Axis.TYPES]:
        axes = Axes(doc_type=doc_type)
        has_base = doc_type in SEGUR_TYPES
        rows.append(
            {
                "row": _row(board, BY_CODE["ALI_DMP_TX_SEJ"], axes, may_list=may_list)
                if has_base
                else Row(SHORT_TYPES[doc_type], doc_type.value, is_total=doc_type == DocType.TOUS),
                "done": board.count("ALI_DMP_FLUX_OK", axes),
                "failed": board.count("ALI_DMP_FLUX_KO", axes),
                "has_base": has_base,
            }
        )
    return rows


def profession_rows(board: Board) -> list[Row]:
    """« Professionnels ayant consulté le DMP »."""
    labels = profession_labels()
    indicator = BY_CODE["CON_DMP_TX_UTIL"]
    return [
        _row(board, indicator, Axes(profession=code), label=labels.get(code, code))
        for code in board.professions(indicator.code)
    ]


RECEIVED: Final = (
    ("MSSREC_AUTO_OK", "Intégrés automatiquement"),
    ("MSSREC_AUTO_KO", "Rejetés (identité, version, auteur)"),
    ("MSSREC_MAN_CDA_OK", "CDA importés à la main"),
    ("MSSREC_MAN_NONCDA", "Autres fichiers importés"),
)


def received_rows(board: Board) -> list[Row]:
    """« Documents reçus par MSSanté »."""
    every = Axes(doc_type=DocType.TOUS)
    return [Row(words, code, value=board.count(code, every)) for code, words in RECEIVED]


def sections(board: Board, chapter: Chapter, *, may_list: bool) -> list[Section]:
    """Every indicator of a chapter, with ours beside the official ones."""
    shown = [one for one in INDICATORS if one.chapter == chapter or _belongs(one, chapter)]
    return [
        Section(one, one.label(), list(_rows(board, one, may_list=may_list)), one.definition) for one in shown
    ]


def _belongs(indicator: Indicator, chapter: Chapter) -> bool:
    """Where our own indicators are shown."""
    prefix = {"X_MSSPRO": Chapter.MSSPRO, "X_INS_TX": Chapter.INFO}.get(indicator.code[:8])
    return prefix == chapter


SHORT_TYPES: Final = {
    DocType.LDL: "Lettre de liaison à la sortie",
    DocType.CRO: "CR opératoire",
    DocType.PRESC: "Prescription (toutes)",
    DocType.CRCONS: "CR de consultation",
    DocType.AUTRE: "Autres types",
    DocType.TOUS: "Tous les documents",
}


def _rows(board: Board, indicator: Indicator, *, may_list: bool) -> Iterator[Row]:
    if indicator.axis in TYPES_OF_AXIS:
        for doc_type in TYPES_OF_AXIS[indicator.axis]:
            yield _row(board, indicator, Axes(doc_type=doc_type), may_list=may_list)
    elif indicator.axis == Axis.CODES:
        labels = document_types()
        for code in board.codes(indicator.code):
            label = labels[code].display if code in labels else code
            yield _row(board, indicator, Axes(type_code=code), label=label)
        yield _row(board, indicator, Axes(doc_type=DocType.TOUS))
    elif indicator.axis == Axis.PROFESSIONS:
        professions = profession_labels()
        for code in board.professions("CON_DMP_TX_UTIL"):
            yield _row(board, indicator, Axes(profession=code), label=professions.get(code, code))
        yield _row(board, indicator, Axes(profession=ALL), label="Toutes les professions")
    elif indicator.axis == Axis.VOLETS:
        for volet in Volet:
            yield _row(board, indicator, Axes(volet=volet), label=volet.label, may_list=may_list)
    else:
        yield _row(board, indicator, NO_AXES, label="Tous les patients")


def _row(board: Board, indicator: Indicator, axes: Axes, *, label: str = "", may_list: bool = False) -> Row:
    doc_type = DocType(axes.doc_type) if axes.doc_type else None
    words = label or (SHORT_TYPES[doc_type] if doc_type else "")
    is_total = ALL in (axes.doc_type, axes.profession)
    code = axes.doc_type or axes.type_code or axes.profession or axes.volet
    if indicator.measure == Measure.COUNT:
        return Row(
            words,
            code,
            value=board.count(indicator.code, axes),
            before=board.count(indicator.code, axes, month=board.month.previous),
            is_total=is_total,
        )
    ratio = board.ratio(indicator.code, axes)
    return Row(
        words,
        code,
        ratio=ratio,
        rate=DASH if ratio.rate is None else f"{ratio.rate:.2f}".replace(".", ","),
        bar=bar_of(ratio.rate, settings.STATS_GOAL_PERCENT if indicator.axis == Axis.BASES else None),
        line=line_of(board.months, board.rates(indicator.code, axes)),
        change=_change(indicator.code, board.change(indicator.code, axes)),
        url=_stays_url(board, indicator.code, axes) if may_list and indicator.code in DRILLED else "",
        is_total=is_total,
    )


def _change(code: str, points: Decimal | None) -> Change | None:
    if points is None:
        return None
    words = f"{abs(points):.1f}".replace(".", ",") + f"{NO_BREAK_SPACE}pt"
    if points == 0:
        return Change(words, "equal", "")
    icon = "arrow-up" if points > 0 else "arrow-down"
    return Change(words, icon, "" if code in NEUTRAL else "ok" if points > 0 else "bad")


def _stays_url(board: Board, code: str, axes: Axes) -> str:
    values = {
        "indicateur": code,
        "mois": board.month.text,
        "type": axes.doc_type,
        "volet": axes.volet,
        "finess": "" if board.finess == ALL else board.finess,
        "service": board.service,
    }
    return f"{reverse('stats:stays')}?{urlencode({name: value for name, value in values.items() if value})}"


def alarms(board: Board, now: datetime) -> list[Alarm]:
    """Silence of a channel, drop of the feeding rate, INS rate, what has no FINESS (workflows 8, step 5)."""
    threshold = timedelta(hours=settings.STATS_SILENCE_HOURS)
    finess = "" if board.finess in (ALL, UNKNOWN_FINESS) else board.finess
    found = [_flow_alarm(flow, now, threshold) for flow in flows(finess=finess, now=now)]
    found += _reception_alarm(last_reception(now), now)
    found += [*_drop_alarm(board), *_identity_alarm(board), *_unknown_alarm(board)]
    order = [Tone.BAD, Tone.WARN, Tone.OK]
    return sorted(found, key=lambda alarm: order.index(alarm.tone))


def _flow_alarm(flow: Flow, now: datetime, threshold: timedelta) -> Alarm:
    tone = silence(flow, now=now, threshold=threshold)
    last = when(flow.last_success, now) if flow.last_success else "aucun depuis trois mois"
    success = f"Dernier succès{NO_BREAK_SPACE}: {last}"
    if tone == Tone.OK:
        return Alarm(tone, f"{flow.name}{NO_BREAK_SPACE}: régulier", (success,))
    limit = f"Seuil d’alarme{NO_BREAK_SPACE}: {_hours(threshold)}"
    return Alarm(tone, f"{flow.name}{NO_BREAK_SPACE}: muet", (success, limit))


def _reception_alarm(last: datetime | None, now: datetime) -> list[Alarm]:
    if last is None:
        return []
    words = f"Dernier document intégré{NO_BREAK_SPACE}: {when(last, now)}"
    return [Alarm(Tone.OK, "Réception MSSanté", (words,))]


def _drop_alarm(board: Board) -> list[Alarm]:
    before = [
        board.ratio("ALI_DMP_TX_SEJ", LETTERS, month=board.month.back(count))
        for count in range(1, MONTHS_BEFORE + 1)
    ]
    lost = drop(board.ratio("ALI_DMP_TX_SEJ", LETTERS), before)
    if lost is None or lost < settings.STATS_DROP_POINTS:
        return []
    title = f"Lettres de liaison au DMP{NO_BREAK_SPACE}: {lost:.1f}".replace(".", ",")
    return [
        Alarm(
            Tone.BAD,
            f"{title}{NO_BREAK_SPACE}points de moins",
            (
                "Par rapport à la moyenne des trois mois d’avant.",
                f"Seuil d’alarme{NO_BREAK_SPACE}: {settings.STATS_DROP_POINTS} points",
            ),
        )
    ]


def _identity_alarm(board: Board) -> list[Alarm]:
    rate = board.ratio("X_INS_TX_QUALIF").rate
    if rate is None or rate >= settings.STATS_INS_GOAL_PERCENT:
        return []
    return [
        Alarm(
            Tone.WARN,
            f"Identités qualifiées{NO_BREAK_SPACE}: {_percent(rate)}",
            (f"Seuil d’alarme{NO_BREAK_SPACE}: {percent(settings.STATS_INS_GOAL_PERCENT, 0)}",),
        )
    ]


def _unknown_alarm(board: Board) -> list[Alarm]:
    if UNKNOWN_FINESS not in board.snapshot.sites_found:
        return []
    return [
        Alarm(
            Tone.WARN,
            "Activité sans FINESS",
            (
                "Des documents ou des séjours n’ont pas d’unité connue.",
                "L’administrateur technique la décrit.",
            ),
        )
    ]


def _percent(rate: Decimal) -> str:
    return percent(float(rate))


def _hours(length: timedelta) -> str:
    return f"{int(length.total_seconds() // 3600)}{NO_BREAK_SPACE}h"
