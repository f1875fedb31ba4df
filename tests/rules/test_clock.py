"""A case's dates as facts come in: what moves, what stays, what is carried over (law.md 1)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import deadlines
from rules.deadlines import asked_promptly, breached, clock, stopped
from rules.escalation import fired
from schemas.case import Clock, ClockState, Escalation, ExtensionState, LadderStep, PauseReason
from schemas.policy import Calendar, LadderPolicy, TimeLimits
from tests.rules.cases import POLICY, extended, helsinki, question

RECEIVED = helsinki("2026-09-01 10:00")
HANDLER, APPROVER, DPO = Escalation.HANDLER, Escalation.APPROVER, Escalation.DPO
BREACH = Escalation.BREACH


def opened(received: str = "2026-09-01 10:00", **more) -> Clock:
    return clock(helsinki(received), POLICY, set_at=helsinki(received), **more)


def steps(shown: Clock) -> list[Escalation]:
    return [step.step for step in shown.ladder]


def at(shown: Clock, step: Escalation) -> datetime:
    return next(rung.at for rung in shown.ladder if rung.step is step)


def test_a_clock_at_opening_has_every_date():
    shown = opened()
    assert shown.state is ClockState.RUNNING
    assert shown.receipt_date == date(2026, 9, 1)
    assert shown.due_date == shown.refusal_due_date == date(2026, 10, 1)
    assert shown.due_before_utc == shown.refusal_due_before_utc == helsinki("2026-10-02 00:00")
    assert shown.safe_date == date(2026, 10, 1)
    assert shown.target_date == date(2026, 9, 19)
    assert shown.target_at == helsinki("2026-09-20 00:00")
    assert shown.prompt_before_utc == helsinki("2026-09-05 00:00")
    assert shown.notice_due_date == date(2026, 10, 1)
    assert shown.notice_due_before_utc == helsinki("2026-10-02 00:00")
    assert (shown.revision, shown.escalation) == (1, Escalation.NONE)
    assert (shown.policy_version, shown.calendar_version[:8]) == ("test-1", "holidays")


def test_the_ladder_goes_by_the_safe_date_and_the_breach_by_the_due_date():
    shown = opened("2026-03-05 10:00")  # safe date 2 April, due 7 April: Easter
    assert shown.ladder == (
        LadderStep(step=HANDLER, at=helsinki("2026-03-23 09:00")),
        LadderStep(step=APPROVER, at=helsinki("2026-03-28 09:00")),
        LadderStep(step=DPO, at=helsinki("2026-03-31 09:00")),  # summer time began on the 29th
        LadderStep(step=BREACH, at=helsinki("2026-04-08 00:00")),
    )
    assert shown.ladder[2].at == datetime(2026, 3, 31, 6, tzinfo=UTC)
    assert shown.next_step_at == helsinki("2026-03-23 09:00")


@pytest.mark.parametrize(
    ("asked", "prompt"),
    [
        ("2026-09-04 23:59", True),  # Friday, the third working day
        ("2026-09-05 00:00", False),
    ],
)
def test_a_question_counts_if_asked_by_the_end_of_the_third_working_day(asked: str, prompt: bool):
    assert asked_promptly(helsinki(asked), opened()) is prompt


def test_the_eves_are_working_days_in_which_to_ask():
    strict = POLICY.model_copy(update={"calendar": Calendar(eves_are_working_days=False)})
    received_at = helsinki("2026-12-22 10:00")
    shown = clock(received_at, strict, set_at=received_at)
    assert shown.prompt_before_utc == helsinki("2026-12-29 00:00")  # 23, 24, Monday 28


def test_with_no_days_to_ask_the_day_of_receipt_is_the_last():
    limits = TimeLimits(ask_within_working_days=0)
    policy = POLICY.model_copy(update={"time_limits": limits})
    shown = clock(RECEIVED, policy, set_at=RECEIVED)
    assert shown.prompt_before_utc == helsinki("2026-09-02 00:00")


def test_an_open_question_suspends_the_due_dates_and_the_breach_but_not_the_ladder():
    before = opened()
    asked = question("2026-09-02 10:00")
    shown = clock(
        RECEIVED, POLICY, pauses=(asked,), set_at=helsinki("2026-09-02 10:00"), before=before
    )
    assert shown.state is ClockState.SUSPENDED
    assert shown.due_date is shown.due_before_utc is None
    assert shown.refusal_due_date is shown.refusal_due_before_utc is None
    assert shown.ladder == before.ladder[:3]
    assert shown.revision == before.revision


def test_an_answer_moves_both_due_dates_and_the_breach_and_nothing_else():
    before = opened()
    waiting = paused(before)
    answered = question("2026-09-02 10:00", "2026-09-12 10:00")
    shown = clock(
        RECEIVED, POLICY, pauses=(answered,), set_at=helsinki("2026-09-12 10:00"), before=waiting
    )
    assert shown.due_date == shown.refusal_due_date == date(2026, 10, 12)
    assert at(shown, BREACH) == helsinki("2026-10-13 00:00")
    assert shown.ladder[:3] == before.ladder[:3]
    assert shown.revision == 1
    unmoved = {"receipt_date", "safe_date", "target_date", "target_at", "prompt_before_utc",
               "notice_due_date", "notice_due_before_utc"}  # fmt: skip
    assert all(getattr(shown, name) == getattr(before, name) for name in unmoved)


def paused(before: Clock, asked: str = "2026-09-02 10:00") -> Clock:
    return clock(RECEIVED, POLICY, pauses=(question(asked),), set_at=helsinki(asked), before=before)


def test_over_a_pause_of_the_whole_ladder_every_rung_fires_once_and_the_breach_waits():
    shown = paused(opened())
    for rung in (HANDLER, APPROVER, DPO):
        assert steps(shown)[0] is rung
        shown = fired(shown, rung)
    assert shown.ladder == ()
    assert shown.next_step_at is None
    assert shown.escalation is DPO

    answered = question("2026-09-02 10:00", "2026-10-20 10:00")
    now = helsinki("2026-10-20 10:00")
    shown = clock(RECEIVED, POLICY, pauses=(answered,), set_at=now, before=shown)
    assert steps(shown) == [BREACH]
    assert shown.due_date == date(2026, 11, 18)  # 1 October and 48 days
    assert shown.next_step_at == helsinki("2026-11-19 00:00")
    assert shown.escalation is DPO


def test_a_question_that_was_asked_late_changes_nothing():
    before = opened()
    late = question("2026-09-20 10:00", counted=False)
    shown = clock(RECEIVED, POLICY, pauses=(late,), set_at=late.asked_at, before=before)
    assert shown.state is ClockState.RUNNING
    assert (shown.due_date, shown.ladder) == (before.due_date, before.ladder)


def test_an_answer_recorded_after_the_moved_due_date_breaches_at_once():
    waiting = paused(opened())
    answered = question("2026-09-02 10:00", "2026-09-03 10:00")
    now = helsinki("2026-11-01 10:00")
    shown = clock(RECEIVED, POLICY, pauses=(answered,), set_at=now, before=waiting)
    assert at(shown, BREACH) == now


def test_a_breach_that_has_fired_does_not_fire_again_in_its_schedule():
    before = breached(fired(opened(), BREACH), "late_reply")
    late = question("2026-10-05 10:00", "2026-10-08 10:00")
    shown = clock(RECEIVED, POLICY, pauses=(late,), set_at=late.asked_at, before=before)
    assert BREACH not in steps(shown)
    assert shown.state is ClockState.BREACHED
    assert shown.breach_causes == ("late_reply",)


def test_a_decided_extension_moves_nothing_until_its_notice_has_left():
    before = opened()
    decided = extended(2, "2026-09-20 10:00")
    shown = clock(RECEIVED, POLICY, extension=decided, set_at=decided.decided_at, before=before)
    assert shown.extension.state is ExtensionState.DECIDED
    assert shown.state is ClockState.RUNNING
    assert (shown.due_date, shown.ladder, shown.revision) == (before.due_date, before.ladder, 1)


def test_a_valid_extension_sets_a_new_schedule_whose_steps_fire_again():
    before = fired(fired(opened(), HANDLER), APPROVER)
    told = extended(2, "2026-09-20 10:00", "2026-10-01 23:59")
    shown = clock(RECEIVED, POLICY, extension=told, set_at=told.notified_at, before=before)
    assert shown.extension.state is ExtensionState.VALID
    assert shown.state is ClockState.EXTENDED
    assert shown.revision == 2
    assert shown.due_date == shown.safe_date == date(2026, 12, 1)
    assert steps(shown) == [HANDLER, APPROVER, DPO, BREACH]
    assert at(shown, HANDLER) == helsinki("2026-11-21 09:00")
    assert shown.target_date == date(2026, 11, 19)
    assert shown.escalation is APPROVER  # what has fired stays a fact


def test_a_refusal_is_never_extended_but_moves_with_a_pause():
    told = extended(2, "2026-09-20 10:00", "2026-09-20 10:00")
    answered = question("2026-09-02 10:00", "2026-09-12 10:00")
    shown = clock(RECEIVED, POLICY, pauses=(answered,), extension=told, set_at=told.decided_at)
    assert shown.due_date == date(2026, 12, 11)
    assert shown.refusal_due_date == date(2026, 10, 12)


def test_a_late_notice_leaves_an_extension_void_and_every_date_where_it_was():
    before = opened()
    late = extended(2, "2026-09-20 10:00", "2026-10-02 00:00")
    shown = clock(RECEIVED, POLICY, extension=late, set_at=late.notified_at, before=before)
    assert shown.extension.state is ExtensionState.VOID
    assert (shown.state, shown.revision) == (ClockState.RUNNING, 1)
    assert (shown.due_date, shown.safe_date) == (before.due_date, before.safe_date)
    assert shown.ladder == before.ladder


def test_a_notice_in_the_last_moment_of_the_rolled_month_is_in_time():
    received = "2026-01-31 08:00"
    before = opened(received)
    assert before.notice_due_date == date(2026, 3, 2)
    for notified, state in (
        ("2026-03-02 23:59", ExtensionState.VALID),
        ("2026-03-03 00:00", ExtensionState.VOID),
    ):
        told = extended(2, "2026-02-20 10:00", notified)
        shown = clock(
            helsinki(received), POLICY, extension=told, set_at=told.notified_at, before=before
        )
        assert shown.extension.state is state


def test_a_question_during_an_extension_keeps_the_extended_schedule():
    told = extended(2, "2026-09-02 10:00", "2026-09-02 10:00")
    before = clock(RECEIVED, POLICY, extension=told, set_at=told.decided_at, before=opened())
    asked = question("2026-09-03 10:00")
    waiting = clock(
        RECEIVED, POLICY, pauses=(asked,), extension=told, set_at=asked.asked_at, before=before
    )
    assert (waiting.state, waiting.revision) == (ClockState.SUSPENDED, 2)
    assert waiting.ladder == before.ladder[:3]


def test_an_extension_while_suspended_sets_a_new_ladder_without_a_breach():
    waiting = paused(opened())
    told = extended(1, "2026-09-20 10:00", "2026-09-20 10:00")
    shown = clock(
        RECEIVED, POLICY, pauses=waiting.pauses, extension=told, set_at=told.decided_at,
        before=waiting,
    )  # fmt: skip
    assert (shown.state, shown.revision) == (ClockState.SUSPENDED, 2)
    assert steps(shown) == [HANDLER, APPROVER, DPO]
    assert at(shown, DPO) == helsinki("2026-10-28 09:00")  # safe date 30 October


def test_a_corrected_receipt_sets_a_new_schedule_of_which_only_the_highest_past_step_fires():
    before = fired(opened(), HANDLER)
    now = helsinki("2026-09-25 12:00")
    shown = clock(helsinki("2026-08-28 10:00"), POLICY, set_at=now, before=before)
    assert shown.revision == 2
    assert shown.safe_date == date(2026, 9, 28)
    assert shown.ladder == (
        LadderStep(step=APPROVER, at=now),
        LadderStep(step=DPO, at=helsinki("2026-09-26 09:00")),
        LadderStep(step=BREACH, at=helsinki("2026-09-29 00:00")),
    )


def test_a_receipt_corrected_within_its_day_sets_a_new_schedule_where_the_number_says_so():
    before = fired(opened(), HANDLER)
    earlier = helsinki("2026-09-01 08:00")
    shown = clock(earlier, POLICY, set_at=RECEIVED, before=before, revision=before.revision + 1)
    assert shown.revision == 2
    assert steps(shown) == [HANDLER, APPROVER, DPO, BREACH]


def test_an_earlier_receipt_can_make_an_extension_void_and_sets_a_new_schedule():
    told = extended(2, "2026-09-30 10:00", "2026-09-30 10:00")
    before = clock(RECEIVED, POLICY, extension=told, set_at=told.decided_at, before=opened())
    now = helsinki("2026-10-03 10:00")
    earlier = helsinki("2026-08-20 10:00")
    shown = clock(earlier, POLICY, extension=before.extension, set_at=now, before=before)
    assert shown.extension.state is ExtensionState.VOID
    assert shown.revision == 3
    assert shown.ladder == (LadderStep(step=BREACH, at=now),)


def test_a_receipt_dated_far_back_opens_with_the_breach_alone():
    now = helsinki("2026-12-01 10:00")
    shown = clock(RECEIVED, POLICY, set_at=now)
    assert shown.ladder == (LadderStep(step=BREACH, at=now),)
    assert shown.next_step_at == now


def test_a_reply_that_has_left_stops_the_clock_and_the_ladder_for_good():
    left = helsinki("2026-09-10 10:00")
    shown = stopped(opened(), left)
    assert (shown.state, shown.replied_at) == (ClockState.STOPPED, left)
    assert (shown.ladder, shown.next_step_at) == ((), None)
    later = clock(RECEIVED, POLICY, set_at=left, before=shown, revision=2)
    assert (later.state, later.ladder, later.replied_at) == (ClockState.STOPPED, (), left)


def test_a_breach_is_a_fact_that_stays():
    shown = breached(opened(), "extension_notice_late")
    assert shown.state is ClockState.BREACHED
    assert stopped(shown, RECEIVED).state is ClockState.BREACHED
    waiting = paused(shown)
    assert waiting.state is ClockState.BREACHED
    assert waiting.breach_causes == ("extension_notice_late",)
    assert breached(shown, "late_reply").breach_causes == ("extension_notice_late", "late_reply")


def test_recorded_dates_do_not_move_when_policy_and_calendar_change():
    """Only the fact that came in moves dates: here an answer, which moves due and breach."""
    recorded = opened("2026-05-19 08:00")
    newer = POLICY.model_copy(
        update={
            "version": "test-2",
            "calendar": Calendar(eves_are_working_days=False),
            "time_limits": TimeLimits(target_days_before_safe_date=5, ask_within_working_days=1),
            "ladder": LadderPolicy(hour=7),
        }
    )
    received_at = helsinki("2026-05-19 08:00")
    shown = clock(received_at, newer, set_at=received_at, before=recorded)
    dates = {"due_date", "due_before_utc", "refusal_due_date", "safe_date", "target_date",
             "prompt_before_utc", "notice_due_date", "ladder"}  # fmt: skip
    assert all(getattr(shown, name) == getattr(recorded, name) for name in dates)
    assert any("stays as recorded" in e.sentence for e in shown.explanations)

    asked = question("2026-05-19 10:00")
    waiting = clock(received_at, newer, pauses=(asked,), set_at=asked.asked_at, before=shown)
    assert waiting.due_date is None
    assert (waiting.safe_date, waiting.ladder) == (recorded.safe_date, recorded.ladder[:3])
    assert waiting.prompt_before_utc == recorded.prompt_before_utc


def test_an_extension_is_judged_by_the_recorded_last_day_for_its_notice():
    recorded = opened("2026-05-19 08:00")  # notice due on Midsummer Eve
    strict = POLICY.model_copy(update={"calendar": Calendar(eves_are_working_days=False)})
    told = extended(1, "2026-06-01 10:00", "2026-06-22 10:00")
    received_at = helsinki("2026-05-19 08:00")
    shown = clock(received_at, strict, extension=told, set_at=told.notified_at, before=recorded)
    assert shown.notice_due_date == date(2026, 6, 19)
    assert shown.extension.state is ExtensionState.VOID


LONDON = POLICY.model_copy(
    update={"calendar": deadlines.JURISDICTIONS["UK-ENG"], "version": "test-uk"}
)


def test_in_the_uk_an_answer_restarts_the_clock_and_moves_the_day_for_the_notice():
    received_at = datetime(2026, 6, 1, 9, tzinfo=UTC)
    before = clock(received_at, LONDON, set_at=received_at)
    answered = question("2026-06-03 10:00", "2026-06-10 10:00", reason=PauseReason.FEE)
    shown = clock(received_at, LONDON, pauses=(answered,), set_at=received_at, before=before)
    assert shown.due_date == shown.notice_due_date == date(2026, 7, 10)
    assert (shown.safe_date, shown.revision) == (before.safe_date, 1)
    assert shown.ladder[:3] == before.ladder[:3]


def test_every_date_of_a_clock_explains_itself():
    told = extended(2, "2026-09-20 10:00", "2026-09-20 10:00")
    shown = clock(RECEIVED, POLICY, extension=told, set_at=told.decided_at)
    dates = {shown.receipt_date, shown.due_date, shown.refusal_due_date, shown.safe_date,
             shown.target_date, shown.notice_due_date}  # fmt: skip
    assert dates <= {explanation.date for explanation in shown.explanations}
    assert len(set(shown.explanations)) == len(shown.explanations)


FACTS = st.lists(
    st.tuples(st.sampled_from(["ask", "answer", "extend", "correct"]), st.integers(0, 12)),
    max_size=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)), FACTS)  # noqa: DTZ001
def test_through_any_course_the_ladder_fires_each_step_once_per_schedule(received, facts):
    received_at = received.replace(tzinfo=UTC)
    now, pauses, extension = received_at, [], None
    shown = clock(received_at, POLICY, set_at=now)
    seen: set[tuple[int, Escalation]] = set()
    for what, days in facts:
        until = now + timedelta(days=days)
        while shown.ladder and shown.ladder[0].at <= until:
            step = shown.ladder[0].step
            assert (shown.revision, step) not in seen
            seen.add((shown.revision, step))
            shown = fired(shown, step)
        now, before = until, shown
        if what == "ask" and not any(p.answered_at is None for p in pauses):
            asked = question("2026-01-01 00:00", counted=asked_promptly(now, shown))
            pauses.append(asked.model_copy(update={"asked_at": now}))
        elif what == "answer" and pauses and pauses[-1].answered_at is None:
            pauses[-1] = pauses[-1].model_copy(update={"answered_at": now})
        elif what == "extend" and extension is None:
            extension = extended(2, "2026-01-01 00:00").model_copy(update={"notified_at": now})
        elif what == "correct":
            received_at -= timedelta(days=1)
        shown = clock(
            received_at, POLICY, pauses=pauses, extension=extension, set_at=now, before=before
        )
        moved = shown.safe_date != before.safe_date
        assert not moved or shown.revision == before.revision + 1
        assert shown.next_step_at == (shown.ladder[0].at if shown.ladder else None)
        assert (shown.due_date is None) == any(p.counted and not p.answered_at for p in pauses)
        assert list(shown.ladder) == sorted(shown.ladder, key=lambda rung: rung.at)
