"""A partner that speaks OpenDSR: asked, polled, believed only what it signed for the very request.

The certificate comes from its discovery, and counts because an authority of the manifest vouches
for it and for the manifest's domain.
"""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import ValidationError

from connectors.contract import Found, FoundRow, SystemMisdeclared
from connectors.declared import Http
from connectors.manifest import Manifest
from connectors.opendsr.exchange import MAX_RESULT_BYTES, Answer, Line
from connectors.opendsr.messages import (
    DOMAIN_HEADER,
    SIGNATURE_HEADER,
    Accepted,
    Discovery,
    Results,
    StatusBody,
    names_somebody,
    subject_request,
)
from connectors.opendsr.signature import NotCertified, certified_key, is_signed
from connectors.partner import (
    Certificates,
    Order,
    PartnerAway,
    PartnerWrong,
    Remembered,
    Told,
)
from schemas.base import Model
from schemas.partners import PartnerFault
from schemas.systems import SystemFacts

M = TypeVar("M", bound=Model)

KEY_KEPT: Final = timedelta(hours=1)
KEY_RENEWED: Final = timedelta(minutes=1)
"""A signature that does not fit may be of a new key; whoever sends many makes us look once."""


class OpenDsrPartner:
    """One declared system with `reach: http`."""

    def __init__(
        self, manifest: Manifest, http: Http, environment: Mapping[str, str],
        callback_url: str | None, within: timedelta, certificates: Certificates | None = None,
    ) -> None:  # fmt: skip
        """`environment` holds the URL and the CA file under the names that the manifest gives."""
        self._facts = manifest.facts
        self._http = http
        self._environment = environment
        self._callback_url = callback_url
        self._within = within
        self._certificates = certificates or Remembered()
        self._opened: Line | None = None
        self._key: RSAPublicKey | None = None
        self._supported: tuple[str, ...] = ()
        self._seen_at = 0.0

    @property
    def facts(self) -> SystemFacts:
        """What the manifest says of it."""
        return self._facts

    @property
    def domain(self) -> str:
        """The domain under which it signs."""
        return self._http.domain

    async def check(self) -> None:
        """Discovery answers, and its certificate is vouched for."""
        await self._discover()

    async def ask(self, order: Order) -> None:
        """Hand the request over; one that it has already is known by its status."""
        request = subject_request(order, self.domain, self._facts.fields_sent, self._callback_url)
        if not names_somebody(request, self.domain):
            raise self._wrong(PartnerFault.NOBODY)
        await self._known_key()
        if order.right not in self._supported:
            raise self._wrong(PartnerFault.UNSUPPORTED)
        body = request.model_dump_json(exclude_defaults=False).encode()
        answer = await self._line().exchange("POST", "requests", body)
        if answer.status == 400 and await self._has(order.request):
            return
        if answer.status != 201:
            raise self._wrong(PartnerFault.REFUSED)
        await self._read(answer, Accepted, order.request)

    async def _has(self, request: UUID) -> bool:
        """Whether a 400 meant "already exists": asked, not read from its words."""
        answer = await self._line().exchange("GET", f"requests/{request}")
        if answer.status != 200:
            return False
        await self._read(answer, StatusBody, request)
        return True

    async def status(self, request: UUID) -> Told:
        """Where it stands, signed, for this request."""
        answer = await self._line().exchange("GET", f"requests/{request}")
        if answer.status == 404:
            raise self._wrong(PartnerFault.UNKNOWN_REQUEST)
        if answer.status != 200:
            raise self._wrong(PartnerFault.REFUSED)
        return (await self._read(answer, StatusBody, request)).told(self.domain)

    async def results(self, told: Told) -> Found:
        """The records behind `results_url`; none only where the partner says 0."""
        if told.results_url is None:
            if told.records != 0:
                raise self._wrong(PartnerFault.MALFORMED)
            return Found()
        answer = await self._line().fetch(told.results_url, MAX_RESULT_BYTES)
        if answer.status != 200:
            raise self._wrong(PartnerFault.REFUSED)
        results = await self._read(answer, Results, told.request)
        return Found(
            rows=tuple(
                FoundRow(
                    item=str(number), schema_name=self._facts.name, table="records", key=record,
                    path=(), values=record,
                )
                for number, record in enumerate(results.records, start=1)
            )
        )  # fmt: skip

    async def cancel(self, request: UUID) -> bool:
        """202 where it was pending; anything else that is signed for it: too late."""
        answer = await self._line().exchange("DELETE", f"requests/{request}")
        if answer.status != 202:
            return False
        await self._read(answer, Accepted, request)
        return True

    async def read_callback(self, signature: str, body: bytes) -> Told:
        """The body is parsed only once the signature is the partner's.

        By the certificate that a worker kept: whoever calls us makes us call nobody.
        """
        chain = await self._certificates.kept(self._facts.name)
        if chain is None:
            raise PartnerAway(f"{self._facts.name}: no certificate is kept yet")
        if not is_signed(self._certified(chain), signature, body):
            raise self._wrong(PartnerFault.UNSIGNED)
        return self._parsed(body, StatusBody).told(self.domain)

    async def close(self) -> None:
        """Release connections."""
        if self._opened is not None:
            await self._opened.close()

    # -- reading -----------------------------------------------------------------------------------

    async def _read(self, answer: Answer, kind: type[M], request: UUID) -> M:
        """A body that the partner signed, about the request that was meant."""
        if answer.headers.get(DOMAIN_HEADER) != self.domain:
            raise self._wrong(PartnerFault.UNSIGNED)
        await self._refuse_unsigned(answer.headers.get(SIGNATURE_HEADER, ""), answer.body)
        body = self._parsed(answer.body, kind)
        if getattr(body, "subject_request_id", None) != request:
            raise self._wrong(PartnerFault.ANOTHER_REQUEST)
        return body

    def _parsed(self, body: bytes, kind: type[M]) -> M:
        try:
            return kind.model_validate_json(body)
        except ValidationError:
            raise self._wrong(PartnerFault.MALFORMED) from None

    async def _refuse_unsigned(self, signature: str, body: bytes) -> None:
        if is_signed(await self._known_key(), signature, body):
            return
        if monotonic() - self._seen_at > KEY_RENEWED.total_seconds() and is_signed(
            await self._discover(), signature, body
        ):
            return
        raise self._wrong(PartnerFault.UNSIGNED)

    # -- the certificate ---------------------------------------------------------------------------

    async def _known_key(self) -> RSAPublicKey:
        if self._key is None or monotonic() - self._seen_at > KEY_KEPT.total_seconds():
            return await self._discover()
        return self._key

    async def _discover(self) -> RSAPublicKey:
        answer = await self._line().exchange("GET", "discovery")
        if answer.status != 200:
            raise self._wrong(PartnerFault.REFUSED)
        discovery = self._parsed(answer.body, Discovery)
        chain = (await self._line().fetch(discovery.processor_certificate)).body
        key = self._certified(chain)
        await self._certificates.keep(self._facts.name, chain)
        self._key, self._supported = key, discovery.supported_subject_request_types
        self._seen_at = monotonic()
        return key

    def _certified(self, chain: bytes) -> RSAPublicKey:
        try:
            return certified_key(chain, self._authority(), self.domain, datetime.now(UTC))
        except NotCertified:
            raise self._wrong(PartnerFault.UNSIGNED) from None

    def _authority(self) -> bytes:
        """The CA file. Its absence is a fault of our deployment: a person has to look."""
        path = self._environment.get(self._http.ca_env)
        if not path:
            raise self._unset(self._http.ca_env)
        try:
            return Path(path).read_bytes()
        except OSError:
            raise SystemMisdeclared(
                f"{self._facts.name}: the file of {self._http.ca_env} cannot be read"
            ) from None

    def _line(self) -> Line:
        url = self._environment.get(self._http.url_env)
        if not url:
            raise self._unset(self._http.url_env)
        if self._opened is None:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(cadata=self._authority().decode())
            self._opened = Line(
                self._facts.name, url, self._http.private_networks, trusted, self._within
            )
        return self._opened

    def _unset(self, variable: str) -> PartnerAway:
        return PartnerAway(f"{self._facts.name} cannot be reached: {variable} is not set.")

    def _wrong(self, fault: PartnerFault) -> PartnerWrong:
        return PartnerWrong(self._facts.name, fault)
