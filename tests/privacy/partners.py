"""Partners that answer over HTTP, with marked findings and marks in whatever goes wrong."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from connectors.partner import Order, PartnerAway, Told
from schemas import messages as m
from schemas.case import LetterKind, Outcome, SystemOutcome
from schemas.partners import RequestStatus
from tests.fakes import FakePartner, facts
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.requests import a_request
from tests.privacy.systems import everything


@dataclass
class Stammering(FakePartner):
    """Fails with a mark in the text, once as a partner that is away, once as nobody foresaw."""

    asked: int = 0
    questions: int = 0

    async def ask(self, order: Order) -> None:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError(f"no such person: {mark('fault')}")
        await super().ask(order)

    async def status(self, request: UUID) -> Told:
        self.questions += 1
        if self.questions == 1:
            raise PartnerAway(f"no such person: {mark('fault')}")
        return await super().status(request)


def marked_partners() -> tuple[FakePartner, ...]:
    """One that answers, one that is mute, one that only begins, one that cancels."""
    return (
        _partner("stammering", RequestStatus.COMPLETED, Stammering),
        _partner("mute", RequestStatus.PENDING),
        _partner("beginning", RequestStatus.IN_PROGRESS),
        _partner("cancelling", RequestStatus.CANCELLED),
    )


def _partner(name: str, says: RequestStatus, kind: type[FakePartner] = FakePartner) -> FakePartner:
    about = facts(name, reach="http", fields_sent=("name", "email"))
    return kind(about, holds=everything(), says=says, domain=f"{name}.example")


async def found_at_a_partner(canary: Canary) -> None:
    """Asked at the second try, heard at the second look."""
    number = await canary.office.receives(a_request("access", "stammering"))
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.FULFILLED)


def left_out(partner: str, after: SystemOutcome) -> Scenario:
    """A person does without it: its request is taken back, where that is not too late."""

    async def scenario(canary: Canary) -> None:
        office = canary.office
        number = await office.receives(a_request("access", partner))
        await office.sees(number, lambda v: v.systems and v.systems[0].outcome is after)
        await office.act(
            number, m.ResolveSystem, by="maija", system=partner,
            how=m.SystemResolution.LEAVE_OUT, reason=mark("resolution"),
        )  # fmt: skip
        await office.awaits(number, "decide")
        await office.act(
            number, m.Decide, by="antti", choice=m.Choice.APPROVE, reason=mark("approval")
        )
        await office.awaits(number, "send_reply")
        await canary.hand_out(number, LetterKind.REPLY)
        await canary.ends(number, Outcome.PARTIAL)

    return scenario


PARTNERS: Final[dict[str, Scenario]] = {
    "found at a partner": found_at_a_partner,
    "a mute partner left out": left_out("mute", SystemOutcome.SILENT),
    "a beginning partner left out": left_out("beginning", SystemOutcome.SILENT),
    "a cancelling partner left out": left_out("cancelling", SystemOutcome.FAILED),
}
