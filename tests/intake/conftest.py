"""A counter on this test's own database, or four at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import connect
from storage.secrets import Secrets
from tests.intake.reception import GDPR, Reception


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """The keys of this test's engine."""
    return Secrets.load_or_create(tmp_path / "keys")


@pytest.fixture
def reception(engine: AsyncEngine, secrets: Secrets) -> Reception:
    """Under the shipped fee policy, the register's notice."""
    return Reception(engine, secrets)


@pytest.fixture
def gdpr_reception(engine: AsyncEngine, secrets: Secrets) -> Reception:
    """Under fee policy `gdpr`."""
    return Reception(engine, secrets, GDPR)


@pytest.fixture
async def receptions(database_url: str, secrets: Secrets) -> AsyncIterator[list[Reception]]:
    """Four processes' worth: each with connections and cached keys of its own."""
    engines = [connect(database_url, application=f"counter {n}", pool_size=3) for n in range(4)]
    yield [Reception(engine, secrets) for engine in engines]
    for engine in engines:
        await engine.dispose()
