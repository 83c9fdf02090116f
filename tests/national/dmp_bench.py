"""What the tests of the DMP adapter share: a scripted server behind a real transport, answers to script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from lxml import etree

from interop.soap import codes as soap
from interop.soap.envelope import Addressing, build_answer, parse_envelope
from interop.soap.mtom import Attachment, build_multipart, parse_multipart
from interop.vihf.claims import (
    AuthenticationMode,
    PatientClaim,
    SoftwareClaim,
    profession_role,
    specialty_role,
)
from interop.xds import codes
from interop.xds.ebrim import build_object_list
from interop.xds.metadata import Association, RegistryObjects
from interop.xml import parse_xml
from national.calls import CallRecord
from national.dmp.adapter import DmpSoap
from national.dmp.ports import AccessContext, Submission
from tests.interop.xds.samples import DOCUMENT, INS, LOT
from tests.national.server import LoopbackServer, Reply, Request

PATIENT = PatientClaim(INS.value, INS.authority)
SOFTWARE = SoftwareClaim("DPI", "1.0.0", "HOMOLOGATION")
CONTEXT = AccessContext(
    mode=AuthenticationMode.INDIRECT,
    structure="1990000010",
    sector="SA01",
    name_id="899700900014",
    subject="Alice HODA",
    roles=(profession_role("10", "Médecin"), specialty_role("SM26", "Médecine générale")),
    authenticated_at=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
    actor_uid=UUID(int=1),
    actor_label="a.hoda",
    patient_uid=UUID(int=2),
)
SUBMISSION = Submission(LOT, (DOCUMENT,))
SUCCESS = f'<r:RegistryResponse xmlns:r="{codes.NS_RS}" status="{codes.RESPONSE_SUCCESS}"/>'


@dataclass
class Bench:
    server: LoopbackServer
    gateway: DmpSoap
    calls: list[CallRecord] = field(default_factory=list)

    @property
    def last(self) -> etree._Element:
        """The envelope of the last request."""
        return parse_xml(root_of(self.server.requests[-1]))


Build = Callable[..., Bench]


def root_of(request: Request) -> bytes:
    if request.content_type.startswith(soap.MEDIA_MULTIPART):
        return parse_multipart(request.content_type, request.body).root
    return request.body


def answer(
    inner: str | etree._Element,
    *,
    status: int = 200,
    multipart: bool = False,
    attachments: Sequence[Attachment] = (),
) -> Callable[[Request], Reply]:
    """Answer every request with this body, naming the request."""

    def script(request: Request) -> Reply:
        message_id = parse_envelope(root_of(request)).message_id
        addressing = Addressing(soap.WSA_ANONYMOUS, "urn:answer", f"urn:uuid:{uuid4()}", message_id)
        body = parse_xml(inner.encode()) if isinstance(inner, str) else inner
        data = build_answer(addressing, body)
        if multipart or attachments:
            message = build_multipart(data, attachments, action="urn:answer", boundary="b", root_id="r@s")
            return Reply(message.body, status, message.content_type)
        return Reply(data, status)

    return script


def failure(code: str, context: str = "contexte", severity: str = codes.SEVERITY_ERROR) -> str:
    return (
        f'<r:RegistryResponse xmlns:r="{codes.NS_RS}" status="{codes.RESPONSE_FAILURE}"><r:RegistryErrorList>'
        f'<r:RegistryError errorCode="{code}" codeContext="{context}" severity="{severity}"/>'
        "</r:RegistryErrorList></r:RegistryResponse>"
    )


def results(*entries: object, references: Sequence[str] = (), links: Sequence[Association] = ()) -> str:
    listing = build_object_list(RegistryObjects(entries=tuple(entries), associations=tuple(links)))
    for reference in references:
        etree.SubElement(listing, f"{{{codes.NS_RIM}}}ObjectRef", id=reference)
    return (
        f'<q:AdhocQueryResponse xmlns:q="{codes.NS_QUERY}" status="{codes.RESPONSE_SUCCESS}" '
        f'totalResultCount="{len(entries)}">{etree.tostring(listing).decode()}</q:AdhocQueryResponse>'
    )
