"""Who consulted the DMP and what was taken from it, told by the trace alone (spec stats 3 B, C16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.enums import AccountKind
from accounts.models import Assignment, User
from audit.models import Trace
from establishment.models import Site
from stats.enums import DocType
from stats.rules.consulting import Account, Consulting, Retrieved, Span, activity
from stats.rules.figures import ALL, Key, Ratio
from stats.rules.months import month_of_day
from stats.rules.stays import Base
from stats.selectors.sources import Reading, rows_of
from stats.selectors.stays import STAYS, line_groups

SWITCHES: Final = {"account.disable": False, "account.close": False, "account.enable": True}
"""Events of an account that end its activity, or begin it again."""

# Transactions are traced by `dmp.line`, what a person did with a document by `dmp.tracing.act_trace`.
# Struct_IdNat is « 1 » and the FINESS géographique (dmp 2.3).
_FINESS = "coalesce(nullif(substr(trace.detail ->> 'structure', 2), ''), 'INCONNU')"
_USERS = f"""
    SELECT DISTINCT trace.actor_uid, date_trunc('month', trace.time AT TIME ZONE %(zone)s)::date,
           {_FINESS}, coalesce(trace.detail ->> 'profession', '')
    FROM audit_trace AS trace
    WHERE trace.type IN ('dmp.search', 'dmp.retrieve')
      AND trace.outcome = 'success' AND trace.actor_uid IS NOT NULL
      AND trace.time >= %(since)s AND trace.time < %(until)s
"""  # noqa: S608 - constants only
_DOCUMENTS = f"""
    SELECT min(trace.time), trace.patient_uid, trace.detail ->> 'unique_id',
           coalesce(trace.detail ->> 'type_code', ''), {_FINESS}, coalesce(trace.detail ->> 'unit', '')
    FROM audit_trace AS trace
    WHERE trace.type IN ('dmp.view', 'dmp.integrate') AND trace.outcome = 'success'
      AND trace.object_type = 'dmp.document'
      AND trace.time >= %(since)s AND trace.time < %(until)s
    GROUP BY date_trunc('month', trace.time AT TIME ZONE %(zone)s), 2, 3, 4, 5, 6
"""  # noqa: S608 - constants only
# What a person filed from the DMP during a stay, or on the day of a consultation; the record tells the
# patient, so that merged patients keep what was filed.
_INTEGRATED = f"""
    {STAYS},
    integrated AS (
        SELECT document.patient_id, coalesce(nullif(reception.type_code, ''), 'INCONNU') AS type_code,
               reception.at
        FROM documents_reception AS reception
        JOIN documents_document AS document ON document.id = reception.document_id
        WHERE reception.origin = 'dmp' AND reception.outcome IN ('integrated', 'replaced', 'duplicate')
          AND reception.at <= %(at)s
    )
    SELECT stay.is_consultation, stay.month, stay.finess, {{service}}, integrated.type_code,
           count(DISTINCT stay.id)
    FROM stay JOIN integrated ON integrated.patient_id = stay.patient_id
     AND CASE WHEN stay.is_consultation
              THEN (integrated.at AT TIME ZONE %(zone)s)::date = stay.day
              ELSE integrated.at >= stay.entered_at
               AND integrated.at <= stay.left_at + make_interval(days => %(tolerance)s::int) END
    GROUP BY GROUPING SETS ({{sets}})
"""  # noqa: S608 - constants only


def consultings(reading: Reading) -> list[Consulting]:
    """Each user, site and profession with a transaction, by month. 1 query."""
    return [
        Consulting(user, month_of_day(first), finess, profession)
        for user, first, finess, profession in rows_of(_USERS, reading.parameters)
    ]


def retrieved(reading: Reading) -> list[Retrieved]:
    """Documents of the DMP that were downloaded or integrated. 1 query."""
    types = reading.options.types_by_code
    is_wanted = reading.options.by_service
    return [
        Retrieved(at, patient, document, types.get(code, DocType.AUTRE), finess, unit if is_wanted else "")
        for at, patient, document, code, finess, unit in rows_of(_DOCUMENTS, reading.parameters)
    ]


def integration_ratios(reading: Reading, bases: Mapping[Base, int]) -> dict[Key, Ratio]:
    """CON_DMP_TX_SEJ and CON_DMP_TX_CONS by type met, and for all types. 1 query."""
    ratios = {
        Key(
            base.finess,
            base.month,
            _INDICATORS[base.is_consultation],
            doc_type=DocType.TOUS,
            service=base.service,
        ): Ratio(0, count)
        for base, count in bases.items()
    }
    by_service = reading.options.by_service
    statement = _INTEGRATED.format(
        service="stay.service" if by_service else "''",
        sets=", ".join(
            f"({', '.join((*group, 'is_consultation', *code))})"
            for group in line_groups(by_service)
            for code in ((), ("type_code",))
        ),
    )
    parameters = reading.parameters | {"tolerance": reading.options.dmp_tolerance_days}
    for is_consultation, first, finess, service, code, count in rows_of(statement, parameters):
        base = Base(finess or ALL, service or "", month_of_day(first), is_consultation)
        key = Key(base.finess, base.month, _INDICATORS[is_consultation], service=base.service)
        key = key._replace(type_code=code) if code else key._replace(doc_type=DocType.TOUS)
        ratios[key] = Ratio(count, bases[base])
    return ratios


def accounts() -> list[Account]:
    """Every nominative account with a profession, when it was active and where. 4 queries."""
    users = User.objects.filter(kind=AccountKind.NOMINATIVE).exclude(profession="")
    changes = _changes()
    held = _held()
    return [
        Account(uid, profession, _active(opened, is_active, closed, changes.get(uid, [])), held.get(pk, []))
        for pk, uid, profession, opened, is_active, closed in users.values_list(
            "pk", "uid", "profession", "created_at", "is_active", "closed_at"
        )
    ]


_INDICATORS: Final = {False: "CON_DMP_TX_SEJ", True: "CON_DMP_TX_CONS"}


def _active(
    opened: datetime, is_active: bool, closed: datetime | None, changes: list[tuple[datetime, bool]]
) -> list[Span]:
    """The spans of the trace; without any, what the account says today."""
    if not changes and not is_active:
        changes = [(closed or opened, False)]
    return activity(opened, changes)


def _changes() -> dict[UUID, list[tuple[datetime, bool]]]:
    found: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    rows = Trace.objects.filter(type__in=SWITCHES, object_uid__isnull=False).order_by("id")
    for uid, type, at in rows.values_list("object_uid", "type", "time"):
        if uid is not None:
            found[uid].append((at, SWITCHES[type]))
    return found


def _held() -> dict[int, list[tuple[str, Span]]]:
    """Sites of each user by the habilitations: that of the unit, or every site without one."""
    every = list(Site.objects.values_list("finess", flat=True))
    found: dict[int, list[tuple[str, Span]]] = defaultdict(list)
    rows = Assignment.objects.values_list("user_id", "unit__site__finess", "since", "until")
    for user_id, finess, since, until in rows:
        found[user_id] += [(site, Span(since, until)) for site in ([finess] if finess else every)]
    return found
