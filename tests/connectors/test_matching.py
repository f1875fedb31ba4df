"""Whom an identifier finds, however it is written there."""

import pytest

from connectors.contract import Found
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import AINO, CUSTOMERS, find, keys, person, small


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("Aino@Posti.Example", "aino@posti.example"),
        (" aino @posti.example\u00a0", "aino@posti.example"),
        ("aino@posti.example", " AINO@POSTI.EXAMPLE "),
        ("päivi@työ.example", "päivi@xn--ty-gka.example"),
        ("PÄIVI@XN--TY-GKA.EXAMPLE", "päivi@työ.example"),
        ("ÅSA@posti.example", "åsa@posti.example"),
        ("a\u030asa@posti.example", "åsa@posti.example"),
        ("gross@straße.example", "gross@xn--strae-oqa.example"),
    ],
)
@pytest.mark.parametrize("options", ["", "encoding 'UTF8' locale 'C'"])
async def test_an_address_matches_whatever_its_case_spaces_and_domain_form(
    register_new: NewDatabase, stored: str, given: str, options: str
) -> None:
    url = await register_new(
        f"create table t (id int primary key, email text); insert into t values (1, '{stored}'), "
        "(2, 'somebody@else.example'), (3, null), (4, '')",
        options=options,
    )

    found = await find(small({"t": {"id": "", "email": "email"}}), url, person("A", email=given))

    assert keys(found.rows) == [("t", 1)]


async def test_a_database_in_latin_1_is_searched_for_what_it_can_hold(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        "create table t (id int primary key, email text); "
        "insert into t values (1, 'åsa@työ.example'), (2, 'b@b.example')",
        options="encoding 'LATIN1' locale 'C'",
    )
    manifest = small({"t": {"id": "", "email": "email"}})

    assert keys((await find(manifest, url, person("Å", email="Åsa@työ.example"))).rows) == [
        ("t", 1)
    ]
    assert (await find(manifest, url, person("Ł", email="łukasz@b.example"))).rows == ()


@pytest.mark.parametrize(
    "stored",
    ["+358 40 555-0001", "00358405550001", "040 555 0001", "(+358) 0405550001", "358405550001",
     "+358 (0)40 555 0001"],
)  # fmt: skip
@pytest.mark.parametrize("given", ["+358405550001", "0405550001"])
async def test_a_phone_number_matches_by_its_digits_with_or_without_the_calling_code(
    register_new: NewDatabase, stored: str, given: str
) -> None:
    url = await register_new(
        f"create table t (id int primary key, phone text); insert into t values (1, '{stored}'), "
        "(2, '+46 40 555 0001'), (3, '')"
    )
    manifest = small({"t": {"id": "", "phone": "phone"}}, calling_code="358")

    assert keys((await find(manifest, url, person("A", phone=given))).rows) == [("t", 1)]


async def test_other_identifiers_match_whatever_their_case_and_spaces(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        "create table t (id int primary key, no text); insert into t values (1, 'k 100-1')"
    )
    manifest = small({"t": {"id": "", "no": "customer_number"}})

    assert keys((await find(manifest, url, person("A", customer_number="K100-1"))).rows) == [
        ("t", 1)
    ]


@pytest.mark.parametrize(
    ("column_type", "stored"),
    [("varchar(80)", "'aino@posti.example'"), ("char(80)", "'aino@posti.example'"),
     ("text[]", "array['x@y.example', 'Aino@posti.example']"),
     ("mail", "'aino@posti.example'")],
)  # fmt: skip
async def test_an_identifier_is_found_in_every_text_like_column(
    register_new: NewDatabase, column_type: str, stored: str
) -> None:
    url = await register_new(
        "create domain mail as text not null; "
        f"create table t (id int primary key, email {column_type}); "
        f"insert into t values (1, {stored})"
    )

    assert keys((await find(small({"t": {"id": "", "email": "email"}}), url, AINO)).rows) == [
        ("t", 1)
    ]


async def test_a_number_identifies_in_a_numeric_column(register_new: NewDatabase) -> None:
    url = await register_new(
        "create table t (no bigint primary key); insert into t values (1001), (1002)"
    )

    found = await find(
        small({"t": {"no": "customer_number"}}), url, person("A", customer_number="1001")
    )

    assert keys(found.rows) == [("t", 1001)]


async def test_nobody_is_found_by_name_alone_or_by_an_empty_identifier(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        "create table t (id int primary key, name text, email text, phone text); "
        "insert into t values (1, 'Aino Virtanen', '', ''), (2, 'Aino Virtanen', ' ', '-')"
    )
    manifest = small({"t": {**CUSTOMERS, "phone": "phone"}})

    assert await find(manifest, url, person("Aino Virtanen")) == Found()
    assert await find(manifest, url, person("Aino Virtanen", email=" ", phone="-")) == Found()
