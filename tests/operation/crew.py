"""Worker processes of two versions on one queue, every workflow task a replay of the whole run."""

import asyncio
import multiprocessing
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import Worker

from activities.everything import every_activity
from connectors.contract import Found
from schemas.systems import SystemFacts
from starter.ended import EndedIntake
from starter.settings import Settings
from starter.signals import stop_on_signals
from starter.temporal import build_worker
from storage.database import connect
from tests.durability.worker_that_dies import the_letters
from tests.fakes import FakeSystem, FakeSystems, a_row, facts
from tests.office import A_CORRECTION, Office, an_office
from tests.operation.next_version import NEXT_WORKFLOWS, PATCH, next_activities
from workflows.everything import EVERY_WORKFLOW

GRACE = 30.0
"""Seconds that a worker has to be gone after SIGTERM."""


class Version(StrEnum):
    """What a worker process runs."""

    TODAY = "today"
    WAITING = "next, its patch waiting"
    NEXT = "next"


@dataclass(frozen=True)
class Place:
    """Where a worker works."""

    temporal: str
    database: str
    folder: Path
    queue: str


REGISTERS: Final = ("customers", "former", "lapsed")
"""A worker process has its own of each, so what is erased in one is the matter of one request."""


def registers() -> FakeSystems:
    """Each holds a record of whoever asks, with the address that a correction wants changed."""
    record = a_row(email=A_CORRECTION["old"])
    return FakeSystems(
        *(FakeSystem(_declared(name), holds=Found(rows=(record,))) for name in REGISTERS)
    )


def _declared(name: str) -> SystemFacts:
    return facts(
        name, suppresses=("marketing",), records_consent=("marketing",), restricts=True
    )  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A Temporal whose histories name the version that did a task."""

    address: str
    version: Version

    async def connect_client(self, data_converter: DataConverter) -> Client:
        """A client of its own."""
        return await Client.connect(
            self.address, data_converter=data_converter, identity=self.version
        )


class Crew:
    """The workers that are at work."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._at_work: dict[Version, BaseProcess] = {}
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])

    async def joined_by(self, version: Version) -> None:
        """A worker more."""
        process = self._processes.Process(target=main, args=(self._place, version), daemon=True)
        await asyncio.to_thread(process.start)
        self._at_work[version] = process

    async def left_by(self, version: Version) -> int | None:
        """It is asked to stop; its exit code."""
        process = self._at_work.pop(version)
        process.terminate()
        await asyncio.to_thread(process.join, GRACE)
        return process.exitcode

    def dismissed(self) -> None:
        """Whoever is still there goes at once."""
        for process in self._at_work.values():
            process.kill()


async def work(place: Place, version: Version) -> None:
    """Serve the queue until asked to stop."""
    engine, server = connect(place.database), Named(place.temporal, version)
    with stop_on_signals() as stop:
        async with (
            an_office(
                server, engine, place.folder, systems=registers(), letters=the_letters(),  # type: ignore[arg-type]
                queue=place.queue, working=False,
            ) as office,
            _worker(office, place, version),
        ):  # fmt: skip
            await stop.wait()
    await engine.dispose()


def _worker(office: Office, place: Place, version: Version) -> Worker:
    return build_worker(
        office.temporal,
        _settings(place, version),
        workflows=EVERY_WORKFLOW if version is Version.TODAY else NEXT_WORKFLOWS,
        activities=_activities(office, version),
    )


def _settings(place: Place, version: Version) -> Settings:
    return Settings(
        task_queue=place.queue, max_cached_workflows=0, graceful_shutdown_seconds=10,
        waiting_patches=PATCH if version is Version.WAITING else "",
    )  # fmt: skip


def _activities(office: Office, version: Version) -> Any:
    ended = EndedIntake(office.case_file, office.desk.policy)
    signer = office.secrets.signer
    today = every_activity(office.desk, office.runs, signer, Path("unused"), ended)
    return today if version is Version.TODAY else next_activities(today, office.desk)


def main(place: Place, version: Version) -> None:
    """The process."""
    asyncio.run(work(place, version))


the_letters()
