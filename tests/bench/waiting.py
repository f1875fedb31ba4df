"""Many requests that wait for a person: the memory they take, and how soon one of them answers."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import text

from schemas.messages import Choice, Decide
from schemas.policy import Pace
from tests.bench.figures import Figure, metric
from tests.bench.processes import Processes
from tests.bench.requests import at_once, handed_in, median, p99, somebody
from tests.bench.stand import Engine, Stand, an_engine
from tests.office import POLICY

WAITING: Final = 1_000
SYSTEMS: Final = 1
AT_A_TIME: Final = 40  # received beside one another; a burst is another metric
ASKED: Final = 300
GLANCE: Final = 0.05
AS_SHIPPED: Final = POLICY.model_copy(update={"pace": Pace()})

DECIDING: Final = text("select count(*) from dsr.cases where status = 'deciding'")


@metric
async def parked_memory(stand: Stand) -> list[Figure]:
    """Memory of 1,000 deletions that wait for a decision; then `status` and `decide` of some.

    The worker's cache is as shipped and just holds them. Worker and client are one process here.
    """
    async with an_engine(stand, at_once(SYSTEMS), policy=AS_SHIPPED) as engine:
        await _waiting(engine, AT_A_TIME)  # what is loaded once, however many wait
        processes = await Processes.of(engine)
        before = processes.memory()
        numbers = await _waiting(engine, WAITING)
        grown = {name: size - before[name] for name, size in processes.memory().items()}
        figures = [_memory(name, size / 1e6) for name, size in grown.items()]
        some = random.Random(1).sample(numbers, ASKED)
        return [
            *figures,
            *await _latency("status", engine.client.status, some),
            *await _latency("decide", lambda number: _decided(engine, number), some),
        ]


def _memory(of: str, value: float) -> Figure:
    parameters = {"waiting": WAITING, "systems": SYSTEMS, "of": of}
    return Figure(metric="parked_memory", parameters=parameters, value=value, unit="MB")


async def _waiting(engine: Engine, count: int) -> list[str]:
    """So many deletions are received and planned; each waits for its first decision."""
    numbers: list[str] = []
    before = await _deciding(engine)
    while len(numbers) < count:
        receipts = await handed_in(engine, [somebody("delete") for _ in range(AT_A_TIME)])
        numbers += [receipt.number for receipt in receipts]
        last = AT_A_TIME if len(numbers) < count else 0
        while await _deciding(engine) < before + len(numbers) - last:
            await asyncio.sleep(GLANCE)
    return numbers


async def _deciding(engine: Engine) -> int:
    async with engine.database.connect() as conn:
        return int(await conn.scalar(DECIDING) or 0)


async def _decided(engine: Engine, number: str) -> None:
    await engine.client.act(number, Decide, by="antti", choice=Choice.APPROVE)


async def _latency(
    of: str, act: Callable[[str], Awaitable[object]], numbers: list[str]
) -> list[Figure]:
    """One after another."""
    taken = []
    for number in numbers:
        began = time.perf_counter()
        await act(number)
        taken.append((time.perf_counter() - began) * 1000)
    return [
        Figure(
            metric="waiting_latency", value=value, unit="ms",
            parameters={"waiting": WAITING, "asked": ASKED, "of": f"{of} {which}"},
        )
        for which, value in (("p50", median(taken)), ("p99", p99(taken)))
    ]  # fmt: skip
