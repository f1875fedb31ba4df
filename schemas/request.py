"""What a person asks, as intake hands it in: the RequestForm and its parts.

Everything here is personal data until it is sealed; `repr` shows none of it.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Base64Bytes, BeforeValidator, Field, model_validator

from schemas.base import EdgeModel, Instant


class Kind(StrEnum):
    """The right that is exercised."""

    ACCESS = "access"  # Art. 15
    CORRECT = "correct"  # Art. 16
    DELETE = "delete"  # Art. 17
    OBJECTION = "objection"  # Art. 21
    CONSENT = "consent"  # Art. 7, given or withdrawn


class Channel(StrEnum):
    """How the request arrived; it decides how far the sender's identity is shown."""

    LETTER = "letter"
    IN_PERSON = "in_person"
    EMAIL = "email"
    WEB = "web"
    PHONE = "phone"
    API = "api"


class Language(StrEnum):
    """The subject's language; every letter and reply is written in it."""

    FINNISH = "fi"
    SWEDISH = "sv"
    ENGLISH = "en"


class Relation(StrEnum):
    """For whom a submitter, who is not the subject, acts."""

    AGENT = "agent"
    GUARDIAN = "guardian"
    EMPLOYER = "employer"
    OTHER = "other"


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL bytes")
    if _HALF_CHARACTER.search(text):
        raise ValueError("must be valid Unicode text")
    return unicodedata.normalize("NFC", text).strip()


def _strict_base64(value: object) -> object:
    """Python's decoder drops whatever is not base64: a broken file would arrive as another."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and not _BASE64.fullmatch(text):
        raise ValueError("must be base64")
    return value


_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")  # a lone surrogate: no text of any language
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
Text = Annotated[str, AfterValidator(_clean)]
Line = Annotated[Text, Field(min_length=1, max_length=300)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

MAX_MESSAGE_CHARACTERS = 10_000
MAX_ATTACHMENTS = 10
MAX_ATTACHMENT_BYTES = 10_000_000


class Identifier(EdgeModel):
    """Something that names the person in a system: an e-mail address, a customer number."""

    type: Word = Field(description="email, phone, customer_number or another type of the policy")
    value: Line = Field(repr=False)


class Subject(EdgeModel):
    """The person whose data it is (Art. 4(1))."""

    name: Line = Field(repr=False)
    identifiers: tuple[Identifier, ...] = Field((), max_length=20, repr=False)
    address: Line | None = Field(None, repr=False)
    employer: Line | None = Field(
        None, repr=False, description="for a recipient that knows the person by it (fields_sent)"
    )


class Submitter(EdgeModel):
    """Who sent the request, when that is not the subject. The mandate is checked by a handler."""

    name: Line = Field(repr=False)
    relation: Relation
    mandate: Annotated[Text, Field(max_length=2_000, repr=False)] = Field(
        description="the mandate as stated: power of attorney, guardianship, employment"
    )


class Identification(EdgeModel):
    """How a visitor showed who they are. Never a copy of the document."""

    kind: Word = Field(description="passport, identity_card, driving_licence, ...")
    checked_by: Line = Field(repr=False)


class Evidence(EdgeModel):
    """What the channel gave as evidence of identity (law.md 3)."""

    signed: bool = False
    envelope_mark: bool = False
    identification: Identification | None = None


class Consent(EdgeModel):
    """Consent given or withdrawn (Art. 7), with the text that was shown and the means used."""

    given: bool
    text_version: Annotated[Text, Field(min_length=1, max_length=100)]
    means: Annotated[Text, Field(min_length=1, max_length=100)]


class Correction(EdgeModel):
    """One field to correct (Art. 16)."""

    field: Annotated[Text, Field(min_length=1, max_length=100)]
    old: Annotated[Text, Field(max_length=2_000)] | None = Field(None, repr=False)
    new: Annotated[Text, Field(max_length=2_000, repr=False)]
    evidence: Annotated[Text, Field(max_length=2_000)] | None = Field(None, repr=False)


class Attachment(EdgeModel):
    """A file that came with the request."""

    name: Line = Field(repr=False)
    media_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=100)]
    base64: Annotated[Base64Bytes, BeforeValidator(_strict_base64)] = Field(repr=False)


class RequestForm(EdgeModel):
    """A request as received. Refused at this edge: unknown keys, naive times, oversized parts."""

    kind: Kind
    channel: Channel
    received_at: Instant
    language: Language
    scope: tuple[Word, ...] = Field(min_length=1, max_length=50)
    subject: Subject = Field(repr=False)
    submitter: Submitter | None = Field(None, repr=False)
    evidence: Evidence = Evidence()
    purposes: tuple[Word, ...] = Field((), max_length=20)
    consent: Consent | None = None
    corrections: tuple[Correction, ...] = Field((), max_length=100, repr=False)
    message: Annotated[Text, Field(max_length=MAX_MESSAGE_CHARACTERS)] | None = Field(
        None, repr=False
    )
    attachments: tuple[Attachment, ...] = Field((), max_length=MAX_ATTACHMENTS, repr=False)
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, repr=False
    )

    @model_validator(mode="after")
    def _parts_fit_the_kind(self) -> Self:
        if self.kind in (Kind.OBJECTION, Kind.CONSENT) and not self.purposes:
            raise ValueError(f"{self.kind} needs purposes, for example [marketing]")
        if (self.kind is Kind.CONSENT) != (self.consent is not None):
            raise ValueError("consent {given, text_version, means} belongs to kind consent")
        if (self.kind is Kind.CORRECT) != bool(self.corrections):
            raise ValueError("corrections belong to kind correct, which needs at least one")
        if sum(len(a.base64) for a in self.attachments) > MAX_ATTACHMENT_BYTES:
            raise ValueError(f"attachments may hold {MAX_ATTACHMENT_BYTES} bytes together")
        return self
