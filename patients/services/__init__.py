"""Writes of the patients room: identities, alerts, stays, care teams, openings of records."""

from patients.services.access import patient_search, record_open
from patients.services.alerts import alerts_set
from patients.services.identity import (
    IdentityInput,
    identity_event_apply,
    identity_update,
    patient_create,
)
from patients.services.insi import (
    insi_accept,
    insi_ask,
    insi_confirm_mismatch,
    insi_do,
    insi_refuse,
)
from patients.services.received import identity_receive
from patients.services.stays import movement_receive, visit_update_receive
from patients.services.team import team_member_add, team_member_end

__all__ = [
    "IdentityInput",
    "alerts_set",
    "identity_event_apply",
    "identity_receive",
    "identity_update",
    "insi_accept",
    "insi_ask",
    "insi_confirm_mismatch",
    "insi_do",
    "insi_refuse",
    "movement_receive",
    "patient_create",
    "patient_search",
    "record_open",
    "team_member_add",
    "team_member_end",
    "visit_update_receive",
]
