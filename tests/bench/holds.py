"""How long the DPO waits for a hold, against a plain transaction of the same shape."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import event, text

from schemas.request import Subject
from storage.holds import intend
from tests.bench.bare import TABLE
from tests.bench.figures import Figure, metric
from tests.bench.requests import at_once, median, p99, somebody
from tests.bench.stand import Engine, Stand, an_engine
from tests.holds.deskwork import RITVA, an_order
from tests.office import AINO

OPEN: Final = 20
TIMES: Final = 200
COMMIT: Final = "commit"
WRITES: Final = ("INSERT", "UPDATE", "WITH")
ROW: Final = text("insert into bench (run) values ('done')")
NOTHING: Final = text("select 1")

Trace = list[str]
"""The first word of every statement of ours, and `commit`, in order."""


@metric
async def hold_latency(stand: Stand) -> list[Figure]:
    """`place` on a person whom 20 erasures without an outcome concern, one in each of 20 systems.

    The plain one has as many transactions, and in each a row where ours writes, else `select 1`.
    """
    async with an_engine(stand, at_once(OPEN), work=False) as engine:
        await _erasures_open(engine)
        async with engine.database.begin() as conn:
            await conn.execute(text(TABLE))
        with _traced(engine) as trace:
            await _placed(engine)
        ours, plain = [], []
        for _ in range(TIMES):
            ours.append(await _milliseconds(_placed, engine))
            plain.append(await _milliseconds(lambda e: _played(e, trace), engine))
    return [
        _latency("p50", median(ours), "ms"),
        _latency("p99", p99(ours), "ms"),
        _latency("p50 against plain", median(ours) / median(plain), "ratio"),
        _latency("p99 against plain", p99(ours) / p99(plain), "ratio"),
    ]


def _latency(of: str, value: float, unit: str) -> Figure:
    parameters = {"open": OPEN, "times": TIMES, "of": of}
    return Figure(metric="hold_latency", parameters=parameters, value=value, unit=unit)


async def _erasures_open(engine: Engine) -> None:
    """Begun and never told: each is in doubt."""
    case: UUID = (await engine.client.submit(somebody("delete", of=AINO))).case
    hashes = engine.client._hashes(Subject.model_validate(AINO))
    async with engine.database.begin() as conn:
        for n in range(OPEN):
            await intend(
                conn, case, f"system_{n}", f"key-{n}", hashes, datetime.now(UTC),
                timedelta(hours=1),
            )  # fmt: skip


async def _placed(engine: Engine) -> None:
    await engine.client.holds.place(an_order(), RITVA)


async def _played(engine: Engine, trace: Trace) -> None:
    """The same transactions, with the least that each statement can be."""
    waiting = iter(trace)
    for word in waiting:
        async with engine.database.begin() as conn:
            while word != COMMIT:
                await conn.execute(ROW if word in WRITES else NOTHING)
                word = next(waiting, COMMIT)


@contextmanager
def _traced(engine: Engine) -> Iterator[Trace]:
    """What the statements were, in one act that nobody is beside."""
    trace: Trace = []
    sync = engine.database.sync_engine

    def executed(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        trace.append(statement.split(maxsplit=1)[0].upper())

    def committed(_conn: Any) -> None:
        trace.append(COMMIT)

    event.listen(sync, "before_cursor_execute", executed)
    event.listen(sync, "commit", committed)
    yield trace
    event.remove(sync, "before_cursor_execute", executed)
    event.remove(sync, "commit", committed)


async def _milliseconds(act: Callable[[Engine], Awaitable[None]], engine: Engine) -> float:
    began = time.perf_counter()
    await act(engine)
    return (time.perf_counter() - began) * 1000
