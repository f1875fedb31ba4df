"""Brings a database to the tables of this program, and refuses one that is not there.

Forward only: an older program refuses a newer database, it never changes it back.
"""

import logging
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.errors import RefusedByRule
from storage.database import connect
from storage.tables import metadata

SCHEMAS: Final = frozenset({"dsr", "vault"})
ONE_AT_A_TIME: Final = 0x6473720001  # advisory lock: two processes may start on an empty database

logging.getLogger("alembic").setLevel(logging.WARNING)


class State(StrEnum):
    """A database beside this program."""

    CURRENT = "current"
    UNMIGRATED = "unmigrated"
    BEHIND = "behind"
    NEWER = "newer"


class NotCurrent(RefusedByRule):
    """The tables are not those of this program: nothing was started."""


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    return name in SCHEMAS if kind == "schema" else True


OPTIONS: Final[dict[str, Any]] = {
    "target_metadata": metadata,
    "version_table_schema": "dsr",
    "include_schemas": True,
    "include_name": _ours,
    "compare_server_default": True,
}


async def upgrade(url: str) -> None:
    """Create or bring up to date every table. Safe to repeat, and from several processes.

    Raises `Unreachable`; `NotCurrent` if the database is newer than this program.
    """
    engine = connect(url, application="dsr migrate", pool_size=1)
    try:
        if await state(engine) is State.NEWER:
            await refuse_unless_current(engine)
        async with engine.begin() as conn:
            await conn.execute(text(f"select pg_advisory_xact_lock({ONE_AT_A_TIME})"))
            await conn.run_sync(lambda c: command.upgrade(config(c), "head"))
    finally:
        await engine.dispose()


async def state(engine: AsyncEngine) -> State:
    """How the database stands to this program. Changes nothing. Raises `Unreachable`."""
    return _state_of(await _version(engine))


async def refuse_unless_current(engine: AsyncEngine, *, behind: bool = False) -> None:
    """Raises `NotCurrent`, with what to do, unless the database fits. Changes nothing.

    `behind`: one that this program would still migrate fits, too.
    """
    found = await _version(engine)
    match _state_of(found):
        case State.UNMIGRATED:
            raise NotCurrent("The database is not migrated: run dsr migrate")
        case State.BEHIND if not behind:
            raise NotCurrent(
                f"The database ({found}) is behind this program ({_head()}): run dsr migrate"
            )
        case State.NEWER:
            raise NotCurrent(
                f"The database is newer ({found}) than this program ({_head()}): "
                "deploy the newer program"
            )


async def _version(engine: AsyncEngine) -> str | None:
    async with engine.connect() as conn:
        if await conn.scalar(text("select to_regclass('dsr.alembic_version')")) is None:
            return None
        version: str | None = await conn.scalar(text("select version_num from dsr.alembic_version"))
        return version


def _state_of(version: str | None) -> State:
    if version is None:
        return State.UNMIGRATED
    if version == _head():
        return State.CURRENT
    return State.BEHIND if version in revisions() else State.NEWER


def _head() -> str:
    return revisions()[-1]


def revisions() -> list[str]:
    """The numbers of this program's revisions, the oldest first."""
    scripts = ScriptDirectory.from_config(config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without a file of settings."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
