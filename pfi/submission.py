"""What is submitted to the DMP for a job: VIHF context, lot and entry, all read from the order.

Source: spec hl7v2 2.7 (what the PFI derives), dmp 3.2, 3.3, cda 8. Nothing comes from a patient
table: the PFI knows what the message and its CDA say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.conf import settings

from establishment.models import Site
from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedActor
from interop.cda.value_sets import author_specialties
from interop.hl7v2.mdm import MdmDocument, Participant
from interop.vihf.claims import (
    AUTOMATE_ROLE,
    AuthenticationMode,
    Role,
    profession_role,
    section_role,
    specialty_role,
)
from interop.vihf.codes import PROFESSION_PHARMACIST
from interop.xds import codes as xds_codes
from interop.xds.composed import Xcn, Xon
from interop.xds.from_cda import entry_from_cda, patient_id_of
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import Author, Code, SubmissionSet
from interop.xds.nomenclature import content_type_of_patient_class
from interop.xds.times import dtm_from_instant
from national.dmp.ports import AccessContext, Submission
from national.errors import Rejected, RejectionKind
from pfi.identifiers import document_key
from pfi.models import Job
from pfi.services import WORKER_ACTOR

DEFAULT_SECTOR = "SA01"


def access_context(job: Job, order: MdmDocument) -> AccessContext:
    """Who feeds, in indirect mode: the professional and the site named by PRT SB (SC.DMP/CONF.12)."""
    requester = _requester(order)
    person = requester.person
    subject = f"{person.given} {person.family}".strip() if person else settings.DMP_SOFTWARE_NAME
    return AccessContext(
        mode=AuthenticationMode.INDIRECT,
        structure=requester.national_structure_id,
        sector=_sector(requester),
        name_id=requester.national_person_id,
        subject=subject,
        roles=_roles(order, requester),
        authenticated_at=datetime.now(UTC),
        secret_connection=order.flags.connexion_secrete,
        actor_label=WORKER_ACTOR.login,
        patient_uid=job.message.patient_uid,
    )


def submission_of(job: Job, order: MdmDocument, *, replaced: Mapping[str, str]) -> Submission:
    """The lot of an order: its document, or both renderings of it when an ORU carries two.

    `replaced` gives the entryUUID in the DMP of each unique id that a document takes over.
    """
    documents = tuple(
        SubmittedDocument(
            entry=entry_from_cda(
                carried.cda or parse_cda(carried.content),
                carried.content,
                visibility=visibility_of(order),
                entry_id=f"Document{number:02d}",
                uri=f"DOC{number:05d}.XML",
            ),
            content=carried.content,
            replaces=replaced.get(document_key(carried.replaced_id), "") if carried.replaced_id else "",
        )
        for number, carried in enumerate(order.documents, start=1)
    )
    return Submission(lot=lot_of(job, order, title=documents[0].entry.title), documents=documents)


def lot_of(job: Job, order: MdmDocument, *, title: str = "") -> SubmissionSet:
    """The submission set, whose id was fixed when the job was created (dmp 8)."""
    document = order.document.cda or parse_cda(order.document.content)
    visit = order.visit
    return SubmissionSet(
        unique_id=job.submission_set_id,
        source_id=job.submission_set_id.rpartition(".")[0],
        patient_id=patient_id_of(document.patient),
        submission_time=dtm_from_instant(datetime.now(UTC)),
        authors=(sender_of(order),),
        content_type=content_type_of_patient_class(visit.patient_class if visit else "N"),
        title=title,
    )


def _requester(order: MdmDocument) -> Participant:
    requester = order.requester
    if requester is None:
        raise Rejected(
            "SB_MISSING",
            kind=RejectionKind.DATA,
            message="L’ordre ne nomme pas le professionnel à l’origine de l’envoi (PRT SB).",
        )
    return requester


def sender_of(order: MdmDocument) -> Author:
    """The author of a lot: who asks for the treatment (PRT SB)."""
    requester = _requester(order)
    person, organisation = requester.person, requester.organisation
    author = _author_of(order, requester)
    specialty = author.specialty if author else None
    return Author(
        person=Xcn(requester.national_person_id, person.family, person.given) if person else None,
        institutions=(Xon(requester.national_structure_id, organisation.name),) if organisation else (),
        specialty=Code(specialty.code, specialty.system, specialty.display)
        if specialty
        else Author().specialty,
    )


def _author_of(order: MdmDocument, requester: Participant) -> ParsedActor | None:
    """The CDA author who is the requester: the message has no field for the profession."""
    document = order.document.cda or parse_cda(order.document.content)
    wanted = requester.national_person_id
    return next(
        (author for author in document.authors if author.id is not None and author.id.extension == wanted),
        None,
    )


def _roles(order: MdmDocument, requester: Participant) -> tuple[Role, ...]:
    """Profession, then savoir-faire or section, of the CDA; `AUTOMATE` for a requester who is no author."""
    author = _author_of(order, requester)
    if author is None or author.specialty is None:
        return (AUTOMATE_ROLE,)
    profession, _, specialty = author.specialty.code.removeprefix(PROFESSION_PREFIX).partition("/")
    labels = author_specialties()
    known = labels.get(f"{PROFESSION_PREFIX}{profession}")
    first = profession_role(profession, known.display if known else author.specialty.display)
    if not specialty:
        return (first,)
    if profession == PROFESSION_PHARMACIST:
        system = settings.DMP_OID_PHARMACIST_SECTION
        return (first, section_role(specialty, author.specialty.display, system=system))
    return (first, specialty_role(specialty, author.specialty.display.partition(" - ")[2]))


def _sector(requester: Participant) -> str:
    finess = requester.organisation.identifier if requester.organisation else ""
    site = Site.objects.filter(finess=finess[-9:]).only("sector").first()
    return site.sector if site else DEFAULT_SECTOR


def visibility_of(order: MdmDocument) -> list[str]:
    """The restrictions of an order, as codes of TRE_A07."""
    flags = order.flags
    wanted = {
        xds_codes.VISIBILITY_MASKED: flags.masque_ps,
        xds_codes.VISIBILITY_HIDDEN_PATIENT: flags.invisible_patient,
        xds_codes.VISIBILITY_HIDDEN_GUARDIANS: flags.invisible_rep_legaux,
    }
    return [code for code, is_wanted in wanted.items() if is_wanted]
