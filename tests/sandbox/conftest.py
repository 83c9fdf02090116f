"""A sandbox per test, with keys and certificates made once."""

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.runtime import Sandbox, SandboxSettings
from tests.sandbox.mail_client import MailClient
from tests.sandbox.wire import DmpClient, Key, line_to

CALLBACK = "http://localhost:8999/oidc/psc/callback"
LOGGED_OUT = "http://localhost:8999/oidc/psc/logout-response"


@pytest.fixture(scope="session")
def prepared_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose keys and certificates are made: a copy of it starts at once."""
    state = tmp_path_factory.mktemp("sandbox") / "state"
    with Sandbox(SandboxSettings(state=state)):
        pass
    return state


@pytest.fixture
def settings(prepared_state: Path, tmp_path: Path) -> SandboxSettings:
    state = tmp_path / "state"
    shutil.copytree(prepared_state, state)
    return SandboxSettings(
        state=state,
        redirect_uris=(CALLBACK, "http://127.0.0.1:8999/oidc/psc/callback"),
        post_logout_redirect_uris=(LOGGED_OUT,),
        establishment_redirect_uris=("http://localhost:8999/oidc/etablissement/callback",),
    )


@pytest.fixture
def box(settings: SandboxSettings) -> Iterator[Sandbox]:
    with Sandbox(settings) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """A browser: plain HTTP, cookies, redirections followed by hand."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def application(box: Sandbox) -> Iterator[httpx.Client]:
    """The application's server: TLS with the authority of the sandbox."""
    context = ssl.create_default_context(cafile=box.addresses.certificates.ca)
    with httpx.Client(verify=context, trust_env=False) as client:
        yield client


@pytest.fixture
def hospital(box: Sandbox) -> Iterator[DmpClient]:
    """The demonstration hospital, with its two certificates."""
    certificates = box.addresses.certificates
    with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
        yield DmpClient(box, line, Key.of(box.certificates.seal))


@pytest.fixture
def mail(box: Sandbox) -> Iterator[MailClient]:
    """The hospital as a client of the operator."""
    client = MailClient(box)
    yield client
    client.close()
