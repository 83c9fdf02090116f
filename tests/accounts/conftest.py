"""The sandbox's providers, one hospital, and its accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.enums import ProviderKind, RoleCode
from accounts.models import IdentityProvider, User
from accounts.services import assignment_give, provider_set, roles_install, user_create
from audit.context import system_actor
from establishment.enums import Switch
from establishment.models import InstallationSwitch, LegalEntity, Site, Unit
from sandbox import demo
from sandbox.runtime import Sandbox, SandboxSettings

HOST = "localhost:8999"
ORIGINS = ("http://localhost:8999", "http://127.0.0.1:8999")
INSTALLER = system_actor("tests")
STRONG_PASSWORD = "Marelle-violette-27-quais"


@pytest.fixture(scope="session")
def running_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = SandboxSettings(
        state=tmp_path_factory.mktemp("accounts") / "sandbox",
        redirect_uris=tuple(f"{origin}/oidc/psc/callback" for origin in ORIGINS),
        post_logout_redirect_uris=tuple(f"{origin}/oidc/psc/logout-response" for origin in ORIGINS),
        establishment_redirect_uris=tuple(f"{origin}/oidc/etablissement/callback" for origin in ORIGINS),
    )
    with Sandbox(settings) as box:
        yield box


@pytest.fixture
def box(running_box: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, honest again after each test."""
    yield running_box
    running_box.psc.switches.reset()
    running_box.establishment.switches.reset()


@pytest.fixture
def unit(db: None) -> Unit:
    entity = LegalEntity.objects.create(
        name=demo.LEGAL_ENTITY.name,
        finess=demo.LEGAL_ENTITY.finess,
        oid_root="1.2.250.1.999.1",
        ipp_oid="1.2.250.1.999.2",
    )
    site = Site.objects.create(
        legal_entity=entity, name=demo.SITE_RIVIERES.name, finess=demo.SITE_RIVIERES.finess
    )
    return Unit.objects.create(site=site, code="6268", name="Chirurgie viscérale")


@pytest.fixture
def roles(db: None) -> None:
    roles_install()


@pytest.fixture
def psc(box: Sandbox, db: None) -> IdentityProvider:
    InstallationSwitch.objects.create(code=Switch.PSC, is_on=True)
    return provider_set(
        slug="psc",
        label="Pro Santé Connect",
        hint="e-CPS ou carte CPS",
        kind=ProviderKind.PSC,
        issuer=box.addresses.psc.issuer,
        discovery_url=box.addresses.psc.discovery_url,
        client_id=box.addresses.psc.client_id,
        client_secret_path=box.addresses.psc.client_secret_file,
        ca_path=box.addresses.certificates.ca,
        scopes="openid scope_all",
        acr_values="eidas1",
        accepted_acr=["eidas1", "eidas2", "eidas3"],
    )


@pytest.fixture
def hospital_provider(box: Sandbox, db: None) -> IdentityProvider:
    return provider_set(
        slug="etablissement",
        label="Compte de l'établissement",
        kind=ProviderKind.GENERIC,
        issuer=box.addresses.etablissement.issuer,
        discovery_url=box.addresses.etablissement.discovery_url,
        client_id=box.addresses.etablissement.client_id,
        client_secret_path=box.addresses.etablissement.client_secret_file,
        ca_path=box.addresses.certificates.ca,
        scopes="openid profile",
        second_factor=["2", "otp"],
        rpps_claim="rpps",
        position=1,
    )


def account(login: str, key: str, role: RoleCode | None, unit: Unit | None = None) -> User:
    """An account with the RPPS of one of the sandbox's professionals."""
    person = demo.professional(key)
    user = user_create(
        login=login,
        family_name=person.family,
        given_name=person.given,
        rpps=person.rpps or "",
        profession=person.profession,
        specialty=person.know_how,
        actor=INSTALLER,
        shared_rpps_reason="second compte de la même personne",
    )
    if role is not None:
        assignment_give(user=user, role=role, giver=None, actor=INSTALLER, unit=unit)
    return user


@pytest.fixture
def hoda(roles: None, unit: Unit) -> User:
    return account("ahoda", "hoda", RoleCode.PRESCRIPTEUR, unit)


@pytest.fixture
def lemaire(roles: None, unit: Unit) -> User:
    return account("blemaire", "lemaire", RoleCode.PRESCRIPTEUR, unit)


@pytest.fixture
def administrator(roles: None, db: None) -> User:
    user = user_create(
        login="adm-durand",
        family_name="DURAND",
        given_name="Paul",
        actor=INSTALLER,
        may_use_password=True,
        password=STRONG_PASSWORD,
    )
    assignment_give(user=user, role=RoleCode.ADMIN_FONCTIONNEL, giver=None, actor=INSTALLER)
    return user


@pytest.fixture
def browser() -> Client:
    return Client(headers={"host": HOST})
