"""First page of the sandbox and its panel of faults; who may post forms to it."""

from dataclasses import replace

import httpx
import pytest

from interop.xds import codes as xds
from sandbox.home import DMP_FAULTS, READING_FAULTS
from sandbox.runtime import Sandbox, SandboxSettings
from tests.sandbox.wire import DmpClient


def faults(box: Sandbox) -> str:
    return f"{box.addresses.http_url}/pannes"


def test_the_first_page_leads_to_the_others(box: Sandbox, browser: httpx.Client) -> None:
    page = browser.get(f"{box.addresses.http_url}/")
    for expected in ("/mon-espace-sante/", "/pannes", "Chloé MARTIN", "99700900014"):
        assert expected in page.text


def test_a_fault_is_asked_for_by_hand_and_lifted(
    box: Sandbox, browser: httpx.Client, hospital: DmpClient
) -> None:
    form = {"action": "dmp", "effect": "TD2.1 registry:XDSRepositoryBusy", "times": "2"}
    assert browser.post(faults(box), data=form).status_code == 303
    assert "1 panne(s) du DMP en attente" in browser.get(faults(box)).text
    assert hospital.submit().errors[0][0] == xds.ERROR_REPOSITORY_BUSY
    browser.post(faults(box), data={"action": "clear"})
    assert "répond normalement" in browser.get(faults(box)).text
    assert hospital.submit().is_success


@pytest.mark.parametrize("choice", [*DMP_FAULTS, *READING_FAULTS], ids=lambda choice: choice.value)
def test_every_fault_of_the_panel_exists(box: Sandbox, browser: httpx.Client, choice: object) -> None:
    browser.post(faults(box), data={"action": "dmp", "effect": choice.value, "times": "1"})  # type: ignore[attr-defined]  # a Choice
    assert len(box.dmp.faults.list()) == 1


def test_a_form_made_by_hand_adds_nothing(box: Sandbox, browser: httpx.Client) -> None:
    browser.post(faults(box), data={"action": "dmp", "effect": "melt", "times": "x"})
    assert box.dmp.faults.list() == []


def test_the_provider_is_switched_by_hand(box: Sandbox, browser: httpx.Client) -> None:
    browser.post(faults(box), data={"action": "psc", "down": "on"})
    assert box.psc.switches.down
    assert 'name="down" checked' in browser.get(faults(box)).text
    browser.post(faults(box), data={"action": "psc"})
    assert not box.psc.switches.down


def test_a_form_of_another_site_is_refused(box: Sandbox, browser: httpx.Client) -> None:
    for origin in ("http://evil.example", "null"):
        answer = browser.post(faults(box), data={"action": "clear"}, headers={"Origin": origin})
        assert answer.status_code == 403


def test_the_sandbox_listens_on_loopback_only(settings: SandboxSettings) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(replace(settings, bind="0.0.0.0"))  # noqa: S104 - the address that is refused
