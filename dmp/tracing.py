"""The fields that a trace of the consultation holds beside those of every trace (spec dmp 7, CONF.14).

Never: the VIHF itself, content or titles of documents, the reason of a choice, the homologation number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from audit.enums import Action, Outcome
from audit.services import trace_write
from dmp.consultation import Consultation
from dmp.models import RemoteDocument
from national.calls import CallRecord

AIR_MODE: Final = "AIR_SIMPLIFIE"
FACTORS: Final = 2
"""The gate lets no other session through (dmp 2.6)."""
MOST_DOCUMENTS: Final = 100


def consultation_detail(consultation: Consultation) -> dict[str, Any]:
    """Who the person is for the DMP, in which session, for which stay, under which choice."""
    user, assurance = consultation.user, consultation.assurance
    return {
        "mode": AIR_MODE,
        "factors": FACTORS,
        "auth_time": assurance.auth_time.isoformat(),
        "name": user.display_name,
        "profession": user.acting.profession,
        "specialty": user.acting.specialty,
        "sector": consultation.context.sector,
        "unit": consultation.unit.code if consultation.unit else "",
        "structure": consultation.structure,
        "ipp": consultation.ipp,
        "ins_oid": consultation.ins.oid,
        "episode": str(consultation.episode.uid),
        "purpose": consultation.context.purpose.value,
        "information": "not_opposed",
        "choice": consultation.choice,
    }


def call_detail(
    consultation: Consultation, call: CallRecord, *, count: int, documents: Sequence[str]
) -> dict[str, Any]:
    """The same, with one transaction: which, how it ended, how long, about which documents."""
    return consultation_detail(consultation) | {
        "transaction": call.transaction,
        "message": call.message_id,
        "assertion": call.assertion_id,
        "address": call.address,
        "outcome": call.outcome.value,
        "code": call.code,
        "duration_ms": call.duration_ms,
        "count": count,
        "documents": list(documents)[:MOST_DOCUMENTS],
    }


def act_trace(
    consultation: Consultation,
    type: str,
    document: RemoteDocument,
    *,
    transaction: str,
    action: Action = Action.READ,
    outcome: Outcome = Outcome.SUCCESS,
    **more: Any,
) -> None:
    """Trace what the person did with one document of the DMP: viewed, integrated, made visible."""
    trace_write(
        type=type,
        action=action,
        outcome=outcome,
        actor=consultation.actor,
        patient_uid=consultation.patient.uid,
        patient_ins=consultation.ins.matricule,
        object_type="dmp.document",
        object_uid=document.uid,
        object_version=str(document.version),
        detail=consultation_detail(consultation)
        | {
            "transaction": transaction,
            "unique_id": document.unique_id,
            "entry_uuid": document.entry_uuid,
            "type_code": document.type_code,
        }
        | more,
    )
