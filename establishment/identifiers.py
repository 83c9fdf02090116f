"""OIDs that leave the house, under the OID root of the installation (spec cda 8.4).

Branch 1 names document versions, branch 2 lineages (setId), branch 3 the submission sets of the PFI,
branch 4 those by which the DPI changes metadata itself: each room has its own sequence. The last arc
comes from a database sequence, so an identifier is never given twice.
"""

from __future__ import annotations

from enum import IntEnum

from django.db import connection

from establishment.selectors import legal_entity

MAX_OID_LENGTH = 64


class Branch(IntEnum):
    DOCUMENT = 1
    SET = 2
    SUBMISSION_SET = 3
    METADATA_SET = 4


def oid_allocate(branch: Branch, *, sequence: str) -> str:
    """Take the next number of `sequence` and return the full OID; ValueError over 64 characters."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s::regclass)", [sequence])
        (number,) = cursor.fetchone()
    oid = f"{legal_entity().oid_root}.{branch:d}.{number}"
    if len(oid) > MAX_OID_LENGTH:
        raise ValueError(f"OID of {len(oid)} characters, more than {MAX_OID_LENGTH}: shorten the OID root")
    return oid
