"""One engine that is driven, with marked data in every field and free text."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status
from tests.office import Office
from tests.privacy.marks import mark
from tests.privacy.requests import a_file

Scenario = Callable[["Canary"], Awaitable[None]]

CARRIED_OUT_AT_ONCE: Final = ("objection", "consent")  # Art. 7(3), 21(3): who asks is settled after


@dataclass
class Canary:
    """One engine that is driven, and what it gave to people."""

    office: Office
    delivered: list[bytes] = field(default_factory=list)  # to handlers and subjects: marked
    told: list[str] = field(default_factory=list)  # errors: never marked

    async def to_decision(self, number: str, **review: Any) -> None:
        """Reviewed; waits for the approver."""
        await self.office.awaits(number, "review")
        await self.office.act(number, m.Review, by="maija", **review)
        await self.office.awaits(number, "decide")

    async def to_reply(self, number: str, **review: Any) -> None:
        """Decided; the reply waits in the outbox."""
        await self.to_decision(number, **review)
        await self.office.act(
            number, m.Decide, by="antti", choice=m.Choice.APPROVE, reason=mark("approval")
        )
        await self.office.awaits(number, "send_reply")

    async def hand_out(self, number: str, kind: LetterKind, package: bool = False) -> None:
        """The newest letter of a kind, or the package, leaves."""
        view = await self.office.client.show(number)
        letter = next(x for x in reversed(view.letters) if x.kind is kind)
        self.delivered.append(await self.office.client.letter(number, letter.id, by="maija"))
        if package:
            self.delivered.append(await self.office.client.package(number, by="maija"))

    async def ends(self, number: str, outcome: Outcome) -> None:
        """It is closed, or waits without a run until what it keeps may go, with this outcome."""
        view = await self.office.sees(number, lambda v: v.parked or v.status is Status.CLOSED)
        assert view.outcome is outcome, f"{number} ended as {view.outcome}"

    async def refuse(self, number: str, ground: Ground) -> None:
        """The DPO refuses; the refusal leaves; the case is closed."""
        await self.office.act(
            number, m.Decide, by="helena", choice=m.Choice.REFUSE, ground=ground,
            reason=mark("refusal"),
        )  # fmt: skip
        await self.office.awaits(number, "send_reply")
        await self.hand_out(number, LetterKind.REFUSAL)
        await self.ends(number, Outcome.REFUSED)

    async def answer_archive(self, number: str, system: str = "archive") -> None:
        """The manual task of a system is answered with a file."""
        view = await self.office.sees(number, lambda v: any(a.system == system for a in v.awaiting))
        task = next(a.task for a in view.awaiting if a.system == system)
        await self.office.client.complete_task(
            number, task, by="kalle", file=a_file("paper"), note=mark("tasknote")
        )


CONTROL: Final = (
    "access fulfilled and answered again", "withdrawn", "not a request",
    "identity and clarification", "fee accepted", "signal", "doubtful match",
    "possibly the same person", "failing systems", "objection to marketing",
    "a run that cannot begin", "erased, at the third try", "second decision refused",
    "corrected, at the second try",
)  # fmt: skip
"""Scenarios that together bring every mark that the control looks for."""

AT_ONCE: Final = 16  # scenarios beside one another: most of them wait


async def drive(canary: Canary, scenarios: dict[str, Scenario]) -> None:
    """All of them; a failure names its scenario."""
    window = asyncio.Semaphore(AT_ONCE)

    async def run(name: str, scenario: Scenario) -> None:
        async with window:
            try:
                await scenario(canary)
            except Exception as error:
                error.add_note(f"in the scenario: {name}")
                raise

    await asyncio.gather(*(run(name, scenario) for name, scenario in scenarios.items()))
