"""How an action of staff is sent, and how its result is told."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starter.cli.console import give, say, with_engine
from starter.cli.words import Id

if TYPE_CHECKING:
    from schemas.case import CaseView
    from schemas.messages import StaffAction
    from starter.client import DsrClient
    from starter.open import Engine

MOMENT_SECONDS: Final = 3.0
"""Enough for a worker that is not busy."""


def take(
    number: str, action: "type[StaffAction]", by: str, id: Id, as_json: bool, said: str,
    **fields: Any,
) -> None:  # fmt: skip
    """Send an action; `said` tells a person what it did."""
    done(lambda client: client.act(number, action, by=by, id=id, **fields), as_json, said)


def done(
    act: "Callable[[DsrClient], Awaitable[CaseView]]", as_json: bool, said: str
) -> None:  # fmt: skip
    """Act; for a person wait a moment for what follows by itself, then name the next command."""
    from starter.cli.next_steps import settled, standing

    async def acted(engine: "Engine") -> "CaseView":
        view = await act(engine.client)
        return view if as_json else await settled(engine.client, view, MOMENT_SECONDS)

    view = with_engine(acted)
    if as_json:
        give(view)
    else:
        say(said, standing(view))
