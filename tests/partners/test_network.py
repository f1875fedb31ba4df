"""Where an outgoing call may go."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore2
import pytest

from connectors.opendsr.network import AddressRefused, Guard, is_public

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"]
)
def test_a_host_of_the_public_internet_may_be_called(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1",
     "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
     "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001::1",
     "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1"],
)  # fmt: skip
def test_a_private_or_disguised_address_may_not(address: str):
    assert not is_public(ip_address(address))


@asynccontextmanager
async def a_server() -> AsyncIterator[tuple[int, list[str]]]:
    """A port, and who has connected to it."""
    seen: list[str] = []

    async def greet(_reader: Any, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("sockname")[0])
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def resolves(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """Names resolve to these addresses, another list every time; the hosts that were asked."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        answer = rounds[min(len(asked), len(rounds)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_is_refused_if_only_one_of_its_addresses_is_private(
    monkeypatch: pytest.MonkeyPatch,
):
    resolves(monkeypatch, ["93.184.216.34", "10.0.0.1"])

    with pytest.raises(AddressRefused):
        await Guard((), encrypted=True).connect_tcp("partner.example", 443)


async def test_a_name_is_resolved_once_and_the_address_that_was_looked_at_is_called(
    monkeypatch: pytest.MonkeyPatch,
):
    async with a_server() as (port, seen):
        asked = resolves(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])

        stream = await Guard(LOOPBACK, encrypted=False).connect_tcp("partner.example", port)
        await stream.aclose()

    assert seen == ["127.0.0.1"]
    assert asked.count("partner.example") == 1


async def test_a_private_network_is_open_only_to_the_system_that_names_it():
    async with a_server() as (port, seen):
        with pytest.raises(AddressRefused):
            await Guard((), encrypted=True).connect_tcp("127.0.0.1", port)
        with pytest.raises(AddressRefused):
            await Guard((ip_network("10.0.0.0/8"),), encrypted=True).connect_tcp("127.0.0.1", port)

    assert not seen


async def test_unencrypted_calls_go_to_named_private_networks_only(
    monkeypatch: pytest.MonkeyPatch,
):
    resolves(monkeypatch, ["93.184.216.34"])

    with pytest.raises(AddressRefused):
        await Guard(LOOPBACK, encrypted=False).connect_tcp("partner.example", 80)


async def test_a_name_without_an_address_is_a_partner_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
):
    resolves(monkeypatch, [])

    with pytest.raises(httpcore2.ConnectError):
        await Guard((), encrypted=True).connect_tcp("partner.example", 443)
