"""The sandbox as a whole: one object that starts its servers, gives their addresses and stops them."""

import ipaddress
import json
import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cryptography import x509

from sandbox.admin import AdminService
from sandbox.annuaire.service import BASE_PATH as DIRECTORY_PATH
from sandbox.annuaire.service import DirectoryService
from sandbox.authority import Certificates, ensure_certificates, server_context
from sandbox.demo import LEGAL_ENTITY, PROFESSIONALS, LegalEntity
from sandbox.dmp.pages import PatientPages
from sandbox.dmp.service import BASE_PATH, DmpService
from sandbox.home import HomePages
from sandbox.html import STYLE_PATH, style_response
from sandbox.insi.pages import PREFIX as INSI_PAGES
from sandbox.insi.pages import InsiPages
from sandbox.insi.reading import SOFTWARE_AUTHORISATION
from sandbox.insi.service import PATH as INSI_PATH
from sandbox.insi.service import InsiService
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX, PATIENT_DOMAIN
from sandbox.mail.letters import LetterBox
from sandbox.mail.operator import MailOperator
from sandbox.mail.pages import PREFIX as MAIL_PAGES
from sandbox.mail.pages import MailPages
from sandbox.psc.http import ProviderService
from sandbox.psc.model import Client, Urls
from sandbox.psc.profiles import ESTABLISHMENT, PRO_SANTE_CONNECT, Profile
from sandbox.psc.provider import Provider
from sandbox.serving import HttpServer, Request, Response, Service
from sandbox.storage import FolderLock, private_folder, write_private

CLIENT_ID: Final = "dpi-sandbox"
ADDRESSES_FILE: Final = "addresses.json"
API_KEY: Final = "api_key"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Where the sandbox keeps its state and where it listens. A port of 0 is a free one."""

    state: Path
    bind: str = "127.0.0.1"
    host: str = "localhost"
    http_port: int = 0
    psc_port: int = 0
    dmp_port: int = 0
    smtp_port: int = 0
    imap_port: int = 0
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    establishment_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    """Where Pro Santé Connect tells the application that a session ended; empty: nowhere."""
    entity: LegalEntity = LEGAL_ENTITY
    lot_signature_required: bool = True
    with_documents: bool = False
    """Do the patients of the DMP have documents of other structures, from the first start on?"""


@dataclass(frozen=True, slots=True)
class ProviderAddresses:
    """What the application must know of a provider; `subjects` is how it names each person."""

    discovery_url: str
    issuer: str
    authorization_endpoint: str
    end_session_endpoint: str
    client_id: str
    client_secret_file: str
    subjects: dict[str, str]


@dataclass(frozen=True, slots=True)
class DmpAddresses:
    """Services of the DMP, over mutual TLS."""

    base_url: str
    repository_url: str
    registry_url: str
    patients_url: str
    authorisations_url: str


@dataclass(frozen=True, slots=True)
class InsiAddresses:
    """INSi, on the mutual TLS port of the DMP, under a certificate of its own."""

    url: str
    authorisation: str
    pages_url: str


@dataclass(frozen=True, slots=True)
class MailAddresses:
    """The operator of MSSanté: STARTTLS and client certificate on both lines."""

    smtp_url: str
    imap_url: str
    application_box: str
    error_box: str
    patient_domain: str
    pages_url: str


@dataclass(frozen=True, slots=True)
class DirectoryAddresses:
    """The Annuaire Santé: HTTPS and a key in a file."""

    base_url: str
    key_file: str


@dataclass(frozen=True, slots=True)
class CertificateAddresses:
    """PEM files that the application must read."""

    ca: str
    server_cert: str
    server_key: str
    seal_cert: str
    seal_key: str
    client_cert: str
    client_key: str
    insi_cert: str
    insi_key: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Everything that the application must know, as written to `addresses.json`."""

    http_url: str
    psc: ProviderAddresses
    etablissement: ProviderAddresses
    dmp: DmpAddresses
    insi: InsiAddresses
    mail: MailAddresses
    annuaire: DirectoryAddresses
    mes_url: str
    admin_url: str
    certificates: CertificateAddresses

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


class Sandbox:
    """A running sandbox, as a context manager.

    `psc` and `establishment` are the providers, `dmp` the DMP, `insi` INSi, `mail` the operator of MSSanté,
    `letters` what doctors in town write, `certificates` the files of the authority, `addresses` what the
    application needs.
    Raises ValueError for an address that is not loopback, StateInUseError when another process uses the state
    folder, OSError when a port is taken.
    """

    addresses: Addresses
    certificates: Certificates
    psc: Provider
    establishment: Provider
    dmp: DmpService
    insi: InsiService
    mail: MailOperator
    letters: LetterBox
    annuaire: DirectoryService

    def __init__(self, settings: SandboxSettings) -> None:
        if not ipaddress.ip_address(settings.bind).is_loopback:
            raise ValueError("the sandbox listens on a loopback address only: its pages ask for no password")
        self.settings = settings
        self._lock = FolderLock(settings.state)
        self._servers: list[HttpServer] = []
        self._providers: list[ProviderService] = []
        self._closing: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        settings = self.settings
        self.certificates = ensure_certificates(settings.state / "authority", settings.entity)
        folder = private_folder(settings.state / "psc")
        self.psc = self._provider(PRO_SANTE_CONNECT, folder / "client_secret", settings.redirect_uris)
        self.psc.client.backchannel_logout_uri = settings.backchannel_logout_uri
        self.establishment = self._provider(
            ESTABLISHMENT, folder / "establishment_client_secret", settings.establishment_redirect_uris
        )
        self._providers = [ProviderService(self.psc), ProviderService(self.establishment)]
        self.dmp = DmpService(
            private_folder(settings.state / "dmp"),
            authority=_certificate(self.certificates.ca),
            entities=(settings.entity,),
            signature_required=settings.lot_signature_required,
            with_documents=settings.with_documents,
        )
        self._closing.append(self.dmp.close)
        self.insi = InsiService()
        self._start_mail()
        self.annuaire = DirectoryService(_secret(private_folder(settings.state / "annuaire") / API_KEY))
        self._admin = AdminService(
            psc=self.psc,
            dmp=self.dmp,
            insi=self.insi,
            mail=self.mail,
            letters=self.letters,
            annuaire=self.annuaire,
        )
        self._patient_pages = PatientPages(self.dmp)
        self._insi_pages = InsiPages(self.insi)
        self._mail_pages = MailPages(self.mail, self.letters)
        self._home = HomePages(dmp=self.dmp, mail=self.mail, providers=(self.psc, self.establishment))
        self._listen()
        write_private(settings.state / ADDRESSES_FILE, self.addresses.as_json().encode())

    def _start_mail(self) -> None:
        settings = self.settings
        folder = private_folder(settings.state / "mail")
        self.mail = MailOperator(
            folder,
            context=server_context(self.certificates, client_certificate=ssl.CERT_REQUIRED),
            patients=lambda: list(self.dmp.registry.patients()),
            entity=settings.entity,
            bind=settings.bind,
            smtp_port=settings.smtp_port,
            imap_port=settings.imap_port,
        )
        self._closing.append(self.mail.stop)
        self.letters = LetterBox(folder, self.mail)
        self._closing.append(self.letters.close)
        self.mail.start()

    def _provider(self, profile: Profile, secret: Path, redirect_uris: tuple[str, ...]) -> Provider:
        client = Client(
            CLIENT_ID,
            _secret(secret),
            list(redirect_uris),
            list(self.settings.post_logout_redirect_uris),
            _certificate(self.certificates.client.certificate).subject.rfc4514_string(),
        )
        provider = Provider(profile, client, secret.parent)
        self._closing.append(provider.close)
        return provider

    def _listen(self) -> None:
        settings = self.settings
        http = self._server(self._browser, settings.http_port)
        psc = self._server(self._backchannel, settings.psc_port, ssl.CERT_OPTIONAL)
        dmp = self._server(self._mutual, settings.dmp_port, ssl.CERT_REQUIRED)
        base, secure = f"http://{settings.host}:{http.port}", f"https://{settings.host}:{psc.port}"
        for service in self._providers:
            profile = service.provider.profile
            service.provider.urls = Urls(f"{secure}/auth/realms/{profile.realm}", f"{base}/{profile.slug}")
        self.addresses = Addresses(
            http_url=base,
            psc=self._provider_addresses(self.psc, "client_secret"),
            etablissement=self._provider_addresses(self.establishment, "establishment_client_secret"),
            dmp=_dmp_addresses(f"https://{settings.host}:{dmp.port}{BASE_PATH}"),
            insi=InsiAddresses(
                f"https://{settings.host}:{dmp.port}{INSI_PATH}",
                SOFTWARE_AUTHORISATION,
                f"{base}{INSI_PAGES}",
            ),
            mail=self._mail_addresses(base),
            annuaire=DirectoryAddresses(
                f"{secure}{DIRECTORY_PATH}", str(settings.state / "annuaire" / API_KEY)
            ),
            mes_url=f"{base}/mon-espace-sante/",
            admin_url=f"{base}/admin/",
            certificates=_certificate_addresses(self.certificates),
        )
        for server in self._servers:
            server.start()

    def _server(
        self, service: Service, port: int, client_certificate: ssl.VerifyMode | None = None
    ) -> HttpServer:
        """A server on the port, not started. `client_certificate` makes it TLS."""
        context = None
        if client_certificate is not None:
            context = server_context(self.certificates, client_certificate=client_certificate)
        server = HttpServer(service, self.settings.bind, port, context=context)
        self._servers.append(server)
        return server

    def _mail_addresses(self, base: str) -> MailAddresses:
        host = self.settings.host
        return MailAddresses(
            smtp_url=f"smtp://{host}:{self.mail.smtp_port}",
            imap_url=f"imap://{host}:{self.mail.imap_port}",
            application_box=APPLICATION_BOX,
            error_box=ERROR_BOX,
            patient_domain=PATIENT_DOMAIN,
            pages_url=f"{base}{MAIL_PAGES}",
        )

    def _provider_addresses(self, provider: Provider, secret_file: str) -> ProviderAddresses:
        profile: Profile = provider.profile
        return ProviderAddresses(
            discovery_url=f"{provider.urls.issuer}/.well-known/{profile.discovery}",
            issuer=provider.urls.issuer,
            authorization_endpoint=provider.urls.endpoints["authorization_endpoint"],
            end_session_endpoint=provider.urls.endpoints["end_session_endpoint"],
            client_id=provider.client.client_id,
            client_secret_file=str(self.settings.state / "psc" / secret_file),
            subjects={person.key: profile.subject(person) for person in PROFESSIONALS},
        )

    def _stop(self) -> None:
        for service in self._providers:
            service.stopping.set()
        if hasattr(self, "dmp"):
            self.dmp.stopping.set()
        if hasattr(self, "insi"):
            self.insi.stopping.set()
        if hasattr(self, "annuaire"):
            self.annuaire.stopping.set()
        # All at once: each waits for the end of its own loop.
        stopping = [threading.Thread(target=server.stop) for server in self._servers]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        for close in self._closing:
            close()
        self._servers, self._providers, self._closing = [], [], []
        self._lock.__exit__(None, None, None)

    # Services

    def _browser(self, request: Request) -> Response:
        # A page of another site must not reach these pages under a name of its own (DNS rebinding).
        host = request.headers.get("host", "")
        if host.rpartition(":")[0] not in LOOPBACK_NAMES | {self.settings.host}:
            return Response(HTTPStatus.MISDIRECTED_REQUEST, b"unknown host")
        origin = request.headers.get("origin", f"http://{host}")
        if request.method != "GET" and origin != f"http://{host}":
            return Response(HTTPStatus.FORBIDDEN, b"form of another site")
        if request.path == STYLE_PATH:
            return style_response()
        routes: list[Callable[[Request], Response | None]] = [
            self._home,
            self._admin,
            self._patient_pages,
            self._insi_pages,
            self._mail_pages,
        ]
        routes += [provider.browser for provider in self._providers]
        for route in routes:
            answer = route(request)
            if answer is not None:
                return answer
        return Response(HTTPStatus.NOT_FOUND, b"not found")

    def _mutual(self, request: Request) -> Response:
        return self.insi(request) or self.dmp(request)

    def _backchannel(self, request: Request) -> Response:
        routes: list[Callable[[Request], Response | None]] = [self.annuaire]
        routes += [provider.backchannel for provider in self._providers]
        for route in routes:
            answer = route(request)
            if answer is not None:
                return answer
        return Response(HTTPStatus.NOT_FOUND, b"not found")


def _secret(path: Path) -> str:
    """A secret of the folder, made at first use."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _dmp_addresses(base: str) -> DmpAddresses:
    return DmpAddresses(
        base_url=base,
        repository_url=f"{base}repository",
        registry_url=f"{base}registry",
        patients_url=f"{base}patients",
        authorisations_url=f"{base}habilitations",
    )


def _certificate_addresses(certificates: Certificates) -> CertificateAddresses:
    pairs: dict[str, Any] = {}
    for name in ("server", "seal", "client", "insi"):
        credential = getattr(certificates, name)
        pairs |= {f"{name}_cert": str(credential.certificate), f"{name}_key": str(credential.key)}
    return CertificateAddresses(ca=str(certificates.ca), **pairs)
