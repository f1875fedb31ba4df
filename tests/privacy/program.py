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

import starter.client
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
from starter.logs import configure
from starter.settings import SHIPPED_CONFIG, Settings
from storage.audit import Audit
from storage.case_file import CaseFile
from tests.frame.canary import everything
from tests.office import LETTERS, POLICY, STAFF, Office
from tests.privacy.drive import CONTROL, SCENARIOS, Canary, drive
from tests.privacy.gathering import gather
from tests.privacy.real_worker import a_real_worker_answers
from tests.privacy.refusals import REFUSALS
from tests.privacy.systems import HesitantLetters, marked_systems
from workflows.everything import EVERY_WORKFLOW

SECOND = timedelta(seconds=1)
PATIENCE = timedelta(seconds=90)  # two engines share a busy machine: slow is not wrong


def hurried() -> Policy:
    """The tests' policy, with silences of a second: the drive waits for real time."""
    return POLICY.model_copy(
        update={
            "pace": POLICY.pace.model_copy(update={"retry_most": SECOND}),
            "identity": POLICY.identity.model_copy(update={"silence": SECOND}),
            "fees": POLICY.fees.model_copy(
                update={"silence": SECOND, "rule": FeePolicyName.NOTICE}
            ),
        }
    )


def a_controller(folder: Path) -> Path:
    """The shipped configuration with one register only."""
    shutil.copytree(SHIPPED_CONFIG, folder, ignore=shutil.ignore_patterns("systems"))
    (folder / "systems").mkdir()
    shutil.copy(SHIPPED_CONFIG / "systems" / "customers.yaml", folder / "systems")
    return folder


def settings_of(folder: Path) -> Settings:
    """As the environment of a production process would say it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    return Settings.model_validate(
        {"DSR_DATA": folder / "data", "DSR_CONFIG": a_controller(folder / "controller"),
         "DSR_METRICS_ADDRESS": metrics, "DSR_TASK_QUEUE": "canary"}
    )  # fmt: skip


@asynccontextmanager
async def working(
    settings: Settings, connection: Connection, shipped: Configuration
) -> AsyncIterator[tuple[Office, worker.Ground]]:
    """`worker.run_worker` over marked systems, and an office that drives it."""
    stop, grounds = asyncio.Event(), asyncio.Queue[worker.Ground]()
    policy, systems = hurried(), marked_systems()
    letters = HesitantLetters(LETTERS).hesitate()

    def register(ground: worker.Ground) -> worker.Registrations:
        secrets = ground.secrets
        case_file = CaseFile(ground.engine, ground.keyring, Audit(secrets.signer), policy.version)
        runs = Runs(ground.client, case_file, settings.task_queue)
        desk = Desk(case_file, policy, systems, letters)  # type: ignore[arg-type]
        grounds.put_nowait(ground)
        activities = every_activity(desk, runs, secrets.signer, settings.audit_log_path())
        return worker.Registrations(workflows=EVERY_WORKFLOW, activities=activities)

    running = asyncio.create_task(worker.run_worker(settings, connection, stop, register, shipped))
    started = asyncio.create_task(grounds.get())
    await asyncio.wait([running, started], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    ground = started.result()
    try:
        yield an_office_on(ground, settings.task_queue, policy, systems), ground
    finally:
        stop.set()
        await running


def an_office_on(ground: worker.Ground, queue: str, policy: Policy, systems: Any) -> Office:
    """The tests' driver over the ground of a worker that runs already."""
    case_file = CaseFile(
        ground.engine, ground.keyring, Audit(ground.secrets.signer), policy.version
    )
    configuration = SimpleNamespace(staff=STAFF, policy=policy, systems=systems.facts)
    client = DsrClient(ground.client, case_file, configuration, queue)  # type: ignore[arg-type]
    return Office(
        client, ground.client, TimeSkipper(ground.client, config=TimeSkippingConfig(enabled=False)),
        systems, case_file, Runs(ground.client, case_file, queue), ground.secrets, queue,
        [timedelta(0)], glance=0.7, patience=PATIENCE.seconds,
    )  # fmt: skip


async def run(folder: Path, *, sealed: bool) -> None:
    """Drive, gather."""
    settings = settings_of(folder)
    shipped = load(settings.config)
    async with stack(settings, shipped) as connection:
        async with working(settings, connection, shipped) as (office, ground):
            canary = Canary(office)
            scenarios = SCENARIOS | REFUSALS
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
    starter.client.WAIT = PATIENCE
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
