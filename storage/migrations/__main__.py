"""Writes the next revision: `DATABASE_URL=... python -m storage.migrations "What changes"`.

The database has to be migrated to the last revision; it is only read. Read what was written
before you commit it: alembic does not see triggers, check constraints or renamed columns.
"""

import asyncio
import os
import sys

from alembic import command

from storage.database import connect
from storage.migrate import config, refuse_unless_current, revisions


async def _revise(url: str, message: str) -> None:
    engine = connect(url, application="dsr migrations")
    await refuse_unless_current(engine)
    number = f"{len(revisions()) + 1:04}"
    async with engine.connect() as conn:
        await conn.run_sync(
            lambda c: command.revision(config(c), message, autogenerate=True, rev_id=number)
        )
    await engine.dispose()


asyncio.run(_revise(os.environ["DATABASE_URL"], sys.argv[1]))
