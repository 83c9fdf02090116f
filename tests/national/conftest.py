"""Certificates, a server on loopback, and a transport towards it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from national.calls import CallRecord
from national.dmp.adapter import DmpSettings, DmpSoap
from national.transport import TlsFiles, Transport, TransportSettings
from tests.interop import pki
from tests.national.dmp_bench import SOFTWARE, Bench, Build
from tests.national.server import LoopbackServer, Reply, Request, Script, serving, write_files

Start = Callable[..., tuple[LoopbackServer, Transport]]


@pytest.fixture
def tls_files(tmp_path: Path) -> TlsFiles:
    write_files(tmp_path)
    return TlsFiles(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "client.key")


@pytest.fixture
def start(tls_files: TlsFiles, tmp_path: Path) -> Iterator[Start]:
    """Start a server that plays a script, and a transport with the given settings."""
    with ExitStack() as stack:

        def starting(
            script: Script, *, tls_1_2: bool = False, **settings: object
        ) -> tuple[LoopbackServer, Transport]:
            server = stack.enter_context(serving(tmp_path, script, tls_1_2=tls_1_2))
            options = {"label": "Le DMP", "base_url": server.base_url, "tls": tls_files} | settings
            transport = Transport(TransportSettings(**options))
            stack.callback(transport.close)
            return server, transport

        yield starting


@pytest.fixture
def bench(start: Start) -> Build:
    def building(script: Callable[[Request], Reply], **options: object) -> Bench:
        settings = {key: options.pop(key) for key in list(options) if key in DmpSettings.__slots__}
        server, transport = start(script, breaker_threshold=0)
        calls: list[CallRecord] = []
        gateway = DmpSoap(
            transport,
            options.pop("seal", None) or pki.seal(),
            DmpSettings(SOFTWARE, **settings),
            record=calls.append,
            **options,
        )
        return Bench(server, gateway, calls)

    return building
