"""Temporal is lost: the cases go on from their rows, on a server that knows nothing of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from activities.sweeps import SweepActivities
from schemas.case import CaseView, LetterKind, Status, SystemOutcome
from schemas.messages import Choice, Decide, TakeBack
from schemas.steps import SweepInput
from tests.durability.restoring import (
    AN_AGE,
    Stage,
    access,
    consent,
    deletion,
    deletion_followed_up,
    events,
    goes_to_its_end,
    identifying,
    objection,
    reconciled,
    reported,
    told_the_fee,
)
from tests.office import Office, a_form, an_office
from tests.temporal import start_temporal


@pytest.fixture(scope="module")
async def elsewhere() -> AsyncIterator[WorkflowEnvironment]:
    """A server that knows nothing: what is there after the loss of the other one."""
    env = await start_temporal()
    yield env
    await env.shutdown()


@pytest.fixture
async def after_the_loss(
    elsewhere: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """The same case file and keys, with an empty Temporal."""
    async with an_office(elsewhere, engine, tmp_path, letters=letters) as office:
        yield office


@pytest.mark.parametrize(
    ("stage", "left"),
    [
        (identifying, ["verify_identity", "search_by_hand", "review", "decide", "send_reply"]),
        (told_the_fee, ["answer_fee", "search_by_hand", "review", "decide", "send_reply"]),
        (access("search_by_hand"), ["search_by_hand", "review", "decide", "send_reply"]),
        (access("review"), ["review", "decide", "send_reply"]),
        (access("decide"), ["decide", "send_reply"]),
        (access("send_reply"), ["send_reply"]),
        (deletion("decide"), ["decide", "second_decision", "erase_by_hand", "send_reply"]),
        (deletion("second_decision"), ["second_decision", "erase_by_hand", "send_reply"]),
        (deletion("send_reply"), ["erase_by_hand", "send_reply"]),
        (deletion_followed_up, ["erase_by_hand", "send_reply"]),
        (objection("decide"), ["decide", "send_reply"]),
        (objection("send_reply"), ["send_reply"]),
        (consent, ["send_reply"]),
    ],
    ids=["identifying", "fee told", "searching", "reviewing", "deciding", "replying",
         "deletion to decide", "deletion decided by one",
         "deletion told", "deletion followed up", "objection to weigh",
         "objection weighed", "consent"],
)  # fmt: skip
async def test_a_case_whose_run_is_lost_goes_on_from_its_row_and_nothing_is_asked_again(
    office: Office, after_the_loss: Office, stage: Stage, left: list[str]
) -> None:
    number = await stage(office)
    await office.rests(number)
    before = await office.client.show(number)
    await office.stops_work()

    done = await reconciled(after_the_loss)

    assert done["restarted"] == [number]
    assert reported(done) == []
    rest = await goes_to_its_end(after_the_loss, number)
    assert sorted({*rest}) == sorted(left)
    view = await after_the_loss.client.show(number)
    assert view.decisions[: len(before.decisions)] == before.decisions
    record = await events(after_the_loss, number)
    assert record.count("resumed") == 1
    assert record.count("acknowledged") == 1
    for once in ("identity_sufficient", "fee_question", "reply_left", "closed", "reviewed"):
        assert record.count(once) <= 1, once
    sent = [x.kind for x in view.letters if x.kind is not LetterKind.ACKNOWLEDGEMENT]
    assert sorted({*sent}) == sorted(sent)


async def test_an_action_after_the_loss_is_recorded_and_not_taken_for_a_repetition(
    office: Office, after_the_loss: Office
) -> None:
    """The same run again would take its steps under keys that are taken."""
    number = await access("decide")(office)
    await office.stops_work()
    await reconciled(after_the_loss)
    await after_the_loss.awaits(number, "decide")

    await after_the_loss.act(number, Decide, by="helena", choice=Choice.REFUSE, ground="excessive")

    view = await after_the_loss.reaches(number, Status.REPLYING)
    assert [d.what for d in view.decisions] == ["refuse"]


async def test_what_a_lost_run_could_not_reach_is_asked_again(
    office: Office, after_the_loss: Office
) -> None:
    office.systems["customers"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    await office.stops_work()

    await reconciled(after_the_loss)

    def is_found(view: CaseView) -> bool:
        system = view.system("customers")
        return system is not None and system.outcome is SystemOutcome.FOUND

    await after_the_loss.sees(number, is_found)


async def test_a_refusal_that_was_decided_early_is_written_by_the_run_that_goes_on(
    office: Office, after_the_loss: Office
) -> None:
    number = await identifying(office)
    await office.rests(number)
    await office.stops_work()
    async with office.case_file.engine.begin() as conn:
        case = await office.client._case(number)
        decided = text(
            "insert into dsr.decisions (case_id, what, by, at, ground) "
            "values (:case, 'refuse', 'helena', :at, 'excessive')"
        )
        await conn.execute(decided, {"case": case, "at": office.client.now()})

    await reconciled(after_the_loss)

    view = await after_the_loss.reaches(number, Status.REPLYING)
    assert view.letters[-1].kind is LetterKind.REFUSAL


async def test_a_decision_can_still_be_taken_back_after_the_loss(
    office: Office, after_the_loss: Office
) -> None:
    number = await access("send_reply")(office)
    await office.stops_work()
    await reconciled(after_the_loss)
    await after_the_loss.rests(number)

    await after_the_loss.act(number, TakeBack, by="antti", reason="a doubt")

    rest = await goes_to_its_end(after_the_loss, number)
    assert "decide" in rest
    assert [x.state for x in (await after_the_loss.client.letters(number))[1:]] == [
        "withdrawn", "left",
    ]  # fmt: skip


async def test_a_reply_that_left_while_temporal_was_lost_closes_the_case(
    office: Office, after_the_loss: Office
) -> None:
    number = await access("send_reply")(office)
    await office.rests(number)
    await office.stops_work()
    async with office.case_file.engine.begin() as conn:
        left = text("update dsr.letters set state = 'left', left_at = :at, left_by = 'maija' "
                    "where kind = 'reply'")  # fmt: skip
        await conn.execute(left, {"at": office.client.now()})

    done = await reconciled(after_the_loss)

    assert len(done["letters"]) == 1
    await after_the_loss.reaches(number, Status.CLOSED)


async def test_the_hourly_sweep_mends_a_lost_temporal_by_itself(
    office: Office, after_the_loss: Office
) -> None:
    number = await access("decide")(office)
    await office.stops_work()
    lost = after_the_loss
    sweeps = SweepActivities(lost.desk, lost.runs, lost.secrets.signer, Path("unused"))

    report = await sweeps.reconcile(SweepInput(at=lost.client.now() + AN_AGE))

    assert report.restarted == (number,)
    assert await goes_to_its_end(lost, number) == ["decide", "send_reply"]


async def test_a_dry_run_tells_the_same_and_changes_nothing(
    office: Office, after_the_loss: Office
) -> None:
    number = await access("decide")(office)
    await office.rests(number)
    await office.stops_work()
    before = await office.client.show(number)

    told = await reconciled(after_the_loss, dry_run=True)

    assert told["restarted"] == [number]
    assert await after_the_loss.client.show(number) == before
    assert (await reconciled(after_the_loss))["restarted"] == [number]
