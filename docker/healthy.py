"""`python docker/healthy.py PORT [PATH]`: exit code 0 if this container answers there with 200."""

import sys
from http.client import HTTPConnection
from typing import Final

SECONDS: Final = 4


def healthy(port: int, path: str = "/ready") -> bool:
    """Whether loopback answers with 200 in time; no proxy of the environment is asked."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(int(sys.argv[1]), *sys.argv[2:3]))
