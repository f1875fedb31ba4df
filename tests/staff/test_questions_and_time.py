"""Questions, answers, extensions, receipts: what can be true is recorded, the rest refused."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from schemas.case import ClockState, ExtensionState, LetterKind, PauseReason, Status
from schemas.errors import RefusedByRule
from schemas.messages import (
    AskClarification,
    AskIdentity,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    Note,
    Reassign,
    RecordAnswer,
    Withdraw,
)
from schemas.policy import TimeLimits
from tests.office import POLICY, Office, a_form, an_office, now
from tests.staff.cases import (
    deciding,
    events,
    identifying,
    nothing_is_written,
    refuses,
)
from workflows.staff import acting
from workflows.staff.acting import MAX_REMARKS


async def two_questions(office: Office) -> str:
    number = await identifying(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, AskClarification, by="maija", question="which years?")
    return number


async def test_of_two_open_questions_the_answer_says_which(office: Office) -> None:
    number = await two_questions(office)
    async with nothing_is_written(office, number):
        assert "Say which" in await refuses(office, number, RecordAnswer, "maija")
        assert "no question of fee" in await refuses(
            office, number, RecordAnswer, "maija", to=PauseReason.FEE
        )
        for again in (AskIdentity, AskClarification):
            words = {"doubt": "x"} if again is AskIdentity else {"question": "x"}
            assert "is open since before" in await refuses(office, number, again, "maija", **words)

    view = await office.act(number, RecordAnswer, by="maija", to=PauseReason.IDENTITY)
    assert view.clock.state is ClockState.SUSPENDED
    await office.reaches(number, Status.CLARIFYING)
    assert "no question of identity is open" in await refuses(
        office, number, RecordAnswer, "maija", to=PauseReason.IDENTITY
    )
    await office.act(number, RecordAnswer, by="maija")

    view = await office.reaches(number, Status.SEARCHING)
    assert view.clock.state is ClockState.RUNNING
    assert [p.answered_at is not None for p in view.clock.pauses] == [True, True]
    assert not {a.what for a in view.awaiting if a.role == "subject"}


async def test_an_answer_lies_between_its_question_and_now(office: Office) -> None:
    number = await identifying(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    asked = (await office.client.show(number)).clock.pauses[0].asked_at

    async with nothing_is_written(office, number):
        assert "in the future" in await refuses(
            office, number, RecordAnswer, "maija", answered_at=now() + timedelta(minutes=1)
        )
        assert "before the question" in await refuses(
            office, number, RecordAnswer, "maija", answered_at=asked - timedelta(seconds=1)
        )

    view = await office.act(number, RecordAnswer, by="maija", answered_at=asked)
    assert view.clock.pauses[0].answered_at == asked


async def test_a_receipt_that_its_questions_contradict_is_refused_and_the_case_goes_on(
    office: Office,
) -> None:
    number = await identifying(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    before = await office.client.show(number)
    asked = before.clock.pauses[0].asked_at

    later = asked + timedelta(milliseconds=1)
    sentence = await refuses(office, number, CorrectReceipt, "maija", received_at=later, reason="x")

    assert "asked before the request was received" in sentence
    assert await office.client.show(number) == before
    await office.act(number, RecordAnswer, by="maija")
    await office.reaches(number, Status.SEARCHING)


async def test_there_is_one_extension_and_the_dpo_decides_it(office: Office) -> None:
    number = await identifying(office)
    assert "needs the role dpo" in await refuses(
        office, number, Extend, "antti", months=1, reason="x"
    )
    await office.act(number, Extend, by="helena", months=1, reason="many systems")

    assert "has an extension already" in await refuses(
        office, number, Extend, "helena", months=2, reason="more"
    )
    await office.sends(number, LetterKind.EXTENSION)
    view = await office.sees(number, lambda v: v.clock.state is ClockState.EXTENDED)
    assert view.clock.extension.state is ExtensionState.VALID  # type: ignore[union-attr]
    assert "has an extension already" in await refuses(
        office, number, Extend, "helena", months=1, reason="more"
    )
    assert "send_extension" not in {a.what for a in view.awaiting}


async def test_a_notice_fetched_in_the_minutes_before_its_receipt_does_not_end_the_run(
    office: Office,
) -> None:
    """Clocks of counters differ: intake takes a receipt up to five minutes ahead."""
    number = await identifying(office, received_at=(now() + timedelta(minutes=4)).isoformat())
    await office.act(number, Extend, by="helena", months=1, reason="many systems")

    await office.sends(number, LetterKind.EXTENSION)

    await office.sees(number, lambda v: v.clock.state is ClockState.EXTENDED)
    assert "before the request was received" in await refuses(
        office, number, AskIdentity, "maija", doubt="x"
    )
    await office.act(number, Note, by="maija", text="the run lives")


async def test_the_policy_says_how_far_an_extension_goes(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    policy = POLICY.model_copy(update={"time_limits": TimeLimits(max_extension_months=1)})
    async with an_office(temporal, engine, tmp_path, policy=policy, letters=letters) as office:
        number = await identifying(office)

        async with nothing_is_written(office, number):
            assert "allows 1 month(s) at most" in await refuses(
                office, number, Extend, "helena", months=2, reason="x"
            )
        await office.act(number, Extend, by="helena", months=1, reason="x")


TEMPORAL_EVENTS, TEMPORAL_BYTES = 51_200, 50 * 1024 * 1024  # of one run, then it is terminated


async def test_after_the_most_remarks_of_a_run_a_decision_still_fits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is shown on fewer; by what each costs, the real one leaves more than half."""
    number, tried = await deciding(office), 10
    monkeypatch.setattr(acting, "MAX_REMARKS", tried)
    before = await _history(office, number)

    for _ in range(tried):
        await office.act(number, Note, by="kalle", text="\N{EARTH GLOBE EUROPE-AFRICA}" * 10_000)

    grown = [after - was for was, after in zip(before, await _history(office, number), strict=True)]
    assert grown[0] * MAX_REMARKS / tried < TEMPORAL_EVENTS / 2
    assert grown[1] * MAX_REMARKS / tried < TEMPORAL_BYTES / 2
    async with nothing_is_written(office, number):
        for remark, words in ((Note, {"text": "one more"}), (Reassign, {"to": "maija"})):
            sentence = await refuses(office, number, remark, "maija", **words)
            assert f"has {tried} notes already" in sentence
    await office.act(number, Decide, by="antti", choice="approve", reason="x" * 2_000)
    await office.awaits(number, "send_reply")


async def test_guessed_tasks_cost_a_run_no_more_than_remarks_do(
    own_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a system is asked a task may be news, and the case row is looked at for it."""
    office, tried = own_office, 3
    monkeypatch.setattr(acting, "MAX_REMARKS", tried)
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    await office.passes(number, timedelta(hours=1, minutes=1))  # asked on, until it answers
    costs = [await _history(office, number)]
    for _ in range(tried):
        await refuses(office, number, CompleteTask, "maija", task="guess")
        costs.append(await _history(office, number))
    assert costs == sorted(set(costs))

    sentence = await refuses(office, number, CompleteTask, "maija", task="guess")

    assert "no such open task" in sentence
    assert await _history(office, number) == costs[-1]


async def _history(office: Office, number: str) -> tuple[int, int]:
    """Events and bytes of a run."""
    events = (await (await office.handle(number)).fetch_history()).events
    return len(events), sum(event.ByteSize() for event in events)


async def test_what_was_noted_is_sealed_and_the_record_tells_only_that(office: Office) -> None:
    number = await identifying(office)
    await office.act(number, Note, by="kalle", text="the caller is the neighbour")

    entry = (await office.client.timeline(number))[-1]

    assert (entry.event, entry.actor, entry.text) == ("noted", "kalle", "note filed")
    case = await office.client._case(number)
    (note,) = (await office.case_file.sealed_parts(case, "text:note:")).values()
    assert note.decode() == "the caller is the neighbour"


async def test_a_subject_may_withdraw_while_a_question_is_open(office: Office) -> None:
    number = await two_questions(office)

    await office.act(number, Withdraw, by="maija")

    await office.reaches(number, Status.CLOSED)
    with pytest.raises(RefusedByRule, match="is closed"):
        await office.act(number, RecordAnswer, by="maija", to=PauseReason.IDENTITY)
    assert "withdrawn" in await events(office, number)
