"""Reading what the directory answers: odd resources read as absent, hostile bytes refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.annuaire import bundle as reading
from interop.annuaire import codes
from interop.annuaire.bundle import DirectoryFormatError, parse_bundle


def raw(*resources: Any, **extra: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "entry": entries} | extra).encode()


def box(address: str, *, kind: str = "PER", rank: int | None = None, **facts: Any) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"url": "type", "valueCodeableConcept": {"coding": [{"system": codes.SYSTEM_MAILBOX, "code": kind}]}}
    ]
    parts += [{"url": name, **value} for name, value in facts.items()]
    found: dict[str, Any] = {
        "system": "email",
        "value": address,
        "extension": [
            {"url": codes.EXTENSION_MAIL_TYPE, "valueCoding": {"code": codes.MAIL_MSSANTE}},
            {"url": codes.EXTENSION_MAILBOX, "extension": parts},
        ],
    }
    return found if rank is None else found | {"rank": rank}


PERSON: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "003-1",
    "active": True,
    "identifier": [{"system": codes.SYSTEM_RPPS, "value": "99700901202"}],
    "name": [{"family": "ABADIE", "given": ["Florence", "Anne"], "prefix": ["MME"], "suffix": ["DR"]}],
    "telecom": [
        box("second@medecin.mssante.test", rank=2),
        box(
            "Premier@Medecin.mssante.test",
            rank=1,
            digitization={"valueBoolean": False},
            service={"valueString": "Cabinet"},
        ),
        {"system": "email", "value": "privee@exemple.test"},
        {"system": "phone", "value": "0199000000"},
    ],
    "qualification": [
        {"code": {"coding": [{"system": codes.SYSTEM_PROFESSION, "code": "10", "display": "Médecin"}]}},
        {"code": {"coding": [{"system": codes.SYSTEM_SPECIALTY, "code": "SM26", "display": "MG"}]}},
    ],
}


def test_a_person_is_read_with_the_best_mailbox_first() -> None:
    (person,) = parse_bundle(raw(PERSON)).persons
    assert (person.rpps, person.title, person.family, person.given) == (
        "99700901202",
        "DR",
        "ABADIE",
        "Florence Anne",
    )
    assert (person.profession_code, person.profession) == ("10", "Médecin")
    assert (person.specialty_code, person.specialty) == ("SM26", "MG")
    first, second = person.mailboxes
    assert (first.address, first.kind, first.label, first.dematerialised) == (
        "premier@medecin.mssante.test",
        "PER",
        "Cabinet",
        False,
    )
    assert (second.address, second.dematerialised) == ("second@medecin.mssante.test", None)


def test_the_rpps_may_only_stand_in_the_national_identifier() -> None:
    one = PERSON | {"identifier": [{"system": codes.SYSTEM_IDNPS, "value": "899700901202"}]}
    assert parse_bundle(raw(one)).persons[0].rpps == "99700901202"
    odd = PERSON | {"identifier": [{"system": codes.SYSTEM_IDNPS, "value": "0123"}]}
    assert parse_bundle(raw(odd)).persons[0].rpps == ""


def test_a_structure_and_a_situation_are_read() -> None:
    place = {
        "resourceType": "Organization",
        "id": "o1",
        "name": "CLINIQUE",
        "identifier": [{"system": codes.SYSTEM_STRUCTURE, "value": "1990000945"}],
        "address": [{"line": ["17 boulevard", "Bât. B"], "postalCode": "99300", "city": "PORT-MARIN"}],
        "telecom": [box("s@medecin.mssante.test", kind="ORG")],
    }
    role = {
        "resourceType": "PractitionerRole",
        "active": False,
        "practitioner": {"reference": "https://gateway/fhir/v2/Practitioner/003-1"},
        "organization": {"reference": "Organization/o1"},
    }
    found = parse_bundle(raw(place, role))
    (structure,), (situation,) = found.structures, found.situations
    assert (structure.finess, structure.street) == ("990000945", "17 boulevard, Bât. B")
    assert structure.mailboxes[0].kind == "ORG"
    assert (situation.person, situation.structure) == ("Practitioner/003-1", structure.reference)
    assert not situation.is_active


def test_the_finess_is_told_by_its_type_too() -> None:
    coding = {"coding": [{"code": "FINEJ"}]}
    place = {"resourceType": "Organization", "identifier": [{"type": coding, "value": "990000010"}]}
    assert parse_bundle(raw(place)).structures[0].finess == "990000010"
    assert parse_bundle(raw({"resourceType": "Organization"})).structures[0].finess == ""


def test_the_next_page_is_the_link_of_that_name() -> None:
    link = [{"relation": "self", "url": "https://a"}, {"relation": "next", "url": "https://b"}]
    assert parse_bundle(raw(link=link)).next_url == "https://b"
    assert parse_bundle(raw(link=[{"relation": "next", "url": 3}])).next_url == ""
    assert parse_bundle(raw(link=[{"relation": "next", "url": "h" * 5000}])).next_url == ""
    assert parse_bundle(raw()).next_url == ""


def test_what_is_odd_reads_as_absent() -> None:
    odd = {
        "resourceType": "Practitioner",
        "id": 5,
        "name": {"family": "X"},
        "identifier": ["x", {"system": 1, "value": []}],
        "telecom": [{"system": "email", "extension": "x"}, None, box("sans-arobase")],
        "qualification": [{"code": []}, 4],
    }
    (person,) = parse_bundle(raw(odd, {"resourceType": "Device"}, None, "x")).persons
    assert (person.family, person.rpps, person.mailboxes) == ("", "", ())


def test_controls_and_endless_texts_are_cut() -> None:
    name = [{"family": "A\u0000B\u202e" + "C" * 5000, "given": []}]
    (person,) = parse_bundle(raw(PERSON | {"name": name})).persons
    assert person.family.startswith("ABCCC")
    assert len(person.family) == reading.MAX_TEXT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"[]",
        b"\xff\xfe",
        b'{"resourceType": "OperationOutcome"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_bundle_is_refused(body: bytes) -> None:
    with pytest.raises(DirectoryFormatError):
        parse_bundle(body)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ENTRIES", 2)
    with pytest.raises(DirectoryFormatError):
        parse_bundle(raw(PERSON, PERSON, PERSON))
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    with pytest.raises(DirectoryFormatError):
        parse_bundle(raw(PERSON))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["resourceType", "name", "telecom", "identifier", "extension", "url", "value"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"resourceType": st.sampled_from(["Practitioner", "PractitionerRole", "Organization"])},
            optional={
                name: JSON
                for name in ("name", "telecom", "identifier", "address", "qualification", "practitioner")
            },
        ),
        max_size=5,
    )
)
def test_no_resource_breaks_the_reading(resources: list[Any]) -> None:
    parse_bundle(raw(*resources))
