"""`dsr recipients`, as it is typed, while Temporal is away."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from rules import deadlines
from starter.configuration import load
from storage import tables as t
from storage.database import connect
from tests.cli.command import SHIPPED, assert_one_sentence, dsr, while_temporal_is_away
from tests.holds.deskwork import AT, CASE_ROW

NUMBER = "2027-0001"


@pytest.fixture
def here(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped controller, with a deletion of which the training expert was told."""
    while_temporal_is_away(monkeypatch, database_url, tmp_path)
    asyncio.run(_told(database_url))


async def _told(url: str) -> None:
    case, clock = uuid4(), deadlines.clock(AT, load(SHIPPED).policy, set_at=AT)
    row = CASE_ROW | {"clock": clock.model_dump(mode="json"), "status": "following_up"}
    engine = connect(url, application="dsr test")
    async with engine.begin() as conn:
        await conn.execute(
            insert(t.cases).values(
                id=case, number=NUMBER, person_hash=b"p", content_hash=b"c", **row
            )
        )
        for position, (name, outcome) in enumerate(
            (("training", "erased"), ("training_expert", "notified"))
        ):
            await conn.execute(
                insert(t.system_tasks).values(
                    case_id=case, name=name, position=position, duty="erase", outcome=outcome,
                    since=AT,
                )
            )  # fmt: skip
    await engine.dispose()


def _lines() -> list[dict[str, Any]]:
    ran = dsr("recipients", NUMBER, "--json")
    assert ran.code == 0, ran.err
    lines: list[dict[str, Any]] = ran.document["recipients"]
    return lines


@pytest.mark.usefixtures("here")
def test_the_list_names_each_recipient_with_its_duty_state_and_what_to_do() -> None:
    (line,) = _lines()
    assert (line["system"], line["duty"], line["state"]) == ("training_expert", "erase", "notified")
    assert (line["recipient"]["relation"], line["recipient"]["country"]) == ("expert", "FI")
    assert (line["since"], line["reminders"]) == ("2027-03-01T09:30:00Z", 0)

    text = dsr("recipients", NUMBER).out
    assert f"dsr resolve-system {NUMBER} SYSTEM leave-out --because impossible" in text

    assert dsr("recipients", NUMBER, "--acknowledged", "training_expert", "--as", "maija").code == 0
    assert _lines()[0]["state"] == "acknowledged"


@pytest.mark.usefixtures("here")
def test_what_is_written_needs_somebody_who_may() -> None:
    assert_one_sentence(dsr("recipients", NUMBER, "--letter"), 2, "--as ACTOR")
    unknown = dsr("recipients", NUMBER, "--acknowledged", "paper_archive", "--as", "maija")
    assert_one_sentence(unknown, 2, "training_expert")
    refused = dsr("recipients", NUMBER, "--acknowledged", "training_expert", "--as", "johan")
    assert_one_sentence(refused, 3, "training_coordinator")
