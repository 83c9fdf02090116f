"""The directory through its real adapter against the strict sandbox (ANN/va1.01, 03, 04)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings

from audit.context import system_actor
from establishment.enums import NationalService
from establishment.services import endpoint_set
from national.annuaire import client as wire
from national.annuaire import limiter
from national.annuaire.adapter import DirectoryFhir, spellings
from national.annuaire.client import DirectoryClient, DirectorySettings
from national.annuaire.limiter import Pace
from national.annuaire.memory import DirectoryMemory
from national.annuaire.opening import directory
from national.annuaire.ports import DirectoryQuery, DirectoryRow
from national.annuaire.rows import begins
from national.annuaire.trial import directory_try
from national.calls import CallRecord
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind, Unavailable
from national.models import Call
from national.trials import trial_run
from sandbox.runtime import Sandbox, SandboxSettings
from tests.factories import LegalEntityFactory

ACTOR = system_actor("tests")
HOSPITAL = "990000010"


@dataclass
class Bench:
    box: Sandbox
    shared: Pace
    calls: list[CallRecord] = field(default_factory=list)

    def settings(self, **values: object) -> DirectorySettings:
        addresses = self.box.addresses
        options = {
            "base_url": addresses.annuaire.base_url,
            "key_path": Path(addresses.annuaire.key_file),
            "authorities": Path(addresses.certificates.ca),
        } | values
        return DirectorySettings(**options)  # type: ignore[arg-type]  # a bench of settings

    def adapter(self, **values: object) -> DirectoryFhir:
        return DirectoryFhir(DirectoryClient(self.settings(**values), self.shared), record=self.calls.append)

    def search(self, **criteria: str) -> list[DirectoryRow]:
        return list(self.adapter().search(DirectoryQuery(**criteria), ACTOR).rows)

    def names(self, **criteria: str) -> set[str]:
        return {row.family or row.structure for row in self.search(**criteria)}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("sandbox"))) as box:
        yield box


@pytest.fixture(scope="module")
def shared() -> Iterator[Pace]:
    """One pace for all: the sandbox counts the calls of everybody."""
    key = f"test:{uuid.uuid4()}"
    yield Pace(key=key)
    redis.Redis.from_url(django_settings.REDIS_URL).delete(key)


@pytest.fixture
def bench(started: Sandbox, shared: Pace) -> Iterator[Bench]:
    yield Bench(started, shared)
    started.annuaire.clear()


@pytest.mark.requirement("ANN/va1.01", "ANN/va1.04")
def test_a_person_is_found_by_every_criterion(bench: Bench) -> None:
    (row,) = bench.search(rpps="99700901244")
    assert (row.title, row.family, row.given, row.profession) == ("DR", "BERNARD", "Claire", "Médecin")
    assert row.specialty.startswith("Qualifié en Médecine Générale")
    assert (row.structure, row.finess, row.city) == (
        "MAISON DE SANTE DES TILLEULS",
        "990000911",
        "TROIS-RIVIERES",
    )
    assert (row.address, row.kind, row.dematerialised) == ("claire.bernard@medecin.mssante.test", "PER", True)
    assert bench.names(family="bern") >= {"BERNARD"}
    assert bench.names(family="petit") == {"PETIT", "PETITJEAN"}
    assert bench.names(family="petit", given="bruno") == {"PETITJEAN"}
    assert bench.names(specialty="SM42") == {"FABRE"}
    assert {row.profession for row in bench.search(profession="21")} == {"Pharmacien"}
    assert bench.names(profession="10", specialty="SM04", city="saint-roch") == {"AUBRY", "GAUTIER", "PERRIN"}
    assert bench.names(address="odile.noel") == {"NOEL"}
    assert {row.kind for row in bench.search(kind="ORG")} == {"ORG"}


@pytest.mark.requirement("ANN/va1.03")
def test_a_structure_is_found_with_its_people(bench: Bench) -> None:
    rows = bench.search(finess="990000945")
    assert "CLINIQUE DE L'ESTUAIRE" in {row.structure for row in rows if not row.family}
    assert {"BERTHIER", "MOREL"} <= {row.family for row in rows}
    assert {row.finess for row in bench.search(structure="clinique")} == {"990000945"}
    assert {row.postal_code for row in bench.search(postal_code="993")} == {"99300"}
    assert bench.names(city="port marin", kind="ORG") == {
        "CLINIQUE DE L'ESTUAIRE",
        "LABORATOIRE DE L'ESTUAIRE",
    }
    assert bench.names(address="secretariat.estuaire") == {"CLINIQUE DE L'ESTUAIRE"}
    assert bench.search(finess="990009999") == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"given": "elise"}, "GAUTIER"),
        ({"family": "d’angelo"}, "D'ANGELO"),
        ({"family": "de-la-tour"}, "DE LA TOUR"),
        ({"family": "lambert noel"}, "LAMBERT-NOEL"),
        ({"given": "jean luc"}, "AUBRY"),
        ({"family": "*noel"}, "LAMBERT-NOEL"),
    ],
)
def test_a_name_is_found_however_it_is_written(bench: Bench, typed: dict[str, str], found: str) -> None:
    assert found in bench.names(**typed)


def test_who_has_no_mailbox_is_told_after_the_others(bench: Bench) -> None:
    rows = bench.search(finess="990000911", profession="10")
    with_address = [bool(row.address) for row in rows]
    assert with_address == sorted(with_address, reverse=True)
    assert "BLANCHET" in {row.family for row in rows if not row.address}


def test_pages_are_followed_and_too_many_are_cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("national.annuaire.adapter.PAGE", "5")
    answer = bench.adapter().search(DirectoryQuery(profession="10", postal_code="99"), ACTOR)
    assert answer.is_cut
    assert len(answer.rows) >= 20
    monkeypatch.setattr("national.annuaire.adapter.PAGE", "20")
    whole = bench.adapter().search(DirectoryQuery(profession="10"), ACTOR)
    assert not whole.is_cut
    assert len(whole.rows) > len(answer.rows)


def test_people_beyond_the_limit_are_said_to_be_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("national.annuaire.adapter.MAX_PEOPLE", 3)
    answer = bench.adapter().search(DirectoryQuery(finess="990000911"), ACTOR)
    assert answer.is_cut
    assert len([row for row in answer.rows if row.family]) == 3


def test_an_address_is_known_or_not(bench: Bench) -> None:
    adapter = bench.adapter()
    assert adapter.knows("Claire.Bernard@medecin.mssante.test", ACTOR)
    assert adapter.knows("secretariat.estuaire@medecin.mssante.test", ACTOR)
    assert not adapter.knows("claire.bernard@medecin.mssante", ACTOR)
    assert [call.transaction for call in bench.calls] == ["check", "check", "check"]


def test_a_search_leaves_one_call_without_what_was_searched(bench: Bench) -> None:
    bench.search(family="bernard", postal_code="99100")
    (record,) = bench.calls
    assert record.service is NationalService.ANNUAIRE
    assert record.transaction == "search"
    assert "bernard" not in repr(record).lower()


def test_a_search_names_something(bench: Bench) -> None:
    with pytest.raises(ValueError, match="names something"):
        bench.adapter().search(DirectoryQuery(), ACTOR)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttle", "HTTP_429"),
        ("unavailable", "HTTP_503"),
        ("malformed", "UNREADABLE"),
        ("elsewhere", "UNREADABLE"),
        ("reset", "RemoteProtocolError"),
        ("stall", "ReadTimeout"),
    ],
)
def test_what_goes_wrong_on_the_line_is_unavailable(bench: Bench, fault: str, code: str) -> None:
    bench.box.annuaire.add_fault(fault)
    seconds = 1.0 if fault == "stall" else 20.0
    with pytest.raises(Unavailable) as caught:
        bench.adapter(search_seconds=seconds).search(DirectoryQuery(city="valmont"), ACTOR)
    assert caught.value.code == code
    assert bench.calls[0].outcome is CallOutcome.UNAVAILABLE


def test_a_person_waits_eight_seconds_at_most() -> None:
    assert wire.SEARCH_SECONDS == 8.0


def test_a_revoked_key_is_a_matter_of_configuration(bench: Bench, tmp_path: Path) -> None:
    bench.box.annuaire.add_fault("forbidden")
    (tmp_path / "key").write_text("une-autre\n")
    (tmp_path / "odd").write_text("une\nautre\n")
    with pytest.raises(Rejected) as revoked:
        bench.adapter().knows("x@y.test", ACTOR)
    assert (revoked.value.code, revoked.value.kind) == ("HTTP_403", RejectionKind.CONFIGURATION)
    for name, code in (("key", "HTTP_401"), ("odd", "SECRET_UNREADABLE"), ("none", "SECRET_UNREADABLE")):
        with pytest.raises(Rejected) as caught:
            bench.adapter(key_path=tmp_path / name).knows("x@y.test", ACTOR)
        assert (caught.value.code, caught.value.kind) == (code, RejectionKind.CONFIGURATION)


def test_authorities_that_cannot_be_read_are_said(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        bench.adapter(authorities=tmp_path / "none.pem").knows("x@y.test", ACTOR)
    assert caught.value.kind is RejectionKind.CONFIGURATION


def test_a_search_refused_by_the_api_is_ours_to_mend(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("national.annuaire.adapter._BOX", "mailbox-mssante")
    with pytest.raises(Rejected) as caught:
        bench.adapter().knows("x@y.test", ACTOR)
    assert (caught.value.code, caught.value.kind) == ("HTTP_400", RejectionKind.DATA)


def test_an_endless_answer_is_cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BYTES", 200)
    with pytest.raises(Unavailable):
        bench.search(family="bernard")


def test_the_directory_is_called_over_https_alone(bench: Bench) -> None:
    with pytest.raises(ValueError, match="https"):
        bench.settings(base_url="http://localhost/")


@pytest.mark.parametrize(
    "link",
    [
        "http://localhost:1/fhir/v2/_page",
        "https://localhost:2/fhir/v2/_page",
        "https://localhost:1/fhir/v20/_page",
        "https://localhost:1/fhir/v2/../secret",
        "https://clé@localhost:1/fhir/v2/_page",
    ],
)
def test_the_key_leaves_to_nobody_else(link: str) -> None:
    settings = DirectorySettings("https://localhost:1/fhir/v2", Path("key"))
    with pytest.raises(Unavailable):
        DirectoryClient(settings, Pace())._checked(link)


def test_spellings_are_alternatives() -> None:
    assert spellings("l’hay-les roses") == [
        "l'hay-les roses",
        "l'hay-les-roses",
        "l'hay les roses",
        "l hay-les roses",
    ]
    assert begins("LAMBERT-NOEL", "*noël")
    assert not begins("LAMBERT-NOEL", "noël")
    assert begins("X", "")


# Pace


@pytest.fixture
def pace() -> Iterator[Pace]:
    key = f"test:{uuid.uuid4()}"
    yield Pace(key=key)
    redis.Redis.from_url(django_settings.REDIS_URL).delete(key)


def test_all_processes_share_fifteen_calls_a_second(pace: Pace) -> None:
    other = Pace(key=pace._key)
    waits = [(pace if turn % 2 else other).reserve(60) for turn in range(47)]
    assert waits[0] == waits[1] == 0
    assert waits[-1] == pytest.approx(45 / limiter.RATE, abs=0.3)


def test_a_moment_too_far_is_not_reserved(pace: Pace) -> None:
    for _ in range(4):
        pace.reserve(60)
    assert pace.reserve(0.01) is None
    assert pace.reserve(60) is not None


def test_without_redis_a_process_keeps_to_its_own_pace() -> None:
    alone = Pace(url="redis://127.0.0.1:1/0")
    assert alone.reserve(60) == 0
    wait = alone.reserve(60)
    assert wait is not None
    assert wait > 0.2
    assert alone.reserve(0.01) is None


def test_a_search_that_cannot_have_its_turn_says_so(bench: Bench) -> None:
    class Busy(Pace):
        def reserve(self, longest: float) -> float | None:
            return None

    adapter = DirectoryFhir(DirectoryClient(bench.settings(), Busy()), record=bench.calls.append)
    with pytest.raises(Unavailable) as caught:
        adapter.knows("x@y.test", ACTOR)
    assert caught.value.code == wire.TOO_FAST


# Configuration of the installation


@pytest.fixture
def configured(db: None, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    LegalEntityFactory()
    monkeypatch.setattr("national.annuaire.opening._pace", lambda: bench.shared)

    def setting(**values: str | bool) -> None:
        addresses = bench.box.addresses
        endpoint_set(
            service=NationalService.ANNUAIRE,
            actor=ACTOR,
            **{
                "base_url": addresses.annuaire.base_url,
                "ca_path": addresses.certificates.ca,
                "api_key_path": addresses.annuaire.key_file,
                "is_enabled": True,
            }
            | values,
        )

    return setting


def test_the_installation_reaches_the_directory_and_tries_it(configured: Callable[..., None]) -> None:
    configured()
    assert directory().knows("claire.bernard@medecin.mssante.test", ACTOR)
    assert directory_try("", ACTOR).passed
    assert list(Call.objects.values_list("transaction", "outcome")) == [("check", "success")] * 2


def test_a_directory_that_is_stopped_is_none(configured: Callable[..., None]) -> None:
    configured(is_enabled=False)
    result = trial_run(NationalService.ANNUAIRE, ACTOR)
    assert (result.passed, result.code) == (False, "NOT_CONFIGURED")


def test_an_address_that_is_not_https_is_refused(configured: Callable[..., None]) -> None:
    configured(base_url="http://localhost/")
    with pytest.raises(Rejected) as caught:
        directory()
    assert caught.value.code == "ADDRESS_UNUSABLE"


def test_the_directory_in_memory_answers_the_same_questions() -> None:
    memory = DirectoryMemory([DirectoryRow(family="PETIT", rpps="1", city="VALMONT", address="p@m.test")])
    assert memory.search(DirectoryQuery(family="pet", city="val"), ACTOR).rows
    assert not memory.search(DirectoryQuery(family="pet", city="par"), ACTOR).rows
    assert not memory.search(DirectoryQuery(rpps="2"), ACTOR).rows
    assert memory.knows("P@m.test", ACTOR)
    memory.failures.append(Unavailable("x", code="X"))
    with pytest.raises(Unavailable):
        memory.knows("p@m.test", ACTOR)
    assert len(memory.asked) == 5
