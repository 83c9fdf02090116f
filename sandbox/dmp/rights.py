"""Who may do what: the functional matrices of the DMP, and the patient's own decisions.

Sources: PDT-INF-606 (AIR mode) and PDT-INF-526 (indirect mode, certificate of a structure), 07/2025, as
spec dmp 1.8 gives them; spec dmp 5.1 for the small demonstration table of document types by profession.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Final

from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.demo import DmpState, Patient
from sandbox.dmp.errors import RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.records import Document
from sandbox.dmp.registry import Registry
from sandbox.dmp.vihf import Vihf


class Action(Enum):
    """A line of the matrices."""

    EXISTENCE = auto()
    AUTHORISE = auto()
    FORGET = auto()
    FEED = auto()
    SEARCH = auto()
    REFERENCE = auto()
    READ = auto()
    READ_MASKED = auto()
    MASK = auto()
    UNMASK = auto()
    MAKE_VISIBLE = auto()
    ARCHIVE = auto()
    DELETE = auto()


class Profile(Enum):
    """A column: what the certificate and the role of the VIHF make of the caller."""

    STRUCTURE = "indirect"
    PROFESSIONAL = "not a physician"
    PHYSICIAN = "physician"
    TREATING = "médecin traitant"
    ENTITY = "no professional"


_PURPOSES: Final = (vihf.PURPOSE_NORMAL[0], vihf.PURPOSE_CENTRE_15[0], vihf.PURPOSE_BREAK_GLASS[0])

# Each cell: normal / régulation / bris de glace. `own` is for the author, `patient` if the patient allows it,
# `structure` for documents of the caller's structure.
_AIR: Final[Mapping[Action, tuple[str, str, str, str]]] = {
    # columns: not a physician, physician, médecin traitant, no professional
    Action.EXISTENCE: ("yes/yes/yes", "yes/yes/yes", "yes/no/yes", "yes/no/no"),
    Action.AUTHORISE: ("yes/no/no", "yes/no/no", "yes/no/no", "yes/no/no"),
    Action.FORGET: ("yes/no/no", "yes/no/no", "yes/no/no", "no/no/no"),
    Action.FEED: ("no/no/no", "no/no/no", "no/no/no", "no/no/no"),
    Action.SEARCH: ("yes/yes/yes", "yes/yes/yes", "yes/no/yes", "no/no/no"),
    Action.REFERENCE: ("yes/yes/yes", "yes/yes/yes", "yes/no/yes", "yes/no/no"),
    Action.READ: ("yes/yes/yes", "yes/yes/yes", "yes/no/yes", "no/no/no"),
    Action.READ_MASKED: ("own/patient/patient", "own/patient/patient", "yes/no/patient", "no/no/no"),
    Action.MASK: ("yes/no/no", "yes/no/no", "yes/no/no", "no/no/no"),
    Action.UNMASK: ("own/no/no", "own/no/no", "yes/no/no", "no/no/no"),
    Action.MAKE_VISIBLE: ("yes/no/no", "yes/no/no", "yes/no/no", "no/no/no"),
    Action.ARCHIVE: ("own/no/no", "yes/yes/yes", "yes/no/yes", "no/no/no"),
    Action.DELETE: ("own/own/own", "own/own/own", "own/no/own", "structure/no/no"),
}
_INDIRECT: Final[Mapping[Action, str]] = {
    Action.EXISTENCE: "yes/yes/no",
    Action.FEED: "yes/yes/no",
    Action.REFERENCE: "yes/yes/no",
    Action.DELETE: "structure/structure/no",
}
_COLUMNS: Final = (Profile.PROFESSIONAL, Profile.PHYSICIAN, Profile.TREATING, Profile.ENTITY)
# What needs the patient's authorisation of the professional; feeding and deletion do not.
_AUTHORISED: Final = frozenset(
    {
        Action.SEARCH,
        Action.READ,
        Action.READ_MASKED,
        Action.MASK,
        Action.UNMASK,
        Action.MAKE_VISIBLE,
        Action.ARCHIVE,
    }
)
_CLASS_OF_PATIENT: Final = "90"
# Demonstration rows of the matrice d'habilitation: types that a profession does not read.
_UNREADABLE: Final[Mapping[str, frozenset[str]]] = {
    "40": frozenset({"68599-0", "85208-7", "75496-0"}),
    "60": frozenset({"68599-0"}),
}


def profile_of(token: Vihf, patient: Patient | None) -> Profile:
    """The column of the caller."""
    if token.is_indirect:
        return Profile.STRUCTURE
    role = token.roles[0]
    if role.system != vihf.OID_PROFESSION:
        return Profile.ENTITY
    if patient is not None and patient.treating == token.name_id:
        return Profile.TREATING
    return Profile.PHYSICIAN if role.code == vihf.PROFESSION_PHYSICIAN else Profile.PROFESSIONAL


def cell(action: Action, profile: Profile, purpose: str) -> str:
    """One cell of the matrices: yes, no, own, patient, structure."""
    if profile is Profile.STRUCTURE:
        row = _INDIRECT.get(action, "no/no/no")
    else:
        row = _AIR[action][_COLUMNS.index(profile)]
    return row.split("/")[_PURPOSES.index(purpose)]


def require(
    action: Action, token: Vihf, registry: Registry, now: datetime, document: Document | None = None
) -> None:
    """SoapFault when the caller may not do this, RegistryRefusal when the patient has no open DMP."""
    ins = (token.matricule, token.ins_oid)
    patient = registry.patient(ins)
    if not _is_granted(action, token, patient, document):
        raise _denied(f"no {action.name} in this mode")
    if not token.is_indirect:
        check_open(patient)
        _check_patient_decisions(action, token, registry, now)


def may_see(document: Document, token: Vihf, registry: Registry) -> bool:
    """May the caller know of this document? Masked ones are for their author and the médecin traitant."""
    if token.is_indirect:
        return True
    patient = registry.patient(document.ins)
    type_code = document.metadata.code(xds.SCHEME_TYPE_CODE)
    if type_code is not None and type_code.code in _UNREADABLE.get(token.roles[0].code, frozenset()):
        return False
    if xds.VISIBILITY_MASKED not in document.confidentiality:
        return True
    return _is_granted(Action.READ_MASKED, token, patient, document)


def check_open(patient: Patient | None) -> None:
    """RegistryRefusal when there is no DMP, or a closed one."""
    if patient is None or patient.state is DmpState.NONE:
        raise RegistryRefusal(RegistryError(xds.ERROR_UNKNOWN_PATIENT, "no DMP for this INS"))
    if patient.state is DmpState.CLOSED:
        raise RegistryRefusal(RegistryError(xds.DMP_CLOSED, "the DMP is closed"))


def _is_granted(action: Action, token: Vihf, patient: Patient | None, document: Document | None) -> bool:
    profile = profile_of(token, patient)
    if document is not None and _is_of_patient(document) and action in (Action.ARCHIVE, Action.DELETE):
        return profile is Profile.TREATING
    match cell(action, profile, token.purpose):
        case "yes":
            return True
        case "own":
            return document is not None and token.name_id in document.authors
        case "structure":
            return document is not None and document.structure == token.structure
        case "patient":
            return patient is not None and patient.shows_masked_in_emergency
    return False


def _is_of_patient(document: Document) -> bool:
    code = document.metadata.code(xds.SCHEME_CLASS_CODE)
    return code is not None and code.code == _CLASS_OF_PATIENT


def _check_patient_decisions(action: Action, token: Vihf, registry: Registry, now: datetime) -> None:
    """Blocked professionals, opposition to the modes of emergency, authorisation in normal mode."""
    if action not in _AUTHORISED:
        return
    ins = (token.matricule, token.ins_oid)
    patient = registry.patient(ins)
    state = registry.authorisation(ins, token.name_id, now)
    if state == "blocked":
        raise _denied("the patient blocked this professional")
    if token.purpose == vihf.PURPOSE_BREAK_GLASS[0] and patient is not None and patient.opposes_break_glass:
        raise _denied("the patient opposes bris de glace")
    if token.purpose == vihf.PURPOSE_CENTRE_15[0] and patient is not None and patient.opposes_emergency:
        raise _denied("the patient opposes the access of centre 15")
    if token.purpose == vihf.PURPOSE_NORMAL[0] and state != "valid":
        raise _denied("the professional is not authorised on this DMP")


def _denied(reason: str) -> SoapFault:
    return SoapFault(reason, subcode=xds.DMP_ACCESS_DENIED)
