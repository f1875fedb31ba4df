"""The processes of a run: servers that stop and are killed, programs that are started again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil  # type: ignore[import-untyped]

from starter.embedded_postgres import EmbeddedPostgres
from starter.embedded_temporal import BINARY, EmbeddedTemporal

ROOT: Final = Path(__file__).resolve().parents[2]
SETTLES: Final = 60.0  # seconds that a server gets to end
LOOK: Final = 0.2


class Postgres(EmbeddedPostgres):
    """The embedded server, stopped in the ways in which servers stop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._pid_file = folder / "postgres" / "postmaster.pid"

    async def restart(self, how: signal.Signals, away: float) -> None:
        """SIGINT: a fast shutdown. SIGQUIT: an immediate one; it recovers when it starts."""
        process = psutil.Process(int(self._pid_file.read_text().split()[0]))
        process.send_signal(how)
        await asyncio.to_thread(process.wait, SETTLES)
        await asyncio.sleep(away)
        await self.start()


class Temporal(EmbeddedTemporal):
    """The embedded server at one address, over restarts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "default")
        self._ports = (free_port(), free_port())

    async def launch(self) -> None:
        """Start it without waiting, at its own ports."""
        port, web_port = self._ports
        self._log.parent.mkdir(mode=0o700, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                BINARY, *self._arguments(port, web_port), stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output, process_group=0,
            )  # fmt: skip
        self.address = f"127.0.0.1:{port}"

    async def restart(self, *, kill: bool, away: float) -> None:
        """Stopped, or killed; what it has acknowledged is in its file."""
        if kill and self._process is not None:
            self._process.kill()
            await self._process.wait()
        await self.stop()
        await asyncio.sleep(away)
        await self.launch()
        await self.ready()


@dataclass
class Program:
    """A process of ours that is started again whenever it ends, as an orchestrator would."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    ended_by_itself: int = 0
    rests_until: float = 0.0
    _killed: bool = False

    def start(self) -> None:
        """Start it; its output goes to its log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env={**os.environ, **self.environment}, cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.starts += 1
        self._killed = False

    def kill(self, away: float = 0.0) -> None:
        """SIGKILL; it is started again once it has been away so long."""
        self.rests_until = time.monotonic() + away
        self._killed = True
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def hang(self, how: signal.Signals) -> None:
        """SIGSTOP, or SIGCONT."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)

    def stop(self) -> None:
        """End it for good: gracefully, then by force."""
        if self.process is None or self.process.poll() is not None:
            return
        self.hang(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def look(self) -> None:
        """Start it again if it has ended and rested."""
        if self.process is None or self.process.poll() is None:
            return
        if not self._killed:  # it refused its ground, or crashed: again after a second
            self.ended_by_itself += 1
            self.kill(away=1.0)
        elif time.monotonic() >= self.rests_until:
            self.start()


async def keep_running(programs: list[Program]) -> None:
    """Until cancelled."""
    while True:
        for program in programs:
            program.look()
        await asyncio.sleep(LOOK)


def python(*arguments: str) -> list[str]:
    """A program of this environment."""
    return [sys.executable, *arguments]


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a program's log: where it does not come up, it says there why."""
    file: IO[str]
    with log.open(errors="replace") as file:
        return "".join(file.readlines()[-count:])
