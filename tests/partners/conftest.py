"""One authority for all tests; a partner for each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.partners.processes import DOMAIN, PartnerProcess, a_partner, certificates


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates."""
    folder = tmp_path_factory.mktemp("authority")
    certificates(folder, DOMAIN)
    return folder


@pytest.fixture
def partner(authority_folder: Path) -> Iterator[Callable[[str], PartnerProcess]]:
    """Starts a partner that behaves as named."""
    with ExitStack() as running:
        yield lambda behaviour: running.enter_context(a_partner(behaviour, authority_folder))
