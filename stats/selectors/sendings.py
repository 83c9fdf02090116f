"""The outcomes of the documents sent, for the counts of some months (spec stats A, C, D; C16)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from stats.enums import DocType
from stats.rules.sendings import Outcome, Sent
from stats.selectors.sources import Reading, rows_of

# The predicate of the index `sending_event_outcome`, as it is written there.
OUTCOMES = """
    ((event.to_state IN ('received_dmp', 'delivered', 'read', 'failed')
      AND NOT (event.from_state = event.to_state))
     OR event.kind IN ('late_received_dmp', 'late_delivered', 'late_read'))
"""
ARRIVED = "(event.to_state <> 'failed')"
INTERNAL = """
    (orders.channel = 'mssante_pro' AND (
        split_part(lower(orders.recipient_address), '@', 2) = ANY(%(internal_domains)s::text[])
        OR lower(orders.recipient_address) IN (SELECT lower(address) FROM mssante_mailbox)))
"""
"""A recipient of the establishment itself: an owned domain (mssante 6), or one of our mailboxes."""
FICTIVE = "(SELECT id FROM patients_patient WHERE identity_attributes @> ARRAY['FICT']::varchar[])"
"""Test identities count nowhere (C15)."""

# Documents that met something in these months, with all that they met until the end of them: whether an
# arrival is the first one is decided by what came before.
STATEMENT = f"""
    WITH touched AS (
        SELECT DISTINCT orders.lineage, orders.channel
        FROM sending_orderevent AS event
        JOIN sending_order AS orders ON orders.id = event.order_id
        WHERE {OUTCOMES}
          AND event.recorded_at >= %(since)s AND event.recorded_at < %(until)s
          AND orders.action IN ('initial', 'replace') AND orders.lineage <> ''
    )
    SELECT orders.lineage, orders.channel, orders.version_id, document.type_code,
           coalesce(unit.code, ''), date_part('epoch', event.recorded_at), {ARRIVED}, orders.origin,
           orders.finess, orders.has_ins, lower(orders.recipient_address), NOT {INTERNAL},
           (version.act_at AT TIME ZONE %(zone)s)::date
    FROM touched
    JOIN sending_order AS orders
      ON orders.lineage = touched.lineage AND orders.channel = touched.channel
     AND orders.action IN ('initial', 'replace')
    JOIN sending_orderevent AS event ON event.order_id = orders.id
    JOIN documents_document AS document ON document.set_id = orders.lineage
    LEFT JOIN documents_version AS version
      ON version.id = orders.version_id AND orders.origin = 'historique'
    LEFT JOIN establishment_unit AS unit ON unit.id = document.unit_id
    WHERE {OUTCOMES} AND event.recorded_at < %(until)s
      AND document.patient_id NOT IN {FICTIVE}
    ORDER BY orders.lineage, orders.channel, event.recorded_at, event.id
"""  # noqa: S608 - constants only


def sent_documents(reading: Reading) -> Iterator[Sent]:
    """Logical documents (or versions, by option) with something in the months read. 1 query."""
    rows = rows_of(STATEMENT, reading.parameters)
    if reading.options.count_versions:
        rows.sort(key=itemgetter(0, 1, 2, 5))
    width = 3 if reading.options.count_versions else 2
    for _, group in groupby(rows, key=lambda row: row[:width]):
        yield _sent(list(group), reading)


def _sent(rows: list[tuple[Any, ...]], reading: Reading) -> Sent:
    _, channel, _, type_code, service, *_ = rows[0]
    zone = reading.options.zone
    return Sent(
        channel=channel,
        doc_type=reading.options.types_by_code.get(type_code, DocType.AUTRE),
        service=service if reading.options.by_service else "",
        outcomes=tuple(Outcome(datetime.fromtimestamp(row[5], zone), *row[6:]) for row in rows),
    )
