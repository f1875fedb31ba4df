"""A desk on this test's own database, and a register beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.letters import Letters
from storage.secrets import Secrets
from tests.holds.deskwork import Desk, Register
from tests.office import LETTERS
from tests.postgres import Server


@pytest.fixture(scope="session")
def letters() -> Letters:
    """The shipped letters, loaded once."""
    return Letters(LETTERS)


@pytest.fixture(scope="session")
async def register_url(postgres: Server) -> AsyncIterator[str]:
    """A second database."""
    name = await postgres.create("template0")
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.fixture
async def register(register_url: str) -> AsyncIterator[Register]:
    """A register in which Aino and Eero stand."""
    looking = await asyncpg.connect(register_url)
    register = Register(register_url, looking)
    await register.refill()
    yield register
    await looking.close()


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """The keys of this test's engine."""
    return Secrets.load_or_create(tmp_path / "keys")


@pytest.fixture
def desk(engine: AsyncEngine, secrets: Secrets, register: Register) -> Desk:
    """DPO and worker of this test."""
    return Desk(engine, secrets, register)
