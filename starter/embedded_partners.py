"""Stand-ins for partners that nobody has configured: processes of their own, on loopback only.

An authority made for this run vouches for them; its key is thrown away at once. They hold nothing
and answer promptly, unless they are told otherwise, as the demonstration does.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from connectors.declared import Http
from schemas.errors import Unreachable
from starter.partners.authority import Authority
from starter.partners.behaviour import Behaviour

log = structlog.get_logger(__name__)

AUTHORITY: Final = "authority.pem"
STOP_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Part:
    """What a stand-in plays: how it behaves, and the file of the invented people whom it knows.

    Without people it may be sent real ones, and keeps nothing of them.
    """

    behaviour: Behaviour = Behaviour.EMPTY
    people: Path | None = None


EMPTY: Final = Part()


def unconfigured(partners: Mapping[str, Http]) -> dict[str, Http]:
    """Those of which the environment names neither URL nor authority.

    Of one that is configured in part the engine takes no place: `dsr systems check` says what is
    missing.
    """
    return {
        name: http for name, http in partners.items()
        if not (os.environ.get(http.url_env) or os.environ.get(http.ca_env))
    }  # fmt: skip


class EmbeddedPartners:
    """One process for each partner, its key and certificate in `folder`."""

    def __init__(
        self, folder: Path, partners: Mapping[str, Http], parts: Mapping[str, Part]
    ) -> None:
        """`parts`: what they play, by system; the others hold nothing."""
        self._folder = folder / "partners"
        self._log = folder / "logs" / "partners.log"
        self._partners = partners
        self._parts = parts
        self._running: dict[str, subprocess.Popen[str]] = {}

    async def launch(self) -> None:
        """Start them without waiting."""
        await asyncio.to_thread(self._start)

    async def ready(self) -> dict[str, dict[str, str]]:
        """Wait until they answer; by the variable of each URL, what its environment would hold.

        Raises `Unreachable` for one that has ended.
        """
        filled = {
            http.url_env: {
                http.url_env: await asyncio.to_thread(self._address, name),
                http.ca_env: str(self._folder / AUTHORITY),
            }
            for name, http in self._partners.items()
        }  # fmt: skip
        if filled:
            log.info("partners_started", count=len(filled))
        return filled

    async def stop(self) -> None:
        """End them. Safe if none has started."""
        if self._running:
            await asyncio.to_thread(self._stop)
            log.info("partners_stopped", count=len(self._running))

    def _start(self) -> None:
        if not self._partners:
            return
        for folder in (self._folder, self._log.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        authority = Authority.new("Stand-ins of an embedded engine")
        authority.own.write_certificate(self._folder / AUTHORITY)
        for name, http in self._partners.items():
            authority.certifies(http.domain).write(self._folder, http.domain)
            self._running[name] = self._launch(http, self._parts.get(name, EMPTY))

    def _launch(self, http: Http, part: Part) -> "subprocess.Popen[str]":
        """It ends when its standard input does: with this process, however that ends."""
        known = ["--people", str(part.people)] if part.people else ["--keeps-nothing"]
        command = ["-m", "starter.partners.process", part.behaviour, http.domain, self._folder]
        with self._log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                [sys.executable, *map(str, command), "--while-stdin-is-open", *known], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, process_group=0,
            )  # fmt: skip

    def _address(self, name: str) -> str:
        """Its first line says where it listens."""
        said = self._running[name].stdout
        word, _, url = (said.readline() if said else "").strip().partition(" ")
        if word != "ready":
            raise Unreachable(f"The stand-in for {name} does not start: see {self._log}")
        return url

    def _stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
