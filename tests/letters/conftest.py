"""The shipped letters, loaded once."""

import shutil
from pathlib import Path

import pytest

from activities.letters import Letters
from tests.letters.contents import MIPRO


@pytest.fixture(scope="session")
def letters() -> Letters:
    return Letters(MIPRO / "letters")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the templates, to break."""
    return Path(shutil.copytree(MIPRO / "letters", tmp_path / "letters"))
