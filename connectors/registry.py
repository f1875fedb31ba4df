"""All declared systems, each with the connector of its reach."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from connectors.contract import Connector, System, SystemMisdeclared
from connectors.declared import Http
from connectors.manifest import Manifest
from connectors.manual import ManualSystem
from connectors.opendsr.partner import OpenDsrPartner
from connectors.partner import Certificates, Partner
from connectors.sql.connector import SqlConnector
from connectors.stand_ins import NO_STAND_INS, THIS_HOST, StandIns
from schemas.errors import BadInput
from schemas.systems import Reach, SystemFacts

STATEMENT_TIMEOUT: Final = timedelta(seconds=20)
EXCHANGE_TIMEOUT: Final = timedelta(seconds=20)
"""One exchange with a partner, from the name's resolution to the last byte."""


class Systems:
    """The declared systems of a controller. Nothing is connected before it is used."""

    def __init__(
        self,
        manifests: Sequence[Manifest],
        environment: Mapping[str, str],
        statement_timeout: timedelta = STATEMENT_TIMEOUT,
        callback_url: str | None = None,
        exchange_timeout: timedelta = EXCHANGE_TIMEOUT,
        stand_ins: StandIns = NO_STAND_INS,
        queue: str | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        """`environment` holds URLs and CA files under the names that the manifests give.

        A missing one is no error here: the system counts as unreachable until it is set.
        `callback_url`: where partners tell of their progress; None: they are only polled.
        `stand_ins`: partners whose place the embedded engine takes.
        `queue`: on whose network this process is; None: the engine's own. Private networks that a
        manifest names are open from its system's own queue only. `certificates`: by which callbacks
        are judged; None: those that this process has seen itself.
        """
        self._systems: dict[str, System] = {}
        self._connectors: dict[str, Connector] = {}
        self._partners: dict[str, Partner] = {}
        for manifest in manifests:
            if manifest.facts.reach is Reach.MANUAL:
                self._systems[manifest.name] = ManualSystem(manifest)
            elif manifest.http is not None:
                http, call_at = _as_here(manifest, manifest.http, queue, stand_ins, callback_url)
                partner = OpenDsrPartner(
                    manifest, http, environment, call_at, exchange_timeout, certificates
                )
                self._systems[manifest.name] = self._partners[manifest.name] = partner
            else:
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

    def partner(self, name: str) -> Partner:
        """The partner of this name. Raises `SystemMisdeclared` for another kind of system."""
        if name not in self._partners:
            raise SystemMisdeclared(f"{name}: no declared partner that is reached over HTTP.")
        return self._partners[name]

    def partner_of(self, domain: str) -> Partner | None:
        """The partner that signs under this domain."""
        found = (one for one in self._partners.values() if one.domain == domain)
        return next(found, None)

    def names_of(self, domain: str) -> tuple[str, ...]:
        """The systems whose partner signs under this domain."""
        return tuple(name for name, one in self._partners.items() if one.domain == domain)

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


def _as_here(
    manifest: Manifest, http: Http, queue: str | None, stand_ins: StandIns,
    callback_url: str | None,
) -> tuple[Http, str | None]:  # fmt: skip
    """How this process may call a partner, and where it is called back."""
    if manifest.facts.queue != queue:
        return http.model_copy(update={"private_networks": ()}), callback_url
    if stand_ins.replace(http):
        return http.model_copy(update={"private_networks": THIS_HOST}), stand_ins.callback_url
    return http, callback_url
