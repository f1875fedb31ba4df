"""Who may set a hold, on what basis, how long it lasts, and who learns of it."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from rules import holds as rules
from schemas.errors import BadInput, DsrError, RefusedByRule
from schemas.holds import Held, HoldForm, HoldState, HoldView
from storage import tables as t
from storage.holds import lapse_and_remind
from storage.verify import verify
from tests.holds.deskwork import (
    AINO,
    JOHAN,
    MAIJA,
    RITVA,
    RITVA_AGAIN,
    Desk,
    an_order,
)

DAY = timedelta(days=1)


async def _refused(desk: Desk, error: type[DsrError] = RefusedByRule, **more: Any) -> str:
    """The sentence, after which nothing is written."""
    with pytest.raises(error) as refused:
        await desk.places(**more)
    assert await desk.holds.known_to(RITVA) == []
    return str(refused.value)


# -- basis and scope -----------------------------------------------------------------------------


@pytest.mark.parametrize("country", ["US", "GB", "CN"])
async def test_a_third_country_s_order_alone_is_no_basis(desk: Desk, country: str) -> None:
    assert "Art. 48" in await _refused(desk, country=country)


@pytest.mark.parametrize("country", ["FI", "SE", "NO"])
async def test_an_order_from_the_eea_is_one(desk: Desk, country: str) -> None:
    assert (await desk.places(country=country)).state is HoldState.PROVISIONAL


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"person": None}, "a hold on everything"),
        ({"person": {"identifiers": []}}, "person.identifiers"),
        ({"person": {"name": "Aino Virtanen"}}, "person"),
        ({"person": {"identifiers": [{"type": "email", "value": "aino"}]}}, "malformed"),
        ({"person": {"identifiers": [{"type": "shoe", "value": "38"}]}}, "unknown"),
        ({"systems": ["cellar"]}, "billing, marketing"),
        ({"categories": ["User Name"]}, "categories"),
        ({"from": "2027-03-02"}, "future"),
        ({"until": "2027-02-28"}, "passed"),
        ({"review": "2027-09-02"}, "not after 2027-09-01"),
        ({"review": "2027-03-01"}, "after today"),
        ({"begins": "2027-03-01"}, "authority, reference, country, person, systems"),
    ],
)
async def test_what_cannot_be_a_hold_is_refused_without_a_word_of_it(
    desk: Desk, more: dict[str, Any], words: str
) -> None:
    sentence = await _refused(desk, BadInput, **more)
    assert words in sentence
    for secret in ("käräjäoikeus", "L 27/1234", "Virtanen", "aino", "shoe", "38", "cellar"):
        assert secret not in sentence


def test_a_category_holds_all_below_it() -> None:
    held = Held(categories=("user.contact",))
    assert held.keeps("user.contact")
    assert held.keeps("user.contact.email")
    assert not held.keeps("user.contacts")
    assert not held.keeps("user")


async def test_where_every_declared_category_is_held_everything_is(desk: Desk) -> None:
    await desk.places(categories=["user.contact", "user.financial"])
    await desk.places(categories=["user.name"])
    erasing = await desk.erases(await desk.case())
    assert erasing.held.everything


# -- four eyes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [MAIJA, JOHAN], ids=["handler", "approver"])
async def test_the_dpo_alone_places_a_hold(desk: Desk, actor: Any) -> None:
    assert "by the dpo" in await _refused(desk, by=actor)


async def test_a_hold_is_confirmed_by_a_second_person(desk: Desk) -> None:
    hold = await desk.places()
    confirmed = await desk.holds.confirm(hold.id, JOHAN)
    assert (confirmed.state, confirmed.confirmed_by) == (HoldState.CONFIRMED, "johan")
    assert await desk.holds.confirm(hold.id, JOHAN) == confirmed
    assert (await desk.events(hold.id)).count("hold_confirmed") == 1


@pytest.mark.parametrize("actor", [RITVA, RITVA_AGAIN], ids=["account", "second account"])
async def test_one_person_with_two_accounts_is_one_person(desk: Desk, actor: Any) -> None:
    hold = await desk.places()
    with pytest.raises(RefusedByRule, match="second person"):
        await desk.holds.confirm(hold.id, actor)


async def test_a_handler_confirms_and_ends_nothing_and_learns_nothing(desk: Desk) -> None:
    """Whether the hold exists or not, the sentence is the same."""
    hold = await desk.places(secret=True)
    attempts: list[Callable[[Any], Any]] = [
        lambda id: desk.holds.confirm(id, MAIJA),
        lambda id: desk.holds.release(id, MAIJA, "over"),
        lambda id: desk.holds.review(id, MAIJA, date(2027, 6, 1)),
    ]
    for attempt in attempts:
        sentences = set()
        for id in (hold.id, uuid4()):
            with pytest.raises(RefusedByRule) as refused:
                await attempt(id)
            sentences.add(str(refused.value))
        assert len(sentences) == 1


async def test_an_unknown_hold_is_said_to_be_unknown(desk: Desk) -> None:
    with pytest.raises(BadInput, match="no hold"):
        await desk.holds.confirm(uuid4(), JOHAN)


async def test_placing_again_under_one_id_is_the_same_hold(desk: Desk) -> None:
    id = uuid4()
    assert await desk.places(id=id) == await desk.places(id=id)
    assert (await desk.events(id)).count("hold_placed") == 1


# -- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placed", "lapses"),
    [
        ("2027-03-01T09:30", "2027-03-04T22:00"),  # Monday -> the end of Thursday
        ("2027-03-04T09:30", "2027-03-09T22:00"),  # Thursday -> Tuesday, over a weekend
        ("2027-03-24T09:30", "2027-03-31T21:00"),  # Good Friday and Easter Monday, summer time
        ("2027-03-01T22:30", "2027-03-05T22:00"),  # half past midnight in Helsinki: Tuesday
    ],
)
async def test_unconfirmed_a_hold_lapses_after_three_working_days(
    desk: Desk, placed: str, lapses: str
) -> None:
    desk.clock[0] = datetime.fromisoformat(placed).replace(tzinfo=UTC)
    assert (await desk.places()).lapses_at == datetime.fromisoformat(lapses).replace(tzinfo=UTC)


async def _sweeps(desk: Desk, at: datetime) -> tuple[int, int, int]:
    desk.clock[0] = at
    case_file = desk.case_file
    done = await lapse_and_remind(desk.engine, case_file.audit, desk.policy.version, at)
    return done.lapsed, done.expired, done.review_due


async def _now(desk: Desk) -> HoldView:
    return (await desk.holds.known_to(RITVA))[0]


async def test_an_unconfirmed_hold_holds_until_it_lapses_and_the_dpo_is_told(desk: Desk) -> None:
    hold = await desk.places()
    assert await _sweeps(desk, hold.lapses_at - timedelta(seconds=1)) == (0, 0, 0)
    assert (await desk.erases(await desk.case())).held.everything
    assert await _sweeps(desk, hold.lapses_at) == (1, 0, 0)
    assert await _sweeps(desk, hold.lapses_at + DAY) == (0, 0, 0)
    lapsed = await _now(desk)
    assert lapsed.state is HoldState.LAPSED
    assert "nobody confirmed it" in str(lapsed.needs)
    assert not (await desk.erases(await desk.case())).held.everything
    assert (await desk.events(hold.id))[-1] == "hold_lapsed"


async def test_a_lapsed_hold_holds_nothing_even_before_a_sweep_sees_it(desk: Desk) -> None:
    desk.clock[0] = (await desk.places()).lapses_at
    assert not (await desk.erases(await desk.case())).held.everything


async def test_nobody_confirms_too_late_and_nothing_comes_back_into_force(desk: Desk) -> None:
    hold = await desk.places()
    desk.clock[0] = hold.lapses_at
    with pytest.raises(RefusedByRule, match="it lapsed"):
        await desk.holds.confirm(hold.id, JOHAN)
    await _sweeps(desk, hold.lapses_at)
    with pytest.raises(RefusedByRule, match="is lapsed"):
        await desk.holds.confirm(hold.id, JOHAN)
    seen = await desk.holds.release(hold.id, RITVA, "seen")
    assert (seen.state, seen.needs) == (HoldState.RELEASED, None)


async def test_a_confirmed_hold_does_not_lapse_and_is_reviewed_within_six_months(
    desk: Desk,
) -> None:
    hold = await desk.places()
    await desk.holds.confirm(hold.id, JOHAN)
    assert hold.review_on == date(2027, 9, 1)
    eve = datetime(2027, 8, 31, 20, 59, tzinfo=UTC)
    assert await _sweeps(desk, eve) == (0, 0, 0)
    assert await _sweeps(desk, eve + timedelta(minutes=1)) == (0, 0, 1)
    assert await _sweeps(desk, eve + DAY) == (0, 0, 0)
    assert "review was due on 2027-09-01" in str((await _now(desk)).needs)
    assert (await desk.erases(await desk.case())).held.everything

    with pytest.raises(BadInput, match="not after 2028-03-01"):
        await desk.holds.review(hold.id, RITVA, date(2028, 3, 2))
    reviewed = await desk.holds.review(hold.id, RITVA, date(2028, 2, 1))
    assert (reviewed.review_on, reviewed.needs) == (date(2028, 2, 1), None)
    assert await _sweeps(desk, datetime(2028, 2, 1, tzinfo=UTC)) == (0, 0, 1)


async def test_a_hold_ends_with_its_last_day(desk: Desk) -> None:
    hold = await desk.places(until="2027-04-30")
    await desk.holds.confirm(hold.id, JOHAN)
    desk.clock[0] = datetime(2027, 4, 30, 20, 59, tzinfo=UTC)
    assert (await desk.erases(await desk.case())).held.everything
    assert await _sweeps(desk, datetime(2027, 4, 30, 21, tzinfo=UTC)) == (0, 1, 0)
    assert not (await desk.erases(await desk.case())).held.everything
    assert (await _now(desk)).state is HoldState.EXPIRED
    with pytest.raises(RefusedByRule):
        await desk.holds.review(hold.id, RITVA, date(2027, 6, 1))


async def test_a_released_hold_holds_nothing(desk: Desk) -> None:
    hold = await desk.places()
    released = await desk.holds.release(hold.id, RITVA, "the proceedings are over")
    assert released.state is HoldState.RELEASED
    assert await desk.holds.release(hold.id, RITVA, "again") == released
    assert not (await desk.erases(await desk.case())).held.everything
    assert (await desk.events(hold.id))[-1] == "hold_released"


def test_nothing_that_has_ended_moves_but_a_lapse_that_was_seen() -> None:
    ended = {HoldState.RELEASED, HoldState.EXPIRED, HoldState.LAPSED}
    moves = {move for move in rules.MOVES if move[0] in ended}
    assert moves == {(HoldState.LAPSED, HoldState.RELEASED)}


# -- evidence and secrecy ------------------------------------------------------------------------


async def test_a_hold_has_a_chain_of_its_own_that_verifies(desk: Desk, tmp_path: Any) -> None:
    hold = await desk.places()
    await desk.holds.confirm(hold.id, JOHAN)
    await desk.holds.review(hold.id, RITVA, date(2027, 6, 1))
    await desk.holds.release(hold.id, RITVA, "over")
    assert await desk.events(hold.id) == [
        "hold_placed", "hold_answered", "hold_answered", "hold_confirmed", "hold_reviewed",
        "hold_released",
    ]  # fmt: skip
    async with desk.engine.connect() as conn:
        report = await verify(conn, tmp_path / "checkpoints", desk.secrets.signer.public)
    assert (report.ok, report.checked) == (True, 6)


async def test_no_table_has_a_word_of_the_order_in_the_clear(desk: Desk) -> None:
    hold = await desk.places(note="Mahdollinen petos")
    await desk.holds.release(hold.id, RITVA, "Syyte hylättiin")
    async with desk.engine.connect() as conn:
        for table in t.metadata.sorted_tables:
            rows = (await conn.execute(select(table))).all()
            for word in ("käräjä", "L 27/1234", "petos", "Syyte", AINO, "aino"):
                assert not re.search(re.escape(word), repr(rows)), (table.name, word)
                assert word.encode() not in b"".join(
                    value for row in rows for value in row if isinstance(value, bytes)
                )


async def test_a_secret_hold_is_the_dpo_s_alone(desk: Desk) -> None:
    await desk.places(secret=True)
    for actor in (None, MAIJA, JOHAN):
        assert await desk.holds.known_to(actor) == []
    (known,) = await desk.holds.known_to(RITVA)
    assert known.order is not None
    assert known.order.reference == "L 27/1234"


async def test_who_ordered_a_hold_dpo_and_approvers_read(desk: Desk) -> None:
    await desk.places()
    for actor, reads in ((None, False), (MAIJA, False), (JOHAN, True), (RITVA, True)):
        (known,) = await desk.holds.known_to(actor)
        assert (known.order is not None) is reads
        assert ("käräjäoikeus" in json.dumps(known.model_dump(mode="json"), ensure_ascii=False)
                ) is reads  # fmt: skip


async def test_the_guard_says_that_a_hold_is_secret_and_nothing_else_of_it(desk: Desk) -> None:
    await desk.places(categories=["user.financial"])
    assert not (await desk.erases(await desk.case())).held.secret
    await desk.places(secret=True)
    held = (await desk.erases(await desk.case())).held
    assert held.secret
    assert {*type(held).model_fields} == {"everything", "categories", "secret"}


async def test_a_sweep_tells_nothing_of_a_secret_hold(desk: Desk) -> None:
    hold = await desk.places(secret=True)
    assert await _sweeps(desk, hold.lapses_at) == (0, 0, 0)
    assert (await _now(desk)).state is HoldState.LAPSED


async def test_a_fault_of_one_hold_stops_no_other(desk: Desk) -> None:
    first, second = await desk.places(), await desk.places()
    async with desk.engine.begin() as conn:
        await conn.execute(
            text("update dsr.audit_heads set signature = '\\x00' where case_id = :id"),
            {"id": first.id},
        )
    with pytest.raises(DsrError):
        await _sweeps(desk, first.lapses_at)
    states = {h.id: h.state for h in await desk.holds.known_to(RITVA)}
    assert states[second.id] is HoldState.LAPSED


def test_the_repr_of_an_order_shows_nothing() -> None:
    shown = repr(HoldForm.model_validate(an_order()))
    assert "käräjä" not in shown
    assert "27/1234" not in shown
    assert AINO not in shown
