"""Partners that an embedded engine runs itself, where nobody has configured the real ones.

They alone may be called on this very host: no configured partner ever gains that.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connectors.declared import Http

THIS_HOST: Final = (ip_network("127.0.0.1/32"),)


@dataclass(frozen=True)
class StandIns:
    """Whose place the engine takes.

    `variables`: of the URLs that it has filled; `callback_url`: where stand-ins call back, and
    nobody else.
    """

    variables: frozenset[str] = frozenset()
    callback_url: str | None = None

    def replace(self, http: "Http") -> bool:
        """Whether a stand-in answers in this partner's place."""
        return http.url_env in self.variables


NO_STAND_INS: Final = StandIns()
