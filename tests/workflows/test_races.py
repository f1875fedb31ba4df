"""Two things at once: what a run believes of its case stays what was recorded."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from connectors.contract import Found, Person
from rules import deadlines
from schemas.case import (
    Awaited,
    CaseView,
    FeeAssessment,
    FeeView,
    IdentityState,
    IdentityView,
    Status,
    SystemOutcome,
    SystemView,
)
from schemas.messages import AskIdentity, ResolveSystem, Review, SystemResolution
from schemas.request import Channel, Kind
from schemas.steps import CaseRef, Recorded, SystemAnswer
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import POLICY, a_form, an_office, now
from workflows.case import Case


async def test_a_silence_that_is_over_while_the_question_is_recorded_becomes_a_task(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    at_once = POLICY.identity.model_copy(update={"silence": timedelta(microseconds=1)})
    policy = POLICY.model_copy(update={"identity": at_once})
    async with an_office(temporal, engine, tmp_path, policy=policy, letters=letters) as office:
        number = await office.receives(a_form(evidence={}))
        await office.awaits(number, "verify_identity")

        await office.act(number, AskIdentity, by="maija", doubt="the name differs")

        await office.awaits(number, "identity_unanswered")


@dataclass
class Hanging(FakeSystem):
    """Never answers."""

    async def find(self, person: Person) -> Found:
        self.asked += 1
        await asyncio.sleep(3_600)
        return self.holds


async def test_a_system_left_out_while_it_is_asked_stays_left_out(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    hanging = Hanging(facts("hanging"))
    systems = FakeSystems(FakeSystem(facts("customers")), hanging)
    async with an_office(temporal, engine, tmp_path, systems, letters=letters) as office:
        number = await office.receives(a_form())
        await office.sees(number, lambda _: hanging.asked)

        await office.act(
            number, ResolveSystem, by="maija", system="hanging", reason="it was retired",
            how=SystemResolution.LEAVE_OUT,
        )  # fmt: skip

        await office.awaits(number, "review")
        await office.act(number, Review, by="maija")
        view = await office.awaits(number, "decide")
        assert [a.what for a in view.awaiting] == ["decide"]
        assert view.systems[1].outcome is SystemOutcome.LEFT_OUT


class Unpublished(Case):
    """A case outside a workflow: it has no search attributes."""

    def _publish(self, *, always: bool = False) -> None:
        pass


def read_at(revision: int, outcome: SystemOutcome = SystemOutcome.PENDING) -> Recorded:
    """The case as a step read it from its row, with the outcome of its one system."""
    at = now()
    clock = deadlines.clock(at, POLICY, pauses=(), extension=None, set_at=at, before=None)
    view = CaseView(
        number="2026-0001", kind=Kind.ACCESS, channel=Channel.LETTER, scope=("register",),
        status=Status.SEARCHING, received_at=at, clock=clock, revision=revision,
        identity=IdentityView(state=IdentityState.SUFFICIENT),
        fee=FeeView(assessment=FeeAssessment.FREE),
        systems=(SystemView(name="customers", outcome=outcome, since=at),),
    )  # fmt: skip
    return Recorded(view=view)


def test_an_answer_is_not_lost_to_a_view_that_was_read_before_it_was_recorded():
    """Results come back in another order than they were recorded in."""
    task = Awaited(
        what="choose_match", role="handler", since=now(), task="2026-0001-1", system="customers"
    )
    answer = SystemAnswer(
        system="customers", outcome=SystemOutcome.FOUND, records=2, opened=(task,), revision=5
    )
    case = Unpublished(CaseRef.model_construct())
    case.adopt(read_at(3))
    case.adopt_answer(answer)

    case.adopt(read_at(4))
    (system,) = case.view.systems
    assert (system.outcome, system.records) == (SystemOutcome.FOUND, 2)
    assert case.view.awaiting == (task,)
    assert case.view.revision == 4, "the next view is judged by when it was read"

    case.adopt(read_at(6, SystemOutcome.LEFT_OUT))
    (system,) = case.view.systems
    assert system.outcome is SystemOutcome.LEFT_OUT, "what was recorded later decides"
    assert case.view.awaiting == ()


def test_an_answer_that_comes_back_after_a_later_view_changes_nothing():
    case = Unpublished(CaseRef.model_construct())
    case.adopt(read_at(6, SystemOutcome.LEFT_OUT))

    case.adopt_answer(
        SystemAnswer(system="customers", outcome=SystemOutcome.FOUND, records=2, revision=5)
    )

    (system,) = case.view.systems
    assert (system.outcome, system.records) == (SystemOutcome.LEFT_OUT, 0)
