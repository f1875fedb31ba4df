"""Where the engine of this folder is: the environment first, then `.dsr/connection.json`."""

import json
import os
import socket
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, ValidationError

from connectors.stand_ins import StandIns
from schemas.base import Model
from schemas.errors import Unreachable
from starter.settings import Settings

FILE_NAME = "connection.json"
NOTHING_HERE = (
    "No running engine here: start one with dsr up, or set TEMPORAL_ADDRESS and DATABASE_URL"
)
PATIENCE_SECONDS = 2.0


class Connection(Model):
    """The servers of one engine. URLs hold passwords: they do not show in a `repr`."""

    temporal_address: str
    temporal_namespace: str = "default"
    database_url: str = Field(repr=False)
    web: dict[str, str] = {}  # what is there ("temporal") -> its address in a browser
    registers: dict[str, str] = Field({}, repr=False)  # environment variable -> database URL
    partners: dict[str, dict[str, str]] = {}  # of a stand-in: URL's variable -> its environment
    partners_call_back_at: str | None = None  # where stand-ins do

    def environment(self) -> dict[str, str]:
        """This process's environment, with what the engine runs itself where it names none."""
        given = {name: value for name, value in os.environ.items() if value}
        played = (self.partners[variable] for variable in self.stand_ins().variables)
        return {**self.registers, **given, **{k: v for one in played for k, v in one.items()}}

    def stand_ins(self) -> StandIns:
        """The partners whose place the engine takes: those of which nothing is configured here."""
        return StandIns(
            variables=frozenset(
                url for url, needs in self.partners.items()
                if not any(os.environ.get(name) for name in needs)
            ),
            callback_url=self.partners_call_back_at,
        )  # fmt: skip


def resolve(settings: Settings) -> Connection:
    """The engine to use. Raises `Unreachable` when there is none, or when it no longer answers."""
    written = last_written(settings)
    known = written.model_dump() if written else {}
    known |= {
        name: value
        for name, value in {
            "temporal_address": settings.temporal_address,
            "temporal_namespace": settings.temporal_namespace,
            "database_url": settings.given_database_url(),
        }.items()
        if value is not None
    }
    if not {"temporal_address", "database_url"} <= known.keys():
        raise Unreachable(NOTHING_HERE)
    connection = Connection.model_validate(known)
    if written is not None:
        _refuse_if_stale(connection, settings)
    return connection


def write(folder: Path, connection: Connection) -> None:
    """Tell other processes where the engine is. The file is readable by its owner only."""
    unfinished = folder / f"{FILE_NAME}.new"
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(connection.model_dump(), file, indent=2)
    unfinished.replace(folder / FILE_NAME)


def remove(folder: Path) -> None:
    """The engine is gone."""
    (folder / FILE_NAME).unlink(missing_ok=True)


def last_written(settings: Settings) -> Connection | None:
    """What `dsr up` wrote here, whether or not its servers answer; None if nothing is written.

    Its stand-ins are for its own cases only: none for whoever uses other servers.
    """
    path = settings.data / FILE_NAME
    try:
        written = Connection.model_validate_json(path.read_bytes())
        if _is_of_other_servers(written, settings):
            return written.model_copy(update={"partners": {}, "partners_call_back_at": None})
        return written
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise Unreachable(
            f"{path} cannot be read: start the engine again with dsr up, or set TEMPORAL_ADDRESS "
            "and DATABASE_URL"
        ) from None


def _is_of_other_servers(written: Connection, settings: Settings) -> bool:
    """Whether this process uses another Temporal or another database than that engine."""
    address, database_url = settings.temporal_address, settings.given_database_url()
    return (address or written.temporal_address) != written.temporal_address or (
        database_url or written.database_url
    ) != written.database_url


def _refuse_if_stale(connection: Connection, settings: Settings) -> None:
    """A file can outlive its servers. Configured servers are reached, or not, by their user."""
    from_file: list[str | tuple[str, int]] = []
    if settings.temporal_address is None:
        host, _, port = connection.temporal_address.rpartition(":")
        from_file.append((host, int(port)))
    if settings.database_url is None:
        from_file.append(_listens_at(connection.database_url))
    if not all(_answers(address) for address in from_file):
        raise Unreachable(
            f"The engine of {settings.data / FILE_NAME} does not answer any more: start it again "
            "with dsr up, or set TEMPORAL_ADDRESS and DATABASE_URL"
        )


def _listens_at(database_url: str) -> str | tuple[str, int]:
    """A socket file, or host and port, of a PostgreSQL URL."""
    url = urlsplit(database_url)
    host = parse_qs(url.query).get("host", [unquote(url.hostname or "localhost")])[0]
    port = url.port or 5432
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def _answers(address: str | tuple[str, int]) -> bool:
    try:
        if isinstance(address, tuple):
            socket.create_connection(address, PATIENCE_SECONDS).close()
            return True
        with socket.socket(socket.AF_UNIX) as local:
            local.settimeout(PATIENCE_SECONDS)
            local.connect(address)
            return True
    except OSError:
        return False
