"""What the steps of one case write together: its row, what belongs to it, and the audit.

One statement for all: a step costs the database its round trips, not its rows.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Boolean,
    DateTime,
    Insert,
    Integer,
    LargeBinary,
    Select,
    Text,
    Update,
    Uuid,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from storage import tables as t
from storage.audit import WRITTEN
from storage.many import Columns, each, listed

MINE: Final = bindparam("mine", type_=Uuid)

_AT: Final = DateTime(timezone=True)
_SEALED: Final[Columns] = {"part": Text(), "content": LargeBinary()}
_TASKS: Final[Columns] = {
    "id": Text(), "what": Text(), "role": Text(), "system": Text(), "since": _AT, "due": _AT,
    "done_at": _AT, "done_by": Text(),
}  # fmt: skip
_CLOSED: Final[Columns] = {"id": Text(), "at": _AT, "by": Text()}
_LETTERS: Final[Columns] = {
    "id": Text(), "kind": Text(), "has_package": Boolean(), "written_at": _AT,
}  # fmt: skip
_DECISIONS: Final[Columns] = {
    "what": Text(), "by": Text(), "person": Text(), "at": _AT, "ground": Text(),
}  # fmt: skip
_IDENTIFIERS: Final[Columns] = {"type": Text(), "hash": LargeBinary()}
_PLANNED: Final[Columns] = {
    "name": Text(), "position": Integer(), "duty": Text(), "outcome": Text(), "since": _AT,
}  # fmt: skip
_LEDGER: Final[Columns] = {"delivered_at": _AT, "outcome": Text()}
_ANSWERS: Final[Columns] = {
    "name": Text(), "outcome": Text(), "records": Integer(), "reason": Text(), "since": _AT,
}  # fmt: skip


def _inserted(name: str, table: Any, columns: Columns) -> CTE:
    rows = each(name, columns)
    values = select(MINE, *(rows.c[column] for column in columns))
    return insert(table).from_select(["case_id", *columns], values).cte(f"{name}_written")


def _sealed() -> CTE:
    parts = each("sealed", _SEALED)
    rows = select(MINE, parts.c.part, parts.c.content)
    sealed = upsert(t.sealed).from_select(["case_id", *_SEALED], rows)
    return sealed.on_conflict_do_update(
        index_elements=["case_id", "part"], set_={"content": sealed.excluded.content}
    ).cte("sealed_written")


def _closed() -> CTE:
    done, k = each("closed", _CLOSED), t.tasks.c
    closed = update(t.tasks).where(k.case_id == MINE, k.id == done.c.id)
    return closed.values(done_at=done.c.at, done_by=done.c.by).cte("closed_written")


def _planned() -> CTE:
    plan = each("planned", _PLANNED)
    rows = select(MINE, *(plan.c[name] for name in _PLANNED))
    planned = upsert(t.system_tasks).from_select(["case_id", *_PLANNED], rows)
    return planned.on_conflict_do_nothing().cte("planned_written")


def _ledger() -> CTE:
    known, k = each("ledger", _LEDGER), t.inquiries.c
    delivered_at, outcome = (select(known.c[name]).scalar_subquery() for name in _LEDGER)
    return (
        update(t.inquiries)
        .where(k.case_id == MINE)
        .values(
            delivered_at=func.coalesce(k.delivered_at, delivered_at),
            outcome=func.coalesce(outcome, k.outcome),
        )
        .cte("ledger_written")
    )


def _answered() -> CTE:
    answers, part = each("answers", _ANSWERS), t.system_tasks.c
    answered = update(t.system_tasks).where(part.case_id == MINE, part.name == answers.c.name)
    changed = (name for name in _ANSWERS if name != "name")
    return answered.values({name: answers.c[name] for name in changed}).cte("answers_written")


_PARTS: Final[dict[str, tuple[Columns, CTE]]] = {
    "sealed": (_SEALED, _sealed()),
    "tasks": (_TASKS, _inserted("tasks", t.tasks, _TASKS)),
    "closed": (_CLOSED, _closed()),
    "letters": (_LETTERS, _inserted("letters", t.letters, _LETTERS)),
    "decisions": (_DECISIONS, _inserted("decisions", t.decisions, _DECISIONS)),
    "planned": (_PLANNED, _planned()),
    "ledger": (_LEDGER, _ledger()),
    "answers": (_ANSWERS, _answered()),
    "identifiers": (_IDENTIFIERS, _inserted("identifiers", t.identifiers, _IDENTIFIERS)),
}


class Writes:
    """What waits to be written. Until then a query does not see it."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Mapping[str, Any]]] = {}

    def seal(self, part: str, content: bytes) -> None:
        """Sealed content; the same part again is replaced."""
        self._add("sealed", part, {"part": part, "content": content})

    def open_task(self, task: Mapping[str, Any]) -> None:
        """A new task."""
        self._add("tasks", task["id"], {"done_at": None, "done_by": None, **task})

    def close_task(self, task: str, at: datetime, by: str) -> None:
        """A task is done; also one that waits to be written itself."""
        opened = self._rows.get("tasks", {}).get(task)
        if opened is not None:
            return self._add("tasks", task, {**opened, "done_at": at, "done_by": by})
        return self._add("closed", task, {"id": task, "at": at, "by": by})

    def write_letter(self, letter: Mapping[str, Any]) -> None:
        """A new letter."""
        self._add("letters", letter["id"], letter)

    def decide(self, decision: Mapping[str, Any]) -> None:
        """A new decision."""
        self._add("decisions", str(len(self._rows.get("decisions", ()))), decision)

    @property
    def grounds(self) -> list[str | None]:
        """Those of the decisions that wait, the newest last."""
        return [decision["ground"] for decision in self._rows.get("decisions", {}).values()]

    def answer(self, system: Mapping[str, Any]) -> None:
        """A system's answer; the later one counts."""
        self._add("answers", system["name"], system)

    def plan(self, system: Mapping[str, Any]) -> None:
        """A system that the case concerns, unless it stands there."""
        self._add("planned", system["name"], system)

    def tell_ledger(self, **known: Any) -> None:
        """What the ledger of inquiries learns of the case; the first delivery counts."""
        before = self._rows.get("ledger", {}).get("", dict.fromkeys(_LEDGER))
        self._add("ledger", "", {**before, **known})

    def identify(self, kind: str, digest: bytes) -> None:
        """Something by which a new case is looked up."""
        self._add("identifiers", f"{kind} {digest.hex()}", {"type": kind, "hash": digest})

    def _add(self, part: str, key: str, row: Mapping[str, Any]) -> None:
        self._rows.setdefault(part, {})[key] = row

    def take(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        """What waited, to be written now: the parts of the statement, and their parameters."""
        rows, self._rows = self._rows, {}
        parameters: dict[str, Any] = {}
        for part in rows:
            parameters |= listed(part, _PARTS[part][0], rows[part].values())
        return tuple(sorted(rows)), parameters


@cache
def case_changed(*columns: str, parts: tuple[str, ...], audited: bool) -> Update:
    """A case row with new values, and beside it these parts and the audit.

    Parameters: `mine`, the revision that is `known`, `new_` and the name of each column.
    """
    row = t.cases.c
    statement = update(t.cases).where(row.id == MINE, row.revision == bindparam("known"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in columns})
    audit = WRITTEN if audited else ()
    return statement.add_cte(*(_PARTS[part][1] for part in parts), *audit)


@cache
def case_opened(*columns: str, parts: tuple[str, ...]) -> Insert:
    """A new case row, and beside it these parts and the audit; the same parameters."""
    statement = insert(t.cases).values({name: bindparam(f"new_{name}") for name in columns})
    return statement.add_cte(*(_PARTS[part][1] for part in parts), *WRITTEN)


def as_new(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of columns as parameters of such a statement."""
    return {f"new_{name}": value for name, value in values.items()}


@cache
def written(parts: tuple[str, ...]) -> Select[Any]:
    """The same without the case row."""
    return select(func.now()).add_cte(*(_PARTS[part][1] for part in parts))
