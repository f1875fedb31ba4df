"""`dsr hold` and `dsr suppressed`, as they are typed, while Temporal is away."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from storage.secrets import Secrets
from tests.cli.command import SHIPPED, assert_one_sentence, dsr, while_temporal_is_away
from tests.docs.pages import blocks
from tests.holds.deskwork import AINO, an_order

Order = Callable[..., str]


@pytest.fixture
def here(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shipped controller on this test's own database."""
    while_temporal_is_away(monkeypatch, database_url, tmp_path)
    return database_url


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """The file that the DPO hands in."""

    def write(**more: Any) -> str:
        (tmp_path / "order.json").write_text(json.dumps(an_order(**more)))
        return str(tmp_path / "order.json")

    return write


def _placed(order: Order, *options: str, **more: Any) -> dict[str, Any]:
    ran = dsr("hold", "place", "--file", order(**more), "--as", "ritva", "--json", *options)
    assert ran.code == 0, ran.err
    document: dict[str, Any] = ran.document
    return document


def _listed(*options: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = dsr("hold", "list", "--json", *options).document
    return listed


@pytest.mark.usefixtures("here")
def test_a_hold_from_placing_to_release(order: Order) -> None:
    placed = dsr("hold", "place", "--file", order(systems=["customers"]), "--as", "ritva")
    assert placed.code == 0, placed.err
    assert "customers: protected." in placed.out
    assert "unless a second person confirms it: dsr hold confirm" in placed.out
    (hold,) = _listed()
    assert dsr("hold", "confirm", hold["id"], "--as", "johan").code == 0
    assert dsr("hold", "review", hold["id"], "--until", _in_months(3), "--as", "ritva").code == 0
    released = dsr("hold", "release", hold["id"], "--as", "ritva", "--reason", "over")
    assert "The hold is released." in released.out
    assert [h["state"] for h in _listed()] == ["released"]


def _in_months(months: int) -> str:
    return str(date.today() + timedelta(days=30 * months))  # noqa: DTZ011


@pytest.mark.usefixtures("here")
def test_the_order_of_the_docs_is_taken(tmp_path: Path) -> None:
    (shown,) = (b for b in blocks("docs/holds.md", "json") if b.name == "order.json")
    (tmp_path / "order.json").write_text(shown.text)
    placed = dsr("hold", "place", "--file", str(tmp_path / "order.json"), "--as", "ritva")
    assert placed.code == 0, placed.err
    assert "one person in customers, group_invoicing: user.contact, user.financial" in placed.out


@pytest.mark.usefixtures("here")
def test_the_answer_names_every_system_it_concerns(order: Order) -> None:
    fates = _placed(order)["fates"]
    declared = {path.stem for path in (SHIPPED / "systems").glob("*.yaml")}
    assert {fate["system"] for fate in fates} == declared
    assert {fate["fate"] for fate in fates} == {"protected"}


@pytest.mark.usefixtures("here")
def test_a_hold_is_refused_in_one_sentence(order: Order) -> None:
    as_ritva = ("--as", "ritva")
    assert_one_sentence(
        dsr("hold", "place", "--file", order(country="US"), *as_ritva), 3, "Art. 48"
    )
    assert_one_sentence(
        dsr("hold", "place", "--file", order(person=None), *as_ritva), 2, "needs a person"
    )
    assert_one_sentence(dsr("hold", "place", "--file", order(), "--as", "maija"), 3, "by the dpo")
    assert_one_sentence(dsr("hold", "place", "--file", order(), "--as", "x"), 3, "staff directory")
    hold = _placed(order)["id"]
    assert_one_sentence(dsr("hold", "confirm", hold, *as_ritva), 3, "second person")
    assert_one_sentence(dsr("hold", "review", hold, "--until", "soon", *as_ritva), 2, "local date")
    assert_one_sentence(dsr("hold", "release", hold, *as_ritva), 2, "--reason TEXT")


@pytest.mark.usefixtures("here")
def test_a_secret_hold_is_listed_to_the_dpo_only(order: Order) -> None:
    _placed(order, "--secret")
    for options in ((), ("--as", "maija"), ("--as", "johan")):
        assert _listed(*options) == []
        assert "käräjäoikeus" not in dsr("hold", "list", *options).out
    shown = dsr("hold", "list", "--as", "ritva").out
    assert "provisional, secret" in shown
    assert "Helsingin käräjäoikeus, L 27/1234 (FI)" in shown


@pytest.mark.usefixtures("here")
def test_holds_that_need_somebody_are_told_with_the_tasks_unless_secret(order: Order) -> None:
    _placed(order, "--secret")
    assert dsr("tasks").err == ""
    _placed(order)
    for options in ((), ("--role", "dpo"), ("--json",)):
        assert "1 hold(s) need somebody: dsr hold list --as ACTOR" in dsr("tasks", *options).err
    assert dsr("tasks", "--role", "archivist").err == ""


def _suppress(url: str, keys: Path, purpose: str) -> None:
    value = Secrets.load(keys).pepper.digest("identifier", "email", AINO)

    async def write() -> None:
        conn = await asyncpg.connect(url)
        await conn.execute(
            "insert into dsr.suppressions values ($1, $2, true, now(), '2027-0001')",
            value, purpose,
        )  # fmt: skip
        await conn.close()

    asyncio.run(write())


def test_an_importer_asks_whether_an_address_is_suppressed(here: str, tmp_path: Path) -> None:
    _suppress(here, tmp_path / "keys", "marketing")
    address = " Aino.Virtanen@example.fi\n"  # as a file has it
    asked = ("suppressed", "--email-file", "-", "--purpose")

    stopped = dsr(*asked, "marketing", stdin=address)
    assert_one_sentence(stopped, 1, "Suppressed for marketing")
    assert AINO not in stopped.err.lower()
    both = dsr(*asked, "marketing", "--json", stdin=address)
    assert (both.code, both.document) == (1, {"suppressed": True, "purposes": ["marketing"]})

    free = dsr(*asked, "surveys", "--json", stdin=address)
    assert (free.code, free.document) == (0, {"suppressed": False, "purposes": ["marketing"]})
    assert (
        dsr(*asked, "marketing", stdin="eero@example.fi").out == "Not suppressed for marketing.\n"
    )


@pytest.mark.usefixtures("here")
def test_an_importer_that_asks_wrongly_is_not_told_to_go_on() -> None:
    asked = ("suppressed", "--email-file", "-", "--purpose")
    assert_one_sentence(dsr(*asked, "marketting", stdin=AINO), 2, "Known: marketing")
    assert_one_sentence(dsr(*asked, "marketing", stdin="aino"), 2, "malformed")
    assert_one_sentence(dsr("suppressed", "--purpose", "marketing"), 2, "--email-file")
