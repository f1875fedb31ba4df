"""`python -m tests.histories [NAME]` makes the saved histories anew, all or those with the name."""

import sys

import pytest

from tests.histories import FOLDER

if __name__ == "__main__":
    sys.exit(pytest.main([str(FOLDER / "record.py"), "-v", "-k", " or ".join(sys.argv[1:])]))
