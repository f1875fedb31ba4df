"""How partners behave, well and badly."""

import sys
from enum import StrEnum
from typing import Final


class Behaviour(StrEnum):
    """How a partner behaves."""

    PROMPT = "prompt"  # done when it is asked for the first time
    EMPTY = "empty"  # the same, holding nothing
    SLOW = "slow"  # done when it is asked for the fourth time
    LATER = "later"  # done by itself after some seconds; tells so by callback
    BEGUN = "begun"  # begins when it is asked, and never ends
    SILENT = "silent"  # takes every request and does nothing
    FAILING = "failing"  # of each request two calls fail, two are answered
    LYING = "lying"  # tells by callback that it is done, and otherwise that it has not begun
    TWICE = "twice"  # tells everything twice
    ANOTHER = "another"  # answers for another request
    HUGE = "huge"  # 100 MB
    MALFORMED = "malformed"  # signed, but no JSON
    UNSIGNED = "unsigned"  # signed with nobody's key
    REDIRECTING = "redirecting"  # to a private address
    EXISTING = "existing"  # takes the request and says that it has it already
    BUSY = "busy"  # 429 with Retry-After, once for each request
    DENYING = "denying"
    PARTIAL = "partial"
    REFUSING = "refusing"  # 400, and it has no such request
    AILING = "ailing"  # every call fails, until it is healed (`GET /heal`)
    TARRYING = "tarrying"  # takes a moment for every answer
    PLAIN = "plain"  # prompt, and takes only what OpenDSR itself names


DONE_AT: Final = {
    Behaviour.SLOW: 4, Behaviour.LATER: sys.maxsize, Behaviour.BEGUN: sys.maxsize,
    Behaviour.SILENT: 0, Behaviour.LYING: 0,
}  # fmt: skip
"""At which question a request is done, else at the first; 0: it is never even begun."""

LATER_SECONDS: Final = 4.0
MOMENT_SECONDS: Final = 0.3  # of one that tarries
