"""A request of another kind than it was taken for: the right procedure, on the same case."""

from datetime import timedelta
from uuid import uuid4

import pytest

from schemas.case import IdentityState, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import Choice, Decide, Review
from schemas.request import Kind
from schemas.steps import SEARCH
from tests.office import Office, a_form, now
from tests.workflows.test_delete import approved_by_two, planned

HERE = ["customers"]
WHY = "the letter asks for something else"


async def reviewed(office: Office, **more: object) -> str:
    """An access request that waits for its review."""
    number = await office.receives(a_form("access", scope=HERE, **more))
    await office.awaits(number, "review")
    return number


async def test_the_right_procedure_takes_the_same_case_over(office: Office):
    number = await reviewed(office, received_at=(now() - timedelta(days=5)).isoformat())
    before = await office.client.show(number)

    await office.client.reclassify(number, to=Kind.DELETE, by="maija", reason=WHY)

    view = await office.awaits(number, "decide")
    assert (view.number, view.kind) == (number, Kind.DELETE)
    assert (view.received_at, view.clock.due_date) == (before.received_at, before.clock.due_date)
    assert [a.what for a in view.awaiting] == ["decide"]  # the review is no longer due
    acknowledged = [x for x in view.letters if x.kind is LetterKind.ACKNOWLEDGEMENT]
    assert len(acknowledged) == 1
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
    assert office.systems["customers"].holds.rows == ()


async def test_the_old_run_ends_without_an_outcome(office: Office):
    number = await reviewed(office)
    old = await office.handle(number)

    await office.client.reclassify(number, to=Kind.DELETE, by="maija", reason=WHY)

    assert await old.result() is None


async def test_what_the_old_run_was_still_doing_changes_nothing_any_more(office: Office):
    number = await reviewed(office)
    old = (await office.handle(number)).id
    await office.client.reclassify(number, to=Kind.DELETE, by="maija", reason=WHY)
    view = await office.awaits(number, "decide")
    case = await office.client._case(number)

    late = f"{old}/{SEARCH.name}:customers:99"
    async with office.case_file.step(case, late, now(), "engine") as step:
        assert step.repeated

    assert (await office.client.show(number)).revision == view.revision


async def test_what_suffices_for_an_objection_does_not_for_access(office: Office):
    """Art. 12(6): an e-mail shows who objects, not who may see data."""
    form = a_form("objection", purposes=["profiling"], channel="email", evidence={})
    number = await office.receives(form)
    await office.awaits(number, "decide")

    await office.client.reclassify(number, to=Kind.ACCESS, by="maija", reason=WHY)

    view = await office.awaits(number, "verify_identity")
    assert view.identity.state is IdentityState.UNCHECKED
    assert view.purposes == ()


async def test_an_objection_takes_effect_at_once_when_it_is_understood(office: Office):
    number = await reviewed(office)

    await office.client.reclassify(
        number, to=Kind.OBJECTION, by="maija", reason=WHY, parts={"purposes": ["marketing"]}
    )

    view = await office.awaits(number, "send_reply")
    outcomes = {s.name: s.outcome for s in view.systems}
    assert outcomes == {"customers": SystemOutcome.SUPPRESSED}
    assert office.systems["customers"].suppressed[0][0] == "marketing"
    timeline = [entry.event for entry in await office.client.timeline(number)]
    assert "suppression_added" in timeline


async def test_a_kind_whose_parts_are_missing_is_refused_and_nothing_changes(office: Office):
    number = await reviewed(office)
    before = await office.client.show(number)

    with pytest.raises(BadInput, match="needs purposes"):
        await office.client.reclassify(number, to=Kind.OBJECTION, by="maija", reason=WHY)
    with pytest.raises(BadInput, match="cannot be changed"):
        await office.client.reclassify(
            number, to=Kind.DELETE, by="maija", reason=WHY, parts={"received_at": "2020-01-01"}
        )

    view = await office.client.show(number)
    assert (view.kind, view.status) == (before.kind, before.status)


async def test_the_same_kind_again_is_refused(office: Office):
    number = await reviewed(office)

    with pytest.raises(RefusedByRule, match="already"):
        await office.client.reclassify(number, to=Kind.ACCESS, by="maija", reason=WHY)


async def test_a_deletion_that_was_carried_out_stays_one(office: Office):
    number = await planned(office, scope=HERE)
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")

    with pytest.raises(RefusedByRule, match="what is done stays done"):
        await office.client.reclassify(number, to=Kind.ACCESS, by="maija", reason=WHY)


async def test_repeated_under_its_id_it_is_taken_once(office: Office):
    number, id = await reviewed(office), uuid4()
    again = {"to": Kind.DELETE, "by": "maija", "reason": WHY, "id": id}

    await office.client.reclassify(number, **again)
    await office.awaits(number, "decide")
    await office.client.reclassify(number, **again)

    entries = [e for e in await office.client.timeline(number) if e.event == "reclassified"]
    assert len(entries) == 1


async def test_a_decision_of_the_old_kind_no_longer_stands(office: Office):
    number = await reviewed(office)
    await office.act(number, Review, by="maija")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")

    await office.client.reclassify(number, to=Kind.DELETE, by="maija", reason=WHY)

    view = await office.awaits(number, "decide")
    assert view.decisions == ()
    assert view.outcome is None
    assert {x.state for x in view.letters if x.kind is LetterKind.REPLY} == {"withdrawn"}
