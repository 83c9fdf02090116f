"""Documents of the record for the software of the hospital: what they are, and their bytes."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import requires
from accounts.api.described import IF_NONE_MATCH, etag_header, problems
from accounts.api.fields import Moment, Text, Uid
from accounts.api.inputs import NoQuery, PageQuery, query_of
from accounts.api.pages import page_of
from accounts.api.preconditions import is_unchanged
from accounts.api.views import ApiView
from audit.enums import Action
from audit.services import trace_write
from documents.enums import Intake, Origin, ReceiptOutcome, ReceiptRequest, Structure, VersionState
from documents.models import Document, Reception, Version
from documents.selectors import (
    ArrivalFilters,
    FiledFilters,
    arrivals,
    document_filed,
    documents_filed,
    version_to_show,
)
from documents.services import READ_REMOVED, removed_refuse, version_view
from documents.store import content_get
from interop.cda.value_sets import document_types
from patients.api import UnitSerializer, patient_opened
from patients.selectors import care_relation
from patients.services import record_open

TAG = ["Documents"]
CDA, PDF = "application/xml", "application/pdf"
FILED_STATES = [choice for choice in VersionState.choices if choice[0] != VersionState.DRAFT]
# What was received must not act in the browser of somebody who follows the address (security 10.2).
SANDBOX = "sandbox; default-src 'none'"


# --- What is read ------------------------------------------------------------------------------
class ContentSerializer(serializers.Serializer[Any]):
    """One rendering of a version."""

    sha256 = serializers.CharField(help_text="Aussi l’ETag du contenu.")
    size = serializers.IntegerField(allow_null=True, help_text="Octets.")


class VersionSerializer(serializers.Serializer[Any]):
    """One text of a document; `_version` fills it."""

    uid = serializers.UUIDField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=FILED_STATES)
    unique_id = serializers.CharField(help_text="Identifiant du CDA.")
    structure = serializers.ChoiceField(choices=Structure.choices, allow_null=True)
    author = serializers.CharField()
    author_organization = serializers.CharField(help_text="D’un document reçu.")
    act_at = Moment(allow_null=True)
    validated_at = Moment(allow_null=True)
    replaced_at = Moment(allow_null=True)
    deleted_at = Moment(allow_null=True)
    has_ins = serializers.BooleanField(help_text="Le CDA porte l’INS qualifiée.")
    is_masque_ps = serializers.BooleanField()
    is_invisible_patient = serializers.BooleanField()
    is_invisible_rep_legaux = serializers.BooleanField()
    is_connexion_secrete = serializers.BooleanField()
    cda = ContentSerializer(allow_null=True, help_text="À l’adresse `versions/{uid}/cda`.")
    pdf = ContentSerializer(allow_null=True, help_text="À l’adresse `versions/{uid}/pdf`.")


class DocumentSerializer(serializers.Serializer[Any]):
    """One document through all its versions; `_document` fills it."""

    uid = serializers.UUIDField()
    patient = serializers.UUIDField()
    episode = serializers.UUIDField(allow_null=True)
    unit = UnitSerializer(allow_null=True)
    type_code = serializers.CharField(help_text="JDV_J07.")
    type_label = serializers.CharField()
    title = serializers.CharField()
    set_id = serializers.CharField()
    origins = serializers.ListField(child=serializers.ChoiceField(choices=Origin.choices))
    created_at = Moment()
    last_version = VersionSerializer()


class DocumentDetailSerializer(DocumentSerializer):
    versions = VersionSerializer(many=True, help_text="De la dernière à la première.")


class DocumentPageSerializer(serializers.Serializer[Any]):
    results = DocumentSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Curseur de la page suivante.")


class ReceptionSerializer(serializers.Serializer[Any]):
    """One arrival; `_reception` fills it. Who else the document could be about is not said."""

    uid = serializers.UUIDField()
    at = Moment()
    origin = serializers.ChoiceField(choices=Origin.choices)
    intake = serializers.ChoiceField(choices=Intake.choices)
    request = serializers.ChoiceField(choices=ReceiptRequest.choices, help_text="Ce que l’émetteur demande.")
    outcome = serializers.ChoiceField(choices=ReceiptOutcome.choices)
    code = serializers.CharField(help_text="Code du refus.")
    reason = serializers.CharField()
    patient = serializers.UUIDField(allow_null=True, help_text="Nul quand rien n’a été classé.")
    document = serializers.UUIDField(allow_null=True)
    version = serializers.UUIDField(allow_null=True)
    unit = UnitSerializer(allow_null=True)
    title = serializers.CharField()
    type_code = serializers.CharField()
    act_at = Moment(allow_null=True)
    author_label = serializers.CharField()
    author_organization = serializers.CharField()
    unique_id = serializers.CharField()
    set_id = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    source_label = serializers.CharField()
    source_id = serializers.CharField(help_text="Message-ID ou entryUUID.")


class ReceptionPageSerializer(serializers.Serializer[Any]):
    results = ReceptionSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Curseur de la page suivante.")


# --- What is asked -----------------------------------------------------------------------------
class DocumentQuery(PageQuery):
    type = serializers.ListField(
        child=Text(max_length=20, allow_blank=True),
        required=False,
        max_length=50,
        help_text="Codes JDV_J07.",
    )
    origin = serializers.MultipleChoiceField(choices=Origin.choices, required=False)
    state = serializers.MultipleChoiceField(
        choices=FILED_STATES, required=False, help_text="État de la dernière version."
    )
    episode = Uid(required=False)
    act_since = serializers.DateField(required=False, help_text="Jour de l’acte, compris.")
    act_until = serializers.DateField(required=False, help_text="Jour de l’acte, compris.")


class ReceptionQuery(PageQuery):
    origin = serializers.MultipleChoiceField(choices=Origin.choices, required=False)
    outcome = serializers.MultipleChoiceField(choices=ReceiptOutcome.choices, required=False)
    unit = serializers.ListField(
        child=Text(max_length=20, allow_blank=True), required=False, max_length=50, help_text="Codes d’UF."
    )
    patient = Uid(required=False, help_text="Ce qui est arrivé pour ce seul patient.")
    since = Moment(required=False)


# --- Endpoints ---------------------------------------------------------------------------------
@requires("patients.open", "documents.view")
class PatientDocuments(ApiView):
    @extend_schema(
        operation_id="patient_documents",
        summary="Lister les documents d’un patient",
        description="Produits ici ou reçus, du dernier enregistré au premier ; jamais un brouillon.",
        parameters=[DocumentQuery],
        responses=DocumentPageSerializer,
        tags=TAG,
    )
    def get(self, request: Request, patient_uid: UUID) -> Response:
        query = query_of(request, DocumentQuery)
        patient = patient_opened(self, patient_uid, what="documents")
        filters = FiledFilters(
            types=tuple(query.get("type", ())),
            origins=tuple(query.get("origin", ())),
            states=tuple(query.get("state", ())),
            episode=query.get("episode"),
            act_since=query.get("act_since"),
            act_until=query.get("act_until"),
        )
        page = page_of(documents_filed(patient, filters), query)
        shown = {"results": [_document(row, patient.uid) for row in page.rows], "next": page.next}
        return Response(DocumentPageSerializer(shown).data)


@requires("patients.open", "documents.view")
class DocumentDetail(ApiView):
    @extend_schema(
        operation_id="document",
        summary="Lire la fiche d’un document et de ses versions",
        description="Les contenus se lisent à l’adresse de chaque version.",
        responses=DocumentDetailSerializer,
        tags=TAG,
    )
    def get(self, request: Request, document_uid: UUID) -> Response:
        query_of(request, NoQuery)
        try:
            document = document_filed(document_uid)
        except Document.DoesNotExist as error:
            raise Http404 from error
        patient = document.patient
        record_open(patient=patient, user=self.caller.user, actor=self.actor, what="document")
        return Response(DocumentDetailSerializer(_document(document, patient.uid)).data)


@requires("patients.open", "documents.view")
class VersionContent(ApiView):
    """The bytes of one rendering."""

    rendering: ClassVar[str]
    media_type: ClassVar[str]

    def content(self, request: Request, version_uid: UUID) -> HttpResponse:
        """The bytes as they were filed, or 304 for who has them; the reading is traced either way."""
        query_of(request, NoQuery)
        version = self._opened(version_uid)
        sha256 = getattr(version, f"{self.rendering}_sha256")
        if not sha256 or version.state == VersionState.DRAFT:
            raise Http404
        version_view(version=version, actor=self.actor, rendering=self.rendering)
        etag = f'"{sha256}"'
        if is_unchanged(request, etag):
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(content_get(sha256), content_type=self.media_type)
            name = f"{version.uid}.{'pdf' if self.media_type == PDF else 'xml'}"
            response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["ETag"] = etag
        response["Content-Security-Policy"] = SANDBOX
        return response

    def _opened(self, uid: UUID) -> Version:
        try:
            version = version_to_show(uid)
        except Version.DoesNotExist as error:
            raise Http404 from error
        patient, user = version.document.patient, self.caller.user
        if not care_relation(user, patient):
            record_open(patient=patient, user=user, actor=self.actor, what=self.rendering)
        removed_refuse(version=version, may_read=self.caller.has_perm(READ_REMOVED), actor=self.actor)
        return version


def _described(rendering: str, media_type: str) -> Any:
    return extend_schema(
        operation_id=f"version_{rendering}",
        summary=f"Lire le {rendering.upper()} d’une version",
        description="Les octets tels que classés. L’ETag est leur empreinte SHA-256 ; donnez-la dans "
        "If-None-Match pour ne pas les recevoir deux fois.",
        parameters=[IF_NONE_MATCH, etag_header(200, 304)],
        responses={
            (200, media_type): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="Vous avez déjà ce contenu."),
        },
        tags=TAG,
    )


class VersionCda(VersionContent):
    rendering, media_type = "cda", CDA

    @_described("cda", CDA)
    def get(self, request: Request, version_uid: UUID) -> HttpResponse:
        return self.content(request, version_uid)


class VersionPdf(VersionContent):
    rendering, media_type = "pdf", PDF

    @_described("pdf", PDF)
    def get(self, request: Request, version_uid: UUID) -> HttpResponse:
        return self.content(request, version_uid)


@requires("patients.open", "documents.view")
class Receptions(ApiView):
    @extend_schema(
        operation_id="receptions",
        summary="Lister ce qui est arrivé d’ailleurs",
        description="Classé, remplacé, en double ou refusé, pour les unités servies ou pour un patient ; du "
        "dernier arrivé au premier.",
        parameters=[ReceptionQuery],
        responses=ReceptionPageSerializer,
        extensions=problems(404),
        tags=TAG,
    )
    def get(self, request: Request) -> Response:
        query = query_of(request, ReceptionQuery)
        asked = query.get("patient")
        patient = patient_opened(self, asked, what="receptions") if asked else None
        filters = ArrivalFilters(
            origins=tuple(query.get("origin", ())),
            outcomes=tuple(query.get("outcome", ())),
            units=tuple(query.get("unit", ())),
            since=query.get("since"),
            patient=patient,
        )
        page = page_of(arrivals(self.caller.user, filters), query)
        if patient is None:
            patients = sorted({str(row.patient.uid) for row in page.rows if row.patient is not None})
            trace_write(
                type="list.view",
                action=Action.READ,
                actor=self.actor,
                object_type="reception",
                detail={"list": "receptions", "count": len(page.rows), "patients": patients},
            )
        shown = {"results": [_reception(row) for row in page.rows], "next": page.next}
        return Response(ReceptionPageSerializer(shown).data)


def _reception(row: Reception) -> dict[str, Any]:
    names = (
        "uid", "at", "origin", "intake", "request", "outcome", "code", "reason", "title", "type_code",
        "act_at", "author_label", "author_organization", "unique_id", "set_id", "number", "source_label",
        "source_id",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "patient": row.patient.uid if row.patient else None,
        "document": row.document.uid if row.document else None,
        "version": row.version.uid if row.version else None,
        "unit": row.unit,
    }


def _document(document: Document, patient_uid: UUID) -> dict[str, Any]:
    """A document with its `filed` versions (documents.selectors.with_filed_versions)."""
    versions = [_version(one) for one in document.filed]  # type: ignore[attr-defined]  # prefetched
    known = document_types().get(document.type_code)
    return {
        "uid": document.uid,
        "patient": patient_uid,
        "episode": document.episode.uid if document.episode else None,
        "unit": document.unit,
        "type_code": document.type_code,
        "type_label": known.display if known else document.type_code,
        "title": document.title,
        "set_id": document.set_id,
        "origins": document.origins,
        "created_at": document.created_at,
        "last_version": versions[0],
        "versions": versions,
    }


def _version(version: Version) -> dict[str, Any]:
    names = (
        "uid", "number", "state", "unique_id", "author_organization", "act_at", "validated_at",
        "replaced_at", "deleted_at", "has_ins", "is_masque_ps", "is_invisible_patient",
        "is_invisible_rep_legaux", "is_connexion_secrete",
    )  # fmt: skip
    return {name: getattr(version, name) for name in names} | {
        "structure": version.structure or None,
        "author": version.author_label,
        "cda": _content(version.cda_sha256, version.cda_size),
        "pdf": _content(version.pdf_sha256, version.pdf_size),
    }


def _content(sha256: str, size: int | None) -> dict[str, Any] | None:
    return {"sha256": sha256, "size": size} if sha256 else None
