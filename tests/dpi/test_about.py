"""« À propos » says what the DMP reads: one name, one version (EX_GEN-1180; dmp 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import etree, html

from accounts.models import User
from interop.vihf import codes
from interop.vihf.claims import AuthenticationMode, PatientClaim
from national.dmp.adapter import wire
from national.dmp.opening import dmp_gateway, gateway_close
from national.models import Call
from sandbox.runtime import Sandbox
from tests.factories import UserFactory
from tests.hospital import plug_dmp
from tests.national.dmp_bench import CONTEXT, PATIENT
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db

SECRET = "HOMOLOGATION-SECRETE-4711"  # noqa: S105 - made for the test, to be looked for


@pytest.fixture
def somebody() -> User:
    user: User = UserFactory()
    return user


@pytest.fixture
def named(settings: LazySettings) -> Iterator[LazySettings]:
    """An installation with names of its own; its lines to the DMP are opened anew."""
    gateway_close()
    settings.DMP_SOFTWARE_NAME = "DPI des Trois Rivières"
    settings.DPI_VERSION = "7.3.1"
    settings.DMP_HOMOLOGATION = SECRET
    settings.DMP_SOFTWARE_OID = "1.2.250.1.999.1"
    yield settings
    gateway_close()


def facts_of(client: Client) -> dict[str, str]:
    page = html.fromstring(client.get(reverse("about")).content)
    return {node.get("data-about"): node.text_content() for node in page.xpath("//dd[@data-about]")}


def test_the_page_says_the_name_and_the_version_of_the_assertion_that_a_call_sent(
    client: Client, somebody: User, named: LazySettings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    sign = wire.sign_vihf

    def noted(*arguments: Any, **options: Any) -> bytes:
        sent.append(sign(*arguments, **options))
        return sent[-1]

    monkeypatch.setattr(wire, "sign_vihf", noted)
    plug_dmp(sandbox)
    context = replace(CONTEXT, structure="1990000101", authenticated_at=timezone.now())
    dmp_gateway(AuthenticationMode.INDIRECT).existence(context, PatientClaim("160012B02077713", PATIENT.oid))

    assert Call.objects.get().outcome == "success", "the strict sandbox took the assertion"
    attributes = {
        node.get("Name"): "".join(node.itertext()).strip()
        for node in etree.fromstring(sent[0]).iter(f"{{{codes.NS_SAML}}}Attribute")
    }
    assert facts_of(sign_in(client, somebody)) == {
        "name": attributes[codes.ATTR_LPS_NAME],
        "version": attributes[codes.ATTR_LPS_VERSION],
    }
    assert attributes[codes.ATTR_LPS_NAME] == "DPI des Trois Rivières"


def test_the_homologation_number_is_never_shown_only_whether_there_is_one(
    client: Client, somebody: User, named: LazySettings
) -> None:
    """EX_GEN-1490."""
    page = sign_in(client, somebody).get(reverse("about")).content.decode()
    assert SECRET not in page
    assert "numéro enregistré, tenu secret" in page
    named.DMP_HOMOLOGATION = named.DMP_NO_HOMOLOGATION
    assert "aucun numéro enregistré" in client.get(reverse("about")).content.decode()


def test_the_licence_is_that_of_the_project_and_the_page_is_in_the_menu(
    client: Client, somebody: User
) -> None:
    page = sign_in(client, somebody).get(reverse("about")).content.decode()
    assert "AGPL-3.0-or-later" in page
    assert f'href="{reverse("about")}"' in page
