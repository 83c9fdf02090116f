"""Reading a document of ours that was deleted: it may be about somebody else (SC.DMP/CONF.03)."""

from __future__ import annotations

from typing import Final

from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from documents.enums import VersionState
from documents.errors import DocumentRemoved
from documents.models import Version

READ_REMOVED: Final = "documents.delete"
"""Whoever may delete a document still reads those that were."""


def removed_refuse(*, version: Version, may_read: bool, actor: Actor) -> None:
    """Let nobody else read what was deleted, through a page or the API; the refusal is traced.

    0 query for a draft or a version in force. Raises DocumentRemoved.
    """
    if may_read or not _is_removed(version):
        return
    trace_write(
        type="document.view",
        action=Action.READ,
        outcome=Outcome.REFUSED,
        actor=actor,
        patient_uid=version.document.patient.uid,
        object_type="document",
        object_uid=version.document.uid,
        object_version=str(version.number),
        reason="document_removed",
    )
    raise DocumentRemoved()


def _is_removed(version: Version) -> bool:
    if version.state in (VersionState.CURRENT, VersionState.DRAFT) or not version.document.is_produced:
        return False
    return version.document.versions.filter(state=VersionState.DELETED).exists()
