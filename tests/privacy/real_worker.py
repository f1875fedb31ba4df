"""`python worker.py` over a real register, answering a marked person; its output is kept."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import asyncpg

from schemas import messages as m
from schemas.case import LetterKind, Outcome, Status
from starter.client import DsrClient
from starter.configuration import Configuration
from starter.connection import Connection
from starter.registers import create_registers
from starter.settings import Settings
from tests.frame.processes import free_address
from tests.privacy.drive import Canary
from tests.privacy.marks import mark, word
from tests.privacy.requests import a_request
from tests.traces.receiver import receiving

ROOT = Path(__file__).parents[2]
QUEUE = "canary-real"
REGISTER = "DSR_CUSTOMERS_URL"
NUMBER = word("no")
ERASED_NUMBER, CORRECTED_NUMBER = f"{NUMBER}2", f"{NUMBER}3"
PATIENCE_SECONDS = 120  # it starts beside everything else


async def a_real_worker_answers(
    canary: Canary, settings: Settings, connection: Connection, shipped: Configuration,
    folder: Path,
) -> None:  # fmt: skip
    """Over the shipped customer register: access; deletion, correction, objection that fail."""
    register = connection.registers[REGISTER]
    await create_registers({"customers": register}, people=0)
    form = a_request("access", "customers")
    form["subject"]["identifiers"][2]["value"] = NUMBER
    await _know(register, NUMBER, form["subject"]["identifiers"][0]["value"])
    client = DsrClient(canary.office.temporal, canary.office.case_file, shipped, QUEUE)
    async with _working(settings, folder):
        number = (await client.submit(form)).number
        await _awaits(client, number, "review")
        await client.act(number, m.Review, by="maija")
        await _awaits(client, number, "decide")
        await client.act(number, m.Decide, by="johan", choice="approve", reason=mark("approval"))
        await _awaits(client, number, "send_reply")
        canary.delivered.append(await client.package(number, by="maija"))
        await canary.office.reaches(number, Status.CLOSED)
        await _erases_once_it_can(client, canary, register)
        await _corrects_what_the_register_takes(client, canary, register)
        await _change(register, REFUSE_WRITING)
        number = (await client.submit(form | OBJECTION)).number
        await _awaits(client, number, "resolve_system")
        await client.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
        await canary.ends(number, Outcome.WITHDRAWN)
        await canary.hand_out(number, LetterKind.CONFIRMATION)


OBJECTION = {"kind": "objection", "purposes": ["marketing"], "idempotency_key": mark("secondkey")}


REFUSE_WRITING = "alter table customers.customers add constraint always check (marketing_allowed)"
REFUSE_DELETING = """
create function customers.refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not deleted: %', old; end $$;
create trigger refuse before delete on customers.customers
    for each row execute function customers.refuse();
"""
"""From then on the register's errors repeat the person's row."""
NAME = {"field": "user.name.last", "old": mark("last"), "new": mark("newvalue")}
LANGUAGE = {"field": "user.demographic.language", "old": "fi", "new": "sv"}
REFUSE_LANGUAGES = """
alter table customers.customers add constraint known check (language = 'fi')
"""


async def _erases_once_it_can(client: DsrClient, canary: Canary, register: str) -> None:
    """The reply tells that the register has not erased, a supplement that it has."""
    form = a_request("delete", "customers")
    form["subject"]["identifiers"][2]["value"] = ERASED_NUMBER
    await _know(register, ERASED_NUMBER, form["subject"]["identifiers"][0]["value"])
    await _change(register, REFUSE_DELETING)
    number = (await client.submit(form)).number
    await _awaits(client, number, "decide")
    await client.act(number, m.Decide, by="johan", choice="approve", reason=mark("approval"))
    await _awaits(client, number, "second_decision")
    await client.act(
        number, m.SecondDecision, by="sari", choice="approve", reason=mark("seconding")
    )
    await _awaits(client, number, "resolve_system")
    await _awaits(client, number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.office.reaches(number, Status.FOLLOWING_UP)
    await _change(register, "drop trigger refuse on customers.customers")
    await client.act(
        number, m.ResolveSystem, by="maija", system="customers", how="retry",
        reason=mark("resolution"),
    )  # fmt: skip
    await _awaits(client, number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def _corrects_what_the_register_takes(
    client: DsrClient, canary: Canary, register: str
) -> None:
    """One value is changed; the other, refused with the row in the error, a person sees to."""
    form = a_request("correct", "customers") | {"corrections": [NAME, LANGUAGE]}
    form["subject"]["identifiers"][2]["value"] = CORRECTED_NUMBER
    await _know(register, CORRECTED_NUMBER, form["subject"]["identifiers"][0]["value"])
    await _change(register, REFUSE_LANGUAGES)
    number = (await client.submit(form)).number
    await _awaits(client, number, "decide")
    await client.act(number, m.Decide, by="maija", choice="approve", reason=mark("approval"))
    await _awaits(client, number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.office.reaches(number, Status.FOLLOWING_UP)
    view = await client.show(number)
    (task,) = [a.task for a in view.awaiting if a.what == "correction_differs"]
    await client.complete_task(number, task, by="maija", records=1, note=mark("tasknote"))
    await _awaits(client, number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def _know(register: str, number: str, email: str) -> None:
    await _change(
        register,
        "insert into customers.customers (customer_number, first_name, last_name, email, language) "
        "values ($1, $2, $3, $4, 'fi')",
        number, mark("first"), mark("last"), email,
    )  # fmt: skip


async def _change(register: str, statement: str, *values: str) -> None:
    """As the operator of the register."""
    conn = await asyncpg.connect(register)
    await conn.execute(statement, *values)
    await conn.close()


@asynccontextmanager
async def _working(settings: Settings, folder: Path) -> AsyncIterator[None]:
    """Its traces and what it tells Prometheus are kept, too."""
    address = free_address()
    with receiving() as receiver:
        async with _worker(
            settings, folder, DSR_HEALTH_ADDRESS=address, DSR_TRACES_ENDPOINT=receiver.url
        ):
            yield
            figures = await asyncio.to_thread(urlopen, f"http://{address}/metrics", None, 20)
            (folder / "figures").write_bytes(figures.read())
        (folder / "traces").write_bytes(b"\n".join(receiver.bodies))


@asynccontextmanager
async def _worker(settings: Settings, folder: Path, **more: str) -> AsyncIterator[None]:
    environment = os.environ | more | {
        "DSR_DATA": str(settings.data), "DSR_CONFIG": str(settings.config),
        "DSR_TASK_QUEUE": QUEUE, "DSR_LOG_LEVEL": "DEBUG",
    }  # fmt: skip
    with (folder / "worker").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "worker.py", env=environment, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


async def _awaits(client: DsrClient, number: str, what: str) -> None:
    for _ in range(PATIENCE_SECONDS * 2):
        if what in {a.what for a in (await client.show(number)).awaiting}:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"the real worker never came to {what}")
