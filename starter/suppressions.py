"""What importers ask before they take an address in: is it suppressed, and for what?

Keyed hashes answer; nobody's address is kept or logged for the question.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from rules.identity import normalise
from schemas.base import Model
from schemas.errors import BadInput
from schemas.policy import Policy
from storage import tables as t
from storage.keyring import Keyring


class Suppression(Model):
    """Whether the address must not be used for the purpose asked, and all it is suppressed for."""

    suppressed: bool
    purposes: tuple[str, ...]


class Suppressions:
    """Looks addresses up."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring, policy: Policy) -> None:
        self._engine = engine
        self._keyring = keyring
        self._policy = policy

    async def of(self, email: str, purpose: str) -> Suppression:
        """Art. 21(3): a suppressed address must not come back by an import.

        Raises `BadInput` for a malformed address, and for a purpose that the policy does not know:
        a misspelt one would never be suppressed.
        """
        known = (*self._policy.absolute_purposes, *self._policy.other_purposes)
        if purpose not in known:
            raise BadInput(f"The purpose is unknown. Known: {', '.join(known)}.")
        value = self._keyring.digest("identifier", "email", normalise("email", email))
        standing = select(t.suppressions.c.purpose).where(
            t.suppressions.c.hash == value, t.suppressions.c.suppressed
        )
        async with self._engine.connect() as conn:
            purposes = tuple(await conn.scalars(standing.order_by(t.suppressions.c.purpose)))
        return Suppression(suppressed=purpose in purposes, purposes=purposes)
