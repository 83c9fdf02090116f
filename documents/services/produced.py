"""Writes of the documents that this hospital makes: drafts, validation, new versions (spec cda 2)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from documents import events
from documents.checking import findings_of, lacking_facts
from documents.enums import Origin, Structure, VersionState
from documents.errors import (
    AuthorUnknown,
    DocumentNotConform,
    DraftChanged,
    DraftIncomplete,
    IdentityChanged,
    IdentityClosed,
    InformationMissing,
    NotADraft,
    NothingChanged,
    NotOurs,
    NotRevisable,
    TitleTooLong,
    VersionMoved,
    VisibilityRefused,
)
from documents.models import Document, Version
from documents.prefill import prefilled
from documents.rendering import Renderings, renderings_build
from documents.rules import is_minor, says_the_same, visibility_fault
from documents.snapshot import patient_content, snapshot_build
from documents.store import content_put
from documents.wishes import SendingWishes, Visibility
from documents.writing import (
    WRITING_MODELS,
    cleaned_body,
    empty_body,
    invalid_answers,
    missing_sections,
)
from establishment.identifiers import Branch, oid_allocate
from establishment.models import Unit
from patients.models import Episode, Patient
from patients.selectors import alert_lines

OID_SEQUENCE = "documents_oid"
TITLE_LENGTH = 200


@transaction.atomic
def draft_create(
    *, patient: Patient, episode: Episode | None, unit: Unit | None, model: str, author: User, actor: Actor
) -> Version:
    """Open a draft of a writing model for an episode (F-DPI-05), with what the record already knows.

    KeyError for an unknown model.
    """
    writing = WRITING_MODELS[model]
    if episode is not None and episode.patient_id != patient.pk:
        raise ValueError("the episode is another patient's")
    if patient.is_closed:
        raise IdentityClosed()
    document = Document.objects.create(
        patient=patient,
        episode=episode,
        unit=unit or (episode.unit if episode else None),
        model=writing.code,
        type_code=writing.type_code,
        title=writing.title,
        origins=[Origin.PRODUCED],
    )
    known = prefilled(writing, alert_lines(patient.alerts.filter(is_active=True).order_by("id")))
    version = Version.objects.create(
        document=document,
        author=author,
        author_label=author.display_name,
        body=empty_body(writing) | known,
    )
    _trace(version, "document.create", Action.CREATE, actor)
    return version


@transaction.atomic
def draft_save(*, version: Version, revision: int, title: str, body: dict[str, Any]) -> Version:
    """Autosave: replace the whole body if nobody saved since `revision`, else DraftChanged.

    Saving what is already there changes nothing, the revision included: an autosave that arrives
    while the validation panel is open must not make it stale.

    Not traced at each keystroke: creation and validation are. Raises NotADraft, TitleTooLong.
    """
    title = " ".join(title.replace("\x00", "").split()) or _model_title(version)
    if len(title) > TITLE_LENGTH:
        raise TitleTooLong(TITLE_LENGTH)
    body = cleaned_body(WRITING_MODELS[version.document.model], body)
    is_same = (version.body, version.document.title) == (body, title)
    if is_same and version.revision == revision and version.state == VersionState.DRAFT:
        return version
    saved = Version.objects.filter(pk=version.pk, state=VersionState.DRAFT, revision=revision).update(
        body=body, revision=revision + 1, edited_at=timezone.now()
    )
    if not saved:
        current = Version.objects.only("state").get(pk=version.pk)
        raise DraftChanged() if current.state == VersionState.DRAFT else NotADraft()
    Document.objects.filter(pk=version.document_id).update(title=title)
    return Version.objects.select_related("document__patient").get(pk=version.pk)


@transaction.atomic
def document_revise(*, document: Document, author: User, actor: Actor) -> Version:
    """Open a draft of the next version from the current one (SC.MSS/UX.05.BIS, workflows 3.8).

    An existing draft is returned: a document has one draft at most. Raises IdentityClosed,
    NotRevisable when no version is in force, and NotOurs for a document received from elsewhere.
    """
    locked = Document.objects.select_for_update(of=("self",)).select_related("patient").get(pk=document.pk)
    if not locked.is_produced:
        raise NotOurs()
    versions = list(locked.versions.order_by("-number"))
    if versions[0].state == VersionState.DRAFT:
        return versions[0]
    current = next((version for version in versions if version.state == VersionState.CURRENT), None)
    if current is None:
        raise NotRevisable()
    if locked.patient.is_closed:
        raise IdentityClosed()
    draft = Version.objects.create(
        document=locked,
        number=versions[0].number + 1,
        author=author,
        author_label=author.display_name,
        body=current.body,
        is_masque_ps=current.is_masque_ps,
        is_invisible_patient=current.is_invisible_patient,
        is_invisible_rep_legaux=current.is_invisible_rep_legaux,
        is_connexion_secrete=current.is_connexion_secrete,
    )
    _trace(draft, "document.create", Action.CREATE, actor)
    return draft


def version_validate(
    *, version: Version, revision: int, author: User, actor: Actor, wishes: SendingWishes
) -> Version:
    """Freeze a draft, build and check its PDF and CDA, then make it the current version.

    Everything is built before the transaction opens; the transaction rechecks the draft's revision
    and the identity's stamp, writes the version and, by `version_validated`, its sending orders.
    Raises DraftIncomplete, DraftChanged, NotADraft, NothingChanged, AuthorUnknown, VisibilityRefused,
    IdentityClosed, IdentityChanged, VersionMoved, InformationMissing, DocumentNotConform,
    PrintingUnavailable: in all these cases nothing was written.
    """
    draft = _draft_to_validate(version, revision, author)
    fault = visibility_fault(
        wishes.visibility,
        allows_both=settings.DMP_CUMUL_INVISIBLE_MASQUE,
        of_a_minor=is_minor(draft.document.patient.birth_date, timezone.localdate()),
    )
    if fault is not None:
        raise VisibilityRefused(fault)
    act_at = timezone.now()
    previous = _previous_of(draft)
    snapshot = snapshot_build(
        version=draft,
        author=author,
        act_at=act_at,
        unique_id=oid_allocate(Branch.DOCUMENT, sequence=OID_SEQUENCE),
        set_id=draft.document.set_id or oid_allocate(Branch.SET, sequence=OID_SEQUENCE),
        replaces=previous.unique_id if previous else "",
    )
    if previous and _changes_nothing(previous, snapshot, wishes.visibility):
        raise NothingChanged()
    renderings = _checked_renderings(snapshot)
    stored = _stored_columns(snapshot, renderings)
    with transaction.atomic():
        _recheck(draft, previous, snapshot)
        if previous:
            Version.objects.filter(pk=previous.pk).update(state=VersionState.REPLACED, replaced_at=act_at)
        Document.objects.filter(pk=draft.document_id).update(set_id=snapshot["document"]["set_id"])
        Version.objects.filter(pk=draft.pk).update(
            state=VersionState.CURRENT,
            author=author,
            author_label=author.display_name,
            act_at=act_at,
            unique_id=snapshot["document"]["unique_id"],
            structure=Structure.N1,
            validated_at=act_at,
            validated_by=author,
            **stored,
            **_visibility_columns(wishes.visibility),
        )
        validated = Version.objects.select_related("document__patient").get(pk=draft.pk)
        _trace(validated, "document.validate", Action.EXECUTE, actor)
        if previous:
            events.version_replaced.send(sender=Version, version=previous, at=act_at)
        events.version_validated.send(
            sender=Version, version=validated, wishes=wishes, actor=actor, at=act_at
        )
    return validated


def version_rebuild(*, version: Version, actor: Actor) -> Version:
    """Rebuild the bytes with today's identity, same id and number (spec cda 2).

    Only for a version that nobody received: the caller (`sending`) knows that and says so by
    calling. Raises IdentityChanged, IdentityClosed or VersionMoved when something moves meanwhile.
    """
    version = _with_patient(version)
    if version.snapshot is None:
        raise VersionMoved()
    snapshot = version.snapshot | {"patient": patient_content(version.document.patient)}
    stored = _stored_columns(snapshot, _checked_renderings(snapshot))
    with transaction.atomic():
        locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
        if locked.state != VersionState.CURRENT or locked.cda_sha256 != version.cda_sha256:
            raise VersionMoved()
        _recheck_identity(version.document.patient_id, snapshot)
        Version.objects.filter(pk=locked.pk).update(**stored)
        rebuilt = Version.objects.select_related("document__patient").get(pk=locked.pk)
        _trace(rebuilt, "document.rebuild", Action.UPDATE, actor)
    return rebuilt


def version_reissue(*, version: Version, actor: Actor, visibility: Visibility | None = None) -> Version:
    """A new current version with the same content and today's identity (spec cda 2, [D]).

    For a version that already left: new id, number + 1, RPLC. The orders that still wait follow by
    `version_reissued`. `visibility` is another one to give it, which this version is made for (dmp 0.2,
    path b). Raises IdentityChanged, IdentityClosed or VersionMoved.
    """
    version = _with_patient(version)
    if version.snapshot is None:
        raise VersionMoved()
    issued_at = timezone.now()
    content = version.snapshot["document"] | {
        "unique_id": oid_allocate(Branch.DOCUMENT, sequence=OID_SEQUENCE),
        "number": version.number + 1,
        "replaces": version.unique_id,
    }
    snapshot = version.snapshot | {
        "document": content,
        "patient": patient_content(version.document.patient),
    }
    stored = _stored_columns(snapshot, _checked_renderings(snapshot))
    with transaction.atomic():
        locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
        if locked.state != VersionState.CURRENT:
            raise VersionMoved()
        _recheck_identity(version.document.patient_id, snapshot)
        Version.objects.filter(pk=locked.pk).update(state=VersionState.REPLACED, replaced_at=issued_at)
        # A draft in progress keeps its place after the reissued version.
        Version.objects.filter(
            document_id=locked.document_id, state=VersionState.DRAFT, number=locked.number + 1
        ).update(number=locked.number + 2)
        issued = Version.objects.create(
            document_id=locked.document_id,
            number=locked.number + 1,
            state=VersionState.CURRENT,
            author_id=locked.author_id,
            author_label=locked.author_label,
            act_at=locked.act_at,
            body=locked.body,
            unique_id=content["unique_id"],
            structure=locked.structure,
            validated_at=issued_at,
            validated_by_id=locked.validated_by_id,
            **_visibility_columns(visibility or _visibility_of(locked)),
            **stored,
        )
        _trace(issued, "document.replace", Action.CREATE, actor)
        events.version_reissued.send(
            sender=Version,
            version=locked,
            issued=issued,
            at=issued_at,
            actor=actor,
            is_visibility_change=visibility is not None,
        )
    return issued


@transaction.atomic
def version_view(*, version: Version, actor: Actor, rendering: str) -> None:
    """Trace that `actor` read a rendering (`pdf`, `cda`, `preview`): reads count (security 8.3)."""
    _trace(version, "document.view", Action.READ, actor, detail={"rendering": rendering})


def _draft_to_validate(version: Version, revision: int, author: User) -> Version:
    draft = Version.objects.select_related(
        "document__patient", "document__episode", "document__unit__site"
    ).get(pk=version.pk)
    if draft.state != VersionState.DRAFT:
        raise NotADraft()
    if draft.revision != revision:
        raise DraftChanged()
    if draft.document.patient.is_closed:
        raise IdentityClosed()
    if not (author.rpps and author.acting.profession):
        raise AuthorUnknown()
    writing = WRITING_MODELS[draft.document.model]
    lacking = [*missing_sections(writing, draft.body), *invalid_answers(writing, draft.body)]
    if lacking:
        raise DraftIncomplete(lacking)
    return draft


def _with_patient(version: Version) -> Version:
    """The version and the identity of this moment, whatever the caller loaded before."""
    return Version.objects.select_related("document__patient").get(pk=version.pk)


def _previous_of(draft: Version) -> Version | None:
    return draft.document.versions.filter(state=VersionState.CURRENT).first()


def _checked_renderings(snapshot: dict[str, Any]) -> Renderings:
    """Build both renderings and check them; DocumentNotConform says what is wrong."""
    lacking = lacking_facts(snapshot)
    if lacking:
        raise InformationMissing(lacking)
    try:
        renderings = renderings_build(snapshot)
    except ValueError as error:
        raise DocumentNotConform([f"le CDA n’a pas pu être écrit ({error})"]) from error
    findings = findings_of(snapshot, renderings, allowed_ins_oids=frozenset(settings.INS_ALLOWED_OIDS))
    if findings:
        raise DocumentNotConform(findings)
    return renderings


def _stored_columns(snapshot: dict[str, Any], renderings: Renderings) -> dict[str, Any]:
    """Columns that name the frozen content and its bytes, which are put in the store first."""
    return {
        "snapshot": snapshot,
        "identity_stamp": snapshot["patient"]["stamp"],
        "has_ins": bool(snapshot["patient"]["ins"]),
        "cda_sha256": content_put(renderings.cda),
        "cda_size": len(renderings.cda),
        "pdf_sha256": content_put(renderings.pdf),
        "pdf_size": len(renderings.pdf),
    }


def _visibility_columns(visibility: Visibility) -> dict[str, bool]:
    return {
        "is_masque_ps": visibility.is_masque_ps,
        "is_invisible_patient": visibility.is_invisible_patient,
        "is_invisible_rep_legaux": visibility.is_invisible_rep_legaux,
        "is_connexion_secrete": visibility.is_connexion_secrete,
    }


def _visibility_of(version: Version) -> Visibility:
    return Visibility(
        is_masque_ps=version.is_masque_ps,
        is_invisible_patient=version.is_invisible_patient,
        is_invisible_rep_legaux=version.is_invisible_rep_legaux,
        is_connexion_secrete=version.is_connexion_secrete,
    )


def _changes_nothing(previous: Version, snapshot: dict[str, Any], visibility: Visibility) -> bool:
    flags = _visibility_columns(visibility)
    return (
        previous.snapshot is not None
        and says_the_same(previous.snapshot, snapshot)
        and all(getattr(previous, name) == value for name, value in flags.items())
    )


def _recheck(draft: Version, previous: Version | None, snapshot: dict[str, Any]) -> None:
    """Lock document, draft and patient, and refuse if one moved since the bytes were built."""
    Document.objects.select_for_update(of=("self",)).get(pk=draft.document_id)
    locked = Version.objects.select_for_update(of=("self",)).get(pk=draft.pk)
    if locked.state != VersionState.DRAFT:
        raise NotADraft()
    if locked.revision != draft.revision:
        raise DraftChanged()
    in_force = _previous_of(draft)
    if locked.number != draft.number or in_force != previous:
        raise VersionMoved()
    _recheck_identity(draft.document.patient_id, snapshot)
    stay_lock(draft)


def stay_lock(version: Version) -> None:
    """Serialise with who records a choice, which locks the stay before any order.

    One order of locks everywhere: document, version, patient, stay, sendings. So an order is created
    after the choice that it read, or is seen by the one that follows.
    """
    episode_id = version.document.episode_id
    if episode_id is not None:
        Episode.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=episode_id)


def _recheck_identity(patient_id: int, snapshot: dict[str, Any]) -> None:
    patient = Patient.objects.select_for_update(of=("self",), no_key=True).get(pk=patient_id)
    if patient.is_closed:
        raise IdentityClosed()
    if patient.identity_stamp != snapshot["patient"]["stamp"]:
        raise IdentityChanged()


def _model_title(version: Version) -> str:
    return WRITING_MODELS[version.document.model].title


def _trace(
    version: Version, type: str, action: Action, actor: Actor, detail: dict[str, Any] | None = None
) -> None:
    trace_write(
        type=type,
        action=action,
        actor=actor,
        patient_uid=version.document.patient.uid,
        object_type="document",
        object_uid=version.document.uid,
        object_version=str(version.number),
        detail=detail,
    )
