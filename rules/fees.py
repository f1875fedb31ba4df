"""The 12-month rule: is this inquiry free, under the notice of the register or under Art. 12(5)?

The result is never a charge: CHARGEABLE and REVIEW are questions to a person (law.md 2).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from rules.calendars import DAY, add_months
from schemas.base import Instant, Model
from schemas.case import FeeAssessment, Ground, Outcome
from schemas.errors import BadInput
from schemas.policy import FeePolicyName
from schemas.request import Kind


class InquiryOutcome(StrEnum):
    """What became of an earlier inquiry, as the ledger keeps it."""

    OPEN = "open"
    FULFILLED = "fulfilled"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    IDENTITY_FAILED = "identity_failed"
    NO_DATA = "no_data"


class Inquiry(Model):
    """An inquiry of one person: the new request, or an entry of the ledger before it.

    `data_changed_since`: whether the person's data changed after this inquiry; None = not known,
    which counts as changed.
    """

    id: str
    kind: Kind
    scope: tuple[str, ...]
    received_at: Instant
    outcome: InquiryOutcome = InquiryOutcome.OPEN
    delivered_at: Instant | None = None
    data_changed_since: bool | None = None

    def concerns_the_same_as(self, other: "Inquiry") -> bool:
        """Equal scopes, in whatever order the parts are named."""
        return set(self.scope) == set(other.scope)


class Assessment(Model):
    """What the rule says. `free_from`: the local date from which it would be free by time alone.

    `merge_into`: the id of the open inquiry that this one only repeats.
    """

    result: FeeAssessment
    free_from: date | None = None
    merge_into: str | None = None


def assess(
    request: Inquiry,
    history: Sequence[Inquiry],
    rule: FeePolicyName,
    free_after_months: int,
    zone: ZoneInfo,
    *,
    manual_flag: bool = False,
) -> Assessment:
    """The assessment of `request` after the same person's earlier inquiries.

    `history` is what precedes the request in the ledger's order. `manual_flag`: a person wants it
    looked at, which only policy `gdpr` heeds. An entry may have been received later than a request
    that lay unregistered: the ledger's order decides.
    """
    if rule is FeePolicyName.NOTICE:
        return _notice(request, history, free_after_months, zone)
    return _gdpr(request, history, free_after_months, zone, manual_flag)


def legacy(request: Inquiry, history: Sequence[Inquiry], zone: ZoneInfo) -> FeeAssessment:
    """The repealed Finnish Act 523/1999, for comparison in `dsr rules check` only."""
    deliveries = [
        _local(entry.delivered_at, zone)
        for entry in history
        if entry.delivered_at and _is_fulfilled_access(entry)
    ]
    if request.kind is not Kind.ACCESS or not deliveries:
        return FeeAssessment.FREE
    charged = _local(request.received_at, zone) < add_months(max(deliveries), 12)
    return FeeAssessment.CHARGEABLE if charged else FeeAssessment.FREE


def check_order(received_at: datetime, earlier: Iterable[datetime]) -> None:
    """Raises `BadInput` if an earlier inquiry was received after this one."""
    if any(entry > received_at for entry in earlier):
        raise BadInput(
            "An entry of the history was received after the request: the history holds what "
            "precedes it."
        )


def ledger_outcome(outcome: Outcome, ground: Ground | None = None) -> InquiryOutcome:
    """How a case that ended stands in the ledger. A partial answer is an answer."""
    if ground is Ground.CANNOT_IDENTIFY:
        return InquiryOutcome.IDENTITY_FAILED
    return {
        Outcome.FULFILLED: InquiryOutcome.FULFILLED,
        Outcome.PARTIAL: InquiryOutcome.FULFILLED,
        Outcome.REFUSED: InquiryOutcome.DENIED,
        Outcome.NOTHING_HELD: InquiryOutcome.NO_DATA,
    }.get(outcome, InquiryOutcome.WITHDRAWN)


def _notice(
    request: Inquiry, history: Sequence[Inquiry], months: int, zone: ZoneInfo
) -> Assessment:
    """The register's own words: free if more than 12 months have passed since the last inquiry."""
    if not history:
        return Assessment(result=FeeAssessment.FREE)
    latest = max(_local(entry.received_at, zone) for entry in history)
    return _by_time(
        request, add_months(latest, months) + DAY, zone, otherwise=FeeAssessment.CHARGEABLE
    )


def _gdpr(
    request: Inquiry, history: Sequence[Inquiry], months: int, zone: ZoneInfo, manual_flag: bool
) -> Assessment:
    """Art. 12(5), 15(3), EDPB Guidelines 01/2022 (29, 185): the first rule that applies."""
    if manual_flag:
        return Assessment(result=FeeAssessment.REVIEW)
    if request.kind is not Kind.ACCESS:
        return Assessment(result=FeeAssessment.FREE)
    alike = [e for e in history if e.kind is Kind.ACCESS and e.concerns_the_same_as(request)]
    still_open = [entry for entry in alike if entry.outcome is InquiryOutcome.OPEN]
    if still_open:
        first = min(still_open, key=lambda entry: entry.received_at)
        return Assessment(result=FeeAssessment.MERGE, merge_into=first.id)
    counting = [
        _local(entry.received_at, zone)
        for entry in alike
        if _is_fulfilled_access(entry) and entry.data_changed_since is False
    ]
    if not counting:
        return Assessment(result=FeeAssessment.FREE)
    free_from = add_months(max(counting), months)
    return _by_time(request, free_from, zone, otherwise=FeeAssessment.REVIEW)


def _by_time(
    request: Inquiry, free_from: date, zone: ZoneInfo, *, otherwise: FeeAssessment
) -> Assessment:
    is_free = _local(request.received_at, zone) >= free_from
    return Assessment(result=FeeAssessment.FREE if is_free else otherwise, free_from=free_from)


def _is_fulfilled_access(entry: Inquiry) -> bool:
    return entry.kind is Kind.ACCESS and entry.outcome is InquiryOutcome.FULFILLED


def _local(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
