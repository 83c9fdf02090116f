"""What arrived by MSSanté, for the counts of some months (spec stats 3 E; mssante 6)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from stats.enums import DocType
from stats.rules.receptions import Arrival, Received
from stats.selectors.sendings import FICTIVE
from stats.selectors.sources import Reading, rows_of

# A logical document is its setId, else its identifier, else its very bytes; by hand or not, CDA or not.
_ARRIVALS = f"""
    SELECT coalesce(nullif(reception.set_id, ''), nullif(reception.unique_id, ''),
                    nullif(reception.cda_sha256, ''), nullif(reception.raw_sha256, ''),
                    reception.uid::text) AS lineage,
           reception.intake, reception.cda_sha256 <> '' AS is_cda, reception.type_code,
           coalesce(unit.code, '') AS service, reception.at, reception.id,
           reception.outcome = 'integrated' AS arrived,
           coalesce(site.finess, box_site.finess, '') AS finess
    FROM documents_reception AS reception
    LEFT JOIN establishment_unit AS unit ON unit.id = reception.unit_id
    LEFT JOIN establishment_site AS site ON site.id = unit.site_id
    LEFT JOIN mssante_mailbox AS box
      ON reception.unit_id IS NULL AND lower(box.address) = lower(reception.recipient_address)
    LEFT JOIN establishment_unit AS box_unit ON box_unit.id = box.unit_id
    LEFT JOIN establishment_site AS box_site ON box_site.id = coalesce(box_unit.site_id, box.site_id)
    WHERE reception.origin = 'mssante' AND reception.request <> 'delete'
      AND reception.outcome NOT IN ('replaced', 'deleted', 'duplicate')
      AND reception.at < %(until)s
      AND (reception.patient_id IS NULL OR reception.patient_id NOT IN {FICTIVE})
"""  # noqa: S608 - constants only
STATEMENT = f"""
    WITH arrival AS ({_ARRIVALS}),
    touched AS (SELECT DISTINCT lineage FROM arrival WHERE at >= %(since)s)
    SELECT * FROM arrival WHERE lineage IN (SELECT lineage FROM touched)
    ORDER BY lineage, intake, is_cda, at, id
"""  # noqa: S608 - constants only


def received_documents(reading: Reading) -> Iterator[Received]:
    """Documents with something in the months read, each by the way that it came. 1 query."""
    for _, group in groupby(rows_of(STATEMENT, reading.parameters), key=lambda row: row[:3]):
        yield _received(list(group), reading)


def _received(rows: list[tuple[Any, ...]], reading: Reading) -> Received:
    _, intake, is_cda, _, service, *_ = rows[0]
    # A refusal may know no type, an arrival does.
    type_code = next((row[3] for row in rows if row[3]), "")
    return Received(
        doc_type=reading.options.types_by_code.get(type_code, DocType.AUTRE),
        service=service if reading.options.by_service else "",
        is_automatic=intake == "automatic",
        is_cda=is_cda,
        arrivals=tuple(Arrival(at=row[5], arrived=row[7], finess=row[8]) for row in rows),
    )
