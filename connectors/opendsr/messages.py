"""The bodies of OpenDSR 2.0, as far as we use them. Keys that we do not use are ignored."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, Field

from connectors.contract import Person
from connectors.partner import Order, Right, Told
from schemas.base import Instant, Model
from schemas.partners import RequestResult, RequestStatus

API_VERSION: Final = "2.0"
DOMAIN_HEADER: Final = "X-OpenDSR-Processor-Domain"
SIGNATURE_HEADER: Final = "X-OpenDSR-Signature"

OPENDSR_IDENTITIES: Final = {"email": "email", "customer_number": "controller_customer_id"}
"""Our identifier types that OpenDSR has a name for; the others go into the extension."""


def _version_4(value: UUID) -> UUID:
    if value.version != 4:
        raise ValueError("must be a UUID of version 4")
    return value


RequestId = Annotated[UUID, AfterValidator(_version_4)]


class IdentityObject(Model):
    """Section 5.3."""

    identity_type: str
    identity_value: str = Field(repr=False)
    identity_format: str = "raw"


class SubjectRequest(Model):
    """The body of `POST /requests`, section 7.1."""

    regulation: str = "gdpr"
    subject_request_id: RequestId
    subject_request_type: Right
    submitted_time: Instant
    subject_identities: tuple[IdentityObject, ...] = Field((), repr=False)
    api_version: str = API_VERSION
    status_callback_urls: tuple[str, ...] = ()
    extensions: dict[str, dict[str, Any]] = Field({}, repr=False)


class Accepted(Model):
    """The answer to it, section 7.3."""

    subject_request_id: RequestId


class Discovery(Model):
    """The body of `GET /discovery`, section 6.3."""

    supported_subject_request_types: tuple[str, ...]
    processor_certificate: str


class Extension(Model):
    """What OpenDSR lacks, under the processor's domain: how a completed request ended."""

    result: RequestResult = RequestResult.DONE


class StatusBody(Model):
    """The body of `GET /requests/ID` and of a callback, sections 8.3 and 8.6."""

    subject_request_id: RequestId
    request_status: RequestStatus
    results_url: str | None = Field(None, repr=False)
    results_count: int | None = Field(None, ge=0)
    extensions: dict[str, Extension] = {}

    def told(self, domain: str) -> Told:
        """What is said, in our words."""
        return Told(
            request=self.subject_request_id,
            status=self.request_status,
            result=self.extensions.get(domain, Extension()).result,
            records=self.results_count,
            results_url=self.results_url,
        )


class Results(Model):
    """What is behind `results_url`; OpenDSR leaves its form open."""

    subject_request_id: RequestId
    records: tuple[dict[str, Any], ...] = Field(max_length=100_000, repr=False)


def subject_request(
    order: Order, domain: str, fields: tuple[str, ...], callback_url: str | None
) -> SubjectRequest:
    """The body that goes out: of the person, these fields and nothing else (Art. 5(1)(c))."""
    extension: dict[str, Any] = {}
    if subject := _own_subject(order, fields):
        extension["subject"] = subject
    if order.choice is not None:
        extension |= order.choice.model_dump(exclude={"received_at"}, exclude_none=True)
    if order.corrections:
        extension["corrections"] = [one.model_dump() for one in order.corrections]
        extension["ends_restriction"] = order.ends_restriction
    return SubjectRequest(
        subject_request_id=order.request,
        subject_request_type=order.right,
        submitted_time=order.submitted_at,
        subject_identities=_identities(order.person, fields),
        status_callback_urls=(callback_url,) if callback_url else (),
        extensions={domain: extension} if extension else {},
    )


def names_somebody(request: SubjectRequest, domain: str) -> bool:
    """Whether the partner can tell whom it is about."""
    return bool(request.subject_identities or request.extensions.get(domain, {}).get("subject"))


def _identities(person: Person, fields: tuple[str, ...]) -> tuple[IdentityObject, ...]:
    return tuple(
        IdentityObject(identity_type=OPENDSR_IDENTITIES[one.type], identity_value=one.value)
        for one in person.identities
        if one.type in fields and one.type in OPENDSR_IDENTITIES
    )


def _own_subject(order: Order, fields: tuple[str, ...]) -> dict[str, Any]:
    """What OpenDSR has no identity for."""
    known: dict[str, Any] = {
        "name": order.person.name, "employer": order.employer, "address": order.address
    }  # fmt: skip
    for one in order.person.identities:
        if one.type not in OPENDSR_IDENTITIES:
            known.setdefault(one.type, []).append(one.value)
    return {field: known[field] for field in fields if known.get(field)}
