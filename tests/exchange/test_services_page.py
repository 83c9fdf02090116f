"""Services socles: state, certificates, trials, switches and alarms (F-PV-36, F-DPI-13, F-PFI-20)."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.enums import ProviderKind
from accounts.models import IdentityProvider
from accounts.services import provider_set
from audit.context import system_actor
from audit.models import Trace
from establishment.certificates import Expiry, certificate_facts, expiry_of
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, ServiceEndpoint
from exchange.alarms import alarms_count, alarms_watch, service_alarms
from mssante.trial import operator_try
from national.dmp.trial import dmp_try
from national.enums import CallOutcome, TrialState
from national.errors import Unavailable
from national.mail import trial as mail_trial
from national.mail.memory import MailReaderMemory, MailSenderMemory
from national.models import Call, ServiceTrial
from national.rules import is_silent
from national.services import trial_ask, trial_do
from national.trials import TrialResult, trial_register, trial_run
from sandbox.runtime import Sandbox
from tests.exchange.people import administrator, browser_of
from tests.factories import (
    EndpointFactory,
    LegalEntityFactory,
    PartnerFactory,
    SiteFactory,
    SwitchFactory,
)
from tests.hospital import plug_dmp

PAGE = "/services-socles/"
ACTOR = system_actor("tests")
NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)


def consultation_card(browser: Client) -> str:
    """The markup of the line « DMP – consultation »."""
    page = browser.get(PAGE).content.decode()
    return page.partition(">DMP – consultation</h2>")[2].partition("</section>")[0]


@pytest.fixture
def admin(db: None) -> Client:
    LegalEntityFactory()
    return browser_of(administrator())


def certificate(folder: Path, days: float, name: str = "DPI CHTR") -> str:
    """A PEM file whose certificate ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "1990000010"),
        ]
    )
    end = timezone.now() + timedelta(days=days, minutes=5)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AC IGC-SANTE ELEMENTAIRE")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=1000))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{uuid.uuid4()}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(path)


def call(outcome: CallOutcome, *, ago: timedelta = timedelta(), **values: object) -> Call:
    return Call.objects.create(
        **{
            "service": NationalService.DMP,
            "transaction": "TD2.1",
            "message_id": "x",
            "actor_label": "pfi.worker",
            "duration_ms": 212,
            "outcome": outcome,
            "started_at": timezone.now() - ago,
        }
        | values
    )


class TestCertificates:
    @pytest.mark.parametrize(
        ("days", "expiry", "alarms"),
        [
            (400, Expiry.FINE, False),
            (60, Expiry.FINE, False),
            (59, Expiry.NOTICE, False),
            (30, Expiry.NOTICE, False),
            (29, Expiry.WARNING, True),
            (7, Expiry.WARNING, True),
            (6, Expiry.URGENT, True),
            (0, Expiry.URGENT, True),
            (-1, Expiry.EXPIRED, True),
        ],
    )
    @pytest.mark.requirement("F-PV-36")
    def test_the_end_is_told_sixty_thirty_and_seven_days_before(
        self, days: int, expiry: Expiry, alarms: bool
    ) -> None:
        assert expiry_of(days) is expiry
        assert expiry.is_alarm is alarms

    def test_a_certificate_says_whose_it_is_by_whom_and_until_when(self, tmp_path: Path) -> None:
        facts = certificate_facts("Cachet", certificate(tmp_path, 45), timezone.now())
        assert (facts.subject, facts.issuer) == ("DPI CHTR, 1990000010", "AC IGC-SANTE ELEMENTAIRE")
        assert (facts.days_left, facts.expiry) == (45, Expiry.NOTICE)

    @pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_a_file_that_says_nothing_is_unreadable_and_stops_nothing(
        self, content: bytes | None, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.pem"
        if content is not None:
            path.write_bytes(content)
        assert certificate_facts("Cachet", str(path), NOW).expiry is Expiry.UNREADABLE


@pytest.mark.parametrize(
    ("success", "first", "silent"),
    [(None, None, False), (1, 50, False), (25, 50, True), (None, 25, True), (None, 2, False)],
)
@pytest.mark.requirement("F-PFI-20")
def test_a_service_is_silent_after_too_long_without_a_success(
    success: int | None, first: int | None, silent: bool
) -> None:
    def ago(hours: int | None) -> datetime | None:
        return None if hours is None else NOW - timedelta(hours=hours)

    limit = timedelta(hours=24)
    assert is_silent(last_success=ago(success), first_call=ago(first), now=NOW, limit=limit) is silent


class TestPage:
    @pytest.mark.requirement("F-PV-36", "F-PFI-20")
    def test_a_service_says_its_state_its_last_calls_and_its_certificates(
        self, admin: Client, tmp_path: Path
    ) -> None:
        EndpointFactory(
            base_url="https://dmp.example/", certificate_path=certificate(tmp_path, 20),
            signing_certificate_path=certificate(tmp_path, 200), key_path="/etc/dpi/cle-privee.pem",
        )  # fmt: skip
        call(CallOutcome.UNAVAILABLE, ago=timedelta(hours=2), code="ConnectTimeout")
        call(CallOutcome.REJECTED, ago=timedelta(hours=1), code="DMPClosed")
        call(CallOutcome.SUCCESS)
        html = admin.get(PAGE).content.decode()

        for words in (
            "joignable", "https://dmp.example/", "TD2.1 · 212 ms", "ConnectTimeout", "DMPClosed",
            "DPI CHTR, 1990000010", "À renouveler, 20 jours", "200 jours",
        ):  # fmt: skip
            assert words in html
        assert "cle-privee" not in html, "the path of a key is nobody's business"

    def test_a_service_that_nobody_answers_is_down_since_when(self, admin: Client) -> None:
        EndpointFactory()
        call(CallOutcome.UNAVAILABLE)
        assert "injoignable depuis" in admin.get(PAGE).content.decode()

    def test_a_service_without_access_is_said_not_configured_and_offers_no_trial(self, admin: Client) -> None:
        html = admin.get(PAGE).content.decode()
        assert html.count("non configuré") >= 4
        assert "/essai" not in html

    @pytest.mark.requirement("F-DPI-13")
    def test_the_five_switches_are_shown_and_changed_with_a_trace(self, admin: Client) -> None:
        html = admin.get(PAGE).content.decode()
        assert [switch.label for switch in Switch if escape(switch.label) not in html] == []

        for code in Switch:
            answer = admin.post(reverse("exchange:switch", args=[code]), {"etat": "actif"}, follow=True)
            assert answer.status_code == 200
        assert set(InstallationSwitch.objects.filter(is_on=True).values_list("code", flat=True)) == set(
            Switch
        )
        admin.post(reverse("exchange:switch", args=[Switch.PSC]), {"etat": "inactif"})

        assert not InstallationSwitch.objects.get(code=Switch.PSC).is_on
        traces = Trace.objects.filter(type="settings.change", actor_login="adm-sorel")
        assert traces.count() == 6
        assert traces.last().detail["switch"] == Switch.PSC

    @pytest.mark.parametrize(("code", "state"), [("absent", "actif"), ("psc", "peut-être"), ("psc", "")])
    def test_what_is_no_switch_or_no_position_changes_nothing(
        self, code: str, state: str, admin: Client
    ) -> None:
        assert admin.post(reverse("exchange:switch", args=[code]), {"etat": state}).status_code == 404
        assert not InstallationSwitch.objects.exists()

    def test_the_calls_to_a_service_are_stopped_and_allowed_with_a_trace(self, admin: Client) -> None:
        EndpointFactory()
        address = reverse("exchange:service_access", args=["dmp"])
        admin.post(address, {"etat": "inactif"})
        assert not ServiceEndpoint.objects.get().is_enabled
        admin.post(address, {"etat": "actif"})
        assert ServiceEndpoint.objects.get().is_enabled
        assert Trace.objects.filter(type="settings.change").count() == 2
        assert admin.post(reverse("exchange:service_access", args=["insi"])).status_code == 404


class TestAlarms:
    @pytest.mark.requirement("F-PFI-20", "F-PV-42")
    def test_silence_certificates_and_missing_accesses_are_alarms(
        self, db: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        SwitchFactory(code=Switch.PFI_DMP)
        SwitchFactory(code=Switch.PFI_MSS_OUT)
        EndpointFactory(certificate_path=certificate(tmp_path, 3))
        call(CallOutcome.SUCCESS, ago=timedelta(hours=30))
        call(CallOutcome.UNAVAILABLE, ago=timedelta(hours=1))

        found = alarms_watch()

        assert {(alarm.service, alarm.code) for alarm in found} == {
            ("dmp", "SILENCE"), ("dmp", "CERTIFICATE_URGENT"), ("mssante", "NO_ACCESS"),
            ("mssante", "NO_PRODUCT_REFERENCE"),
        }  # fmt: skip
        assert alarms_count() == 4
        assert [record.message for record in caplog.records].count("services.alarm") == 4

    @pytest.mark.requirement("MSS/va1.23")
    @pytest.mark.parametrize("code", [Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN])
    def test_mails_without_the_reference_of_the_product_are_an_alarm_on_the_page(
        self, admin: Client, settings: LazySettings, code: Switch
    ) -> None:
        SwitchFactory(code=code)
        EndpointFactory(service=NationalService.MSSANTE)
        assert "MSS_NIL est vide" in admin.get(PAGE).content.decode()
        settings.MSS_NIL = "DEV935997"
        page = admin.get(PAGE).content.decode()
        assert "MSS_NIL" not in page
        assert "NO_PRODUCT_REFERENCE" not in {alarm.code for alarm in service_alarms(timezone.now())}

    def test_a_provider_and_the_lines_have_certificates_that_end_too(
        self, admin: Client, tmp_path: Path, settings: LazySettings
    ) -> None:
        """Login and admissions stop the day these end: nobody must learn it then."""
        IdentityProvider.objects.create(
            slug="psc", label="Pro Santé Connect", kind=ProviderKind.PSC, issuer="https://psc.example/",
            certificate_path=certificate(tmp_path, 5, "psc"),
        )  # fmt: skip
        settings.MLLP_CERTIFICATE_PATH = Path(certificate(tmp_path, -2, "mllp"))
        settings.MLLP_CA_PATH = None
        assert {(one.label, one.code) for one in alarms_watch()} == {
            ("Pro Santé Connect", "CERTIFICATE_URGENT")
        }
        PartnerFactory(uses_tls=True)
        assert {(one.label, one.code) for one in alarms_watch()} == {
            ("Pro Santé Connect", "CERTIFICATE_URGENT"), ("Lignes HL7 (MLLP)", "CERTIFICATE_EXPIRED"),
        }  # fmt: skip
        page = admin.get(PAGE).content.decode()
        assert "Lignes HL7 (MLLP)" in page
        assert page.count("à renouveler sous 7 jours") >= 2  # in the list, and on the card of the provider

    def test_nothing_to_look_at_is_no_alarm(self, db: None, tmp_path: Path) -> None:
        SwitchFactory(code=Switch.PFI_DMP)
        EndpointFactory(certificate_path=certificate(tmp_path, 300))
        call(CallOutcome.SUCCESS)
        assert service_alarms(timezone.now()) == []

    @pytest.mark.requirement("F-PV-36")
    def test_the_consultation_has_its_line_with_address_sites_and_calls(
        self, admin: Client, settings: LazySettings, tmp_path: Path
    ) -> None:
        site = SiteFactory()
        EndpointFactory(certificate_path=certificate(tmp_path, 300))
        settings.DMP_AIR_BASE_URL = "https://air.dmp.example/"
        settings.DMP_AIR_SITES = [site.finess, "999999999"]
        settings.DMP_AIR_VIHF_VERSION = "4.0"
        call(CallOutcome.SUCCESS, transaction="TD2.1")
        call(CallOutcome.UNAVAILABLE, transaction="TD3.1", code="TIMEOUT")
        card = consultation_card(admin)
        for words in (
            "https://air.dmp.example/",
            "AIR simplifié, VIHF 4.0",
            f"{site.name} ({site.finess})",
            "site inconnu ici (999999999)",
            "TD3.1",
            "TIMEOUT",
            "DPI CHTR",
        ):
            assert words in card, words
        assert "TD2.1" not in card, "a feeding says nothing of the consultation"
        settings.DMP_AIR_SITES = []
        assert "personne ne consulte" in consultation_card(admin)
        settings.DMP_AIR_SITES = ["tous"]
        assert re.search(r"Sites ouverts</dt><dd>tous<", consultation_card(admin))

    def test_the_bar_tells_the_administrator_how_many(self, admin: Client) -> None:
        SwitchFactory(code=Switch.PFI_DMP)
        alarms_watch()
        html = admin.get("/echanges/").content.decode()
        assert re.search(r"Services socles</span> <span class=\"counter counter--bad\">1<", html)
        assert "DMP" in admin.get(PAGE).content.decode()


class TestTrials:
    @pytest.mark.requirement("F-PV-36")
    def test_an_administrator_asks_a_worker_calls_and_the_page_tells(
        self, admin: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trial_register(NationalService.DMP, lambda name, actor: TrialResult(True, f"Vu par {actor.login}."))
        EndpointFactory()
        try:
            answer = admin.post(
                reverse("exchange:service_try", args=["dmp"]), headers={"hx-request": "true"}
            ).content.decode()
            asked = ServiceTrial.objects.get()
            waiting = admin.get(reverse("exchange:trial", args=[asked.uid]))
            trial_do(trial_id=asked.pk)
            done = admin.get(reverse("exchange:trial", args=[asked.uid]))
        finally:
            trial_register(NationalService.DMP, dmp_try)

        assert "Essai en cours" in answer
        assert "every 1s" in answer
        assert (waiting.status_code, done.status_code) == (200, 286)
        assert "Vu par adm-sorel." in done.content.decode()
        assert "Vu par adm-sorel." in admin.get(PAGE).content.decode()
        assert Trace.objects.get(type="service.trial").detail == {"target": "dmp"}

    def test_a_trial_that_no_worker_takes_up_says_so(self, admin: Client) -> None:
        trial = trial_ask(target="dmp", actor=ACTOR)
        ServiceTrial.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
        answer = admin.get(reverse("exchange:trial", args=[trial.uid]))
        assert answer.status_code == 286
        assert "Aucun processus de fond" in answer.content.decode()

    def test_a_defect_of_a_trial_is_told_and_ends_it(self, db: None) -> None:
        def broken(name: str, actor: object) -> TrialResult:
            raise RuntimeError("défaut")

        trial_register("panne", broken)
        done = trial_do(trial_id=trial_ask(target="panne", actor=ACTOR).pk)
        assert (done.state, done.code) == (TrialState.FAILED, "DEFECT")
        assert trial_do(trial_id=done.pk).ended_at == done.ended_at, "done once"

    @pytest.mark.parametrize("target", ["", "psc", "autre", "oidc:absent", "oidc:", "../x"])
    def test_only_what_the_page_shows_is_tried(self, target: str, admin: Client) -> None:
        address = f"/services-socles/{target or 'x'}/essai"
        assert admin.post(address).status_code == 404
        assert not ServiceTrial.objects.exists()

    def test_what_cannot_be_tried_says_so(self, db: None) -> None:
        assert trial_run("rien", ACTOR) == TrialResult(
            False, "Aucun essai n’existe pour ce service.", "NO_TRIAL"
        )


@pytest.mark.django_db
class TestRealTrials:
    @pytest.fixture
    def dmp(self, sandbox: Sandbox) -> Sandbox:
        LegalEntityFactory(finess="990000010")
        plug_dmp(sandbox)
        return sandbox

    @pytest.mark.requirement("F-PV-36")
    def test_the_dmp_answers_and_takes_the_certificates(self, dmp: Sandbox) -> None:
        result = trial_run("dmp", ACTOR)

        assert result.passed, result
        assert "accepte le certificat" in result.text
        row = Call.objects.get()
        assert (row.service, row.transaction, row.actor_label) == ("dmp", "ESSAI", "tests")
        assert row.patient_uid is None

    @pytest.mark.requirement("F-PV-36")
    def test_the_consultation_is_tried_at_its_own_address(self, dmp: Sandbox, settings: LazySettings) -> None:
        settings.DMP_AIR_BASE_URL = ServiceEndpoint.objects.get().base_url
        ServiceEndpoint.objects.update(base_url="https://localhost:1/")
        result = trial_run("dmp:air", ACTOR)
        assert result.passed, result
        assert "L’adresse de consultation répond" in result.text
        assert Call.objects.get().transaction == "ESSAI AIR"
        assert not trial_run("dmp", ACTOR).passed, "the other address is tried for itself"

        settings.DMP_AIR_BASE_URL = "https://localhost:1/"
        down = trial_run("dmp:air", ACTOR)
        assert not down.passed and "ne répond pas" in down.text

    def test_a_certificate_of_another_authority_is_refused_in_words(self, dmp: Sandbox) -> None:
        stranger = dmp.certificates.stranger
        ServiceEndpoint.objects.update(certificate_path=str(stranger.certificate), key_path=str(stranger.key))
        result = trial_run("dmp", ACTOR)
        assert (result.passed, result.code) == (False, "CERTIFICATE_REFUSED")
        assert "refuse le certificat" in result.text

    def test_a_cachet_of_another_authority_is_refused_in_words(self, dmp: Sandbox) -> None:
        stranger = dmp.certificates.stranger
        ServiceEndpoint.objects.update(
            signing_certificate_path=str(stranger.certificate), signing_key_path=str(stranger.key)
        )
        result = trial_run("dmp", ACTOR)
        assert not result.passed
        assert "certificats" in result.text

    def test_nobody_at_the_address_is_a_failure(self, dmp: Sandbox) -> None:
        ServiceEndpoint.objects.update(base_url="https://localhost:1/")
        result = trial_run("dmp", ACTOR)
        assert not result.passed
        assert "ne répond pas" in result.text

    @pytest.mark.parametrize("values", [{"is_enabled": False}, {"signing_key_path": "/absent.pem"}])
    def test_an_access_that_is_stopped_or_unreadable_is_said(
        self, values: dict[str, object], dmp: Sandbox
    ) -> None:
        ServiceEndpoint.objects.update(**values)
        result = trial_run("dmp", ACTOR)
        assert result.code in ("NOT_CONFIGURED", "CERTIFICATE_UNREADABLE")

    @pytest.mark.requirement("SC.PSC.01")
    def test_pro_sante_connect_is_asked_for_its_addresses_and_keys_anew(self, sandbox: Sandbox) -> None:
        address = sandbox.addresses.psc
        provider_set(
            slug="psc", kind=ProviderKind.PSC, label="Pro Santé Connect", issuer=address.issuer,
            discovery_url=address.discovery_url, client_id=address.client_id,
            client_secret_path=address.client_secret_file, ca_path=sandbox.addresses.certificates.ca,
        )  # fmt: skip
        first, second = trial_run("oidc:psc", ACTOR), trial_run("oidc:psc", ACTOR)

        assert first.passed and second.passed, first
        assert Call.objects.filter(service="psc", transaction="discovery").count() == 4
        provider_set(slug="psc", discovery_url="https://localhost:1/.well-known/x")
        down = trial_run("oidc:psc", ACTOR)
        assert not down.passed
        assert down.text == "Pro Santé Connect ne répond pas."

    def test_the_operator_is_greeted_on_both_lines_and_nothing_is_sent(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sender, reader = MailSenderMemory(), MailReaderMemory()
        monkeypatch.setattr(mail_trial, "mail_sender", lambda: sender)
        monkeypatch.setattr(mail_trial, "mail_reader", lambda mailbox: reader)

        result = operator_try("", ACTOR)

        assert result.passed
        assert "Aucune boîte applicative" in result.text
        assert mail_trial.mail_try("pfi@ch.test", ACTOR).text.endswith("aucun courriel n’attend.")

    def test_an_operator_that_does_not_answer_is_a_failure(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down() -> object:
            raise Unavailable("L’opérateur MSSanté ne répond pas.", code="ConnectionRefusedError")

        monkeypatch.setattr(mail_trial, "mail_sender", down)
        result = trial_run("mssante", ACTOR)
        assert (result.passed, result.text) == (False, "L’opérateur MSSanté ne répond pas.")
