"""Correction (Art. 16): contested, decided by a handler, applied or stated everywhere, told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from connectors.contract import Corrected, Found, SystemUnreachable
from schemas.case import CaseView, Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import Choice, CompleteTask, Decide, Reopen, ResolveSystem, TakeBack, Withdraw
from schemas.policy import CorrectionPolicy
from tests.fakes import a_row
from tests.office import A_CORRECTION, POLICY, Office, a_form, an_office

OLD, NEW = A_CORRECTION["old"], A_CORRECTION["new"]


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """Both databases hold the old address."""
    async with an_office(temporal, engine, tmp_path, letters=letters) as office:
        for name in ("customers", "marketing"):
            holds(office, name, OLD)
        yield office


def holds(office: Office, name: str, email: str) -> None:
    office.systems[name].holds = Found(rows=(a_row(email=email),))


def held(office: Office, name: str) -> object:
    (row,) = office.systems[name].holds.rows
    return row.values["email"]


def outcomes(view: CaseView) -> dict[str, SystemOutcome]:
    return {system.name: system.outcome for system in view.systems}


async def contested(office: Office, **more: Any) -> str:
    """A correction that waits for the handler."""
    number = await office.receives(a_form("correct", **more))
    await office.awaits(number, "decide")
    return number


async def approved(office: Office, number: str) -> CaseView:
    """Up to a compiled reply."""
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    return await office.awaits(number, "send_reply")


async def disputed(office: Office, number: str) -> CaseView:
    """The same, refused for a dispute of fact."""
    await office.act(
        number, Decide, by="maija", choice=Choice.REFUSE, ground=Ground.FACT_DISPUTED,
        reason="the register shows another address",
    )  # fmt: skip
    return await office.awaits(number, "send_reply")


async def done_by_hand(office: Office, number: str, what: str, records: int = 0) -> None:
    """Every open task of this kind is done."""
    view = await office.awaits(number, what)
    for task in [a.task for a in view.awaiting if a.what == what]:
        await office.client.complete_task(number, task, by="maija", records=records)


async def letter_of(office: Office, number: str) -> str:
    """The newest letter, as it leaves."""
    view = await office.client.show(number)
    return (await office.client.letter(number, view.letters[-1].id, by="maija")).decode()


async def test_a_contested_fact_is_restricted_until_the_person_is_told_that_it_is_corrected(
    office: Office,
):
    """Art. 18(1)(a), 18(3)."""
    number = await contested(office)
    assert office.systems["customers"].restricted
    assert office.systems["marketing"].restricted
    assert held(office, "customers") == OLD

    view = await approved(office, number)

    assert [held(office, name) for name in ("customers", "marketing")] == [NEW, NEW]
    assert office.systems["customers"].restricted
    assert outcomes(view) == {
        "customers": SystemOutcome.CORRECTED, "marketing": SystemOutcome.CORRECTED,
        "archive": SystemOutcome.NOTIFIED,
    }  # fmt: skip
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    assert not office.systems["customers"].restricted


async def test_the_reply_confirms_what_stood_before_and_what_stands_now(office: Office):
    number = await contested(office, scope=["customers"])

    view = await approved(office, number)
    text = await letter_of(office, number)

    assert OLD in text
    assert NEW in text
    assert view.outcome is Outcome.FULFILLED
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_people_are_told_of_a_correction_and_the_case_waits_for_them(office: Office):
    """Art. 19: silence is never success."""
    number = await contested(office)
    await approved(office, number)
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)

    await done_by_hand(office, number, "correct_by_hand", records=1)

    view = await office.awaits(number, "send_reply")
    assert outcomes(view)["archive"] is SystemOutcome.BY_HAND
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_a_third_value_is_not_overwritten_but_looked_at_and_told(office: Office):
    holds(office, "marketing", "aino@third.example")
    number = await contested(office, scope=["customers", "marketing"])

    view = await approved(office, number)

    assert held(office, "marketing") == "aino@third.example"
    assert held(office, "customers") == NEW
    assert view.outcome is Outcome.PARTIAL
    assert [(a.what, a.system) for a in view.awaiting if a.system] == [
        ("correction_differs", "marketing")
    ]
    assert "aino@third.example" in await letter_of(office, number)
    await office.reaches(number, Status.FOLLOWING_UP)
    assert office.systems["marketing"].restricted
    assert not office.systems["customers"].restricted


@pytest.mark.parametrize(
    ("records", "outcome", "ending"),
    [(1, SystemOutcome.BY_HAND, Outcome.FULFILLED), (0, SystemOutcome.RETAINED, Outcome.PARTIAL)],
)
async def test_once_a_person_has_looked_the_restriction_ends_and_the_subject_is_told(
    office: Office, records: int, outcome: SystemOutcome, ending: Outcome
):
    """Art. 18(3)."""
    holds(office, "marketing", "aino@third.example")
    number = await contested(office, scope=["marketing"])
    await approved(office, number)
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)

    await done_by_hand(office, number, "correction_differs", records)

    view = await office.awaits(number, "send_reply")
    assert outcomes(view) == {"marketing": outcome}
    assert office.systems["marketing"].restricted
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is ending
    assert not office.systems["marketing"].restricted


async def test_a_system_that_was_away_is_corrected_later_and_a_supplement_tells_of_it(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    quick = POLICY.pace.model_copy(update={"retry_most": timedelta(milliseconds=300)})
    policy = POLICY.model_copy(update={"pace": quick})
    async with an_office(temporal, engine, tmp_path, policy=policy, letters=letters) as office:
        holds(office, "customers", OLD)
        number = await contested(office, scope=["customers"])
        office.systems["customers"].away = True

        view = await approved(office, number)

        assert (view.outcome, outcomes(view)) == (
            Outcome.PARTIAL,
            {"customers": SystemOutcome.UNREACHABLE},
        )
        await office.sends(number, LetterKind.REPLY)
        await office.reaches(number, Status.FOLLOWING_UP)
        office.systems["customers"].away = False
        await office.awaits(number, "send_reply")
        assert held(office, "customers") == NEW
        text = await letter_of(office, number)
        assert OLD in text
        assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
        assert not office.systems["customers"].restricted


async def test_what_is_changed_once_is_not_a_mismatch_when_the_step_is_repeated(office: Office):
    """The commit was done, its answer lost: the reply still knows what stood there before."""
    customers = office.systems["customers"]
    correct = customers.correct

    async def correct_and_lose_the_answer(*given: Any) -> Corrected:
        customers.correct = correct  # type: ignore[method-assign]
        await correct(*given)
        raise SystemUnreachable("customers does not answer")

    customers.correct = correct_and_lose_the_answer  # type: ignore[method-assign]
    number = await contested(office, scope=["customers"])

    view = await approved(office, number)

    assert (held(office, "customers"), view.outcome) == (NEW, Outcome.FULFILLED)
    assert outcomes(view) == {"customers": SystemOutcome.CORRECTED}
    timeline = await office.client.timeline(number)
    assert [e.text for e in timeline if e.event == "corrected"] == [
        "customers: 1 value(s) stand corrected, 1 changed now"
    ]
    assert OLD in await letter_of(office, number)


async def test_of_a_disputed_fact_the_statement_is_added_and_the_restriction_stays_till_then(
    office: Office,
):
    """Art. 16, 18(1)(a), 18(3)."""
    number = await contested(office)

    view = await disputed(office, number)

    assert held(office, "customers") == OLD
    assert view.outcome is Outcome.REFUSED
    assert {a.system for a in view.awaiting if a.what == "add_statement_by_hand"} == {
        "customers", "marketing", "archive"
    }  # fmt: skip
    await office.sends(number, LetterKind.REFUSAL)
    await office.reaches(number, Status.FOLLOWING_UP)
    assert office.systems["customers"].restricted
    await done_by_hand(office, number, "add_statement_by_hand")
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED
    assert not office.systems["customers"].restricted
    events = [e.event for e in await office.client.timeline(number)]
    assert events.count("statement_added") == 3
    assert events.count("restriction_lifted") == 2


async def test_a_refusal_for_a_disputed_fact_gives_reasons_statement_complaint_and_remedy(
    office: Office,
):
    """Art. 12(4)."""
    number = await contested(office, language="en")
    await disputed(office, number)

    text = await letter_of(office, number)

    for words in ("the register shows another address", "supplementary statement", "authority en",
                  'id="remedy"'):  # fmt: skip
        assert words in text


async def test_a_partial_decision_corrects_what_it_approves_and_states_what_it_disputes(
    office: Office,
):
    other = {"field": "phone", "old": "040 1", "new": "040 2"}
    customers = office.systems["customers"]
    customers.holds = Found(rows=(a_row(email=OLD, phone="040 1"),))
    number = await contested(office, scope=["customers"], corrections=[A_CORRECTION, other])

    await office.act(
        number, Decide, by="maija", choice=Choice.PARTIAL, ground=Ground.FACT_DISPUTED, disputed=[2]
    )

    view = await office.awaits(number, "send_reply")
    assert view.outcome is Outcome.PARTIAL
    assert customers.holds.rows[0].values == {"id": "1", "email": NEW, "phone": "040 1"}
    assert customers.restricted
    await office.sends(number, LetterKind.REPLY)
    await done_by_hand(office, number, "add_statement_by_hand")
    await office.awaits(number, "send_reply")
    assert customers.restricted
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.PARTIAL
    assert not customers.restricted


@pytest.mark.parametrize("disputed", [(), (1,), (2,)])
async def test_a_partial_decision_names_some_of_what_is_asked(
    office: Office, disputed: tuple[int, ...]
):
    number = await contested(office)

    with pytest.raises(RefusedByRule, match="name what is disputed of 1 to 1, not all of it"):
        await office.act(
            number, Decide, by="maija", choice=Choice.PARTIAL, ground=Ground.FACT_DISPUTED,
            disputed=disputed,
        )  # fmt: skip


async def test_what_is_refused_by_the_dpo_is_no_longer_restricted(office: Office):
    number = await contested(office, scope=["customers"])

    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.UNFOUNDED)

    view = await office.awaits(number, "send_reply")
    assert office.systems["customers"].restricted
    assert outcomes(view) == {"customers": SystemOutcome.FOUND}
    await office.sends(number, LetterKind.REFUSAL)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED
    assert not office.systems["customers"].restricted


async def test_a_withdrawn_correction_restricts_nothing_any_more(office: Office):
    number = await contested(office, scope=["customers"])

    await office.act(number, Withdraw, by="maija")

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.WITHDRAWN
    assert not office.systems["customers"].restricted
    assert held(office, "customers") == OLD


async def test_what_is_corrected_stays_corrected(office: Office):
    number = await contested(office, scope=["customers"])
    await approved(office, number)

    with pytest.raises(RefusedByRule, match="what is corrected stays corrected"):
        await office.act(number, TakeBack, by="maija")


async def test_a_disputed_fact_can_be_corrected_after_all_before_the_reply_leaves(office: Office):
    number = await contested(office)
    await disputed(office, number)

    await office.act(number, TakeBack, by="maija")
    await office.awaits(number, "decide")
    view = await approved(office, number)

    assert held(office, "customers") == NEW
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    assert not office.systems["customers"].restricted
    assert all(a.what != "add_statement_by_hand" for a in view.awaiting)


async def test_a_refused_correction_is_looked_at_anew_after_a_complaint(office: Office):
    number = await contested(office, scope=["customers"])
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.UNFOUNDED)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await office.reaches(number, Status.CLOSED)

    await office.act(number, Reopen, by="helena", reason="the authority asked")

    await office.awaits(number, "decide")
    assert office.systems["customers"].restricted
    await approved(office, number)
    assert held(office, "customers") == NEW


async def test_people_who_can_restrict_are_asked_to_and_told_of_the_end(office: Office):
    archive = office.systems["archive"]
    archive.facts = archive.facts.model_copy(update={"restricts": True})
    correction = A_CORRECTION | {"field": "user.contact.email"}
    number = await contested(office, scope=["archive"], corrections=[correction])
    await done_by_hand(office, number, "contest_by_hand", records=1)

    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.UNFOUNDED)

    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await office.reaches(number, Status.FOLLOWING_UP)
    await done_by_hand(office, number, "end_contest_by_hand")
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED


async def test_where_no_system_holds_the_value_it_says_so(office: Office):
    office.systems["customers"].holds = Found()
    number = await contested(office, scope=["customers"])

    assert (await approved(office, number)).outcome is Outcome.NOTHING_HELD


async def test_a_value_that_the_persons_records_do_not_hold_is_not_added(office: Office):
    office.systems["customers"].holds = Found(rows=(a_row(),))
    number = await contested(office, scope=["customers"])

    view = await approved(office, number)

    assert outcomes(view) == {"customers": SystemOutcome.NOTHING_HELD}
    assert office.systems["customers"].holds.rows[0].values == {"id": "1"}


async def test_a_policy_can_leave_contested_data_unrestricted(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    policy = POLICY.model_copy(update={"correction": CorrectionPolicy(restrict_meanwhile=False)})
    async with an_office(temporal, engine, tmp_path, policy=policy, letters=letters) as office:
        holds(office, "customers", OLD)
        number = await contested(office, scope=["customers"])
        assert not office.systems["customers"].restricted

        await approved(office, number)

        events = [e.event for e in await office.client.timeline(number)]
        assert "restriction_lifted" not in events


async def test_a_system_left_out_makes_the_answer_partial(office: Office):
    office.systems["customers"].away = True
    number = await office.receives(a_form("correct", scope=["customers"]))
    await office.awaits(number, "resolve_system")
    await office.act(
        number, ResolveSystem, by="maija", system="customers", how="leave-out", reason="it burnt"
    )
    await office.awaits(number, "decide")

    assert (await approved(office, number)).outcome is Outcome.PARTIAL


async def test_the_handler_decides_a_dispute_and_the_dpo_an_unfounded_request(office: Office):
    """law.md 4."""
    number = await contested(office)

    with pytest.raises(RefusedByRule, match="decided by the dpo"):
        await office.act(number, Decide, by="maija", choice=Choice.REFUSE, ground=Ground.UNFOUNDED)
    with pytest.raises(RefusedByRule, match="needs the role handler or dpo"):
        await office.act(number, Decide, by="antti", choice=Choice.APPROVE)


async def test_a_fact_is_disputed_only_after_what_is_held_was_looked_at(office: Office):
    office.systems["customers"].away = True
    number = await office.receives(a_form("correct", scope=["customers"]))
    await office.awaits(number, "resolve_system")

    with pytest.raises(RefusedByRule, match="looked at before a fact is disputed"):
        await office.act(
            number, Decide, by="maija", choice=Choice.REFUSE, ground=Ground.FACT_DISPUTED
        )


async def test_an_approval_disputes_nothing_and_a_part_is_left_for_no_other_ground(office: Office):
    number = await contested(office)

    with pytest.raises(RefusedByRule, match="--disputed belongs to a correction"):
        await office.act(number, Decide, by="maija", choice=Choice.APPROVE, disputed=[1])
    with pytest.raises(RefusedByRule, match="in part for fact_disputed only"):
        await office.act(
            number, Decide, by="helena", choice=Choice.PARTIAL, ground=Ground.UNFOUNDED,
            disputed=[1],
        )  # fmt: skip


async def test_who_is_matched_after_the_reply_is_corrected_then_and_told(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    """A record that could be another person's is changed only once somebody has chosen it."""
    async with an_office(temporal, engine, tmp_path, letters=letters) as office:
        sure, doubtful = a_row("1", email=OLD), a_row("2", email=OLD)
        customers = office.systems["customers"]
        customers.holds = Found(rows=(sure,), doubtful=(doubtful,))
        number = await office.receives(a_form("correct", scope=["customers"]))
        await office.awaits(number, "choose_match")
        await office.passes_until(number, (await office.client.show(number)).clock.target_at)
        await office.awaits(number, "decide")
        view = await approved(office, number)
        assert (view.outcome, held(office, "customers")) == (Outcome.PARTIAL, NEW)
        await office.sends(number, LetterKind.REPLY)
        view = await office.reaches(number, Status.FOLLOWING_UP)
        customers.holds = Found(rows=(*customers.holds.rows, doubtful))  # as its keys name it

        task = next(a.task for a in view.awaiting if a.what == "choose_match")
        await office.act(number, CompleteTask, by="maija", task=task, items=["2"])

        await office.awaits(number, "send_reply")
        assert [row.values["email"] for row in customers.holds.rows] == [NEW, NEW]
        await office.sends(number, LetterKind.SUPPLEMENT)
        assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
        assert not customers.restricted


async def test_a_field_that_no_system_holds_is_not_taken_in(office: Office):
    form = a_form("correct", corrections=[{"field": "shoe_size", "new": "39"}])

    with pytest.raises(BadInput, match=r"field is held by no system in the scope\. Known:"):
        await office.receives(form)


async def test_what_a_handler_looks_at_is_what_is_asked_and_what_is_held(office: Office):
    bill = "the bill of the operator shows it"
    number = await contested(office, corrections=[A_CORRECTION | {"evidence": bill}])

    asked = await office.client.corrections(number, by="maija")
    found = await office.client.found(number, by="maija")

    assert [(c.field, c.old, c.new) for c in asked.asked] == [("email", OLD, NEW)]
    assert [c.evidence for c in asked.asked] == [bill]
    assert found["customers"].rows[0].values["email"] == OLD
    assert "aino" not in repr(asked)
