"""Stopping what cannot be undone, and letting it go on: for operators."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from activities.standstill import STOPPED
from schemas.base import Instant, Model
from schemas.errors import BadInput, RefusedByRule
from schemas.systems import ERASE_BY_HAND
from storage import standstills as rows
from storage.case_file import CaseFile
from storage.lines import end_pause

log = structlog.get_logger(__name__)


class Standstill(Model):
    """What stands still; `system` None: all.

    `waiting`: numbers of cases that have come to it. `with_people`: tasks by which people were told
    to destroy before, and still can.
    """

    system: str | None
    since: Instant
    by: str
    waiting: tuple[str, ...] = ()
    with_people: tuple[str, ...] = ()


class Standstills:
    """Erasures, corrections and the purge, of one system or of all."""

    def __init__(
        self, case_file: CaseFile, systems: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._engine = case_file.engine
        self._systems = systems
        self._now = now

    async def pause(self, system: str | None, *, by: str) -> None:
        """Nothing is destroyed or changed from now on. What has begun ends within its bound.

        Raises `BadInput` for an unknown system, `RefusedByRule` if it stands still already.
        """
        self._check(system)
        async with self._engine.begin() as conn:
            if not await rows.pause(conn, system, by, self._now()):
                raise RefusedByRule(f"{_name(system)} stands still already. To go on: dsr resume")
        log.warning("destructive_steps_paused", system=system or "all")

    async def resume(self, system: str | None, *, by: str) -> None:
        """It goes on by itself; a system that was left alone since it fails is called again.

        Raises `RefusedByRule` if it neither stands still by itself nor is left alone.
        """
        self._check(system)
        async with self._engine.begin() as conn:
            resumed = await rows.resume(conn, system, by, self._now())
            called = system is not None and await end_pause(conn, system)
            if not (resumed or called):
                raise RefusedByRule(await self._why_not(system))
        if resumed:
            log.warning("destructive_steps_resumed", system=system or "all")
        if called:
            log.warning("system_called_again", system=system)

    async def standing(self) -> list[Standstill]:
        """What stands still now, the oldest first."""
        async with self._engine.connect() as conn:
            return [
                Standstill(
                    system=row["system"], since=row["paused_at"], by=row["paused_by"],
                    waiting=tuple(await rows.waiting_cases(conn, row["system"], STOPPED)),
                    with_people=tuple(await rows.with_people(conn, row["system"], ERASE_BY_HAND)),
                )
                for row in await rows.standstills(conn)
            ]  # fmt: skip

    async def _why_not(self, system: str | None) -> str:
        standing = await self.standing()
        if system is not None and any(one.system is None for one in standing):
            return "Not resumed: every system stands still. Let all go on: dsr resume"
        names = ", ".join(one.system for one in standing if one.system is not None)
        hint = f" By itself stands still: {names}." if names else ""
        return f"Nothing to resume: {_name(system)} does not stand still.{hint}"

    def _check(self, system: str | None) -> None:
        if system is not None and system not in self._systems:
            raise BadInput(f"There is no such system. Known: {', '.join(self._systems)}.")


def _name(system: str | None) -> str:
    return "Every system" if system is None else system
