"""The purge of closed cases: nothing of the person is left, the record stays (law.md 6)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from temporalio.api.common.v1 import Payload

from activities.sweeps import SweepActivities
from schemas.case import Ground, LetterKind, Outcome, Status
from schemas.errors import Purged
from schemas.events import Event, fact
from schemas.messages import Choice, CloseAs, CompleteTask, Decide, Note, Reopen, Review, Withdraw
from schemas.request import Subject
from schemas.steps import SweepInput
from storage import purge
from storage import tables as t
from storage.codec import ENCODING, PART
from storage.keyring import KeyGone, Keyring
from storage.verify import verify
from tests.office import AINO, Office, a_form
from tests.postgres import Server

KEPT = timedelta(days=3 * 366 + 1)
"""After so long a closed case has had its time."""

A_HOLD = {
    "authority": "District Court", "reference": "R 1/2026", "country": "FI",
    "person": {"identifiers": AINO["identifiers"]},
}  # fmt: skip

Ending = Callable[[Office], Awaitable[str]]


async def fulfilled(office: Office) -> str:
    """An access request that was answered with a package."""
    number = await office.receives(a_form(idempotency_key="key-1"))
    await office.archive_answers(number)
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.client.package(number, by="maija")
    return number


async def refused(office: Office) -> str:
    """A request refused as excessive."""
    number = await office.receives(a_form())
    await office.reaches(number, Status.SEARCHING)
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.EXCESSIVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    return number


async def withdrawn(office: Office) -> str:
    """A request that its sender took back."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, Withdraw, by="maija")
    return number


async def objected(office: Office) -> str:
    """An objection to marketing that was followed."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    return number


async def closed(office: Office, ending: Ending) -> str:
    """A case of that ending, its run over."""
    number = await ending(office)
    await office.reaches(number, Status.CLOSED)
    await (await office.handle(number)).result()
    return number


async def swept(office: Office, after: timedelta = KEPT) -> int:
    """The purge, so long after now; how many went."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    return (await sweeps.purge(SweepInput(at=office.client.now() + after))).purged


async def purged(office: Office, ending: Ending = withdrawn) -> str:
    """A case whose time is over."""
    number = await closed(office, ending)
    assert await swept(office) == 1
    return number


async def rows_of(office: Office, case: UUID) -> dict[str, int]:
    """How many rows a case has where a person stands or is looked up."""
    counted = {}
    async with office.case_file.engine.connect() as conn:
        for table in (t.sealed, t.identifiers, t.idempotency_keys, t.inquiries):
            mine = select(func.count()).select_from(table).where(table.c.case_id == case)
            counted[table.name] = await conn.scalar(mine) or 0
    return counted


@pytest.mark.parametrize("ending", [fulfilled, refused, withdrawn, objected])
async def test_a_closed_case_however_it_ended_loses_key_content_and_look_up_rows(
    office: Office, ending: Ending
) -> None:
    number = await closed(office, ending)
    case = await office.client._case(number)
    rows = await rows_of(office, case)
    assert min(rows["sealed"], rows["identifiers"], rows["inquiries"]) > 0
    before = await office.client.show(number)

    assert await swept(office) == 1

    assert set((await rows_of(office, case)).values()) == {0}
    view = await office.client.show(number)
    assert view.purged
    assert [view.status, view.outcome, view.clock, view.decisions] == [
        before.status, before.outcome, before.clock, before.decisions,
    ]  # fmt: skip
    assert await office.client.cases(person=Subject.model_validate(AINO)) == []
    last = (await office.client.timeline(number))[-1]
    assert (last.event, last.actor) == ("retention_applied", "sweep")


async def test_before_its_time_nothing_is_purged_and_after_it_once(office: Office) -> None:
    await closed(office, withdrawn)

    afters = (timedelta(0), timedelta(days=3 * 365 - 2), KEPT, KEPT * 2)
    assert [await swept(office, after) for after in afters] == [0, 0, 1, 0]


async def test_of_a_system_that_stands_still_no_case_is_purged_of_others_each(
    office: Office,
) -> None:
    await closed(office, objected)  # in customers and marketing, by what they stop
    await closed(office, withdrawn)
    await office.client.standstills.pause("archive", by="os:operator")

    assert await swept(office) == 1

    await office.client.standstills.resume("archive", by="os:operator")
    assert await swept(office) == 1


async def test_an_open_case_is_never_purged_however_old(office: Office) -> None:
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")

    assert await swept(office, KEPT * 3) == 0


async def test_a_closed_case_whose_run_is_still_open_waits(office: Office) -> None:
    """Its tasks would fail for ever without the key."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    async with office.case_file.engine.begin() as conn:
        shut = text("update dsr.cases set status = 'closed', closed_at = :since")
        await conn.execute(shut, {"since": office.client.now()})

    assert await swept(office) == 0
    await (await office.handle(number)).terminate()
    assert await swept(office) == 1


async def test_a_case_opened_again_is_kept(office: Office) -> None:
    number = await closed(office, objected)
    office.clock[0] += timedelta(days=700)
    await office.act(number, Reopen, by="helena", reason="a register was missing")

    assert await swept(office) == 0
    assert not (await office.client.show(number)).purged


def payloads(message: Any) -> Iterator[Payload]:
    """Every payload in a message of Temporal's."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts = value.values() if hasattr(value, "values") else value
        for part in parts if field.is_repeated else [value]:
            if hasattr(part, "ListFields"):
                yield from payloads(part)


async def test_nothing_can_be_decrypted_in_histories_packages_or_copies_of_rows(
    office: Office,
) -> None:
    number = await closed(office, fulfilled)
    case = await office.client._case(number)
    history = await (await office.handle(number)).fetch_history()
    sealed = [p for event in history.events for p in payloads(event)
              if p.metadata.get("encoding") == ENCODING]  # fmt: skip
    async with office.case_file.engine.connect() as conn:
        mine = select(t.sealed.c.part, t.sealed.c.content).where(t.sealed.c.case_id == case)
        copies = (await conn.execute(mine)).all()
    assert len(sealed) > 10
    assert any(part.startswith("package:") for part, _ in copies)

    await swept(office)

    fresh = Keyring(office.case_file.engine, office.secrets.kek, office.secrets.pepper)
    for ring in (office.case_file.keyring, fresh):
        for part, content in [*copies, *((PART, payload.data) for payload in sealed)]:
            with pytest.raises(KeyGone):
                await ring.unseal(case, part, content)


async def test_a_key_that_another_process_had_just_used_is_gone_when_its_cache_expires(
    office: Office,
) -> None:
    number = await closed(office, withdrawn)
    case = await office.client._case(number)
    ring = Keyring(office.case_file.engine, office.secrets.kek, office.secrets.pepper, 0.2)
    await ring.key(case)
    await swept(office)

    async def key_is_there() -> bool:
        with suppress(KeyGone):
            return bool(await ring.key(case))
        return False

    async with asyncio.timeout(5):
        while await key_is_there():
            await asyncio.sleep(0.02)


async def test_the_evidence_still_verifies_and_can_be_exported(office: Office) -> None:
    number = await purged(office, fulfilled)
    case = await office.client._case(number)

    await office.case_file.note(case, fact(Event.EXPORTED), office.client.now(), "maija")

    async with office.case_file.engine.connect() as conn:
        report = await verify(conn, Path("unused"), office.secrets.signer.public)
    assert (report.ok, report.cases) == (True, 1)
    assert (await office.client.timeline(number))[-1].event == "exported"


async def test_every_action_and_look_answers_in_one_sentence(office: Office) -> None:
    number = await purged(office, fulfilled)
    client = office.client
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: client.found(number, by="maija"),
        lambda: client.plan(number, by="maija"),
        lambda: client.files(number, by="maija"),
        lambda: client.letter(number, "L1", by="maija"),
        lambda: client.package(number, by="maija"),
        lambda: client.complete_task(number, f"{number}-1", by="kalle"),
        lambda: client.decide_without_waiting(number, by="antti", choice=Choice.APPROVE),
        lambda: office.act(number, Reopen, by="helena", reason="a complaint"),
        lambda: office.act(number, Note, by="maija", text="called"),
        lambda: office.act(number, CompleteTask, by="kalle", task=f"{number}-1"),
        lambda: office.act(number, CloseAs, by="maija", ending="misdirected"),
        lambda: office.act(number, Withdraw, by="maija"),
    ]
    entries = len(await client.timeline(number))

    for attempt in attempts:
        with pytest.raises(Purged, match=rf"^The content of {number} is purged: .*{number}$"):
            await attempt()

    assert len(await client.timeline(number)) == entries
    assert (await client.status(number)).purged
    assert await client.letters(number)
    assert await client.tasks() == []


async def test_no_step_is_taken_with_a_key_that_a_process_still_has_in_memory(
    office: Office,
) -> None:
    number = await closed(office, objected)
    case = await office.client._case(number)
    warm = await office.case_file.keyring.key(case)
    await swept(office)
    office.case_file.keyring._remember(case, warm)

    step = office.case_file.step(case, f"reopen:{uuid4()}", office.client.now(), "maija")
    with pytest.raises(Purged):
        await step.__aenter__()


async def test_a_letter_that_was_never_fetched_is_withdrawn_and_asked_for_no_longer(
    office: Office,
) -> None:
    number = await closed(office, withdrawn)
    assert "send_acknowledgement" in [task.what for task in await office.client.tasks()]

    await swept(office)

    assert await office.client.tasks() == []
    assert {letter.state for letter in await office.client.letters(number)} == {"withdrawn"}


async def test_a_letter_of_which_no_run_was_told_troubles_no_later_reconciliation(
    office: Office,
) -> None:
    number = await closed(office, refused)
    async with office.case_file.engine.begin() as conn:
        await conn.execute(text("update dsr.letters set noticed_at = null"))

    await swept(office)

    assert await office.runs.untold_letters() == []
    assert (await office.client.show(number)).outcome is Outcome.REFUSED


async def test_a_prohibition_outlives_the_case(office: Office) -> None:
    await purged(office, objected)

    address = AINO["identifiers"][0]["value"]
    assert (await office.client.suppressions.of(address, "marketing")).suppressed


async def test_whoever_asks_again_afterwards_is_a_stranger(office: Office) -> None:
    number = await purged(office, fulfilled)

    receipt = await office.submits(a_form(idempotency_key="key-1"))

    assert receipt.created
    assert receipt.number != number
    assert (await office.client.show(receipt.number)).fee.assessment == "free"


async def test_a_legal_hold_keeps_the_case_and_its_release_lets_it_go(office: Office) -> None:
    number = await closed(office, withdrawn)
    office.clock[0] += KEPT
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(A_HOLD, dpo)

    assert await swept(office, timedelta(0)) == 0
    assert not (await office.client.show(number)).purged

    await office.client.holds.release(hold.id, dpo, "over")

    assert await swept(office, timedelta(0)) == 1
    assert (await office.client.show(number)).purged


@pytest.mark.parametrize("step", ["forget_person", "_end_letters"])
async def test_a_crash_within_the_purge_leaves_the_case_as_it_was_and_it_can_be_repeated(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    number = await closed(office, withdrawn)
    case = await office.client._case(number)
    before = await rows_of(office, case)

    async def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(purge, step, crash)
        with pytest.raises(KeyboardInterrupt):
            await swept(office)

    assert await rows_of(office, case) == before
    assert await office.case_file.unseal(case, "form")
    assert await swept(office) == 1
    events = [entry.event for entry in await office.client.timeline(number)]
    assert events.count("retention_applied") == 1


async def test_a_dump_of_the_case_file_alone_holds_no_key(office: Office, migrated: Server) -> None:
    number = await office.receives(a_form())
    case = await office.client._case(number)
    async with office.case_file.engine.connect() as conn:
        mine = select(t.case_keys.c.wrapped).where(t.case_keys.c.case_id == case)
        wrapped = await conn.scalar(mine)
    assert wrapped
    database = str(office.case_file.engine.url.database)

    dump = await migrated.dump(database, "--schema=dsr")

    assert str(case) in dump
    for secret in (wrapped, await office.case_file.keyring.key(case)):
        assert secret.hex() not in dump
    assert wrapped.hex() in await migrated.dump(database, "--schema=vault")
