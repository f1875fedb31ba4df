"""Where an outgoing call may go: public addresses, and private networks that a manifest names.

The name is resolved once, every address it has is looked at, and the connection goes to one that
was looked at: a name that resolves differently the second time gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import httpcore2
import httpx2

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

TRANSLATED: Final = tuple(
    ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
"""NAT64, 6to4 and Teredo carry an IPv4 address inside; some count as global."""


class AddressRefused(Exception):
    """The host has an address that must not be called. Nothing was sent."""


def is_public(address: Address) -> bool:
    """Whether it is one host of the public internet, and no other address in disguise."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return address.is_global and not _within(address, TRANSLATED)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == n.version and address in n for n in networks)


class Guard(httpcore2.AsyncNetworkBackend):
    """Connects to vetted addresses only. Not encrypted: to the named private networks only."""

    def __init__(self, private: Sequence[Network], *, encrypted: bool) -> None:
        self._private = tuple(private)
        self._encrypted = encrypted
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:  # fmt: skip
        """Raises `AddressRefused` before anything is sent."""
        addresses = await self._vetted(host, port)
        for last, address in enumerate(addresses, start=1):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if last == len(addresses):
                    raise
        raise httpcore2.ConnectError("the host has no address")

    async def _vetted(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("the host has no address") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            if not self._may_be_called(ip_address(address.partition("%")[0])):
                raise AddressRefused
        return addresses

    def _may_be_called(self, address: Address) -> bool:
        return _within(address, self._private) or (self._encrypted and is_public(address))

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        """No partner is reached so."""
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        """Between tries of a connection."""
        await self._network.sleep(seconds)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """HTTP over the guard; httpx has no parameter for a network of one's own."""

    def __init__(
        self, private: Sequence[Network], trusted: ssl.SSLContext, *, encrypted: bool
    ) -> None:
        super().__init__(verify=trusted, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trusted, network_backend=Guard(private, encrypted=encrypted)
        )
