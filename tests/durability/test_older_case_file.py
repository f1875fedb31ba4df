"""The case database is older than the runs, or lacks what they need: restored without Temporal.

Real dumps of it. Every difference is found, mended or reported, and nothing else is one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus

from activities.differences import Difference, How
from connectors.contract import SystemMisdeclared
from schemas.case import LetterKind, Status
from schemas.messages import Reopen
from storage.checkpoints import checkpoint
from tests.durability.restoring import (
    CONSENT_BY_MAIL,
    ORPHANED,
    access,
    consent,
    events,
    found,
    goes_to_its_end,
    goes_until,
    identifying,
    reconciled,
    reported,
)
from tests.office import Office, a_form, now
from tests.postgres import Server


@asynccontextmanager
async def an_older_case_file(
    office: Office, server: Server, *, until_then: Callable[[], Awaitable[Any]]
) -> AsyncIterator[None]:
    """Dumped, then work goes on, then restored; nobody works meanwhile."""
    database = str(office.case_file.engine.url.database)
    dump = await server.dump(database, "--clean", "--if-exists")
    await until_then()
    await office.stops_work()
    await office.case_file.engine.dispose()
    await server.restore(database, dump)
    yield
    await office.starts_work()


async def test_a_run_that_is_ahead_of_its_row_is_ended_and_the_case_goes_on_from_the_row(
    office: Office, migrated: Server
) -> None:
    number = await access("search_by_hand")(office)

    async def work_goes_on() -> None:
        await goes_until(office, number, "send_reply")
        await office.rests(number)

    async with an_older_case_file(office, migrated, until_then=work_goes_on):
        (ahead,) = await found(office)
        assert (ahead.how, ahead.goes_on, ahead.findings) == (How.AHEAD, True, ())
        done = await reconciled(office)

    assert (done["resumed"], reported(done)) == ([number], [])
    rest = await goes_to_its_end(office, number)
    assert rest == ["search_by_hand", "review", "decide", "send_reply"]
    assert await found(office) == []


async def test_a_reply_that_left_after_the_backup_counts_as_of_its_instant(
    office: Office, migrated: Server
) -> None:
    """Its run has ended, and its case is open."""
    number = await access("send_reply")(office)
    left: list[Any] = []

    async def the_reply_leaves() -> None:
        await goes_to_its_end(office, number)
        await (await office.handle(number)).result()
        left.append((await office.client.letters(number))[-1].left_at)

    async with an_older_case_file(office, migrated, until_then=the_reply_leaves):
        (ended,) = await found(office)
        assert ended.goes_on
        assert [x.kind for x in ended.letters.recovered] == [LetterKind.REPLY]
        done = await reconciled(office)
        assert reported(done) == []

    view = await office.reaches(number, Status.CLOSED)
    assert [view.clock.replied_at] == left
    assert (await events(office, number)).count("letter_recovered") == 1


async def test_a_signal_of_another_program_is_no_proof_that_a_letter_has_left(
    office: Office, migrated: Server
) -> None:
    """It is not sealed with the case's key; nor does one that cannot be read stop the mending."""
    number = await access("review")(office)

    async def work_goes_on() -> None:
        await goes_until(office, number, "send_reply")
        reply = (await office.client.letters(number))[-1]
        said = {"letter": reply.id, "kind": "reply", "at": now().isoformat(), "by": "x"}
        await (await office.outsider(number)).signal("letter_left", said)
        await (await office.handle(number)).signal("letter_left", args=[{}, {}])
        await office.rests(number)

    async with an_older_case_file(office, migrated, until_then=work_goes_on):
        (ahead,) = await found(office)

    assert (ahead.how, ahead.letters.recovered, ahead.letters.lost) == (How.AHEAD, (), ())


async def test_a_letter_that_left_and_that_the_file_has_lost_is_reported(
    office: Office, migrated: Server
) -> None:
    number = await access("search_by_hand")(office)

    async def it_is_answered() -> None:
        await goes_to_its_end(office, number)
        await (await office.handle(number)).result()

    async with an_older_case_file(office, migrated, until_then=it_is_answered):
        (ended,) = await found(office)
        assert ended.letters.recovered == ()
        done = await reconciled(office)

    (sentence,) = reported(done)
    assert sentence.startswith(f"{number}: letter L2 (reply) left on ")
    assert f"dsr show {number}" in sentence
    await office.reaches(number, Status.SEARCHING)


async def test_a_run_that_ended_without_its_case_is_followed(office: Office) -> None:
    number = await access("decide")(office)
    await (await office.handle(number)).terminate()

    (ended,) = await found(office)
    assert (ended.how, ended.number) == (How.ENDED, number)
    await reconciled(office)

    assert await goes_to_its_end(office, number) == ["decide", "send_reply"]


async def test_a_case_opened_again_after_the_backup_is_reported_and_its_run_ended(
    office: Office, migrated: Server
) -> None:
    number = await consent(office)
    await goes_to_its_end(office, number)
    await (await office.handle(number)).result()
    runs: list[Any] = []

    async def a_complaint() -> None:
        await office.act(number, Reopen, by="helena", reason="a register was missing")
        await office.awaits(number, "send_reply")
        runs.append(await office.handle(number))

    async with an_older_case_file(office, migrated, until_then=a_complaint):
        (later,) = await found(office)
        assert (later.how, later.goes_on) == (How.LATER, False)
        done = await reconciled(office)

    (sentence,) = reported(done)
    assert f"dsr reopen {number}" in sentence
    assert (await runs[0].describe()).status is WorkflowExecutionStatus.TERMINATED
    await office.act(number, Reopen, by="helena", reason="a register was missing")
    await reconciled(office)  # the number of that run was given before
    assert await goes_to_its_end(office, number) == ["send_reply"]


async def test_a_request_that_came_in_after_the_backup_is_reported_and_ended_if_wanted(
    office: Office, migrated: Server
) -> None:
    runs: list[Any] = []

    async def a_request() -> None:
        number = await access("search_by_hand")(office)
        runs.append(await office.handle(number))
        await office.rests(number)

    async with an_older_case_file(office, migrated, until_then=a_request):
        (run,) = runs
        done = await reconciled(office)
        while run.id not in done["orphans"]:  # visibility lags behind
            done = await reconciled(office)
        assert any(s.startswith(f"{run.id}: {ORPHANED}") for s in done["findings"])
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING

        assert run.id in (await reconciled(office, end_orphans=True))["ended"]
        assert (await run.describe()).status is WorkflowExecutionStatus.TERMINATED


async def test_a_number_that_was_given_after_the_backup_is_not_given_again(
    office: Office, migrated: Server, tmp_path: Path
) -> None:
    """The last checkpoint before the loss names it; of later ones nothing outside tells."""
    file, given = tmp_path / "witness.jsonl", list[str]()

    async def two_requests() -> None:
        for _ in range(2):
            given.append(await access("search_by_hand")(office))
        async with office.case_file.engine.begin() as conn:
            await checkpoint(conn, file, office.secrets.signer, office.client.now())

    async with an_older_case_file(office, migrated, until_then=two_requests):
        for options in ({"dry_run": True}, {}):
            assert (await reconciled(office, file, **options))["numbers"] == [f"up to {given[-1]}"]
        assert (await reconciled(office, file))["numbers"] == []
    number = await office.receives(a_form())

    assert number == f"{given[-1][:-4]}{int(given[-1][-4:]) + 1:04d}"


async def test_a_case_whose_key_is_missing_is_reported_and_troubles_no_other(
    office: Office,
) -> None:
    lost, other = await identifying(office), await access("decide", message="all")(office)
    await office.rests(other)
    await office.stops_work()
    for number in (lost, other):
        await (await office.handle(number)).terminate()
    async with office.case_file.engine.begin() as conn:
        gone = text("delete from vault.case_keys where case_id = :case")
        await conn.execute(gone, {"case": await office.client._case(lost)})
    office.case_file.keyring._cached.clear()

    done = await reconciled(office)

    (sentence,) = reported(done)
    assert sentence.startswith(f"{lost}: its key is missing")
    assert done["resumed"] == [other]


async def test_what_happens_while_both_are_compared_is_no_difference(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not what was answered and never recorded: that a system is not as declared."""

    def is_not_as_declared() -> None:
        raise SystemMisdeclared("customers has no such table")

    monkeypatch.setattr(office.systems["customers"], "_reach", is_not_as_declared)
    waiting = await office.receives(a_form())
    await office.sees(waiting, lambda v: any(a.what == "resolve_system" for a in v.awaiting))
    number = await office.receives(a_form("objection", **CONSENT_BY_MAIL))
    seen: list[Difference] = []
    while (await office.client.show(number)).clock.replied_at is None:
        seen += await found(office)
        view = await office.client.show(number)
        if any(a.what == "send_reply" for a in view.awaiting):
            await office.sends(number, LetterKind.REPLY)

    assert [*seen, *await found(office)] == []
