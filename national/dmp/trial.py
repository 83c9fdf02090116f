"""Trying the DMP out: mutual TLS, then one signed query about nobody, which changes nothing (F-PV-36).

A query without patient is refused by the DMP: that refusal shows that it answers, that it took the
certificate of the line, and that the cachet could sign. Only what concerns the installation is a failure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from audit.context import Actor
from establishment.selectors import legal_entity
from interop.vihf.claims import AUTOMATE_ROLE, AuthenticationMode
from interop.vihf.codes import FINESS_PREFIX
from interop.xds import codes, iti18
from national.calls import Recorder
from national.dmp.adapter.settings import DmpSettings
from national.dmp.adapter.wire import SEAL_EXPIRED, VIHF_INCOMPLETE, Ask, Wire
from national.dmp.opening import dmp_line
from national.dmp.ports import AccessContext
from national.errors import Rejected
from national.services import call_keep
from national.soap import SoapAnswer
from national.transport import CERTIFICATE_REFUSED, CERTIFICATE_UNREADABLE
from national.trials import AIR_TRIAL, TRIAL, TrialResult

ANSWERS: Final = (
    "Le DMP répond et accepte le certificat d’authentification\u202f; "
    "il a refusé, comme attendu, une demande signée sans patient."
)
AIR: Final = "air"
"""Name of the trial of the consultation: `dmp:air` (F-PV-36)."""
AIR_ANSWERS: Final = (
    "L’adresse de consultation répond et accepte le certificat d’authentification\u202f; elle a refusé, "
    "comme attendu, une demande de la structure signée sans patient. Ce que l’AIR ouvre à un professionnel "
    "se voit à sa première consultation."
)
_OF_THE_INSTALLATION: Final = frozenset(
    {
        CERTIFICATE_REFUSED,
        CERTIFICATE_UNREADABLE,
        SEAL_EXPIRED,
        VIHF_INCOMPLETE,
        codes.DMP_INVALID_CERTIFICATE,
    }
)
_SECTOR: Final = "SA01"


def dmp_try(name: str, actor: Actor, *, record: Recorder = call_keep) -> TrialResult:
    """Query the registry about a document that nobody has, for no patient; `air` tries the consultation.

    Nobody is behind a trial, and AIR is for a professional known by two factors (EX_AIR-050): the structure
    asks, at the address and in the form of token of the consultation.
    """
    is_air = name == AIR
    with dmp_line(AuthenticationMode.AIR if is_air else AuthenticationMode.INDIRECT) as (
        transport,
        seal,
        settings,
    ):
        wire = Wire(transport, seal, settings, record, lambda: datetime.now(UTC), uuid4)
        try:
            wire.exchange(_context(actor), None, _ask(settings, is_air=is_air), _read)
        except Rejected as refusal:
            code = refusal.code.rpartition(":")[2]
            if code in _OF_THE_INSTALLATION or code.startswith("HTTP_"):
                raise
    return TrialResult(True, AIR_ANSWERS if is_air else ANSWERS)


def _ask(settings: DmpSettings, *, is_air: bool) -> Ask:
    nobody = iti18.build_get_documents(
        unique_ids=(f"{legal_entity().oid_root}.0",), return_type=codes.RETURN_OBJECT_REF
    )
    return Ask(
        AIR_TRIAL if is_air else TRIAL,
        settings.paths.registry,
        settings.actions.iti18,
        nobody,
        settings.query_timeout,
        repeatable=True,
    )


def _context(actor: Actor) -> AccessContext:
    structure = f"{FINESS_PREFIX}{legal_entity().finess}"
    return AccessContext(
        mode=AuthenticationMode.INDIRECT,
        structure=structure,
        sector=_SECTOR,
        name_id=structure,
        subject=actor.login,
        roles=(AUTOMATE_ROLE,),
        authenticated_at=datetime.now(UTC),
        actor_uid=actor.uid,
        actor_label=actor.login,
    )


def _read(_answer: SoapAnswer) -> None:
    """Any answer will do."""
