"""The demonstration's staff: they do what people do, through the client, and wait."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.case import CaseView, Ground, LetterKind, Status, SystemOutcome
from schemas.errors import CheckFailed
from schemas.messages import Choice, Decide, Review, VerifyIdentity, Withheld
from schemas.request import Attachment
from schemas.staff import StaffDirectory
from starter.client import DsrClient
from starter.registers import DEMO_PEOPLE, DemoPerson

PATIENCE: Final = timedelta(seconds=90)
"""How long a step may take before the demonstration says that it does not go on."""

LOOK: Final = 0.1
"""Seconds between two looks at a case row."""


@dataclass
class Progress:
    """One request's line in the live table."""

    scenario: str
    number: str = "-"
    status: str = "waiting"
    doing: str = ""
    done: bool = False


@dataclass
class Desk:
    """Where one scenario is played."""

    client: DsrClient
    staff: StaffDirectory
    progress: Progress
    numbers: list[str] = field(default_factory=list)

    async def submit(self, who: str, kind: str, **more: Any) -> str:
        """A person's request arrives; its number. `days_ago` dates the receipt back."""
        person = DEMO_PEOPLE[who]
        received = datetime.now(UTC) - timedelta(days=more.pop("days_ago", 0))
        form = {
            "kind": kind,
            "received_at": received.isoformat(),
            "language": person.language,
            "scope": ["register"],
            "subject": subject(person),
        }
        receipt = await self.client.submit(form | more)
        self.numbers.append(receipt.number)
        self.progress.number = receipt.number
        self.progress.status = receipt.status
        return receipt.number

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

    async def by_hand(self, number: str, paper: str | None = None) -> None:
        """Those whose systems are reached by hand answer; the archive hands in what it found."""
        view = await self.until(number, _all_asked, "tasks by hand")
        for task in [a for a in view.awaiting if a.what.endswith("_by_hand")]:
            file = _file(paper) if paper and task.system == "paper_archive" else None
            await self.client.complete_task(number, task.task, by=self.member(task.role), file=file)

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

    async def answer(
        self, number: str, *withhold: Withheld, paper: str | None = None, reviewed: bool = True
    ) -> None:
        """An access request from the search to the close."""
        await self.by_hand(number, paper)
        if reviewed:
            await self.review(number, *withhold)
        await self.decide(number)
        await self.send(number)
        await self.reaches(number, Status.CLOSED)


def subject(person: DemoPerson) -> dict[str, Any]:
    """The person as a request names them."""
    return {
        "name": person.name,
        "identifiers": [{"type": type_, "value": value} for type_, value in person.identifiers],
    }


def _all_asked(view: CaseView) -> bool:
    """Every system has answered, or a person is asked for it."""
    asked = {a.system for a in view.awaiting}
    return bool(view.systems) and all(
        s.outcome is not SystemOutcome.PENDING or s.name in asked for s in view.systems
    )


def _file(text: str) -> Attachment:
    content = base64.b64encode(text.encode())
    return Attachment(name="paper-archive.txt", media_type="text/plain", base64=content)
