"""The same request again, and two at once: one case each, one that is free (law.md 2)."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from schemas.case import FeeAssessment, Outcome
from schemas.errors import RefusedByRule
from tests.intake.reception import Reception
from tests.office import AINO, a_form, now


async def all_at_once(receptions: list[Reception], form: dict[str, Any], times: int) -> Counter:  # type: ignore[type-arg]
    """How often each (number, created) came back."""
    waiting = (receptions[n % len(receptions)].takes(form) for n in range(times))
    return Counter((r.number, r.created) for r in await asyncio.gather(*waiting))


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "mail room 17"}])
async def test_of_fifty_identical_submissions_at_once_one_is_a_case_and_the_others_name_it(
    receptions: list[Reception], key: dict[str, str]
) -> None:
    answers = await all_at_once(receptions, a_form(**key), 50)

    (number,) = {number for number, _ in answers}
    assert answers == {(number, True): 1, (number, False): 49}
    rows = await receptions[0].rows()
    assert [rows[f"dsr.{table}"] for table in ("cases", "inquiries", "sealed")] == [1, 1, 1]


async def test_of_two_requests_of_one_person_at_one_moment_exactly_one_is_free(
    receptions: list[Reception],
) -> None:
    forms = [a_form(message=f"question {n}") for n in range(2)]

    taken = await asyncio.gather(
        *(reception.takes(form) for reception, form in zip(receptions, forms, strict=False))
    )

    assert all(receipt.created for receipt in taken)
    fees = sorted([(await receptions[0].view(receipt)).fee.assessment for receipt in taken])
    assert fees == [FeeAssessment.CHARGEABLE, FeeAssessment.FREE]


async def test_people_who_share_one_identifier_each_are_serialised_without_a_deadlock(
    receptions: list[Reception],
) -> None:
    ring = ["a@example.fi", "b@example.fi", "c@example.fi"]
    forms = []
    for n in range(12):
        pair = [ring[n % 3], ring[(n + 1) % 3]]
        identifiers = [{"type": "email", "value": v} for v in (pair if n % 2 else pair[::-1])]
        person = {"name": "Aino Virtanen", "identifiers": identifiers}
        forms.append(a_form(of=person, message=str(n)))

    async with asyncio.timeout(20):
        taken = await asyncio.gather(
            *(receptions[n % 4].takes(form) for n, form in enumerate(forms))
        )

    assert len({receipt.number for receipt in taken}) == 12
    views = [await receptions[0].view(receipt) for receipt in taken]
    assert [v.fee.assessment for v in views].count(FeeAssessment.FREE) == 1


async def test_the_same_key_with_another_body_is_refused_with_the_first_number(
    reception: Reception,
) -> None:
    first = await reception.takes(a_form(idempotency_key="k-1"))

    sentence = await reception.refuses(
        a_form(idempotency_key="k-1", message="other"), RefusedByRule
    )

    assert first.number in sentence


async def test_a_key_is_answered_with_its_case_for_ever(reception: Reception) -> None:
    form = a_form(idempotency_key="k-1")
    first = await reception.takes(form)
    await reception.closes(first)

    again = await reception.takes(form)

    assert (again.number, again.created, again.status) == (first.number, False, "closed")


async def test_a_key_that_was_answered_with_an_open_case_keeps_that_answer(
    reception: Reception,
) -> None:
    form = a_form()
    first = await reception.takes(form)
    keyed = form | {"idempotency_key": "k-2"}
    assert (await reception.takes(keyed)).number == first.number
    await reception.closes(first)

    assert (await reception.takes(keyed)).number == first.number
    sentence = await reception.refuses(keyed | {"message": "other"}, RefusedByRule)
    assert first.number in sentence


async def test_the_same_content_after_the_first_is_closed_is_a_new_case(
    reception: Reception,
) -> None:
    first = await reception.takes(a_form())
    await reception.closes(first)

    second = await reception.takes(a_form())

    assert second.created
    assert second.number != first.number
    assert (await reception.view(second)).fee.assessment is FeeAssessment.CHARGEABLE


async def test_the_same_request_by_another_channel_on_another_day_is_the_same(
    reception: Reception,
) -> None:
    first = await reception.takes(a_form())

    again = await reception.takes(
        a_form(
            channel="email",
            evidence={},
            language="en",
            received_at=(now() - timedelta(days=3)).isoformat(),
            of={
                "name": "VIRTANEN,  aino",
                "identifiers": [{"type": "email", "value": " Aino.Virtanen@EXAMPLE.fi "}] * 2,
            },
            message="  ",
        )
    )

    assert (again.number, again.created) == (first.number, False)
    assert "the same request came again: answered with this number" in await reception.tells(first)
    assert (await reception.rows())["dsr.inquiries"] == 1


async def test_the_same_request_with_one_more_identifier_is_the_same(reception: Reception) -> None:
    """Same person = an equal unique identifier and a name that fits, not equal sets."""
    first = await reception.takes(a_form())
    more = [*AINO["identifiers"], {"type": "phone", "value": "040 123 4567"}]

    again = await reception.takes(a_form(of={"name": "Aino Maria Virtanen", "identifiers": more}))

    assert (again.number, again.created) == (first.number, False)


@pytest.mark.parametrize(
    "other",
    [
        {"scope": ["customers"]},
        {"message": "and my calls"},
        {"attachments": [{"name": "a", "media_type": "text/plain", "base64": "YQ=="}]},
        {"submitter": {"name": "Olli Agentti", "relation": "agent", "mandate": "by letter"}},
    ],
    ids=["scope", "message", "attachment", "submitter"],
)
async def test_another_scope_content_or_sender_is_a_case_of_its_own(
    reception: Reception, other: dict[str, Any]
) -> None:
    first = await reception.takes(a_form())

    second = await reception.takes(a_form(**other))

    assert second.created
    assert second.number != first.number


async def test_the_notice_asks_the_fee_question_where_gdpr_merges(
    reception: Reception, gdpr_reception: Reception
) -> None:
    first = await reception.takes(a_form())
    asked = await reception.takes(a_form(message="again"))
    merged = await gdpr_reception.takes(a_form(message="a third time"))

    assert (await reception.view(asked)).fee.assessment is FeeAssessment.CHARGEABLE
    assert (await reception.view(merged)).fee.assessment is FeeAssessment.MERGE
    assert (await reception.row(merged))["merge_into"] == first.number
    assert (await reception.rows())["dsr.inquiries"] == 2  # a merged one is no inquiry


async def test_a_fee_is_assessed_over_what_the_ledger_has_of_the_person_only(
    reception: Reception,
) -> None:
    mine = await reception.takes(a_form())
    await reception.closes(mine, Outcome.FULFILLED)
    stranger = {"name": "Veli Koski", "identifiers": [{"type": "email", "value": "v@k.example"}]}

    other = await reception.takes(a_form(of=stranger))
    late = await reception.takes(a_form(received_at=now().isoformat(), message="after"))

    assert (await reception.view(other)).fee.assessment is FeeAssessment.FREE
    assert (await reception.view(late)).fee.assessment is FeeAssessment.CHARGEABLE
