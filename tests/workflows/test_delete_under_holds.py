"""A hold may name somebody by what the request does not have: the registers tell that it is one."""

from typing import Any

import pytest

from schemas.case import LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.holds import Fate, HoldView, SystemFate
from schemas.messages import ResolveSystem, SystemResolution, TakeBack
from storage.audit import entries
from tests.fakes import a_row
from tests.holds.deskwork import BY_PHONE, EERO, PHONE, an_order
from tests.office import Office
from tests.workflows.test_delete import approved_by_two, planned
from tests.workflows.test_delete_later import carried_out, ended, resumes

BOTH = ["customers", "marketing"]


def knows_her_phone(office: Office) -> None:
    """One register holds the e-mail address of the request and the number of the hold."""
    customers = office.systems["customers"]
    rows = (a_row("1", email="aino.virtanen@example.fi", phone=PHONE),)
    customers.holds = customers.holds.model_copy(update={"rows": rows})


async def test_a_hold_that_names_a_person_by_what_only_a_register_knows_holds_everywhere(
    office: Office,
):
    knows_her_phone(office)
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(an_order(person=BY_PHONE), dpo)
    number = await planned(office, scope=BOTH)
    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")

    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED] * 2
    assert [len(office.systems[name].holds.rows) for name in BOTH] == [1, 1]
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    assert (await resumes(office)).resumed == ()

    await office.client.holds.release(hold.id, dpo, "the authority is done")
    assert (await resumes(office)).resumed == (number,)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_what_a_register_learns_after_the_plan_is_looked_for_before_anything_goes(
    office: Office,
):
    number = await planned(office, scope=["customers"])
    dpo = office.client.actor("helena")
    await office.client.holds.place(an_order(person=BY_PHONE), dpo)
    knows_her_phone(office)

    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")
    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED]
    assert len(office.systems["customers"].holds.rows) == 1


@pytest.mark.parametrize("secret", [False, True])
async def test_what_only_a_hold_causes_stands_in_the_record_of_a_secret_one_alone(
    office: Office, secret: bool
):
    """Whoever reads a timeline would learn of it: a deletion restricts nothing by itself."""
    hold = await places(office, secret=secret)
    number = await planned(office, scope=["customers", "archive"])
    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")

    assert office.systems["customers"].restricted
    async with office.case_file.engine.connect() as conn:
        of_hold = [entry.event for entry in await entries(conn, hold.id)]
    of_case = [entry.event for entry in await office.client.timeline(number)]
    assert ("restricted" in of_hold, "restricted" in of_case) == (secret, not secret)
    reason = "1 record(s) kept" if secret else "not told to erase"
    assert next(s.reason for s in view.systems if s.name == "archive") == reason


async def test_a_secret_hold_leaves_the_traces_of_a_law_that_names_no_date(office: Office):
    """In everything that people without its privilege read of the case, once it is planned."""
    eero = {"name": "Eero Laakso", "identifiers": [{"type": "email", "value": EERO}]}
    held = await planned(office, scope=["customers"])
    by_law = await planned(office, scope=["customers"], of=eero)
    await places(office, secret=True)
    await carried_out(office, held)
    office.systems["customers"].kept_by_law = ("1",)
    await carried_out(office, by_law)

    assert await traces(office, held) == await traces(office, by_law)


async def traces(office: Office, number: str) -> tuple[Any, ...]:
    """What the case has come to, and how; without what names it."""
    view = await office.client.show(number)
    timeline = [(e.event, e.text.replace(number, "")) for e in await office.client.timeline(number)]
    systems = [(s.outcome, s.records, s.reason) for s in view.systems]
    return view.outcome, view.parked, view.resumes_on, systems, timeline


# -- people who destroy --------------------------------------------------------------------------


async def told(office: Office) -> str:
    """The archivist has the task to destroy; the reply has left."""
    number = await planned(office, scope=["archive"])
    await approved_by_two(office, number)
    await office.awaits(number, "erase_by_hand")
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    return number


async def places(office: Office, **more: Any) -> HoldView:
    secret = more.pop("secret", False)
    dpo = office.client.actor("helena")
    return await office.client.holds.place(an_order(**more), dpo, secret=secret)


async def achieved(office: Office, hold: HoldView) -> SystemFate:
    """What the hold says of the archive now."""
    known = await office.client.holds.known_to(office.client.actor("helena"))
    now = next(view for view in known if view.id == hold.id)
    return next(fate for fate in now.fates if fate.system == "archive")


async def why_kept(office: Office, number: str) -> str:
    """As everybody may know it."""
    entries = await office.client.timeline(number)
    return next(e.text for e in entries if e.event == "retained").rpartition(" ")[2]


async def goes_after_release(office: Office, number: str, hold: HoldView) -> None:
    """People are told anew, and so is the person, of that and of what came of it."""
    await office.client.holds.release(hold.id, office.client.actor("helena"), "it is over")
    assert (await resumes(office)).resumed == (number,)
    await office.awaits(number, "erase_by_hand")
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.archive_answers(number, records=1)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({}, "legal_hold"),
        ({"categories": ["user.contact"]}, "legal_hold"),
        ({"person": None, "systems": ["archive"]}, "legal_hold"),
        ({"secret": True}, "legal_obligation"),
    ],
)
async def test_held_nobody_is_told_to_destroy_until_it_is_released(
    office: Office, order: dict[str, Any], reason: str
):
    hold = await places(office, **order)
    number = await planned(office, scope=["archive"])
    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")

    assert [a.what for a in view.awaiting if a.system == "archive"] == []
    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED]
    assert await why_kept(office, number) == reason
    assert (await achieved(office, hold)).fate is Fate.PROTECTED
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    await (await office.handle(number)).result()

    await goes_after_release(office, number, hold)


async def test_a_hold_on_another_system_or_person_keeps_nobody_from_being_told(office: Office):
    await places(office, systems=["customers"])
    await places(office, person=BY_PHONE)

    number = await told(office)

    assert [t.called_back for t in await office.client.tasks("archivist")] == [False]
    await office.archive_answers(number, records=1)


@pytest.mark.parametrize("secret", [False, True])
async def test_what_people_were_told_to_destroy_is_in_doubt_until_they_answer(
    office: Office, secret: bool
):
    number = await told(office)

    hold = await places(office, secret=secret)

    (fate,) = [fate for fate in hold.fates if fate.system == "archive"]
    assert (fate.fate, fate.with_people) == (Fate.IN_DOUBT, True)
    assert [t.called_back for t in await office.client.tasks("archivist")] == [True]
    await office.archive_answers(number, records=1)
    fate = await achieved(office, hold)
    assert (fate.fate, fate.with_people) == (Fate.GONE, False)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_what_people_have_left_is_protected_and_goes_once_the_hold_has_ended(office: Office):
    number = await told(office)
    hold = await places(office)

    view = await office.archive_answers(number, left=True)

    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED]
    assert (await achieved(office, hold)).fate is Fate.PROTECTED
    assert await why_kept(office, number) == "legal_hold"
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    await office.sees(number, lambda view: view.parked)
    await (await office.handle(number)).result()
    assert (await resumes(office)).resumed == ()

    await goes_after_release(office, number, hold)


async def test_what_people_have_left_in_part_is_gone_and_kept(office: Office):
    number = await told(office)
    hold = await places(office)

    view = await office.archive_answers(number, left=True, records=3)

    assert [(s.outcome, s.records) for s in view.systems] == [(SystemOutcome.RETAINED, 3)]
    assert (await achieved(office, hold)).fate is Fate.GONE


async def test_released_a_hold_calls_nobody_back_and_nothing_is_left_without_one(office: Office):
    number = await told(office)
    hold = await places(office)
    await office.client.holds.release(hold.id, office.client.actor("helena"), "a mistake")

    assert [t.called_back for t in await office.client.tasks("archivist")] == [False]
    with pytest.raises(RefusedByRule, match="nothing keeps"):
        await office.archive_answers(number, left=True)
    await office.archive_answers(number, records=1)


async def test_called_off_before_they_answered_people_leave_it_in_doubt(office: Office):
    number = await planned(office, scope=["archive"])
    await approved_by_two(office, number)
    await office.awaits(number, "erase_by_hand")
    await office.awaits(number, "send_reply")
    await office.act(number, TakeBack, by="helena", reason="a mistake")

    hold = await places(office)

    assert (await achieved(office, hold)).fate is Fate.IN_DOUBT


async def away_at_its_erasure(office: Office) -> str:
    """Approved, and then the register cannot be reached."""
    number = await planned(office, scope=["customers"])
    office.systems["customers"].away = True
    await approved_by_two(office, number)
    await office.awaits(number, "resolve_system")
    return number


BY_HAND = {"system": "customers", "how": SystemResolution.BY_HAND, "reason": "it is away"}


async def test_held_nobody_is_told_to_destroy_in_a_connectors_place(office: Office):
    number = await away_at_its_erasure(office)
    await places(office, secret=True)

    with pytest.raises(RefusedByRule, match="has to stay for now"):
        await office.act(number, ResolveSystem, by="maija", **BY_HAND)

    view = await office.client.show(number)
    assert "erase_by_hand" not in [a.what for a in view.awaiting]


async def test_who_was_told_to_destroy_in_a_connectors_place_is_found_by_a_later_hold(
    office: Office,
):
    number = await away_at_its_erasure(office)
    await office.act(number, ResolveSystem, by="maija", **BY_HAND)
    await office.awaits(number, "erase_by_hand")

    hold = await places(office)

    assert [f.fate for f in hold.fates if f.system == "customers"] == [Fate.IN_DOUBT]
