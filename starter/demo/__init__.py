"""The demonstration: real servers, filled registers, requests of every kind to every ending.

It drives the client, like any user. What is expected of each request stands in `expected.json`,
a file of its own; nothing there is computed from what happened.
"""

from starter.demo.run import run

__all__ = ["run"]
