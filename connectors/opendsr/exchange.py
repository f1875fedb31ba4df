"""One HTTP exchange with a partner: guarded, bounded in time and size, no redirect followed.

Nothing of an address, a body or a header goes into an error: they may hold personal data.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from connectors.calls import count_call
from connectors.opendsr.network import AddressRefused, GuardedTransport, Network
from connectors.partner import PartnerAway, PartnerWrong
from schemas.partners import PartnerFault

MAX_MESSAGE_BYTES: Final = 1 << 20
MAX_RESULT_BYTES: Final = 32 << 20
MAX_WAIT: Final = timedelta(days=1)
"""A partner cannot put us off for longer than this at a time."""


@dataclass(frozen=True)
class Answer:
    """What came back, as it came."""

    status: int
    headers: httpx2.Headers = field(repr=False)
    body: bytes = field(repr=False)


class Line:
    """The way to one partner."""

    def __init__(
        self, system: str, url: str, private: Sequence[Network], trusted: ssl.SSLContext,
        within: timedelta,
    ) -> None:  # fmt: skip
        """`within`: how long one exchange may take, from the name's resolution to the last byte."""
        self._system = system
        self._base = httpx2.URL(url.rstrip("/") + "/")
        self._within = within.total_seconds()
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(private, trusted, encrypted=self._base.scheme == "https"),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
            timeout=self._within,
        )

    async def exchange(
        self, method: str, path: str, body: bytes | None = None, most: int = MAX_MESSAGE_BYTES
    ) -> Answer:
        """Send and read at most `most` bytes. Raises `PartnerAway`, `PartnerWrong`."""
        headers = {"Content-Type": "application/json"} if body is not None else None
        request = self._client.build_request(
            method, self._base.join(path), content=body, headers=headers
        )
        count_call()
        try:
            async with asyncio.timeout(self._within):
                answer = await self._exchange(request, most)
        except AddressRefused:
            raise PartnerWrong(self._system, PartnerFault.ADDRESS) from None
        except (httpx2.TransportError, TimeoutError) as error:
            raise self._away(type(error).__name__) from None
        if answer.status in (429, 500, 502, 503, 504):
            raise self._away(f"HTTP {answer.status}", _retry_after(answer.headers))
        return answer

    async def fetch(self, url: str, most: int = MAX_MESSAGE_BYTES) -> Answer:
        """Get a URL that the partner named; only where it is reached itself."""
        try:
            there = self._base.join(url)
        except httpx2.InvalidURL:
            raise PartnerWrong(self._system, PartnerFault.MALFORMED) from None
        if _origin(there) != _origin(self._base):
            raise PartnerWrong(self._system, PartnerFault.ADDRESS)
        return await self.exchange("GET", str(there), most=most)

    async def _exchange(self, request: httpx2.Request, most: int) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            if response.is_redirect:
                raise PartnerWrong(self._system, PartnerFault.REDIRECTED)
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > most:
                    raise PartnerWrong(self._system, PartnerFault.TOO_LARGE)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, bytes(body))

    def _away(self, why: str, retry_after: timedelta | None = None) -> PartnerAway:
        return PartnerAway(f"{self._system} does not answer ({why})", retry_after)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _retry_after(headers: httpx2.Headers) -> timedelta | None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(timedelta(seconds=int(text)), MAX_WAIT)
    try:
        at = parsedate_to_datetime(text)
        wait = at.astimezone(UTC) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), MAX_WAIT)
