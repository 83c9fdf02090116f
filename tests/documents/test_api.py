"""Documents by the API: metadata, bytes with their type and fingerprint, hostile names (security 10.2)."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from audit.models import Trace
from documents.enums import (
    DeletionMotive,
    Intake,
    Origin,
    ReceiptOutcome,
    ReceiptRequest,
    Structure,
    VersionState,
)
from documents.models import Document, Reception, Version
from documents.services import document_delete
from documents.store import content_get, content_put
from documents.wishes import DeletionWishes
from interop.cda.codes import LETTRE_DE_LIAISON_SORTIE
from patients.models import Patient
from tests.calling import actor_is, caller, client_of, issue, problem_of
from tests.factories import (
    AssignmentFactory,
    DocumentFactory,
    RoleFactory,
    UnitFactory,
    ValidatedVersionFactory,
    VersionFactory,
)
from tests.hospital import Ward
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db

READ = "documents:read"


def listed(client: Client, patient: Patient, **query: Any) -> Any:
    return client.get(reverse("api:patient_documents", args=[patient.uid]), query)


def content(client: Client, version: Version, rendering: str, **headers: str) -> Any:
    return client.get(reverse(f"api:version_{rendering}", args=[version.uid]), headers=headers)


class TestList:
    def test_a_letter_and_its_versions(self, ward: Ward):
        first = ward.write_letter()
        second = ward.revise(first)

        [row] = listed(caller(READ), ward.patient).json()["results"]
        detail = caller(READ).get(reverse("api:document", args=[row["uid"]])).json()

        assert (row["patient"], row["episode"]) == (str(ward.patient.uid), str(ward.episode.uid))
        assert row["type_code"] == LETTRE_DE_LIAISON_SORTIE.code
        assert row["origins"] == ["produced"]
        assert row["last_version"]["uid"] == str(second.uid)
        assert [one["state"] for one in detail["versions"]] == ["current", "replaced"]
        assert detail["versions"][0]["cda"] == {"sha256": second.cda_sha256, "size": second.cda_size}
        assert detail["versions"][0]["has_ins"] is True

    def test_a_draft_is_nobody_else_s_business(self, ward: Ward):
        draft = ward.draft()
        assert listed(caller(READ), ward.patient).json()["results"] == []
        assert caller(READ).get(reverse("api:document", args=[draft.document.uid])).status_code == 404
        for rendering in ("pdf", "cda"):
            assert problem_of(content(caller(READ), draft, rendering), 404)

        letter = ward.validate(draft)
        ward.draft()
        [row] = listed(caller(READ), ward.patient).json()["results"]
        assert row["last_version"]["uid"] == str(letter.uid)

    def test_the_content_of_a_deleted_document_of_ours_is_closed_as_on_the_pages(self, ward: Ward):
        letter = ward.validate(ward.draft())
        document_delete(
            version=letter,
            wishes=DeletionWishes(motive=DeletionMotive.WRONG_PATIENT),
            author=ward.doctor,
            actor=ward.actor,
        )
        for rendering in ("pdf", "cda"):
            problem_of(content(caller(READ), letter, rendering), 403)
        assert Trace.objects.filter(type="document.view", outcome="refused").count() == 2
        assert not Trace.objects.filter(type="document.view", outcome="success").exists()

    def test_filters_narrow_by_the_version_shown(self, ward: Ward):
        def filed(**values: Any) -> Document:
            named = {name: values.pop(name) for name in ("type_code", "origins") if name in values}
            document = DocumentFactory(patient=ward.patient, episode=ward.episode, unit=ward.unit, **named)
            ValidatedVersionFactory(document=document, author=ward.doctor, **values)
            return document

        letter = filed(act_at=datetime(2026, 3, 10, 12, tzinfo=UTC))
        result = filed(
            type_code="11502-2", origins=[Origin.MSSANTE], act_at=datetime(2026, 3, 1, 12, tzinfo=UTC)
        )
        gone = filed(state=VersionState.DELETED)
        client = caller(READ)

        def uids(**query: Any) -> list[str]:
            return [row["uid"] for row in listed(client, ward.patient, **query).json()["results"]]

        assert uids() == [str(one.uid) for one in (gone, result, letter)]
        assert uids(type="11502-2") == [str(result.uid)]
        assert uids(type=["11502-2", LETTRE_DE_LIAISON_SORTIE.code], state="current") == [
            str(result.uid),
            str(letter.uid),
        ]
        assert uids(origin="mssante") == [str(result.uid)]
        assert uids(state="deleted") == [str(gone.uid)]
        assert uids(act_since="2026-03-02") == [str(letter.uid)]
        assert uids(act_until="2026-03-01") == [str(result.uid)]
        assert uids(episode=str(uuid.uuid4())) == []
        assert len(uids(episode=str(ward.episode.uid))) == 3

    @pytest.mark.parametrize(
        "query", [{"state": "draft"}, {"origin": "x"}, {"act_since": "2026-13-01"}], ids=str
    )
    def test_a_filter_that_does_not_suit_is_refused(self, ward: Ward, query: dict[str, str]):
        found = problem_of(listed(caller(READ), ward.patient, **query), 400)
        assert [one["field"] for one in found["errors"]] == list(query)

    def test_pages_show_each_document_once(self, ward: Ward):
        for _ in range(5):
            document = DocumentFactory(patient=ward.patient, episode=ward.episode)
            for number, state in ((1, VersionState.REPLACED), (2, VersionState.CURRENT)):
                ValidatedVersionFactory(document=document, author=ward.doctor, number=number, state=state)
        client, cursor, seen = caller(READ), None, []
        for _ in range(3):
            page = listed(client, ward.patient, limit=2, **({"cursor": cursor} if cursor else {})).json()
            seen += [row["uid"] for row in page["results"]]
            cursor = page["next"]
        assert len(set(seen)) == len(seen) == 5
        assert cursor is None

    def test_a_hostile_title_stays_a_text(self, ward: Ward):
        title = '"><script>alert(1)</script>\u202e\r\nX-Evil: 1'
        document = DocumentFactory(patient=ward.patient, title=title)
        ValidatedVersionFactory(document=document, author=ward.doctor, author_label="=HYPERLINK(1)")

        answer = listed(caller(READ), ward.patient)

        assert answer["Content-Type"].partition(";")[0] == "application/json"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer.json()["results"][0]["title"] == title
        assert "X-Evil" not in answer


class TestContent:
    @pytest.mark.parametrize(
        ("rendering", "media_type", "start"),
        [("pdf", "application/pdf", b"%PDF-"), ("cda", "application/xml", b"<?xml")],
    )
    def test_the_bytes_are_those_that_were_filed(
        self, ward: Ward, rendering: str, media_type: str, start: bytes
    ):
        letter = ward.write_letter()

        answer = content(caller(READ), letter, rendering)

        assert answer.content.startswith(start)
        sha256 = hashlib.sha256(answer.content).hexdigest()
        assert answer["ETag"] == f'"{sha256}"' == f'"{getattr(letter, f"{rendering}_sha256")}"'
        assert answer["Content-Type"] == media_type
        assert answer["Content-Disposition"].startswith(f'attachment; filename="{letter.uid}.')
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["Cache-Control"] == "no-store"

    def test_who_has_the_bytes_does_not_receive_them_again(self, ward: Ward):
        letter = ward.write_letter()
        client = caller(READ)
        etag = content(client, letter, "cda")["ETag"]

        same = content(client, letter, "cda", **{"if-none-match": f'"autre", W/{etag}'})
        other = content(client, letter, "pdf", **{"if-none-match": etag})

        assert (same.status_code, same.content, same["ETag"]) == (304, b"", etag)
        assert other.status_code == 200
        assert Trace.objects.filter(type="document.view").count() == 3

    def test_each_reading_is_traced(self, ward: Ward):
        letter = ward.write_letter()
        issued = issue(READ)
        content(client_of(issued), letter, "pdf")

        trace = Trace.objects.get(type="document.view")
        assert actor_is(trace, issued.token)
        assert (trace.patient_uid, trace.object_uid) == (ward.patient.uid, letter.document.uid)
        assert trace.detail == {"rendering": "pdf"}

    def test_a_received_document_without_pdf_has_none(self, ward: Ward):
        """Whatever it calls itself: what it is served as does not come from it."""
        document = DocumentFactory(patient=ward.patient, title="../../etc/passwd", origins=[Origin.MSSANTE])
        cda = b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>1</script></html>"
        version = ValidatedVersionFactory(
            document=document, author=None, cda_sha256=content_put(cda), pdf_sha256="", structure=Structure.N3
        )

        answer = content(caller(READ), version, "cda")

        assert answer.content == cda
        assert answer["Content-Type"] == "application/xml"
        assert "passwd" not in answer["Content-Disposition"]
        assert problem_of(content(caller(READ), version, "pdf"), 404)
        assert listed(caller(READ), ward.patient).json()["results"][0]["last_version"]["pdf"] is None

    def test_a_damaged_content_is_said_and_not_served(self, ward: Ward, settings: Any):
        letter = ward.write_letter()
        path = next(file for file in settings.DOCUMENT_STORE.rglob("*") if file.name == letter.cda_sha256)
        path.write_bytes(b"other")

        found = problem_of(content(caller(READ), letter, "cda"), 500)

        assert found["code"] == "stored_content_damaged"
        assert letter.cda_sha256 not in str(found)
        assert content_get(letter.pdf_sha256)


class TestWhoMayRead:
    def addresses(self, letter: Version) -> list[str]:
        return [
            reverse("api:patient_documents", args=[letter.document.patient.uid]),
            reverse("api:document", args=[letter.document.uid]),
            reverse("api:version_cda", args=[letter.uid]),
            reverse("api:version_pdf", args=[letter.uid]),
        ]

    def test_a_software_of_other_units_is_refused_and_traced(self, ward: Ward):
        letter = ward.write_letter()
        issued = issue(READ, units=[UnitFactory()])
        client = client_of(issued)
        for address in self.addresses(letter):
            assert problem_of(client.get(address), 403)["code"] == "no_care_relation"
        refused = Trace.objects.filter(type="patient.open", outcome="refused")
        assert [one.detail["what"] for one in refused] == ["documents", "document", "cda", "pdf"]
        assert all(one.patient_uid == ward.patient.uid and actor_is(one, issued.token) for one in refused)
        assert not Trace.objects.filter(type="document.view").exists()

    def test_people_read_with_the_right_and_the_relation(self, ward: Ward):
        letter = ward.write_letter()

        def statuses(code: RoleCode, unit: Any) -> set[int]:
            person = AssignmentFactory(role=RoleFactory(code=code), unit=unit).user
            client = sign_in(Client(), person)
            return {client.get(address).status_code for address in self.addresses(letter)}

        assert statuses(RoleCode.SOIGNANT, ward.unit) == {200}
        assert statuses(RoleCode.SOIGNANT, UnitFactory()) == {403}
        assert statuses(RoleCode.SOCIAL, ward.unit) == {403}
        assert statuses(RoleCode.ADMIN_TECHNIQUE, None) == {403}

    def test_what_does_not_exist_is_404(self):
        client = caller(READ)
        for name in ("patient_documents", "document", "version_cda", "version_pdf"):
            assert problem_of(client.get(reverse(f"api:{name}", args=[uuid.uuid4()])), 404)

    def test_a_document_with_a_draft_alone_is_not_there(self, ward: Ward):
        document = DocumentFactory(patient=ward.patient)
        VersionFactory(document=document)
        assert caller(READ).get(reverse("api:document", args=[document.uid])).status_code == 404


class TestReceptions:
    """What arrived from elsewhere, filed or refused."""

    def arrived(self, ward: Ward, **values: Any) -> Reception:
        given = {
            "origin": Origin.MSSANTE,
            "intake": Intake.AUTOMATIC,
            "request": ReceiptRequest.INITIAL,
            "outcome": ReceiptOutcome.REFUSED_IDENTITY,
            "code": "207",
            "unit": ward.unit,
            "actor_login": "pfi",
            "source_address": "expediteur@medecin.example",
        }
        return Reception.objects.create(**given | values)

    def listed(self, client: Client, **query: Any) -> list[dict[str, Any]]:
        answer = client.get(reverse("api:receptions"), query)
        assert answer.status_code == 200, answer.content
        return list(answer.json()["results"])

    def test_filed_and_refused_are_listed_without_who_it_could_be(self, ward: Ward):
        refused = self.arrived(ward, candidate=ward.patient)
        document = DocumentFactory(patient=ward.patient, origins=[Origin.MSSANTE])
        version = ValidatedVersionFactory(document=document, author=None)
        filed = self.arrived(
            ward, outcome=ReceiptOutcome.INTEGRATED, patient=ward.patient, document=document, version=version
        )

        rows = self.listed(caller("receptions:read"))

        assert [row["uid"] for row in rows] == [str(filed.uid), str(refused.uid)]
        assert [row["patient"] for row in rows] == [str(ward.patient.uid), None]
        assert rows[0]["version"] == str(version.uid)
        assert str(ward.patient.uid) not in str(rows[1])
        assert "expediteur@" not in str(rows)

    def test_units_filters_and_trace(self, ward: Ward):
        ours = self.arrived(ward)
        self.arrived(ward, unit=UnitFactory(), origin=Origin.DMP, outcome=ReceiptOutcome.DUPLICATE)
        issued = issue("receptions:read", units=[ward.unit])

        assert [row["uid"] for row in self.listed(client_of(issued))] == [str(ours.uid)]
        trace = Trace.objects.get(type="list.view")
        assert actor_is(trace, issued.token)
        assert trace.detail == {"list": "receptions", "count": 1, "patients": []}
        every = caller("receptions:read", name="siege")
        assert len(self.listed(every)) == 2
        assert len(self.listed(every, outcome="duplicate")) == 1
        assert len(self.listed(every, origin="mssante", unit=ward.unit.code)) == 1
        assert self.listed(every, since="2099-01-01T00:00:00Z") == []

    def test_those_of_a_patient_ask_the_relation(self, ward: Ward):
        self.arrived(ward, outcome=ReceiptOutcome.INTEGRATED, patient=ward.patient)
        client = caller("receptions:read", units=[UnitFactory()])
        answer = client.get(reverse("api:receptions"), {"patient": str(ward.patient.uid)})
        assert problem_of(answer, 403)["code"] == "no_care_relation"
        every = caller("receptions:read", name="siege")
        assert len(self.listed(every, patient=str(ward.patient.uid))) == 1
