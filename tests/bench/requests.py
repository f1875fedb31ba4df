"""Requests as the benchmarks send them: synthetic people, staff that act at once."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from schemas.case import CaseView, Status
from schemas.messages import Choice, Decide, Review
from tests.bench.stand import Engine
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import a_form

PATIENCE = 60.0  # seconds


def at_once(count: int) -> FakeSystems:
    """Systems that answer at once, each with one record."""
    return FakeSystems(*(FakeSystem(facts(f"system_{n}")) for n in range(count)))


def somebody(*, of: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An access request, by signed letter, of a person who never asked before."""
    mail = {"type": "email", "value": f"{uuid4().hex}@example.fi"}
    return a_form(of=of or {"name": "Aino Virtanen", "identifiers": [mail]}, **more)


async def seen(engine: Engine, number: str, what: Callable[[CaseView], Any]) -> CaseView:
    """Wait until the case row shows it."""
    async with asyncio.timeout(PATIENCE):
        view = await engine.client.show(number)
        while not what(view):
            await asyncio.sleep(0.01)
            view = await engine.client.show(number)
        return view


def awaiting(what: str) -> Callable[[CaseView], bool]:
    """A case that waits for this."""
    return lambda view: any(task.what == what for task in view.awaiting)


async def answered(engine: Engine) -> str:
    """One access request from intake to close: one review, one decision, one letter. Its number."""
    client = engine.client
    number = (await client.submit(somebody())).number
    await seen(engine, number, awaiting("review"))
    await client.act(number, Review, by="maija")
    await seen(engine, number, awaiting("decide"))
    await client.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await seen(engine, number, awaiting("send_reply"))
    await client.package(number, by="maija")
    await seen(engine, number, lambda view: view.status is Status.CLOSED)
    handle = await client._handle(await client._case(number))
    await handle.result()
    return number


def median(values: Iterable[float]) -> float:
    """The one in the middle, the upper one of two."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def p99(values: Iterable[float]) -> float:
    """The value that one in a hundred exceeds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
