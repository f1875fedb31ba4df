"""One business step on a case, while it is open: what it sees, and what it changes.

Methods collect changes, which are written together when the step is left (`storage.case_file`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Row,
    Text,
    any_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from schemas.case import (
    Awaited,
    Clock,
    DecisionView,
    Ground,
    LetterKind,
    LetterState,
    Status,
    SystemOutcome,
)
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event, Fact, Scalar
from schemas.steps import OpenTask, SystemChange
from schemas.systems import SystemPlan
from storage import tables as t
from storage.audit import End, Said
from storage.keyring import Keyring
from storage.views import awaited
from storage.writes import MINE, Writes, as_new, written

# What a step says to the database is built once: to build a statement costs more than to run it.

_UNSEALED: Final = select(t.sealed.c.content).where(
    t.sealed.c.case_id == MINE, t.sealed.c.part == bindparam("name")
)
_BEGINS: Final = any_(bindparam("prefixes", type_=ARRAY(Text)))
_ALL_UNSEALED: Final = (
    select(t.sealed.c.part, t.sealed.c.content)
    .where(t.sealed.c.case_id == MINE, t.sealed.c.part.op("^@")(_BEGINS))
    .order_by(t.sealed.c.part)
)
_GROUND: Final = (
    select(t.decisions.c.ground)
    .where(t.decisions.c.case_id == MINE, t.decisions.c.stands)
    .order_by(t.decisions.c.id.desc())
    .limit(1)
)
_PARTS: Final = select(t.system_tasks).where(t.system_tasks.c.case_id == MINE)


@cache
def _system_changed(*columns: str) -> ReturningUpdate[Any]:
    """A system's part with new values, unless a person has left it out: the last word."""
    part = t.system_tasks.c
    return (
        update(t.system_tasks)
        .where(part.case_id == MINE, part.name == bindparam("system"))
        .where(part.outcome != SystemOutcome.LEFT_OUT)
        .values({name: bindparam(f"new_{name}") for name in columns})
        .returning(t.system_tasks)
    )


def clock_columns(clock: Clock) -> dict[str, Any]:
    """The clock as the case row keeps it: whole, and the dates that queries need."""
    return {
        "clock": clock.model_dump(mode="json"),
        "due_date": clock.due_date,
        "due_before": clock.due_before_utc,
        "safe_date": clock.safe_date,
        "next_step_at": clock.next_step_at,
        "escalation": clock.escalation,
        "breached": bool(clock.breach_causes),
        "breach_cause": clock.breach_causes[0] if clock.breach_causes else None,
        "replied_at": clock.replied_at,
    }


class CaseStep:
    """An open step. Methods collect changes; leaving the step writes them."""

    def __init__(
        self, conn: AsyncConnection, row: dict[str, Any], keyring: Keyring, at: datetime,
        actor: str, key: str, known: "Known", *, repeated: bool,
    ) -> None:  # fmt: skip
        self.conn = conn
        self.row = row
        self.at = at
        self.actor = actor
        self.key = key
        self.repeated = repeated
        self.answered: dict[
            str, Mapping[str, Any]
        ] = {}  # systems' parts as this step has written them
        self._keyring = keyring
        self._known = known
        self._facts: list[Fact] = []
        self._columns: dict[str, Any] = {}

    @property
    def case(self) -> UUID:
        """The case's id."""
        case: UUID = self.row["id"]
        return case

    @property
    def revision(self) -> int:
        """The case row's revision once this step is written."""
        revision: int = self.row["revision"]
        return revision if self.repeated else revision + 1

    @property
    def status(self) -> Status:
        """The status, with this step's move."""
        return Status(self._columns.get("status", self.row["status"]))

    @property
    def outcome(self) -> str | None:
        """The outcome, with this step's change."""
        outcome: str | None = self._columns.get("outcome", self.row["outcome"])
        return outcome

    @cached_property
    def clock(self) -> Clock:
        """The recorded dates, with this step's change."""
        return Clock.model_validate(self.row["clock"])

    def record(self, event: Event, **facts: Scalar) -> None:
        """Write an audit entry when the step ends."""
        self._facts.append(Fact(event=event, facts=facts))

    def move(self, to: Status, why: str) -> None:
        """Move the status; `why` comes from the table of moves."""
        self.record(Event.MOVED, before=self.status, after=to, why=why)
        self._columns["status"] = to

    def set(self, **columns: Any) -> None:
        """Change columns of the case row."""
        self._columns |= columns

    def set_clock(self, clock: Clock) -> None:
        """Record new dates."""
        self.clock = clock
        self._columns |= clock_columns(clock)

    async def seal(self, part: str, content: bytes) -> None:
        """Keep content under the case's key; the same part again is replaced."""
        sealed = await self._keyring.seal(self.case, part, content, self.conn)
        self._known.writes.seal(part, sealed)

    async def unseal(self, part: str) -> bytes | None:
        """Sealed content of earlier steps, None if there is none under this name."""
        return await unseal(self.conn, self._keyring, self.case, part)

    async def unseal_all(self, prefix: str) -> dict[str, bytes]:
        """All such parts whose name begins so, by name without the prefix."""
        return (await self.unseal_each(prefix))[0]

    async def unseal_each(self, *prefixes: str) -> list[dict[str, bytes]]:
        """The same for several prefixes in one look, in their order."""
        return await unseal_each(self.conn, self._keyring, self.case, prefixes)

    async def keep(self, upload: str, part: str) -> None:
        """Content that was sealed on trial is taken under its own name. Raises `BadInput`."""
        content = await self.unseal(upload)
        if content is None:
            raise BadInput("Not done: its file was not handed in.")
        await self.seal(part, content)
        mine = (t.sealed.c.case_id == self.case) & (t.sealed.c.part == upload)
        await self.conn.execute(delete(t.sealed).where(mine))

    @property
    def open_tasks(self) -> tuple[Awaited, ...]:
        """The open tasks, with this step's changes, the oldest first."""
        return tuple(self._known.open_tasks)

    async def open_task(self, task: OpenTask) -> str:
        """Open a task, or give the one that is open for the same thing. Returns its id."""
        for known in self._known.open_tasks:
            if (known.what, known.system) == (task.what, task.system):
                return known.task
        self._known.tasks_ever += 1
        opened = Awaited(
            task=f"{self.row['number']}-{self._known.tasks_ever}", what=task.what, role=task.role,
            system=task.system, since=self.at, due=task.due,
        )  # fmt: skip
        if (task.what, task.system) in self._known.closed:
            await self.write_now()  # one at a time may be open: the other's end goes before
        self._known.writes.open_task({
            "id": opened.task, "what": task.what, "role": task.role, "system": task.system,
            "since": self.at, "due": task.due,
        })  # fmt: skip
        self._known.open_tasks.append(opened)
        self.record(Event.TASK_OPENED, task=opened.task, role=task.role, what=task.what)
        return opened.task

    async def close_tasks(self, *names: str, system: str | None = None) -> int:
        """Close the open tasks of such a `what` (of one system), or of this id. How many."""
        closed = [
            task for task in self._known.open_tasks
            if {task.what, task.task} & set(names) and system in (None, task.system)
        ]  # fmt: skip
        for task in closed:
            self._close(task)
            self.record(Event.TASK_DONE, task=task.task, what=task.what)
        return len(closed)

    def end_tasks(self) -> None:
        """Whatever is open has no more use: the case is over."""
        for task in self.open_tasks:
            self._close(task)

    def _close(self, task: Awaited) -> None:
        self._known.open_tasks.remove(task)
        self._known.closed.add((task.what, task.system))
        self._known.writes.close_task(task.task, self.at, self.actor)

    async def system(self, change: SystemChange, **columns: Any) -> None:
        """Change one system's part, unless a person has left it out."""
        await self.write_now()
        self._known.parts.clear()
        values: dict[str, Any] = {"outcome": change.outcome, "reason": change.reason} | columns
        if change.records is not None:
            values["records"] = change.records
        values["since"] = self.at
        changed = await self.conn.execute(
            _system_changed(*values), {"mine": self.case, "system": change.name, **as_new(values)}
        )
        if (row := changed.mappings().one_or_none()) is not None:
            self.answered[change.name] = row

    async def system_answered(self, change: SystemChange) -> None:
        """The same for a search's answer, written with those of other systems in one statement."""
        part = (await self.parts()).get(change.name)
        if part is None or part["outcome"] == SystemOutcome.LEFT_OUT:
            return
        part |= {"outcome": change.outcome, "reason": change.reason, "since": self.at}
        if change.records is not None:
            part["records"] = change.records
        self.answered[change.name] = part
        self._known.writes.answer(part)

    async def parts(self) -> dict[str, dict[str, Any]]:
        """Every system's part by its name, read once for the answers of one sitting."""
        if not self._known.parts:
            rows = (await self.conn.execute(_PARTS, {"mine": self.case})).mappings()
            self._known.parts = {row["name"]: dict(row) for row in rows}
        return self._known.parts

    async def write_now(self) -> None:
        """What else would be written when the sitting ends, for a query that has to see it."""
        parts, parameters = self._known.writes.take()
        if parts:
            await self.conn.execute(written(parts), {"mine": self.case, **parameters})
        self._known.closed.clear()

    def decide(self, decision: DecisionView) -> None:
        """Add a decision that stands."""
        self._known.writes.decide({
            "what": decision.what, "by": decision.by, "at": decision.at,
            "ground": decision.ground, "person": decision.person,
        })  # fmt: skip

    def tell_ledger(
        self, *, delivered_at: datetime | None = None, outcome: str | None = None
    ) -> None:
        """What the ledger of inquiries learns of the case; the first delivery counts."""
        known = {"delivered_at": delivered_at, "outcome": outcome}
        self._known.writes.tell_ledger(**{k: v for k, v in known.items() if v is not None})

    def concern(self, plan: Sequence[SystemPlan]) -> None:
        """The systems that the case concerns, in their order; those that stand there stay."""
        for position, system in enumerate(plan):
            self._known.writes.plan({
                "name": system.name, "position": position, "duty": system.duty,
                "outcome": SystemOutcome.PENDING, "since": self.at,
            })  # fmt: skip

    async def ground(self) -> Ground | None:
        """That of the newest decision that stands, this step's included."""
        grounds = self._known.writes.grounds
        stated = grounds[-1] if grounds else await self.conn.scalar(_GROUND, {"mine": self.case})
        return None if stated is None else Ground(stated)

    async def take_back(self) -> None:
        """No decision stands any more; letters that answered and have not left are withdrawn.

        Raises `RefusedByRule` if a reply has left: the database decides that race.
        """
        await self.write_now()
        replies = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
        mine = (t.letters.c.case_id == self.case) & t.letters.c.kind.in_(replies)
        waiting = mine & (t.letters.c.state == LetterState.READY)
        gone = mine & (t.letters.c.state == LetterState.LEFT) & t.letters.c.noticed_at.is_(None)
        if await self.conn.scalar(select(func.count()).where(gone)):
            raise RefusedByRule(
                f"Not taken back: the reply of {self.row['number']} has left. To answer again "
                f"after a complaint: dsr reopen {self.row['number']}"
            )
        withdrawn = update(t.letters).where(waiting).values(state=LetterState.WITHDRAWN)
        for letter, kind in (
            await self.conn.execute(withdrawn.returning(t.letters.c.id, t.letters.c.kind))
        ).all():
            self.record(Event.LETTER_WITHDRAWN, letter=letter, kind=kind)
        await self.conn.execute(
            update(t.decisions).where(t.decisions.c.case_id == self.case).values(stands=False)
        )

    async def answer_again(self) -> None:
        """After a complaint every system is asked again and every decision made again."""
        await self.write_now()
        await self.conn.execute(
            update(t.decisions).where(t.decisions.c.case_id == self.case).values(stands=False)
        )
        await self.conn.execute(
            update(t.system_tasks)
            .where(t.system_tasks.c.case_id == self.case)
            .values(outcome=SystemOutcome.PENDING, records=0, reason=None, since=self.at)
        )
        self.set(withheld=[], outcome=None)

    async def write_letter(self, kind: LetterKind, content: bytes, package: bytes | None) -> str:
        """Put a letter, sealed, into the outbox. Returns its id within the case."""
        self._known.letters_ever += 1
        letter = f"L{self._known.letters_ever}"
        await self.seal(f"letter:{letter}", content)
        if package is not None:
            await self.seal(f"package:{letter}", package)
        self._known.writes.write_letter({
            "id": letter, "kind": kind, "written_at": self.at, "has_package": package is not None,
        })  # fmt: skip
        self.record(Event.LETTER_WRITTEN, letter=letter, kind=kind)
        return letter

    @property
    def changes(self) -> dict[str, Any]:
        """What this step changes on the case row."""
        return {} if self.repeated else self._columns | {"revision": self.revision}

    @property
    def said(self) -> Said:
        """What this step adds to the audit."""
        facts = () if self.repeated else tuple(self._facts)
        return Said(facts, self.at, self.actor, self.key)


@dataclass
class Known:
    """What the steps of one sitting know of a case beside its row, and add to it."""

    end: End | None = None  # of the audit chain; None if every step was taken before
    open_tasks: list[Awaited] = field(default_factory=list)
    tasks_ever: int = 0
    letters_ever: int = 0
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)  # of systems, once they answer
    closed: set[tuple[str, str | None]] = field(default_factory=set)  # what was open, not yet ended
    writes: Writes = field(default_factory=Writes)

    @staticmethod
    def of(taken: Sequence[Row[Any]]) -> "Known":
        """From what `_TAKEN` gives."""
        if not taken:
            return Known()
        first = taken[0]
        tasks = [awaited(task) for task in first.open_tasks]
        return Known(End.of(first), tasks, first.tasks_ever, first.letters_ever)


async def unseal(conn: AsyncConnection, keyring: Keyring, case: UUID, part: str) -> bytes | None:
    """Sealed content of a case in this transaction."""
    content = await conn.scalar(_UNSEALED, {"mine": case, "name": part})
    return None if content is None else await keyring.unseal(case, part, content, conn)


async def unseal_each(
    conn: AsyncConnection, keyring: Keyring, case: UUID, prefixes: Sequence[str]
) -> list[dict[str, bytes]]:
    """All parts whose name begins with each prefix, by name without it, in order."""
    rows = await conn.execute(_ALL_UNSEALED, {"mine": case, "prefixes": list(prefixes)})
    found: list[dict[str, bytes]] = [{} for _ in prefixes]
    for part, content in rows:
        opened = await keyring.unseal(case, part, content, conn)
        for prefix, parts in zip(prefixes, found, strict=True):
            if part.startswith(prefix):
                parts[part.removeprefix(prefix)] = opened
    return found
