"""An action of the wrong role, at the wrong time, on what is not there: a sentence, no trace."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from rules.staff import PERMITTED
from schemas.case import Ground, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import (
    ACTIONS,
    CloseAs,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    Note,
    Reassign,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    StaffAction,
    TakeBack,
    VerifyIdentity,
    Withheld,
)
from storage import tables as t
from tests.office import Office, a_form, now
from tests.staff.cases import (
    WORDS,
    closed,
    deciding,
    identifying,
    nothing_is_written,
    open_task,
    refuses,
    reviewing,
    somebody,
)


def _who(action: type[StaffAction]) -> str:
    """Somebody of a right role."""
    roles, _ = PERMITTED[action]
    return "helena" if "dpo" in roles else "maija"


async def test_no_action_is_taken_of_a_wrong_role_and_the_refusal_leaves_no_trace(
    office: Office,
) -> None:
    number = await identifying(office)

    async with nothing_is_written(office, number):
        for action, (roles, _) in PERMITTED.items():
            if roles:
                sentence = await refuses(office, number, action, "kalle", **WORDS[action])
                assert f"needs the role {' or '.join(roles)}" in sentence


async def test_no_action_is_taken_at_a_wrong_status_and_the_refusal_leaves_no_trace(
    office: Office,
) -> None:
    number = await identifying(office)
    wrong = [a for a, (_, statuses) in PERMITTED.items() if Status.IDENTIFYING not in statuses]
    assert len(wrong) == 6

    async with nothing_is_written(office, number):
        for action in wrong:
            sentence = await refuses(office, number, action, _who(action), **WORDS[action])
            assert f"{number} is identifying, and {action.name.replace('_', '-')}" in sentence


async def test_a_closed_case_takes_nothing_but_reopen(office: Office) -> None:
    number = await closed(office)

    async with nothing_is_written(office, number):
        for action in ACTIONS:
            if action is not Reopen:
                sentence = await refuses(office, number, action, _who(action), **WORDS[action])
                assert f"{number} is closed" in sentence
        with pytest.raises(RefusedByRule, match="is closed"):
            await office.client.decide_without_waiting(number, by="helena", choice="approve")


async def test_a_purged_case_takes_nothing_and_is_answered_from_its_row(office: Office) -> None:
    number = await closed(office)
    await office.rests(number)  # keys are destroyed only when no run is open
    case = await office.client._case(number)
    async with office.case_file.engine.begin() as conn:
        await office.case_file.keyring.destroy(conn, case, now())
        await conn.execute(update(t.cases).where(t.cases.c.id == case).values(purged_at=now()))

    async with nothing_is_written(office, number):
        for action in ACTIONS:
            assert "is purged" in await refuses(office, number, action, "helena", **WORDS[action])
        with pytest.raises(RefusedByRule, match="is purged"):
            await office.client.letter(number, "L1", by="maija")
    assert (await office.client.show(number)).purged
    assert (await office.client.status(number)).status is Status.CLOSED
    assert (await office.client.timeline(number))[0].event == "received"


@pytest.mark.parametrize(
    "number", ["2026-9999", "", "x", "2026-0001\0", "２０２６-0001", "1" * 9_999]
)
async def test_an_unknown_number_is_bad_input(office: Office, number: str) -> None:
    for attempt in (
        office.act(number, Note, by="maija", text="x"),
        office.client.show(number),
        office.client.status(number),
        office.client.timeline(number),
        office.client.letter(number, "L1", by="maija"),
        office.client.package(number, by="maija"),
        office.client.found(number, by="maija"),
        office.client.decide_without_waiting(number, by="antti", choice="approve"),
        office.client.complete_task(number, "t", by="kalle"),
    ):
        with pytest.raises(BadInput, match="dsr list"):
            await attempt


async def test_who_is_not_in_the_directory_does_nothing(office: Office) -> None:
    number = await identifying(office)

    async with nothing_is_written(office, number):
        for action in ACTIONS:
            sentence = await refuses(office, number, action, "mallory", **WORDS[action])
            assert "not in the staff directory" in sentence
        sentence = await refuses(office, number, Reassign, "maija", to="mallory")
        assert "not in the staff directory" in sentence
        assert "is no handler" in await refuses(office, number, Reassign, "maija", to="kalle")


MALFORMED = [
    (Note, {"text": "x" * 10_001}, "text: should have at most 10000 characters"),
    (Note, {"text": " \n "}, "text is empty"),
    (Note, {"text": "a\0b"}, "text: must not contain NUL"),
    (Note, {"text": "\ud800"}, "text: must be valid Unicode"),
    (Note, {}, "text is missing"),
    (Note, {"text": "x", "txet": "y"}, "note has no field txet"),
    (RecordAnswer, {"text": "x" * 10_001}, "text: should have at most 10000 characters"),
    (VerifyIdentity, {"how": "Passport No 123"}, "how: string should match pattern"),
    (Extend, {"months": 3, "reason": "x"}, "months: input should be 1 or 2"),
    (Extend, {"months": 1, "reason": "x" * 2_001}, "reason: should have at most 2000 characters"),
    (Extend, {"months": 1}, "reason is missing"),
    (Decide, {"choice": "maybe"}, "choice: input should be 'approve'"),
    (Decide, {"choice": "refuse", "ground": "dislike"}, "ground: input should be"),
    (Decide, {"choice": "approve", "digest": "x" * 101}, "digest: string should have at most 100"),
    (
        Review,
        {"withhold": [{"system": "s" * 101, "item": "1", "code": "excessive"}]},
        "system: string should",
    ),
    (Reassign, {}, "to is missing"),
    (CompleteTask, {"task": "t" * 101}, "task: string should have at most 100"),
    (CompleteTask, {"task": "t", "records": -1}, "records: input should be greater"),
    (CompleteTask, {"task": "t", "items": ["1"] * 1_001}, "items: tuple should have at most 1000"),
    (ResolveSystem, {"system": "x", "how": "pray", "reason": "x"}, "how: input should be 'retry'"),
    (
        CorrectReceipt,
        {"received_at": "2026-01-01T00:00:00", "reason": "x"},
        "received_at: input should have timezone",
    ),
    (
        CorrectReceipt,
        {"received_at": "0001-01-01T00:00:00+14:00", "reason": "x"},
        "outside the years",
    ),
    (CloseAs, {"ending": "merged", "into": "Aino Virtanen"}, "into: string should match pattern"),
    (CloseAs, {"ending": "merged", "into": "2026-9999"}, "There is no case 2026-9999"),
    (CompleteTask, {"task": "t", "items": ["1"]}, "the doubtful items of this task are: none"),
]


async def test_what_is_malformed_never_leaves_the_client(office: Office) -> None:
    number = await identifying(office)

    async with nothing_is_written(office, number):
        for action, fields, sentence in MALFORMED:
            assert sentence in await refuses(office, number, action, "helena", BadInput, **fields)
        with pytest.raises(BadInput, match="choice"):
            await office.client.decide_without_waiting(number, by="antti", choice="perhaps")  # type: ignore[arg-type]


async def test_what_a_case_cannot_take_now_is_refused_in_a_sentence(office: Office) -> None:
    number = await identifying(office)
    received = (await office.client.show(number)).received_at
    other = await identifying(office)
    stranger = open_task(await office.client.show(other), "verify_identity")
    impossible = [
        ("antti", Decide, {"choice": "approve"}, "is identifying. Before the decision"),
        ("antti", Decide, {"choice": "refuse"}, "states its ground"),
        ("antti", Decide, {"choice": "refuse", "ground": "excessive"}, "decided by the dpo"),
        (
            "helena",
            Decide,
            {"choice": "refuse", "ground": "rights_of_others"},
            "never refuse access",
        ),
        ("helena", Decide, {"choice": "refuse", "ground": "legal_hold"}, "cannot be refused for"),
        ("maija", RecordAnswer, {}, "has no open question"),
        (
            "maija",
            ResolveSystem,
            WORDS[ResolveSystem] | {"system": "cellar"},
            "no such system",
        ),
        ("maija", CompleteTask, {"task": stranger}, "has no such open task"),
        ("maija", CompleteTask, {"task": "nothing"}, "has no such open task"),
        (
            "maija",
            CorrectReceipt,
            {"received_at": now() + timedelta(hours=1), "reason": "x"},
            "in the future",
        ),
        (
            "maija",
            CorrectReceipt,
            {"received_at": datetime(1, 1, 3, tzinfo=UTC), "reason": "x"},
            "730 days back",
        ),
        (
            "maija",
            CorrectReceipt,
            {"received_at": received - timedelta(days=740), "reason": "x"},
            "730 days back",
        ),
        ("maija", CloseAs, {"ending": "merged"}, "name the case that it is merged into"),
        (
            "maija",
            CloseAs,
            {"ending": "merged", "into": number},
            "name the case that it is merged into",
        ),
        ("maija", CloseAs, {"ending": "misdirected", "into": other}, "--into belongs to merged"),
    ]

    async with nothing_is_written(office, number):
        for by, action, fields, sentence in impossible:
            assert sentence in await refuses(office, number, action, by, **fields)


async def test_a_task_that_ends_by_its_own_action_is_not_completed_by_hand(office: Office) -> None:
    number = await identifying(office)
    await office.act(number, Extend, by="helena", months=1, reason="many systems")
    view = await office.client.show(number)

    async with nothing_is_written(office, number):
        for what, command in (
            ("verify_identity", "verify-identity"),
            ("send_extension", "letters"),
        ):
            task = open_task(view, what)
            sentence = await refuses(office, number, CompleteTask, "maija", task=task)
            assert f"is done by: dsr {command} {number}" in sentence


@pytest.mark.parametrize("item", ["0", "2", "01", "-1", "1.0", "²", "１", "١", " 1", "1" * 90, ""])
async def test_only_an_item_that_was_found_can_be_withheld(office: Office, item: str) -> None:
    """An item that looks like a number must not be accepted and then given out all the same."""
    number = await _the_reviewed(office)
    withhold = (Withheld(system="customers", item=item, code=Ground.RIGHTS_OF_OTHERS),)

    async with nothing_is_written(office, number):
        assert "has no such item" in await refuses(
            office, number, Review, "maija", withhold=withhold
        )


async def _the_reviewed(office: Office, known: dict[int, str] = {}) -> str:  # noqa: B006
    """One case at the review for all items."""
    if id(office) not in known:
        known[id(office)] = await reviewing(office)
    return known[id(office)]


async def test_a_review_names_known_systems_items_once_and_reasons_of_its_own(
    office: Office,
) -> None:
    number = await _the_reviewed(office)
    others = Ground.RIGHTS_OF_OTHERS

    def naming(
        system: str, item: str = "1", code: Ground = others, times: int = 1
    ) -> tuple[Withheld, ...]:
        return (Withheld(system=system, item=item, code=code),) * times

    async with nothing_is_written(office, number):
        for withhold, sentence in (
            (naming("cellar"), "no such system"),
            (naming("customers", code=Ground.EXCESSIVE), "withheld for rights_of_others or"),
            (naming("customers", times=2), "named twice"),
        ):
            assert sentence in await refuses(office, number, Review, "maija", withhold=withhold)


async def test_a_decision_waits_for_its_turn_and_a_partial_no_states_its_ground(
    office: Office,
) -> None:
    number = await deciding(office)

    async with nothing_is_written(office, number):
        assert "states its ground" in await refuses(
            office, number, Decide, "antti", choice="partial"
        )
        assert "rights of others" in await refuses(
            office, number, Decide, "helena", choice="refuse", ground="rights_of_others"
        )
        assert "recorded as sufficient" in await refuses(
            office, number, Decide, "helena", choice="refuse", ground="cannot_identify"
        )


async def test_nothing_is_decided_or_taken_back_about_an_absolute_objection(office: Office) -> None:
    form = a_form("objection", of=somebody(), channel="email", evidence={})
    number = await office.receives(form)
    await office.awaits(number, "send_reply")

    async with nothing_is_written(office, number):
        sentence = await refuses(office, number, TakeBack, "helena")
        assert "was carried out as asked" in sentence
