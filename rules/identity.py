"""Who is who: normal forms of identifiers and names, same person or not, assurance by channel.

Errors never repeat what was given: it is personal data. Source: law.md 3, Art. 12(6).
"""

import re
import unicodedata
from collections.abc import Set
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from schemas.base import Model
from schemas.errors import BadInput
from schemas.request import Channel, Evidence, Kind

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL_ASCII: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-")
_PHONE_MARKS: Final = re.compile(r"[\s\-‐‑–.()/]")
_HYPHENS: Final = re.compile(r"[-‐‑‒–—−]")
_MAX_LOCAL: Final = 64  # RFC 5321 4.5.3.1.1
_MAX_EMAIL: Final = 254


def normalise(how: Literal["email", "phone", "text"], value: str) -> str:
    """The form in which an identifier is compared and hashed.

    Raises `BadInput` for a malformed e-mail address or phone number and for an empty value.
    """
    return {"email": email, "phone": phone, "text": text}[how](value)


def email(value: str) -> str:
    """Lower case, without spaces around it, the domain in its ASCII form.

    Letters of any script are taken on both sides. The domain is encoded by RFC 5891 (an `ß` stays
    one); the standard library's codec would turn it into `ss`, another domain.
    """
    local, at, domain = unicodedata.normalize("NFC", value.strip().lower()).rpartition("@")
    ascii_domain = _ascii_domain(domain)
    if not at or not _is_local_part(local) or ascii_domain is None:
        raise BadInput("The e-mail address is malformed: give one like name@example.fi.")
    if len(local) + 1 + len(ascii_domain) > _MAX_EMAIL:
        raise BadInput(f"The e-mail address is longer than {_MAX_EMAIL} characters: check it.")
    return f"{local}@{ascii_domain}"


def phone(value: str, *, country_code: str = "358") -> str:
    """`+` and digits (E.164). A number with one leading zero is one of `country_code`."""
    written = unicodedata.normalize("NFKC", value).strip()
    digits = _PHONE_MARKS.sub("", written.replace("(0)", ""))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0"):
        digits = f"+{country_code}{digits[1:]}"
    digits = re.sub(rf"^\+{country_code}0", f"+{country_code}", digits)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        raise BadInput("The phone number is malformed: give one like +358 40 1234567.")
    return digits


def text(value: str) -> str:
    """Without case, spaces and differences of Unicode form."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold())
    written = "".join(folded.split())
    if not written:
        raise BadInput("An identifier is empty: give its value or leave it out.")
    return written


def name_words(name: str) -> frozenset[str]:
    """The words of a name, without case and Unicode form; letters are kept (`ä` is not `a`).

    A hyphen separates words, so that `Anna-Liisa` is `Anna Liisa`.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    words = (word.strip(".,;:\"'’()") for word in re.split(r"[\s,]+", _HYPHENS.sub(" ", folded)))
    return frozenset(word.replace("’", "'") for word in words if word)


def names_compatible(one: Set[object], other: Set[object]) -> bool:
    """Whether two names, as sets of words or of their hashes, can be one person's.

    One holds all words of the other: a second given name may be left out. No name fits nothing.
    """
    return bool(one and other) and (one <= other or other <= one)


class IdentifierKey(NamedTuple):
    """An identifier as it is compared: its type, keyed hash, and what its type says of persons."""

    type: str
    hash: bytes
    unique: bool
    personal: bool


class PersonKeys(Model):
    """Who a request is about: identifiers, and the keyed hashes of the words of the name."""

    identifiers: frozenset[IdentifierKey]
    name_words: frozenset[bytes]


class Sameness(StrEnum):
    """Whether two requests are about one person. `possibly` is a person's task, never a guess."""

    SAME = "same"
    POSSIBLY = "possibly"
    DIFFERENT = "different"


def same_person(one: PersonKeys, other: PersonKeys) -> Sameness:
    """Whether two sets of keys name one person.

    The same: an equal identifier that is given to one person for life; or an equal unique one,
    with names that fit and no personal identifier that contradicts. Any other equal unique
    identifier, or a shared address under a name that fits: possibly. A name alone, or a shared
    address alone: nothing.
    """
    common = one.identifiers & other.identifiers
    names_fit = names_compatible(one.name_words, other.name_words)
    is_unique = any(key.unique for key in common)
    if any(key.personal for key in common):
        return Sameness.SAME
    if is_unique and names_fit and not _contradict(one, other):
        return Sameness.SAME
    if is_unique or (common and names_fit):
        return Sameness.POSSIBLY
    return Sameness.DIFFERENT


class Assurance(NamedTuple):
    """Whether channel and evidence show who asks, and how ("signed_letter")."""

    sufficient: bool
    how: str | None


def assurance(kind: Kind, channel: Channel, evidence: Evidence) -> Assurance:
    """Whether the sender's identity is shown by the channel already; else a handler sees to it.

    Never a gate: the clock runs either way (law.md 3).
    """
    if channel is Channel.LETTER and evidence.signed:
        return Assurance(True, "signed_letter")
    if channel is Channel.IN_PERSON and evidence.identification is not None:
        return Assurance(True, "identified_visit")
    if channel is Channel.EMAIL and kind in (Kind.OBJECTION, Kind.CONSENT):
        return Assurance(True, "email")
    return Assurance(False, None)


def _contradict(one: PersonKeys, other: PersonKeys) -> bool:
    """Both have a personal identifier of one type, and none of that type is equal."""
    mine, theirs = _personal(one), _personal(other)
    return any(not mine[kind] & theirs[kind] for kind in mine.keys() & theirs.keys())


def _personal(person: PersonKeys) -> dict[str, set[bytes]]:
    found: dict[str, set[bytes]] = {}
    for key in person.identifiers:
        if key.personal:
            found.setdefault(key.type, set()).add(key.hash)
    return found


def _is_local_part(local: str) -> bool:
    dots_fit = not (local.startswith(".") or local.endswith(".") or ".." in local)
    letters_fit = all(
        c in _LOCAL_ASCII or (ord(c) > 127 and unicodedata.category(c)[0] in "LMN") for c in local
    )
    return bool(local) and len(local) <= _MAX_LOCAL and dots_fit and letters_fit


def _ascii_domain(domain: str) -> str | None:
    """The domain in ASCII (RFC 5891), None if it is malformed."""
    labels = unicodedata.normalize("NFKC", domain).replace("。", ".").split(".")
    encoded = [_ascii_label(label) for label in labels]
    fit = len(encoded) > 1 and all(_LABEL.fullmatch(label) for label in encoded)
    return ".".join(encoded) if fit and not encoded[-1].isdigit() else None


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    letters_fit = all(c == "-" or unicodedata.category(c)[0] in "LMN" for c in label)
    return f"xn--{label.encode('punycode').decode('ascii')}" if letters_fit else ""
