"""Corrections with marked values: every ending, mismatches, disputes, faults, by hand."""

from dataclasses import dataclass
from typing import Any, Final

from connectors.contract import (
    Corrected,
    Correction,
    Found,
    FoundRow,
    Person,
    RowKey,
)
from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status
from tests.fakes import FakeSystem, facts
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.refusals import refused
from tests.privacy.requests import a_correction, a_file, a_request
from tests.privacy.systems import Register, a_marked_row


def a_register(name: str, email: str, **more: Any) -> "Correctable":
    """Holds an address of everybody, marked so."""
    row = a_marked_row("1", "value")
    row = row.model_copy(update={"values": row.values | {"email": mark(email)}})
    return Correctable(facts(name, restricts=True), holds=Found(rows=(row,)), **more)


@dataclass
class Correctable(Register):
    """Corrects for one person only. `wavers`: it fails once, with the row, after it has."""

    async def find(self, person: Person) -> Found:
        return await self.about(person).find(person)

    async def restrict(
        self, person: Person, restricted: bool, chosen: tuple[RowKey, ...] = ()
    ) -> int:
        return await self.about(person).restrict(person, restricted, chosen)

    async def correct(
        self, person: Person, corrections: tuple[Correction, ...], chosen: tuple[RowKey, ...] = ()
    ) -> Corrected:
        tried = self.tries[person.name] = self.tries.get(person.name, 0) + 1
        done = await self.about(person).correct(person, corrections, chosen)
        if self.wavers and tried == 1:
            row: FoundRow = self.about(person).holds.rows[0]
            raise ValueError(f"{mark('correctfault')}: {person!r} {row.values} {done!r}")
        return done


def correctable_systems() -> tuple[FakeSystem, ...]:
    """One of each behaviour."""
    return (
        a_register("correctable", "oldvalue"),
        a_register("correctable_late", "oldvalue", wavers=True),
        a_register("differing", "thirdvalue"),
        FakeSystem(facts("restricting", reach="manual", role="archivist", restricts=True)),
    )


async def contested(canary: Canary, *scope: str, **more: Any) -> str:
    """It waits for the handler, who looks."""
    office = canary.office
    number = await office.receives(a_request("correct", *scope, **more))
    await office.awaits(number, "decide")
    asked = await office.client.corrections(number, by="maija")
    canary.delivered.append(asked.model_dump_json().encode())
    return number


async def approved(canary: Canary, number: str) -> None:
    """The reply leaves."""
    await canary.office.act(
        number, m.Decide, by="maija", choice=m.Choice.APPROVE, reason=mark("approval")
    )
    await replied(canary, number, LetterKind.REPLY)


async def replied(canary: Canary, number: str, kind: LetterKind) -> None:
    """A letter that answers leaves."""
    await canary.office.awaits(number, "send_reply")
    await canary.hand_out(number, kind)


async def done_by_hand(canary: Canary, number: str, what: str, records: int = 0) -> None:
    """Every open task of the kind, with words and a file."""
    view = await canary.office.awaits(number, what)
    for task in [a.task for a in view.awaiting if a.what == what]:
        await canary.office.client.complete_task(
            number, task, by="maija", records=records, note=mark("tasknote"),
            file=a_file("proof") if records else None,
        )  # fmt: skip


async def corrected_at_the_second_try(canary: Canary) -> None:
    """The first changed the value and failed with the row."""
    number = await contested(canary, "correctable_late")
    await approved(canary, number)
    await canary.ends(number, Outcome.FULFILLED)


async def corrected_and_told_to_people(canary: Canary) -> None:
    """Art. 19."""
    number = await contested(canary, "correctable", "restricting", language="en")
    await approved(canary, number)
    await done_by_hand(canary, number, "correct_by_hand", records=1)
    await replied(canary, number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def a_third_value(canary: Canary) -> None:
    """Corrected by hand, or left."""
    for records, outcome in ((1, Outcome.FULFILLED), (0, Outcome.PARTIAL)):
        number = await contested(canary, "differing", language="sv")
        await approved(canary, number)
        await canary.office.reaches(number, Status.FOLLOWING_UP)
        await done_by_hand(canary, number, "correction_differs", records)
        await replied(canary, number, LetterKind.SUPPLEMENT)
        await canary.ends(number, outcome)


async def disputed(canary: Canary) -> None:
    """The statement is put beside the data, by people."""
    number = await contested(canary, "correctable", "archive")
    await canary.office.act(
        number, m.Decide, by="maija", choice=m.Choice.REFUSE, ground=Ground.FACT_DISPUTED,
        reason=mark("refusal"),
    )  # fmt: skip
    await replied(canary, number, LetterKind.REFUSAL)
    await done_by_hand(canary, number, "add_statement_by_hand")
    await canary.ends(number, Outcome.REFUSED)


async def disputed_in_part(canary: Canary) -> None:
    """One of two."""
    two = [a_correction(), a_correction(field="user.contact.email")]
    number = await contested(canary, "correctable", corrections=two)
    for wrong in ((), (1, 2), (3,)):
        no: dict[str, Any] = {"choice": m.Choice.PARTIAL, "ground": Ground.FACT_DISPUTED}
        act = canary.office.act(
            number, m.Decide, by="maija", disputed=wrong, reason=mark("reason"), **no
        )
        await refused(canary, act)
    await canary.office.act(number, m.Decide, by="maija", disputed=[2], **no)
    await replied(canary, number, LetterKind.REPLY)
    await done_by_hand(canary, number, "add_statement_by_hand")
    await replied(canary, number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.PARTIAL)


async def refused_then_corrected(canary: Canary) -> None:
    """By the DPO, taken back."""
    number = await contested(canary, "correctable", "restricting")
    await canary.office.act(
        number, m.Decide, by="helena", choice=m.Choice.REFUSE, ground=Ground.UNFOUNDED,
        reason=mark("refusal"),
    )  # fmt: skip
    await canary.office.awaits(number, "send_reply")
    await canary.office.act(number, m.TakeBack, by="helena", reason=mark("takeback"))
    await canary.office.awaits(number, "decide")
    await approved(canary, number)
    await done_by_hand(canary, number, "correct_by_hand", records=1)
    await replied(canary, number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def correction_withdrawn(canary: Canary) -> None:
    """The restriction ends, also by hand."""
    number = await contested(canary, "correctable", "restricting")
    await done_by_hand(canary, number, "contest_by_hand", records=1)
    await canary.office.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
    await done_by_hand(canary, number, "end_contest_by_hand")
    await canary.ends(number, Outcome.WITHDRAWN)
    await canary.hand_out(number, LetterKind.CONFIRMATION)


async def nothing_to_correct(canary: Canary) -> None:
    """The system knows nobody."""
    number = await contested(canary, "empty")
    await approved(canary, number)
    await canary.ends(number, Outcome.NOTHING_HELD)


async def a_system_that_does_not_answer(canary: Canary) -> None:
    """It fails with marked errors when it is looked at; it is left out."""
    number = await canary.office.receives(a_request("correct", "broken"))
    await canary.office.awaits(number, "resolve_system")
    await canary.office.act(
        number, m.ResolveSystem, by="maija", system="broken", how="leave-out",
        reason=mark("resolution"),
    )  # fmt: skip
    await canary.office.awaits(number, "decide")
    await approved(canary, number)
    await canary.ends(number, Outcome.PARTIAL)


CORRECTIONS: Final[dict[str, Scenario]] = {
    "corrected, at the second try": corrected_at_the_second_try,
    "corrected, told to people": corrected_and_told_to_people,
    "a third value": a_third_value,
    "disputed": disputed,
    "disputed in part": disputed_in_part,
    "correction refused, then corrected": refused_then_corrected,
    "correction withdrawn": correction_withdrawn,
    "nothing to correct": nothing_to_correct,
    "a system that cannot be corrected": a_system_that_does_not_answer,
}
