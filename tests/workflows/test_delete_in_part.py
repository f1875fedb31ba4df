"""A deletion that ends when a part of it is done: what went is told, and why the rest did not."""

from typing import Any

import pytest

from connectors.contract import CommitInDoubt, Erased, Found
from schemas.case import Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import (
    Choice,
    Decide,
    Reclassify,
    Reopen,
    ResolveSystem,
    SecondDecision,
    SystemResolution,
)
from tests.fakes import a_row
from tests.office import Office
from tests.workflows.test_delete import approved_by_two, planned


async def half_erased(office: Office, away: str | None = None) -> str:
    """Customers has erased; marketing found more than was approved, so both decisions are void."""
    number = await planned(office)
    if away is not None:
        office.systems[away].away = True
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    marketing = office.systems["marketing"]
    both = (*marketing.holds.rows, a_row("2"))
    marketing.holds = marketing.holds.model_copy(update={"rows": both})
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "decide")
    return number


async def refused(office: Office, number: str) -> str:
    """For legal claims; the page of the letter that says so."""
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.LEGAL_CLAIMS,
        reason="a claim is pending",
    )  # fmt: skip
    view = await office.awaits(number, "send_reply")
    letter = view.letters[-1]
    assert letter.kind is LetterKind.REFUSAL
    page = (await office.client.letter(number, letter.id, by="maija")).decode()
    await office.reaches(number, Status.CLOSED)
    return page


async def test_refused_after_a_part_was_erased_it_is_partial_and_the_letter_says_what_went_and_why(
    office: Office,
):
    """Art. 12(4): every no, also a partial one."""
    number = await half_erased(office)

    page = await refused(office, number)

    view = await office.client.show(number)
    assert view.outcome is Outcome.PARTIAL
    assert {s.name: s.outcome for s in view.systems} == {
        "customers": SystemOutcome.ERASED, "marketing": SystemOutcome.FOUND,
        "archive": SystemOutcome.LEFT_OUT,
    }  # fmt: skip
    texts = office.desk.letters.texts("fi")
    assert texts.phrases["delete"]["partly"] in page
    assert texts.grounds[Ground.LEGAL_CLAIMS].text in page
    assert "a claim is pending" in page
    for section in ("done", "reasons", "complaint", "remedy"):
        assert f'id="{section}"' in page
    assert texts.phrases["delete"]["unconfirmed"] not in page
    assert len(office.systems["marketing"].holds.rows) == 2


async def test_what_went_without_telling_is_told_though_more_has_come_and_is_refused(
    office: Office,
):
    """Its answer was lost, and the next try found what nobody had approved: that is all it saw."""
    customers = office.systems["customers"]
    erase = customers.erase

    async def erase_and_lose_the_answer(*given: Any) -> Erased:
        customers.erase = erase  # type: ignore[method-assign]
        await erase(*given)
        customers.holds = Found(rows=(a_row("2"),))
        raise CommitInDoubt("customers does not answer")

    customers.erase = erase_and_lose_the_answer  # type: ignore[method-assign]
    number = await planned(office, scope=["customers"])
    await approved_by_two(office, number)
    await office.awaits(number, "decide")

    await refused(office, number)

    assert (await office.client.show(number)).outcome is Outcome.PARTIAL
    told = [e.text for e in await office.client.timeline(number) if e.event == "erased"]
    assert told == ["customers: 1 record(s) deleted, 0 changed"]


async def test_people_who_were_told_to_destroy_are_called_off_when_both_decisions_are_void(
    office: Office,
):
    number = await half_erased(office)
    view = await office.client.show(number)
    assert [a.what for a in view.awaiting if a.system == "archive"] == []
    assert view.system("archive").outcome is SystemOutcome.PENDING

    await approved_by_two(office, number)

    await office.awaits(number, "send_reply")
    await office.awaits(number, "erase_by_hand")
    assert office.systems["marketing"].holds.rows == ()


async def test_while_no_approval_stands_nothing_is_erased_by_trying_again(office: Office):
    customers = office.systems["customers"]
    number = await half_erased(office, away="customers")
    customers.away = False

    await office.act(
        number, ResolveSystem, by="maija", system="customers", how=SystemResolution.RETRY,
        reason="it is back",
    )  # fmt: skip

    await office.sees(number, lambda v: "no approval" in (v.system("customers").reason or ""))
    assert len(customers.holds.rows) == 1


async def test_what_is_erased_in_part_is_of_no_other_kind_any_more(office: Office):
    number = await half_erased(office)

    with pytest.raises(RefusedByRule, match="stays done"):
        await office.act(number, Reclassify, by="maija", to="access", reason="they meant access")


async def test_refused_after_a_complaint_it_is_partial_since_something_went_before(office: Office):
    number = await planned(office, scope=["customers"])
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    office.systems["customers"].holds = office.systems["marketing"].holds  # it came back
    await office.act(number, Reopen, by="helena", reason="there is more")
    await office.awaits(number, "decide")

    page = await refused(office, number)

    assert (await office.client.show(number)).outcome is Outcome.PARTIAL
    assert office.desk.letters.texts("fi").phrases["delete"]["done_before"] in page
