"""The arithmetic of one time limit in local dates: start, pauses, extension, due and safe date.

Facts come in, dates come out; what a case makes of them is in `rules.deadlines`, why they are so
in `rules.explanations`. Sources: Art. 12(3)-(6), Regulation 1182/71 Art. 2-3, EDPB Guidelines
01/2022 (157-164); the UK variant by the ICO's guidance and UK GDPR Art. 12A.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from rules import calendars
from schemas.case import Pause, PauseReason
from schemas.errors import BadInput
from schemas.policy import Calendar

MONTHS: Final = 1  # Art. 12(3), first sentence
MAX_EXTENSION_MONTHS: Final = 2  # Art. 12(3), second sentence
_UK_RESTARTS: Final = frozenset({PauseReason.IDENTITY, PauseReason.FEE})


class ReplyKind(StrEnum):
    """Which time limit: of the reply (Art. 12(3)), or of a refusal (Art. 12(4))."""

    RESPONSE = "response"
    REFUSAL = "refusal"


class Notice(NamedTuple):
    """An extension by `months` (1 or 2), told to the subject at `told_at`; None = not told yet."""

    months: int
    told_at: datetime | None


@dataclass(frozen=True)
class Reckoning:
    """One time limit, reckoned. `notice_due` is the last day for the notice of an extension."""

    calendar: Calendar
    receipt: date
    start: date  # receipt, or in the UK the answer that started the clock again
    pause_days: int
    suspended: bool
    notice: Notice | None
    notice_due: date
    notice_in_time: bool | None  # None without an extension

    def added_months(self, kind: ReplyKind) -> int:
        """Months of a valid extension; a refusal is never extended (Art. 12(4))."""
        if self.notice is None or not self.notice_in_time or kind is ReplyKind.REFUSAL:
            return 0
        return self.notice.months

    def nominal(self, kind: ReplyKind) -> date | None:
        """The end of the period before it is moved to a working day; None while suspended."""
        if self.suspended:
            return None
        end = calendars.add_months(self.start, MONTHS + self.added_months(kind))
        return end + timedelta(days=self.pause_days)

    def due(self, kind: ReplyKind, *, eves_off: bool | None = None) -> date | None:
        """The nominal date, or the next working day (Regulation 1182/71 Art. 3(4))."""
        nominal = self.nominal(kind)
        if nominal is None:
            return None
        return calendars.forward(nominal, self.calendar, eves_off=eves_off)

    def safe_limit(self, kind: ReplyKind) -> date:
        """The earliest end that any reading of the law gives: from receipt, without pauses."""
        first = calendars.add_months(self.receipt, MONTHS)
        added = self.added_months(kind)
        if not added:
            return first
        one_period = calendars.add_months(self.receipt, MONTHS + added)
        return min(one_period, calendars.add_months(first, added))

    def safe_date(self, kind: ReplyKind) -> date:
        """The last working day, eves being days off, not later than `safe_limit`."""
        return calendars.back(self.safe_limit(kind), self.calendar, eves_off=True)


def reckon(
    received_at: datetime,
    calendar: Calendar,
    *,
    pauses: Sequence[Pause] = (),
    notice: Notice | None = None,
    notice_due: date | None = None,
) -> Reckoning:
    """The time limit of a request received at an aware instant.

    `notice_due`: the last day for the notice where it is already on record; else it is computed.
    Takes the facts as they are: `check_facts` says whether they can be true.
    """
    receipt = calendars.local_date(received_at, calendar)
    counted = [pause for pause in pauses if counts(pause, calendar)]
    start = _start(receipt, counted, calendar)
    if notice_due is None:
        notice_due = calendars.forward(calendars.add_months(start, MONTHS), calendar)
    return Reckoning(
        calendar=calendar,
        receipt=receipt,
        start=start,
        pause_days=_pause_days(counted, calendar),
        suspended=any(pause.answered_at is None for pause in counted),
        notice=notice,
        notice_due=notice_due,
        notice_in_time=_in_time(notice, notice_due, calendar) if notice else None,
    )


def check_facts(received_at: datetime, pauses: Sequence[Pause], notice: Notice | None) -> None:
    """Raises `BadInput`, in one sentence, if the facts cannot be true together.

    To be asked before a fact is recorded, a corrected receipt among them.
    """
    if notice and not 1 <= notice.months <= MAX_EXTENSION_MONTHS:
        raise BadInput("An extension has 1 or 2 months, Art. 12(3): give one of them.")
    for pause in pauses:
        if pause.asked_at < received_at:
            raise BadInput("A question is asked before the request was received: check the times.")
        if pause.answered_at and pause.answered_at < pause.asked_at:
            raise BadInput("A question is answered before it was asked: check the times.")
    if notice and notice.told_at and notice.told_at < received_at:
        raise BadInput("An extension is told before the request was received: check the times.")
    told = [notice.told_at] if notice else []
    for at in (received_at, *told, *(p.answered_at or p.asked_at for p in pauses)):
        if at and not calendars.FIRST_YEAR <= at.year <= calendars.LAST_YEAR:
            raise BadInput(
                f"A time lies outside the years {calendars.FIRST_YEAR} to {calendars.LAST_YEAR} "
                "that the calendar covers: check the times."
            )


def is_fi(calendar: Calendar) -> bool:
    """Whether Act 150/1930 can be read by analogy."""
    return calendar.country == "FI"


def is_uk(calendar: Calendar) -> bool:
    """Whether the UK variant applies: answers start the clock again."""
    return calendar.country == "GB"


def counts(pause: Pause, calendar: Calendar) -> bool:
    """Whether a question moves the due date: asked promptly, and in the EU not about a fee."""
    return pause.counted and (is_uk(calendar) or pause.reason is not PauseReason.FEE)


def restarts(pause: Pause, calendar: Calendar) -> bool:
    """Whether the answer starts the clock again, as in the UK to identity and fee."""
    return is_uk(calendar) and pause.reason in _UK_RESTARTS


def _start(receipt: date, counted: Sequence[Pause], calendar: Calendar) -> date:
    answers = (
        calendars.local_date(pause.answered_at, calendar)
        for pause in counted
        if pause.answered_at and restarts(pause, calendar)
    )
    return max([receipt, *answers])


def _pause_days(counted: Sequence[Pause], calendar: Calendar) -> int:
    """Calendar days of closed questions, each day once; the day of asking counts in the UK only."""
    lead = timedelta(0) if is_uk(calendar) else calendars.DAY
    return _days_covered(
        (
            calendars.local_date(pause.asked_at, calendar) + lead,
            calendars.local_date(pause.answered_at, calendar),
        )
        for pause in counted
        if pause.answered_at and not restarts(pause, calendar)
    )


def _days_covered(spans: Iterable[tuple[date, date]]) -> int:
    """Days in the union of spans, first and last included."""
    covered, reached = 0, date.min
    for first, last in sorted(spans):
        new = max(first, reached + calendars.DAY)
        covered += max((last - new).days + 1, 0)
        reached = max(reached, last)
    return covered


def _in_time(notice: Notice, notice_due: date, calendar: Calendar) -> bool:
    return notice.told_at is not None and (
        calendars.local_date(notice.told_at, calendar) <= notice_due
    )
