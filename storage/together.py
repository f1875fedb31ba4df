"""Steps of one case that wait for its row are taken in one transaction: one commit for all.

The answers of many systems arrive at nearly the same moment. One after another, each would wait
for the commits of all before it, and wake the procedure on its own.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from storage.case_file import CaseFile
from storage.case_step import CaseStep

R = TypeVar("R")

A_MOMENT: Final = 0.05
"""Seconds without another that is announced or comes, after which those of a fan-out that have not
come are not waited for: another worker may have them."""

PATIENCE: Final = 0.5
"""Seconds that a step waits for others that are announced: a system that is slow, or that does not
answer, holds up nobody else's answer for longer."""


@dataclass(frozen=True)
class _Waiting:
    key: str
    at: datetime
    actor: str
    write: Callable[[CaseStep], Awaitable[Any]]
    beside: int
    result: asyncio.Future[Any] = field(default_factory=asyncio.Future)


class Together:
    """Gathers the steps of this process, case by case."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[_Waiting]] = {}
        self._turns: dict[UUID, asyncio.Task[None]] = {}
        self._announced: Counter[UUID] = Counter()
        self._moved: dict[UUID, asyncio.Event] = {}

    @contextmanager
    def announced(self, case: UUID) -> Iterator[None]:
        """Around what ends in a step, or fails: those that are ready before it wait for it."""
        self._announced[case] += 1
        self._move(case)
        try:
            yield
        finally:
            self._announced[case] -= 1
            if not self._announced[case]:
                del self._announced[case]
            self._move(case)

    def _move(self, case: UUID) -> None:
        if case in self._moved:
            self._moved[case].set()

    async def step(
        self, case_file: CaseFile, case: UUID, key: str, at: datetime, actor: str,
        write: Callable[[CaseStep], Awaitable[R]], *, beside: int = 1,
    ) -> R:  # fmt: skip
        """A step as `CaseFile.step`, with others if others wait; `write` gives its result.

        `beside`: so many steps of the case, this one included, may come at nearly this moment.
        It is committed when this returns. Raises what `write` raises; the others are not concerned.
        """
        mine = _Waiting(key, at, actor, write, beside)
        self._waiting.setdefault(case, []).append(mine)
        self._move(case)
        if case not in self._turns:
            self._turns[case] = asyncio.create_task(self._take_turns(case_file, case))
        return cast(R, await mine.result)

    async def _take_turns(self, case_file: CaseFile, case: UUID) -> None:
        try:
            while case in self._waiting:
                await self._gathered(case)
                await _take(case_file, case, self._waiting.pop(case))
        finally:
            del self._turns[case]

    async def _gathered(self, case: UUID) -> None:
        """Until all of a fan-out and all that are announced have come, or patience ends."""
        until = time.monotonic() + PATIENCE
        while case in self._announced or self._may_come(case):
            left = until - time.monotonic()
            if case not in self._announced:
                left = min(left, A_MOMENT)
            moved = self._moved[case] = asyncio.Event()
            try:
                async with asyncio.timeout(left):
                    await moved.wait()
            except TimeoutError:
                return
            finally:
                del self._moved[case]

    def _may_come(self, case: UUID) -> bool:
        waiting = self._waiting[case]
        return len(waiting) < max(one.beside for one in waiting)


async def _take(case_file: CaseFile, case: UUID, group: list[_Waiting]) -> None:
    group = [one for one in group if not one.result.done()]  # cancelled while it waited
    try:
        async with (
            case_file.engine.begin() as conn,
            case_file.sitting(conn, case, [one.key for one in group]) as sitting,
        ):
            results = [await one.write(sitting.step(one.key, one.at, one.actor)) for one in group]
    except Exception as error:
        await _take_apart(case_file, case, group, error)
        return
    for one, result in zip(group, results, strict=True):
        if not one.result.done():
            one.result.set_result(result)


async def _take_apart(
    case_file: CaseFile, case: UUID, group: list[_Waiting], error: Exception
) -> None:
    """Nothing was committed; one that cannot be written must not stop the others."""
    if len(group) > 1:
        for one in group:
            await _take(case_file, case, [one])
    elif group and not group[0].result.done():
        group[0].result.set_exception(error)
