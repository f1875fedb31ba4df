"""The demonstration compares with what is expected, and says so by its exit code."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from schemas.case import Outcome
from starter.configuration import load
from starter.demo.partners import PARTNERS
from starter.demo.report import as_expected
from starter.demo.run import expectations
from starter.demo.scenarios import SCENARIOS
from starter.partners.behaviour import Behaviour
from starter.registers import DEMO_PEOPLE
from starter.settings import SHIPPED_CONFIG
from tests.cli.command import assert_one_sentence, dsr
from tests.docs.pages import text_of

run = import_module("starter.demo.run")  # the package has a function of that name

SCENARIO = "consent_given"
ON_ANOTHER_SEED = (
    "deletion_denied_by_a_partner", "deletion_held_then_released", "objection_to_marketing",
    "objection_denied_by_a_partner", "objection_weighed", "objection_withdrawn",
)  # fmt: skip
ACTUAL: dict[str, Any] = {
    "status": "closed", "outcome": "fulfilled", "lag_seconds": 3.0,
    "systems": [{"name": "surveys", "outcome": "corrected"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def demo_folder() -> Iterator[Path]:
    """One engine's state for the runs of this module: registers are filled once.

    Not pytest's own folder: another session can close that to PostgreSQL, see tests/frame.
    """
    with tempfile.TemporaryDirectory(prefix="dsr-demo-test-") as folder:
        yield Path(folder)


def test_an_ending_that_is_not_expected_makes_the_exit_code_1(
    demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = expectations()
    changed[SCENARIO]["outcome"] = "refused"
    monkeypatch.setattr(run, "expectations", lambda: changed)

    code, report, said = _played(demo_folder)

    assert (code, report["ok"], report["fault"]) == (1, False, None)
    assert report["actual"]["outcome"] == "fulfilled"
    assert "did not go as expected" in said


def test_endings_that_are_expected_make_the_exit_code_0_and_a_report_of_the_agreed_shape(
    demo_folder: Path,
) -> None:
    code, report, _ = _played(demo_folder)

    assert (code, report["ok"]) == (0, True)
    assert {"scenario", "number", "kind", "channel", "expected", "actual", "ok"} <= {*report}
    assert (report["scenario"], report["kind"], report["channel"]) == (SCENARIO, "consent", "web")
    assert report["expected"] == expectations()[SCENARIO]
    actual = report["actual"]
    assert {"status", "outcome", "due_date", "safe_date", "escalation", "fee"} <= {*actual}
    assert all({*system} == {"name", "outcome"} for system in actual["systems"])
    assert actual["due_date"] >= actual["safe_date"]


def test_another_seed_plays_other_people_to_the_same_endings(
    demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PEOPLE", 100)
    only = [word for name in ON_ANOTHER_SEED for word in ("--only", name)]
    report, state = demo_folder / "seed.json", demo_folder / "of-the-seed"

    ran = dsr("demo", "--exit", "--seed", "11", *only, "--keep", str(state),
              "--json", str(report))  # fmt: skip

    assert ran.code == 0, ran.err
    played = {one["scenario"]: one for one in json.loads(report.read_text())}
    assert {*played} == {*ON_ANOTHER_SEED}
    assert all(one["expected"] == expectations()[name] for name, one in played.items())


def test_no_configured_register_or_partner_ever_hears_of_invented_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("DSR_LEADS_URL", "DSR_TRAINING_EXPERT_URL", "DSR_ORDER_PARTNER_CA"):
        with monkeypatch.context() as environment:
            environment.setenv(variable, "https://somewhere.example")
            assert_one_sentence(dsr("demo", "--exit"), 2, variable, "unset it first")


def test_every_kind_is_played_to_every_ending_that_it_can_have() -> None:
    """Endings that people choose are the same for every kind: each is played with some kinds."""
    played: dict[str, set[str]] = {}
    for name, of_one in expectations().items():
        played.setdefault(name.partition("_")[0], set()).add(of_one["outcome"])
    by_decision = {"fulfilled", "partial", "refused"}

    assert played["access"] == {*Outcome}
    assert by_decision | {"nothing_held", "withdrawn"} <= played["correction"]
    assert by_decision | {"nothing_held", "withdrawn"} <= played["deletion"]
    assert by_decision | {"withdrawn", "misdirected"} <= played["objection"]
    assert {"fulfilled", "refused"} <= played["consent"]  # nothing is withheld of a consent
    assert len(expectations()) >= 30


def test_what_a_recipient_owes_can_outlive_the_reply() -> None:
    owed = expectations()["objection_whose_duty_outlives_the_reply"]

    assert (owed["status"], owed["outcome"]) == ("following_up", "fulfilled")
    assert {"name": "newsletter_delivery", "outcome": "silent"} in owed["systems"]


def test_each_partner_that_is_played_is_one_of_the_shipped_systems() -> None:
    assert {*PARTNERS} == {*load(SHIPPED_CONFIG).partners}
    assert {who for played in PARTNERS.values() for who in played.people} <= {*DEMO_PEOPLE}
    behaviours = {one.behaviour for played in PARTNERS.values() for one in played.people.values()}
    behaviours |= {played.behaviour for played in PARTNERS.values()}
    assert behaviours - {None} == {
        Behaviour.PROMPT, Behaviour.LATER, Behaviour.FAILING, Behaviour.SILENT, Behaviour.LYING,
        Behaviour.DENYING,
    }  # fmt: skip


def test_an_unknown_scenario_is_refused_with_those_that_there_are() -> None:
    assert_one_sentence(dsr("demo", "--exit", "--only", "lunch"), 2, "No scenario", SCENARIO)


def test_every_scenario_is_expected_to_end_in_some_way() -> None:
    expected = expectations()
    assert {*expected} == {*SCENARIOS}
    assert all({"status", "outcome"} <= {*of_one} for of_one in expected.values())


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"outcome": "refused"},
        {"outcome": "fulfilled", "fee": "none"},
        {"status": "closed", "lag_seconds_below": 3},
        {"status": "closed", "systems": [{"name": "surveys", "outcome": "found"}]},
        {"status": "closed", "systems": [{"name": "payroll", "outcome": "corrected"}]},
    ],
    ids=["nothing", "outcome", "absent", "lag", "system's outcome", "unknown system"],
)
def test_whatever_differs_from_what_is_expected_is_seen(expected: dict[str, Any]) -> None:
    assert not as_expected(expected, ACTUAL)


def test_what_is_as_expected_passes_and_systems_that_are_not_named_do_not_matter() -> None:
    assert as_expected({"status": "closed", "lag_seconds_below": 60, "systems": []}, ACTUAL)
    assert as_expected({"outcome": "fulfilled", "systems": ACTUAL["systems"]}, ACTUAL)


def test_what_the_readme_says_of_the_demonstration_is_what_is_expected_of_it() -> None:
    readme = text_of("README.md")
    assert f"answers {len(SCENARIOS)} requests" in readme
    shown = re.findall(r"^ok  (\S.+?)  +\S+ +(\w+), (\w+) +\S+ +\S+ +(\w+) +(\w+)", readme, re.M)
    assert shown
    for name, *told in shown:
        expected = expectations()[name.replace(" ", "_")]
        said = dict(zip(("status", "outcome", "escalation", "fee"), told, strict=True))
        assert {key: expected.get(key, value) for key, value in said.items()} == said, name


def _played(folder: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, the report of the one scenario, and what was said."""
    file = folder / f"report-{os.urandom(4).hex()}.json"
    state = str(folder / "state")
    ran = dsr("demo", "--exit", "--only", SCENARIO, "--keep", state, "--json", str(file))
    (report,) = json.loads(file.read_text())
    return ran.code, report, ran.out + ran.err
