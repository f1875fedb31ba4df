"""The wire to a partner: encrypted, named by its certificate, bounded in time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest

from connectors.opendsr.exchange import MAX_WAIT, Line, _retry_after
from connectors.partner import PartnerAway
from starter.partners.authority import Authority
from tests.partners.processes import DOMAIN

LOOPBACK = (ip_network("127.0.0.0/8"),)
PUBLIC = ssl.create_default_context()
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()
    writer.close()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever: no single read ever times out."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        try:
            await writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(0.02)


@asynccontextmanager
async def a_server(handle: Handle, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port of this machine."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def a_line(url: str, trusted: ssl.SSLContext, within: float = 5) -> AsyncIterator[Line]:
    line = Line("expert", url, LOOPBACK, trusted, timedelta(seconds=within))
    try:
        yield line
    finally:
        await line.close()


@pytest.fixture
def expert_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner's domain leads to this machine."""
    real = asyncio.BaseEventLoop.getaddrinfo

    async def getaddrinfo(self: Any, host: Any, port: Any, **more: Any) -> Any:
        return await real(self, "127.0.0.1" if host == DOMAIN else host, port, **more)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def test_the_connection_goes_to_whom_the_manifests_authority_vouches_for(
    expert_is_here: None, tmp_path: Path
):
    """The address is vetted and called; the name is what the certificate has to be for."""
    authority = Authority.new()
    authority.certifies(DOMAIN).write(tmp_path, DOMAIN)
    authority.own.write(tmp_path, "ca")
    Authority.new("Somebody else").own.write(tmp_path, "other")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / f"{DOMAIN}.pem", tmp_path / f"{DOMAIN}.key")
    ours = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    others = ssl.create_default_context(cafile=str(tmp_path / "other.pem"))

    async with a_server(greets, serving) as port:
        async with a_line(f"https://{DOMAIN}:{port}", ours) as line:
            assert (await line.exchange("GET", "discovery")).body == b"{}"
        async with a_line(f"https://{DOMAIN}:{port}", others) as line:
            with pytest.raises(PartnerAway):
                await line.exchange("GET", "discovery")
        async with a_line(f"https://127.0.0.1:{port}", ours) as line:
            with pytest.raises(PartnerAway):
                await line.exchange("GET", "discovery")


async def test_an_answer_that_drips_is_given_up_within_the_bound():
    began = monotonic()
    async with a_server(drips) as port, a_line(f"http://127.0.0.1:{port}", PUBLIC, 0.4) as line:
        with pytest.raises(PartnerAway):
            await line.exchange("GET", "discovery")

    assert monotonic() - began < 5


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch):
    """It would call for us, wherever it likes."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with a_server(greets) as port, a_line(f"http://127.0.0.1:{port}", PUBLIC) as line:
        assert (await line.exchange("GET", "discovery")).status == 200


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("999999999", MAX_WAIT),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 2999 23:59:59 GMT", MAX_WAIT),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_a_partner_says_when_to_come_again_in_seconds_or_as_a_date(
    said: str, wait: timedelta | None
):
    """RFC 9110 section 10.2.3; nobody is put off for longer than a day at a time."""
    assert _retry_after(httpx2.Headers([(b"Retry-After", said.encode())])) == wait
