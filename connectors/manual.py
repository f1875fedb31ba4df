"""A system that people reach: a paper archive, an expert, a partner without a database for us.

There is nothing to connect to: the engine opens a task for the role of the manifest.
"""

from connectors.manifest import Manifest
from schemas.systems import SystemFacts


class ManualSystem:
    """A system behind a role. Always reachable; whether the task is done is the case's matter."""

    def __init__(self, manifest: Manifest) -> None:
        self._facts = manifest.facts

    @property
    def facts(self) -> SystemFacts:
        """What the manifest says of it."""
        return self._facts

    async def check(self) -> None:
        """Nothing to reach."""

    async def close(self) -> None:
        """Nothing to release."""
