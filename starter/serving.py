"""Serving HTTP inside a process of ours: a socket, uvicorn, a wish to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from schemas.errors import BadInput

PORTS_TRIED: Final = 100
MAX_HEAD_BYTES: Final = 64 << 10


def listen(host: str, port: int) -> socket.socket:
    """A socket on that port, or on the next free one. Raises `BadInput` for no such host."""
    last: OSError | None = None
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        try:
            return socket.create_server((host, candidate), backlog=128)
        except socket.gaierror as error:
            last = error
            break
        except OSError as error:
            last = error
    why = last.strerror if last else "no port"
    raise BadInput(f"Not served at {host}:{port} ({why}): name an address of this machine")


def bound(address: str, setting: str) -> socket.socket:
    """A socket at exactly that host:port. Raises `BadInput`, which names the setting."""
    host, _, port = address.rpartition(":")
    try:
        return socket.create_server((host, int(port)), backlog=128)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no such port"
        raise BadInput(
            f"Nothing can be served at {address} ({why}): set {setting} to a free host:port of "
            "this machine, or leave it out"
        ) from None


async def serve(app: ASGIApp, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then finish what is under way."""
    settings = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=5, h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )  # fmt: skip
    server = _Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are this program's own matter (`starter.signals`)."""
        yield
