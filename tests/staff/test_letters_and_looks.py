"""Letters leave when they are first fetched; every look at a case is recorded (law.md 1, 6)."""

import asyncio
import io
import zipfile

import pytest

from schemas.case import LetterKind, LetterState, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import TakeBack
from tests.office import Office
from tests.staff.cases import deciding, events, identifying, nothing_is_written, replying


async def test_the_first_fetch_is_the_leaving_with_actor_and_instant(office: Office) -> None:
    number = await replying(office)
    reply = (await office.client.show(number)).letters[-1]

    first = await office.client.letter(number, reply.id, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    left = next(e for e in await office.client.timeline(number) if e.event == "letter_left")
    assert (left.actor, left.at) == ("maija", view.letters[-1].left_at)
    assert view.clock.replied_at == left.at
    assert left.text == f"letter {reply.id} (reply) handed over"

    again = await office.client.letter(number, reply.id, by="helena")

    entry = (await office.client.timeline(number))[-1]
    assert again == first
    assert (entry.event, entry.actor) == ("letter_fetched", "helena")
    after = await office.client.show(number)
    assert after.letters == view.letters
    assert after.clock == view.clock


async def test_a_fetch_of_the_package_is_the_leaving_of_the_reply(office: Office) -> None:
    number = await replying(office)

    package = await office.client.package(number, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.letters[-1].state is LetterState.LEFT
    assert {"data.json", "reply.html"} <= set(zipfile.ZipFile(io.BytesIO(package)).namelist())
    assert await office.client.package(number, by="maija") == package
    assert (await events(office, number)).count("reply_left") == 1


async def test_two_fetches_at_once_are_one_leaving(office: Office) -> None:
    number = await replying(office)
    await asyncio.gather(*(office.client.package(number, by="maija") for _ in range(4)))

    await office.reaches(number, Status.CLOSED)
    record = await events(office, number)
    assert [record.count(e) for e in ("letter_left", "reply_left")] == [1, 1]
    assert record.count("letter_fetched") == 3


async def test_a_letter_that_was_withdrawn_or_never_was_is_not_handed_over(office: Office) -> None:
    number = await replying(office)
    reply = (await office.client.show(number)).letters[-1]
    await office.act(number, TakeBack, by="antti")
    await office.awaits(number, "decide")

    async with nothing_is_written(office, number):
        with pytest.raises(RefusedByRule, match="was withdrawn before it left"):
            await office.client.letter(number, reply.id, by="maija")
        with pytest.raises(RefusedByRule, match="There is no package yet"):
            await office.client.package(number, by="maija")
        for unknown in ("L99", "", "L1\0", "l1", "L1 or 1=1"):
            with pytest.raises(BadInput, match=f"{number} has no such letter"):
                await office.client.letter(number, unknown, by="maija")


async def test_a_letter_of_another_case_is_not_handed_over_under_this_number(
    office: Office,
) -> None:
    number, other = await identifying(office), await deciding(office)
    mine = {x.id for x in (await office.client.show(number)).letters}

    assert mine == {"L1"}
    assert await office.client.letter(number, "L1", by="maija") != await office.client.letter(
        other, "L1", by="maija"
    )


async def test_an_acknowledgement_that_leaves_stops_no_clock(office: Office) -> None:
    number = await identifying(office)
    before = (await office.client.show(number)).clock

    await office.sends(number, LetterKind.ACKNOWLEDGEMENT)

    view = await office.sees(number, lambda v: v.letters[0].left_at)
    assert view.clock == before
    assert view.status is Status.IDENTIFYING


async def test_every_look_at_what_was_found_is_in_the_record(office: Office) -> None:
    number = await deciding(office)
    before = await events(office, number)

    found = await office.client.found(number, by="maija")
    await office.client.found(number, by="helena")
    await office.client.files(number, by="antti")

    assert found["customers"].rows
    looks = [(e.actor, e.text) for e in await office.client.timeline(number)][len(before) :]
    assert looks == [
        ("maija", "looked at found"),
        ("helena", "looked at found"),
        ("antti", "looked at files"),
    ]
