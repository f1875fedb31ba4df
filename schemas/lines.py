"""The way to a system with limits: how busy it is, and whether it is left alone for a while."""

from typing import Final

from schemas.base import Instant, Model

LEFT_ALONE: Final = "it fails for every case and is left alone for a while; then asked by itself"
"""What a case says of such a system."""


class Line(Model):
    """How busy a system is at `seen_at`, by the clock of the other instants: real time."""

    seen_at: Instant
    calls: tuple[Instant, ...] = ()  # of the last minute
    turns: int = 0  # under way
    paused_until: Instant | None = None
    failing_since: Instant | None = None


class Pause(Model):
    """A system that nobody calls for a while: it fails for all cases, or asked for the time."""

    system: str
    failures: int  # in a row
    failing_since: Instant | None  # None: it does not fail, it asked for the time
    paused_until: Instant  # then one call tries
    trouble: str | None  # the last failure, in words of ours
    waiting: int  # open cases in which it owes something
