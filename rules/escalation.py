"""The ladder of escalation: who is told when, and what happens to it when dates move.

The rungs go by `safe_date`, the breach by the due date (law.md 1). A schedule has a revision; each
step fires once per revision. Opening, a valid extension and a corrected receipt set a new
schedule (`ladder`); a pause only moves the breach of the one that stands (`with_breach`).
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from rules import calendars
from schemas.case import Clock, Escalation, LadderStep
from schemas.policy import Policy


def ladder(
    safe_date: date, due_before: datetime | None, policy: Policy, set_at: datetime
) -> tuple[LadderStep, ...]:
    """A new schedule, in order of time.

    Rungs stand calendar days before `safe_date`, at the ladder's hour in the controller's zone;
    the breach at `due_before` (None while suspended: no breach). Of the steps that are past at
    `set_at` only the highest is kept, to fire at `set_at`.
    """
    steps = [
        LadderStep(
            step=rung.step,
            at=calendars.local_instant(
                safe_date - timedelta(days=rung.days_before_safe_date),
                policy.ladder.hour,
                policy.calendar,
            ),
        )
        for rung in policy.ladder.rungs
    ]
    steps += _breach(due_before, set_at)
    past = [step for step in steps if step.at <= set_at]
    coming = [step for step in steps if step.at > set_at]
    if past:
        highest = max(past, key=lambda step: step.step.rank)
        coming.append(LadderStep(step=highest.step, at=set_at))
    return _in_order(coming)


def with_breach(
    steps: Sequence[LadderStep], due_before: datetime | None, set_at: datetime
) -> tuple[LadderStep, ...]:
    """The same schedule with the breach at the new `due_before`, and without one for None.

    The rungs stay as they are. A due date that is already past breaches at `set_at`.
    """
    rungs = [step for step in steps if step.step is not Escalation.BREACH]
    return _in_order(rungs + _breach(due_before, set_at))


def remaining(steps: Sequence[LadderStep], fired: Collection[Escalation]) -> tuple[LadderStep, ...]:
    """The steps of a schedule that have not fired in it yet."""
    return tuple(step for step in steps if step.step not in fired)


def next_step(steps: Sequence[LadderStep]) -> LadderStep | None:
    """The step that fires first; None when nothing is left."""
    return min(steps, key=lambda step: step.at, default=None)


def fired(clock: Clock, step: Escalation) -> Clock:
    """The clock after a step of its schedule has fired. Recording a breach's cause is not here."""
    steps = remaining(clock.ladder, {step})
    upcoming = next_step(steps)
    return clock.model_copy(
        update={
            "ladder": steps,
            "escalation": max(clock.escalation, step, key=lambda reached: reached.rank),
            "next_step_at": upcoming.at if upcoming else None,
        }
    )


def _breach(due_before: datetime | None, set_at: datetime) -> list[LadderStep]:
    if due_before is None:
        return []
    return [LadderStep(step=Escalation.BREACH, at=max(due_before, set_at))]


def _in_order(steps: Sequence[LadderStep]) -> tuple[LadderStep, ...]:
    return tuple(sorted(steps, key=lambda step: (step.at, step.step.rank)))
