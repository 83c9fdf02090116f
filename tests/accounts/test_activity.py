"""The exercise and activity in which a professional acts for a session (psc 6.4, 20)."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.acting import Acting, Activity, acting_in
from accounts.enums import ProviderKind, RoleCode
from accounts.models import IdentityProvider, User
from accounts.navigation import arrival_url, home_url
from accounts.oidc.arrival import activity_url, linked_url
from accounts.oidc.claims import person_of
from accounts.services import external_identity_link
from accounts.sessions import session_read
from audit.models import Trace
from establishment.models import Unit
from sandbox.runtime import Sandbox
from tests.accounts.conftest import INSTALLER, account
from tests.accounts.walk import log_in

PSC = IdentityProvider(slug="psc", kind=ProviderKind.PSC)
CARDIOLOGY = Activity(
    "10", "SM04", "MARCHAND", "Claire", "SA01", "990000101", "990000010", "HOPITAL DES TROIS RIVIERES", "S"
)
GENERAL = replace(CARDIOLOGY, specialty="SM26", finess_site="990000200", name="HOPITAL SAINT-ROCH")
ACCOUNT = Acting("MARCHAND", "Claire", "10", "SM04")


@pytest.fixture
def marchand(roles: None, unit: Unit) -> User:
    return account("cmarchand", "marchand", RoleCode.PRESCRIPTEUR, unit)


# --- Rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (None, ACCOUNT),
        (CARDIOLOGY, replace(ACCOUNT, sector="SA01")),
        (GENERAL, Acting("MARCHAND", "Claire", "10", "SM26", "SA01")),
        (replace(CARDIOLOGY, specialty=""), replace(ACCOUNT, sector="SA01")),
        (replace(CARDIOLOGY, profession="60", specialty=""), Acting("MARCHAND", "Claire", "60", "", "SA01")),
        (replace(CARDIOLOGY, family_name="", given_name=""), replace(ACCOUNT, sector="SA01")),
        (replace(CARDIOLOGY, sector="SA99"), ACCOUNT),
        (replace(CARDIOLOGY, sector=""), ACCOUNT),
    ],
    ids=[
        "no activity", "as the account", "another specialty", "specialty unsaid", "another profession",
        "names unsaid", "unknown sector", "sector unsaid",
    ],
)  # fmt: skip
def test_what_goes_out_is_of_the_activity_and_else_of_the_account(
    activity: Activity | None, expected: Acting
) -> None:
    assert acting_in(activity, ACCOUNT) == expected


def claims(*exercises: dict[str, Any]) -> dict[str, Any]:
    return {"SubjectNameID": "899700900089", "SubjectRefPro": {"exercices": list(exercises)}}


def test_only_activities_of_this_establishment_count_and_each_once() -> None:
    ours, elsewhere = {"numeroFinessSite": "990000101"}, {"numeroFinessSite": "990000903"}
    legal = {"numeroFinessetablissementJuridique": "990000010"}
    person = person_of(
        PSC,
        {"sub": "s"},
        claims({"codeProfession": "10", "activities": [ours, elsewhere, dict(ours), legal]}),
    )

    found = person.activities_at({"990000101", "990000010"})

    assert [(one.finess_site, one.finess_legal) for one in found] == [("990000101", ""), ("", "990000010")]
    assert person.activities_at({"010000001"}) == ()


def test_the_second_code_of_a_pharmacist_is_the_section_of_the_activity() -> None:
    sections = [{"codeSectionPharmacien": "H"}, {"codeSectionPharmacien": "D"}]
    person = person_of(
        PSC, {"sub": "s"}, claims({"codeProfession": "21", "codeSavoirFaire": "", "activities": sections})
    )

    assert [one.specialty for one in person.activities] == ["H", "D"]
    assert person.activities[0].work == "Pharmacien · Pharmacien d'établissement de santé"


@given(st.builds(Activity, *[st.text(max_size=12)] * 9))
def test_words_are_found_for_any_code(activity: Activity) -> None:
    assert isinstance(activity.work + activity.place + activity.short, str)


# --- The choice -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.33")
def test_of_two_activities_here_one_is_chosen_before_the_first_page(
    browser: Client, box: Sandbox, psc: IdentityProvider, marchand: User
) -> None:
    arrival = activity_url(arrival_url("/compte"))
    assert log_in(browser, box.psc, "marchand", next="/compte")["Location"] == linked_url(arrival)

    assert browser.get("/compte")["Location"] == activity_url("/compte")
    fragment = browser.get("/compte", headers={"hx-request": "true"})
    assert (fragment.status_code, fragment["HX-Redirect"]) == (401, reverse("accounts:activity"))
    assert browser.post(reverse("accounts:sessions_close")).status_code == 401
    shown = browser.get(arrival).content.decode()
    assert "Cardiologie et maladies vasculaires" in shown
    assert "HOPITAL SAINT-ROCH · salarié" in shown
    assert "CABINET DU DR VASSEUR" not in shown, "an activity elsewhere is not offered"

    answer = browser.post(reverse("accounts:activity"), {"activity": "1", "next": arrival_url("/compte")})

    assert answer["Location"] == arrival_url("/compte")
    page = unescape(browser.get("/compte").content.decode())
    assert "Exercice\u202f: Qualifié en Médecine Générale, HOPITAL SAINT-ROCH, salarié" in page
    chosen = Trace.objects.get(type="psc.account.chosen")
    assert (chosen.actor_login, chosen.object_uid) == ("cmarchand", marchand.uid)
    assert chosen.detail["activity"]["specialty"] == "SM26"
    assert chosen.detail["activity"]["finess_site"] == "990000200"
    assert "MARCHAND" not in str(chosen.detail)


@pytest.mark.django_db
def test_the_choice_is_frozen_until_the_session_ends(
    browser: Client, box: Sandbox, psc: IdentityProvider, marchand: User
) -> None:
    log_in(browser, box.psc, "marchand")
    browser.post(reverse("accounts:activity"), {"activity": "1"})

    assert browser.post(reverse("accounts:activity"), {"activity": "0"})["Location"] == home_url()
    browser.post(reverse("accounts:lock_now"))
    assert log_in(browser, box.psc, "marchand", next="/compte")["Location"] == "/compte"

    state = session_read(browser.session)
    assert state is not None and state.activity is not None
    assert state.activity.specialty == "SM26"
    assert Trace.objects.filter(type="psc.account.chosen").count() == 1
    browser.post(reverse("accounts:logout"))
    assert log_in(browser, box.psc, "marchand")["Location"] == activity_url(home_url())


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["2", "-1", "x", "", "٣", "9" * 5000])
def test_what_was_not_offered_is_not_chosen(
    number: str, browser: Client, box: Sandbox, psc: IdentityProvider, marchand: User
) -> None:
    log_in(browser, box.psc, "marchand")

    answer = browser.post(reverse("accounts:activity"), {"activity": number})

    assert answer.status_code == 422
    assert not Trace.objects.filter(type="psc.account.chosen").exists()
    assert browser.get("/compte")["Location"] == activity_url("/compte")


@pytest.mark.django_db
def test_before_the_choice_one_may_lock_and_leave_and_the_api_gives_nothing(
    browser: Client, box: Sandbox, psc: IdentityProvider, marchand: User
) -> None:
    log_in(browser, box.psc, "marchand")

    refused = browser.get("/api/v1/patients")
    assert (refused.status_code, refused.json()["code"]) == (403, "activity")
    browser.post(reverse("accounts:lock_now"))
    assert browser.get("/compte")["Location"].startswith(reverse("accounts:locked"))
    assert log_in(browser, box.psc, "marchand", next="/compte")["Location"] == "/compte"
    assert browser.get("/compte")["Location"] == activity_url("/compte")
    assert browser.post(reverse("accounts:logout"))["Location"] == reverse("accounts:logged_out")


@pytest.mark.django_db
def test_one_activity_asks_nothing_and_is_the_one_that_goes_out(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    User.objects.filter(pk=hoda.pk).update(specialty="SM04")

    assert log_in(browser, box.psc, "hoda")["Location"] == linked_url(home_url())

    assert browser.get(reverse("accounts:activity"))["Location"] == home_url()
    page = browser.get("/compte")
    assert page.context["account"].acting.specialty == "SM26"
    assert "Exercice\u202f:" not in unescape(page.content.decode()), "nothing was chosen"
    assert not Trace.objects.filter(type="psc.account.chosen").exists()


@pytest.mark.django_db
def test_the_choice_of_an_account_comes_first_and_keeps_the_activities(
    browser: Client, box: Sandbox, psc: IdentityProvider, marchand: User, unit: Unit
) -> None:
    second = account("cmarchand2", "marchand", RoleCode.PRESCRIPTEUR, unit)
    for user in (marchand, second):
        external_identity_link(
            user=user, provider=psc, subject="899700900089", method="admin", actor=INSTALLER
        )
    log_in(browser, box.psc, "marchand")

    answer = browser.post(reverse("accounts:choose"), {"account": second.pk})

    assert answer["Location"] == linked_url(activity_url(home_url()))


@pytest.mark.django_db
def test_another_provider_names_no_activity(
    browser: Client, box: Sandbox, hospital_provider: IdentityProvider, marchand: User
) -> None:
    answer = log_in(browser, box.establishment, "marchand", slug="etablissement")

    assert answer["Location"] == linked_url(home_url())
    assert browser.get("/compte").context["account"].acting == ACCOUNT
