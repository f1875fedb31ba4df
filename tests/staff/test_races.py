"""Two at once: one wins, the other is refused in a sentence. The same twice: one effect."""

import asyncio
import base64
import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError

from connectors.contract import Found
from schemas.case import CaseView, FeeState, Ground, LetterKind, LetterState, Outcome, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import (
    AnswerFee,
    AskClarification,
    AskIdentity,
    Choice,
    CloseAs,
    CorrectReceipt,
    Decide,
    DecisionSignal,
    Extend,
    Note,
    Reassign,
    RecordAnswer,
    Reopen,
    Review,
    SettleFee,
    StaffAction,
    TakeBack,
    VerifyIdentity,
    Withdraw,
)
from schemas.request import Attachment
from tests.fakes import a_row
from tests.office import Office, a_form, now
from tests.staff.cases import (
    closed,
    deciding,
    events,
    identifying,
    open_task,
    refuses,
    replying,
    reviewing,
    somebody,
)


def a_file(text: str, name: str = "answer.txt") -> Attachment:
    content = base64.b64encode(text.encode()).decode()
    return Attachment.model_validate({"name": name, "media_type": "text/plain", "base64": content})


async def one_wins(*attempts: Awaitable[Any]) -> int:
    """Which of the attempts was taken; all others were refused in a sentence."""
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    taken = [n for n, end in enumerate(ended) if not isinstance(end, BaseException)]
    refused = [end for end in ended if isinstance(end, BaseException)]
    assert all(isinstance(end, RefusedByRule) for end in refused), refused
    assert len(taken) == 1
    return taken[0]


async def twice(
    office: Office, number: str, action: type[StaffAction], by: str, **fields: Any
) -> CaseView:
    """The same action under one id: the same outcome, one effect."""
    id = uuid4()
    first = await office.act(number, action, by=by, id=id, **fields)
    again = await office.act(number, action, by=by, id=id, **fields)
    assert again == first
    return first


async def test_of_two_decisions_at_once_one_stands(office: Office) -> None:
    for _ in range(3):
        number = await deciding(office)

        won = await one_wins(
            office.act(number, Decide, by="antti", choice=Choice.APPROVE),
            office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.EXCESSIVE),
        )

        view = await office.awaits(number, "send_reply")
        assert [d.what for d in view.decisions] == [("approve", "refuse")[won]]
        assert (await events(office, number)).count("decided") == 1
        assert view.letters[-1].kind is (LetterKind.REPLY, LetterKind.REFUSAL)[won]


async def test_of_two_early_refusals_at_once_one_stands_until_the_subject_withdraws(
    office: Office,
) -> None:
    number = await identifying(office)
    refuse = {"choice": Choice.REFUSE, "ground": Ground.UNFOUNDED}

    await one_wins(
        office.act(number, Decide, by="helena", **refuse),
        office.act(number, Decide, by="helena", **refuse),
    )
    await office.awaits(number, "send_reply")
    await one_wins(
        office.act(number, Withdraw, by="maija"),
        office.act(number, CloseAs, by="maija", ending="misdirected"),
    )

    record = await events(office, number)
    assert record.count("decided") == 1
    assert record.count("letter_withdrawn") == 1


async def test_of_a_withdrawal_and_another_ending_at_once_one_is_the_outcome(
    office: Office,
) -> None:
    for _ in range(3):
        number = await identifying(office)

        won = await one_wins(
            office.act(number, Withdraw, by="maija"),
            office.act(number, CloseAs, by="helena", ending="not_a_request"),
        )

        view = await office.reaches(number, Status.CLOSED)
        assert view.outcome is (Outcome.WITHDRAWN, Outcome.NOT_A_REQUEST)[won]


@pytest.mark.parametrize("wait", [0, 0.005, 0.01, 0.02, 0.03, 0.06])
async def test_a_reply_that_is_fetched_is_not_taken_back_and_the_other_way_round(
    office: Office, wait: float
) -> None:
    """The database decides: no interleaving ends with both."""
    number = await replying(office)
    reply = (await office.client.show(number)).letters[-1]

    async def take_back() -> None:
        await asyncio.sleep(wait)
        await office.act(number, TakeBack, by="antti")

    won = await one_wins(office.client.letter(number, reply.id, by="maija"), take_back())

    record = await events(office, number)
    assert record.count("decision_taken_back") == won
    if won == 0:
        view = await office.reaches(number, Status.CLOSED)
        assert view.decisions
        assert view.letters[-1].state is LetterState.LEFT
    else:
        view = await office.awaits(number, "decide")
        assert not view.decisions
        assert view.letters[-1].state is LetterState.WITHDRAWN
        with pytest.raises(RefusedByRule, match="no package yet"):
            await office.client.package(number, by="maija")


async def test_a_task_that_two_complete_at_once_keeps_the_file_of_who_won(office: Office) -> None:
    number = await office.receives(a_form(of=somebody()))
    view = await office.awaits(number, "search_by_hand")
    task = open_task(view, "search_by_hand")
    files = [a_file("from the cellar"), a_file("from the attic")]

    won = await one_wins(
        office.client.complete_task(number, task, by="kalle", file=files[0]),
        office.client.complete_task(number, task, by="maija", file=files[1]),
    )
    with pytest.raises(RefusedByRule, match="no such open task"):
        await office.client.complete_task(number, task, by="kalle", file=a_file("a third"))
    other = await office.receives(a_form(of=somebody()))
    theirs = open_task(await office.awaits(other, "search_by_hand"), "search_by_hand")
    with pytest.raises(RefusedByRule, match="for the role archivist"):
        await office.client.complete_task(other, theirs, by="antti", file=a_file("not mine"))

    assert await office.client.files(number, by="maija") == [("archive", files[won])]
    assert await office.client.files(other, by="maija") == []


async def test_only_doubtful_records_can_be_chosen_and_a_chosen_one_can_be_withheld(
    office: Office,
) -> None:
    holds = office.systems["customers"].holds
    office.systems["customers"].holds = Found(rows=(a_row("1"),), doubtful=(a_row("2"), a_row("3")))
    number = await office.receives(a_form(of=somebody()))
    task = open_task(await office.awaits(number, "choose_match"), "choose_match")
    office.systems["customers"].holds = holds

    for wrong in ('{"belongs": "23"}', '{"belongs": [2]}', "[]", "x", '{"belongs": ["1"]}',
                  '{"belongs": ["9"]}', '{"belongs": ["3", "3"]}', '{"belongs": ["2,3"]}',
                  "[" * 50_000):  # fmt: skip
        with pytest.raises(BadInput, match="Not done"):
            await office.client.complete_task(number, task, by="maija", file=a_file(wrong))
    with pytest.raises(BadInput, match="an empty list if none is"):
        await office.client.complete_task(number, task, by="maija")
    chosen = a_file(json.dumps({"belongs": ["3"]}))
    await office.client.complete_task(number, task, by="maija", file=chosen)

    await office.archive_answers(number)
    view = await office.awaits(number, "review")
    assert view.system("customers").records == 2  # type: ignore[union-attr]
    others = {"system": "customers", "code": Ground.RIGHTS_OF_OTHERS}
    assert "no such item" in await refuses(
        office, number, Review, "maija", withhold=[others | {"item": "2"}]
    )
    view = await office.act(number, Review, by="maija", withhold=[others | {"item": "3"}])
    assert view.system("customers").withheld == 1  # type: ignore[union-attr]


async def test_every_action_of_an_access_request_is_taken_once_under_one_id(
    office: Office,
) -> None:
    number = await identifying(office)
    await twice(office, number, AskIdentity, "maija", doubt="the name differs")
    await twice(office, number, RecordAnswer, "maija", sufficient=False)
    await twice(office, number, VerifyIdentity, "maija")
    await office.reaches(number, Status.SEARCHING)
    await twice(office, number, AskClarification, "maija", question="which years?")
    await twice(office, number, RecordAnswer, "maija", text="all of them")
    await twice(office, number, Note, "kalle", text="called back")
    await twice(office, number, Reassign, "antti", to="maija")
    earlier = now() - timedelta(hours=1)
    await twice(office, number, CorrectReceipt, "maija", received_at=earlier, reason="misread")
    await twice(office, number, Extend, "helena", months=1, reason="many systems")
    view, id = await office.client.show(number), uuid4()
    task = open_task(view, "search_by_hand")
    for _ in range(2):
        await office.client.complete_task(number, task, by="kalle", file=a_file("x"), id=id)
    await office.awaits(number, "review")
    await twice(office, number, Review, "maija")
    await office.awaits(number, "decide")
    await twice(office, number, Decide, "antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await twice(office, number, TakeBack, "antti")
    await office.awaits(number, "decide")
    await twice(office, number, Decide, "antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")

    record = await events(office, number)
    once = (
        "identity_doubted", "identity_sufficient", "clarification_asked", "noted", "reassigned",
        "receipt_corrected", "extension_decided", "reviewed", "decision_taken_back",
    )  # fmt: skip
    assert {event: record.count(event) for event in once} == dict.fromkeys(once, 1)
    assert (record.count("answered"), record.count("decided")) == (2, 2)


async def test_fee_actions_and_endings_are_taken_once_under_one_id(office: Office) -> None:
    person = somebody()
    await office.receives(a_form(of=person))
    number = await office.receives(a_form(of=person, message="again"))
    await office.awaits(number, "settle_fee")
    view = await twice(office, number, SettleFee, "antti", choice="charge", reason="a third time")
    assert (view.fee.state, view.fee.amount) == (FeeState.TOLD, 1_500)
    await twice(office, number, AnswerFee, "maija", choice="accept")
    await office.reaches(number, Status.SEARCHING)
    id = uuid4()
    first = await office.act(number, Withdraw, by="maija", id=id)
    await office.reaches(number, Status.CLOSED)

    assert await office.act(number, Withdraw, by="maija", id=id) == first
    record = await events(office, number)
    assert [record.count(e) for e in ("fee_settled", "fee_answered", "withdrawn")] == [1, 1, 1]


async def test_a_case_is_opened_again_once_under_one_id(office: Office) -> None:
    number, id = await closed(office), uuid4()
    await office.act(number, Reopen, by="helena", id=id, reason="a register was missing")
    await office.awaits(number, "search_by_hand")

    await office.act(number, Reopen, by="helena", id=id, reason="a register was missing")

    assert (await events(office, number)).count("reopened") == 1
    assert (await office.client.show(number)).status is Status.SEARCHING


async def test_an_opening_again_waits_until_the_run_of_the_closed_case_has_ended(
    office: Office,
) -> None:
    """The row says closed a moment before: that run would take the opening and answer nothing."""
    number = await replying(office)
    run, case = await office.handle(number), await office.client._case(number)
    async with office.case_file.step(case, "the-end", now(), "engine") as step:
        step.set(status=Status.CLOSED, outcome=Outcome.FULFILLED, closed_at=now())

    opening = asyncio.create_task(office.act(number, Reopen, by="helena", reason="one was missing"))
    early, _ = await asyncio.wait([opening], timeout=1)
    await run.terminate()

    assert not early
    assert (await opening).status is Status.SEARCHING
    assert (await events(office, number)).count("reopened") == 1


async def test_a_case_is_not_opened_again_beside_an_open_double(office: Office) -> None:
    form = a_form(of=somebody(), evidence={})
    first = await office.receives(form)
    await office.awaits(first, "verify_identity")
    await office.act(first, CloseAs, by="maija", ending="not_a_request")
    await office.reaches(first, Status.CLOSED)
    await office.receives(form)

    sentence = await refuses(office, first, Reopen, "helena", reason="it was one")

    assert "open under another number" in sentence
    assert (await office.client.show(first)).status is Status.CLOSED


MALFORMED = [[], [None], [{}], [{"id": "x"}], ["approve"], [{"choice": "approve"}], [1, 2]]


async def test_a_decision_signal_is_followed_once_and_a_malformed_one_is_recorded(
    office: Office,
) -> None:
    number = await deciding(office)
    handle = await office.handle(number)
    for malformed in MALFORMED:
        await handle.signal("decision", args=malformed)
        await handle.signal("letter_left", args=malformed)
    antti = office.client.actor("antti")
    signal = DecisionSignal(id=uuid4(), by=antti, choice=Choice.APPROVE)

    for _ in range(3):
        await handle.signal("decision", signal)

    await office.awaits(number, "send_reply")
    await office.client.decide_without_waiting(number, by="antti", choice=Choice.APPROVE)
    record = await recorded(office, number, "signal_ignored", len(MALFORMED) + 1)
    assert record.count("decided") == 1


async def recorded(office: Office, number: str, event: str, times: int) -> list[str]:
    """Wait until the record has an event so often."""
    for _ in range(300):
        record = await events(office, number)
        if record.count(event) >= times:
            break
        await asyncio.sleep(0.03)
    assert record.count(event) == times
    return record


async def test_an_update_without_an_action_is_refused_and_the_run_goes_on(office: Office) -> None:
    number = await identifying(office)
    handle = await office.handle(number)

    for malformed in MALFORMED:
        for action in ("decide", "note"):
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update(action, args=malformed)

    await office.act(number, Note, by="maija", text="still here")


async def test_an_early_refusal_that_is_taken_back_leaves_nothing_out(office: Office) -> None:
    """Art. 12(2): the identity is still to be shown before anything is searched or told."""
    number = await identifying(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.CANNOT_IDENTIFY
    )
    await office.awaits(number, "send_reply")

    await office.act(number, TakeBack, by="helena")

    view = await office.reaches(number, Status.IDENTIFYING)
    assert not view.decisions
    assert [x.kind for x in view.letters] == [LetterKind.ACKNOWLEDGEMENT, LetterKind.REFUSAL]
    await office.act(number, VerifyIdentity, by="maija")
    await office.archive_answers(number)
    await office.awaits(number, "review")


async def test_a_balanced_refusal_that_is_taken_back_leaves_it_restricted(office: Office) -> None:
    """Art. 18(1)(d): restricted while it is weighed, and when it is upheld."""
    number = await office.receives(
        a_form("objection", of=somebody(), purposes=["customer_relations"])
    )
    await office.awaits(number, "decide")
    no = {"choice": Choice.REFUSE, "ground": Ground.COMPELLING_GROUNDS}
    await office.act(number, Decide, by="helena", **no)
    await office.awaits(number, "send_reply")

    await office.act(number, TakeBack, by="helena")

    await office.awaits(number, "decide")
    assert office.systems["customers"].restricted
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    assert office.systems["customers"].restricted


async def test_a_refused_fee_that_is_taken_back_is_a_question_again(office: Office) -> None:
    person = somebody()
    await office.receives(a_form(of=person))
    number = await office.receives(a_form(of=person, message="again"))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="helena", choice="refuse", reason="tenth")
    await office.awaits(number, "send_reply")

    await office.act(number, TakeBack, by="helena")

    view = await office.awaits(number, "settle_fee")
    assert (view.status, view.fee.state) == (Status.QUOTING, FeeState.QUESTION)


async def test_of_two_reviews_at_once_the_first_is_the_review(office: Office) -> None:
    number = await reviewing(office)
    withhold = [{"system": "customers", "item": "1", "code": Ground.RIGHTS_OF_OTHERS}]

    won = await one_wins(
        office.act(number, Review, by="maija"),
        office.act(number, Review, by="helena", withhold=withhold),
    )

    view = await office.awaits(number, "decide")
    assert view.system("customers").withheld == won  # type: ignore[union-attr]
