"""Properties of every time limit, whatever the facts (law.md 1)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import calendars
from rules.deadlines import JURISDICTIONS, TimeLimit, time_limit
from rules.reckoning import Notice, ReplyKind, check_facts
from schemas.case import ClockState, Pause, PauseReason
from schemas.errors import BadInput
from schemas.policy import Calendar
from tests.rules.cases import helsinki, question

FI = JURISDICTIONS["FI"]
CALENDARS = st.sampled_from(
    [
        *JURISDICTIONS.values(),
        Calendar(eves_are_working_days=False),
        Calendar(country="DE", region="BY", zone="Europe/Berlin"),
        Calendar(country="PT", zone="Atlantic/Azores"),
    ]
)
RECEIPTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.timedeltas(timedelta(0), timedelta(days=100))
ASKED = st.tuples(st.sampled_from(PauseReason), SPANS, SPANS, st.booleans())
NOTICES = st.none() | st.tuples(st.sampled_from([1, 2]), st.none() | SPANS)
many = settings(max_examples=300, deadline=None, derandomize=True)


def closed(received_at: datetime, facts: list[tuple[PauseReason, timedelta, timedelta, bool]]):
    return tuple(
        Pause(
            reason=reason,
            asked_at=received_at + after,
            answered_at=received_at + after + took,
            counted=counted,
        )
        for reason, after, took, counted in facts
    )


def told(received_at: datetime, facts: tuple[int, timedelta | None] | None) -> Notice | None:
    if facts is None:
        return None
    months, after = facts
    return Notice(months, None if after is None else received_at + after)


@st.composite
def limits(draw: st.DrawFn) -> tuple[TimeLimit, Calendar]:
    received_at, calendar = draw(RECEIPTS), draw(CALENDARS)
    pauses = closed(received_at, draw(st.lists(ASKED, max_size=4)))
    notice = told(received_at, draw(NOTICES))
    kind = draw(st.sampled_from(ReplyKind))
    return time_limit(received_at, calendar, kind=kind, pauses=pauses, notice=notice), calendar


@many
@given(limits())
def test_due_is_the_first_working_day_on_or_after_the_nominal_date(drawn):
    limit, calendar = drawn
    assert limit.due_date >= limit.nominal_date
    assert calendars.day_off(limit.due_date, calendar) is None
    between = (limit.due_date - limit.nominal_date).days
    days = [limit.nominal_date + timedelta(days=n) for n in range(between)]
    assert all(calendars.day_off(day, calendar) for day in days)


@many
@given(limits())
def test_the_safe_date_is_a_working_day_with_eves_off_and_never_after_the_nominal_date(drawn):
    limit, calendar = drawn
    assert limit.safe_date <= limit.nominal_date
    assert calendars.day_off(limit.safe_date, calendar, eves_off=True) is None


@many
@given(limits())
def test_the_limit_ends_with_the_last_moment_of_the_due_date(drawn):
    limit, calendar = drawn
    last = limit.due_before_utc - timedelta(microseconds=1)
    assert calendars.local_date(last, calendar) == limit.due_date
    assert calendars.local_date(limit.due_before_utc, calendar) > limit.due_date


@many
@given(RECEIPTS, CALENDARS, st.lists(ASKED, max_size=4), NOTICES, st.sampled_from(ReplyKind))
def test_a_pause_never_moves_the_safe_date_and_never_brings_due_forward(
    received_at, calendar, asked, notice_facts, kind
):
    notice = told(received_at, notice_facts)
    plain = time_limit(received_at, calendar, kind=kind)
    paused = time_limit(received_at, calendar, kind=kind, pauses=closed(received_at, asked))
    assert paused.safe_date == plain.safe_date
    assert paused.due_date >= plain.due_date
    extended = time_limit(received_at, calendar, kind=kind, notice=notice)
    assert extended.due_date >= plain.due_date
    assert extended.safe_date >= plain.safe_date


@many
@given(RECEIPTS, st.timedeltas(timedelta(0), timedelta(days=40)), CALENDARS)
def test_a_later_receipt_is_never_due_earlier(received_at, later, calendar):
    one, other = (time_limit(at, calendar) for at in (received_at, received_at + later))
    assert one.due_date <= other.due_date
    assert one.safe_date <= other.safe_date


@many
@given(limits())
def test_every_date_explains_itself(drawn):
    limit, _ = drawn
    explained = {explanation.date for explanation in limit.explanations}
    assert {
        limit.receipt_local_date, limit.nominal_date, limit.due_date, limit.safe_date
    } <= explained  # fmt: skip
    if limit.extension_notice_due_date:
        assert limit.extension_notice_due_date in explained
    assert all(e.sentence.endswith(".") and "\n" not in e.sentence for e in limit.explanations)


@many
@given(RECEIPTS, st.lists(ASKED, max_size=3))
def test_an_open_question_suspends_and_leaves_the_safe_date(received_at, asked):
    waiting = Pause(reason=PauseReason.IDENTITY, asked_at=received_at, counted=True)
    limit = time_limit(received_at, FI, pauses=(*closed(received_at, asked), waiting))
    assert limit.state is ClockState.SUSPENDED
    assert limit.due_date is limit.due_before_utc is limit.nominal_date is None
    assert limit.safe_date == time_limit(received_at, FI).safe_date


def sentences(limit: TimeLimit) -> str:
    return " ".join(explanation.sentence for explanation in limit.explanations)


def test_a_rolled_due_date_names_the_days_off():
    limit = time_limit(helsinki("2026-03-05 10:00"), FI)
    assert "5 April 2026 is Easter Sunday, 6 April Easter Monday" in sentences(limit)


def test_a_safe_date_names_the_days_off_that_it_stands_before():
    limit = time_limit(helsinki("2026-03-05 10:00"), FI)
    assert (
        "Safe date Thursday 2 April 2026: the last working day not later than 5 April 2026; "
        "3 April 2026 is Good Friday, 4 April a Saturday, 5 April Easter Sunday."
    ) in sentences(limit)


def test_days_off_across_a_year_end_name_both_years():
    asked = question("2033-12-01 10:00", "2033-12-02 10:00")
    limit = time_limit(helsinki("2033-11-30 10:00"), FI, pauses=(asked,))
    assert "31 December 2033 is a Saturday, 1 January 2034 New Year's Day" in sentences(limit)


def test_a_month_without_the_day_says_so():
    limit = time_limit(helsinki("2026-01-31 10:00"), FI)
    assert "February 2026 has no day 31, so its last day counts" in sentences(limit)


def test_a_working_eve_says_what_the_other_reading_gives():
    limit = time_limit(helsinki("2026-11-24 10:00"), FI)
    assert "Christmas Eve counts as a working day" in sentences(limit)
    assert "28 December 2026" in sentences(limit)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (question("2026-09-02 10:00", "2026-09-12 10:00"), "10 days of pause"),
        (question("2026-09-02 10:00"), "the clock is suspended"),
        (question("2026-09-20 10:00", counted=False), "was not asked promptly"),
        (question("2026-09-02 10:00", reason=PauseReason.FEE), "does not stop the clock"),
    ],
)
def test_a_question_says_what_it_does_to_the_due_date(asked: Pause, expected: str):
    limit = time_limit(helsinki("2026-09-01 10:00"), FI, pauses=(asked,))
    assert expected in sentences(limit)


@pytest.mark.parametrize(
    ("kind", "told_at", "expected"),
    [
        ("response", "2026-06-12 23:59", "The extension by 2 months is valid"),
        ("response", "2026-06-13 00:00", "The extension by 2 months is void"),
        ("response", None, "its notice has not left"),
        ("refusal", "2026-06-01 10:00", "gives a refusal no more time, Art. 12(4)"),
    ],
)
def test_an_extension_says_whether_it_counts(kind: str, told_at: str | None, expected: str):
    notice = Notice(2, helsinki(told_at) if told_at else None)
    limit = time_limit(helsinki("2026-05-12 08:00"), FI, kind=ReplyKind(kind), notice=notice)
    assert expected in sentences(limit)


def test_a_restart_in_the_uk_says_so_and_names_no_eu_regulation():
    asked = question("2026-06-03 10:00", "2026-06-10 10:00")
    limit = time_limit(helsinki("2026-06-01 10:00"), JURISDICTIONS["UK-ENG"], pauses=(asked,))
    assert "starts the clock again" in sentences(limit)
    assert "1182/71" not in sentences(limit)


RECEIVED = helsinki("2026-09-01 10:00")


@pytest.mark.parametrize(
    ("pauses", "notice"),
    [
        ((question("2026-09-01 09:59"),), None),
        ((question("2026-09-02 10:00", "2026-09-02 09:59"),), None),
        ((), Notice(1, helsinki("2026-09-01 09:59"))),
        ((), Notice(3, None)),
        ((question("2026-09-02 10:00", "2300-01-01 00:00"),), None),
    ],
)
def test_impossible_facts_are_refused(pauses: tuple[Pause, ...], notice: Notice | None):
    with pytest.raises(BadInput, match=r"^[^\n]+\.$"):
        check_facts(RECEIVED, pauses, notice)
