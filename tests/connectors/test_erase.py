"""What erasing deletes, changes and keeps in real tables, and what stops it."""

import pytest

from connectors.contract import Detached, Held, Kept, RowKey, SystemMisdeclared
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import REASON, erasing, kept, limited, noon, planned
from tests.connectors.small import CUSTOMERS, small

PEOPLE = """create table c (id int primary key, name text, email text);
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example'), (2, 'B', 'b@b.example');"""
ORDERS = {"c": CUSTOMERS, "o": {"id": "", "c_id": "<- c.id"}}


async def test_rows_of_the_person_go_children_too_and_others_stay(
    register_new: NewDatabase,
) -> None:
    sql = (
        PEOPLE
        + """create table o (id int primary key, c_id int not null references c);
        create table l (o_id int references o, n int, primary key (o_id, n));
        insert into o values (10, 1), (11, 2); insert into l values (10, 1), (10, 2), (11, 1)"""
    )
    tables = {**ORDERS, "l": {"o_id": "<- o.id", "n": ""}}
    async with erasing(register_new, sql, small(tables)) as one:
        plan = await one.plan()
        assert planned(plan) == [
            ("c", "delete", 1), ("l", "delete", 10, 1), ("l", "delete", 10, 2), ("o", "delete", 10),
        ]  # fmt: skip
        assert (await one.rows("select count(*) from c")) == [2]  # planning changes nothing

        erased = await one.erase()

        assert (erased.deleted, erased.changed, erased.kept) == (4, 0, ())
        assert await one.rows("select id from c") == [2]
        assert await one.rows("select o_id, n from l") == [(11, 1)]
        assert await one.remains() == ()


async def test_erased_once_nothing_is_left_to_plan(register_new: NewDatabase) -> None:
    async with erasing(register_new, PEOPLE, small({"c": CUSTOMERS})) as one:
        await one.erase()

        assert (await one.plan()).tables == ()
        assert (await one.erase()).deleted == 0


async def test_equal_plans_are_equal_bytes_however_the_rows_are_stored(
    register_new: NewDatabase,
) -> None:
    sql = (
        PEOPLE + "create table o (id int primary key, c_id int references c);"
        "insert into o values (11, 1), (9, 1), (10, 1)"
    )
    async with erasing(register_new, sql, small(ORDERS)) as one:
        before = await one.plan()
        await one.run("update o set c_id = 1 where id = 9; cluster o using o_pkey")

        assert (await one.plan()).model_dump_json() == before.model_dump_json()
        assert planned(before)[1:] == [("o", "delete", n) for n in (9, 10, 11)]


async def test_columns_of_the_person_are_changed_to_null_or_a_constant_and_the_row_stays(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (id int primary key, name text not null, email text, vip boolean,
            notes jsonb, seen int);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', true, '{"a": 1}', 5)"""
    columns = {
        "id": "key", "name": "name = '-'", "email": "email = null", "vip": "= false",
        "notes": "= '{}'", "seen": "= 0",
    }  # fmt: skip
    async with erasing(
        register_new, sql, small({"c": columns}, erase={"c": {"erase": "change"}})
    ) as one:
        (table,) = (await one.plan()).tables
        assert (table.action, table.rows[0].key) == ("change", {"id": 1})
        assert table.rows[0].columns == ("email", "name", "notes", "seen", "vip")

        assert (await one.erase()).changed == 1

        assert await one.rows("select * from c") == [(1, "-", None, False, "{}", 0)]
        known = RowKey(schema_name="public", table="c", key={"id": 1})
        assert (await one.plan(chosen=(known,))).tables == ()


VOUCHERS = (
    PEOPLE
    + """create table v (id int primary key, c_id int not null references c, dated date);
    insert into v values (1, 1, '2019-12-31'), (2, 1, '2020-01-01'), (3, 1, null)"""
)
KEEPING = {
    "c": {"id": "key", "name": "name = null", "email": "email = null"},
    "v": {"id": "key", "c_id": "<- c.id", "dated": ""},
}


async def test_vouchers_stay_until_their_time_has_passed_and_say_why(
    register_new: NewDatabase,
) -> None:
    """Six years from the end of the calendar year in which the financial year ended."""
    manifest = small(KEEPING, erase={"c": {"erase": "change"}, "v": kept()})
    async with erasing(register_new, VOUCHERS, manifest) as one:
        assert planned(await one.plan()) == [
            ("c", "change", 1), ("v", "delete", 1), ("v", "keep", 2), ("v", "keep", 3),
        ]  # fmt: skip

        erased = await one.erase()

        told = {"schema_name": "public", "table": "v", "records": 1, "reason": "legal_obligation",
                "explanation": REASON, "provision": "A law s. 1"}  # fmt: skip
        assert erased.kept == (
            Kept.model_validate(told | {"until": "2026-12-31"}),
            Kept.model_validate(told | {"until": None}),  # nothing says that its time has passed
        )
        assert await one.rows("select id from v order by 1") == [2, 3]


async def test_what_kept_rows_refer_to_stays_as_long_as_the_last_of_them(
    register_new: NewDatabase,
) -> None:
    """Here only the database knows of the reference."""
    sql = PEOPLE + (
        "create table v (id int primary key, c_id int references c, dated date, email text);"
        "insert into v values (1, 1, '2022-05-05', 'aino@posti.example'),"
        "(2, 1, '2024-05-05', 'aino@posti.example'), (3, 1, '2023-05-05', 'aino@posti.example')"
    )
    tables = {"c": CUSTOMERS, "v": {"id": "key", "dated": "", "email": "email"}}
    async with erasing(register_new, sql, small(tables, erase={"v": kept()})) as one:
        people, vouchers = (await one.plan()).tables

        assert (people.action, str(people.rows[0].until)) == ("keep", "2030-12-31")
        assert [str(row.until)[:4] for row in vouchers.rows] == ["2028", "2030", "2029"]


async def test_what_was_kept_is_deleted_later_by_its_key_though_its_person_has_no_name_any_more(
    register_new: NewDatabase,
) -> None:
    manifest = small(KEEPING, erase={"c": {"erase": "change"}, "v": kept()})
    async with erasing(register_new, VOUCHERS, manifest) as one:
        plan = await one.plan()
        await one.erase()
        keys = tuple(
            RowKey(schema_name=t.schema_name, table=t.table, key=row.key)
            for t in plan.tables if t.action == "keep" for row in t.rows
        )  # fmt: skip
        later = plan.tables[-1].rows[0].until
        assert later is not None

        on_the_day = await one.plan(at=noon(later.isoformat()), chosen=keys)
        after = await one.plan(at=noon("2027-01-01"), chosen=keys)

        assert planned(on_the_day) == [("v", "keep", 2), ("v", "keep", 3)]
        assert planned(after) == [("v", "delete", 2), ("v", "keep", 3)]


@pytest.mark.parametrize(
    ("stored", "until"),
    [("2019-12-31T21:59Z", "2025-12-31"), ("2019-12-31T22:00Z", "2026-12-31")],
)
async def test_an_instant_counts_on_its_date_in_the_systems_time_zone(
    register_new: NewDatabase, stored: str, until: str
) -> None:
    sql = VOUCHERS.replace("dated date", "dated timestamptz").replace("'2020-01-01'", f"'{stored}'")
    manifest = small(KEEPING, erase={"c": {"erase": "change"}, "v": kept()})
    async with erasing(register_new, sql, manifest) as one:
        plan = await one.plan(at=noon("2025-12-31"))

        (row,) = [r for t in plan.tables if t.table == "v" for r in t.rows if r.key == {"id": 2}]
        assert str(row.until) == until


async def test_cycles_of_references_are_no_hindrance(register_new: NewDatabase) -> None:
    sql = """create table c (id int primary key, name text, email text, last_o int);
        create table o (id int primary key, c_id int not null references c on delete restrict,
            next int references o on delete restrict);
        alter table c add foreign key (last_o) references o on delete restrict;
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', null);
        insert into o values (10, 1, null); insert into o values (11, 1, 10), (12, 1, 11);
        update o set next = 12 where id = 10; update c set last_o = 12"""
    async with erasing(register_new, sql, small(ORDERS)) as one:
        assert (await one.erase()).deleted == 4

        assert await one.rows("select count(*) from o") == [0]


async def test_deferred_references_are_no_hindrance(register_new: NewDatabase) -> None:
    sql = (
        PEOPLE + "create table o (id int primary key, c_id int);"
        "alter table o add foreign key (c_id) references c deferrable initially deferred;"
        "insert into o values (10, 1)"
    )
    async with erasing(register_new, sql, small(ORDERS)) as one:
        assert (await one.erase()).deleted == 2


async def test_composite_keys_partitions_and_inheriting_tables_are_erased_by_their_root(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (tenant int, no text, name text, email text, primary key (tenant, no));
        create table p (tenant int, no text, y int, primary key (tenant, no, y),
            foreign key (tenant, no) references c) partition by range (y);
        create table p1 partition of p for values from (0) to (2025);
        create table p2 partition of p for values from (2025) to (3000);
        create table person (id int primary key, email text);
        create table employee (boss text) inherits (person);
        insert into c values (1, 'x', 'Aino Virtanen', 'aino@posti.example'), (1, 'y', 'B', 'b@b');
        insert into p values (1, 'x', 2024), (1, 'x', 2025), (1, 'y', 2025);
        insert into person values (1, 'aino@posti.example'), (2, 'b@b.example');
        insert into employee values (3, 'aino@posti.example', 'Pomo')"""
    tables = {
        "c": {"tenant": "key", "no": "key", "name": "name", "email": "email"},
        "p": {"tenant": "<- c.tenant", "no": "<- c.no", "y": ""},
        "person": {"id": "", "email": "email"},
    }
    async with erasing(register_new, sql, small(tables)) as one:
        assert planned(await one.plan()) == [
            ("c", "delete", 1, "x"), ("p", "delete", 1, "x", 2024), ("p", "delete", 1, "x", 2025),
            ("person", "delete", 1), ("person", "delete", 3),
        ]  # fmt: skip

        assert (await one.erase()).deleted == 5

        assert await one.rows("select no, y from p") == [("y", 2025)]
        assert await one.rows("select id from person") == [2]


async def test_columns_that_only_an_inheriting_table_has_are_changed_too(
    register_new: NewDatabase,
) -> None:
    sql = """create table person (id int primary key, email text);
        create table employee (boss text, salary int) inherits (person);
        insert into employee values (3, 'aino@posti.example', 'Pomo', 100)"""
    tables = {
        "person": {"id": "key", "email": "email = null"},
        "employee": {"boss": "= null", "salary": "= null"},
    }
    manifest = small(tables, erase={name: {"erase": "change"} for name in tables})
    async with erasing(register_new, sql, manifest) as one:
        assert (await one.erase()).changed == 1

        assert await one.rows("select * from employee") == [(3, None, None, None)]


async def test_rights_on_the_root_of_partitions_are_enough(register_new: NewDatabase) -> None:
    sql = """create table c (id int primary key, name text, email text) partition by range (id);
        create table c1 partition of c for values from (0) to (10);
        create table o (c_id int, n int, primary key (n)) partition by range (n);
        create table o1 partition of o for values from (0) to (10);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example'); insert into o values (1, 2)
        """
    tables = {
        "c": {"id": "key", "name": "name = null", "email": "email = null"},
        "o": {"c_id": "<- c.id", "n": "key"},
    }
    manifest = small(tables, erase={"c": {"erase": "change"}})
    async with limited(register_new, sql, manifest, "grant all on c, o") as one:
        await one.system.check()

        erased = await one.erase()

        assert (erased.deleted, erased.changed) == (1, 1)


async def test_equal_rows_without_a_key_are_all_erased(register_new: NewDatabase) -> None:
    sql = PEOPLE + (
        "create table log (c_id int, at date);"
        "insert into log values (1, '2025-01-01'), (1, '2025-01-01'), (2, '2025-01-01')"
    )
    tables = {"c": CUSTOMERS, "log": {"c_id": "<- c.id", "at": ""}}
    async with erasing(register_new, sql, small(tables)) as one:
        assert (await one.erase()).deleted == 3

        assert await one.rows("select c_id from log") == [2]


SHARED = """create table c (id int primary key, name text, email text);
    create table o (id int primary key, c_id int references c);
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example'),
                         (2, 'Eero Virtanen', 'aino@posti.example');
    insert into o values (10, 1), (20, 2)"""


async def test_who_shares_an_address_is_counted_as_doubtful_and_never_erased(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SHARED, small(ORDERS)) as one:
        plan = await one.plan()
        assert planned(plan) == [("c", "delete", 1), ("o", "delete", 10)]
        assert plan.doubtful == 2

        await one.erase()

        assert await one.rows("select name from c") == ["Eero Virtanen"]
        assert await one.rows("select id from o") == [20]
        assert await one.remains() == ()  # the address is his too


async def test_a_doubtful_row_that_a_person_chose_is_erased_with_what_belongs_to_it(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SHARED, small(ORDERS)) as one:
        found = await one.system.find(one.who)
        chosen = tuple(row.row_key for row in found.doubtful if row.table == "c")

        plan = await one.plan(chosen=chosen)
        assert planned(plan) == [
            ("c", "delete", 1), ("c", "delete", 2), ("o", "delete", 10), ("o", "delete", 20),
        ]  # fmt: skip
        assert plan.doubtful == 0
        assert (await one.erase(chosen=chosen)).deleted == 4


REFERRED = (
    PEOPLE + "alter table c add by_whom int references c; update c set by_whom = 1 where id = 2;"
)


async def test_a_reference_of_somebody_else_is_cut_where_the_manifest_says_to_what(
    register_new: NewDatabase,
) -> None:
    tables = {"c": {**CUSTOMERS, "by_whom": "<- c.id = null"}}
    async with erasing(register_new, REFERRED, small(tables)) as one:
        plan = await one.plan()
        assert planned(plan) == [("c", "delete", 1)]
        assert plan.detached == (
            Detached(schema_name="public", table="c", column="by_whom", records=1),
        )

        await one.erase()

        assert await one.rows("select id, name, by_whom from c") == [(2, "B", None)]


async def test_without_a_word_on_it_somebody_elses_reference_blocks_the_whole_erasure(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, REFERRED, small({"c": CUSTOMERS})) as one:
        (blocked,) = (await one.plan()).blocked
        assert "public.c refers to rows to be deleted (public.c.id -> public.c.by_whom)" in blocked

        with pytest.raises(SystemMisdeclared, match=r"nothing was erased: public\.c refers"):
            await one.erase()
        assert await one.rows("select count(*) from c") == [2]


async def test_a_cascade_never_takes_rows_of_somebody_else(register_new: NewDatabase) -> None:
    sql = REFERRED.replace("references c;", "references c on delete cascade;")
    async with erasing(register_new, sql, small({"c": CUSTOMERS})) as one:
        assert (await one.plan()).blocked != ()


@pytest.mark.parametrize(
    ("on_delete", "is_blocked"), [("cascade", False), ("no action", True), ("set null", True)]
)
async def test_rows_of_a_table_that_nothing_is_declared_of_go_by_cascade_or_block(
    register_new: NewDatabase, on_delete: str, is_blocked: bool
) -> None:
    sql = PEOPLE + (
        f"create table n (id int primary key, c_id int references c on delete {on_delete});"
        f"create table m (n_id int references n on delete {on_delete});"
        "insert into n values (5, 1), (6, 2); insert into m values (5), (6)"
    )
    async with erasing(register_new, sql, small({"c": CUSTOMERS})) as one:
        plan = await one.plan()

        assert bool(plan.blocked) is is_blocked
        if not is_blocked:
            assert planned(plan) == [("c", "delete", 1), ("m", "delete", 5), ("n", "delete", 5)]
            assert (await one.erase()).deleted == 3


async def test_a_parent_goes_with_the_last_that_refers_to_it(register_new: NewDatabase) -> None:
    sql = """create table home (id int primary key, street text);
        create table c (id int primary key, name text, email text, home int references home);
        insert into home values (1, 'Shared'), (2, 'Own');
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', 1),
            (2, 'Aino Virtanen', 'aino@posti.example', 2), (3, 'B', 'b@b.example', 1)"""
    tables = {"home": {"id": "", "street": ""}, "c": {**CUSTOMERS, "home": "-> home.id"}}
    async with erasing(register_new, sql, small(tables)) as one:
        assert planned(await one.plan()) == [
            ("c", "delete", 1), ("c", "delete", 2), ("home", "delete", 2),
        ]  # fmt: skip

        await one.erase()

        assert await one.rows("select street from home") == ["Shared"]


async def test_a_hold_on_everything_keeps_everything(register_new: NewDatabase) -> None:
    sql = PEOPLE + (
        "create table o (id int primary key, c_id int references c); insert into o values (10, 1)"
    )
    async with erasing(register_new, sql, small(ORDERS)) as one:
        erased = await one.erase(Held(everything=True))

        assert (erased.deleted, erased.changed) == (0, 0)
        assert [(k.table, k.records, k.reason, k.explanation) for k in erased.kept] == [
            ("c", 1, "legal_hold", {}), ("o", 1, "legal_hold", {}),
        ]  # fmt: skip


async def test_a_hold_on_a_category_keeps_its_rows_and_those_that_they_refer_to(
    register_new: NewDatabase,
) -> None:
    sql = (
        PEOPLE
        + """create table o (id int primary key, c_id int not null references c, what text);
        create table note (id int primary key, c_id int references c);
        insert into o values (10, 1, 'x'); insert into note values (7, 1)"""
    )
    tables = {
        **ORDERS,
        "o": {"id": "", "c_id": "<- c.id", "what": "user.behavior.purchase_history"},
        "note": {"id": "", "c_id": "<- c.id"},
    }
    async with erasing(register_new, sql, small(tables)) as one:
        plan = await one.plan(Held(categories=("user.behavior",)))

        assert planned(plan) == [("c", "keep", 1), ("note", "delete", 7), ("o", "keep", 10)]
        assert await one.plan(Held(categories=("user.behaviour",))) == await one.plan()
        narrower = Held(categories=("user.behavior.purchase_history.card",))
        assert await one.plan(narrower) == plan  # the column could hold it


async def test_a_hold_keeps_columns_of_a_row_that_is_only_changed(
    register_new: NewDatabase,
) -> None:
    columns = {"id": "key", "name": "name = null", "email": "email user.contact.email = null"}
    manifest = small({"c": columns}, erase={"c": {"erase": "change"}})
    async with erasing(register_new, PEOPLE, manifest) as one:
        held = Held(categories=("user.contact",))
        plan = await one.plan(held)
        assert [(t.action, t.rows[0].columns) for t in plan.tables] == [
            ("change", ("name",)), ("keep", ("email",)),
        ]  # fmt: skip

        await one.erase(held)

        assert await one.rows("select name, email from c where id = 1") == [
            (None, "aino@posti.example")
        ]
        assert await one.remains(plan) == ()
        assert len(await one.remains()) == 1


async def test_a_table_that_nothing_is_declared_of_is_held_by_every_hold(
    register_new: NewDatabase,
) -> None:
    """It could hold any category: in doubt it is protected."""
    sql = PEOPLE + (
        "create table n (id int primary key, c_id int references c on delete cascade);"
        "insert into n values (5, 1)"
    )
    async with erasing(register_new, sql, small({"c": CUSTOMERS})) as one:
        plan = await one.plan(Held(categories=("user.financial",)))

        assert planned(plan) == [("c", "keep", 1), ("n", "keep", 5)]


async def test_a_trigger_that_keeps_rows_is_no_success(register_new: NewDatabase) -> None:
    """Nothing deleted is not success."""
    sql = PEOPLE + (
        "create function no() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger t before delete on c for each row execute function no()"
    )
    async with erasing(register_new, sql, small({"c": CUSTOMERS})) as one:
        with pytest.raises(SystemMisdeclared, match="a trigger, rule or policy"):
            await one.erase()


async def test_what_erased_says_hides_its_values(register_new: NewDatabase) -> None:
    async with erasing(register_new, PEOPLE, small({"c": {**CUSTOMERS, "id": "key"}})) as one:
        plan, erased = await one.plan(), await one.erase()

        assert "aino" not in f"{plan!r} {erased!r}".lower()
        assert [i.value for i in erased.identities] == ["aino@posti.example"]
