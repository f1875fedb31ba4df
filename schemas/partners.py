"""What a partner that answers over HTTP can say of a request. A statement never goes back.

The statuses are those of OpenDSR 2.0, section 8.
"""

from enum import StrEnum
from typing import Final


class RequestStatus(StrEnum):
    """Where a partner stands with a request."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


BEFORE: Final[dict[RequestStatus, frozenset[RequestStatus]]] = {
    RequestStatus.PENDING: frozenset(),
    RequestStatus.IN_PROGRESS: frozenset({RequestStatus.PENDING}),
    RequestStatus.COMPLETED: frozenset({RequestStatus.PENDING, RequestStatus.IN_PROGRESS}),
    RequestStatus.CANCELLED: frozenset({RequestStatus.PENDING}),
}
"""From which statuses each can follow. An older statement that is played again changes nothing."""


class RequestResult(StrEnum):
    """How a partner ended a request that it completed; an extension of ours to OpenDSR."""

    DONE = "done"
    PARTIAL = "partial"
    DENIED = "denied"


class PartnerFault(StrEnum):
    """What is wrong with a partner's answer. The value is read by staff, in a sentence."""

    ADDRESS = "its address is not one that may be called"
    REDIRECTED = "it answers with a redirect"
    TOO_LARGE = "its answer is too large"
    MALFORMED = "its answer is not what the protocol says"
    UNSIGNED = "its answer is not signed with the certificate of its domain"
    ANOTHER_REQUEST = "it answers for another request"
    UNKNOWN_REQUEST = "it does not know the request that it was sent"
    REFUSED = "it refuses the request"
    UNSUPPORTED = "it takes no requests of this kind"
    NOBODY = "nothing that may be sent names the person"
