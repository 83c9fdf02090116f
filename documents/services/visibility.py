"""Who sees a filed document, when that changes without a new version (dmp 0.2, 5.3, 6.3 case B)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from documents import events
from documents.models import Document, Version
from documents.wishes import Visibility
from patients.models import Patient

FLAGS = ("is_masque_ps", "is_invisible_patient", "is_invisible_rep_legaux")


@transaction.atomic
def visibility_follow(
    *, patient: Patient, unique_id: str, visibility: Visibility, actor: Actor, at: datetime
) -> Version | None:
    """Give the version of that id, in the record of `patient`, the visibility that it has in the DMP.

    Its bytes, its number and what was mailed stay. Returns the version when something changed, None
    otherwise; `visibility_changed` tells who waits for it.
    """
    known = Version.objects.filter(unique_id=unique_id, document__patient=patient)
    document_id = known.values_list("document_id", flat=True).first()
    if document_id is None:
        return None
    Document.objects.select_for_update(of=("self",)).get(pk=document_id)
    version = Version.objects.select_for_update(of=("self",)).get(unique_id=unique_id)
    wanted = {name: getattr(visibility, name) for name in FLAGS}
    before = {name: getattr(version, name) for name in FLAGS}
    if before == wanted:
        return None
    Version.objects.filter(pk=version.pk).update(**wanted)
    version = Version.objects.select_related("document__patient").get(pk=version.pk)
    trace_write(
        type="document.visibility",
        action=Action.UPDATE,
        actor=actor,
        patient_uid=patient.uid,
        object_type="document",
        object_uid=version.document.uid,
        object_version=str(version.number),
        detail={"before": before, "after": wanted},
    )
    events.visibility_changed.send(sender=Version, version=version, actor=actor, at=at)
    return version
