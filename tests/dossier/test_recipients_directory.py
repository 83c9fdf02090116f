"""A recipient found in the national directory, from the panel (SC.MSS/UX.10, F-PV-24)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from documents.models import Version
from dossier.recipients import MAX_FOUND
from establishment.enums import Switch
from mssante.models import Correspondent, DirectoryEntry
from national.annuaire.memory import DirectoryMemory
from national.annuaire.ports import DirectoryRow
from national.errors import Unavailable
from sending.models import Order
from tests.dossier.conftest import htmx, seen
from tests.dossier.test_letter import form, panel_form, validate_url
from tests.factories import CorrespondentFactory, MailboxFactory, SwitchFactory
from tests.hospital import Ward
from tests.mssante.directory import CLAIRE, plug_directory


@pytest.fixture
def memory(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> DirectoryMemory:
    cache.clear()
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    MailboxFactory()
    return plug_directory(monkeypatch)


def find_url(draft: Version, name: str = "recipients_directory") -> str:
    return reverse(f"dossier:{name}", args=[draft.uid])


def find(doctor: Client, draft: Version, text: str, **answers: Any) -> Any:
    data = form(draft) | answers | {"q": text}
    return seen(doctor.post(find_url(draft), data, headers=htmx("destinataires-annuaire")))


def test_the_panel_offers_the_directory_beside_the_address_book(
    ward: Ward, doctor: Client, memory: DirectoryMemory
) -> None:
    draft = ward.draft()
    data = form(draft) | {"q": "bernard"}
    found = seen(doctor.post(find_url(draft, "recipients_find"), data, headers=htmx("trouves")))
    (button,) = found.all("button[hx-post]")
    assert button.get("hx-post") == find_url(draft)
    assert "Annuaire santé" in button.text_content()
    assert not memory.asked


@pytest.mark.requirement("SC.MSS/UX.10", "F-PV-24")
def test_somebody_picked_in_the_directory_receives_the_letter_and_is_kept(
    ward: Ward, doctor: Client, memory: DirectoryMemory
) -> None:
    draft = ward.draft()
    group = find(doctor, draft, "Claire Bernard")
    (box,) = group.all("input[name=recipient]")
    assert box.get("value").startswith("annuaire:")
    answer = doctor.post(validate_url(draft), panel_form(draft, recipient=["dmp", box.get("value")]))
    assert answer.status_code == 302
    order = Order.objects.get(recipient_rpps=CLAIRE.rpps)
    assert (order.recipient_address, order.recipient_label) == (CLAIRE.address, "Dr BERNARD Claire")
    kept = Correspondent.objects.get(rpps=CLAIRE.rpps)
    assert kept.addresses.get().address == CLAIRE.address


def test_who_has_no_mailbox_cannot_be_ticked(ward: Ward, doctor: Client, memory: DirectoryMemory) -> None:
    group = find(doctor, ward.draft(), "bernard")
    assert len(group.all("input[name=recipient]")) == 1
    (off,) = group.all("label.is-off")
    assert "Dr BERNARDIN Nathan" in off.text_content()
    assert "aucune adresse MSSanté publiée" in off.text_content()


def test_who_is_in_the_address_book_is_not_shown_twice(
    ward: Ward, doctor: Client, memory: DirectoryMemory
) -> None:
    CorrespondentFactory(
        rpps=CLAIRE.rpps, address=CLAIRE.address, search_text="BERNARD CLAIRE TROIS RIVIERES"
    )
    assert not find(doctor, ward.draft(), "bernard").all("input[name=recipient]")


def test_a_silent_directory_is_said_in_the_panel(ward: Ward, doctor: Client, memory: DirectoryMemory) -> None:
    memory.failures.append(Unavailable("L’Annuaire santé ne répond pas.", code="ReadTimeout"))
    assert "L’Annuaire santé ne répond pas." in find(doctor, ward.draft(), "bernard").text


def test_nobody_and_too_many_are_said(ward: Ward, doctor: Client, memory: DirectoryMemory) -> None:
    draft = ward.draft()
    assert "Personne d’autre" in find(doctor, draft, "inconnu").text
    memory.rows = [
        DirectoryRow(rpps=f"997{n:08d}", family="MULTIPLE", given=f"P{n}", address=f"p{n}@m.test")
        for n in range(MAX_FOUND + 1)
    ]
    group = find(doctor, draft, "multiple")
    assert len(group.all("input[name=recipient]")) == MAX_FOUND
    assert "Il y a d’autres réponses" in group.text


def test_without_script_the_panel_comes_back_with_the_directory(
    ward: Ward, doctor: Client, memory: DirectoryMemory
) -> None:
    draft = ward.draft()
    page = seen(doctor.post(find_url(draft), form(draft) | {"q": "bernard"}))
    assert page.all("dialog input[name=recipient][value^=annuaire]")


def test_a_forged_key_sends_nothing(ward: Ward, doctor: Client, memory: DirectoryMemory) -> None:
    find(doctor, ward.draft(), "bernard")
    without = DirectoryEntry.objects.get(address="")
    draft = ward.draft()
    keys = ["dmp", f"annuaire:{without.uid}", "annuaire:x", f"annuaire:{draft.uid}"]
    assert doctor.post(validate_url(draft), panel_form(draft, recipient=keys)).status_code == 302
    assert Order.objects.filter(version=draft).count() == 1
    assert not Correspondent.objects.exists()
