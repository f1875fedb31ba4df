"""The case database when it has grown: what dashboards and the sweep cost against plain SQL."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Table, text

from activities.desk import Desk
from activities.runs import Runs
from activities.sweeps import GRACE, SweepActivities
from schemas.case import Status
from schemas.request import Subject
from schemas.steps import SweepInput
from storage import tables as t
from tests.bench.figures import Figure, metric
from tests.bench.requests import at_once, median, somebody
from tests.bench.stand import Engine, Stand, an_engine
from tests.office import AINO, POLICY

CASES: Final = 100_000
TIMES: Final = 5

Act = Callable[[], Awaitable[Any]]

LIST: Final = """
select number, kind, status, outcome, due_date, safe_date, escalation, assignee
from dsr.cases order by safe_date, number
"""
BY_STATUS: Final = LIST.replace("order", "where status = 'searching' order")
PERSON: Final = """
select number, kind, status, outcome, due_date, safe_date, escalation, assignee
from dsr.cases where id in (select case_id from dsr.identifiers where hash = :hash)
order by safe_date, number
"""
OVERDUE: Final = """
select id, number, clock, status from dsr.cases
where status <> 'closed' and replied_at is null and next_step_at < :late order by next_step_at
"""
REMIND: Final = """
update dsr.tasks set reminded_at = :now where done_at is null and role <> 'subject'
and since < :old and (reminded_at is null or reminded_at < :old)
"""


@metric
async def case_store(stand: Stand) -> list[Figure]:
    """List, person look-up and hourly sweep over 100,000 cases, against the SQL they amount to."""
    async with an_engine(stand, at_once(10), work=False) as engine:
        await filled(engine, CASES)
        pairs = {
            "list": (engine.client.cases, _sql(engine, LIST)),
            "list by status": (_by_status(engine), _sql(engine, BY_STATUS)),
            "person": (_looked_up(engine), _sql(engine, PERSON, hash=_aino(engine))),
            "sweep": (_swept(stand, engine), _swept_by_sql(engine)),
        }
        return [figure for what, pair in pairs.items() for figure in await _against(what, *pair)]


async def _against(what: str, ours: Act, plain: Act) -> list[Figure]:
    """The medians of both, taken in turns."""
    times: dict[Act, list[float]] = {ours: [], plain: []}
    for _ in range(TIMES):
        for act, taken in times.items():
            began = time.perf_counter()
            await act()
            taken.append(time.perf_counter() - began)
    mine, least = median(times[ours]), median(times[plain])
    parameters = {"cases": CASES, "of": what}
    return [
        Figure(metric="case_store", parameters=parameters, value=mine * 1000, unit="ms"),
        Figure(
            metric="case_store", parameters={**parameters, "of": f"{what} against SQL"},
            value=mine / least, unit="ratio",
        ),
    ]  # fmt: skip


def _by_status(engine: Engine) -> Act:
    return lambda: engine.client.cases(status=Status.SEARCHING)


def _looked_up(engine: Engine) -> Act:
    aino = Subject.model_validate(AINO)
    return lambda: engine.client.cases(person=aino)


def _swept(stand: Stand, engine: Engine) -> Act:
    nobody: Any = at_once(0)
    desk = Desk(engine.case_file, POLICY, nobody, stand.letters)
    runs = Runs(engine.temporal, engine.case_file, engine.queue)
    sweep = SweepActivities(desk, runs, engine.secrets.signer, stand.folder / "unused")
    return lambda: sweep.deadlines(SweepInput(at=_now()))


def _swept_by_sql(engine: Engine) -> Act:
    async def run() -> None:
        now = _now()
        await _sql(engine, OVERDUE, late=now - GRACE)()
        await _sql(engine, REMIND, now=now, old=now - POLICY.pace.task_reminder)()

    return run


def _sql(engine: Engine, statement: str, **values: Any) -> Act:
    async def run() -> None:
        async with engine.database.begin() as conn:
            done = await conn.execute(text(statement), values)
            if done.returns_rows:
                done.all()

    return run


def _aino(engine: Engine) -> bytes:
    return engine.case_file.keyring.digest("identifier", "email", "aino.virtanen@example.fi")


def _now() -> datetime:
    return datetime.now(UTC)


# -- a grown database --------------------------------------------------------------------------

NEW: Final = "md5('case' || n)::uuid"
OPEN: Final = "n % 50 = 0"
OF_CASE: Final[dict[Table, dict[str, str]]] = {
    t.cases: {
        "id": NEW,
        "number": "'2001-' || n",
        "status": f"case when {OPEN} then 'searching' else 'closed' end",
        "person_hash": "decode(md5(n::text), 'hex')",
        "content_hash": "decode(md5(n::text), 'hex')",
        "safe_date": "safe_date - (n % 700)::int",
    },
    t.identifiers: {
        "case_id": NEW,
        "hash": "decode(md5((n / 3)::text || type || hash::text), 'hex')",
    },
    t.inquiries: {"case_id": NEW},
    t.letters: {"case_id": NEW},
    t.decisions: {"case_id": NEW},
    t.system_tasks: {"case_id": NEW},
    t.tasks: {
        "case_id": NEW,
        "id": "'2001-' || n || '-' || id",
        "done_at": f"case when {OPEN} then null else since end",
    },
}
"""What is new in a copy of a case."""

FIRST: Final = (
    "insert into dsr.letters (case_id, id, kind, written_at) values (:case, 'L1', 'reply', now())",
    "insert into dsr.decisions (case_id, what, by, at) values (:case, 'approve', 'x', now())",
    """insert into dsr.tasks (id, case_id, what, role, since)
    values ('1', :case, 'review', 'handler', now()), ('2', :case, 'decide', 'approver', now())""",
    """insert into dsr.system_tasks (case_id, name, position, duty, outcome, since)
    values (:case, 'system_0', 0, 'search', 'found', now()),
    (:case, 'system_1', 1, 'search', 'found', now())""",
)
"""What a case leaves behind, in the first of them."""


async def filled(engine: Engine, cases: int) -> None:
    """So many cases: one was received, the others are copies; one in fifty of them is open."""
    case = (await engine.client.submit(somebody(of=AINO))).case
    async with engine.database.begin() as conn:
        for statement in FIRST:
            await conn.execute(text(statement), {"case": case})
        for table, new in OF_CASE.items():
            await conn.execute(text(_copies(table, new)), {"case": case, "count": cases - 1})
        await conn.execute(text("analyze"))


def _copies(table: Table, new: dict[str, str]) -> str:
    mine = "id" if table is t.cases else "case_id"
    names = [column.name for column in table.columns if column.identity is None]
    values = ", ".join(new.get(name, f'"{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    return (
        f"insert into {table.fullname} ({columns}) select {values} "
        f"from {table.fullname}, generate_series(1, cast(:count as int)) n "
        f"where {mine} = :case"
    )
