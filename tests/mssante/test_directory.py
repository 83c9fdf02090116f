"""The directory of professionals: searched, kept, picked, checked (SC.MSS/UX.10, F-PV-24, ANN/va1.03)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from accounts.enums import RoleCode
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from audit.models import Trace
from mssante import services
from mssante.criteria import criteria_of
from mssante.enums import AddressSource
from mssante.errors import NoMailbox
from mssante.models import Correspondent, CorrespondentAddress, DirectoryEntry
from mssante.selectors import address_of, correspondents_by_rpps, directory_copy
from mssante.tasks import directory_care
from national.annuaire.memory import DirectoryMemory
from national.annuaire.ports import DirectoryQuery, DirectoryRow
from national.errors import Rejected, RejectionKind, Unavailable
from tests.factories import CorrespondentFactory, LegalEntityFactory
from tests.mssante.directory import CLAIRE, CLINIC, plug_directory
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db
ACTOR = system_actor("tests")
SILENT = Unavailable("L’Annuaire santé ne répond pas.", code="ReadTimeout")
PAGE = "/annuaire/"
ROWS = "/annuaire/resultats"


@pytest.fixture(autouse=True)
def _no_answer_kept() -> None:
    cache.clear()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> DirectoryMemory:
    return plug_directory(monkeypatch)


@pytest.fixture
def secretary() -> Client:
    LegalEntityFactory()
    roles_install()
    user = user_create(login="vpetit", family_name="PETIT", given_name="Vera", actor=ACTOR)
    assignment_give(user=user, role=RoleCode.SECRETAIRE, giver=None, actor=ACTOR)
    return sign_in(Client(), user)


def search(**criteria: str) -> services.DirectoryFound:
    return services.directory_search(DirectoryQuery(**criteria), actor=ACTOR)


def names(found: services.DirectoryFound) -> list[str]:
    return [entry.name for entry in found.entries]


def text_of(answer: object) -> str:
    return " ".join(html.fromstring(answer.content.decode()).text_content().split())  # type: ignore[attr-defined]


# Searching and keeping


def test_an_answer_is_kept_a_day_and_an_empty_one_an_hour(memory: DirectoryMemory) -> None:
    assert names(search(family="bernard")) == ["Dr BERNARD Claire", "Dr BERNARDIN Nathan"]
    assert names(search(family="bernard")) == ["Dr BERNARD Claire", "Dr BERNARDIN Nathan"]
    assert search(family="personne").entries == search(family="personne").entries == []
    assert len(memory.asked) == 2
    assert DirectoryEntry.objects.count() == 2


def test_what_is_kept_ends(memory: DirectoryMemory) -> None:
    assert services.directory.FOUND_SECONDS == 24 * 3600
    assert services.directory.NOT_FOUND_SECONDS == 3600
    search(family="bernard")
    cache.clear()
    memory.rows = [replace(CLAIRE, city="VALMONT")]
    (entry,) = search(family="bernard").entries
    assert entry.city == "VALMONT"
    assert DirectoryEntry.objects.filter(rpps=CLAIRE.rpps).count() == 1


@pytest.mark.requirement("SC.MSS/UX.10")
def test_when_the_directory_is_silent_its_copy_answers(memory: DirectoryMemory) -> None:
    search(family="bernard")
    search(finess="990000945")
    cache.clear()
    memory.failures.extend([SILENT] * 3)
    found = search(family="bernard", profession="10")
    assert (names(found), found.trouble) == (["Dr BERNARD Claire"], SILENT.message)
    assert found.oldest is not None
    assert names(search(structure="clinique", city="port marin")) == ["CLINIQUE DE L'ESTUAIRE"]
    assert search(family="inconnu").entries == []
    assert search(family="inconnu").trouble == ""  # answered this time


@pytest.mark.parametrize(
    ("criteria", "count"),
    [
        ({"rpps": CLAIRE.rpps}, 1),
        ({"given": "clai"}, 1),
        ({"specialty": "SM26"}, 1),
        ({"postal_code": "991"}, 1),
        ({"kind": "ORG"}, 1),
        ({"address": "estuaire"}, 1),
        ({"family": "ernard"}, 0),
        ({"family": "*ernard"}, 2),
    ],
)
def test_the_copy_answers_every_criterion(
    memory: DirectoryMemory, criteria: dict[str, str], count: int
) -> None:
    for finess in ("990000911", "990000945"):
        search(finess=finess)
    assert len(directory_copy(DirectoryQuery(**criteria))) == count


def test_rows_too_long_or_without_identifier_break_nothing(memory: DirectoryMemory) -> None:
    memory.rows = [
        replace(CLAIRE, structure="S" * 300, city="V" * 300),
        replace(CLAIRE, structure="twice"),
        DirectoryRow(family="BERNARD", given="sans identifiant"),
    ]
    (entry,) = search(family="bernard").entries
    assert (len(entry.structure), len(entry.city)) == (200, 80)


def test_a_copy_is_forgotten_after_a_month(memory: DirectoryMemory) -> None:
    search(family="bernard")
    assert services.directory_forget(timezone.now() + timedelta(days=29)) == 0
    assert services.directory_forget(timezone.now() + timedelta(days=31)) == 2


# Picking


@pytest.mark.requirement("SC.MSS/UX.10", "ANN/va1.03")
def test_a_picked_line_is_a_correspondent(memory: DirectoryMemory) -> None:
    (entry, _) = search(family="bernard").entries
    services.directory_pick(entry=entry, actor=ACTOR)
    services.directory_pick(entry=entry, actor=ACTOR)
    one = correspondents_by_rpps([CLAIRE.rpps])[CLAIRE.rpps]
    assert (one.name, one.city, one.accepts_dematerialised) == ("Dr BERNARD Claire", "TROIS-RIVIERES", True)
    address = address_of(one)
    assert address is not None
    assert (address.address, address.source) == (CLAIRE.address, AddressSource.DIRECTORY)
    assert address.verified_at == entry.seen_at
    assert Trace.objects.filter(type="mssante.correspondent").exists()


def test_a_structure_is_picked_with_its_own_mailbox(memory: DirectoryMemory) -> None:
    (entry,) = search(finess="990000945").entries
    address = services.directory_pick(entry=entry, actor=ACTOR)
    assert (address.kind, address.label) == ("ORG", "Secrétariat")
    assert address.correspondent.accepts_dematerialised is False


def test_what_the_directory_does_not_say_stays(memory: DirectoryMemory) -> None:
    CorrespondentFactory(rpps=CLAIRE.rpps, city="Lyon", specialty="Gériatrie", accepts_dematerialised=False)
    memory.rows = [replace(CLAIRE, specialty="", city="", dematerialised=None)]
    (entry,) = search(rpps=CLAIRE.rpps).entries
    services.directory_pick(entry=entry, actor=ACTOR)
    one = Correspondent.objects.get(rpps=CLAIRE.rpps)
    assert (one.specialty, one.city, one.accepts_dematerialised) == ("Gériatrie", "Lyon", False)


def test_nobody_is_picked_without_an_address(memory: DirectoryMemory) -> None:
    (_, entry) = search(family="bernard").entries
    with pytest.raises(NoMailbox):
        services.directory_pick(entry=entry, actor=ACTOR)


# Checking again


def test_an_address_is_looked_for_each_day_and_told_absent_after_three(memory: DirectoryMemory) -> None:
    (entry, _) = search(family="bernard").entries
    address = services.directory_pick(entry=entry, actor=ACTOR)
    CorrespondentFactory(rpps="10000000001", address="parti@medecin.mssante.test")
    day = timezone.now()
    for turn in range(3):
        with time_machine.travel(day + timedelta(days=turn, minutes=turn), tick=False):
            assert directory_care() == 2
            assert directory_care() == 0
    address.refresh_from_db()
    gone = CorrespondentAddress.objects.get(address="parti@medecin.mssante.test")
    assert (address.missed_checks, address.verified_at) == (0, address.checked_at)
    assert (gone.missed_checks, gone.is_active) == (3, True)
    memory.rows.append(replace(CLAIRE, address=gone.address))
    services.address_checked(row=gone, is_known=memory.knows(gone.address, ACTOR))
    gone.refresh_from_db()
    assert gone.missed_checks == 0


def test_a_silent_directory_is_asked_again_later(memory: DirectoryMemory) -> None:
    CorrespondentFactory()
    memory.failures.append(SILENT)
    assert services.addresses_recheck(actor=ACTOR, limit=10) == 0
    assert CorrespondentAddress.objects.get().checked_at is None


def test_an_address_typed_by_a_person_is_not_judged(memory: DirectoryMemory) -> None:
    CorrespondentFactory()
    CorrespondentAddress.objects.update(source=AddressSource.MANUAL)
    assert services.addresses_recheck(actor=ACTOR, limit=10) == 0


# The page


@pytest.mark.requirement("SC.MSS/UX.10", "F-PV-24", "ANN/va1.01")
def test_the_page_asks_by_a_fragment_and_stays_usable(secretary: Client, memory: DirectoryMemory) -> None:
    page = secretary.get(PAGE, {"nom": "bernard", "ville": "trois"})
    tree = html.fromstring(page.content.decode())
    assert not memory.asked
    (late,) = tree.xpath("//*[@data-late]")
    assert late.get("hx-get") == f"{ROWS}?nom=bernard&ville=trois&source=annuaire"
    names_of_controls = {one.get("name") for one in tree.xpath("//form[@class='directory__form']//*[@name]")}
    assert names_of_controls == {
        *("nom", "prenom", "rpps", "profession", "specialite", "structure", "finess", "cp", "ville"),
        *("bal", "adresse", "source"),
    }
    rows = text_of(secretary.get(late.get("hx-get")))
    assert "Dr BERNARD Claire" in rows
    assert CLAIRE.address in rows
    assert "BERNARDIN" not in rows


def test_who_has_no_mailbox_is_greyed_and_cannot_be_added(secretary: Client, memory: DirectoryMemory) -> None:
    answer = secretary.get(ROWS, {"nom": "bernard"})
    tree = html.fromstring(answer.content.decode())
    (off,) = tree.xpath("//tr[contains(@class,'is-off')]")
    assert "Aucune adresse MSSanté publiée" in off.text_content()
    assert not off.xpath(".//form")
    assert len(tree.xpath("//tbody//form")) == 1


def test_paper_is_said_before_one_writes(secretary: Client, memory: DirectoryMemory) -> None:
    assert "Préfère le papier" in text_of(secretary.get(ROWS, {"structure": "clinique"}))


@pytest.mark.requirement("SC.MSS/UX.10")
def test_a_line_is_added_with_and_without_script(secretary: Client, memory: DirectoryMemory) -> None:
    secretary.get(ROWS, {"nom": "bernard"})
    entry = DirectoryEntry.objects.get(rpps=CLAIRE.rpps)
    url = reverse("mssante:pick", args=[entry.uid])
    answer = secretary.post(url, HTTP_HX_REQUEST="true")
    assert "Dans le carnet" in answer.content.decode()
    back = f"{PAGE}?nom=bernard"
    assert secretary.post(url, {"retour": back})["Location"] == back
    for elsewhere in ("https://ailleurs.example/annuaire/", "//ailleurs.example", "/patients/"):
        assert secretary.post(url, {"retour": elsewhere})["Location"] == PAGE
    assert "Dans le carnet" in text_of(secretary.get(ROWS, {"nom": "bernard"}))
    book = secretary.get(ROWS, {"nom": "bernard", "source": "carnet"})
    assert CLAIRE.address in text_of(book)
    assert len(memory.asked) == 1


def test_the_address_book_answers_the_same_criteria(secretary: Client, memory: DirectoryMemory) -> None:
    CorrespondentFactory(
        family_name="ROUX",
        given_name="Karim",
        rpps="10101010202",
        specialty="Qualifié en Médecine Générale (SM)",
        postal_code="69006",
        search_text="ROUX KARIM LYON 3E",
    )
    CorrespondentAddress.objects.update(missed_checks=3)
    for asked in (
        {"nom": "rou"}, {"rpps": "10101010202"}, {"profession": "10"}, {"specialite": "SM26"},
        {"cp": "69"}, {"ville": "lyon"}, {"adresse": "karim"}, {"bal": "PER"},
    ):  # fmt: skip
        rows = text_of(secretary.get(ROWS, asked | {"source": "carnet"}))
        assert "ROUX" in rows, asked
        assert "Absente de l’Annuaire santé" in rows
    for asked in ({"nom": "karim"}, {"specialite": "SM42"}, {"profession": "60"}, {"bal": "ORG"}):
        assert "Personne" in text_of(secretary.get(ROWS, asked | {"source": "carnet"})), asked
    assert not memory.asked


def test_fifty_lines_a_page(secretary: Client, memory: DirectoryMemory) -> None:
    memory.rows = [
        replace(CLAIRE, rpps=f"997{n:08d}", given=f"P{n:03d}", address=f"p{n}@m.test") for n in range(120)
    ]
    first = secretary.get(ROWS, {"nom": "bernard"})
    assert "1 à 50 sur 120" in text_of(first)
    last = secretary.get(ROWS, {"nom": "bernard", "page": "3"})
    assert "101 à 120 sur 120" in text_of(last)
    assert "50 suivants" not in text_of(last)
    assert secretary.get(ROWS, {"nom": "bernard", "page": "9999999"}).status_code == 200
    assert len(memory.asked) == 1


def test_a_silent_directory_is_said_with_the_date_of_the_copy(
    secretary: Client, memory: DirectoryMemory
) -> None:
    memory.failures.append(SILENT)
    assert "ne répond pas. Rien n’a été gardé" in text_of(secretary.get(ROWS, {"nom": "bernard"}))
    search(family="bernard")
    cache.clear()
    refused = Rejected("HTTP_401", kind=RejectionKind.CONFIGURATION, message="Clé refusée.")
    memory.failures.append(refused)
    rows = text_of(secretary.get(ROWS, {"nom": "bernard"}))
    assert "Clé refusée. Voici ce qu’il avait répondu" in rows
    assert "BERNARD" in rows


def test_more_than_can_be_shown_is_said(
    secretary: Client, memory: DirectoryMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = services.DirectoryFound(search(family="bernard").entries, is_cut=True)
    monkeypatch.setattr("mssante.views.directory_search", lambda *_, **__: found)
    assert "précisez la recherche" in text_of(secretary.get(ROWS, {"nom": "bernard"}))


def test_a_criterion_that_says_too_little_is_said_and_asks_nothing(
    secretary: Client, memory: DirectoryMemory
) -> None:
    page = text_of(secretary.get(PAGE, {"nom": "b", "rpps": "12"}))
    assert "Nom : Tapez au moins 2 lettres." in page
    assert "Le RPPS a 11 chiffres." in page
    assert secretary.get(ROWS, {"nom": "b"}).status_code == 404
    assert not memory.asked


def test_without_script_the_page_shows_the_results(secretary: Client, memory: DirectoryMemory) -> None:
    page = secretary.get(PAGE, {"nom": "bernard", "direct": "1"})
    assert "Dr BERNARD Claire" in text_of(page)


def test_an_unknown_line_is_no_page(secretary: Client) -> None:
    assert secretary.post(reverse("mssante:pick", args=[CorrespondentFactory().uid])).status_code == 404


def test_the_words_of_the_page_are_those_of_the_query() -> None:
    assert criteria_of({"nom": "x' or 1=1"}).query.family == "x' or 1=1"
    assert CLINIC.kind == "ORG"
