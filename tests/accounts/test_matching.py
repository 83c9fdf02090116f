"""Which account a national identity opens (psc 7; SC.PSC.08)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import AccountKind, LinkMethod, RequestState, RoleCode
from accounts.errors import AccountError
from accounts.models import AccessRequest, ExternalIdentity, IdentityProvider, LoginSession, User
from accounts.navigation import arrival_url, home_url
from accounts.oidc.arrival import linked_url
from accounts.rules import Candidate, Match, match_accounts
from accounts.services import (
    access_request_decide,
    assignment_give,
    external_identity_link,
    external_identity_unlink,
    password_set,
    user_create,
    user_suspend,
)
from audit.models import Trace
from establishment.models import Unit
from sandbox.runtime import Sandbox
from tests.accounts.conftest import INSTALLER, STRONG_PASSWORD, account
from tests.accounts.walk import log_in


def candidate(number: int, **values: object) -> Candidate:
    return Candidate(
        **{"id": number, "is_active": True, "kind": AccountKind.NOMINATIVE, "privileged": False} | values
    )


GOOD, OTHER = candidate(1), candidate(2)
CASES = [
    ("one link", [GOOD], [], {}, Match.LOGIN, (1,)),
    ("a link wins over another account of the RPPS", [GOOD], [GOOD, OTHER], {}, Match.LOGIN, (1,)),
    ("several links", [GOOD, OTHER], [], {}, Match.CHOOSE, (1, 2)),
    ("several links, one suspended", [GOOD, candidate(2, is_active=False)], [], {}, Match.LOGIN, (1,)),
    ("a link to a suspended account", [candidate(1, is_active=False)], [OTHER], {}, Match.INACTIVE, ()),
    ("a link to what became an admin account", [candidate(1, privileged=True)], [], {}, Match.INACTIVE, ()),
    ("one account of the RPPS", [], [GOOD], {}, Match.LINK, (1,)),
    ("one account, automatic link off", [], [GOOD], {"autolink": False}, Match.PROVE, (1,)),
    ("several accounts of the RPPS", [], [GOOD, OTHER], {}, Match.PROVE, (1, 2)),
    ("none", [], [], {}, Match.NONE, ()),
    ("an administration account alone", [], [candidate(1, privileged=True)], {}, Match.NONE, ()),
    ("a generic account alone", [], [candidate(1, kind=AccountKind.TRAINING)], {}, Match.NONE, ()),
    ("a suspended account alone", [], [candidate(1, is_active=False)], {}, Match.INACTIVE, ()),
    ("bound to another identity", [], [candidate(1, linked_elsewhere=True)], {}, Match.CONFLICT, ()),
    ("two RPPS in the claims", [GOOD], [GOOD], {"claims_agree": False}, Match.CONFLICT, ()),
]


@pytest.mark.parametrize(
    ("linked", "by_rpps", "options", "outcome", "accounts"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
@pytest.mark.requirement("SC.PSC.08")
def test_the_table_of_matching(
    linked: list[Candidate],
    by_rpps: list[Candidate],
    options: dict[str, bool],
    outcome: Match,
    accounts: tuple[int, ...],
) -> None:
    result = match_accounts(linked, by_rpps, **{"autolink": True, "claims_agree": True} | options)

    assert (result.outcome, result.accounts) == (outcome, accounts)


@pytest.mark.django_db
def test_an_unverified_rpps_matches_nothing(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    User.objects.filter(pk=hoda.pk).update(rpps_verified_at=None)

    assert log_in(browser, box.psc, "hoda")["Location"] == reverse("accounts:no_account")


@pytest.mark.django_db
def test_a_suspended_account_is_refused_without_a_word_more(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    user_suspend(user=hoda, actor=INSTALLER)

    answer = log_in(browser, box.psc, "hoda")

    assert answer.status_code == 403
    assert "PSC-05" in answer.content.decode()
    assert "suspendu" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.requirement("SC.PSC.08")
def test_of_two_accounts_the_person_proves_one_by_its_password(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User, unit: Unit
) -> None:
    second = account("ahoda2", "hoda", RoleCode.PRESCRIPTEUR, unit)
    password_set(user=second, password=STRONG_PASSWORD, actor=INSTALLER)
    page = log_in(browser, box.psc, "hoda")
    assert page["Location"] == reverse("accounts:choose")
    shown = browser.get(page["Location"]).content.decode()
    assert "ahoda2" in shown
    assert "Demander le rattachement" in shown

    wrong = browser.post(page["Location"], {"account": second.pk, "password": "x"})
    right = browser.post(page["Location"], {"account": second.pk, "password": STRONG_PASSWORD})

    assert wrong.status_code == 422
    assert right.status_code == 302
    link = ExternalIdentity.objects.get()
    assert (link.user, link.method) == (second, LinkMethod.CHOICE)
    assert right["Location"] == linked_url(home_url())
    assert (
        "Vous avez prouvé ce compte par son mot de passe" in browser.get(right["Location"]).content.decode()
    )
    session = LoginSession.objects.get()
    assert (session.user, session.assurance) == (second, "psc:eidas3:CARD")
    assert Trace.objects.filter(type="psc.account.chosen").count() == 1


@pytest.mark.django_db
@pytest.mark.requirement("SC.PSC.08")
def test_an_account_without_password_is_linked_by_an_administrator(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User, unit: Unit, administrator: User
) -> None:
    account("ahoda2", "hoda", RoleCode.PRESCRIPTEUR, unit)
    log_in(browser, box.psc, "hoda")
    sent = browser.post(reverse("accounts:choose"), {"account": hoda.pk})
    assert "attend la décision" in sent.content.decode()
    assert not LoginSession.objects.exists()

    request = AccessRequest.objects.get()
    access_request_decide(
        request=request, state=RequestState.ACCEPTED, decider=administrator, actor=administrator.as_actor()
    )

    assert log_in(browser, box.psc, "hoda").status_code == 302
    assert LoginSession.objects.get().user == hoda
    with pytest.raises(AccountError, match="déjà été traitée"):
        access_request_decide(
            request=request, state=RequestState.REFUSED, decider=administrator, actor=INSTALLER
        )


@pytest.mark.django_db
def test_an_account_that_was_not_offered_cannot_be_chosen(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User, lemaire: User, unit: Unit
) -> None:
    account("ahoda2", "hoda", RoleCode.PRESCRIPTEUR, unit)
    password_set(user=lemaire, password=STRONG_PASSWORD, actor=INSTALLER)
    log_in(browser, box.psc, "hoda")

    answer = browser.post(reverse("accounts:choose"), {"account": lemaire.pk, "password": STRONG_PASSWORD})

    assert answer.status_code == 200
    assert not ExternalIdentity.objects.exists()
    assert not LoginSession.objects.exists()


@pytest.mark.django_db
@pytest.mark.requirement("SC.PSC.08")
def test_one_identity_linked_to_two_accounts_chooses_each_time(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User, unit: Unit
) -> None:
    second = account("ahoda2", "hoda", RoleCode.PRESCRIPTEUR, unit)
    for user in (hoda, second):
        external_identity_link(
            user=user, provider=psc, subject="899700900014", method=LinkMethod.ADMIN, actor=INSTALLER
        )

    assert log_in(browser, box.psc, "hoda", next="/compte")["Location"] == reverse("accounts:choose")
    answer = browser.post(reverse("accounts:choose"), {"account": second.pk})

    assert answer["Location"] == linked_url(arrival_url("/compte"))
    assert LoginSession.objects.get().user == second
    browser.post(reverse("accounts:lock_now"))
    assert log_in(browser, box.psc, "hoda", next="/compte")["Location"] == "/compte"
    assert "ahoda2" in browser.get("/compte").content.decode()


@pytest.mark.django_db
def test_a_person_without_rpps_needs_a_link_by_the_administrator(
    browser: Client, box: Sandbox, psc: IdentityProvider, roles: None, unit: Unit
) -> None:
    clerk = user_create(login="droux", family_name="ROUX", given_name="Denis", actor=INSTALLER)
    assignment_give(user=clerk, role=RoleCode.ADMISSION, giver=None, actor=INSTALLER, unit=unit)
    assert log_in(browser, box.psc, "roux")["Location"] == reverse("accounts:no_account")

    external_identity_link(
        user=clerk, provider=psc, subject="3990000010/DROUX", method=LinkMethod.ADMIN, actor=INSTALLER
    )

    assert log_in(browser, box.psc, "roux")["Location"] == linked_url(home_url())
    assert (
        "L’administrateur des comptes a fait ce rattachement" in browser.get(linked_url("/")).content.decode()
    )
    assert LoginSession.objects.get().user == clerk


@pytest.mark.django_db
def test_a_withdrawn_link_opens_nothing_by_itself(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    link = ExternalIdentity.objects.get()
    User.objects.filter(pk=hoda.pk).update(rpps="", rpps_source="", rpps_verified_at=None)

    external_identity_unlink(identity=link, actor=INSTALLER, reason="erreur")
    browser.cookies.clear()

    assert log_in(browser, box.psc, "hoda")["Location"] == reverse("accounts:no_account")
    assert Trace.objects.filter(type="federated.unlink", object_uid=hoda.uid).exists()


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/GEN.18")
@pytest.mark.parametrize("kind", [AccountKind.SERVICE, AccountKind.BREAK_GLASS, AccountKind.TRAINING])
def test_a_generic_account_is_never_bound_to_a_person(kind: AccountKind, psc: IdentityProvider) -> None:
    user = user_create(login="generique", family_name="X", given_name="Y", kind=kind, actor=INSTALLER)

    with pytest.raises(AccountError, match="ne peut pas être rattaché"):
        external_identity_link(
            user=user, provider=psc, subject="899700900014", method=LinkMethod.ADMIN, actor=INSTALLER
        )


@pytest.mark.django_db
def test_an_administration_account_is_never_bound(psc: IdentityProvider, administrator: User) -> None:
    with pytest.raises(AccountError):
        external_identity_link(
            user=administrator, provider=psc, subject="8", method=LinkMethod.ADMIN, actor=INSTALLER
        )


@pytest.mark.django_db
def test_an_account_has_one_identity_per_provider(psc: IdentityProvider, hoda: User) -> None:
    first = external_identity_link(
        user=hoda, provider=psc, subject="899700900014", method=LinkMethod.ADMIN, actor=INSTALLER
    )
    same = external_identity_link(
        user=hoda, provider=psc, subject="899700900014", method=LinkMethod.ADMIN, actor=INSTALLER
    )

    assert same == first
    with pytest.raises(AccountError, match="autre identité"):
        external_identity_link(
            user=hoda, provider=psc, subject="899700900022", method=LinkMethod.ADMIN, actor=INSTALLER
        )


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.32", "SC.SSI/IE.33")
def test_what_the_provider_says_otherwise_is_traced_and_changes_nothing(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    User.objects.filter(pk=hoda.pk).update(family_name="HODA-MARTIN", specialty="SM04")

    log_in(browser, box.psc, "hoda")

    changes = [trace.detail for trace in Trace.objects.filter(type="psc.claims.changed").order_by("id")]
    assert changes == [
        {"name": "family_name", "old": "HODA-MARTIN", "new": "HODA"},
        {"name": "specialty", "old": "SM04", "new": "SM26"},
    ]
    hoda.refresh_from_db()
    assert hoda.family_name == "HODA-MARTIN"


@pytest.mark.django_db
@pytest.mark.requirement("SC.PSC.08")
def test_an_automatic_link_is_told_once_to_the_person_it_was_made_for(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    arrival = linked_url(arrival_url("/compte"))
    assert log_in(browser, box.psc, "hoda", next="/compte")["Location"] == arrival

    told = browser.get(arrival).content.decode()

    assert "Compte rattaché" in told
    assert "899700900014" in told
    assert "Le rapprochement est automatique" in told
    assert f'href="{arrival_url("/compte")}"' in told
    assert browser.get(arrival)["Location"] == arrival_url("/compte")
    again = Client(headers={"host": "localhost:8999"})
    assert log_in(again, box.psc, "hoda", next="/compte")["Location"] == arrival_url("/compte")
    assert again.get(arrival)["Location"] == arrival_url("/compte")


@pytest.mark.django_db
def test_the_page_of_the_link_leads_to_our_pages_only(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")

    told = browser.get(reverse("accounts:linked"), {"next": "https://evil.example/x"}).content.decode()

    assert 'href="https://evil' not in told
    assert f'href="{home_url()}"' in told


@pytest.mark.django_db
def test_a_link_withdrawn_before_it_was_read_is_not_told(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    external_identity_unlink(identity=ExternalIdentity.objects.get(), actor=INSTALLER)

    assert browser.get(reverse("accounts:linked"))["Location"] == home_url()


@pytest.mark.django_db
def test_a_request_for_access_waits_once(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    for _ in range(2):
        log_in(browser, box.psc, "vasseur")
        sent = browser.post(reverse("accounts:no_account"), {"message": "Je remplace le Dr Hoda"})
        assert "Demande transmise" in sent.content.decode()

    request = AccessRequest.objects.get()
    assert (request.family_name, request.rpps, request.state) == ("VASSEUR", "99700900048", "pending")
    assert User.objects.count() == 1
    assert browser.get(reverse("accounts:no_account"))["Location"] == "/"
