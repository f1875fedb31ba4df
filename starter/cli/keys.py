"""The keys: made for a new database, and the key-encryption key renewed."""

from typing import TYPE_CHECKING

import typer

from schemas.errors import BadInput, RefusedByRule
from starter.cli.console import give, run, say, with_engine
from starter.cli.operate import process_settings
from starter.cli.words import Json

if TYPE_CHECKING:
    from pathlib import Path

    from starter.open import Engine
    from starter.settings import Settings
    from storage.rotation import Rotated
    from storage.secrets import KeyFiles


def register(app: typer.Typer) -> None:
    """Adds `dsr keys`."""
    keys = typer.Typer(no_args_is_help=True, help="The three keys: make them, renew one.")
    keys.command("init")(init)
    keys.command("new")(new)
    keys.command("rotate")(rotate)
    app.add_typer(keys, name="keys", rich_help_panel="Operation")


def init() -> None:
    """Make the three keys of a new database, or check that they fit its data. Safe to repeat.

    A key that is missing where data exists is refused, never made anew.
    """
    folder, made = run(_init(process_settings()))
    if made:
        say(f"The keys are made in {folder}. Copy them to where no backup of the database goes.")
    else:
        say(f"The keys in {folder} fit the data: nothing to do.")


async def _init(settings: "Settings") -> "tuple[Path, bool]":
    from starter.connection import resolve
    from storage.database import connect
    from storage.key_checks import open_secrets
    from storage.migrate import refuse_unless_current
    from storage.secrets import FILES

    folder = settings.keys_path()
    engine = connect(settings.given_database_url() or resolve(settings).database_url, pool_size=1)
    present = [name for name in FILES if (folder / name).exists()]
    try:
        await refuse_unless_current(engine)
        await open_secrets(engine, folder)
    except OSError as error:
        raise BadInput(
            f"The keys cannot be made in {folder} ({type(error).__name__}): set DSR_KEYS to a "
            "folder that this user may write"
        ) from None
    finally:
        await engine.dispose()
    return folder, [name for name in FILES if (folder / name).exists()] != present


def new() -> None:
    """Make a new key-encryption key beside the present one. Nothing is wrapped with it yet."""
    path = with_engine(_new, temporal=False)
    say(
        f"{path} is made. Copy it into the key folder of every other machine, and to where you "
        "keep its like; then: dsr keys rotate"
    )


async def _new(engine: "Engine") -> str:
    from storage.rotation import unused

    keys = _files(engine)
    if waiting := await unused(engine.case_file.engine, keys):
        raise RefusedByRule(
            f"Not made: {', '.join(waiting)} waits in {keys.folder} already. Next: dsr keys rotate"
        )
    return str(keys.new())


def rotate(as_json: Json = False) -> None:
    """Wrap the keys of all cases and holds with the new key; no data is encrypted again.

    Work goes on meanwhile. Killed in the middle, run it again: it goes on where it was.
    """
    done = with_engine(_rotate, temporal=False)
    if as_json:
        return give(done)
    say(f"{done.rewrapped} key(s) are wrapped anew with {done.key}; it wraps every new one.")
    return say(
        f"Retired: {', '.join(done.retired)}. Move its file offline, and keep it as long as you "
        "keep a copy of the vault from before today: nothing else opens that copy."
    )


async def _rotate(engine: "Engine") -> "Rotated":
    from storage.rotation import rotate as exchange

    keys, pepper = _files(engine), engine.secrets.pepper
    return await exchange(engine.case_file.engine, keys, pepper, engine.client.now())


def _files(engine: "Engine") -> "KeyFiles":
    """The keys as files. A service that keeps keys rotates them by its own means."""
    from storage.secrets import KeyFiles

    if not isinstance(engine.secrets.kek, KeyFiles):
        raise RefusedByRule("Not done: the key-encryption key is not kept in files here.")
    return engine.secrets.kek
