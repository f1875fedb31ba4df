"""A real engine, started as a user starts it: `dsr up` in a folder of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from starter.registers import create_registers
from tests.cli.command import DSR

SHIPPED = Path(__file__).parents[2] / "config" / "mipro"
SYSTEMS = ("customers", "marketing", "paper_archive")


@dataclass(frozen=True)
class Up:
    """A running `dsr up` and its folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def connection(self) -> dict[str, str]:
        """What connection.json says."""
        written: dict[str, str] = json.loads((self.folder / ".dsr/connection.json").read_bytes())
        return written


@pytest.fixture(scope="package")
def engine_folder() -> Iterator[Up]:
    """The shipped controller with three of its systems; one register is filled."""
    folder = Path(tempfile.mkdtemp(prefix="dsr-cli-"))
    _configure(folder)
    environment = {**os.environ, "DSR_DATA": str(folder / ".dsr"), "DSR_CONFIG": str(folder / "c")}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [DSR, "up"], env=environment, cwd=folder, stdout=log, stderr=log
        )  # fmt: skip
    up = Up(folder, process)
    try:
        _until_it_works(up, environment)
        asyncio.run(_fill(up.connection["registers"]["DSR_CUSTOMERS_URL"]))  # type: ignore[index]
        yield up
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        told = (folder / "up.log").read_text()
        shutil.rmtree(folder)
    assert (code, "Traceback" in told) == (0, False)


@pytest.fixture
def engine_here(engine_folder: Up, monkeypatch: pytest.MonkeyPatch) -> Up:
    """Every `dsr` of this test uses the running engine."""
    monkeypatch.chdir(engine_folder.folder)
    monkeypatch.setenv("DSR_DATA", str(engine_folder.folder / ".dsr"))
    monkeypatch.setenv("DSR_CONFIG", str(engine_folder.folder / "c"))
    return engine_folder


def _configure(folder: Path) -> None:
    shutil.copytree(SHIPPED, folder / "c", ignore=shutil.ignore_patterns("systems"))
    (folder / "c" / "systems").mkdir()
    for name in SYSTEMS:
        shutil.copy(SHIPPED / "systems" / f"{name}.yaml", folder / "c" / "systems")


def _until_it_works(up: Up, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and up.process.poll() is None:
        if (up.folder / ".dsr/connection.json").exists():
            health = subprocess.run(
                [DSR, "health"], env=environment, capture_output=True, check=False, timeout=60
            )
            if health.returncode == 0:
                return
        time.sleep(0.5)
    sys.stderr.write((up.folder / "up.log").read_text())
    raise RuntimeError("dsr up did not come up")


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("drop schema customers cascade")
    await connection.close()
    await create_registers({"customers": url}, people=20)
