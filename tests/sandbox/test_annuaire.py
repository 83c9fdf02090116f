"""The directory of the sandbox: as strict and as odd as the real one (spec mssante 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.annuaire.people import listed, places, town_addresses
from sandbox.annuaire.service import UnknownFaultError
from sandbox.runtime import Sandbox

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(box: Sandbox, application: httpx.Client) -> Ask:
    key = Path(box.addresses.annuaire.key_file).read_text().strip()
    base = box.addresses.annuaire.base_url

    def asking(path: str, method: str = "GET", **options: Any) -> httpx.Response:
        return application.request(method, f"{base}/{path}", headers={"ESANTE-API-KEY": key}, **options)

    return asking


def kinds(answer: httpx.Response) -> list[str]:
    return [entry["resource"]["resourceType"] for entry in answer.json().get("entry", [])]


def test_nobody_here_exists_and_everybody_has_a_mailbox_at_the_operator(box: Sandbox) -> None:
    assert len(listed()) + len(places()) >= 60
    assert all(person.rpps.startswith("99700") for person in listed())
    assert len({person.rpps for person in listed()}) == len(listed())
    addresses = [each.address for one in (*listed(), *places()) for each in one.boxes]
    assert all(address.endswith(".test") for address in addresses)
    assert len(set(addresses)) == len(addresses)
    assert all(box.mail.directory.box(address) for address in town_addresses())


def test_a_wrong_key_opens_nothing(box: Sandbox, application: httpx.Client) -> None:
    base = box.addresses.annuaire.base_url
    for headers in ({}, {"ESANTE-API-KEY": "autre"}):
        answer = application.get(f"{base}/Practitioner", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_pages_are_followed_once(ask: Ask) -> None:
    first = ask("Practitioner?_count=20&active=true")
    bundle = first.json()
    assert len(bundle["entry"]) == 20
    (link,) = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
    path = link.partition("/fhir/v2/")[2]
    second = ask(path).json()
    assert second["total"] == bundle["total"] > 40
    assert ask(path).status_code == 410


def test_texts_are_beginnings_and_commas_alternatives(ask: Ask) -> None:
    def families(query: str) -> set[str]:
        entries = ask(f"Practitioner?{query}").json()["entry"]
        return {entry["resource"]["name"][0]["family"] for entry in entries}

    assert families("family=petit") == {"PETIT", "PETITJEAN"}
    assert families("family:exact=PETIT") == {"PETIT"}
    assert families("family:contains=noel") == {"NOEL", "LAMBERT-NOEL"}
    assert families("family=lambert noel,petitjean") == {"PETITJEAN"}
    assert families("identifier=https://rpps.esante.gouv.fr|99700901244") == {"BERNARD"}
    assert families("qualification-code=SM42&family=f") == {"FABRE"}


def test_resources_bring_others_along(ask: Ask) -> None:
    query = "Practitioner?identifier=99700901244&_revinclude=PractitionerRole:practitioner"
    assert kinds(ask(query)) == ["Practitioner", "PractitionerRole"]
    query = "PractitionerRole?practitioner=ps-99700901244&_include=PractitionerRole:practitioner"
    assert kinds(ask(query)) == ["PractitionerRole", "Practitioner"]
    query = "Organization?identifier=990000945&_revinclude=PractitionerRole:organization"
    assert kinds(ask(query))[0] == "Organization"
    assert set(kinds(ask(query))[1:]) == {"PractitionerRole"}


def test_what_the_api_does_not_know_is_refused(ask: Ask) -> None:
    assert ask("Practitioner?city=valmont").status_code == 400
    assert ask("Practitioner?family:regexp=x").status_code == 400
    assert ask("Practitioner?_count=beaucoup").status_code == 400
    assert ask("Device").status_code == 404
    assert ask("Practitioner", "PUT").status_code == 405
    assert kinds(ask("Practitioner/_search", "POST", data={"family": "fabre"})) == ["Practitioner"]


def test_the_pace_is_kept(ask: Ask) -> None:
    assert 429 in {ask("Organization?_count=1").status_code for _ in range(40)}


def test_faults_and_journal_by_the_admin_api(box: Sandbox, ask: Ask) -> None:
    admin = box.addresses.admin_url
    with httpx.Client(trust_env=False) as client:
        added = client.post(f"{admin}annuaire/faults", json={"fault": "unavailable", "times": 2})
        assert added.status_code == 200
        assert ask("Organization?_count=1").status_code == 503
        assert client.delete(f"{admin}annuaire/faults").json() == []
        assert ask("Organization?_count=1").status_code == 200
        assert client.get(f"{admin}annuaire/journal").json()[-1] == "GET /fhir/v2/Organization?_count=1"
        for odd in ({"fault": "rain"}, {"fault": 1}, {"fault": "stall", "times": "x"}, {"times": 1}):
            assert client.post(f"{admin}annuaire/faults", json=odd).status_code == 400
        assert client.get(f"{admin}annuaire/people").status_code == 404
    with pytest.raises(UnknownFaultError):
        box.annuaire.add_fault("rain")
