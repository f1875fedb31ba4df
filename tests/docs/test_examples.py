"""What the pages show happens: their commands, files and programs run on a real engine."""

import ast
import re
import shlex
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from activities.letters import Letters
from connectors.contract import Identity, Person
from connectors.registry import Systems
from rules.fees import Inquiry, InquiryOutcome, assess
from schemas.case import CaseView, FeeAssessment
from schemas.policy import FeePolicyName
from schemas.request import Kind
from schemas.systems import Reach
from starter.cli.next_steps import waits_for_a_person
from starter.configuration import load
from starter.connection import Connection
from starter.settings import SHIPPED_CONFIG
from tests.cli.command import dsr
from tests.docs.pages import Told, blocks, text_of, told

HELSINKI = ZoneInfo("Europe/Helsinki")

PATIENCE_SECONDS = 90

_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
)  # fmt: skip
MASKS = (
    (re.compile(rf"(?:(?:{_DAYS})[a-z]* )?\d{{1,2}} (?:{_MONTHS}) \d{{4}}"), "DAY"),
    (re.compile(rf"(?:(?:{_DAYS}) )?\d{{4}}-\d\d-\d\d(?: \d\d:\d\d)?"), "DATE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"\d+ entries of"), "N entries of"),
    (re.compile(r"\b(?!1 )\d+ case\(s\)"), "N case(s)"),
    (re.compile(r"\d+ checkpoint\(s\)"), "N checkpoint(s)"),
)
"""What differs from day to day and from machine to machine."""

WRITTEN = re.compile(r"\b2026-\d{4}\b")
"""A case number as the pages write it."""

Numbers = dict[str, str]
"""Which number a case of the page has here: the sweep gives numbers to ended relations, too."""


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_the_commands_of_a_page_do_what_it_says(page: str, trial_here: Path) -> None:
    _write_files(page, trial_here)
    numbers: Numbers = {}
    for one in told(page):
        command = WRITTEN.sub(lambda written: _given(written[0], numbers), one.command)
        _wait_for_people(command)
        _assert_as_told(one, _run(command), numbers)


async def test_stand_ins_call_the_running_engine_back(trial: Path) -> None:
    """The demonstration's engine takes callbacks itself, on loopback."""
    connection = Connection.model_validate_json((trial / "trial/connection.json").read_bytes())
    called = "select count(*) from dsr.dispatches where called_back = 'completed'"

    assert (connection.partners_call_back_at or "").startswith("http://127.0.0.1:")
    assert await _value(connection.database_url, called) > 0


def test_the_intake_service_has_ten_lines_and_its_imports() -> None:
    program = next(b for b in blocks("README.md") if b.name == "intake_service.py")
    lines = [line for line in program.text.splitlines() if line.strip()]
    assert len([line for line in lines if not re.match(r"(import|from) ", line)]) <= 10
    assert ast.parse(program.text)


@pytest.mark.parametrize("page", ["docs/time-and-fees.md"])
def test_the_worked_examples_of_dates_are_those_of_the_rules(page: str) -> None:
    for one in told(page):
        assert _run(one.command) == one.output


async def test_the_small_controller_loads_and_its_system_is_searched(
    tmp_path: Path, empty_database_url: str
) -> None:
    (tmp_path / "systems").mkdir()
    shutil.copytree(SHIPPED_CONFIG / "letters", tmp_path / "letters")
    _write_files("docs/configuration.md", tmp_path)
    await _execute(empty_database_url, (tmp_path / "crm.sql").read_text())

    configuration = load(tmp_path)
    systems = Systems(configuration.manifests, {"DSR_CRM_URL": empty_database_url})
    for facts in systems.facts:
        if facts.reach is not Reach.HTTP:  # nobody answers at the partner's example address
            await systems.check(facts.name)
    address = Identity(type="email", value="testi@esimerkki.example")
    found = await systems.connector("crm").find(Person(name="Testi Henkilö", identities=(address,)))
    await systems.close()

    assert Letters(configuration.letters)
    assert [(row.table, row.values["id"]) for row in found.rows] == [("orders", 7), ("people", 1)]


def test_the_worked_examples_of_the_12_month_rule_are_those_of_the_rules() -> None:
    rows = re.findall(
        r"^\| (none|\w+ [\d-]+ \w+ \w+) \| ([\d-]+) \| (\w+) \| (\w+) \|$",
        text_of("docs/time-and-fees.md"), re.MULTILINE,
    )  # fmt: skip
    assert len(rows) == 8
    for earlier, received, notice, gdpr in rows:
        assert _assessed(FeePolicyName.NOTICE, earlier, received) == notice
        assert _assessed(FeePolicyName.GDPR, earlier, received) == gdpr


def _assessed(rule: FeePolicyName, earlier: str, received: str) -> FeeAssessment:
    history = [] if earlier == "none" else [_inquiry(*earlier.split())]
    return assess(_inquiry("access", received), history, rule, 12, HELSINKI).result


def _inquiry(kind: str, on: str, outcome: str = "open", data: str = "changed") -> Inquiry:
    return Inquiry(
        id=on, kind=Kind(kind), scope=("register",), outcome=InquiryOutcome(outcome),
        received_at=datetime.fromisoformat(f"{on}T12:00").replace(tzinfo=HELSINKI),
        data_changed_since=data == "changed",
    )  # fmt: skip


async def _value(url: str, sql: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


def _write_files(page: str, folder: Path) -> None:
    """The files that the page shows; what they say was received on some day was received today."""
    now = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    for block in blocks(page):
        if block.name:
            received = rf'\g<1>"{now}"'
            text = re.sub(r'("received_at": )"[^"]*"', received, block.text)
            (folder / block.name).write_text(text, encoding="utf-8")


def _given(written: str, numbers: Numbers) -> str:
    """The number here; one that nothing has shown yet is of the year of receipt, which is now."""
    return numbers.get(written, f"{datetime.now(UTC).year}{written[4:]}")


def _run(command: str) -> str:
    """What the command prints; in this process where it is ours, which is faster."""
    words = shlex.split(command)
    if words[0] == "dsr" and "<" not in words:
        ran = dsr(*words[1:])
        return ran.out + ran.err
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def _wait_for_people(command: str) -> None:
    """A reader types slowly enough for the engine to have gone as far as it can by itself."""
    number = re.search(r"\b\d{4}-\d{4}\b", command)
    until = time.monotonic() + PATIENCE_SECONDS
    while number and time.monotonic() < until:
        view = CaseView.model_validate(dsr("show", number[0], "--json").document)
        if waits_for_a_person(view):
            return
        time.sleep(0.2)


def _assert_as_told(one: Told, printed: str, numbers: Numbers) -> None:
    """But for what differs, and spaces; `...` stands for anything. Learns the numbers shown."""
    parts = [re.escape(_masked(part)) for part in one.output.split("...")]
    matches = re.fullmatch(_numbered(".*?".join(parts), numbers), _masked(printed))
    assert matches, f"$ {one.command}\n{printed}\n--- the page says\n{one.output}"
    numbers |= {name.replace("_", "2026-"): given for name, given in matches.groupdict().items()}


def _numbered(pattern: str, numbers: Numbers) -> str:
    """A number of the page is the same one here wherever it stands."""
    new: set[str] = set()

    def here(written: re.Match[str]) -> str:
        number = f"2026-{written[1]}"
        if number in numbers:
            return numbers[number]
        if number in new:
            return f"(?P=_{written[1]})"
        new.add(number)
        return rf"(?P<_{written[1]}>\d{{4}}-\d{{4}})"

    return re.sub(r"2026\\-(\d{4})", here, pattern)


def _masked(text: str) -> str:
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return "".join(text.split())
