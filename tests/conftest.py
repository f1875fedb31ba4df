"""What every test stands on. Our own settings are cleared: no test sees a developer's stack."""

import os

pytest_plugins = ("tests.postgres", "tests.temporal", "tests.office")

for name in list(os.environ):
    if name in {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "DATABASE_URL"} or name.startswith(
        "DSR_"
    ):
        del os.environ[name]
