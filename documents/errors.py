"""Refusals of the documents room, each with what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import ApplicationError
from documents.enums import VisibilityFault
from documents.writing import Section
from patients.errors import AccessRefused


class DraftChanged(ApplicationError):
    """Another window saved the draft meanwhile: nothing is overwritten."""

    def __init__(self) -> None:
        super().__init__(
            "Ce brouillon a été modifié ailleurs depuis son ouverture. "
            "Rouvrez-le pour voir la dernière saisie ; votre texte reste affiché ici.",
            code="draft_changed",
        )


class VersionMoved(ApplicationError):
    """Another version of the document took over since the bytes were built: nothing was written."""

    def __init__(self) -> None:
        super().__init__(
            "Une autre version de ce document vient d’être enregistrée. Rouvrez-le, puis validez de nouveau.",
            code="version_moved",
        )


class NotADraft(ApplicationError):
    def __init__(self) -> None:
        super().__init__(
            "Ce document est déjà validé. Créez une nouvelle version pour le corriger.", code="not_a_draft"
        )


class DraftIncomplete(ApplicationError):
    """Required sections are empty, or an answer is none of the options."""

    def __init__(self, sections: Sequence[Section]) -> None:
        titles = ", ".join(f"« {section.title} »" for section in sections)
        super().__init__(f"À compléter avant de valider : {titles}.", code="draft_incomplete")
        self.sections = tuple(sections)


class IdentityChanged(ApplicationError):
    """The identity moved between the reading and the writing: nothing was validated."""

    def __init__(self) -> None:
        super().__init__(
            "L’identité du patient vient de changer. Vérifiez le bandeau, puis validez de nouveau.",
            code="identity_changed",
        )


class IdentityClosed(ApplicationError):
    def __init__(self) -> None:
        super().__init__(
            "Cette identité est fermée (doublon ou désactivée) : aucun nouveau document. "
            "Ouvrez le dossier retenu par l’identitovigilance.",
            code="identity_closed",
        )


class AuthorUnknown(ApplicationError):
    def __init__(self) -> None:
        super().__init__(
            "Votre compte n’a ni RPPS ni profession : il ne peut pas valider de document. "
            "Adressez-vous à l’administrateur des comptes.",
            code="author_unknown",
        )


class NothingChanged(ApplicationError):
    """An unchanged version is never sent again (SC.DMP/ALI/PROG.02)."""

    def __init__(self) -> None:
        super().__init__(
            "Rien n’a changé depuis la version en vigueur : modifiez le document avant de le valider.",
            code="nothing_changed",
        )


class NotRevisable(ApplicationError):
    def __init__(self) -> None:
        super().__init__(
            "Ce document est supprimé : il ne peut pas avoir de nouvelle version.", code="not_revisable"
        )


class NotDeletable(ApplicationError):
    """No version of it is in force any more: deleted by somebody else meanwhile."""

    def __init__(self) -> None:
        super().__init__("Ce document est déjà supprimé : rien n’a été changé.", code="not_deletable")


class NotOurs(ApplicationError):
    """Received from elsewhere: only its sender may correct it (hl7v2 3.5)."""

    def __init__(self) -> None:
        super().__init__(
            "Ce document a été reçu : seul son émetteur peut le corriger. Écrivez un document d’ici.",
            code="not_ours",
        )


class TitleTooLong(ApplicationError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"Le titre dépasse {limit} caractères : raccourcissez-le.", code="title_too_long")


class VisibilityRefused(ApplicationError):
    """Flags that a document may not have together (EX_2.1-1050, EX_0.1-1100; spec dmp 3.3, 5.4)."""

    def __init__(self, fault: VisibilityFault) -> None:
        super().__init__(fault.label, code="visibility_refused")


class InformationMissing(ApplicationError):
    """The record lacks what every document must say; `facts` names it."""

    def __init__(self, facts: Sequence[str]) -> None:
        super().__init__(
            f"Ce document ne peut pas être validé : il manque {', '.join(facts)}. Le brouillon est conservé.",
            code="information_missing",
        )
        self.facts = tuple(facts)


class DocumentNotConform(ApplicationError):
    """The produced CDA or PDF fails its checks: it is not validated (design 2, step 3)."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__(
            "Le document produit n’est pas conforme et n’a pas été validé ; le brouillon est conservé. "
            f"Détail : {' ; '.join(findings)}.",
            code="document_not_conform",
        )
        self.findings = tuple(findings)


class AlreadyLeft(ApplicationError):
    def __init__(self) -> None:
        super().__init__(
            "Ce document est déjà parti : il ne peut plus être reconstruit, seulement remplacé.",
            code="already_left",
        )


class ImportRefused(ApplicationError):
    """A dropped file is not filed where a person asks; nothing was written."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code=code)


class DocumentRemoved(AccessRefused):
    """Deleted by its authors: only who may delete a document still reads it."""

    def __init__(self) -> None:
        super().__init__(
            "Ce document a été supprimé : seules les personnes qui peuvent supprimer un document le lisent "
            "encore.",
            code="document_removed",
        )
