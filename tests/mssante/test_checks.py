"""MSS_NIL is asked for where mails leave (mssante 1.5; ECO.2.4.3)."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from establishment.enums import Switch
from establishment.models import InstallationSwitch
from mssante.checks import product_reference
from tests.factories import SwitchFactory

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("MSS/va1.23")]


def warned():
    return [found.id for found in run_checks(databases=["default"]) if found.id == "mssante.W001"]


@pytest.mark.parametrize("code", [Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN])
def test_an_installation_that_mails_without_its_product_reference_is_warned(settings, capsys, code):
    settings.MSS_NIL = ""
    SwitchFactory(code=code)
    assert warned() == ["mssante.W001"]
    call_command("check", databases=["default"])
    assert "MSS_NIL" in capsys.readouterr().err
    settings.MSS_NIL = "DEV935997"
    assert warned() == []


def test_one_that_does_not_mail_is_not(settings):
    settings.MSS_NIL = ""
    assert warned() == []
    SwitchFactory(code=Switch.PFI_MSS_OUT, is_on=False)
    SwitchFactory(code=Switch.PFI_DMP)
    assert warned() == []


def test_a_database_that_is_not_asked_for_or_not_built_yet_says_nothing(settings, monkeypatch):
    settings.MSS_NIL = ""
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    assert product_reference(None) == []
    monkeypatch.setattr(InstallationSwitch._meta, "db_table", "not_migrated_yet")
    assert product_reference(None, databases=["default"]) == []
