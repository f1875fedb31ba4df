"""The ladder of escalation (law.md 1)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rules.deadlines import clock
from rules.escalation import fired, ladder, next_step, remaining, with_breach
from schemas.case import Escalation, LadderStep
from schemas.policy import LadderPolicy, Rung
from tests.rules.cases import POLICY, helsinki

SAFE = date(2026, 10, 1)
DUE_BEFORE = helsinki("2026-10-02 00:00")
HANDLER, APPROVER, DPO = Escalation.HANDLER, Escalation.APPROVER, Escalation.DPO
BREACH = Escalation.BREACH


def fires(set_at: str, due_before: datetime | None = DUE_BEFORE) -> list[tuple[Escalation, str]]:
    """Each step and its instant, in Helsinki's summer time."""
    summer = timedelta(hours=3)
    steps = ladder(SAFE, due_before, POLICY, helsinki(set_at))
    return [(step.step, f"{step.at + summer:%m-%d %H:%M}") for step in steps]


def test_the_rungs_stand_calendar_days_before_the_safe_date_at_nine():
    assert fires("2026-09-01 10:00") == [
        (HANDLER, "09-21 09:00"),
        (APPROVER, "09-26 09:00"),  # a Saturday: calendar days, not working days
        (DPO, "09-29 09:00"),
        (BREACH, "10-02 00:00"),
    ]


@pytest.mark.parametrize(
    ("set_at", "first", "then"),
    [
        ("2026-09-21 08:59", HANDLER, 3),
        ("2026-09-21 09:00", HANDLER, 3),
        ("2026-09-26 12:00", APPROVER, 2),
        ("2026-09-30 12:00", DPO, 1),
        ("2026-10-02 00:00", BREACH, 0),
        ("2027-01-01 00:00", BREACH, 0),
    ],
)
def test_of_steps_already_past_only_the_highest_fires_and_at_once(
    set_at: str, first: Escalation, then: int
):
    now = helsinki(set_at)
    steps = ladder(SAFE, DUE_BEFORE, POLICY, now)
    assert steps[0].step is first
    assert steps[0].at == max(now, helsinki("2026-09-21 09:00"))
    assert len(steps) == 1 + then


def test_while_suspended_the_ladder_has_no_breach_and_still_fires():
    assert [step for step, _ in fires("2026-09-01 10:00", None)] == [HANDLER, APPROVER, DPO]
    assert fires("2026-12-01 10:00", None) == [(DPO, "12-01 11:00")]


@pytest.mark.parametrize(("safe_date", "utc_hour"), [(date(2027, 3, 29), 7), (date(2027, 4, 8), 6)])
def test_nine_in_the_morning_is_nine_before_and_after_the_clocks_change(
    safe_date: date, utc_hour: int
):
    first = ladder(safe_date, None, POLICY, helsinki("2027-03-01 00:00"))[0]
    assert first.at.hour == utc_hour
    assert first.at.tzinfo is UTC


def test_an_hour_that_spring_skips_fires_in_the_hour_after():
    policy = POLICY.model_copy(
        update={"ladder": LadderPolicy(rungs=(Rung(step=DPO, days_before_safe_date=1),), hour=3)}
    )
    steps = ladder(date(2027, 3, 29), None, policy, helsinki("2027-03-01 00:00"))
    assert steps == (LadderStep(step=DPO, at=datetime(2027, 3, 28, 1, tzinfo=UTC)),)


def test_highest_is_by_rank_whatever_the_order_of_the_policy():
    rungs = (Rung(step=DPO, days_before_safe_date=9), Rung(step=HANDLER, days_before_safe_date=8))
    policy = POLICY.model_copy(update={"ladder": LadderPolicy(rungs=rungs)})
    steps = ladder(SAFE, None, policy, helsinki("2026-09-30 10:00"))
    assert [step.step for step in steps] == [DPO]


def test_a_pause_moves_the_breach_alone():
    steps = ladder(SAFE, DUE_BEFORE, POLICY, helsinki("2026-09-01 10:00"))
    later = helsinki("2026-10-13 00:00")
    moved = with_breach(steps, later, helsinki("2026-09-12 10:00"))
    assert moved == (*steps[:3], LadderStep(step=BREACH, at=later))
    assert with_breach(steps, None, helsinki("2026-09-12 10:00")) == steps[:3]


def test_what_has_fired_does_not_remain():
    steps = ladder(SAFE, DUE_BEFORE, POLICY, helsinki("2026-09-01 10:00"))
    assert [s.step for s in remaining(steps, {HANDLER, DPO})] == [APPROVER, BREACH]
    assert remaining(steps, set(Escalation)) == ()


def test_the_next_step_is_the_earliest_or_none():
    steps = ladder(SAFE, DUE_BEFORE, POLICY, helsinki("2026-09-01 10:00"))
    assert next_step(steps) == steps[0]
    assert next_step(tuple(reversed(steps))) == steps[0]
    assert next_step(()) is None


def test_escalation_never_falls_when_a_new_schedule_starts_low():
    received_at = helsinki("2026-09-01 10:00")
    shown = fired(clock(received_at, POLICY, set_at=received_at), DPO)
    shown = fired(shown, HANDLER)
    assert shown.escalation is DPO
    assert [step.step for step in shown.ladder] == [APPROVER, BREACH]
    assert shown.next_step_at == shown.ladder[0].at
