"""What reads bench.jsonl, or only the exit code, relies on these."""

import json
import re
from pathlib import Path

import pytest

from tests.bench.__main__ import lines, table
from tests.bench.figures import METRICS, Figure

TOLD = Figure(metric="burst", parameters={"at_once": 100}, value=2.5, unit="requests/s")
HELD = Figure(metric="events", parameters={"systems": 1}, value=64, unit="events", bar=64.5)
MISSED = HELD.model_copy(update={"value": 65.0})


def test_a_line_is_one_object_with_six_keys_and_null_where_there_is_no_bar() -> None:
    told, held = (json.loads(line) for line in lines([TOLD, HELD]).splitlines())
    assert list(told) == ["metric", "parameters", "value", "unit", "bar", "better"]
    assert (told["parameters"], told["bar"], told["better"]) == ({"at_once": 100}, None, "lower")
    assert (held["value"], held["bar"]) == (64, 64.5)


@pytest.mark.parametrize(
    ("better", "value", "missed"),
    [("lower", 1.1, True), ("lower", 1.0, False), ("higher", 0.9, True), ("higher", 1.0, False)],
)
def test_a_bar_is_missed_on_its_worse_side_only(better: str, value: float, missed: bool) -> None:
    figure = Figure.model_validate(
        {"metric": "m", "parameters": {}, "value": value, "unit": "ratio", "bar": 1,
         "better": better}
    )  # fmt: skip
    assert figure.missed is missed


def test_without_a_bar_nothing_is_missed() -> None:
    assert not TOLD.missed


def test_the_table_marks_what_is_missed_and_nothing_else() -> None:
    marked = [line.endswith("MISSED") for line in table([TOLD, HELD, MISSED]).splitlines()]
    assert marked == [False, False, False, True]


def test_every_metric_is_told_of_in_the_operations_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "operations.md"
    measuring = page.read_text().partition("## Measuring")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", measuring, re.MULTILINE) == list(METRICS)
