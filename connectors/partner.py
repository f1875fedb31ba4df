"""The contract of partners: they are asked, and answer later in their own time.

A second contract beside `connectors.contract`: nothing is found or erased by a call that returns.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from pydantic import Field

from connectors.contract import (
    Choice,
    Correction,
    Found,
    Person,
    System,
    SystemMisdeclared,
    SystemUnreachable,
)
from schemas.base import Instant, Model
from schemas.partners import PartnerFault, RequestResult, RequestStatus


class PartnerAway(SystemUnreachable):
    """No answer, or not now: later, again. `retry_after`: what the partner asked for (429, 503)."""

    def __init__(self, text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class PartnerWrong(SystemMisdeclared):
    """The partner answered, and the answer cannot be used. Never its own words."""

    def __init__(self, system: str, fault: PartnerFault) -> None:
        super().__init__(f"{system}: {fault}")
        self.fault = fault


class Right(StrEnum):
    """What a partner is asked to do.

    `access` and `erasure` are OpenDSR's own. The others are types of ours, not an `erasure` with
    an extension: whoever does not know them refuses, instead of erasing.
    """

    ACCESS = "access"
    ERASURE = "erasure"
    CORRECTION = "correction"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    RESTRICTION_LIFT = "restriction_lift"
    CONSENT = "consent"


class Order(Model):
    """One request to a partner. What of the person goes out is decided by `fields_sent`."""

    request: UUID
    right: Right
    submitted_at: Instant
    person: Person = Field(repr=False)
    employer: str | None = Field(None, repr=False)
    address: str | None = Field(None, repr=False)
    choice: Choice | None = None  # of an objection, a restriction, a consent
    corrections: tuple[Correction, ...] = Field((), repr=False)
    ends_restriction: bool = False  # with the correction: cases of an earlier version


class Told(Model):
    """What a partner says of a request, signed by it."""

    request: UUID
    status: RequestStatus
    result: RequestResult = RequestResult.DONE  # once completed
    records: int | None = None  # None: it does not say
    results_url: str | None = Field(None, repr=False)


class Certificates(Protocol):
    """Where the certificates of partners are kept that were found good."""

    async def keep(self, system: str, chain: bytes) -> None:
        """The PEM chain as it was vouched for now."""

    async def kept(self, system: str) -> bytes | None:
        """The chain that was kept last."""


class Remembered:
    """In this process only."""

    def __init__(self) -> None:
        self._chains: dict[str, bytes] = {}

    async def keep(self, system: str, chain: bytes) -> None:
        """See `Certificates`."""
        self._chains[system] = chain

    async def kept(self, system: str) -> bytes | None:
        """See `Certificates`."""
        return self._chains.get(system)


class Partner(System, Protocol):
    """A system that is asked over HTTP.

    Every method raises `PartnerAway` (later, again) or `PartnerWrong` (a person has to look).
    """

    @property
    def domain(self) -> str:
        """The domain under which it signs."""

    async def ask(self, order: Order) -> None:
        """Hand the request over. Safe to repeat: one that it has already is not handed over twice.

        To erase, this is the point of no return.
        """

    async def status(self, request: UUID) -> Told:
        """Where it stands now. This decides, whatever a callback said."""

    async def results(self, told: Told) -> Found:
        """What a completed access request found."""

    async def cancel(self, request: UUID) -> bool:
        """Take the request back. False: too late, only a pending one can be."""

    async def read_callback(self, signature: str, body: bytes) -> Told:
        """A callback whose signature is the partner's, by the certificate that was kept last.

        Calls nobody. Raises `PartnerAway` while none is kept.
        """
