"""Plays the scenarios on an engine of its own, shows them live, compares with what is expected."""

import asyncio
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, Final

from connectors.manifest import Manifest
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.systems import Limits
from starter.configuration import Configuration, load
from starter.connection import Connection
from starter.demo import partners, show
from starter.demo.office import Desk, Progress
from starter.demo.report import Result, played, write
from starter.demo.scenarios import FIRST, LAST, SCENARIOS, Scenario
from starter.embedded import stack
from starter.open import Engine, opened
from starter.registers import DEMO_SEED, REGISTERS, create_registers, demo_people
from starter.schedules import sweep_now
from starter.settings import Settings
from starter.signals import stop_on_signals

PEOPLE: Final = 5_000
AT_A_TIME: Final = 9
"""Scenarios played at a time: staff work beside one another, two cores set the pace."""

ELSEWHERE: Final = ("temporal_address", "database_url", "keys", "audit_log")
"""Settings of a real engine: neither its servers, nor its keys, nor its evidence are touched."""


async def run(
    settings: Settings, *, leave: bool = False, report: Path | None = None,
    keep: Path | None = None, expected: Mapping[str, Any] | None = None, only: Sequence[str] = (),
    seed: int = DEMO_SEED,
) -> bool:  # fmt: skip
    """Play every scenario, or those of `only`; True if every request came out as expected.

    Always on embedded servers, in `keep` or a folder that is removed. Without `leave` the engine
    stays up until Ctrl-C, to be looked at. `seed`: who the people are, when they wrote, and in
    which order; the endings are the same. Raises `BadInput` for an unknown scenario.
    """
    began, scenarios = time.monotonic(), _in_order(_chosen(only), seed)
    configuration = _hastened(load(settings.config))
    _refuse_the_real(configuration)
    expected = expected if expected is not None else expectations()
    folder = keep or Path(tempfile.mkdtemp(prefix="dsr-demo-"))
    own = settings.model_copy(update=dict.fromkeys(ELSEWHERE) | {"data": folder})
    try:
        with _without_the_tries(), stop_on_signals() as stop:
            async with _engine(own, configuration, stop, seed) as engine:
                results = await _play(engine, configuration, scenarios, expected, stop, seed, began)
                show.closing(results, engine.connection.web)
                if report is not None:
                    write(report, results)
                if not leave and not stop.is_set():
                    show.stays(own.data)
                    await stop.wait()
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return bool(results) and all(result["ok"] for result in results)


@contextmanager
def _without_the_tries() -> Iterator[None]:
    """Log lines of calls that fail, and of callbacks: failing partners are part of the play."""
    loggers = [logging.getLogger(name) for name in ("temporalio.activity", "starter.api")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def expectations() -> dict[str, Any]:
    """What is expected of each scenario: data, written by hand."""
    content: dict[str, Any] = json.loads(
        files("starter.demo").joinpath("expected.json").read_text(encoding="utf-8")
    )
    return content


def _chosen(only: Sequence[str]) -> dict[str, Scenario]:
    for name in only:
        if name not in SCENARIOS:
            raise BadInput(f"No scenario {name}. There are: {', '.join(SCENARIOS)}.")
    return {name: play for name, play in SCENARIOS.items() if not only or name in only}


def _in_order(scenarios: dict[str, Scenario], seed: int) -> dict[str, Scenario]:
    """Those that wait longest first; another seed, another order of the others."""
    names = list(scenarios)
    if seed != DEMO_SEED:
        Random(f"order {seed}").shuffle(names)  # noqa: S311 no secret
    return {name: scenarios[name] for name in sorted(names, key=lambda name: name not in FIRST)}


HASTE: Final = {
    "retry_first": timedelta(seconds=1),
    "retry_most": timedelta(seconds=60),
    "partner_silence": timedelta(seconds=25),
}


RUSH: Final = Limits(per_minute=6_000, at_once=50, pause_after=100)
"""A year's requests come in a minute here: as shipped, partners would be spared, and paused."""


def _hastened(configuration: Configuration) -> Configuration:
    """The shipped policy; pace, answer windows and batches are smaller, no date of law."""
    policy = configuration.policy
    hasty: Policy = policy.model_copy(
        update={
            "pace": policy.pace.model_copy(update=HASTE),
            "retention": policy.retention.model_copy(update={"batch_limit": 2}),
            "identity": policy.identity.model_copy(update={"silence": timedelta(seconds=4)}),
        }
    )
    return Configuration(
        policy=hasty, staff=configuration.staff,
        manifests=tuple(_in_a_rush(manifest) for manifest in configuration.manifests),
        letters=configuration.letters,
    )  # fmt: skip


def _in_a_rush(manifest: Manifest) -> Manifest:
    if manifest.http is None:
        return manifest
    facts = manifest.facts.model_copy(update={"limits": RUSH})
    return manifest.model_copy(update={"facts": facts})


def _refuse_the_real(configuration: Configuration) -> None:
    """Invented people go into no register and to no partner that the environment names."""
    partners = (v for http in configuration.partners.values() for v in (http.url_env, http.ca_env))
    named = [v for v in (*configuration.registers, *partners) if os.environ.get(v)]
    if named:
        raise BadInput(
            "The demonstration fills registers with invented people and asks partners about them, "
            f"and {', '.join(named)} is set: unset it first, so that no real one is touched."
        )


@asynccontextmanager
async def _engine(
    settings: Settings, configuration: Configuration, stop: asyncio.Event, seed: int
) -> AsyncIterator[Engine]:
    """Servers, partners, filled registers, a worker, and a client on them."""
    show.says("Starting Temporal, PostgreSQL, and three partners as processes of their own:")
    show.says(partners.introduced())
    parts = partners.parts(settings.data / "partners", demo_people(seed))
    async with stack(settings, configuration, parts) as connection:
        show.says(f"Filling nine registers with {PEOPLE:,} invented people ...")
        await create_registers(_urls(configuration, connection), people=PEOPLE, seed=seed)
        done = asyncio.Event()
        run_worker = import_module("worker").run_worker
        worker = asyncio.create_task(
            run_worker(settings, connection, done, configuration=configuration)
        )
        try:
            await _keys_are_there(settings, worker)
            async with opened(settings) as engine:
                yield engine
        finally:
            done.set()
            await worker
    stop.set()


async def _keys_are_there(settings: Settings, worker: "asyncio.Task[None]") -> None:
    """The first worker makes the keys; a worker that refuses says why."""
    while not settings.keys_path().is_dir() or len(list(settings.keys_path().iterdir())) < 3:
        if worker.done():
            await worker
        await asyncio.sleep(0.1)


def _urls(configuration: Configuration, connection: Connection) -> dict[str, str]:
    return {
        declared.name: connection.registers[declared.url_env]
        for declared in configuration.manifests
        if declared.name in REGISTERS and declared.url_env in connection.registers
    }


async def _play(
    engine: Engine, configuration: Configuration, scenarios: Mapping[str, Scenario],
    expected: Mapping[str, Any], stop: asyncio.Event, seed: int, began: float,
) -> list[Result]:  # fmt: skip
    places = asyncio.Semaphore(AT_A_TIME)
    lines = {name: Progress(name) for name in scenarios}
    people, sweep = demo_people(seed), partial(sweep_now, engine.temporal)

    async def play(name: str, scenario: Scenario) -> Result:
        async with places:
            desk = Desk(engine.client, configuration.staff, people, lines[name], sweep, seed)
            result = await played(name, scenario, desk, expected.get(name, {}))
            return result | {"seconds": round(time.monotonic() - began, 1)}

    async def everybody() -> list[Result]:
        waves = [
            {name: s for name, s in scenarios.items() if (name in LAST) is last}
            for last in (False, True)
        ]
        played = [
            await asyncio.gather(*(play(name, s) for name, s in wave.items())) for wave in waves
        ]
        return [result for wave in played for result in wave]

    with show.live(list(lines.values())):
        everything = asyncio.create_task(everybody())
        stopping = asyncio.create_task(_cancel_on(stop, everything))
        try:
            return await everything
        except asyncio.CancelledError:
            return []
        finally:
            stopping.cancel()


async def _cancel_on(stop: asyncio.Event, everything: "asyncio.Task[Any]") -> None:
    await stop.wait()
    everything.cancel()
