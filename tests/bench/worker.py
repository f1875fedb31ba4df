"""A worker in a process of its own, as in production: it shares no interpreter with the client.

The runs that requests are measured against are served by the same process.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from activities.letters import Letters
from schemas.base import Model
from storage.codec import data_converter
from storage.database import connect
from storage.keyring import Keyring
from storage.secrets import Secrets
from tests.bench.registers import UNATTENDED, declared
from tests.bench.stand import Engine, Stand, engine_on, worker_of
from tests.office import LETTERS

READY = b"ready\n"


class Post(Model):
    """Where the worker works."""

    temporal: str
    database: str
    registers: str
    keys: Path
    log: Path
    queue: str


@asynccontextmanager
async def a_worker(stand: Stand, engine: Engine, register: str) -> AsyncIterator[int]:
    """A worker of the engine is running; the id of its process."""
    post = Post(
        temporal=stand.temporal.client.service_client.config.target_host,
        database=engine.database.url.render_as_string(hide_password=False), registers=register,
        keys=engine.keys, log=stand.folder / "checkpoints.jsonl", queue=engine.queue,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.worker", post.model_dump_json(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != READY:
            raise RuntimeError("the worker did not start")
        yield process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def serve(post: Post) -> None:
    """Until whoever started this process lets go of it."""
    database = connect(post.database, application="dsr bench")
    secrets = Secrets.load(post.keys)
    keyring = Keyring(database, secrets.kek, secrets.pepper)
    temporal = await Client.connect(post.temporal, data_converter=data_converter(keyring))
    async with declared(post.registers) as systems:
        engine = engine_on(
            temporal, database, keyring, secrets, post.keys, systems, UNATTENDED, post.queue
        )
        async with worker_of(engine, systems, UNATTENDED, Letters(LETTERS), post.log):
            print(READY.decode(), end="", flush=True)
            await asyncio.to_thread(sys.stdin.read)
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(serve(Post.model_validate_json(sys.argv[1])))
