"""`dsr up` without a worker, as a program of its own: to be asked, signalled and killed.

Writes `ready` and the connection to stdout, stops on Ctrl-C or SIGTERM. Arguments: the data folder
and the registers' environment variables.
"""

import asyncio
import sys
from pathlib import Path

from schemas.errors import DsrError
from starter.configuration import Configuration
from starter.embedded import stack
from starter.logs import configure
from starter.settings import Settings, from_environment
from starter.signals import stop_on_signals
from tests.frame.controller import a_controller


async def up(settings: Settings, configuration: Configuration) -> None:
    """Run until asked to stop."""
    with stop_on_signals() as stop:
        async with stack(settings, configuration) as connection:
            print("ready", connection.model_dump_json(), flush=True)
            await stop.wait()


def main() -> None:
    """As the command line does it: a sentence and an exit code, never a traceback."""
    configure()
    try:
        settings = from_environment().model_copy(update={"data": Path(sys.argv[1])})
        asyncio.run(up(settings, a_controller(registers=tuple(sys.argv[2:]))))
    except DsrError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(refusal.exit_code)


if __name__ == "__main__":
    main()
