"""Deleting a document of ours: marked, never erased, and asked of whoever received it (SC.DMP/CONF.03)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from documents import events
from documents.enums import VersionState
from documents.errors import NotDeletable, NotOurs, VersionMoved
from documents.models import Document, Version
from documents.services.produced import stay_lock
from documents.wishes import DeletionWishes
from patients.models import Patient


@transaction.atomic
def document_delete(*, version: Version, wishes: DeletionWishes, author: User, actor: Actor) -> Version:
    """Mark the document of a version in force deleted; a draft of its next version goes with it.

    What was sent is asked back by `document_deleted` (F-PFI-17). A deletion is no feeding: neither an
    opposition nor a lost INS stops it (README decision 6), nor an identity closed since.

    Raises NotOurs for a document received from elsewhere, VersionMoved when a newer version took over
    since the person looked, NotDeletable when none is in force.
    """
    document = Document.objects.select_for_update(of=("self",)).get(pk=version.document_id)
    if not document.is_produced:
        raise NotOurs()
    versions = list(document.versions.select_for_update(of=("self",)).order_by("id"))
    current = next((one for one in versions if one.state == VersionState.CURRENT), None)
    if current is None:
        raise NotDeletable()
    if current.pk != version.pk:
        raise VersionMoved()
    Patient.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=document.patient_id)
    stay_lock(current)
    at = timezone.now()
    drafts = [one.number for one in versions if one.state == VersionState.DRAFT]
    document.versions.filter(state=VersionState.DRAFT).delete()
    Version.objects.filter(pk=current.pk).update(
        state=VersionState.DELETED, deleted_at=at, deleted_by=author, deletion_motive=wishes.motive
    )
    deleted = Version.objects.select_related("document__patient", "document__unit__site").get(pk=current.pk)
    trace_write(
        type="document.delete",
        action=Action.DELETE,
        actor=actor,
        patient_uid=deleted.document.patient.uid,
        object_type="document",
        object_uid=deleted.document.uid,
        object_version=str(deleted.number),
        reason=wishes.motive,
        detail={"motive": wishes.motive, "drafts": drafts, "spared": len(wishes.spared)},
    )
    events.document_deleted.send(sender=Version, version=deleted, wishes=wishes, actor=actor, at=at)
    return deleted
