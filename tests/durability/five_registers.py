"""A deletion in five real registers that count what is written to them: of Aino, not of Matti.

Between them they have everything that an erasure does: rows go, with their children; columns are
changed; the law keeps a voucher; in one of them Aino is unknown.
"""

from typing import Any, Final

from connectors.manifest import Manifest
from connectors.registry import Systems
from schemas.case import LetterKind
from schemas.messages import Choice, Decide, SecondDecision
from tests.connectors.erasing import kept
from tests.connectors.small import CUSTOMERS, small
from tests.durability.register import Registers, connected, writes
from tests.office import Office, a_form, now

PEOPLE: Final = """
create table {name}.people (id int primary key, name text, email text);
insert into {name}.people values (1, 'Aino Virtanen', 'aino.virtanen@example.fi'),
    (2, 'Matti Meikäläinen', 'matti@example.fi');
"""
OF_PEOPLE: Final = """
create table {name}.{table} (id int primary key, person int not null references {name}.people,
    dated date);
insert into {name}.{table} values (10, 1, '{old}'), (11, 1, '{new}'), (20, 2, '{new}');
"""
COUNTED: Final = """
create trigger count_write after insert or update or delete on {name}.{table}
    for each row execute function public.count_write();
"""
COUNTER: Final = """
create table public.writes (what text not null);
create function public.count_write() returns trigger language plpgsql as $$
begin
    insert into public.writes values (
        format('%s.%s %s %s', tg_table_schema, tg_table_name, lower(tg_op),
               coalesce(old.id, new.id)));
    return null;
end $$;
"""

CHANGED: Final[dict[str, Any]] = {"people": {"erase": "change"}}
KEYED: Final = {"id": "key", "name": "name = null", "email": "email = null"}
CHILDREN: Final = {"id": "key", "person": "<- people.id", "dated": ""}


def _register(name: str, tables: dict[str, dict[str, str]], **more: Any) -> Manifest:
    manifest = small(tables, schema=name, **more)
    return manifest.model_copy(update={"facts": manifest.facts.model_copy(update={"name": name})})


MANIFESTS: Final = (
    _register(
        "shop", {"people": KEYED, "vouchers": CHILDREN}, erase={**CHANGED, "vouchers": kept()}
    ),
    _register("mail", {"people": CUSTOMERS, "letters": CHILDREN}),
    _register("club", {"people": CUSTOMERS}),
    _register("survey", {"people": KEYED}, erase=CHANGED),
    _register("archive", {"people": CUSTOMERS}),
)

APPROVED: Final = (
    "shop.people update 1", "shop.vouchers delete 10", "mail.people delete 1",
    "mail.letters delete 10", "mail.letters delete 11", "club.people delete 1",
    "survey.people update 1",
)  # fmt: skip
"""What two people approve: Matti's rows, and Aino's voucher of this year, are not in it."""


async def make_registers(url: str) -> None:
    """Five schemas of one database; from now on every written row is counted."""
    today = now().date()
    dates = {"old": today.replace(year=today.year - 9, day=1), "new": today}
    statements = [COUNTER]
    for manifest in MANIFESTS:
        name = manifest.name
        statements += [f"create schema {name};", PEOPLE.format(name=name)]
        for table in (table.name for table in manifest.tables if table.name != "people"):
            statements.append(OF_PEOPLE.format(name=name, table=table, **dates))
        statements += [COUNTED.format(name=name, table=t.name) for t in manifest.tables]
    statements.append("delete from archive.people where id = 1; delete from public.writes;")
    async with connected(url) as connection:
        await connection.execute("".join(statements))


def the_registers(url: str) -> Systems:
    """The five as a worker reaches them."""
    return Systems(MANIFESTS, {"DSR_SMALL_URL": url})


FIVE = Registers(make_registers, the_registers, writes)


async def a_deletion(office: Office) -> str:
    """Planned, approved by two, erased, told."""
    number = await approved(office)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await told(office, number)
    return number


async def approved(office: Office) -> str:
    """Planned and approved by one; the second decision is due."""
    number = await office.receives(a_form("delete"))
    await office.awaits(number, "decide")
    await office.rests(number)  # the last answer is on the row before the run has it
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    return number


async def told(office: Office, number: str) -> None:
    """Erased but for the voucher, which waits for its date; the reply leaves."""
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
