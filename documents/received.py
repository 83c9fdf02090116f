"""What arrives from elsewhere, and what the room answers (spec hl7v2 3.5, mssante 2, dmp 6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from accounts.models import User
from documents.enums import Intake, Origin, ReceiptOutcome, ReceiptRequest
from documents.models import Document, Reception, Version
from documents.wishes import Visibility
from establishment.models import Unit
from interop.cda.parsed import ParsedCda
from patients.models import Episode, Patient


@dataclass(frozen=True, slots=True)
class Mailing:
    """The mail, and the HL7 message, that brought a document of MSSanté."""

    sender_address: str = ""
    recipient_address: str = ""
    recipient: User | None = None
    message_uid: UUID | None = None


@dataclass(frozen=True, slots=True)
class RawInput:
    """The file that a person dropped, when it is not the CDA itself: kept as it came."""

    content: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person looked at the differences and says who the patient is (SC.MSS/UX.39).

    `motive` is asked when the matricule itself differs.
    """

    motive: str = ""


NO_MAILING: Final = Mailing()


@dataclass(frozen=True, slots=True)
class IncomingDocument:
    """A document to file in the record of a patient whom the caller found.

    `parsed` is `cda` where it was read already. `episode` None: filed by the rule of mssante 2.7 in the
    stay of `unit`, or out of any stay. `source_id` is the Message-ID of a mail or the entryUUID of the DMP;
    `extra` keeps the other identifiers of a repository (lid, repositoryUniqueId, version). Without
    `confirmation` every strict trait and the INS of the document must be exactly those of the patient.
    `refiled_for` is why a person files again a document that was deleted (mssante 2.6).
    `registry_parent` is the uniqueId of the version of the record that it replaces by the RPLC of the DMP.
    """

    cda: bytes = field(repr=False)
    origin: Origin
    intake: Intake
    visibility: Visibility = Visibility()
    request: ReceiptRequest = ReceiptRequest.INITIAL
    episode: Episode | None = None
    unit: Unit | None = None
    source_label: str = ""
    source_id: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    is_visibility_change: bool = False
    mailing: Mailing = NO_MAILING
    raw: RawInput | None = None
    confirmation: Confirmation | None = None
    refiled_for: str = ""
    registry_parent: str = ""
    parsed: ParsedCda | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IncomingDeletion:
    """A deletion asked by the sender (T04), or a document that the DMP says deleted.

    With `cda`, the document is the one carried, and its authors must have the right to ask. Without,
    it is that of `unique_id`, and who asks was checked by the service that says so.
    """

    origin: Origin
    intake: Intake
    unique_id: str = ""
    cda: bytes = field(default=b"", repr=False)
    unit: Unit | None = None
    source_label: str = ""
    source_id: str = ""
    mailing: Mailing = NO_MAILING
    raw: RawInput | None = None

    @property
    def request(self) -> ReceiptRequest:
        return ReceiptRequest.DELETE

    @property
    def is_visibility_change(self) -> bool:
        return False

    @property
    def extra(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document was filed nowhere.

    `code` is ERR-5, or the code of a reader (`xml:doctype`, `xdm:path`); `reason` a French sentence
    without any trait; `candidate` the nearest identity, `differing` the traits that differ or lack.
    """

    outcome: ReceiptOutcome
    code: str
    reason: str
    candidate: Patient | None = None
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an arrival. `sentence` is French and may be shown; `code` is ERR-5, or empty."""

    outcome: ReceiptOutcome
    reception: Reception
    document: Document | None
    version: Version | None
    sentence: str
    code: str = ""

    @property
    def is_accepted(self) -> bool:
        """Answered AA: filed, deleted, or nothing to do again."""
        return self.outcome in ACCEPTED_OUTCOMES


ACCEPTED_OUTCOMES: Final = frozenset(
    {
        ReceiptOutcome.INTEGRATED,
        ReceiptOutcome.REPLACED,
        ReceiptOutcome.DELETED,
        ReceiptOutcome.DUPLICATE,
    }
)

SENTENCES: Final[Mapping[ReceiptOutcome, str]] = {
    ReceiptOutcome.INTEGRATED: "Document intégré au dossier.",
    ReceiptOutcome.REPLACED: "Nouvelle version intégrée ; l’ancienne reste lisible.",
    ReceiptOutcome.DELETED: "Document supprimé à la demande de l’émetteur ; il reste lisible.",
    ReceiptOutcome.DUPLICATE: "Document déjà présent : rien n’a été ajouté.",
    ReceiptOutcome.OLDER: "Une version plus récente ou égale est déjà au dossier : rien n’a été classé.",
    ReceiptOutcome.CONFLICT: (
        "Un autre contenu, ou un autre dossier, porte déjà cet identifiant de document : rien n’a été classé."
    ),
    ReceiptOutcome.DELETED_BEFORE: (
        "Ce document a été supprimé auparavant : il n’est pas repris de lui-même."
    ),
    ReceiptOutcome.UNKNOWN_VERSION: (
        "La version à remplacer ou à supprimer n’est pas celle en vigueur au dossier : rien n’a changé."
    ),
    ReceiptOutcome.REFUSED_AUTHOR: (
        "L’émetteur n’est ni l’auteur du document ni de sa structure : rien n’a changé."
    ),
    ReceiptOutcome.REFUSED_IDENTITY: (
        "L’identité du document n’est pas exactement celle du patient : rien n’a été classé."
    ),
    ReceiptOutcome.UNREADABLE: "Le fichier n’est pas un document CDA utilisable : rien n’a été classé.",
}
FILED_AGAIN: Final = "Document classé de nouveau au dossier ; sa suppression reste à l’historique."
REFILED_FOR: Final = "refiled_for"
"""Key of `Reception.extra`: why a person filed a deleted document again."""
