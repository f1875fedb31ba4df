"""A hold after a partner was told to erase: it is sent a stop, and what came of it is said."""

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import UUID

from sqlalchemy import event

from activities.erasing import fates
from activities.erasure import KEPT
from activities.parking import ready_to_resume
from activities.sweeps import SweepActivities
from connectors.partner import Order, PartnerAway
from schemas.case import CaseView, LetterKind, Outcome, Status, SystemOutcome
from schemas.holds import Fate, HoldView, StopState, SystemFate
from schemas.partners import RequestStatus
from schemas.recipients import RecipientState
from schemas.steps import SweepInput
from starter.holds import Holds
from storage.audit import entries
from storage.holds import standing_holds
from tests.holds.deskwork import BY_PHONE, RITVA, an_order
from tests.office import POLICY, Office, a_form
from tests.partners.offices import EXPERT, OF_AINO, comes_to, dispatches, ids, outcome
from tests.partners.processes import PartnerProcess
from tests.partners.test_cases import approved
from tests.workflows.test_delete_under_holds import knows_her_phone

RARELY = {"retry_first": timedelta(hours=1), "retry_most": timedelta(hours=1)}
"""Nobody hears the partner meanwhile."""


def desk(office: Office, *, reaches: bool = True) -> Holds:
    """The DPO's; `reaches`: the partner can be reached from there."""
    partner = office.systems.partner if reaches else None
    return Holds(office.case_file, POLICY, (EXPERT, "customers"), office.client.now, partner)


async def told(office: Office) -> str:
    """A deletion of which the partner has been told and asked once; the register has erased."""
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)
    await comes_to(office, number, SystemOutcome.NOTIFIED)
    await looked_at(office)
    return number


async def looked_at(office: Office) -> None:
    """Who hears the partner has looked: the next time is as far off as the pace says."""
    while not [row for row in await dispatches(office.case_file.engine) if row["state"]]:
        await office.client.tasks()


async def placed(office: Office, *, reaches: bool = True, **more: Any) -> SystemFate:
    """What placing a hold achieved at the partner."""
    return fate(await desk(office, reaches=reaches).place(an_order(), RITVA, **more))


def fate(hold: HoldView) -> SystemFate:
    return next(one for one in hold.fates if one.system == EXPERT)


async def shown(office: Office) -> SystemFate:
    """What the list of holds says by now."""
    (hold,) = await desk(office).known_to(RITVA)
    return fate(hold)


async def comes_to_stop(office: Office, number: str, stop: StopState) -> SystemFate:
    while (now := await shown(office)).stop is not stop:
        await office.sees(number, lambda _: True)
    return now


def cancels(process: PartnerProcess) -> list[dict[str, Any]]:
    """Every cancel that the partner was sent."""
    with urlopen(f"{process.url}/cancels") as answer:
        return list(json.load(answer))


async def kept(office: Office, number: str) -> CaseView:
    return await comes_to(office, number, SystemOutcome.RETAINED)


async def test_a_partner_that_has_not_begun_gives_the_request_back_and_its_part_is_kept(
    partner, office_with
):
    process = partner("silent")
    office = await office_with(process)
    number = await told(office)

    answer = await placed(office)

    assert (answer.fate, answer.stop) == (Fate.PROTECTED, StopState.TAKEN)
    view = await kept(office, number)
    assert "resolve_system" not in [a.what for a in view.awaiting]
    (line,) = (await office.client.recipients(number)).recipients
    assert line.state is RecipientState.NOT_DUE
    (row,) = await dispatches(office.case_file.engine)
    assert (row["state"], row["stop"]) == ("cancelled", "taken")


async def test_what_a_hold_by_a_registers_number_stopped_is_said_to_be_kept_for_a_hold(
    partner, office_with
):
    """The request does not have the number by which the hold names the person."""
    office = await office_with(partner("silent"))
    knows_her_phone(office)
    number = await told(office)

    answer = fate(await desk(office).place(an_order(person=BY_PHONE), RITVA))

    assert answer.stop is StopState.TAKEN
    await kept(office, number)
    case = await office.client._case(number)
    content = await office.case_file.unseal(case, f"kept:{EXPERT}") or b"[]"
    assert [one.reason for one in KEPT.validate_json(content)] == ["legal_hold"]


async def test_a_partner_that_has_the_request_is_never_said_to_be_kept_from_it(
    partner, office_with, monkeypatch
):
    """It was told, and the answer was lost; then the hold came, and could not be told to it."""
    process = partner("begun")
    office = await office_with(process, **RARELY)
    there = office.systems.partner(EXPERT)
    ask = there.ask

    async def ask_and_lose_the_answer(order: Order) -> None:
        await ask(order)
        monkeypatch.setattr(there, "ask", ask)
        raise PartnerAway("went away")

    monkeypatch.setattr(there, "ask", ask_and_lose_the_answer)
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)
    while there.ask is not ask:
        await office.sees(number, lambda _: True)
    assert (await there.status(UUID(ids(process)[0]))).status is RequestStatus.IN_PROGRESS
    await placed(office, reaches=False)

    await office.passes(number, timedelta(hours=2))

    view = await comes_to(office, number, SystemOutcome.NOTIFIED)
    assert view.system(EXPERT).reason is None
    (line,) = (await office.client.recipients(number)).recipients
    assert line.state in (RecipientState.NOTIFIED, RecipientState.ACKNOWLEDGED)


async def test_when_the_hold_is_released_the_partner_is_told_anew(partner, office_with):
    """Art. 17(1): the deletion goes on by itself."""
    process = partner("silent")
    office = await office_with(process)
    number = await told(office)
    hold = await desk(office).place(an_order(), RITVA)
    await kept(office, number)
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda v: v.letters[-1].kind is LetterKind.SUPPLEMENT)
    await office.sends(number, LetterKind.SUPPLEMENT)
    view = await office.sees(number, lambda v: v.parked)
    assert (view.status, view.outcome) == (Status.FOLLOWING_UP, Outcome.PARTIAL)
    assert await ready_to_resume(office.desk, office.client.now()) == []

    await desk(office).release(hold.id, RITVA, "the case is over")

    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    assert (await sweeps.resume(SweepInput(at=office.client.now()))).resumed == (number,)
    while len(set(ids(process))) < 2:
        await office.sees(number, lambda _: True)


async def test_a_partner_that_has_begun_is_too_late_to_stop(partner, office_with):
    office = await office_with(partner("begun"))
    await told(office)

    answer = await placed(office)

    assert (answer.fate, answer.stop) == (Fate.GONE, StopState.TOO_LATE)


async def test_a_partner_that_cannot_be_reached_is_in_doubt_and_never_protected(
    partner, office_with
):
    process = partner("silent")
    office = await office_with(process, **RARELY)
    await told(office)
    process.stop()

    answer = await placed(office)

    assert (answer.fate, answer.stop) == (Fate.IN_DOUBT, StopState.IN_DOUBT)
    assert (await shown(office)).stop is StopState.IN_DOUBT


async def test_a_stop_that_its_process_did_not_live_to_send_is_sent_by_whoever_hears_the_partner(
    partner, office_with
):
    """It was written with the hold; so is reached what only a worker in its network reaches."""
    office = await office_with(partner("silent"))
    number = await told(office)

    answer = await placed(office, reaches=False)
    assert (answer.fate, answer.stop) == (Fate.IN_DOUBT, StopState.IN_DOUBT)

    answer = await comes_to_stop(office, number, StopState.TAKEN)
    assert answer.fate is Fate.PROTECTED
    await kept(office, number)


async def test_a_stop_and_what_it_made_of_the_tries_are_read_in_one_look(partner, office_with):
    """Of two looks the first could see the request with the partner, the second that it is back:
    what is protected would be called gone."""
    office = await office_with(partner("silent"), **RARELY)
    await told(office)
    await placed(office, reaches=False)
    looks: list[str] = []
    engine = office.case_file.engine
    async with office.case_file.reading.connect() as conn:
        (hold,) = await standing_holds(conn)
        look = partial(_note, looks)
        event.listen(engine.sync_engine, "before_cursor_execute", look)
        (answer,) = await fates(conn, hold, (EXPERT,))
        event.remove(engine.sync_engine, "before_cursor_execute", look)

    assert answer.stop is StopState.IN_DOUBT
    assert len(looks) == 1


def _note(looks: list[str], _conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    looks.append(statement)


async def test_a_stop_is_sent_by_the_hourly_sweep_where_nobody_hears(partner, office_with):
    office = await office_with(partner("silent"), **RARELY)
    await told(office)
    await office.stops_work()
    await placed(office, reaches=False)

    await swept(office)

    assert (await shown(office)).fate is Fate.PROTECTED


async def test_a_cancel_whose_answer_was_lost_is_known_by_the_partners_status(partner, office_with):
    process = partner("silent")
    office = await office_with(process, **RARELY)
    await told(office)
    assert await office.systems.partner(EXPERT).cancel(UUID(ids(process)[0]))

    assert (await placed(office)).stop is StopState.TAKEN


async def swept(office: Office) -> None:
    """The hourly sweep works the stops that are open."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    await sweeps.holds(SweepInput(at=office.client.now()))


async def released(office: Office) -> None:
    """The newest hold."""
    hold = (await desk(office).known_to(RITVA))[0]
    await desk(office).release(hold.id, RITVA, "the case is over")


async def test_a_stop_that_is_open_when_its_hold_ends_is_withdrawn_and_the_deletion_goes_on(
    partner, office_with
):
    """Art. 17(1): nothing keeps it any more."""
    process = partner("silent")
    office = await office_with(process, **RARELY)
    number = await told(office)
    await placed(office, reaches=False)

    await released(office)
    await swept(office)

    assert cancels(process) == []
    (row,) = await dispatches(office.case_file.engine)
    assert (row["stop_wanted_at"], row["stop"], row["settled_at"]) == (None, None, None)
    assert outcome(await office.client.show(number)) is SystemOutcome.NOTIFIED
    assert (await placed(office)).stop is StopState.TAKEN, "a new hold wants it back anew"


async def test_a_stop_stays_open_as_long_as_another_hold_is_on_the_person(partner, office_with):
    process = partner("silent")
    office = await office_with(process, **RARELY)
    await told(office)
    await placed(office, reaches=False)
    await placed(office, reaches=False)

    await released(office)
    await swept(office)

    assert len(cancels(process)) == 1
    (row,) = await dispatches(office.case_file.engine)
    assert row["stop"] == StopState.TAKEN


async def test_a_cancel_whose_answer_was_lost_counts_also_once_the_hold_has_ended(
    partner, office_with
):
    """Else the partner would not have the request, and nobody would tell it anew."""
    process = partner("silent")
    office = await office_with(process, **RARELY)
    await told(office)
    await placed(office, reaches=False)
    assert await office.systems.partner(EXPERT).cancel(UUID(ids(process)[0]))

    await released(office)
    await swept(office)

    (row,) = await dispatches(office.case_file.engine)
    assert row["stop"] == StopState.TAKEN


async def test_a_partner_that_had_answered_before_the_hold_is_sent_nothing(partner, office_with):
    process = partner("prompt")
    office = await office_with(process)
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)
    await comes_to(office, number, SystemOutcome.ERASED)

    answer = await placed(office)

    assert (answer.fate, answer.stop) == (Fate.GONE, None)
    assert cancels(process) == []


async def test_the_stop_of_a_secret_hold_is_a_plain_cancel_and_the_case_tells_of_no_hold(
    partner, office_with
):
    process = partner("silent")
    office = await office_with(process)
    number = await told(office)
    before = {entry.event for entry in await office.client.timeline(number)}

    assert (await placed(office, secret=True)).stop is StopState.TAKEN

    view = await kept(office, number)
    for cancel in cancels(process):
        assert (cancel["id"], cancel["body"]) == (ids(process)[0], "")
        assert {name.lower() for name in cancel["headers"]} == {
            "host", "accept", "accept-encoding", "connection", "user-agent",
        }  # fmt: skip
    happened = await office.client.timeline(number)
    since = {entry.event for entry in happened} - before
    assert "retained" in since
    assert not [event for event in since if event.startswith(("partner", "hold"))]
    told_of_it = " ".join(entry.text for entry in happened) + view.model_dump_json()
    assert "hold" not in told_of_it
    assert "käräjäoikeus" not in told_of_it


async def test_a_second_hold_finds_the_partner_protected_by_the_stop_of_the_first(
    partner, office_with
):
    process = partner("silent")
    office = await office_with(process, **RARELY)
    await told(office)
    await placed(office)

    answer = await placed(office)

    assert answer.fate is Fate.PROTECTED
    assert len(cancels(process)) == 1


async def test_what_each_hold_was_told_is_in_its_record(partner, office_with):
    office = await office_with(partner("silent"))
    await told(office)

    hold = await desk(office).place(an_order(), RITVA)

    async with office.case_file.reading.connect() as conn:
        texts = [entry.text for entry in await entries(conn, hold.id)]
    assert [text for text in texts if text.startswith(EXPERT)] == [
        f"{EXPERT}: in_doubt, its stop in_doubt", f"{EXPERT}: protected, its stop taken",
    ]  # fmt: skip
