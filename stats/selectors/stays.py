"""Closed stays and honoured consultations of some months, with what they reached (spec stats 3, C12).

One statement: who came, what was written and sent for them, what they had chosen at the exit. The
database groups; what a base is stays a rule (`stats.rules.stays.bases_of`), handed over as a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Any, Final

from consent.enums import ChoiceValue
from sending.enums import Channel
from stats.document_types import SEGUR_TYPES
from stats.enums import DocType
from stats.rules.figures import ALL, Key, Ratio
from stats.rules.months import month_of_day
from stats.rules.stays import Stays, bases_of
from stats.selectors.sendings import ARRIVED, FICTIVE, INTERNAL, OUTCOMES
from stats.selectors.sources import Reading, rows_of

CHANNELS: Final = (Channel.DMP, Channel.MSSANTE_PRO, Channel.MSSANTE_PATIENT)
_WIDTH: Final = len(SEGUR_TYPES)

# A document deleted because it was wrong no longer counts for its stay; one deleted for another reason does.
_ERRONEOUS = """
    (SELECT lineage FROM sending_order
     WHERE action = 'delete' AND motive IN ('wrong_patient', 'wrong_document') AND state <> 'cancelled')
"""
STAYS = f"""
    WITH seen AS (
        SELECT id, patient_id, unit_id, false AS is_consultation, admitted_at AS entered_at,
               (discharged_at AT TIME ZONE %(zone)s)::date AS day, discharged_at AS left_at
        FROM patients_episode
        WHERE kind = ANY(%(stay_kinds)s::text[]) AND state = 'closed' AND admitted_at IS NOT NULL
          AND discharged_at >= %(since)s AND discharged_at < %(until)s
        UNION ALL
        SELECT id, patient_id, unit_id, true, admitted_at, (admitted_at AT TIME ZONE %(zone)s)::date,
               (date_trunc('day', admitted_at AT TIME ZONE %(zone)s) + interval '1 day')
               AT TIME ZONE %(zone)s - interval '1 microsecond'
        FROM patients_episode
        WHERE kind = ANY(%(consultation_kinds)s::text[]) AND state IN ('open', 'closed')
          AND admitted_at >= %(since)s AND admitted_at < %(until)s
    ),
    stay AS MATERIALIZED (
        SELECT seen.id, seen.patient_id, seen.is_consultation, seen.day, seen.entered_at, seen.left_at,
               date_trunc('month', seen.day)::date AS month,
               coalesce(site.finess, 'INCONNU') AS finess, coalesce(unit.code, '') AS service,
               coalesce(unit.is_surgical, false) AS is_surgical
        FROM seen
        LEFT JOIN establishment_unit AS unit ON unit.id = seen.unit_id
        LEFT JOIN establishment_site AS site ON site.id = unit.site_id
        WHERE seen.patient_id NOT IN {FICTIVE}
    )
"""  # noqa: S608 - constants only
"""Closed stays and honoured consultations of the months; a consultation lasts until the end of its day."""
# The latest choice, then the more restrictive (`consent.rules.current_choice`): the greatest of these
# numbers, whose two last bits are the value.
_VALUES: Final = (ChoiceValue.NOT_OPPOSED, ChoiceValue.NOT_COLLECTED, ChoiceValue.OPPOSED)
_NOTHING: Final = _VALUES.index(ChoiceValue.NOT_COLLECTED)
_RANKED = """
    ((date_part('epoch', choice.collected_at) * 1000000)::bigint * 4
     + CASE choice.value WHEN 'not_opposed' THEN 0 WHEN 'not_collected' THEN 1 ELSE 2 END)
"""
_FACTS = f"""
    {STAYS},
    mapped AS (
        SELECT * FROM unnest(%(codes)s::text[], %(types)s::int[]) AS mapped (code, type)
    ),
    surgery AS (
        SELECT DISTINCT movement.episode_id
        FROM patients_movement AS movement
        JOIN establishment_unit AS unit ON unit.code = movement.medical_unit_code
        WHERE unit.is_surgical AND NOT movement.is_cancelled
    ),
    produced AS (
        SELECT document.episode_id, bit_or(1 << mapped.type) AS mask
        FROM documents_document AS document
        JOIN mapped ON mapped.code = document.type_code
        WHERE document.set_id <> '' AND document.episode_id IS NOT NULL
          AND document.origins && ARRAY['produced', 'internal']::varchar[]
        GROUP BY document.episode_id
    ),
    arrived AS (
        SELECT event.order_id FROM sending_orderevent AS event
        WHERE {OUTCOMES} AND {ARRIVED} AND event.recorded_at <= %(at)s
        GROUP BY event.order_id
    ),
    line AS MATERIALIZED (
        SELECT document.episode_id, mapped.type, orders.channel,
               CASE WHEN orders.channel = 'mssante_pro'
                    THEN coalesce(nullif(orders.recipient_rpps, ''), lower(orders.recipient_address))
               END AS correspondent,
               arrived.order_id IS NOT NULL AS has_arrived
        FROM sending_order AS orders
        JOIN documents_document AS document ON document.set_id = orders.lineage
        LEFT JOIN mapped ON mapped.code = document.type_code
        LEFT JOIN arrived ON arrived.order_id = orders.id
        WHERE orders.action IN ('initial', 'replace') AND orders.lineage <> ''
          AND document.episode_id IS NOT NULL
          AND (arrived.order_id IS NOT NULL OR orders.channel = 'mssante_pro')
          AND orders.lineage NOT IN {_ERRONEOUS} AND NOT {INTERNAL}
    ),
    sent AS (
        SELECT episode_id,
               bit_or(1 << (type + CASE channel WHEN 'dmp' THEN 0 WHEN 'mssante_pro' THEN %(width)s::int
                                                ELSE 2 * %(width)s::int END)) AS mask
        FROM line WHERE has_arrived AND type IS NOT NULL
        GROUP BY episode_id
    ),
    chosen AS (
        SELECT choice.episode_id,
               max({_RANKED}) FILTER (WHERE choice.subject = 'alimentation') & 3 AS alimentation,
               max({_RANKED}) FILTER (WHERE choice.subject = 'consultation') & 3 AS consultation
        FROM consent_choice AS choice
        JOIN stay ON stay.id = choice.episode_id
        WHERE choice.is_effective AND choice.collected_at <= stay.left_at
        GROUP BY choice.episode_id
    ),
    fact AS MATERIALIZED (
        SELECT stay.id, stay.patient_id, stay.is_consultation, stay.month, stay.finess, stay.service,
               stay.is_surgical OR surgery.episode_id IS NOT NULL AS is_surgical,
               coalesce(produced.mask, 0) AS produced, coalesce(sent.mask, 0) AS sent,
               coalesce(chosen.alimentation, {_NOTHING}) AS alimentation,
               coalesce(chosen.consultation, {_NOTHING}) AS consultation
        FROM stay
        LEFT JOIN surgery ON surgery.episode_id = stay.id
        LEFT JOIN produced ON produced.episode_id = stay.id
        LEFT JOIN sent ON sent.episode_id = stay.id
        LEFT JOIN chosen ON chosen.episode_id = stay.id
    ),
    based AS MATERIALIZED (
        SELECT fact.*,
               (%(bases)s::int[])[1 + fact.produced + (1 << %(width)s::int) * (
                   fact.is_surgical::int + 2 * fact.is_consultation::int)] AS base
        FROM fact
    )
"""  # noqa: S608 - constants only
_GROUPS = """
    SELECT 'stays' AS what, month, finess, {service} AS service, is_consultation, is_surgical, produced, sent,
           alimentation, consultation, -1 AS type, count(*) AS numerator, 0::bigint AS denominator
    FROM fact
    GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
_EACH = """
    SELECT id, month, finess, service, is_consultation, is_surgical, produced, sent, alimentation,
           consultation, 1
    FROM fact ORDER BY id
"""
_PATIENTS = """
    SELECT 'patients', month, finess, {service}, false, false, 0, 0, 0::bigint, 0::bigint, type,
           count(DISTINCT patient_id) FILTER (WHERE sent >> (type + 2 * %(width)s::int) & 1 = 1),
           count(DISTINCT patient_id)
    FROM based CROSS JOIN generate_series(0, %(width)s::int - 1) AS type
    WHERE base >> type & 1 = 1
    GROUP BY GROUPING SETS ({sets})
"""
_CORRESPONDENTS = """
    SELECT 'correspondents', month, finess, {service}, false, false, 0, 0, 0::bigint, 0::bigint, kind,
           count(DISTINCT correspondent) FILTER (WHERE type = kind AND has_arrived),
           count(DISTINCT correspondent)
    FROM (
        SELECT based.*, line.correspondent, line.type, line.has_arrived
        FROM based JOIN line ON line.episode_id = based.id AND line.channel = 'mssante_pro'
        UNION ALL
        SELECT based.*, doctor.rpps, -1, false
        FROM based
        JOIN patients_patient AS patient ON patient.id = based.patient_id
        JOIN mssante_correspondent AS doctor
          ON doctor.rpps = patient.attending_doctor_rpps AND doctor.rpps <> ''
        WHERE EXISTS (
            SELECT 1 FROM mssante_correspondentaddress AS address
            WHERE address.correspondent_id = doctor.id AND address.is_active)
    ) AS listed
    CROSS JOIN generate_series(0, %(width)s::int - 1) AS kind
    WHERE base >> kind & 1 = 1
    GROUP BY GROUPING SETS ({sets})
"""
_IDENTITIES = """
    SELECT 'identities', month, finess, {service}, false, false, 0, 0, 0::bigint, 0::bigint, -1,
           count(DISTINCT patient_id) FILTER (WHERE patient.identity_status = 'QUAL'),
           count(DISTINCT patient_id)
    FROM fact JOIN patients_patient AS patient ON patient.id = fact.patient_id
    GROUP BY GROUPING SETS ({sets})
"""


@dataclass(slots=True)
class StayFacts:
    """Groups of stays, and the rates whose members are persons: distinct, so never summed."""

    groups: list[Stays] = field(default_factory=list)
    ratios: dict[Key, Ratio] = field(default_factory=dict)


def stay_facts(reading: Reading) -> StayFacts:
    """What the rates of stays, consultations, patients and correspondents need. 1 query."""
    by_service = reading.options.by_service
    return _facts(rows_of(_statement(by_service=by_service), _parameters(reading)))


def stays_one_by_one(reading: Reading) -> list[tuple[int, Stays]]:
    """The stays and consultations of a reading by the row of their episode, each counted once. 1 query."""
    rows = rows_of(_FACTS + _EACH, _parameters(reading))
    return [(pk, _group(tuple(row))) for pk, *row in rows]


def _statement(*, by_service: bool) -> str:
    def sets(*more: str) -> str:
        return ", ".join(f"({', '.join((*group, *more))})" for group in line_groups(by_service))

    service = "service" if by_service else "''"
    parts = (
        _GROUPS.format(service=service),
        _PATIENTS.format(sets=sets("type"), service=service),
        _CORRESPONDENTS.format(sets=sets("kind"), service=service),
        _IDENTITIES.format(sets=sets(), service=service),
    )
    return _FACTS + " UNION ALL ".join(parts)


def line_groups(by_service: bool) -> list[tuple[str, ...]]:
    """Columns that make one line: a site, all sites, and each service when it is asked for."""
    return [("month", "finess"), ("month",), *([("month", "finess", "service")] if by_service else [])]


def _parameters(reading: Reading) -> dict[str, Any]:
    mapped = reading.options.types_by_code
    return reading.parameters | {
        "codes": list(mapped),
        "types": [SEGUR_TYPES.index(doc_type) for doc_type in mapped.values()],
        "width": _WIDTH,
        "bases": _bases(),
    }


def _bases() -> list[int]:
    """The rule of the bases as a table, by consultation, surgery and documents produced."""
    return [
        _mask(bases_of(is_consultation=is_consultation, is_surgical=is_surgical, produced=_types(produced)))
        for is_consultation, is_surgical, produced in product(
            (False, True), (False, True), range(1 << _WIDTH)
        )
    ]


def _mask(types: Iterable[DocType]) -> int:
    return sum(1 << SEGUR_TYPES.index(doc_type) for doc_type in types)


def _types(mask: int) -> frozenset[DocType]:
    return frozenset(doc_type for place, doc_type in enumerate(SEGUR_TYPES) if mask >> place & 1)


_PERSONS: Final = {
    "patients": "MSSPAT_TX_PAT",
    "correspondents": "MSSPRO_TX_CORR",
    "identities": "X_INS_TX_QUALIF",
}


def _facts(rows: Iterable[tuple[Any, ...]]) -> StayFacts:
    facts = StayFacts()
    for what, *rest in rows:
        *row, kind, one, two = rest
        if what == "stays":
            facts.groups.append(_group((*row, one)))
        else:
            first, finess, service, *_ = row
            facts.ratios[_person_key(what, first, finess, service, kind)] = Ratio(one, two)
    return facts


def _group(row: tuple[Any, ...]) -> Stays:
    """One line of `_GROUPS`, or of `_EACH`."""
    (
        first,
        finess,
        service,
        is_consultation,
        is_surgical,
        produced,
        sent,
        alimentation,
        consultation,
        count,
    ) = row
    return Stays(
        month=month_of_day(first),
        finess=finess,
        service=service,
        is_consultation=is_consultation,
        is_surgical=is_surgical,
        produced=_types(produced),
        sent={channel: _types(sent >> place * _WIDTH) for place, channel in enumerate(CHANNELS)},
        alimentation=_VALUES[alimentation],
        consultation=_VALUES[consultation],
        count=count,
    )


def _person_key(what: str, first: date, finess: str | None, service: str | None, kind: int) -> Key:
    return Key(
        finess or ALL,
        month_of_day(first),
        _PERSONS[what],
        doc_type=SEGUR_TYPES[kind] if kind >= 0 else "",
        service=service or "",
    )
