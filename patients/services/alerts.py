"""Alerts in three states: known, none known, not recorded (design 3; ui)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from patients.enums import AlertKind, AlertState
from patients.errors import AlertRefused
from patients.models import Alert, Patient


def alerts_set(
    *, patient: Patient, kind: AlertKind, state: AlertState, actor: Actor, labels: Sequence[str] = ()
) -> list[Alert]:
    """Record all that is known of one kind of alert; what was recorded before stays as history.

    `labels` name the known alerts, one each.

    Raises:
        AlertRefused: known without a label, or labels with another state.
    """
    names = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if (state == AlertState.KNOWN) != bool(names):
        raise AlertRefused("Une alerte connue porte un libellé ; les autres états n'en portent aucun.")
    with transaction.atomic():
        Patient.objects.select_for_update(of=("self",), no_key=True).get(pk=patient.pk)
        Alert.objects.filter(patient=patient, kind=kind, is_active=True).update(is_active=False)
        alerts = Alert.objects.bulk_create(
            Alert(patient=patient, kind=kind, state=state, label=name[:200], recorded_by=actor.login)
            for name in names or [""]
        )
        trace_write(
            type="alert.set",
            action=Action.UPDATE,
            actor=actor,
            patient_uid=patient.uid,
            object_type="patients.alert",
            object_uid=alerts[0].uid,
            detail={"kind": kind.value, "state": state.value, "count": len(names)},
        )
    return alerts
