"""The guard of the tests itself: another machine is out of reach, loopback is not."""

from __future__ import annotations

import socket

import pytest

from tests.network import NetworkForbidden, is_local


def test_another_machine_is_refused_before_a_packet_leaves():
    with socket.socket() as outgoing, pytest.raises(NetworkForbidden):
        outgoing.connect(("192.0.2.1", 80))


def test_a_name_of_the_internet_is_not_even_resolved():
    with pytest.raises(NetworkForbidden):
        socket.getaddrinfo("example.org", 443)


def test_a_datagram_is_refused_too():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing, pytest.raises(NetworkForbidden):
        outgoing.sendto(b"x", ("192.0.2.1", 53))


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "app.localhost", "", None, "127.8.9.1"])
def test_addresses_of_this_machine_are_local(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.org", "::2", "169.254.169.254"])
def test_other_addresses_are_not(host):
    assert not is_local(host)
