"""By what a register names a person: a hold may know them by that alone."""

from connectors.contract import ErasurePlan, Identity
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import AT, LIMIT, NO_HOLD, erasing, proven
from tests.connectors.small import small

SQL = """create table c (id int primary key, name text, email text, phone text);
    create table o (id int primary key, c_id int references c, office text);
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example', '040 555 0101'),
        (2, 'Eero Laakso', 'eero@posti.example', '040 555 0202');
    insert into o values (10, 1, 'Mail@Office.example'), (11, 1, 'no address')"""
MANIFEST = small({
    "c": {"id": "", "name": "name", "email": "email", "phone": "phone"},
    "o": {"id": "", "c_id": "<- c.id", "office": "email shared"},
})  # fmt: skip
NAMES = {"aino@posti.example", "+358405550101", "mail@office.example"}


def values(known: tuple[Identity, ...]) -> set[str]:
    return {identity.value for identity in known}


async def test_every_identifier_in_the_persons_rows_is_known_normalised_and_nobody_elses(
    register_new: NewDatabase,
) -> None:
    """Also one that several people share; what is no address names nobody."""
    async with erasing(register_new, SQL, MANIFEST) as one:
        assert values(await one.system.known_as(one.who)) - values(one.who.identities) == (
            NAMES - values(one.who.identities)
        )


async def test_who_agrees_is_told_by_what_the_rows_name_the_person_in_that_transaction(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        before, told = await one.system.known_as(one.who), []
        await one.run("update c set phone = '040 555 0303' where id = 1")

        async def agree(_: ErasurePlan, known: tuple[Identity, ...]) -> None:
            told.append(known)

        await one.system.erase(one.who, AT, NO_HOLD, agree, proven, LIMIT)

        assert values(told[0]) - values(before) == {"+358405550303"}
