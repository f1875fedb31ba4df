"""When a system with limits is called: what is kept for duties owed at once, when to come again."""

from datetime import timedelta
from typing import Final

from schemas.base import Model
from schemas.lines import Line
from schemas.systems import Duty, Limits

MINUTE: Final = timedelta(minutes=1)
LOOK_AGAIN: Final = timedelta(minutes=5)
"""Whoever waits for a paused system looks at least so often: a person may end the pause."""

CALLS_OF_A_TURN: Final = 4
"""So many a turn may come to: a partner's certificate (two), the request, a second look."""

OWED_AT_ONCE: Final = (Duty.SUPPRESS, Duty.RECORD_CONSENT, Duty.RESTRICT)
"""Objection, consent, restriction (Art. 7(3), 18, 21(3)): dispatched before searches."""


class Share(Model):
    """How much of a system's limits is open to one duty."""

    per_minute: int
    at_once: int


def share_of(limits: Limits, duty: Duty, *, asking: bool) -> Share:
    """All of it for what is owed at once; for the rest a quarter less, or one turn if that is more.

    `asking`: handing a request over; looking whether it is done is never urgent.
    """
    if asking and duty in OWED_AT_ONCE:
        return Share(per_minute=limits.per_minute, at_once=limits.at_once)
    return Share(
        per_minute=_rest(limits.per_minute, CALLS_OF_A_TURN), at_once=_rest(limits.at_once, 1)
    )


def _rest(limit: int, of_a_turn: int) -> int:
    kept = max(limit // 4, min(of_a_turn, limit // 2))
    return limit - kept


def is_paused(line: Line, longest: timedelta) -> bool:
    """Whether cases go on without it: it fails, or asked for more time than `longest`."""
    wished = line.paused_until is not None and line.paused_until - line.seen_at > longest
    return line.failing_since is not None or wished


def wait_for_turn(line: Line, share: Share, calls: int, step: timedelta) -> timedelta:
    """How long whoever was not let through waits; `step`: where nothing says how long."""
    if line.paused_until is not None and line.paused_until > line.seen_at:
        return min(line.paused_until - line.seen_at, LOOK_AGAIN)
    excess = len(line.calls) + calls - share.per_minute
    if excess <= 0:
        return step
    leaves = sorted(line.calls)[min(excess, len(line.calls)) - 1] + MINUTE
    return max(leaves - line.seen_at, timedelta(0))
