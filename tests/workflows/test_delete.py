"""Deletion (Art. 17): planned, approved by two people, erased system by system, read again."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from connectors.contract import CommitInDoubt, Erased, Found
from schemas.case import LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import Choice, Decide, SecondDecision, Withdraw
from starter.cli import show as render
from tests.fakes import a_row
from tests.holds.deskwork import RITVA, an_order
from tests.office import AINO, Office, a_form, now


async def planned(office: Office, **more: Any) -> str:
    """A deletion whose plan waits for the first decision."""
    number = await office.receives(a_form("delete", **more))
    await office.awaits(number, "decide")
    return number


async def approved_by_two(office: Office, number: str) -> None:
    """Antti first, then Helena."""
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)


async def archive_erases(office: Office, number: str) -> None:
    """The archivist has destroyed the papers."""
    await office.archive_answers(number, records=1)


async def test_what_two_people_approved_is_erased_everywhere_and_nothing_before(office: Office):
    number = await planned(office)
    assert len(office.systems["customers"].holds.rows) == 1

    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")

    assert office.systems["customers"].holds.rows == ()
    assert office.systems["marketing"].holds.rows == ()
    view = await office.client.show(number)
    outcomes = {s.name: s.outcome for s in view.systems}
    assert outcomes == {
        "customers": SystemOutcome.ERASED, "marketing": SystemOutcome.ERASED,
        "archive": SystemOutcome.NOTIFIED,
    }  # fmt: skip
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await archive_erases(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_a_plan_tells_what_goes_and_what_stays_with_reason_provision_and_date(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    """Counted per system and table; whoever reads it is on record."""
    customers = office.systems["customers"]
    customers.holds = Found(rows=(a_row("1"), a_row("2"), a_row("3")))
    customers.kept_by_law, customers.kept_until = ("2",), date(2032, 12, 31)
    number = await planned(office, scope=["customers"])
    view = await office.client.show(number)

    render.plan(await office.client.plan(number, by="antti"), view)

    assert capsys.readouterr().out.split("\n")[1:-3] == [
        "customers",
        "  public.people: delete 2 record(s)",
        "  public.people: keep 1 record(s)",
        "    1 kept: legal_obligation, A law s. 1, until Friday 31 December 2032",
    ]
    assert ("looked", "antti") in [(e.event, e.actor) for e in await office.client.timeline(number)]


async def test_what_was_erased_does_not_come_back_by_an_import(office: Office):
    """An importer asks, and is told so for each purpose that a person can forbid."""
    address = AINO["identifiers"][0]["value"]
    number = await planned(office, scope=["customers"])
    assert (await office.client.suppressions.of(address, "marketing")).purposes == ()

    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")

    suppressed = await office.client.suppressions.of(address, "marketing")
    assert suppressed.purposes == ("marketing", "surveys")


async def test_the_second_decision_is_another_persons(office: Office):
    number = await planned(office)
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")

    with pytest.raises(RefusedByRule, match="another person's"):
        await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)

    assert len(office.systems["customers"].holds.rows) == 1


async def test_a_second_person_who_refuses_sends_it_back_to_the_first(office: Office):
    number = await planned(office)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")

    await office.act(number, SecondDecision, by="helena", choice=Choice.REFUSE)

    view = await office.awaits(number, "decide")
    assert view.decisions == ()
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")


async def test_what_the_law_keeps_stays_and_makes_the_answer_partial(office: Office):
    customers = office.systems["customers"]
    customers.kept_by_law = ("1",)
    customers.kept_until = now().date() + timedelta(days=800)
    number = await planned(office)

    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")
    assert view.outcome is Outcome.PARTIAL
    system = view.system("customers")
    assert system is not None
    assert system.outcome is SystemOutcome.RETAINED
    assert len(customers.holds.rows) == 1


async def test_more_than_was_approved_never_goes_and_voids_both_decisions(office: Office):
    number = await planned(office)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    customers = office.systems["customers"]
    (row,) = customers.holds.rows
    another = row.model_copy(update={"item": "2", "key": {"id": 2}})
    customers.holds = customers.holds.model_copy(update={"rows": (row, another)})

    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)

    view = await office.awaits(number, "decide")
    assert len(customers.holds.rows) == 2
    assert view.decisions == ()
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    assert customers.holds.rows == ()


async def test_what_the_scan_still_finds_is_never_called_erased(office: Office):
    customers = office.systems["customers"]
    customers.missed = ("1",)
    number = await planned(office)

    await approved_by_two(office, number)

    view = await office.awaits(number, "resolve_system")
    system = view.system("customers")
    assert system is not None
    assert system.outcome is SystemOutcome.FAILED


async def test_what_an_earlier_try_erased_without_telling_is_erased_not_unknown(office: Office):
    """The commit was done, its answer lost: the next try finds nothing any more."""
    customers = office.systems["customers"]
    erase = customers.erase

    async def erase_and_lose_the_answer(*given: Any) -> Erased:
        customers.erase = erase  # type: ignore[method-assign]
        await erase(*given)
        raise CommitInDoubt("customers does not answer")

    customers.erase = erase_and_lose_the_answer  # type: ignore[method-assign]
    number = await planned(office, scope=["customers"])

    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")
    assert view.outcome is Outcome.FULFILLED
    system = view.system("customers")
    assert system is not None
    assert (system.outcome, system.records) == (SystemOutcome.ERASED, 1)


async def test_a_hold_that_came_after_the_commit_keeps_nothing_that_is_gone(office: Office):
    """Its answer was lost, and the hold came before the next try: the person is told the truth."""
    customers = office.systems["customers"]
    erase, placing = customers.erase, []

    async def erase_lose_the_answer_and_hold(*given: Any) -> Erased:
        customers.erase = erase  # type: ignore[method-assign]
        await erase(*given)
        placing.append(asyncio.create_task(office.client.holds.place(an_order(), RITVA)))
        raise CommitInDoubt("customers does not answer")

    customers.erase = erase_lose_the_answer_and_hold  # type: ignore[method-assign]
    number = await planned(office, scope=["customers"])

    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")
    await asyncio.gather(*placing)
    system = view.system("customers")
    assert system is not None
    assert (system.outcome, system.records) == (SystemOutcome.ERASED, 1)


async def test_an_approval_names_the_plan_that_it_approves(office: Office):
    number = await planned(office)

    with pytest.raises(RefusedByRule, match="another plan"):
        await office.act(number, Decide, by="antti", choice=Choice.APPROVE, digest="0" * 16)


async def test_a_withdrawal_before_the_second_decision_erases_nothing(office: Office):
    number = await planned(office)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")

    await office.act(number, Withdraw, by="maija")

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.WITHDRAWN
    assert len(office.systems["customers"].holds.rows) == 1


async def test_a_withdrawal_after_part_was_erased_says_what_cannot_be_undone(office: Office):
    number = await planned(office, scope=["customers", "marketing"])
    office.systems["marketing"].away = True
    await approved_by_two(office, number)
    await office.sees(number, lambda v: v.system("customers").outcome is SystemOutcome.ERASED)

    await office.act(number, Withdraw, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.PARTIAL
    (letter,) = [x for x in view.letters if x.kind is LetterKind.CONFIRMATION]
    page = (await office.client.letter(number, letter.id, by="maija")).decode()
    assert "Sitä ei voi perua" in page
    assert "edelleen ennallaan" in page
    assert 'id="remedy"' in page
    assert len(office.systems["marketing"].holds.rows) == 1
