"""Why a date is what it is: one sentence a date, for letters, dashboards and the command line."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from rules import calendars
from rules.reckoning import MONTHS, Reckoning, ReplyKind, counts, is_uk, restarts
from schemas.case import Explanation, Pause, PauseReason
from schemas.policy import Calendar

# Own names: strftime follows the locale of the process.
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def plain(day: date) -> str:
    """`5 April 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def full(day: date) -> str:
    """`Sunday 5 April 2026`."""
    return f"{_WEEKDAYS[day.weekday()]} {plain(day)}"


def of_limit(
    reckoning: Reckoning, kind: ReplyKind, pauses: Sequence[Pause]
) -> Iterator[Explanation]:
    """All about one time limit."""
    yield from of_receipt(reckoning)
    yield from of_pauses(reckoning, pauses)
    yield from of_due(reckoning, kind, reckoning.due(kind))
    if reckoning.notice:
        yield from of_notice_due(reckoning)
        yield from of_notice(reckoning, kind)
    yield from of_safe_date(reckoning, kind, reckoning.safe_date(kind))


def of_receipt(reckoning: Reckoning) -> Iterator[Explanation]:
    """The day from which the month runs."""
    receipt, calendar = reckoning.receipt, reckoning.calendar
    sentence = f"Received on {full(receipt)} in {calendar.zone}: the month of Art. 12(3) runs from"
    off = calendars.day_off(receipt, calendar)
    sentence += f" this day, although it is {off}." if off else " this day."
    yield Explanation(date=receipt, sentence=sentence)


def of_pauses(reckoning: Reckoning, pauses: Sequence[Pause]) -> Iterator[Explanation]:
    """What each question to the subject does to the due date."""
    for pause in pauses:
        asked = calendars.local_date(pause.asked_at, reckoning.calendar)
        question = f"The question about {pause.reason} of {plain(asked)}"
        if not counts(pause, reckoning.calendar):
            yield Explanation(date=asked, sentence=f"{question} {_why_it_counts_not(pause)}.")
        elif pause.answered_at is None:
            yield Explanation(
                date=asked,
                sentence=f"{question} is not answered yet: the clock is suspended and no due date "
                "is known. Act by the safe date.",
            )
        else:
            yield _answered(question, pause, pause.answered_at, reckoning.calendar)


def of_due(reckoning: Reckoning, kind: ReplyKind, due: date | None) -> Iterator[Explanation]:
    """How the due date follows from the start; nothing while suspended."""
    nominal = reckoning.nominal(kind)
    if nominal is None or due is None:
        return
    yield _of_nominal(reckoning, kind, nominal)
    what = "Due" if kind is ReplyKind.RESPONSE else "A refusal is due"
    rolled = _days_off(nominal, due, reckoning.calendar)
    source = _source(reckoning.calendar, "Art. 3(4)")
    reason = f"{rolled}, {source}." if rolled else "a working day."
    yield Explanation(date=due, sentence=f"{what} on {full(due)}: {reason}")
    yield from _of_working_eve(nominal, due, reckoning.calendar)


def of_safe_date(reckoning: Reckoning, kind: ReplyKind, safe_date: date) -> Iterator[Explanation]:
    """The date that holds under every reading of the law."""
    calendar, limit = reckoning.calendar, reckoning.safe_limit(kind)
    off = _days_off(safe_date + calendars.DAY, limit + calendars.DAY, calendar, eves_off=True)
    added = reckoning.added_months(kind)
    reading = (
        f" (the earlier of {MONTHS + added} months from receipt and {added} from the first "
        "month's end)"
        if added
        else ""
    )
    yield Explanation(
        date=safe_date,
        sentence=f"Safe date {full(safe_date)}: the last working day not later than "
        f"{plain(limit)}{reading}{'; ' if off else ''}{off}. No pause moves it.",
    )


def of_notice_due(reckoning: Reckoning) -> Iterator[Explanation]:
    """The last day on which the notice of an extension may leave."""
    nominal = calendars.add_months(reckoning.start, MONTHS)
    rolled = _days_off(nominal, reckoning.notice_due, reckoning.calendar)
    yield Explanation(
        date=reckoning.notice_due,
        sentence=f"The notice of an extension has to leave by {full(reckoning.notice_due)}, "
        f"Art. 12(3){': ' if rolled else ''}{rolled}.",
    )


def of_notice(reckoning: Reckoning, kind: ReplyKind) -> Iterator[Explanation]:
    """Whether an extension counts; nothing without one."""
    notice = reckoning.notice
    if notice is None:
        return
    extension = f"The extension by {_count(notice.months, 'month')}"
    if notice.told_at is None:
        yield Explanation(
            date=reckoning.notice_due,
            sentence=f"{extension} does not count: its notice has not left, Art. 12(3).",
        )
        return
    told = calendars.local_date(notice.told_at, reckoning.calendar)
    last = plain(reckoning.notice_due)
    if not reckoning.notice_in_time:
        verdict = f"is void: its notice left on {plain(told)}, after {last}, Art. 12(3)."
    elif kind is ReplyKind.REFUSAL:
        verdict = "is valid but gives a refusal no more time, Art. 12(4)."
    else:
        verdict = f"is valid: its notice left on {plain(told)}, not after {last}, Art. 12(3)."
    yield Explanation(date=told, sentence=f"{extension} {verdict}")


def of_target(target: date, safe_date: date) -> Explanation:
    """The internal target, calendar days before the safe date."""
    days = _count((safe_date - target).days, "day")
    return Explanation(
        date=target,
        sentence=f"Internal target {full(target)}, {days} before the safe date: at its end the "
        "search closes.",
    )


def of_prompt_day(day: date) -> Explanation:
    """The last day on which a question pauses the clock."""
    return Explanation(
        date=day,
        sentence=f"A question to the subject pauses the clock only if asked by {full(day)}, "
        "Art. 12(6).",
    )


def of_record(day: date) -> Explanation:
    """A date that newer data would compute otherwise."""
    return Explanation(
        date=day,
        sentence=f"{plain(day)} stays as recorded: a newer calendar or policy moves no date.",
    )


def _of_nominal(reckoning: Reckoning, kind: ReplyKind, nominal: date) -> Explanation:
    start, months = reckoning.start, MONTHS + reckoning.added_months(kind)
    end = calendars.add_months(start, months)
    sentence = f"{_count(months, 'month')} from {plain(start)} is {plain(end)}"
    if end.day != start.day:
        sentence += (
            f": {_MONTHS[end.month - 1]} {end.year} has no day {start.day}, so its last day "
            f"counts, {_source(reckoning.calendar, 'Art. 3(2)(c)')}"
        )
    if reckoning.pause_days:
        days = _count(reckoning.pause_days, "day")
        sentence += f"; with {days} of pause it is {plain(nominal)}"
    return Explanation(date=nominal, sentence=f"{sentence}.")


def _of_working_eve(nominal: date, due: date, calendar: Calendar) -> Iterator[Explanation]:
    eve = calendars.eve(due, calendar)
    if eve is None:
        return
    later = calendars.forward(nominal, calendar, eves_off=True)
    yield Explanation(
        date=due,
        sentence=f"{eve} counts as a working day, the earlier and safe reading; as a day off it "
        f"would move the date to {plain(later)}.",
    )


def _answered(question: str, pause: Pause, at: datetime, calendar: Calendar) -> Explanation:
    answered = calendars.local_date(at, calendar)
    if restarts(pause, calendar):
        effect = f"the answer of {plain(answered)} starts the clock again, UK GDPR Art. 12A"
    else:
        counted = "both days included" if is_uk(calendar) else "the day of asking not included"
        effect = f"the days until the answer of {plain(answered)} are added, {counted}"
    return Explanation(date=answered, sentence=f"{question}: {effect}.")


def _why_it_counts_not(pause: Pause) -> str:
    if not pause.counted:
        return "was not asked promptly and moves nothing, Art. 12(6)"
    assert pause.reason is PauseReason.FEE
    return "moves nothing: a fee question does not stop the clock, Art. 12(5)"


def _days_off(first: date, end: date, calendar: Calendar, *, eves_off: bool | None = None) -> str:
    """`5 April 2026 is Easter Sunday, 6 April Easter Monday`: the days off before `end`."""
    said: list[str] = []
    year = None
    for offset in range((end - first).days):
        day = first + offset * calendars.DAY
        reason = calendars.day_off(day, calendar, eves_off=eves_off)
        if reason:
            when = plain(day) if day.year != year else plain(day).removesuffix(f" {year}")
            said.append(f"{when} {reason}" if said else f"{when} is {reason}")
            year = day.year
    return ", ".join(said)


def _source(calendar: Calendar, of_the_eu: str) -> str:
    return "ICO guidance on time limits" if is_uk(calendar) else f"Regulation 1182/71 {of_the_eu}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
