"""Deletion (Art. 17): asked for, or because a relation ended; what is kept, and who denies it."""

from schemas.case import Ground, Status
from schemas.messages import Choice, SystemResolution, Withdraw
from starter.demo.office import Desk
from starter.demo.scenarios.playing import LETTER, nobody_is_chosen, of_ended, scenario, told


@scenario
async def deletion_fulfilled(desk: Desk) -> str:
    """Erased in the registers, by the partners and on paper; nothing has to be kept."""
    number = await desk.submit("VILHO", "delete", **LETTER)
    await _carried_out(desk, number)
    await desk.reaches(number, Status.CLOSED)
    return number


async def _carried_out(desk: Desk, number: str) -> None:
    """Approved by two people, erased, recipients told; the reply, then what came after it."""
    await desk.approve_by_two(number)
    await told(desk, number)
    await desk.send(number)


@scenario
async def deletion_partial(desk: Desk) -> str:
    """Two people approve; the bookkeeping law keeps the invoices, Art. 17(3)(b), until a date."""
    number = await desk.submit("AINO", "delete", **LETTER)
    await nobody_is_chosen(desk, number)  # her husband's, at the same address
    await _carried_out(desk, number)
    await desk.until(number, lambda view: view.parked, "waits for its date")
    return number


@scenario
async def deletion_denied_by_a_partner(desk: Desk) -> str:
    """The order partner denies it: never a success; a person leaves it out, with the reason."""
    number = await desk.submit("INKERI", "delete", **LETTER)
    await desk.approve_by_two(number)
    await desk.resolve(
        number, "order_partner", SystemResolution.LEAVE_OUT,
        "Keeps the delivery as a controller of its own; the person is told so.",
    )  # fmt: skip
    await told(desk, number)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def deletion_refused_for_legal_claims(desk: Desk) -> str:
    """The data is needed before a court: the DPO refuses, Art. 17(3)(e), with remedies."""
    number = await desk.submit("TYYNE", "delete", **LETTER)
    await desk.awaits(number, "decide")
    await desk.refuse(number, Ground.LEGAL_CLAIMS, "The faulty delivery is before the court.")
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def deletion_withdrawn(desk: Desk) -> str:
    """Withdrawn after the first of two people has approved: nothing is erased."""
    number = await desk.submit("ARVO", "delete", **LETTER)
    await desk.decide(number)
    await desk.awaits(number, "second_decision")
    await desk.client.act(number, Withdraw, by=desk.member("handler"))
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def deletion_nothing_held(desk: Desk) -> str:
    """Nobody holds anything, partners and archive included: the reply says so."""
    number = await desk.submit("KERTTU", "delete", **LETTER)
    await desk.approve_by_two(number)
    await desk.until(number, lambda view: view.status is Status.REPLYING, "told")
    await told(desk, number)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def deletion_held_then_released(desk: Desk) -> str:
    """A hold, confirmed by a second person, keeps one register; released, the deletion goes on."""
    hold = await desk.hold("EINO", reference="R 26/114", systems=("customers",))
    await desk.client.holds.confirm(hold.id, desk.client.actor(desk.member("approver")))
    number = await desk.submit("EINO", "delete", **LETTER)
    await _carried_out(desk, number)
    await desk.until(number, lambda view: view.parked, "waits for the hold")
    dpo = desk.client.actor(desk.member("dpo"))
    await desk.client.holds.release(hold.id, dpo, "The investigation has ended.")
    await desk.sweep_until(number, lambda view: not view.parked, "goes on")
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


# Relations that ended: nobody asks, the daily sweep begins these two by itself.


@scenario
async def relation_ended(desk: Desk) -> str:
    """Two people decide the batch, of which one is held; nobody is written to."""
    number, held = await of_ended(desk, "MATTI_THE_OTHER"), await of_ended(desk, "TAUNO")
    await desk.hold("TAUNO", reference="L 27/1")
    for what, role in (("decide", "approver"), ("second_decision", "dpo")):
        for one in (number, held):
            await desk.awaits(one, what)
        (batch,) = await desk.client.retention.batches()
        await desk.client.retention.decide(batch.batch, Choice.APPROVE, by=desk.member(role))
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def relation_ended_and_held(desk: Desk) -> str:
    """An order of a court keeps the data; the deletion goes on once it is released."""
    number = await of_ended(desk, "TAUNO")
    await desk.until(number, lambda view: view.parked, "waits for the hold")
    return number
