"""Worker processes of the tests, and where they are asked."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
PINGING = ("-m", "tests.frame.pinging")


@contextmanager
def working(
    environment: dict[str, str], program: tuple[str, ...] = PINGING
) -> Iterator[subprocess.Popen[str]]:
    """A worker that has said that it started."""
    process = subprocess.Popen(
        [sys.executable, *program], env=environment, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        wait_until_said(process.stderr, '"worker_started"')
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_said(lines: Iterable[str], what: str) -> None:
    """Read what a process says up to this; fails with all of it if it ends before."""
    said = []
    for line in lines:
        said.append(line)
        if what in line:
            return
    raise AssertionError("".join(said))


def free_address() -> str:
    """host:port on loopback where nothing listens now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def asked(address: str, path: str) -> tuple[int, Any]:
    """Status and document of an answer."""
    try:
        with urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        return refusal.code, json.load(refusal)
