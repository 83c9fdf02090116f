"""INSi over the wire: the adapter against a server that plays roles, then the sandbox (spec ins 11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings

from audit.context import Actor
from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from interop.insi import codes
from interop.insi.codes import ResultCode
from interop.insi.request import Caller, Search, search_of
from national.calls import CallRecord
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind, Unavailable
from national.insi.adapter import InsiSettings, InsiSoap
from national.insi.memory import InsiMemory
from national.insi.opening import NOT_CONFIGURED, insi, insi_close
from national.insi.trial import ANSWERS
from national.models import Call
from national.trials import trial_run
from sandbox.insi.reading import SOFTWARE_AUTHORISATION
from sandbox.runtime import Sandbox
from tests.factories import EndpointFactory, LegalEntityFactory
from tests.interop.insi import samples
from tests.national.conftest import Start
from tests.national.server import Reply, Request, Script

ACTOR = Actor(login="roux", uid=UUID("00000000-0000-4000-8000-00000000000a"))
PATIENT = UUID("00000000-0000-4000-8000-00000000000b")
CALLER = Caller("1990000010", "N1", "DPI", "1.0", str(uuid4()))


def adrun(**changes: Any) -> Search:
    traits = {"birth_name": "ADRUN", "given_names": ("ZOE",), "sex": "F", "birth_date": date(1975, 12, 31)}
    return search_of(**traits | changes)


def client(start: Start, script: Script, **options: Any) -> tuple[InsiSoap, list[CallRecord], Any]:
    server, transport = start(script, label="INSi", breaker_threshold=0)
    calls: list[CallRecord] = []
    settings = InsiSettings(CALLER, "lps", **options)
    return InsiSoap(transport, settings, record=calls.append), calls, server


def ask(line: InsiSoap) -> Any:
    return line.search(adrun(), actor=ACTOR, patient_uid=PATIENT)


def always(reply: Reply) -> Script:
    return lambda request: reply


def test_an_answer_comes_with_its_bytes_and_the_call_is_recorded(start: Start) -> None:
    line, calls, server = client(start, always(Reply(samples.ADRUN)))

    answer = ask(line)

    assert answer.result.code is ResultCode.FOUND
    assert answer.raw == samples.ADRUN
    (call,) = calls
    assert (call.service, call.transaction, call.outcome) == (
        NationalService.INSI, "WS_INS2", CallOutcome.SUCCESS,
    )  # fmt: skip
    assert call.message_id == answer.message_id
    assert (call.patient_uid, call.actor_uid, call.structure) == (PATIENT, ACTOR.uid, "1990000010")
    (request,) = server.requests
    assert request.path == "/services/lps"
    assert codes.ACTION_SEARCH in request.content_type
    assert answer.message_id.encode() in request.body


def test_each_call_has_identifiers_of_its_own(start: Start) -> None:
    line, calls, server = client(start, always(Reply(samples.NOBODY)))
    ask(line)
    ask(line)

    first, second = (request.body for request in server.requests)
    assert first != second
    assert len({call.message_id for call in calls}) == 2


def test_nobody_is_an_answer(start: Start) -> None:
    line, calls, _ = client(start, always(Reply(samples.NOBODY)))

    assert ask(line).result.code is ResultCode.NOBODY
    assert calls[0].outcome == CallOutcome.SUCCESS


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("desir_550", RejectionKind.CONFIGURATION, "numéro d’autorisation"),
        ("desir_560", RejectionKind.CONFIGURATION, "droits insuffisants"),
        ("siram_120", RejectionKind.CONFIGURATION, "siram_120"),
        ("insi_102", RejectionKind.DATA, "Nom absent"),
        ("autre", RejectionKind.DATA, "autre"),
    ],
)
def test_a_fault_says_whose_business_it_is(start: Start, code: str, kind: RejectionKind, words: str) -> None:
    line, calls, _ = client(start, always(Reply(samples.fault(code, "Nom absent"), status=500)))

    with pytest.raises(Rejected) as refused:
        ask(line)

    assert (refused.value.code, refused.value.kind) == (code, kind)
    assert words in refused.value.message
    assert "Nom absent" in refused.value.text
    assert (len(calls), calls[0].outcome, calls[0].code) == (1, CallOutcome.REJECTED, code)


def test_a_line_that_breaks_is_tried_once_more(start: Start) -> None:
    replies = iter([Reply(cut=True), Reply(samples.ADRUN)])
    line, calls, _ = client(start, lambda request: next(replies))

    assert ask(line).result.code is ResultCode.FOUND
    assert [call.outcome for call in calls] == [CallOutcome.UNAVAILABLE, CallOutcome.SUCCESS]


def test_a_line_that_breaks_twice_is_unavailable(start: Start) -> None:
    line, calls, _ = client(start, always(Reply(cut=True)))

    with pytest.raises(Unavailable):
        ask(line)

    assert len(calls) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>503</html>", status=503, content_type="text/html"),
        Reply(b"<env:Envelope"),
        Reply(samples.without("07", "?")),
        Reply(samples.ADRUN.replace(b"<?xml", b'<!DOCTYPE e [<!ENTITY x "y">]><?xml')),
    ],
    ids=["down", "cut", "code", "entity"],
)
def test_what_cannot_be_read_is_unavailable_and_not_asked_again(start: Start, reply: Reply) -> None:
    line, calls, _ = client(start, always(reply))

    with pytest.raises(Unavailable):
        ask(line)

    assert len(calls) == 1


def test_a_slow_answer_is_not_waited_for_twice(start: Start) -> None:
    def slow(request: Request) -> Reply:
        return Reply(samples.ADRUN, length=len(samples.ADRUN) + 10)

    line, calls, _ = client(start, slow, timeout=0.2)

    with pytest.raises(Unavailable) as raised:
        ask(line)

    assert raised.value.code in {"ReadTimeout", "RemoteProtocolError"}
    assert len(calls) <= 2


def test_the_memory_double_answers_and_fails_as_told() -> None:
    double = InsiMemory()
    double.failures.append(Unavailable("non", code="X"))

    with pytest.raises(Unavailable):
        double.search(adrun(), actor=ACTOR, patient_uid=None)
    answer = double.search(adrun(), actor=ACTOR, patient_uid=None)

    assert answer.result.code is ResultCode.NOBODY
    assert len(double.searches) == 2


# --- The installation ---------------------------------------------------------------------------------


@pytest.fixture
def plugged(db: None, sandbox: Sandbox, settings: LazySettings) -> Iterator[tuple[Sandbox, ServiceEndpoint]]:
    LegalEntityFactory()
    settings.INSI_AUTHORISATION = SOFTWARE_AUTHORISATION
    files = sandbox.addresses.certificates
    endpoint = EndpointFactory(
        service=NationalService.INSI,
        base_url=sandbox.addresses.insi.url,
        ca_path=files.ca,
        certificate_path=files.insi_cert,
        key_path=files.insi_key,
    )
    yield sandbox, endpoint
    sandbox.insi.faults.clear()
    insi_close()


Plugged = tuple[Sandbox, ServiceEndpoint]


def test_the_installation_reaches_the_sandbox_and_keeps_the_call(plugged: Plugged) -> None:
    answer = insi().search(
        adrun(birth_name="ECETINSI", given_names=("PIERRE-ALAIN",), sex="M", birth_date=date(2009, 7, 14)),
        actor=ACTOR,
        patient_uid=PATIENT,
    )

    assert answer.result.person is not None
    assert len(answer.result.person.history) == 2
    call = Call.objects.get(service=NationalService.INSI)
    assert (call.transaction, call.patient_uid, call.outcome) == ("WS_INS2", PATIENT, "success")
    assert call.started_at <= datetime.now(UTC)


def test_the_line_is_kept_until_its_endpoint_changes(plugged: Plugged) -> None:
    _, endpoint = plugged
    first = insi()
    assert insi() is first
    endpoint.base_url = endpoint.base_url.replace("localhost", "127.0.0.1")
    endpoint.save()
    assert insi() is not first


@pytest.mark.parametrize("missing", ["endpoint", "authorisation", "certificate"])
def test_an_installation_without_what_it_needs_calls_nobody(
    plugged: Plugged, settings: LazySettings, tmp_path: Path, missing: str
) -> None:
    _, endpoint = plugged
    if missing == "endpoint":
        endpoint.is_enabled = False
    elif missing == "certificate":
        endpoint.certificate_path = str(tmp_path / "absent.pem")
    else:
        settings.INSI_AUTHORISATION = ""
    endpoint.save()

    with pytest.raises(Rejected) as refused:
        insi()

    assert refused.value.kind is RejectionKind.CONFIGURATION
    assert refused.value.code == ("CERTIFICATE_UNREADABLE" if missing == "certificate" else NOT_CONFIGURED)
    assert not Call.objects.exists()


@pytest.mark.requirement("F-PV-36")
def test_the_trial_says_that_insi_answers(plugged: Plugged) -> None:
    result = trial_run(NationalService.INSI, ACTOR)

    assert (result.passed, result.text) == (True, ANSWERS)
    assert Call.objects.get().transaction == "ESSAI"


@pytest.mark.parametrize(("effect", "code"), [("fault:desir_550", "desir_550"), ("http:503", "UNREADABLE")])
@pytest.mark.requirement("F-PV-36")
def test_the_trial_says_what_is_wrong(plugged: Plugged, effect: str, code: str) -> None:
    box, _ = plugged
    box.insi.faults.add(effect)

    result = trial_run(NationalService.INSI, ACTOR)

    assert not result.passed
    assert result.code in {code, "HTTP_503"}
