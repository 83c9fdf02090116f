"""The API as a whole: its schema, its problems, what is not there (security 9 A05, 10.6; RFC 9457)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import path, reverse
from rest_framework import serializers
from rest_framework.views import APIView

from accounts.access import requires, signed_in
from accounts.api import limits
from accounts.api.inputs import Input, body_of
from accounts.api.views import ApiView
from accounts.scopes import SCOPES, permissions_of
from audit.errors import ApplicationError
from dpi.api.problems import SENTENCES, TITLES
from dpi.api.urls import app_name  # noqa: F401 - the namespace of the addresses below
from dpi.urls import handler404, handler500  # noqa: F401 - the map below answers as the product does
from dpi.urls import urlpatterns as product
from interop.ins.codes import TEST_INS_OIDS
from patients.errors import AccessRefused, SearchRefused
from sending.enums import OrderState
from tests.calling import caller, issue, post, problem_of
from tests.hospital import ward_rows
from tests.shared import CHECKOUT

SNAPSHOT = CHECKOUT / "docs" / "interfaces" / "openapi.yaml"


def generated(folder: Path) -> str:
    """The schema, checked against OpenAPI; a warning is an error."""
    file = folder / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    return file.read_text("utf-8")


class TestSchema:
    def test_it_is_valid_and_the_one_that_was_reviewed(self, tmp_path: Path):
        """`DPI_NOTE_SCHEMA=1 pytest tests/dpi/test_api.py` writes it again; its difference is reviewed."""
        text = generated(tmp_path)
        if os.environ.get("DPI_NOTE_SCHEMA"):
            SNAPSHOT.write_text(text, "utf-8")
        assert text == SNAPSHOT.read_text("utf-8"), "the contract changed: write it again and review it"

    @pytest.mark.django_db
    def test_it_is_served_to_callers_as_it_was_reviewed(self):
        answer = caller("patients:read").get(reverse("api:schema"))

        assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
        assert answer.json() == yaml.safe_load(SNAPSHOT.read_text("utf-8"))

    def test_every_operation_says_in_french_what_it_does_and_what_it_asks(self):
        schema = yaml.safe_load(SNAPSHOT.read_text("utf-8"))
        for address, methods in schema["paths"].items():
            for method, operation in methods.items():
                assert operation["summary"] and operation["description"], (address, method)
                assert {"401", "403", "429"} <= set(operation["responses"])
                assert operation["security"] == [{"jeton": []}, {"session": []}]
                assert "x-permissions" in operation or operation["tags"] == ["Accès"]

    def test_no_internal_key_is_in_it(self):
        schema = yaml.safe_load(SNAPSHOT.read_text("utf-8"))
        for name, component in schema["components"]["schemas"].items():
            assert not {"id", "pk"} & set(component.get("properties", {})), name


class Posted(Input):
    """A body of the tests."""

    label = serializers.CharField(max_length=5)
    count = serializers.IntegerField(required=False)


class UnstableCode(ApplicationError):
    """Its code is made of data."""


REFUSALS: dict[str, Exception] = {
    "closed": AccessRefused("Dossier fermé.", code="no_care_relation"),
    "search": SearchRefused("Précisez.", code="too_few_criteria"),
    "state": UnstableCode("Pas maintenant.", code="store:12ab"),
    "defect": ZeroDivisionError("secret of the code"),
}


@requires("patients.search")
class Sample(ApiView):
    limit = limits.EXPORTS

    def get(self, request: Any, kind: str) -> Any:
        raise REFUSALS[kind]

    def post(self, request: Any, kind: str) -> Any:
        body_of(request, Posted)
        raise REFUSALS[kind]


@signed_in()
class NotOurs(APIView):
    """A view of the framework that nobody derived from ours."""

    def get(self, request: Any) -> Any:
        raise AssertionError("never reached")


class Undeclared(ApiView):
    def get(self, request: Any) -> Any:
        raise AssertionError("never reached")


urlpatterns = [
    path("api/v1/sample/<str:kind>", Sample.as_view(), name="sample"),
    path("api/v1/not-ours", NotOurs.as_view(), name="not_ours"),
    path("api/v1/undeclared", Undeclared.as_view(), name="undeclared"),
    *product,
]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestProblems:
    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("closed", 403, "no_care_relation"),
            ("search", 422, "too_few_criteria"),
            ("state", 409, "unstable_code"),
        ],
    )
    def test_an_expected_refusal_keeps_its_sentence(self, kind: str, status: int, code: str):
        found = problem_of(caller().get(f"/api/v1/sample/{kind}"), status)
        assert (found["code"], found["detail"]) == (code, str(REFUSALS[kind]))

    def test_a_defect_says_nothing_of_itself(self):
        client = caller()
        client.raise_request_exception = False
        answer = client.get("/api/v1/sample/defect")
        assert problem_of(answer, 500)["code"] == "server_error"
        assert b"secret" not in answer.content

    def test_each_field_that_does_not_suit_is_named(self):
        wrong = {"label": "beaucoup trop", "count": "deux"}
        answer = post(caller(), "/api/v1/sample/state", wrong | {"autre": 1})
        unknown = problem_of(answer, 400)
        assert unknown["errors"] == [{"field": "autre", "code": "unknown", "detail": "Champ inconnu."}]

        answer = post(caller(), "/api/v1/sample/state", wrong)
        errors = {one["field"]: one["code"] for one in problem_of(answer, 400)["errors"]}
        assert errors == {"label": "max_length", "count": "invalid"}

    def test_the_sentences_of_the_framework_are_french(self):
        answer = post(caller(), "/api/v1/sample/state", {})
        assert problem_of(answer, 400)["errors"][0]["detail"] == "Ce champ est obligatoire."

    @pytest.mark.parametrize(
        ("content", "media_type", "status", "code"),
        [
            ("{", "application/json", 400, "parse_error"),
            ("[]", "application/json", 400, "invalid"),
            ('"a"', "application/json", 400, "invalid"),
            ("null", "application/json", 400, "invalid"),
            ("a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
            ("<a/>", "application/xml", 415, "unsupported_media_type"),
            ('{"label": "\\u0000"}', "application/json", 400, "invalid"),
            ('{"label": "\\ud800"}', "application/json", 400, "invalid"),
            ("[" * 60_000, "application/json", 400, "parse_error"),
            ("[" * 100_000, "application/json", 413, "body_too_large"),
            (b'{"label": "\xff"}', "application/json", 400, "parse_error"),
            ('{"count": NaN}', "application/json", 400, "parse_error"),
            ('{"count": ' + "9" * 5000 + "}", "application/json", 400, "parse_error"),
        ],
    )
    def test_a_body_that_is_no_json_object_is_refused(
        self, content: str, media_type: str, status: int, code: str
    ):
        answer = caller().post("/api/v1/sample/state", content, content_type=media_type)
        assert problem_of(answer, status)["code"] == code

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
    def test_a_method_that_is_not_there(self, method: str):
        answer = getattr(caller(), method)("/api/v1/sample/state")
        assert problem_of(answer, 405)["code"] == "method_not_allowed"
        assert set(answer["Allow"].split(", ")) == {"GET", "HEAD", "POST"}

    def test_an_address_that_is_not_there(self):
        assert problem_of(caller().get("/api/v1/nothing/here"), 404)["code"] == "not_found"
        assert problem_of(caller().get("/api/v2/patients"), 404)["code"] == "not_found"
        assert problem_of(Client().get("/api/v1/nothing"), 401)["code"] == "not_authenticated"

    def test_a_limit_is_said_with_its_delay(self, settings: Any):
        settings.API_EXPORTS_PER_HOUR = 2
        client = caller()
        assert [client.get("/api/v1/sample/state").status_code for _ in range(3)] == [409, 409, 429]

        answer = client.get("/api/v1/sample/state")
        assert problem_of(answer, 429)["code"] == "throttled"
        assert 1 <= int(answer["Retry-After"]) <= 3600
        assert client.get(reverse("api:me")).status_code == 200

    def test_a_limit_is_that_of_one_caller(self, settings: Any):
        settings.API_CALLS_PER_MINUTE = 1
        first, second = caller(), caller()
        answers = [one.get(reverse("api:me")).status_code for one in (first, second, first, second)]
        assert answers == [200, 200, 429, 429]

    def test_an_answer_is_kept_by_no_cache_and_runs_nothing(self):
        answer = caller().get(reverse("api:me"))
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestDefaultDeny:
    def test_a_view_that_is_not_ours_is_no_way_around_the_login(self):
        assert Client().get("/api/v1/not-ours").status_code in (302, 401)
        assert caller().get("/api/v1/not-ours").status_code in (302, 401)

    def test_an_endpoint_that_declares_nothing_is_closed_to_everybody(self):
        assert caller().get("/api/v1/undeclared").status_code == 403


@pytest.mark.django_db
@pytest.mark.faults
def test_without_redis_software_keeps_calling(settings: Any, tmp_path: Path):
    from django.core.cache import caches

    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/gone.sock"}}
    caches["default"].close()
    client = caller("patients:read")
    assert client.get(reverse("api:me")).status_code == 200
    assert client.get(reverse("api:me"), headers={"authorization": "Bearer x"}).status_code == 401


class TestPage:
    """docs/interfaces/api.md says what the code does."""

    def text(self) -> str:
        return (CHECKOUT / "docs" / "interfaces" / "api.md").read_text("utf-8")

    def test_it_lists_every_scope(self):
        rows = dict(re.findall(r"^\| `([a-z]+:[a-z]+)` \| (.+) \|$", self.text(), re.M))
        assert rows == {name: scope.label for name, scope in SCOPES.items()}

    def test_it_lists_every_status_and_code_of_the_framework(self):
        text = self.text()
        rows = re.findall(r"^\| ([0-9, ]+) \|", text, re.M)
        listed = {int(number) for row in rows for number in row.split(",")}
        assert listed <= set(TITLES)
        assert all(f"`{code}`" in text for code in SENTENCES)

    def test_it_lists_every_address_with_the_scope_that_opens_it(self):
        schema = yaml.safe_load(SNAPSHOT.read_text("utf-8"))
        rows = dict(re.findall(r"^\| (`(?:GET|POST) .+?) \| (.*?) \|", self.text(), re.M))
        listed = {}
        for cell, scopes in rows.items():
            method, _, first = cell.split("`")[1].partition(" ")
            for number, name in enumerate(re.findall(r"`(?:GET |POST )?([^`]+)`", cell)):
                parent = first.rpartition("/")[0]
                listed[f"{method} {first if number == 0 else parent + '/' + name.strip('…/')}"] = scopes
        for address, operations in schema["paths"].items():
            for method, operation in operations.items():
                name = re.sub(r"\{\w+\}", "{uid}", address.removeprefix("/api/v1/"))
                scopes = re.findall(r"`([a-z:]+)`", listed.pop(f"{method.upper()} {name}"))
                wanted = set(operation.get("x-permissions", ()))
                assert wanted <= permissions_of(scopes), (address, method)
        assert not listed

    @pytest.mark.django_db(transaction=True)
    def test_its_calls_are_answered(self, live_server: Any, settings: Any, tmp_path: Path):
        """The very lines of the page, by curl, against a server."""
        settings.DOCUMENT_STORE = tmp_path / "documents"
        settings.INS_ALLOWED_OIDS = sorted(TEST_INS_OIDS)
        ward = ward_rows()
        letter = ward.write_letter()
        lines = [block for block in re.findall(r"```\n(.*?)```", self.text(), re.S) if "$API" in block]
        done = subprocess.run(
            ["bash", "-eu", "-c", "".join(lines)],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "API": f"{live_server.url}/api/v1",
                "JETON": issue().text,
                "PATIENT": str(ward.patient.uid),
                "EPISODE": str(ward.episode.uid),
                "VERSION": str(letter.uid),
                "ENVOI": str(letter.orders.get().uid),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "lettre.pdf").read_bytes().startswith(b"%PDF-")
        assert letter.orders.get().state == OrderState.CANCELLED
        assert done.stdout.count(str(ward.patient.uid)) > 2
