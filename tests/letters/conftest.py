"""A copy of the shipped letters."""

import shutil
from pathlib import Path

import pytest

from tests.letters.contents import MIPRO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the templates, to break."""
    return Path(shutil.copytree(MIPRO / "letters", tmp_path / "letters"))
