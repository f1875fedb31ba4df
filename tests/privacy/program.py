"""A whole engine as a program of its own, driven with marked data; then all it left is gathered.

`sealed`: as it runs in production, through everything. `open`: the control, with the payload codec
and the log filter taken out. Arguments: the mode, the folder for what is gathered.
"""

import asyncio
import os
import shutil
import socket
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

import starter.client
import starter.staff_actions
import worker
from activities.desk import Desk
from activities.everything import every_activity
from activities.runs import Runs
from schemas.policy import FeePolicyName, Policy
from schemas.steps import HOURLY_SWEEP
from starter.client import DsrClient
from starter.configuration import Configuration, load
from starter.connection import Connection
from starter.embedded import stack
from starter.ended import EndedIntake
from starter.logs import configure
from starter.settings import Settings
from storage.audit import Audit
from storage.case_file import CaseFile
from tests.fakes import FakeSystems
from tests.frame.canary import everything
from tests.office import LETTERS, POLICY, STAFF, Office
from tests.privacy.choices import CHOICES
from tests.privacy.corrections import CORRECTIONS, correctable_systems
from tests.privacy.deletions import DELETIONS
from tests.privacy.drive import CONTROL, Canary, drive
from tests.privacy.endings import ENDINGS
from tests.privacy.gathering import gather
from tests.privacy.holds import HOLDS
from tests.privacy.partners import PARTNERS, marked_partners
from tests.privacy.questions import QUESTIONS
from tests.privacy.real_worker import REGISTER, a_real_worker_answers
from tests.privacy.refusals import REFUSALS
from tests.privacy.systems import HesitantLetters, marked_systems
from tests.privacy.waits import WAITS, ended_systems
from workflows.everything import EVERY_WORKFLOW

SECOND = timedelta(seconds=1)
LATE = 10 * SECOND  # after it a search goes on without those that have not answered
PATIENCE = timedelta(seconds=90)  # two engines share a busy machine: slow is not wrong


def hurried() -> Policy:
    """The tests' policy, with silences of a second: the drive waits for real time."""
    return POLICY.model_copy(
        update={
            "pace": POLICY.pace.model_copy(
                update={
                    "retry_most": LATE,
                    "partner_silence": SECOND,
                    "step_timeout": PATIENCE,
                    "system_timeout": PATIENCE,
                }
            ),
            "identity": POLICY.identity.model_copy(update={"silence": SECOND}),
            "fees": POLICY.fees.model_copy(
                update={"silence": SECOND, "rule": FeePolicyName.NOTICE}
            ),
        }
    )


def shipped_with_one_register(settings: Settings) -> Configuration:
    """The shipped configuration; of its registers only the customers' is asked, so only it is made.

    The others are named to every process of this engine, and never reached.
    """
    shipped = load(settings.config)
    for register in shipped.registers:
        if register != REGISTER:
            os.environ[register] = "postgresql://127.0.0.1:1/never_reached"
    return shipped


def settings_of(folder: Path) -> Settings:
    """As the environment of a production process would say it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    return Settings.model_validate(
        {"DSR_DATA": folder / "data", "DSR_METRICS_ADDRESS": metrics, "DSR_TASK_QUEUE": "canary"}
    )  # fmt: skip


@asynccontextmanager
async def working(
    settings: Settings, connection: Connection, shipped: Configuration
) -> AsyncIterator[tuple[Office, worker.Ground]]:
    """`worker.run_worker` over marked systems, and an office that drives it."""
    stop, grounds = asyncio.Event(), asyncio.Queue[tuple[Desk, worker.Ground]]()
    policy = hurried()
    systems = marked_systems(*correctable_systems(), *ended_systems(), partners=marked_partners())
    letters = HesitantLetters(LETTERS).hesitate()

    def register(ground: worker.Ground) -> worker.Registrations:
        signer = ground.secrets.signer
        case_file = CaseFile(ground.engine, ground.keyring, Audit(signer), policy.version)
        runs = Runs(ground.client, case_file, settings.task_queue)
        desk = Desk(case_file, policy, systems, letters)  # type: ignore[arg-type]
        grounds.put_nowait((desk, ground))
        activities = every_activity(
            desk, runs, signer, settings.audit_log_path(), EndedIntake(case_file, policy)
        )
        return worker.Registrations(workflows=EVERY_WORKFLOW, activities=activities)

    running = asyncio.create_task(worker.run_worker(settings, connection, stop, register, shipped))
    started = asyncio.create_task(grounds.get())
    await asyncio.wait([running, started], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    desk, ground = started.result()
    try:
        yield an_office_on(ground, desk, systems, settings.task_queue), ground
    finally:
        stop.set()
        await running


def an_office_on(ground: worker.Ground, desk: Desk, systems: FakeSystems, queue: str) -> Office:
    """The tests' driver over the ground of a worker that runs already."""
    case_file, temporal = desk.case_file, ground.client
    configuration = SimpleNamespace(staff=STAFF, policy=desk.policy, systems=systems.facts)
    client = DsrClient(temporal, case_file, configuration, queue)  # type: ignore[arg-type]
    unmoved = TimeSkipper(temporal, config=TimeSkippingConfig(enabled=False))
    return Office(
        client, temporal, unmoved, systems, case_file, Runs(temporal, case_file, queue),
        ground.secrets, queue, [timedelta(0)], desk, serving_already,
        glance=0.7, patience=PATIENCE.seconds,
    )  # fmt: skip


def serving_already(**_: Any) -> Worker:
    """The office of this program starts no worker."""
    raise RuntimeError("worker.run_worker serves the queue")


async def run(folder: Path, *, sealed: bool) -> None:
    """Drive, gather."""
    settings = settings_of(folder)
    shipped = shipped_with_one_register(settings)
    async with stack(settings, shipped) as connection:
        async with working(settings, connection, shipped) as (office, ground):
            canary = Canary(office)
            scenarios = ENDINGS | QUESTIONS | CHOICES | HOLDS
            scenarios |= DELETIONS | CORRECTIONS | WAITS | PARTNERS | REFUSALS
            drives = [drive(canary, scenarios if sealed else {n: scenarios[n] for n in CONTROL})]
            if sealed:
                drives.append(a_real_worker_answers(canary, settings, connection, shipped, folder))
            await asyncio.gather(*drives)
            await ground.client.execute_workflow(
                HOURLY_SWEEP, id="canary-sweep", task_queue=settings.task_queue
            )
            await gather(folder, canary, settings, connection)
        shutil.copytree(
            settings.data, folder / "state",
            ignore=shutil.ignore_patterns("postgres", "keys", "*.sock", "lock"),
        )  # fmt: skip
        shutil.copy(settings.data / "postgres" / "log", folder / "state" / "postgresql.log")


def main() -> None:
    """One mode."""
    starter.client.WAIT = starter.staff_actions.WAIT = PATIENCE
    sealed, folder = sys.argv[1] == "sealed", Path(sys.argv[2])
    os.environ.pop("DATABASE_URL", None)
    if sealed:
        configure("DEBUG")
    else:
        configure("DEBUG", select=everything)
        worker.data_converter = lambda _keyring: pydantic_data_converter
    try:
        asyncio.run(run(folder, sealed=sealed))
    except BaseException:
        (folder / "failure").write_text(
            traceback.format_exc()
        )  # for the developer: the log is shut
        sys.exit(1)


if __name__ == "__main__":
    main()
