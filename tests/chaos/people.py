"""Who acts in a run: who submits requests, and staff that do whatever waits for a person.

They act by the client, as programs and people do, and try again when a server is away.
"""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from schemas.case import Ground, LetterState
from schemas.errors import BadInput, RefusedByRule
from schemas.holds import Fate
from schemas.messages import (
    Choice as Decision,
)
from schemas.messages import (
    Decide,
    FeeChoice,
    ResolveSystem,
    Review,
    SecondDecision,
    SettleFee,
    SystemResolution,
    VerifyIdentity,
    Withdraw,
)
from schemas.request import Attachment, Kind
from starter.cli.next_steps import ANSWERS, is_notice
from starter.client import DsrClient
from starter.dashboard import TaskLine
from tests.chaos.plan import Choice, Plan, Request

AGAIN: Final = 1.0  # seconds between two tries, or two looks at the tasks
DESKS: Final = 6  # members of staff at work at a time
SPACE: Final = UUID("5e0c1f7a-2a4f-4a57-9f0b-6b7d4c1f9b11")
NOBODY: Final = base64.b64encode(b'{"belongs": []}')
REFUSED_ON: Final = {
    Kind.ACCESS: Ground.EXCESSIVE, Kind.DELETE: Ground.NO_ERASURE_GROUND,
    Kind.OBJECTION: Ground.LEGAL_CLAIMS, Kind.CONSENT: Ground.UNFOUNDED,
    Kind.CORRECT: Ground.FACT_DISPUTED,
}  # fmt: skip
ACCOUNT_OF: Final = {
    "handler": "maija", "approver": "johan", "dpo": "ritva", "archivist": "eero",
    "management": "heikki",
}  # fmt: skip


@dataclass
class Told:
    """What the client has answered, and what it could not do."""

    numbers: dict[str, set[str]] = field(default_factory=dict)  # of every key that was accepted
    requests: dict[str, Request] = field(default_factory=dict)  # by case number
    protected: dict[str, tuple[str, ...]] = field(default_factory=dict)  # number -> by its hold
    abandoned: set[str] = field(default_factory=set)  # keys whose sender has given up
    done: Counter[str] = field(default_factory=Counter)  # staff actions
    away: Counter[str] = field(default_factory=Counter)  # by type: servers that did not answer
    refused: Counter[str] = field(default_factory=Counter)  # what somebody came too late for


# -- intake --------------------------------------------------------------------------------------


async def submit_all(client: DsrClient, plan: Plan, told: Told, began: float) -> None:
    """Every request at its time; who gets no answer tries again, under the same key."""
    async with asyncio.TaskGroup() as group:
        for request in plan.requests:
            await _until(began + request.at)
            group.create_task(_submitted(client, request, told))


async def _submitted(client: DsrClient, request: Request, told: Told) -> None:
    for _ in range(1 + request.repeats):
        while True:
            try:
                receipt = await client.submit(request.form)
            except Exception as error:
                told.away[type(error).__name__] += 1
                if request.gives_up:
                    told.abandoned.add(request.key)
                    return
                await asyncio.sleep(AGAIN)
            else:
                told.numbers.setdefault(request.key, set()).add(receipt.number)
                told.requests[receipt.number] = request
                break


async def _until(instant: float) -> None:
    await asyncio.sleep(max(0.0, instant - time.monotonic()))


# -- staff ---------------------------------------------------------------------------------------


class Staff:
    """Does what `dsr tasks` says, each thing under one id however often it is tried."""

    def __init__(self, client: DsrClient, told: Told, seed: int) -> None:
        self._client = client
        self._told = told
        self._seed = seed
        self._busy: set[str] = set()
        self._places = asyncio.Semaphore(DESKS)

    async def work(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for line in await self._tasks():
                    if self._name(line) not in self._busy:
                        self._busy.add(self._name(line))
                        group.create_task(self._tried(line))
                await asyncio.sleep(AGAIN)

    async def _tasks(self) -> list[TaskLine]:
        try:
            lines = await self._client.tasks()
        except Exception as error:
            self._told.away[type(error).__name__] += 1
            return []
        return [line for line in lines if not is_notice(line.what)]

    async def _tried(self, line: TaskLine) -> None:
        try:
            async with self._places:
                await self._does(line)
            self._told.done[line.what] += 1
        except (RefusedByRule, BadInput) as late:
            self._told.refused[f"{line.what}: {type(late).__name__}"] += 1
        except Exception as error:
            self._told.away[type(error).__name__] += 1
        finally:
            self._busy.discard(self._name(line))

    def _name(self, line: TaskLine) -> str:
        return f"{line.number}/{line.what}/{line.task}"

    def _id(self, line: TaskLine) -> UUID:
        return uuid5(SPACE, self._name(line))

    async def _does(self, line: TaskLine) -> None:
        by_name: dict[str, Callable[[TaskLine], Awaitable[Any]]] = {
            "verify_identity": self._verifies, "settle_fee": self._waives,
            "review": self._reviews, "decide": self._decides,
            "second_decision": self._decides_second, "resolve_system": self._resolves,
        }  # fmt: skip
        otherwise = self._sends if line.what.startswith("send_") else self._completes
        await by_name.get(line.what, otherwise)(line)

    async def _sends(self, line: TaskLine) -> None:
        letter = line.task
        if line.what == "send_reply":
            view = await self._client.show(line.number)
            ready = [x for x in view.letters if x.state is LetterState.READY and x.kind in ANSWERS]
            if not ready:
                return
            letter = ready[-1].id
        await self._client.letter(line.number, letter, by=ACCOUNT_OF["handler"])

    async def _acts(self, line: TaskLine, action: Any, by: str, **fields: Any) -> None:
        await self._client.act(line.number, action, by=by, id=self._id(line), **fields)

    async def _verifies(self, line: TaskLine) -> None:
        await self._acts(line, VerifyIdentity, "maija", how="customer_login")

    async def _waives(self, line: TaskLine) -> None:
        await self._acts(line, SettleFee, "johan", choice=FeeChoice.WAIVE)

    async def _reviews(self, line: TaskLine) -> None:
        await self._acts(line, Review, "maija")

    async def _decides(self, line: TaskLine) -> None:
        request = self._told.requests.get(line.number)
        choice = request.choice if request else Choice.APPROVE
        if request is not None and request.is_held and line.number not in self._told.protected:
            await self._holds(line.number, request)
        if choice is Choice.WITHDRAW:
            return await self._acts(line, Withdraw, "maija")
        if choice is Choice.REFUSE:
            return await self._acts(
                line, Decide, "ritva", choice=Decision.REFUSE, ground=REFUSED_ON[line.kind],
                reason="Chaos.",
            )  # fmt: skip
        return await self._acts(line, Decide, ACCOUNT_OF[line.role], choice=Decision.APPROVE)

    async def _holds(self, number: str, request: Request) -> None:
        """A court wants the data kept; what is called protected has to be there at the end."""
        person = {"identifiers": request.form["subject"]["identifiers"]}
        order = {"authority": "Court", "reference": "L 1", "country": "FI", "person": person}
        dpo = self._client.actor("ritva")
        held = await self._client.holds.place(order, dpo, id=uuid5(SPACE, f"hold {number}"))
        await self._client.holds.confirm(held.id, self._client.actor("johan"))
        self._told.protected[number] = tuple(
            fate.system for fate in held.fates if fate.fate is Fate.PROTECTED
        )

    async def _decides_second(self, line: TaskLine) -> None:
        await self._acts(line, SecondDecision, "ritva", choice=Decision.APPROVE)

    async def _resolves(self, line: TaskLine) -> None:
        draw = Random(f"{self._seed} {self._name(line)}")
        how = draw.choice([*SystemResolution])
        await self._acts(line, ResolveSystem, "maija", system=line.system, how=how, reason="Chaos.")

    async def _completes(self, line: TaskLine) -> None:
        file = None
        if line.what == "choose_match":
            file = Attachment(name="choice.json", media_type="application/json", base64=NOBODY)
        await self._client.complete_task(
            line.number, line.task, by=ACCOUNT_OF[line.role], file=file, id=self._id(line)
        )
