"""The tree of errors. Each says the fact, the rule and the next step; never personal data.

DsrError
|-- BadInput          exit 2, HTTP 422: what, where, what to do
|   `-- InvalidDocument   a manifest, policy or staff file, with file and line
|-- RefusedByRule     exit 3, HTTP 409: a rule or the state of the case says no
|   |-- NotFromHere       a move that the table of moves does not have
|   `-- Purged            only the record of facts is left of this case
|-- CheckFailed       exit 1
`-- Unreachable       exit 4, HTTP 503: a server cannot be reached
"""


class DsrError(Exception):
    """Anything that the engine tells a person in one sentence."""

    exit_code = 1


class CheckFailed(DsrError):
    """Something that was checked is not as it should be."""


class BadInput(DsrError):
    """What was handed in cannot be taken: nothing was changed."""

    exit_code = 2


class InvalidDocument(BadInput):
    """A configuration file is wrong. `place` is `file:line`."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")


class RefusedByRule(DsrError):
    """A rule or the state of the case says no: nothing was changed."""

    exit_code = 3


class NotFromHere(RefusedByRule):
    """A move of the status that the table does not have."""


class Purged(RefusedByRule):
    """The time of a closed case is over: only its record of facts is left."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"The content of {number} is purged: its key is destroyed, only its record is left. "
            f"See: dsr timeline {number}"
        )


class Unreachable(DsrError):
    """A server cannot be reached."""

    exit_code = 4
