"""Relations that ended: what the sweep found, and the batches that two people decide."""

from datetime import date
from enum import StrEnum

from schemas.base import Instant, Model


class Origin(StrEnum):
    """Who asked for a case: a person, or nobody (a relation ended and its period is over)."""

    REQUEST = "request"
    RETENTION = "retention"


class EndedReport(Model):
    """What one system told of relations that ended; counts only.

    `found`: `batch_limit` at most beside those that wait already. `taken`: new cases, or in a dry
    run those that it would begin. The rest is left for a reason that a person can see to.
    """

    system: str
    found: int = 0
    taken: int = 0
    waiting: int = 0  # a case of this person is open already, also one that the person asked for
    refused_before: int = 0  # people decided not to, not long ago
    unnamed: int = 0  # no identifier names the person alone: by hand
    held: int = 0  # of those taken, how many a hold covers as far as everybody may know
    trouble: str | None = None  # it cannot be reached, or is not as its manifest says


class RetentionSweep(Model):
    """One sweep: a batch, if anything was taken."""

    swept_on: date
    at: Instant
    systems: tuple[EndedReport, ...]


class Batch(Model):
    """The cases of one sweep: how many are open, and what they wait for."""

    batch: str
    cases: int
    open: int
    first_decision: int
    second_decision: int
    records: int  # that would be erased, as planned


class BatchDecision(Model):
    """What a decision about a batch did: numbers of cases, and why some were not decided."""

    batch: str
    decided: tuple[str, ...] = ()
    seconded: tuple[str, ...] = ()
    not_decided: dict[str, str] = {}
