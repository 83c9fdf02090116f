"""Traces of the accesses to the DMP, handed over by professionals, patient and period (SC.DMP/CONF.15)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.services import assignment_give, user_create
from audit.enums import Action
from audit.models import Trace
from audit.sealing import traces_seal
from audit.services import trace_write
from dmp.exports import COLUMNS, traces_of
from dmp.models import RemoteDocument
from dmp.services import document_open, documents_integrate, news_refresh, status_refresh
from dossier.views.traces import MOST_PROFESSIONALS
from patients.trace_files import TraceQuery
from tests.dmp.conftest import INSTALLER, Room
from tests.documents.arrivals import arriving
from tests.dossier.conftest import seen
from tests.hospital import MATRICULE
from tests.signing_in import sign_in

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)

pytestmark = pytest.mark.requirement("SC.DMP/CONF.15")


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def auditor(room: Room) -> Client:
    user = user_create(login="auditeur", family_name="ESSAI", given_name="Noé", actor=INSTALLER)
    assignment_give(user=user, role=RoleCode.AUDITEUR, unit=None, giver=None, actor=INSTALLER)
    return sign_in(Client(), user)


@pytest.fixture
def consulted(room: Room) -> Room:
    """The doctor looked at one document and filed it; a colleague only opened the record."""
    room.deposit(arriving(lineage=1))
    line = room.line()
    status_refresh(room.consultation(), now=timezone.now(), line=line)
    news_refresh(room.consultation(), now=timezone.now(), line=line)
    (document,) = RemoteDocument.objects.all()
    document_open(room.consultation(), document, line=line)
    documents_integrate(room.consultation(), [document], now=timezone.now(), line=line)
    colleague = room.colleague()
    status_refresh(room.consultation(colleague), now=timezone.now(), line=room.line(colleague))
    return room


def extract(client: Client, **typed: str) -> HttpResponseBase:
    return client.post(reverse("dossier:dmp_traces"), {"format": "csv", "acte": "extraire"} | typed)


def text(answer: HttpResponseBase) -> str:
    assert isinstance(answer, StreamingHttpResponse)
    return b"".join(answer).decode()  # type: ignore[arg-type]


def table(answer: HttpResponseBase) -> list[dict[str, str]]:
    body = text(answer)
    assert body.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(body.removeprefix("\ufeff"), newline=""), delimiter=";"))


def of(query: TraceQuery) -> set[str]:
    return {row.actor_login for row in traces_of(query)}


def test_the_traces_of_one_or_several_professionals(consulted: Room) -> None:
    assert of(TraceQuery(professionals=("99700900022",))) == {"blemaire"}
    assert of(TraceQuery(professionals=("ahoda",))) == {"ahoda"}
    assert of(TraceQuery(professionals=("99700900014", "blemaire"))) == {"ahoda", "blemaire"}


def test_the_traces_of_a_patient_by_ipp_or_matricule(consulted: Room) -> None:
    everything = traces_of(TraceQuery()).exclude(type="dmp.notice").count()
    assert everything > 5
    for name in ("000003", MATRICULE):
        assert traces_of(TraceQuery(patient=name)).count() == everything


def test_a_period_begins_included_and_ends_excluded(consulted: Room) -> None:
    first = traces_of(TraceQuery()).first()
    assert first is not None
    assert traces_of(TraceQuery(since=first.time, until=first.time)).count() == 0
    after = TraceQuery(since=first.time, until=first.time + timedelta(microseconds=1))
    assert list(traces_of(after)) == [first]
    assert traces_of(TraceQuery(since=NOW + timedelta(days=1))).count() == 0


def test_the_later_reading_of_a_filed_document_is_one_of_them(consulted: Room, auditor: Client) -> None:
    filed = consulted.patient.documents.get()
    ours = consulted.ward.write_letter().document
    for document in (filed, ours):
        trace_write(
            type="document.view",
            action=Action.READ,
            actor=consulted.doctor.as_actor(),
            patient_uid=consulted.patient.uid,
            object_type="documents.document",
            object_uid=document.uid,
        )
    found = [row for row in table(extract(auditor)) if row["type"] == "document.view"]
    assert [(row["objet"], row["transaction"]) for row in found] == [(str(filed.uid), "VIEW_LOCAL")]


@pytest.mark.requirement("SC.DMP/CONF.14")
def test_the_file_says_who_did_what_for_whom_in_which_session(consulted: Room, auditor: Client) -> None:
    traces_seal(key=b"key of the tests")
    rows = table(extract(auditor, professionnels="99700900014", patient="000003"))
    assert set(rows[0]) == set(COLUMNS)
    assert {row["type"] for row in rows} == {
        "dmp.existence",
        "dmp.authorise",
        "dmp.search",
        "dmp.retrieve",
        "dmp.view",
        "dmp.integrate",
    }
    view = next(row for row in rows if row["type"] == "dmp.view")
    document = RemoteDocument.objects.get(user=consulted.doctor)
    assert view["document"] == document.unique_id
    assert (view["nom"], view["profession"], view["specialite"]) == ("Dr HODA Alice", "10", "SM26")
    assert (view["mode"], view["facteurs"], view["choix"] != "") == ("AIR_SIMPLIFIE", "2", True)
    assert (view["ipp"], view["ins"]) == ("000003", MATRICULE)
    call = next(row for row in rows if row["type"] == "dmp.retrieve")
    assert (call["transaction"], call["nombre"], call["documents"]) == ("TD3.2", "1", document.unique_id)
    assert call["rang"] and call["sceau"]
    assert document.title not in text(extract(auditor))


def test_one_trace_a_line_in_json(consulted: Room, auditor: Client) -> None:
    answer = extract(auditor, format="jsonl")
    assert answer["Content-Type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in text(answer).splitlines()]
    assert len(rows) == traces_of(TraceQuery()).count()
    assert all(set(row) == set(COLUMNS) for row in rows)


def test_the_file_is_named_never_cached_and_asking_for_it_is_traced(consulted: Room, auditor: Client) -> None:
    answer = extract(auditor, professionnels="ahoda", du="01/07/2026", au="10/07/2026")
    assert len(table(answer)) > 5
    assert answer["Content-Disposition"] == 'attachment; filename="traces-dmp-20260710.csv"'
    assert answer["Cache-Control"] == "no-store"
    trace = Trace.objects.get(type="dmp.trace_export")
    assert trace.actor_login == "auditeur"
    assert trace.detail["professionals"] == ["ahoda"]
    assert trace.detail["since"].startswith("2026-07-01")


def test_counting_makes_no_file(consulted: Room, auditor: Client) -> None:
    answer = auditor.post(reverse("dossier:dmp_traces"), {"acte": "compter", "format": "csv"})
    count = traces_of(TraceQuery()).count()
    assert seen(answer).texts("p[role=status]")[0].startswith(f"{count} traces")
    assert not Trace.objects.filter(type="dmp.trace_export").exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"professionnels": "99700900014, 10000000000"}, "Professionnels inconnus ici : 10000000000."),
        ({"patient": "999999"}, "Aucun patient n’a cet IPP"),
        ({"du": "31/02/2026"}, "Une date est illisible"),
        ({"format": "xlsx"}, "Ce format de fichier n’existe pas"),
        ({"professionnels": "ahoda " * (MOST_PROFESSIONALS + 1)}, "Au plus 200 professionnels"),
    ],
)
def test_what_cannot_be_answered_is_said_and_no_file_is_made(
    consulted: Room, auditor: Client, typed: dict[str, str], words: str
) -> None:
    answer = extract(auditor, **typed)
    assert isinstance(answer, HttpResponse)
    assert words in seen(answer, 422).text
    assert not Trace.objects.filter(type="dmp.trace_export").exists()


def test_nobody_else_has_the_page(room: Room) -> None:
    client = sign_in(Client(), room.doctor)
    assert client.get(reverse("dossier:dmp_traces")).status_code == 403
    assert extract(client).status_code == 403


def test_a_formula_in_a_name_stays_a_word(room: Room, auditor: Client) -> None:
    trace_write(type="dmp.view", action=Action.READ, actor=room.doctor.as_actor(), detail={"name": "=1+1"})
    (row,) = [one for one in table(extract(auditor)) if one["type"] == "dmp.view"]
    assert row["nom"] == "'=1+1"
