"""The demonstration's staff: they do what people do, through the client, and wait."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from typing import Any, Final
from zipfile import ZipFile

from schemas.case import CaseView, Ground, LetterKind, Status, SystemOutcome
from schemas.errors import CheckFailed
from schemas.holds import HoldView
from schemas.messages import (
    Choice,
    Decide,
    ResolveSystem,
    Review,
    SecondDecision,
    SystemResolution,
    VerifyIdentity,
    Withheld,
)
from schemas.request import Attachment
from schemas.staff import StaffDirectory
from starter.client import DsrClient
from starter.registers import DEMO_SEED, DemoPerson

PATIENCE: Final = timedelta(seconds=120)
"""How long a step may take before the demonstration says that it does not go on."""

LOOK: Final = 0.15
"""Seconds between two looks at a case row."""

BETWEEN_SWEEPS: Final = 2.0
"""Seconds."""

EMPLOYER: Final = "Saimaan Automaatio Oy"


@dataclass
class Progress:
    """One request's line in the live table."""

    scenario: str
    number: str = "-"
    status: str = "waiting"
    doing: str = ""
    begun: bool = False
    done: bool = False


@dataclass
class Desk:
    """Where one scenario is played."""

    client: DsrClient
    staff: StaffDirectory
    people: Mapping[str, DemoPerson]
    progress: Progress
    sweep: Callable[[], Awaitable[None]]  # the hourly one, now
    seed: int = DEMO_SEED
    numbers: list[str] = field(default_factory=list)

    async def submit(self, who: str, kind: str, **more: Any) -> str:
        """A person's request arrives; its number. `days_ago` dates the receipt back."""
        ago = timedelta(days=more.pop("days_ago", 0), minutes=self._minutes_ago(who))
        form = {
            "kind": kind,
            "received_at": (datetime.now(UTC) - ago).isoformat(),
            "language": self.people[who].language,
            "scope": ["register"],
            "subject": self.subject(who),
        }
        receipt = await self.client.submit(form | more)
        self.numbers.append(receipt.number)
        self.progress.number = receipt.number
        self.progress.status = receipt.status
        return receipt.number

    def subject(self, who: str) -> dict[str, Any]:
        """The person as a request names them."""
        person = self.people[who]
        known = [{"type": type_, "value": value} for type_, value in person.identifiers]
        employer = {"employer": EMPLOYER} if "training" in person.holds else {}
        return {"name": person.name, "identifiers": known} | employer

    def _minutes_ago(self, who: str) -> int:
        """All of a person's letters lay in the mail room for as long; as the seed says."""
        if self.seed == DEMO_SEED:
            return 0
        return Random(f"mail {who} {self.seed}").randrange(6 * 60)  # noqa: S311 no secret

    async def until(self, number: str, seen: Callable[[CaseView], Any], what: str) -> CaseView:
        """Wait until the case shows it."""
        self.progress.doing = what
        end = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
        while asyncio.get_running_loop().time() < end:
            view = await self.client.show(number)
            self.progress.status = view.status
            if seen(view):
                return view
            await asyncio.sleep(LOOK)
        raise CheckFailed(f"{number} is still {view.status}: {what} did not come.")

    async def reaches(self, number: str, status: Status) -> CaseView:
        """Wait for a status."""
        return await self.until(number, lambda view: view.status is status, f"until {status}")

    async def awaits(self, number: str, what: str) -> CaseView:
        """Wait until the case waits for this."""
        return await self.until(
            number, lambda view: any(a.what == what for a in view.awaiting), what
        )

    def member(self, role: str) -> str:
        """An account with this role."""
        return next(m.accounts[0] for m in self.staff.members if role in m.roles)

    async def verify(self, number: str, how: str = "customer_login", **more: Any) -> None:
        """A handler is satisfied who asks."""
        await self.awaits(number, "verify_identity")
        await self.client.act(number, VerifyIdentity, by=self.member("handler"), how=how, **more)

    async def by_hand(self, number: str, paper: str | None = None, **answers: str) -> None:
        """People answer for the systems that are theirs; what they found they hand in."""
        answers |= {"paper_archive": paper} if paper else {}
        view = await self.until(number, _all_asked, "tasks by hand")
        for task in [a for a in view.awaiting if a.what.endswith("_by_hand")]:
            answer = answers.get(task.system or "")
            await self.client.complete_task(
                number, task.task, by=self.member(task.role),
                file=_file(answer) if answer else None,
            )  # fmt: skip

    async def resolve(self, number: str, system: str, how: SystemResolution, reason: str) -> None:
        """A partner does not answer, or not as it should: a handler sees to it."""
        await self.until(
            number,
            lambda v: any(a.what == "resolve_system" and a.system == system for a in v.awaiting),
            f"trouble with {system.replace('_', ' ')}",
        )
        await self.client.act(
            number, ResolveSystem, by=self.member("handler"), system=system, how=how, reason=reason
        )

    async def review(self, number: str, *withhold: Withheld) -> None:
        """A handler looks at the findings."""
        await self.awaits(number, "review")
        by = self.member("handler")
        await self.client.found(number, by=by)
        await self.client.act(number, Review, by=by, withhold=withhold)

    async def decide(
        self, number: str, choice: Choice = Choice.APPROVE, ground: Ground | None = None,
        role: str = "approver", reason: str | None = None,
    ) -> None:  # fmt: skip
        """The decision, when it is its turn."""
        await self.awaits(number, "decide")
        await self.client.act(
            number, Decide, by=self.member(role), choice=choice, ground=ground, reason=reason
        )

    async def approve_by_two(self, number: str) -> None:
        """A deletion takes two people."""
        await self.decide(number)
        await self.awaits(number, "second_decision")
        await self.client.act(number, SecondDecision, by=self.member("dpo"), choice=Choice.APPROVE)

    async def dispute(self, number: str, *disputed: int) -> None:
        """The handler approves a correction but for the facts of these numbers."""
        await self.awaits(number, "decide")
        await self.client.act(
            number, Decide, by=self.member("handler"), choice=Choice.PARTIAL,
            ground=Ground.FACT_DISPUTED, disputed=disputed, reason="No document shows it.",
        )  # fmt: skip

    async def refuse(self, number: str, ground: Ground, reason: str | None = None) -> None:
        """The DPO refuses, before or at the decision's turn."""
        await self.client.act(
            number, Decide, by=self.member("dpo"), choice=Choice.REFUSE, ground=ground,
            reason=reason,
        )  # fmt: skip

    async def send(self, number: str) -> None:
        """The reply leaves: package and letter are fetched."""
        view = await self.awaits(number, "send_reply")
        letter = next(
            x for x in reversed(view.letters)
            if x.kind in (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
        )  # fmt: skip
        by = self.member("handler")
        await self.client.letter(number, letter.id, by=by)
        if view.kind == "access" and letter.kind is not LetterKind.REFUSAL:
            await self.client.package(number, by=by)

    async def send_letter(self, number: str, kind: LetterKind) -> None:
        """A letter that is no reply leaves."""
        view = await self.until(
            number, lambda v: any(x.kind is kind for x in v.letters), f"{kind} letter"
        )
        letter = next(x for x in reversed(view.letters) if x.kind is kind)
        await self.client.letter(number, letter.id, by=self.member("handler"))

    async def package_holds(self, number: str, *systems: str) -> None:
        """The package has records of each of these."""
        package = await self.client.package(number, by=self.member("handler"))
        with ZipFile(BytesIO(package)) as files:
            data = json.loads(files.read("data.json"))
        given = {one["name"] for one in data["systems"] if one["records"]}
        if missing := sorted({*systems} - given):
            raise CheckFailed(f"The package of {number} lacks {', '.join(missing)}.")

    async def answer(
        self, number: str, *withhold: Withheld, paper: str | None = None, reviewed: bool = True,
        **answers: str,
    ) -> None:  # fmt: skip
        """An access request from the search to the close."""
        await self.by_hand(number, paper, **answers)
        if reviewed:
            await self.review(number, *withhold)
        await self.decide(number)
        await self.send(number)
        await self.reaches(number, Status.CLOSED)

    # -- holds -----------------------------------------------------------------------------------

    async def hold(self, who: str, *, reference: str, systems: tuple[str, ...] = ()) -> HoldView:
        """A court orders that a person's data stays; the DPO places the hold."""
        known = self.subject(who)["identifiers"]
        order = {
            "authority": "Court", "reference": reference, "country": "FI", "systems": systems,
            "person": {"identifiers": known},
        }  # fmt: skip
        return await self.client.holds.place(order, self.client.actor(self.member("dpo")))

    async def sweep_until(self, number: str, seen: Callable[[CaseView], Any], what: str) -> None:
        """Have the hourly sweep run until the case shows it; one at work is not joined."""
        end = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
        while not seen(await self.client.show(number)):
            if asyncio.get_running_loop().time() > end:
                raise CheckFailed(f"{number}: after several sweeps still not: {what}.")
            await self.sweep()
            await asyncio.sleep(BETWEEN_SWEEPS)


def _all_asked(view: CaseView) -> bool:
    """Every system has answered, or a person is asked for it."""
    asked = {a.system for a in view.awaiting}
    return bool(view.systems) and all(
        s.outcome is not SystemOutcome.PENDING or s.name in asked for s in view.systems
    )


def _file(text: str) -> Attachment:
    content = base64.b64encode(text.encode())
    return Attachment(name="paper-archive.txt", media_type="text/plain", base64=content)
