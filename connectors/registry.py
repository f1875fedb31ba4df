"""All declared systems, each with the connector of its reach."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from connectors.contract import Connector, System, SystemMisdeclared
from connectors.manifest import Manifest
from connectors.manual import ManualSystem
from connectors.sql.connector import SqlConnector
from schemas.errors import BadInput
from schemas.systems import Reach, SystemFacts

STATEMENT_TIMEOUT: Final = timedelta(seconds=20)


class Systems:
    """The declared systems of a controller. Nothing is connected before it is used."""

    def __init__(
        self,
        manifests: Sequence[Manifest],
        environment: Mapping[str, str],
        statement_timeout: timedelta = STATEMENT_TIMEOUT,
    ) -> None:
        """`environment` holds the databases' URLs under the names that the manifests give.

        A missing URL is no error here: the system counts as unreachable until it is set.
        """
        self._systems: dict[str, System] = {}
        self._connectors: dict[str, Connector] = {}
        for manifest in manifests:
            if manifest.facts.reach is Reach.MANUAL:
                self._systems[manifest.name] = ManualSystem(manifest)
                continue
            url = environment.get(manifest.url_env or "") or None
            connector = SqlConnector(manifest, url, statement_timeout)
            self._systems[manifest.name] = self._connectors[manifest.name] = connector

    @property
    def facts(self) -> tuple[SystemFacts, ...]:
        """What the manifests say, in declared order."""
        return tuple(system.facts for system in self._systems.values())

    def connector(self, name: str) -> Connector:
        """The connector of a system that the engine reaches itself.

        Raises `SystemMisdeclared` for a system that is reached by hand or not declared.
        """
        if name not in self._connectors:
            raise SystemMisdeclared(f"{name}: no declared system that is reached by itself.")
        return self._connectors[name]

    async def check(self, name: str) -> None:
        """Reach the system and compare it with its manifest.

        Raises `SystemUnreachable`, `SystemMisdeclared`, or `BadInput` for an unknown name.
        """
        if name not in self._systems:
            known = ", ".join(self._systems)
            raise BadInput(f"No system {name} is declared. Declared: {known}.")
        await self._systems[name].check()

    async def close(self) -> None:
        """Release every connection."""
        for system in self._systems.values():
            await system.close()
