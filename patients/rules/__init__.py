"""Rules of the patients room: identity and its status, stays, access, search."""

from patients.rules.access import AccessUnits, is_within_relation
from patients.rules.identity import (
    IdentityUse,
    InsEffect,
    Standing,
    StatusEvent,
    Transition,
    TransitionRefused,
    UseDecision,
    UseRefusal,
    may_use,
    status_of,
    transition,
)
from patients.rules.matching import (
    Holder,
    Match,
    MatchDoubt,
    MatchResult,
    ReceivedPerson,
    differing_between,
    match_received,
)
from patients.rules.received import CLOCK_SKEW, IdentityDecision, ReceivedIdentity, decide_received
from patients.rules.search import SearchKeys, phonetic_key, search_keys
from patients.rules.stay import Stay, Step, stay_of

__all__ = [
    "CLOCK_SKEW",
    "AccessUnits",
    "Holder",
    "IdentityDecision",
    "IdentityUse",
    "InsEffect",
    "Match",
    "MatchDoubt",
    "MatchResult",
    "ReceivedIdentity",
    "ReceivedPerson",
    "SearchKeys",
    "Standing",
    "StatusEvent",
    "Stay",
    "Step",
    "Transition",
    "TransitionRefused",
    "UseDecision",
    "UseRefusal",
    "decide_received",
    "differing_between",
    "is_within_relation",
    "match_received",
    "may_use",
    "phonetic_key",
    "search_keys",
    "status_of",
    "stay_of",
    "transition",
]
