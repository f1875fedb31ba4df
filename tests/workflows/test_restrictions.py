"""Two cases of one person can restrict the same records: the last to end unmarks them (Art. 18)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from schemas.case import Ground, LetterKind, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import Choice, Decide, FeeChoice, SettleFee, Withdraw
from schemas.steps import LIFT_RESTRICTION
from tests.fakes import FakeSystem, facts
from tests.office import Office, a_form
from tests.workflows.test_correct import contested

HERE = ["customers"]


async def an_objection(office: Office) -> str:
    """To another purpose than marketing: the DPO weighs it, restricted meanwhile."""
    number = await office.receives(a_form("objection", scope=HERE, purposes=["customer_relations"]))
    await office.awaits(number, "decide")
    return number


async def contested_too(office: Office) -> str:
    """The same person's correction: her second inquiry within 12 months."""
    number = await office.receives(a_form("correct", scope=HERE))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await office.awaits(number, "decide")
    return number


async def refused(office: Office, number: str) -> None:
    """Our grounds override: Helena says so, and the letter leaves."""
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS
    )
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await office.reaches(number, Status.CLOSED)


async def test_the_end_of_one_restriction_leaves_what_another_case_restricts(office: Office):
    customers = office.systems["customers"]
    objection, correction = await an_objection(office), await contested_too(office)

    await office.act(correction, Withdraw, by="maija")
    await office.reaches(correction, Status.CLOSED)
    assert customers.restricted

    await refused(office, objection)
    assert not customers.restricted


async def test_an_objection_that_is_upheld_keeps_what_a_correction_would_let_go(office: Office):
    customers = office.systems["customers"]
    objection = await an_objection(office)
    await office.act(objection, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(objection, "send_reply")
    await office.sends(objection, LetterKind.REPLY)
    await office.reaches(objection, Status.CLOSED)
    correction = await contested_too(office)

    await office.act(correction, Withdraw, by="maija")

    await office.reaches(correction, Status.CLOSED)
    assert customers.restricted


async def test_another_persons_case_keeps_nothing_restricted(office: Office):
    eero = {"name": "Eero", "identifiers": [{"type": "email", "value": "eero@example.fi"}]}
    await office.receives(a_form("objection", scope=HERE, purposes=["customer_relations"], of=eero))
    correction = await contested(office, scope=HERE)

    await office.act(correction, Withdraw, by="maija")

    await office.reaches(correction, Status.CLOSED)
    assert not office.systems["customers"].restricted


@dataclass
class OnTheWay(Interceptor):
    """What a step has done is on the case row; its run hears of it only when `arrives` is set."""

    step: str
    done: asyncio.Event = field(default_factory=asyncio.Event)
    arrives: asyncio.Event = field(default_factory=asyncio.Event)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _OnTheWay(next, self)


class _OnTheWay(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, held: OnTheWay) -> None:
        super().__init__(next)
        self._held = held

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        result = await super().execute_activity(input)
        if activity.info().activity_type == self._held.step:
            self._held.done.set()
            await self._held.arrives.wait()
        return result


def with_a_cellar(office: Office) -> None:
    """Paper about customer relations, which people restrict."""
    paper = {"register_part": "archive", "reach": "manual", "role": "archivist"}
    cellar = FakeSystem(facts("cellar", **paper))
    office.systems.by_name["cellar"] = cellar


async def restricted_by_hand(office: Office) -> tuple[str, str]:
    """A weighed objection, and the task by which people restrict meanwhile."""
    in_the_cellar = {"scope": ["archive"], "purposes": ["customer_relations"]}
    number = await office.receives(a_form("objection", **in_the_cellar))
    view = await office.awaits(number, "decide")
    (task,) = [a.task for a in view.awaiting if a.what == "restrict_by_hand"]
    return number, task


async def test_a_task_that_the_end_of_a_restriction_has_called_off_is_not_done_any_more(
    office: Office,
):
    """Else the cellar would be restricted, and nobody asked to end it."""
    with_a_cellar(office)
    end = OnTheWay(LIFT_RESTRICTION.name)
    await office.stops_work()
    await office.starts_work(interceptors=[end])
    number, task = await restricted_by_hand(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS
    )
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await end.done.wait()

    with pytest.raises(RefusedByRule, match="has ended meanwhile"):
        await office.client.complete_task(number, task, by="kalle")

    end.arrives.set()
    view = await office.reaches(number, Status.CLOSED)
    assert view.system("cellar").outcome is SystemOutcome.RETAINED
    assert "system_answered" not in [e.event for e in await office.client.timeline(number)]


async def test_a_withdrawn_objection_is_closed_once_people_have_ended_its_restriction(
    office: Office,
):
    with_a_cellar(office)
    number, task = await restricted_by_hand(office)
    await office.client.complete_task(number, task, by="kalle")

    await office.act(number, Withdraw, by="maija")

    view = await office.awaits(number, "lift_restriction_by_hand")
    assert view.status is not Status.CLOSED
    (task,) = [a.task for a in view.awaiting if a.what == "lift_restriction_by_hand"]
    await office.client.complete_task(number, task, by="kalle")
    view = await office.reaches(number, Status.CLOSED)
    assert view.system("cellar").outcome is SystemOutcome.RETAINED
