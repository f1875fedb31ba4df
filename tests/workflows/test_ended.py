"""Relations that ended: the same deletion, that nobody asked for, decided a batch at a time."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.ended import EndedRelations
from activities.letters import Letters
from connectors.contract import EndedRelation, Identity, Person
from schemas.case import Ground, Outcome, Status, SystemOutcome
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import Choice, Note, Withdraw
from schemas.retention import EndedReport, Origin
from schemas.steps import SweepInput
from starter.ended import EndedIntake
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.holds.deskwork import an_order
from tests.office import POLICY, Office, a_form, an_office, now

AINO = "aino.virtanen@example.fi"
OVER = EndedRelation(
    person=Person(name="Aino Virtanen", identities=(Identity(type="email", value=AINO),)),
    ended_on=date(2020, 1, 31),
)


def somebody_else(n: int) -> EndedRelation:
    person = Person(name=f"Person {n}", identities=(Identity(type="email", value=f"p{n}@ex.fi"),))
    return EndedRelation(person=person, ended_on=date(2020, 2, 1))


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """A register that says when a relation is over, and one that does not."""
    systems = FakeSystems(
        FakeSystem(facts("customers", ends=True), over=(OVER,)), FakeSystem(facts("marketing"))
    )
    async with an_office(temporal, engine, tmp_path, systems, letters=letters) as office:
        yield office


def relations(office: Office) -> EndedRelations:
    return EndedRelations(office.desk, office.runs, EndedIntake(office.case_file, POLICY))


async def swept(office: Office, days: int = 0) -> int:
    """The daily sweep; how many cases it began."""
    at = office.client.now() + timedelta(days=days)
    return (await relations(office).sweep(SweepInput(at=at))).ended


async def the_case(office: Office, what: str = "decide") -> str:
    """The case of the only batch, waiting for this."""
    (line,) = await office.client.cases()
    await office.awaits(line.number, what)
    return line.number


async def decided_by_two(office: Office, *, records: int = 1) -> str:
    """Both people decide the batch, one after the other."""
    number = await the_case(office)
    (batch,) = await office.client.retention.batches()
    assert (batch.cases, batch.open, batch.first_decision) == (1, 1, 1)
    assert batch.records == records
    first = await office.client.retention.decide(batch.batch, Choice.APPROVE, by="antti")
    assert (first.decided, first.seconded, first.not_decided) == ((number,), (), {})
    await the_case(office, "second_decision")
    second = await office.client.retention.decide(batch.batch, Choice.APPROVE, by="helena")
    assert (second.decided, second.seconded) == ((), (number,))
    return number


async def test_a_relation_that_ended_is_deleted_by_two_people_and_nobody_is_written_to(
    office: Office,
):
    assert await swept(office) == 1

    number = await decided_by_two(office)

    view = await office.reaches(number, Status.CLOSED)
    assert (view.origin, view.outcome, view.letters) == (Origin.RETENTION, Outcome.FULFILLED, ())
    assert [(s.name, s.outcome) for s in view.systems] == [("customers", SystemOutcome.ERASED)]
    assert office.systems["customers"].holds.rows == ()
    assert len(office.systems["marketing"].holds.rows) == 1  # its relation goes on
    assert not (await office.client.suppressions.of(AINO, "marketing")).purposes


async def test_what_a_hold_covers_is_kept_and_goes_once_it_is_released(office: Office):
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(an_order(), dpo)
    await swept(office)
    (report,) = (await office.client.retention.sweeps())[0].systems
    assert (report.taken, report.held) == (1, 1)

    number = await decided_by_two(office, records=0)

    view = await office.sees(number, lambda view: view.parked)
    assert (view.status, view.outcome) == (Status.FOLLOWING_UP, Outcome.PARTIAL)
    assert len(office.systems["customers"].holds.rows) == 1
    assert await swept(office, days=1) == 0  # it waits, and is not begun again
    await office.client.holds.release(hold.id, dpo, "the authority is done")


async def test_the_sweep_runs_once_a_day_and_takes_nobody_twice(office: Office):
    assert await swept(office) == 1
    office.systems["customers"].over = (OVER, somebody_else(1))

    assert await swept(office) == 0
    assert await swept(office, days=1) == 1
    assert len(await office.client.cases()) == 2


async def test_those_who_wait_do_not_keep_others_from_the_next_batch(office: Office):
    small = POLICY.retention.model_copy(update={"batch_limit": 1})
    office.desk = type(office.desk)(
        office.desk.case_file, POLICY.model_copy(update={"retention": small}),
        office.desk.systems, office.desk.letters,
    )  # fmt: skip
    office.systems["customers"].over = (OVER, somebody_else(1), somebody_else(2))

    assert [await swept(office, days=day) for day in range(4)] == [1, 1, 1, 0]


async def test_whose_deletion_was_asked_for_is_not_begun_a_second_time(office: Office):
    await office.receives(a_form("delete"))

    assert await swept(office) == 0

    (report,) = (await office.client.retention.sweeps())[0].systems
    assert (report.found, report.waiting) == (1, 1)


async def test_refused_by_people_it_is_not_proposed_again_for_the_time_of_the_policy(
    office: Office,
):
    await swept(office)
    number = await the_case(office)
    (batch,) = await office.client.retention.batches()
    done = await office.client.retention.decide(
        batch.batch, Choice.REFUSE, by="helena", ground=Ground.NO_ERASURE_GROUND
    )
    assert done.decided == (number,)
    view = await office.reaches(number, Status.CLOSED)
    assert (view.outcome, view.letters) == (Outcome.REFUSED, ())

    assert await swept(office, days=1) == 0
    assert await swept(office, days=181) == 1


async def test_who_has_no_identifier_of_their_own_is_left_to_people(office: Office):
    nobody = EndedRelation(person=Person(name="Aino", identities=()), ended_on=OVER.ended_on)
    office.systems["customers"].over = (nobody,)

    assert await swept(office) == 0

    (report,) = (await office.client.retention.sweeps())[0].systems
    assert report.unnamed == 1
    assert await office.client.cases() == []


async def test_a_system_that_is_away_is_told_and_stops_no_other(office: Office):
    office.systems["customers"].away = True

    await swept(office)

    (report,) = (await office.client.retention.sweeps())[0].systems
    assert report.trouble == "customers does not answer"


async def test_a_dry_run_counts_and_changes_nothing(office: Office):
    report = await relations(office).look(now(), dry_run=True)

    assert report.systems == (EndedReport(system="customers", found=1, taken=1),)
    assert await office.client.cases() == []
    assert await office.client.retention.sweeps() == []


async def test_one_person_cannot_give_both_decisions_of_a_batch(office: Office):
    await swept(office)
    number = await the_case(office)
    (batch,) = await office.client.retention.batches()
    await office.client.retention.decide(batch.batch, Choice.APPROVE, by="helena")
    await the_case(office, "second_decision")

    done = await office.client.retention.decide(batch.batch, Choice.APPROVE, by="helena")

    assert "another person's" in done.not_decided[number]
    assert len(office.systems["customers"].holds.rows) == 1


async def test_what_concerns_somebody_who_asked_is_refused(office: Office):
    await swept(office)
    number = await the_case(office)

    with pytest.raises(RefusedByRule, match="nobody asked"):
        await office.act(number, Withdraw, by="maija")
    await office.act(number, Note, by="maija", text="looked at")


async def test_a_batch_that_is_none_is_refused(office: Office):
    with pytest.raises(BadInput, match="no such batch"):
        await office.client.retention.decide("R20200101", Choice.APPROVE, by="antti")


async def test_in_a_year_of_daily_sweeps_a_batch_that_nobody_decides_is_begun_once(office: Office):
    """It waits for two people, however long."""
    assert [await swept(office, days) for days in range(0, 366, 30)] == [1, *[0] * 12]
    number = await the_case(office)

    await office.passes(number, timedelta(days=365))

    view = await office.client.show(number)
    assert (view.status, view.plan is not None) == (Status.DECIDING, True)
