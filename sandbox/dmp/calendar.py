"""The calendar of a document that the patient does not see (DSR 3.2.2.d).

One month after its deposit the patient is told that it exists; after three months it becomes visible, by
another version of its metadata, as if a professional had done it. Runs on the simulated clock.
"""

from datetime import UTC, datetime
from typing import Final

from interop.xds import codes as xds
from sandbox import codes
from sandbox.dmp.dates import add_months
from sandbox.dmp.ebxml import read_xml, without_code
from sandbox.dmp.metadata import WrittenAuthor, build_lot
from sandbox.dmp.records import Document, Update
from sandbox.dmp.registry import Registry

TOLD_AFTER_MONTHS: Final = 1
VISIBLE_AFTER_MONTHS: Final = 3
_DMP_NAME: Final = "DMP"
_DMP: Final = WrittenAuthor(
    f"{_DMP_NAME}^{_DMP_NAME}^^^^^^^&{codes.OID_DMP_REPOSITORY}&ISO^{xds.XCN_SYSTEM}^^^{xds.XCN_DEVICE}"
)


def advance(registry: Registry, now: datetime) -> None:
    """Do what is due: nearly nothing to read when nothing is."""
    for document in registry.hidden_documents():
        deposited = datetime.fromisoformat(document.deposited_at)
        if now >= add_months(deposited, TOLD_AFTER_MONTHS) and not registry.is_told(document):
            registry.tell(document, now)
        if now >= add_months(deposited, VISIBLE_AFTER_MONTHS):
            _make_visible(registry, document, now)


def _make_visible(registry: Registry, document: Document, now: datetime) -> None:
    with registry.lock:
        current = registry.document(document.entry_uuid)
        if current is None or current.is_superseded or not current.is_hidden_from_patient:
            return  # somebody was faster
        shown = without_code(
            current.metadata.xml, xds.SCHEME_CONFIDENTIALITY_CODE, xds.VISIBILITY_HIDDEN_PATIENT
        )
        lot = build_lot(
            unique_id=f"{codes.OID_DMP_REPOSITORY}.{now.astimezone(UTC):%Y%m%d%H%M%S}.{_number(document)}",
            source_id=codes.OID_DMP_REPOSITORY,
            ins=document.ins,
            submitted_at=now,
            title="Visibilité automatique",
            author=_DMP,
        )
        update = Update(current, read_xml(lot), metadata=read_xml(shown))
        registry.update(update, _DMP_NAME, _DMP_NAME, now)
    registry.sync()


def _number(document: Document) -> int:
    """A number of its own for each document, to tell the lots of one second apart."""
    return int(document.logical_id.removeprefix("urn:uuid:").replace("-", "")[:12], 16)
