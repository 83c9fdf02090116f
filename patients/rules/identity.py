"""Identity statuses: how they move, what they allow (spec ins 7; RNIV, INS/va1.25, .41, .56)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from patients.enums import IdentityAttribute, IdentityStatus

UNTRUSTED: Final = frozenset({IdentityAttribute.DOUT, IdentityAttribute.FICT})


@dataclass(frozen=True, slots=True)
class Standing:
    """The two facts that a status crosses (ins 7.1), with the attributes.

    `recovered`: traits recovered from INSi and accepted. `controlled`: a high-trust document was
    seen and is coherent.
    """

    recovered: bool = False
    controlled: bool = False
    attributes: frozenset[IdentityAttribute] = frozenset()

    @property
    def status(self) -> IdentityStatus:
        return status_of(recovered=self.recovered, controlled=self.controlled)

    @property
    def is_untrusted(self) -> bool:
        """Doubtful or fictive (ins 7.2)."""
        return bool(self.attributes & UNTRUSTED)


def status_of(*, recovered: bool, controlled: bool) -> IdentityStatus:
    """The exclusive status of two facts (RNIV EXI SI 07; ins 7.1)."""
    if recovered:
        return IdentityStatus.QUAL if controlled else IdentityStatus.RECUP
    return IdentityStatus.VALI if controlled else IdentityStatus.PROV


class StatusEvent(StrEnum):
    """Rows of the transition table (ins 7.3); 14 and 15, merge and PAM, are rules of their own."""

    INSI_ACCEPTED = "insi_accepted"
    INSI_REFUSED = "insi_refused"
    INSI_WITHOUT_RESULT = "insi_without_result"
    DOCUMENT_COHERENT = "document_coherent"
    DOCUMENT_INCOHERENT = "document_incoherent"
    TRAIT_CHANGED_WITH_DOCUMENT = "trait_changed_with_document"
    TRAIT_CHANGED = "trait_changed"
    DOUBTFUL_SET = "doubtful_set"
    FICTIVE_SET = "fictive_set"
    DOUBTFUL_REMOVED = "doubtful_removed"
    VERIFICATION_KO = "verification_ko"
    VERIFICATION_KO_CONFIRMED = "verification_ko_confirmed"
    VERIFICATION_OK = "verification_ok"
    APCV_ACCEPTED = "apcv_accepted"
    VALIDATION_CANCELLED = "validation_cancelled"
    HOMONYM_DETECTED = "homonym_detected"
    HOMONYM_PROVEN = "homonym_proven"
    HOMONYM_REMOVED = "homonym_removed"


class InsEffect(StrEnum):
    """What becomes of the active matricule."""

    KEEP = "keep"
    SET = "set"
    DROP = "drop"
    INVALIDATE = "invalidate"


@dataclass(frozen=True, slots=True)
class Transition:
    """What an event makes of an identity."""

    standing: Standing
    ins: InsEffect = InsEffect.KEEP
    opens_review: bool = False
    closes_review: bool = False


class TransitionRefused(ValueError):
    """The event does not apply to an identity in this status (ins 7.3)."""


_WITH_INS: Final = frozenset({IdentityStatus.RECUP, IdentityStatus.QUAL})
_FORBIDDEN_WHEN_UNTRUSTED: Final = frozenset(
    {
        StatusEvent.INSI_ACCEPTED,
        StatusEvent.INSI_REFUSED,
        StatusEvent.DOCUMENT_COHERENT,
        StatusEvent.TRAIT_CHANGED_WITH_DOCUMENT,
        StatusEvent.APCV_ACCEPTED,
    }
)
_ONLY_WITH_INS: Final = frozenset(
    {
        StatusEvent.VERIFICATION_KO,
        StatusEvent.VERIFICATION_KO_CONFIRMED,
        StatusEvent.VERIFICATION_OK,
    }
)


def transition(event: StatusEvent, standing: Standing) -> Transition:
    """Apply the transition table of ins 7.3 (INS/va1.25, .39, .41, .46).

    Raises:
        TransitionRefused: the event does not apply there; a doubtful or fictive identity leaves
            PROV only once its attribute is removed.
    """
    if standing.is_untrusted and event in _FORBIDDEN_WHEN_UNTRUSTED:
        raise TransitionRefused("une identité douteuse ou fictive reste provisoire")
    if event in _ONLY_WITH_INS and standing.status not in _WITH_INS:
        raise TransitionRefused("seule une identité récupérée ou qualifiée se vérifie")
    if event == StatusEvent.INSI_REFUSED and standing.status in _WITH_INS:
        raise TransitionRefused("une identité récupérée ou qualifiée se vérifie, elle ne se refuse pas")
    if event in _ATTRIBUTE_EVENTS:
        return _attribute_transition(event, standing)
    return _status_transition(event, standing)


_ATTRIBUTE_EVENTS: Final = frozenset(
    {
        StatusEvent.DOUBTFUL_SET,
        StatusEvent.FICTIVE_SET,
        StatusEvent.DOUBTFUL_REMOVED,
        StatusEvent.HOMONYM_DETECTED,
        StatusEvent.HOMONYM_PROVEN,
        StatusEvent.HOMONYM_REMOVED,
    }
)
_HOMONYMS: Final = frozenset({IdentityAttribute.HOMD, IdentityAttribute.HOMA})


def _attribute_transition(event: StatusEvent, standing: Standing) -> Transition:
    """Rows 8 and 9, and the homonyms; doubtful joins a homonym, fictive joins nothing (ins 7.2)."""
    attributes = standing.attributes
    match event:
        case StatusEvent.DOUBTFUL_SET:
            if IdentityAttribute.FICT in attributes:
                raise TransitionRefused("une identité fictive ne porte aucun autre attribut")
            return _untrusted(standing, attributes | {IdentityAttribute.DOUT})
        case StatusEvent.FICTIVE_SET:
            return _untrusted(standing, frozenset({IdentityAttribute.FICT}))
        case StatusEvent.DOUBTFUL_REMOVED:
            if IdentityAttribute.DOUT not in attributes:
                raise TransitionRefused("cette identité n'est pas douteuse")
            return Transition(replace(standing, attributes=attributes - {IdentityAttribute.DOUT}))
        case StatusEvent.HOMONYM_REMOVED:
            return Transition(replace(standing, attributes=attributes - _HOMONYMS))
    if IdentityAttribute.FICT in attributes:
        raise TransitionRefused("une identité fictive ne porte aucun autre attribut")
    found = IdentityAttribute.HOMD if event == StatusEvent.HOMONYM_DETECTED else IdentityAttribute.HOMA
    return Transition(replace(standing, attributes=(attributes - _HOMONYMS) | {found}))


def _untrusted(standing: Standing, attributes: frozenset[IdentityAttribute]) -> Transition:
    effect = InsEffect.INVALIDATE if standing.recovered else InsEffect.KEEP
    return Transition(Standing(attributes=attributes), effect)


def _status_transition(event: StatusEvent, standing: Standing) -> Transition:
    recovered, controlled = standing.recovered, standing.controlled
    dropped = InsEffect.DROP if recovered else InsEffect.KEEP
    match event:
        case StatusEvent.INSI_ACCEPTED:
            return Transition(replace(standing, recovered=True), InsEffect.SET, closes_review=True)
        case StatusEvent.DOCUMENT_COHERENT:
            return Transition(replace(standing, controlled=True))
        case StatusEvent.DOCUMENT_INCOHERENT | StatusEvent.TRAIT_CHANGED:
            return Transition(replace(standing, recovered=False, controlled=False), dropped)
        case StatusEvent.TRAIT_CHANGED_WITH_DOCUMENT:
            return Transition(replace(standing, recovered=False, controlled=True), dropped)
        case StatusEvent.VERIFICATION_KO:
            return Transition(standing, opens_review=True)
        case StatusEvent.VERIFICATION_KO_CONFIRMED:
            return Transition(replace(standing, recovered=False), InsEffect.DROP, closes_review=True)
        case StatusEvent.VERIFICATION_OK:
            return Transition(standing, closes_review=True)
        case StatusEvent.APCV_ACCEPTED:
            return Transition(replace(standing, recovered=True, controlled=True), InsEffect.SET)
        case StatusEvent.VALIDATION_CANCELLED:
            return Transition(replace(standing, controlled=False))
    return Transition(Standing(recovered, controlled, standing.attributes))


# --- What a status allows (ins 7.4) ------------------------------------------------------------
class IdentityUse(StrEnum):
    """Acts that depend on the identity."""

    STORE_INS = "store_ins"
    SHOW_INS = "show_ins"
    SEND_INS = "send_ins"
    FEED_DMP = "feed_dmp"
    CONSULT_DMP = "consult_dmp"
    MSSANTE_PRO = "mssante_pro"
    MSSANTE_PATIENT = "mssante_patient"
    CALL_INSI = "call_insi"


class UseRefusal(StrEnum):
    NONE = ""
    NOT_QUALIFIED = "INS_NOT_QUALIFIED"
    UNTRUSTED = "IDENTITY_DOUBTFUL"
    UNDER_REVIEW = "IDENTITY_REVIEW"
    CLOSED = "IDENTITY_CLOSED"


@dataclass(frozen=True, slots=True)
class UseDecision:
    """Whether an act is allowed by the identity, and why not."""

    allowed: bool
    reason: UseRefusal = UseRefusal.NONE

    def __bool__(self) -> bool:
        return self.allowed


_ALLOWED: Final = UseDecision(True)
_STATUSES: Final[dict[IdentityUse, frozenset[IdentityStatus]]] = {
    IdentityUse.STORE_INS: _WITH_INS,
    IdentityUse.SHOW_INS: frozenset({IdentityStatus.QUAL}),
    IdentityUse.SEND_INS: frozenset({IdentityStatus.QUAL}),
    IdentityUse.FEED_DMP: frozenset({IdentityStatus.QUAL}),
    IdentityUse.CONSULT_DMP: frozenset({IdentityStatus.QUAL}),
    IdentityUse.MSSANTE_PRO: frozenset(IdentityStatus),
    IdentityUse.MSSANTE_PATIENT: frozenset({IdentityStatus.QUAL}),
    IdentityUse.CALL_INSI: frozenset(IdentityStatus),
}
_LEAVES: Final = frozenset(
    {IdentityUse.FEED_DMP, IdentityUse.MSSANTE_PRO, IdentityUse.MSSANTE_PATIENT, IdentityUse.CONSULT_DMP}
)


def may_use(
    use: IdentityUse,
    standing: Standing,
    *,
    is_under_review: bool = False,
    is_closed: bool = False,
    patient_mail_derogation: bool = False,
) -> UseDecision:
    """Whether the identity allows an act (table of ins 7.4; INS/va1.56, decision 4).

    Nothing new leaves for a doubtful, fictive or closed identity, nor while it is under review.
    `patient_mail_derogation` lets a recovered identity write to the patient (mssante 1.6).
    """
    if standing.is_untrusted and use not in (IdentityUse.STORE_INS, IdentityUse.SHOW_INS):
        return UseDecision(False, UseRefusal.UNTRUSTED)
    if use in _LEAVES and is_closed:
        return UseDecision(False, UseRefusal.CLOSED)
    if use in _LEAVES and is_under_review:
        return UseDecision(False, UseRefusal.UNDER_REVIEW)
    if standing.status in _STATUSES[use]:
        return _ALLOWED
    derogation = use == IdentityUse.MSSANTE_PATIENT and patient_mail_derogation
    if derogation and standing.status == IdentityStatus.RECUP:
        return _ALLOWED
    return UseDecision(False, UseRefusal.NOT_QUALIFIED)
