"""A correction reaches every column of its category in the person's rows, and no other value."""

from connectors.contract import Corrected, Correction, Identity, RowKey
from connectors.declared import Restriction
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import Erasing, erasing
from tests.connectors.small import AINO, small

SQL = """create table c (id int primary key, name text, email text unique, phone text);
    create table o (id int primary key, c_id int references c, name varchar(20), mail text,
        born date, home jsonb, label text generated always as (name || '!') stored);
    insert into c values (1, 'Aino Virtanen', 'Aino@posti.example', '040 555 0001'),
                         (2, 'Eero Virtanen', 'eero@posti.example', null);
    insert into o values (10, 1, 'Virtanen, Aino', 'aino@posti.example', '1980-01-01',
                          '{"street": "A 1"}'),
                         (11, 1, 'Aino V', null, null, null),
                         (20, 2, 'Aino Virtanen', 'eero@posti.example', null, null)"""
TABLES = {
    "c": {"id": "key", "name": "name", "email": "email user.contact.email", "phone": "phone"},
    "o": {
        "id": "key", "c_id": "<- c.id", "name": "name", "mail": "user.contact.email",
        "born": "user.demographic.date_of_birth", "home": "user.contact.address", "label": "",
    },
}  # fmt: skip
MANIFEST = small(TABLES, calling_code="358")


async def correct(one: Erasing, field: str, old: str | None, new: str) -> Corrected:
    return await one.system.correct(one.who, (Correction(field=field, old=old, new=new),))


def applied(corrected: Corrected) -> list[tuple[str, str, int, tuple[str, ...]]]:
    return [(c.table, c.column, c.rows, c.before) for c in corrected.applied]


def conflicts(corrected: Corrected) -> list[tuple[str, str, object, str]]:
    return [(c.table, c.column, c.key["id"], c.why) for c in corrected.conflicts]


async def test_every_column_of_the_category_is_corrected_in_the_persons_rows_only(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        done = await correct(one, "user.name", "Aino Virtanen", "Aino Korhonen")

        assert applied(done) == [
            ("c", "name", 1, ("Aino Virtanen",)), ("o", "name", 1, ("Virtanen, Aino",)),
        ]  # fmt: skip
        assert await one.rows("select name from c order by id") == [
            "Aino Korhonen", "Eero Virtanen",
        ]  # fmt: skip
        assert await one.rows("select name from o order by id") == [
            "Aino Korhonen", "Aino V", "Aino Virtanen",
        ]  # fmt: skip


async def test_a_value_that_is_neither_the_old_nor_the_new_one_is_a_conflict_and_stays(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        done = await correct(one, "user.name", "Aino Virtanen", "Aino Korhonen")

        assert conflicts(done) == [("o", "name", 11, "differs")]
        assert done.conflicts[0].held == "Aino V"


async def test_without_an_old_value_nothing_is_compared(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        done = await correct(one, "user.name", None, "Aino Korhonen")

        assert applied(done)[1] == ("o", "name", 2, ("Aino V", "Virtanen, Aino"))
        assert done.conflicts == ()


async def test_an_address_that_finds_the_person_is_corrected_and_a_repetition_finds_it_still(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        first = await correct(one, "user.contact.email", "AINO@posti.example", "aino@uusi.example")
        again = await correct(one, "user.contact.email", "AINO@posti.example", "aino@uusi.example")

        assert applied(first)[0] == ("c", "email", 1, ("Aino@posti.example",))
        assert await one.rows("select email from c where id = 1") == ["aino@uusi.example"]
        assert [(c.table, c.rows, c.before) for c in again.applied] == [("c", 1, ()), ("o", 1, ())]
        assert (await one.system.find(one.who)).rows == ()


async def test_what_a_row_does_not_hold_is_not_added(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        await correct(one, "user.contact.email", None, "aino@uusi.example")

        assert await one.rows("select mail from o where id = 11") == [None]


async def test_a_column_can_be_meant_by_its_name(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        done = await correct(one, "o.name", None, "A")

        assert [(c.table, c.column) for c in done.applied] == [("o", "name")]
        assert applied(await correct(one, "phone", "+358405550001", "040 1"))[0][:2] == (
            "c", "phone",
        )  # fmt: skip


async def test_a_value_that_the_database_refuses_is_a_conflict_and_undoes_nothing_else(
    register_new: NewDatabase,
) -> None:
    """Too long, of another type, taken by somebody else, or generated."""
    corrections = (
        Correction(field="user.name", new="A name of more than twenty letters"),
        Correction(field="user.demographic.date_of_birth", new="long ago"),
        Correction(field="c.email", new="eero@posti.example"),
        Correction(field="label", new="x"),
        Correction(field="user.contact.address", old='{"street":"A 1"}', new='{"street": "B 2"}'),
    )
    async with erasing(register_new, SQL, MANIFEST) as one:
        done = await one.system.correct(AINO, corrections)

        assert sorted(conflicts(done)) == [
            ("c", "email", 1, "refused"), ("o", "born", 10, "refused"),
            ("o", "label", 10, "refused"), ("o", "label", 11, "refused"),
            ("o", "name", 10, "refused"), ("o", "name", 11, "refused"),
        ]  # fmt: skip
        assert await one.rows("select home->>'street' from o where id = 10") == ["B 2"]
        assert await one.rows("select name from c where id = 1") == [corrections[0].new]


async def test_a_generated_column_that_has_followed_stands_corrected(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (id int primary key, first text, last text, email text,
            whole text generated always as (first || ' ' || last) stored);
        insert into c values (1, 'Aino', 'Virtanen', 'aino@posti.example')"""
    columns = {"id": "key", "first": "user.name.first", "last": "user.name.last",
               "whole": "user.name", "email": "email"}  # fmt: skip
    async with erasing(register_new, sql, small({"c": columns})) as one:
        done = await one.system.correct(
            AINO,
            (
                Correction(field="user.name", old="Aino Virtanen", new="Aino Korhonen"),
                Correction(field="user.name.last", old="Virtanen", new="Korhonen"),
            ),
        )

        assert [(c.column, c.rows) for c in done.applied] == [("whole", 1), ("last", 1)]
        assert done.conflicts == ()


async def test_what_a_correction_says_hides_its_values(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        correction = Correction(field="user.name", old="Aino Virtanen", new="Aino Korhonen")
        done = await one.system.correct(AINO, (correction,))

        assert "Aino" not in f"{correction!r} {done!r}"


async def test_doubtful_rows_are_corrected_only_if_somebody_chose_them(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (id int primary key, name text, email text);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example'),
                             (2, 'A. Lehto', 'aino@posti.example')"""
    columns = {"id": "key", "name": "name", "email": "email user.contact.email"}
    correction = Correction(field="user.contact.email", new="aino@uusi.example")
    async with erasing(register_new, sql, small({"c": columns})) as one:
        alone = await one.system.correct(AINO, (correction,))
        chosen = tuple(RowKey(schema_name="public", table="c", key={"id": n}) for n in (1, 2))
        with_it = await one.system.correct(AINO, (correction,), chosen)

        assert [alone.applied[0].rows, with_it.applied[0].rows] == [1, 2]


async def test_with_rows_named_nobody_else_is_met_who_has_the_new_identifier_already(
    register_new: NewDatabase,
) -> None:
    """A number is given to one person for life: it alone would name the other."""
    sql = """create table c (id int primary key, number text, name text);
        insert into c values (1, 'A-1', 'Aino Virtanen'), (2, 'E-2', 'Eero Lehto')"""
    tables = {"c": {"id": "key", "number": "customer_number", "name": "name"}}
    who = AINO.model_copy(update={"identities": (Identity(type="customer_number", value="A-1"),)})
    corrections = (
        Correction(field="number", new="E-2"), Correction(field="c.name", new="Aino Korhonen"),
    )  # fmt: skip
    key = RowKey(schema_name="public", table="c", key={"id": 1})
    async with erasing(register_new, sql, small(tables), who) as one:
        await one.system.correct(who, corrections, (key,))

        assert await one.rows("select name from c order by id") == ["Aino Korhonen", "Eero Lehto"]


async def test_named_rows_are_met_again_under_their_new_name_and_address(
    register_new: NewDatabase,
) -> None:
    """A step that is repeated after a crash finds all that it has changed."""
    corrections = (
        Correction(field="user.name", old="Aino Virtanen", new="Elli Korhonen"),
        Correction(field="user.contact.email", old="aino@posti.example", new="elli@uusi.example"),
    )
    keys = tuple(
        RowKey(schema_name="public", table=table, key={"id": key})
        for table, key in (("c", 1), ("o", 10))
    )
    async with erasing(register_new, SQL, MANIFEST) as one:
        await one.system.correct(one.who, corrections, keys)
        again = await one.system.correct(one.who, corrections, keys)

        assert {(c.table, c.column, c.before) for c in again.applied} == {
            ("c", "email", ()), ("c", "name", ()), ("o", "mail", ()), ("o", "name", ()),
        }  # fmt: skip


async def test_a_restriction_is_lifted_from_named_rows_whatever_was_corrected(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (id int primary key, email text, restricted bool default false);
        insert into c values (1, 'aino@posti.example'), (2, 'eero@posti.example')"""
    tables = {"c": {"id": "key", "email": "email", "restricted": ""}}
    marks = (Restriction(table="c", set={"restricted": True}, lift={"restricted": False}),)
    manifest = small(tables).model_copy(update={"restrict": marks})
    key = RowKey(schema_name="public", table="c", key={"id": 1})
    async with erasing(register_new, sql, manifest) as one:
        await one.system.restrict(one.who, True)
        await one.run("update c set email = 'aino@uusi.example' where id = 1")

        await one.system.restrict(one.who, False, (key,))

        assert await one.rows("select restricted from c order by id") == [False, False]
