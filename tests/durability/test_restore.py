"""Either store is restored without the other: every difference is found, mended or reported.

Real dumps of the case database, real servers of Temporal: another, empty one for a lost one, the
copy of its file for an older one.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.differences import Difference, Differences, How
from activities.letters import Letters
from activities.sweeps import SweepActivities
from connectors.contract import SystemMisdeclared
from schemas.case import CaseView, LetterKind, Outcome, Status, SystemOutcome
from schemas.messages import (
    AnswerFee,
    Choice,
    Decide,
    FeeChoice,
    RecordAnswer,
    Reopen,
    Review,
    SecondDecision,
    SettleFee,
    StaffAction,
    TakeBack,
    VerifyIdentity,
)
from schemas.steps import SweepInput
from starter.cli.operate import _reconcile
from storage.checkpoints import checkpoint
from tests.office import Office, a_form, an_office, now
from tests.postgres import Server
from tests.temporal import start_temporal

AN_AGE = timedelta(minutes=2)
"""Longer than a case may stand between its row and its run."""

ORPHANED = "its case is not in the case file"

CONSENT_BY_MAIL = {"channel": "email", "evidence": {}}

ACTIONS: dict[str, tuple[type[StaffAction], str, dict[str, Any]]] = {
    "verify_identity": (VerifyIdentity, "maija", {}),
    "settle_fee": (SettleFee, "antti", {"choice": FeeChoice.WAIVE}),
    "answer_fee": (AnswerFee, "maija", {"choice": "accept"}),
    "answer_identity": (RecordAnswer, "maija", {"sufficient": True}),
    "review": (Review, "maija", {}),
    "decide": (Decide, "helena", {"choice": Choice.APPROVE}),
    "second_decision": (SecondDecision, "antti", {"choice": Choice.APPROVE}),
}
"""What is done about each task: by whom, with what words."""


async def does_next(office: Office, number: str) -> str:
    """Whatever the case waits for is done; what it was."""
    view = await office.sees(number, lambda v: v.awaiting or v.status is Status.CLOSED)
    await office.rests(number)
    view = await office.client.show(number)
    task = next(iter(sorted(view.awaiting, key=lambda a: a.what in {"send_reply"})), None)
    if task is None:
        return "closed"
    if task.what.endswith("_by_hand"):
        await office.client.complete_task(number, task.task, by="kalle")
    elif task.what == "send_reply":
        kinds = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
        ready = [x.kind for x in view.letters if x.state == "ready" and x.kind in kinds]
        await office.sends(number, ready[-1])
    else:
        action, by, fields = ACTIONS[task.what]
        await office.act(number, action, by=by, **fields)
    return task.what


async def goes_until(office: Office, number: str, what: str) -> None:
    """The case goes its way until it waits for this."""
    for _ in range(20):
        await office.sees(number, lambda v: v.awaiting or v.status is Status.CLOSED)
        await office.rests(number)
        if what in {a.what for a in (await office.client.show(number)).awaiting}:
            return
        assert await does_next(office, number) != "closed", f"never waited for {what}"
    raise AssertionError(f"never waited for {what}")


async def goes_to_its_end(office: Office, number: str) -> list[str]:
    """The case goes its way; what was done on it."""
    done: list[str] = []
    for _ in range(20):
        what = await does_next(office, number)
        if what == "closed":
            return done
        done.append(what)
    raise AssertionError(f"never closed: {done}")


async def events(office: Office, number: str) -> list[str]:
    return [entry.event for entry in await office.client.timeline(number)]


def comparing(office: Office) -> Differences:
    return Differences(office.temporal, office.case_file, office.runs)


async def found(office: Office) -> list[Difference]:
    return await comparing(office).find(office.client.now() + AN_AGE)


async def reconciled(
    office: Office, file: Path = Path("no checkpoints"), **options: bool
) -> dict[str, list[str]]:
    """What `dsr reconcile` does and tells."""
    engine: Any = SimpleNamespace(
        runs=office.runs, temporal=office.temporal, case_file=office.case_file,
        client=SimpleNamespace(now=lambda: office.client.now() + AN_AGE),
        settings=SimpleNamespace(audit_log_path=lambda: file),
        secrets=office.secrets,
    )  # fmt: skip
    asked = {"dry_run": False, "end_orphans": False} | options
    return await _reconcile(engine, **asked)


def reported(done: dict[str, list[str]]) -> list[str]:
    """What could not be mended, without the runs of other tests' cases."""
    return [sentence for sentence in done["findings"] if ORPHANED not in sentence]


# -- Temporal is lost ------------------------------------------------------------------------------


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


Stage = Callable[[Office], Awaitable[str]]


async def identifying(office: Office) -> str:
    number = await office.receives(a_form(evidence={}))
    await goes_until(office, number, "verify_identity")
    return number


async def told_the_fee(office: Office) -> str:
    first = await office.receives(a_form())
    await goes_to_its_end(office, first)
    number = await office.receives(a_form(message="once more"))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="the third")
    await office.awaits(number, "answer_fee")
    return number


def access(until: str, **form: Any) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form(**form))
        await goes_until(office, number, until)
        return number

    return stage


def deletion(until: str) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form("delete"))
        await goes_until(office, number, until)
        return number

    return stage


async def deletion_followed_up(office: Office) -> str:
    """The reply has left; the archive has not answered yet."""
    number = await deletion("erase_by_hand")(office)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    return number


def objection(until: str) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form("objection", purposes=["profiling"]))
        await goes_until(office, number, until)
        return number

    return stage


async def consent(office: Office) -> str:
    number = await office.receives(a_form("consent", **CONSENT_BY_MAIL))
    await goes_until(office, number, "send_reply")
    return number


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


# -- the case database is older --------------------------------------------------------------------


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


# -- Temporal is older -----------------------------------------------------------------------------


@asynccontextmanager
async def on_a_file(
    file: Path, engine: AsyncEngine, folder: Path, letters: Letters, queue: str
) -> AsyncIterator[Office]:
    """An office whose Temporal keeps its state in a file."""
    env = await start_temporal(file)
    try:
        async with an_office(env, engine, folder, letters=letters, queue=queue) as office:
            yield office
    finally:
        await env.shutdown()


Work = Callable[[Office, str], Awaitable[Any]]


@asynccontextmanager
async def an_older_temporal(
    engine: AsyncEngine, folder: Path, letters: Letters, stage: Stage, work: Work
) -> AsyncIterator[tuple[Office, str]]:
    """Its file is copied when a case has come to a stage; work goes on; the copy is put back."""
    file, queue = folder / "temporal.db", f"older-{folder.name}"
    async with on_a_file(file, engine, folder, letters, queue) as office:
        number = await stage(office)
        await office.rests(number)
    shutil.copy(file, folder / "copy.db")
    async with on_a_file(file, engine, folder, letters, queue) as office:
        await work(office, number)
        await office.rests(number)
    shutil.copy(folder / "copy.db", file)
    async with on_a_file(file, engine, folder, letters, queue) as office:
        yield office, number


async def test_a_run_that_is_behind_its_row_is_ended_and_the_case_goes_on_from_the_row(
    engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    """Left alone it would take what people do for repetitions of what the row has."""

    async def reviewed(office: Office, number: str) -> None:
        await goes_until(office, number, "decide")

    older = an_older_temporal(engine, tmp_path, letters, access("search_by_hand"), reviewed)
    async with older as (office, number):
        (behind,) = await found(office)
        assert (behind.how, behind.findings) == (How.BEHIND, ())
        assert (await reconciled(office))["resumed"] == [number]

        assert await goes_to_its_end(office, number) == ["decide", "send_reply"]


async def test_an_old_run_of_a_case_that_was_closed_meanwhile_is_ended(
    engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    older = an_older_temporal(engine, tmp_path, letters, access("decide"), goes_to_its_end)
    async with older as (office, number):
        run = await office.handle(number)
        while not (differing := await found(office)):
            continue  # visibility lags behind
        assert [(d.how, d.goes_on) for d in differing] == [(How.BEHIND, False)]
        await reconciled(office)

        assert (await run.describe()).status is WorkflowExecutionStatus.TERMINATED
        assert (await office.client.show(number)).outcome is Outcome.FULFILLED


# -- nothing is different --------------------------------------------------------------------------


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
