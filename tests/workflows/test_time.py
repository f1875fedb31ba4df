"""The law's clock of a case: ladder, breach, extension, pauses; time moved by hand."""

from datetime import timedelta

import pytest

from schemas.case import ClockState, Escalation, ExtensionState, LetterKind, Status
from schemas.errors import RefusedByRule
from schemas.messages import AskIdentity, CorrectReceipt, Extend, RecordAnswer
from tests.office import Office, a_form, now


async def test_the_ladder_escalates_step_by_step_to_the_breach_with_its_cause(office: Office):
    number = await office.receives(a_form(evidence={}))
    view = await office.awaits(number, "verify_identity")
    seen = []
    for step in view.clock.ladder:
        await office.passes_until(number, step.at)
        view = await office.sees(number, lambda v, s=step: v.clock.escalation is s.step)
        seen.append(view.clock.escalation)

    assert seen == [Escalation.HANDLER, Escalation.APPROVER, Escalation.DPO, Escalation.BREACH]
    assert view.clock.state is ClockState.BREACHED
    assert view.clock.breach_causes == ("identity_not_established",)
    assert {a.role for a in view.awaiting} >= {"handler", "approver", "dpo", "management"}


async def test_a_receipt_dated_far_back_is_a_breach_at_once(office: Office):
    back = (now() - timedelta(days=45)).isoformat()
    number = await office.receives(a_form(received_at=back, evidence={}))

    view = await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)

    assert view.clock.escalation is Escalation.BREACH
    assert [a.what for a in view.awaiting if a.role == "management"] == ["breach"]


async def test_an_extension_counts_once_its_notice_has_left_in_time(office: Office):
    """Art. 12(3)."""
    number = await office.receives(a_form(evidence={}))
    before = (await office.awaits(number, "verify_identity")).clock
    view = await office.act(number, Extend, by="helena", months=2, reason="many systems")
    assert view.clock.due_date == before.due_date
    assert view.clock.extension.state is ExtensionState.DECIDED  # type: ignore[union-attr]

    await office.sends(number, LetterKind.EXTENSION)

    view = await office.sees(number, lambda v: v.clock.state is ClockState.EXTENDED)
    assert view.clock.due_date > before.due_date
    assert view.clock.revision == before.revision + 1
    assert view.clock.refusal_due_date == before.refusal_due_date


async def test_a_late_notice_voids_the_extension_and_is_a_breach(office: Office):
    number = await office.receives(a_form(evidence={}))
    view = await office.awaits(number, "verify_identity")
    await office.act(number, Extend, by="helena", months=1, reason="many systems")
    await office.passes_until(number, view.clock.notice_due_before_utc)

    await office.sends(number, LetterKind.EXTENSION)

    view = await office.sees(number, lambda v: v.clock.extension.state is ExtensionState.VOID)  # type: ignore[union-attr]
    assert view.clock.breach_causes == ("extension_notice_late",)


async def test_a_notice_that_never_leaves_is_the_cause_of_the_breach(office: Office):
    """Art. 12(3): decided in time is not enough, the subject has to be told."""
    number = await office.receives(a_form(evidence={}))
    view = await office.awaits(number, "verify_identity")
    await office.act(number, Extend, by="helena", months=2, reason="many systems")

    await office.passes_until(number, view.clock.due_before_utc)  # type: ignore[arg-type]

    view = await office.sees(number, lambda v: v.clock.breach_causes)
    assert view.clock.breach_causes == ("extension_notice_late",)


async def test_an_extension_after_the_first_month_is_refused_with_the_dates(office: Office):
    number = await office.receives(a_form(evidence={}))
    view = await office.awaits(number, "verify_identity")
    await office.passes_until(number, view.clock.notice_due_before_utc)

    with pytest.raises(RefusedByRule, match=r"Art. 12\(3\)"):
        await office.act(number, Extend, by="helena", months=1, reason="too late")


async def test_while_suspended_the_ladder_fires_and_no_breach_is_recorded(office: Office):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")

    await office.passes(number, timedelta(days=60))

    view = await office.sees(number, lambda v: v.clock.escalation is Escalation.DPO)
    assert view.clock.state is ClockState.SUSPENDED
    await office.act(number, RecordAnswer, by="maija")
    view = await office.reaches(number, Status.SEARCHING)
    assert view.clock.state is ClockState.RUNNING


async def test_a_corrected_receipt_sets_a_new_schedule(office: Office):
    number = await office.receives(a_form(evidence={}))
    before = (await office.awaits(number, "verify_identity")).clock
    earlier = now() - timedelta(days=10)

    view = await office.act(
        number, CorrectReceipt, by="maija", received_at=earlier, reason="stamped late"
    )

    assert view.clock.safe_date < before.safe_date
    assert view.clock.revision == before.revision + 1


async def test_whether_a_question_was_prompt_goes_by_the_corrected_receipt(office: Office):
    """Art. 12(6): asked ten days after the true receipt, it pauses nothing."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    view = await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    assert (view.clock.state, view.clock.due_date) == (ClockState.SUSPENDED, None)

    earlier = now() - timedelta(days=10)
    view = await office.act(number, CorrectReceipt, by="maija", received_at=earlier, reason="late")

    assert [pause.counted for pause in view.clock.pauses] == [False]
    assert view.clock.state is ClockState.RUNNING
    assert view.clock.due_date is not None


async def test_a_year_of_silence_leaves_the_case_open_and_every_step_recorded_once(office: Office):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")

    await office.passes(number, timedelta(days=365))

    view = await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    events = [entry.event for entry in await office.client.timeline(number)]
    assert events.count("breached") == 1
    assert events.count("escalated") == 3
    assert view.status is Status.IDENTIFYING
