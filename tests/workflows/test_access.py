"""Access, Art. 15: from receipt to close, and what can happen on the way."""

import asyncio
import io
import zipfile
from datetime import timedelta

import pytest

from connectors.contract import Found
from schemas.case import (
    ClockState,
    FeeState,
    Ground,
    IdentityState,
    LetterKind,
    Outcome,
    Status,
    SystemOutcome,
)
from schemas.errors import RefusedByRule
from schemas.messages import (
    AnswerFee,
    AskIdentity,
    Choice,
    CloseAs,
    CompleteTask,
    Decide,
    FeeChoice,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    SettleFee,
    SystemResolution,
    TakeBack,
    VerifyIdentity,
    Withdraw,
    Withheld,
)
from schemas.request import Attachment
from tests.fakes import a_row
from tests.histories.scenarios.playing import decided, reviewed
from tests.office import Office, a_form


async def test_an_access_request_is_searched_reviewed_decided_replied_and_closed(office: Office):
    number = await office.receives(a_form())
    await decided(office, number)
    assert (await office.client.show(number)).clock.replied_at is None

    await office.client.package(number, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.FULFILLED
    assert view.clock.replied_at is not None
    assert [x.kind for x in view.letters] == [LetterKind.ACKNOWLEDGEMENT, LetterKind.REPLY]


async def test_the_query_and_the_case_row_tell_the_same(office: Office):
    number = await office.receives(a_form())
    await reviewed(office, number)

    assert await office.client.status(number) == await office.client.show(number)


async def test_an_item_withheld_for_the_rights_of_others_makes_the_answer_partial(office: Office):
    """Art. 15(4): redacted, never refused as a whole."""
    number = await office.receives(a_form())
    withheld = Withheld(system="customers", item="1", code=Ground.RIGHTS_OF_OTHERS)
    await decided(office, number, withheld)
    await office.sends(number, LetterKind.REPLY)

    view = await office.reaches(number, Status.CLOSED)

    assert view.outcome is Outcome.PARTIAL
    assert view.system("customers").withheld == 1  # type: ignore[union-attr]


async def test_nothing_held_goes_to_decision_without_review(office: Office):
    for name in ("customers", "marketing"):
        office.systems[name].holds = Found()
    number = await office.receives(a_form())
    await office.archive_answers(number)
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.NOTHING_HELD


async def test_an_unsigned_letter_waits_for_a_handler_to_verify_the_identity(office: Office):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")

    await office.act(number, VerifyIdentity, by="maija", how="customer_login")

    view = await office.reaches(number, Status.SEARCHING)
    assert view.identity.how == "customer_login"


async def test_nothing_is_told_to_an_agent_before_the_mandate_is_checked(office: Office):
    agent = {"name": "Olli Agentti", "relation": "agent", "mandate": "power of attorney"}
    number = await office.receives(a_form(submitter=agent))
    await office.awaits(number, "verify_identity")

    with pytest.raises(RefusedByRule, match="mandate"):
        await office.act(number, VerifyIdentity, by="maija")
    await office.act(number, VerifyIdentity, by="maija", mandate_checked=True)

    await office.reaches(number, Status.SEARCHING)


async def test_an_answer_of_an_agent_shows_no_mandate(office: Office):
    """Who acts for the subject may have been shown; that they may is checked by a handler."""
    agent = {"name": "Olli Agentti", "relation": "agent", "mandate": "power of attorney"}
    number = await office.receives(a_form(submitter=agent))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the signature differs")

    view = await office.act(number, RecordAnswer, by="maija")

    assert view.clock.state is ClockState.RUNNING
    assert view.identity.state is IdentityState.NOT_ESTABLISHED
    view = await office.awaits(number, "verify_identity")
    assert view.status is Status.IDENTIFYING
    await office.act(number, VerifyIdentity, by="maija", mandate_checked=True)
    await office.archive_answers(number)


async def test_a_prompt_identity_question_suspends_the_clock_until_its_answer(office: Office):
    """Art. 12(6)."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    safe = (await office.client.show(number)).clock.safe_date
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    view = await office.client.show(number)
    assert (view.clock.state, view.clock.due_date) == ("suspended", None)

    await office.passes(number, timedelta(days=5))
    await office.act(number, RecordAnswer, by="maija")

    view = await office.reaches(number, Status.SEARCHING)
    assert view.clock.state == "running"
    assert view.clock.safe_date == safe
    assert len(view.clock.pauses) == 1


async def test_silence_to_an_identity_question_is_a_task_for_the_dpo_never_a_refusal(
    office: Office,
):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")

    await office.passes(number, timedelta(days=31))

    view = await office.awaits(number, "identity_unanswered")
    assert view.status is Status.IDENTIFYING
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.CANNOT_IDENTIFY
    )
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED


async def test_the_dpo_refuses_an_excessive_request_before_the_search_ends(office: Office):
    """Art. 12(5)(b)."""
    number = await office.receives(a_form())
    await office.reaches(number, Status.SEARCHING)
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.EXCESSIVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)

    view = await office.reaches(number, Status.CLOSED)

    assert view.outcome is Outcome.REFUSED
    assert view.decisions[0].ground is Ground.EXCESSIVE


async def a_second_request(office: Office) -> str:
    """The same person again within twelve months: the notice asks the fee question."""
    first = await office.receives(a_form())
    await office.reaches(first, Status.SEARCHING)
    second = await office.receives(a_form(message="again, please"))
    await office.awaits(second, "settle_fee")
    return second


async def test_a_waived_fee_lets_the_request_go_on(office: Office):
    number = await a_second_request(office)

    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)

    assert (await office.reaches(number, Status.SEARCHING)).fee.state is FeeState.WAIVED


async def test_a_charge_states_its_grounds_and_is_told_before_it_is_accepted(office: Office):
    """Art. 12(5): the burden of proof is the controller's."""
    number = await a_second_request(office)
    with pytest.raises(RefusedByRule, match="burden of proof"):
        await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE)

    view = await office.act(
        number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated within a week"
    )
    assert (view.fee.state, view.fee.amount) == (FeeState.TOLD, 1_500)
    assert LetterKind.FEE in [x.kind for x in view.letters]
    await office.act(number, AnswerFee, by="maija", choice="accept")

    await office.reaches(number, Status.SEARCHING)


async def test_a_subject_may_withdraw_instead_of_paying(office: Office):
    number = await a_second_request(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")

    await office.act(number, AnswerFee, by="maija", choice="withdraw")

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.WITHDRAWN


async def test_silence_to_a_fee_offer_is_a_task_and_the_clock_runs_on(office: Office):
    number = await a_second_request(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")

    await office.passes(number, timedelta(days=15))

    view = await office.awaits(number, "fee_unanswered")
    assert view.status is Status.QUOTING
    assert view.clock.state == "running"


async def test_a_fee_refusal_is_decided_by_the_dpo_and_ends_in_a_refusal(office: Office):
    number = await a_second_request(office)
    with pytest.raises(RefusedByRule, match="dpo"):
        await office.act(number, SettleFee, by="antti", choice=FeeChoice.REFUSE, reason="tenth")
    await office.act(number, SettleFee, by="helena", choice=FeeChoice.REFUSE, reason="tenth")
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED


async def test_a_withdrawal_ends_the_case_at_any_time(office: Office):
    number = await office.receives(a_form())
    await reviewed(office, number)

    await office.act(number, Withdraw, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.WITHDRAWN
    assert view.awaiting == ()


@pytest.mark.parametrize("ending", ["not_a_request", "misdirected", "merged"])
async def test_what_is_no_request_is_ended_by_a_handler(office: Office, ending: str):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    other = {"name": "Veli Koski"}
    into = {"into": await office.receives(a_form(of=other))} if ending == "merged" else {}

    await office.act(number, CloseAs, by="maija", ending=ending, **into)

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome == ending
    assert view.letters[-1].kind is LetterKind.CONFIRMATION


async def test_a_decision_is_taken_back_before_the_reply_has_left(office: Office):
    number = await office.receives(a_form())
    await decided(office, number)

    await office.act(number, TakeBack, by="antti")

    view = await office.awaits(number, "decide")
    assert [x.state for x in view.letters if x.kind is LetterKind.REPLY] == ["withdrawn"]
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_a_case_is_answered_again_after_a_complaint(office: Office):
    number = await office.receives(a_form())
    await decided(office, number)
    await office.sends(number, LetterKind.REPLY)
    closed = await office.reaches(number, Status.CLOSED)

    await office.act(number, Reopen, by="helena", reason="a register was missing")

    await decided(office, number)
    await office.sends(number, LetterKind.REPLY)
    view = await office.reaches(number, Status.CLOSED)
    assert view.clock.due_date == closed.clock.due_date
    assert len([x for x in view.letters if x.kind is LetterKind.REPLY]) == 2


async def test_the_decision_signal_decides_as_the_update_does(office: Office):
    number = await office.receives(a_form())
    await reviewed(office, number)

    await office.client.decide_without_waiting(number, by="antti", choice=Choice.APPROVE)

    await office.awaits(number, "send_reply")


async def test_a_wrong_decision_signal_is_recorded_and_changes_nothing(office: Office):
    number = await office.receives(a_form())
    await office.reaches(number, Status.SEARCHING)

    await office.client.decide_without_waiting(number, by="maija", choice=Choice.APPROVE)

    for _ in range(200):
        events = [entry.event for entry in await office.client.timeline(number)]
        if "signal_ignored" in events:
            break
        await asyncio.sleep(0.03)
    assert "signal_ignored" in events
    assert "decided" not in events


async def test_an_unreachable_system_never_blocks_the_others_and_becomes_a_task(office: Office):
    office.systems["marketing"].away = True
    number = await office.receives(a_form())

    view = await office.awaits(number, "resolve_system")

    assert view.system("customers").outcome is SystemOutcome.FOUND  # type: ignore[union-attr]
    assert view.system("marketing").outcome is SystemOutcome.UNREACHABLE  # type: ignore[union-attr]
    office.systems["marketing"].away = False
    await office.act(
        number, ResolveSystem, by="maija", system="marketing", how=SystemResolution.RETRY,
        reason="it is back",
    )  # fmt: skip
    await reviewed(office, number)


async def test_a_system_that_is_away_for_weeks_is_asked_on_and_fills_no_history(office: Office):
    """A round of its own for each try, of every system, would reach Temporal's limit of events."""
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    asked, tries = office.systems["marketing"].asked, await scheduled(office, number)

    for _ in range(8):
        await office.passes(number, timedelta(days=1, minutes=5))
        before = asked
        async with asyncio.timeout(office.patience):
            while (asked := office.systems["marketing"].asked) == before:
                await asyncio.sleep(office.glance)

    assert await scheduled(office, number) <= tries + 1
    office.systems["marketing"].away = False
    await office.passes(number, timedelta(days=1, minutes=5))
    view = await office.sees(number, lambda v: v.system("marketing").outcome is SystemOutcome.FOUND)
    assert all(awaited.what != "resolve_system" for awaited in view.awaiting)


async def scheduled(office: Office, number: str) -> int:
    """Activities of a run so far; another try of one is none of its own."""
    history = await (await office.handle(number)).fetch_history()
    kinds = (event.WhichOneof("attributes") for event in history.events)
    return sum(kind == "activity_task_scheduled_event_attributes" for kind in kinds)


async def test_a_system_left_out_by_a_person_makes_the_answer_partial(office: Office):
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    await office.act(
        number, ResolveSystem, by="maija", system="marketing", how=SystemResolution.LEAVE_OUT,
        reason="it was retired last year",
    )  # fmt: skip
    await decided(office, number)
    await office.sends(number, LetterKind.REPLY)

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.PARTIAL


async def test_a_system_that_is_silent_until_the_target_is_supplied_after_the_reply(office: Office):
    """The subject is answered in time; the follow-up goes on (Art. 12(3), law.md 1)."""
    number = await office.receives(a_form())
    await office.sees(number, lambda v: any(a.system == "archive" for a in v.awaiting))
    view = await office.client.show(number)
    await office.passes_until(number, view.clock.target_at)
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    view = await office.reaches(number, Status.FOLLOWING_UP)
    assert view.outcome is Outcome.PARTIAL

    await office.archive_answers(number)

    await office.sees(number, lambda v: v.letters[-1].kind is LetterKind.SUPPLEMENT)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.FULFILLED


async def test_a_match_that_could_be_another_person_is_chosen_by_a_person(office: Office):
    office.systems["customers"].holds = Found(rows=(a_row("1"),), doubtful=(a_row("2"),))
    number = await office.receives(a_form())
    view = await office.awaits(number, "choose_match")
    assert view.system("customers").outcome is SystemOutcome.PENDING  # type: ignore[union-attr]

    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    await office.act(number, CompleteTask, by="maija", task=task, items=("2",))

    view = await office.sees(number, lambda v: v.system("customers").outcome == "found")  # type: ignore[union-attr]
    assert view.system("customers").records == 2  # type: ignore[union-attr]


async def test_a_file_that_is_withheld_in_part_does_not_go_into_the_package(office: Office):
    """Art. 15(4): a file cannot be redacted item by item."""
    paper = Attachment(name="folder-12.txt", media_type="text/plain", base64=b"cGFwZXI=")
    number = await office.receives(a_form())
    await office.archive_answers(number, file=paper)
    await office.reaches(number, Status.REVIEWING)
    assert (await office.client.found(number, by="maija"))["archive"].files == ("folder-12.txt",)
    await office.act(
        number, Review, by="maija",
        withhold=(Withheld(system="archive", item="1", code=Ground.RIGHTS_OF_OTHERS),),
    )  # fmt: skip
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")

    package = await office.client.package(number, by="maija")

    names = zipfile.ZipFile(io.BytesIO(package)).namelist()
    assert sorted(names) == ["data.json", "reply.html"]
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.PARTIAL


async def test_an_answer_between_the_reply_and_its_leaving_is_told_after_it(office: Office):
    """The reply names the system as one that has not answered: what it found is still owed."""
    number = await office.receives(a_form())
    view = await office.sees(number, lambda v: any(a.system == "archive" for a in v.awaiting))
    await office.passes_until(number, view.clock.target_at)
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.archive_answers(number, records=1)

    await office.sends(number, LetterKind.REPLY)

    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.sees(number, lambda v: v.letters[-1].kind is LetterKind.SUPPLEMENT)
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
