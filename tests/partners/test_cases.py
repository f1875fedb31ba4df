"""Cases with a partner that runs as a process of its own: it answers later, badly, or never."""

import asyncio
import json
from datetime import timedelta

import pytest

from activities import partner_answers
from activities.partners import has_been_told
from activities.standstill import STOPPED
from connectors.contract import Found
from connectors.opendsr.partner import OpenDsrPartner
from connectors.partner import PartnerAway
from schemas.case import LetterKind, Outcome, Status, SystemOutcome
from schemas.holds import Fate, HoldView
from schemas.messages import (
    Choice,
    Decide,
    ResolveSystem,
    SecondDecision,
    SystemResolution,
    Withdraw,
)
from starter.holds import Holds
from tests.holds.deskwork import RITVA, an_order
from tests.office import POLICY, Office, a_form
from tests.partners.offices import EXPERT, OF_AINO, comes_to, dispatches, ids, outcome

SOMEBODY_ELSE = {"identifiers": [{"type": "email", "value": "somebody@example.fi"}]}

# -- access ----------------------------------------------------------------


async def test_what_a_partner_holds_is_found_and_sealed_in_the_case_file(partner, office_with):
    """Art. 15: a copy of what a processor holds for us, too."""
    process = partner("prompt")
    office = await office_with(process)
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.FOUND)

    assert view.system(EXPERT).records == 1
    case = await office.client._case(number)
    found = await office.case_file.unseal(case, f"found:{EXPERT}")
    assert Found.model_validate_json(found).rows[0].values["course"] == "Signalling basics"
    (row,) = await dispatches(office.case_file.engine)
    assert (row["state"], row["settled_at"] is not None) == ("completed", True)
    assert ids(process) == [str(row["id"])]


async def test_a_partner_that_holds_nothing_says_so(partner, office_with):
    office = await office_with(partner("empty"))
    number = await office.receives(a_form(of=OF_AINO))

    await comes_to(office, number, SystemOutcome.NOTHING_HELD)


async def test_a_slow_partner_is_waited_for_and_holds_up_nobody(partner, office_with):
    office = await office_with(partner("slow"))
    number = await office.receives(a_form(of=OF_AINO))

    view = await office.sees(number, lambda v: outcome(v, "customers") is SystemOutcome.FOUND)

    assert outcome(view) is SystemOutcome.PENDING
    await comes_to(office, number, SystemOutcome.FOUND)


async def test_a_partner_that_fails_half_of_the_time_is_answered_for_without_a_person(
    partner, office_with
):
    office = await office_with(partner("failing"))
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.FOUND)

    assert all(task.what != "resolve_system" for task in view.awaiting)


async def test_a_silent_partner_becomes_a_task_and_never_a_success(partner, office_with):
    """Silence is never success: a person leaves it out, with a reason, or waits."""
    office = await office_with(partner("silent"), partner_silence=timedelta(seconds=1))
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.SILENT)

    assert [task.what for task in view.awaiting if task.system == EXPERT] == ["resolve_system"]
    assert view.system(EXPERT).reason == "has not answered"
    assert outcome(view, "customers") is SystemOutcome.FOUND
    view = await office.act(
        number, ResolveSystem, by="maija", system=EXPERT, how=SystemResolution.LEAVE_OUT,
        reason="no answer by telephone either",
    )  # fmt: skip
    assert outcome(view) is SystemOutcome.LEFT_OUT
    await office.awaits(number, "review")


async def test_a_week_of_silence_is_told_once_and_costs_the_history_next_to_nothing(
    partner, office_with
):
    office = await office_with(
        partner("silent"), retry_first=timedelta(minutes=5), retry_most=timedelta(hours=6),
        partner_poll_most=timedelta(days=1),
    )  # fmt: skip
    number = await office.receives(a_form(of=OF_AINO))
    await office.sees(number, lambda v: v.systems and v.system(EXPERT).lag_seconds)

    await office.passes(number, timedelta(days=6))
    assert outcome(await office.client.show(number)) is SystemOutcome.PENDING
    await office.passes(number, timedelta(days=2))

    view = await comes_to(office, number, SystemOutcome.SILENT)
    assert view.system(EXPERT).reason == "has not answered for 7 day(s)"
    history = await (await office.handle(number)).fetch_history()
    skipped = "workflow_execution_time_skipping_transitioned_event_attributes"
    ours = [event for event in history.events if event.WhichOneof("attributes") != skipped]
    assert len(ours) < 60
    entries = await office.client.timeline(number)
    assert [e.event for e in entries].count("partner_silent") == 1


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("another", "it answers for another request"),
        ("huge", "its answer is too large"),
        ("malformed", "its answer is not what the protocol says"),
        ("unsigned", "its answer is not signed with the certificate of its domain"),
        ("redirecting", "it answers with a redirect"),
        ("refusing", "it refuses the request"),
    ],
)
async def test_a_partner_whose_answers_cannot_be_used_is_told_in_one_sentence_and_blocks_nobody(
    partner, office_with, behaviour: str, sentence: str
):
    office = await office_with(partner(behaviour))
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.FAILED)

    assert view.system(EXPERT).reason == sentence
    assert [task.what for task in view.awaiting if task.system == EXPERT] == ["resolve_system"]
    await office.sees(number, lambda v: outcome(v, "customers") is SystemOutcome.FOUND)


async def test_a_partner_that_stops_answering_is_told_to_staff_and_heard_on(partner, office_with):
    process = partner("silent")
    office = await office_with(process)
    number = await office.receives(a_form(of=OF_AINO))
    await office.sees(number, lambda v: v.systems and v.system(EXPERT).lag_seconds)
    process.stop()

    view = await comes_to(office, number, SystemOutcome.UNREACHABLE)

    assert [task.what for task in view.awaiting if task.system == EXPERT] == ["resolve_system"]


async def test_a_submission_that_exists_already_is_taken_as_handed_over(partner, office_with):
    office = await office_with(partner("existing"))
    number = await office.receives(a_form(of=OF_AINO))

    await comes_to(office, number, SystemOutcome.FOUND)


async def test_a_busy_partner_is_asked_again_when_it_wished(partner, office_with):
    """429 with Retry-After: 1."""
    process = partner("busy")
    office = await office_with(process)
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.FOUND)

    first, second = ids(process)
    assert first == second
    assert view.system(EXPERT).lag_seconds >= 1


async def test_a_part_of_the_data_is_found_and_said_to_be_a_part(partner, office_with):
    office = await office_with(partner("partial"))
    number = await office.receives(a_form(of=OF_AINO))

    view = await comes_to(office, number, SystemOutcome.FOUND)

    assert view.system(EXPERT).reason == "the partner gave a part only"


async def test_a_denial_goes_to_a_person_who_can_have_it_asked_anew_or_ask_by_hand(
    partner, office_with
):
    process = partner("denying")
    office = await office_with(process)
    number = await office.receives(a_form(of=OF_AINO))
    view = await comes_to(office, number, SystemOutcome.FAILED)
    assert view.system(EXPERT).reason == "the partner denies the request"
    assert [task.what for task in view.awaiting if task.system == EXPERT] == ["resolve_system"]

    await office.act(
        number, ResolveSystem, by="maija", system=EXPERT, how=SystemResolution.RETRY, reason="-"
    )
    await comes_to(office, number, SystemOutcome.FAILED)

    assert len(set(ids(process))) == 2
    view = await office.act(
        number, ResolveSystem, by="maija", system=EXPERT, how=SystemResolution.BY_HAND, reason="-"
    )
    (task,) = [a.task for a in view.awaiting if (a.what, a.system) == ("search_by_hand", EXPERT)]
    await office.client.complete_task(number, task, by="maija", records=2)
    view = await comes_to(office, number, SystemOutcome.FOUND)
    assert view.system(EXPERT).records == 2


# -- once ----------------------------------------------------------------


async def test_a_crash_after_the_request_has_left_hands_over_nothing_twice(
    partner, office_with, monkeypatch
):
    """The row is committed before it is sent; the next try sends the same id."""
    recorded, deaths = partner_answers.taken, []

    async def dies_once(step, call):
        if not deaths:
            deaths.append(call.system)
            raise ConnectionError("the database went away")
        await recorded(step, call)

    monkeypatch.setattr(partner_answers, "taken", dies_once)
    process = partner("slow")
    office = await office_with(process)
    number = await office.receives(a_form(of=OF_AINO))

    await comes_to(office, number, SystemOutcome.FOUND)

    assert deaths
    assert len(set(ids(process))) == 1
    assert len(await dispatches(office.case_file.engine)) == 1


# -- objection and consent ----------------------------------------------------------------


async def test_an_objection_is_handed_over_at_once_and_done_when_the_partner_has_done_it(
    partner, office_with
):
    """Art. 21(3), within 60 seconds; silent until then, it is notified and no more."""
    process = partner("slow")
    office = await office_with(process)
    number = await office.receives(a_form("objection", of=OF_AINO))
    view = await comes_to(office, number, SystemOutcome.NOTIFIED)
    assert view.system(EXPERT).lag_seconds < 60

    await comes_to(office, number, SystemOutcome.SUPPRESSED)

    (body,) = process.received()
    sent = json.loads(body)
    assert sent["subject_request_type"] == "objection"
    assert sent["extensions"]["expert.example"]["purposes"] == ["marketing"]
    assert b"aino.virtanen" not in body


async def test_consent_reaches_a_partner_with_its_text_and_means(partner, office_with):
    process = partner("prompt")
    office = await office_with(process)
    number = await office.receives(a_form("consent", of=OF_AINO))

    await comes_to(office, number, SystemOutcome.CORRECTED)

    extension = json.loads(process.received()[0])["extensions"]["expert.example"]
    assert (extension["given"], extension["text_version"]) == (True, "2026-1")


async def test_another_purpose_is_restricted_at_the_partner_while_it_is_weighed(
    partner, office_with
):
    """Art. 18(1)(d)."""
    process = partner("prompt")
    office = await office_with(process)
    number = await office.receives(a_form("objection", of=OF_AINO, purposes=["customer_relations"]))

    await comes_to(office, number, SystemOutcome.SUPPRESSED)

    sent = json.loads(process.received()[0])
    assert sent["subject_request_type"] == "restriction"
    assert sent["extensions"]["expert.example"]["purposes"] == ["customer_relations"]


# -- deletion ----------------------------------------------------------------


async def approved(office: Office, number: str) -> None:
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)


async def test_a_partner_is_told_of_a_deletion_after_its_approval_and_erased_when_it_says_so(
    partner, office_with
):
    """Art. 19, Art. 17: told is not erased."""
    process = partner("slow")
    office = await office_with(process)
    number = await office.receives(a_form("delete", of=OF_AINO))
    await office.awaits(number, "decide")
    assert process.received() == []

    await approved(office, number)
    await comes_to(office, number, SystemOutcome.NOTIFIED)
    await comes_to(office, number, SystemOutcome.ERASED)

    assert json.loads(process.received()[0])["subject_request_type"] == "erasure"
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda v: v.letters[-1].kind is LetterKind.SUPPLEMENT)
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_a_partner_that_stands_still_is_searched_and_told_to_erase_once_it_is_resumed(
    partner, office_with
):
    """`dsr pause` stops what cannot be undone; to a partner that is the dispatch."""
    process = partner("prompt")
    office = await office_with(process)
    await office.client.standstills.pause(EXPERT, by="os:operator")
    access = await office.receives(a_form(of=OF_AINO))
    await comes_to(office, access, SystemOutcome.FOUND)

    deletion = await office.receives(a_form("delete", of=OF_AINO | SOMEBODY_ELSE))
    await approved(office, deletion)
    await office.sees(deletion, lambda v: v.system(EXPERT).reason == STOPPED)
    asked = [json.loads(body)["subject_request_type"] for body in process.received()]
    assert asked == ["access"]

    await office.client.standstills.resume(EXPERT, by="os:operator")
    await comes_to(office, deletion, SystemOutcome.ERASED)


async def test_a_partner_that_denies_a_deletion_is_a_persons_matter_and_not_erased(
    partner, office_with
):
    office = await office_with(partner("denying"))
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)

    view = await comes_to(office, number, SystemOutcome.FAILED)

    assert view.system(EXPERT).reason == "the partner denies the request"


async def test_a_hold_keeps_a_partner_from_being_told_to_erase(partner, office_with):
    """To a partner the dispatch is the point of no return, Art. 17(3)(b)."""
    process = partner("prompt")
    office = await office_with(process)
    await held(office)
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)

    await comes_to(office, number, SystemOutcome.RETAINED)

    assert process.received() == []
    view = await office.awaits(number, "send_reply")
    assert view.outcome is Outcome.PARTIAL


async def held(office: Office) -> HoldView:
    holds = Holds(office.case_file, POLICY, (EXPERT, "customers"), office.client.now)
    return await holds.place(an_order(), RITVA)


async def test_a_dispatch_that_was_cut_off_leaves_a_hold_in_doubt_until_the_partner_is_asked(
    partner, office_with, monkeypatch
):
    """It was sent and our database went away: only the partner knows whether it has it."""

    async def dies(step, call):
        raise ConnectionError("the database went away")

    monkeypatch.setattr(partner_answers, "taken", dies)
    process = partner("silent")
    office = await office_with(process, tell_after_tries=1, retry_most=timedelta(hours=1))
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)
    await comes_to(office, number, SystemOutcome.UNREACHABLE)
    doubt = {fate.system: fate.fate for fate in (await held(office)).fates}
    assert doubt[EXPERT] is Fate.IN_DOUBT
    case = await office.client._case(number)

    assert await has_been_told(office.desk, case, EXPERT)
    process.stop()
    with pytest.raises(PartnerAway):
        await has_been_told(office.desk, case, EXPERT)


async def test_a_partner_that_never_got_the_request_was_not_told(partner, office_with, monkeypatch):
    async def cut_off(self, order):
        raise PartnerAway("training_expert does not answer (ReadError)")

    monkeypatch.setattr(OpenDsrPartner, "ask", cut_off)
    office = await office_with(partner("prompt"), tell_after_tries=1, retry_most=timedelta(hours=1))
    number = await office.receives(a_form("delete", of=OF_AINO))
    await approved(office, number)
    await comes_to(office, number, SystemOutcome.UNREACHABLE)

    assert not await has_been_told(office.desk, await office.client._case(number), EXPERT)


async def test_nobody_is_erased_at_a_partner_by_a_name_alone(partner, office_with):
    process = partner("prompt")
    office = await office_with(process)
    number = await office.receives(a_form("delete", of=OF_AINO | {"identifiers": []}))
    await approved(office, number)

    await comes_to(office, number, SystemOutcome.FAILED)

    assert process.received() == []


# -- taking back --------------------------------------------------------------------------------


async def test_a_request_that_a_partner_has_not_begun_is_taken_back_when_the_person_withdraws(
    partner, office_with
):
    office = await office_with(partner("silent"))
    number = await office.receives(a_form(of=OF_AINO))
    await office.sees(number, lambda v: v.systems and v.system(EXPERT).lag_seconds)

    await office.act(number, Withdraw, by="maija")

    await office.reaches(number, Status.CLOSED)
    await told_of(office, number, "partner_taken_back")
    (row,) = await dispatches(office.case_file.engine)
    assert (row["state"], row["settled_at"] is not None) == ("cancelled", True)


async def test_a_request_that_a_partner_has_begun_is_not_taken_back_and_that_is_recorded(
    partner, office_with
):
    office = await office_with(partner("begun"))
    number = await office.receives(a_form(of=OF_AINO))
    while not [row for row in await dispatches(office.case_file.engine) if row["state"]]:
        await office.sees(number, lambda _: True)

    await office.act(
        number, ResolveSystem, by="maija", system=EXPERT, how=SystemResolution.LEAVE_OUT, reason="-"
    )

    await told_of(office, number, "partner_not_taken_back")
    assert outcome(await office.client.show(number)) is SystemOutcome.LEFT_OUT


async def told_of(office: Office, number: str, event: str) -> None:
    """Wait until the record has it."""
    async with asyncio.timeout(office.patience):
        while event not in [entry.event for entry in await office.client.timeline(number)]:
            await asyncio.sleep(office.glance)
