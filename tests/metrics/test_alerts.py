"""The alert rules: each metric they name is one that a real worker tells."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from starter.embedded_temporal import EmbeddedTemporal
from starter.metrics.declared import DAYS_TO_ANSWER, EVERY, OF_THE_ENGINE
from starter.open import opened
from starter.settings import Settings
from tests.docs.pages import resolve
from tests.frame.processes import ROOT, free_address, working
from tests.metrics.promql import Reader
from tests.office import AINO, a_form
from tests.postgres import Server

RULES = [
    pytest.param(rule, id=rule["alert"])
    for group in yaml.safe_load((ROOT / "config" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
KIND = re.compile(r"# TYPE (\w+) (\w+)")
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? \S+")
LABEL = re.compile(r'(\w+)="([^"]*)"')
BY_THE_ENGINE = {metric.name for metric in (*OF_THE_ENGINE, DAYS_TO_ANSWER)}


@dataclass
class Told:
    """What was scraped: kinds of metrics, and the labels of their samples."""

    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    text: str = ""

    def add(self, text: str) -> "Told":
        """An answer of an endpoint."""
        self.text += text
        for line in text.splitlines():
            if kind := KIND.match(line):
                self.kinds[kind[1]] = kind[2]
            elif sample := SAMPLE.match(line):
                labels = self.labels.setdefault(sample[1], {})
                for name, value in LABEL.findall(sample[2] or ""):
                    labels.setdefault(name, set()).add(value)
        return self

    def kind(self, name: str) -> str | None:
        """Of a metric, also by the name of a histogram's buckets."""
        return self.kinds.get(name) or self.kinds.get(name.removesuffix("_bucket"))


async def scraped(*addresses: str) -> Told:
    """Both endpoints of a worker, once."""
    told = Told()
    for address in addresses:
        with await asyncio.to_thread(urlopen, f"http://{address}/metrics", None, 20) as answer:
            told.add(answer.read().decode())
    return told


@pytest.fixture(scope="module")
async def told(migrated: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """By `worker.py` once it has swept, met a workflow that it cannot run, and asked systems."""
    folder, database = tmp_path_factory.mktemp("worker"), await migrated.create()
    server, ours, sdks = EmbeddedTemporal(folder, "default"), free_address(), free_address()
    await server.launch()
    await server.ready()
    settings = {
        "TEMPORAL_ADDRESS": server.address, "DATABASE_URL": migrated.url(database),
        "DSR_DATA": str(folder / "data"), "DSR_HEALTH_ADDRESS": ours, "DSR_METRICS_ADDRESS": sdks,
    }  # fmt: skip
    try:
        with working(os.environ | settings, ("worker.py",)):
            async with opened(Settings.model_validate(settings)) as engine:
                await engine.client.submit(a_form("objection", of=AINO, scope=["customers"]))
                await engine.temporal.start_workflow("Unknown", id="unknown", task_queue="dsr")
            yield await _all_told(ours, sdks)
    finally:
        await server.stop()
        await migrated.drop(database)


async def _all_told(ours: str, sdks: str) -> Told:
    awaited = (
        "temporal_workflow_task_execution_failed_total", "dsr_sweep_ended_timestamp_seconds",
        "dsr_system_calls_total", "dsr_checkpoint_file_timestamp_seconds",
    )  # fmt: skip
    async with asyncio.timeout(120):
        while True:
            told = await scraped(ours, sdks)
            if all(name in told.labels for name in awaited):
                return told
            await asyncio.sleep(0.3)


def test_every_declared_metric_is_told_as_it_is_declared(told: Told):
    for metric in EVERY:
        assert metric.name.removesuffix("_total") in told.kinds or metric.name in told.kinds
        found = set(told.labels.get(metric.name, {})) - {"le"}
        assert found <= set(metric.labels), metric.name
    undeclared = {name for name in told.kinds if name.startswith("dsr_")}
    for metric in EVERY:
        undeclared -= {metric.name, f"{metric.name.removesuffix('_total')}_created",
                       f"{metric.name}_created"}  # fmt: skip
    assert undeclared == set()


def test_no_metric_tells_of_a_case_or_of_a_person(told: Told):
    values = {v for labels in told.labels.values() for found in labels.values() for v in found}

    assert not [v for v in values if re.search(r"\d{4}-\d{4}|[0-9a-f]{8}-[0-9a-f]{4}|@", v)]
    assert not [word for word in ("Aino", "Virtanen", "unknown-") if word in told.text]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_reads_what_is_told(rule: dict[str, Any], told: Told):
    reader = Reader(rule["expr"]).read()

    assert reader.found, "it reads something"
    known = set(reader.grouped)
    for selector in reader.found:
        assert told.kind(selector.metric), f"{selector.metric} is told by neither endpoint"
        allowed = _labels(selector.metric, told)
        assert {*selector.labels} <= allowed
        known -= allowed
        counts = told.kind(selector.metric) in ("counter", "histogram")
        assert selector.ranged == counts, "a counter grows for ever: its rate tells"
        if selector.metric in BY_THE_ENGINE:
            assert selector.inside in ("max", "absent"), "each worker tells the same: never sum()"
    assert known == set(), "it groups by labels that there are"


def _labels(metric: str, told: Told) -> set[str]:
    declared = [one.labels for one in EVERY if one.name == metric]
    return {*declared[0]} if declared else set(told.labels[metric])


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]):
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert re.fullmatch(r"\d+[mhd]", rule.get("for", "1m"))
    assert set(rule["annotations"]) == {"summary", "do"}
    for command in re.findall(r"(?:^|; )dsr ([^;,]+)", rule["annotations"]["do"]):
        assert resolve(shlex.split(command)), "it is a command that exists"
    labels = {*Reader(rule["expr"]).read().grouped, "queue"}
    assert {*re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))} <= labels


@pytest.mark.parametrize(
    "wrong",
    ["max(", "max by kind (a)", "a >", "rate(a)", "a[5m]", 'a{b="c"', "a{b=c}", "5m", "nosuch(a)",
     'a{b=~"("}', "a b"],
)  # fmt: skip
def test_what_is_no_expression_is_seen(wrong: str):
    with pytest.raises((SyntaxError, re.error)):
        Reader(wrong).read()


def test_the_rules_are_a_file_of_prometheus():
    """Its format, key by key: promtool, which knows all of it, is not at hand."""
    document = yaml.safe_load(Path(ROOT, "config", "alerts.yaml").read_text())

    assert set(document) == {"groups"}
    names = [group["name"] for group in document["groups"]]
    alerts = [rule["alert"] for group in document["groups"] for rule in group["rules"]]
    assert len({*names}) == len(names)
    assert len({*alerts}) == len(alerts)
    for group in document["groups"]:
        assert set(group) == {"name", "rules"}
        for rule in group["rules"]:
            assert (
                {"alert", "expr"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            )
