"""Requests as the benchmarks send them: synthetic people, staff that act at once."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from schemas.case import CaseView, LetterKind, Status
from schemas.messages import Choice, Decide, Review, SecondDecision
from starter.intake import Receipt
from tests.bench.stand import Engine
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import a_form

SENDERS = 20
PATIENCE = 600.0  # seconds; a thousand systems on a busy machine


def at_once(count: int) -> FakeSystems:
    """Systems that answer at once, each with one record."""
    return FakeSystems(*(FakeSystem(facts(f"system_{n}")) for n in range(count)))


def somebody(
    kind: str = "access", *, of: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A request, for access if nothing else is said, by letter; the person never asked before."""
    mail = {"type": "email", "value": f"{uuid4().hex}@example.fi"}
    return a_form(kind, of=of or {"name": "Aino Virtanen", "identifiers": [mail]}, **more)


async def handed_in(engine: Engine, forms: Iterable[dict[str, Any]]) -> list[Receipt]:
    """Requests as fast as intake takes them, from so many senders as share its connections.

    More at a time would only wait in this process, some of them for too long.
    """
    places = asyncio.Semaphore(SENDERS)

    async def one(form: dict[str, Any]) -> Receipt:
        async with places:
            return await engine.client.submit(form)

    return list(await asyncio.gather(*(one(form) for form in forms)))


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
    await _closed(engine, number)
    return number


async def erased(engine: Engine) -> str:
    """One deletion from intake to close: planned, two decisions, one letter. Its number."""
    client = engine.client
    number = (await client.submit(somebody("delete"))).number
    await seen(engine, number, awaiting("decide"))
    await client.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await seen(engine, number, awaiting("second_decision"))
    await client.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    view = await seen(engine, number, awaiting("send_reply"))
    (reply,) = (letter for letter in view.letters if letter.kind is LetterKind.REPLY)
    await client.letter(number, reply.id, by="maija")
    await _closed(engine, number)
    return number


async def _closed(engine: Engine, number: str) -> None:
    await seen(engine, number, lambda view: view.status is Status.CLOSED)
    handle = await engine.client._handle(await engine.client._case(number))
    await handle.result()


def median(values: Iterable[float]) -> float:
    """The one in the middle, the upper one of two."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def p99(values: Iterable[float]) -> float:
    """The value that one in a hundred exceeds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
