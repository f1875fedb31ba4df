"""What becomes of what was taken in: every run gets to where it waits, and tells nothing."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from schemas.case import CaseView, FeeState, LetterKind, Outcome, Status
from schemas.errors import DsrError
from tests.intake.forms import FORMS
from tests.intake.reception import GDPR
from tests.office import Office, a_form, an_office

STUCK = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
OF_INTAKE = {"possibly_same_person", "name_alone"}


def waits(view: CaseView) -> bool:
    """For a person or a partner, after what the engine does by itself."""
    return bool({a.what for a in view.awaiting} - OF_INTAKE) and bool(view.letters)


async def started(office: Office, form: dict[str, Any]) -> str | None:
    """The number of a new case; None if it was refused, in a sentence."""
    try:
        return await office.receives(form)
    except DsrError:
        return None


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(forms=st.lists(FORMS, min_size=10, max_size=10))
async def test_whatever_is_taken_gets_to_where_it_waits_for_a_person(
    office: Office, forms: list[dict[str, Any]]
) -> None:
    """Nothing that a caller sends can leave a workflow stuck."""
    numbers = {number for form in forms if (number := await started(office, form))}

    for number in numbers:
        await office.sees(number, waits)
        history = await (await office.handle(number)).fetch_history()
        assert not [event.event_type for event in history.events if event.event_type in STUCK]


async def acknowledgement(office: Office, number: str) -> bytes:
    """The letter that every sender gets."""
    view = await office.sees(number, lambda v: v.letters)
    assert view.letters[0].kind is LetterKind.ACKNOWLEDGEMENT
    return await office.client.letter(number, view.letters[0].id, by="maija")


async def test_the_acknowledgement_does_not_tell_a_first_request_from_a_second(
    office: Office,
) -> None:
    """It is the same text whatever is on file: neutral to an unidentified sender (law.md 3)."""
    first = await office.receives(a_form(evidence={}))
    second = await office.receives(a_form(evidence={}, message="again"))
    third = await office.receives(a_form(message="and signed"))
    await office.awaits(third, "settle_fee")

    letters = {await acknowledgement(office, number) for number in (first, second, third)}

    assert len(letters) == 1
    assert first.encode() not in letters.pop()


async def test_policy_gdpr_merges_a_repetition_into_the_first_which_it_is_linked_with(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    async with an_office(temporal, engine, tmp_path, policy=GDPR, letters=letters) as office:
        first = await office.receives(a_form())
        second = await office.receives(a_form(message="again"))

        view = await office.reaches(second, Status.CLOSED)

        assert (view.outcome, view.linked) == (Outcome.MERGED, (first,))
        assert view.fee.state is FeeState.NONE
        assert await acknowledgement(office, first) == await acknowledgement(office, second)
        assert f"merged into {first}" in [e.text for e in await office.client.timeline(second)]
        assert (await office.client.show(first)).status is Status.SEARCHING


async def test_a_second_submission_of_an_open_case_starts_nothing_and_writes_no_letter(
    office: Office,
) -> None:
    number = await office.receives(a_form(evidence={}))
    before = await office.awaits(number, "verify_identity")

    again = await office.submits(a_form(evidence={}, channel="email"))

    assert (again.number, again.created) == (number, False)
    assert (await office.client.show(number)).letters == before.letters
