"""How identifiers are compared: the same rule as an SQL expression and in Python.

Both sides are made plain (case and spaces do not count, of phone numbers only digits); an
identifier that can be written in several ways is compared in all of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from connectors.contract import Identity, Person
from connectors.manifest import IdentityColumn
from rules.identity import normalise, phone
from schemas.errors import BadInput

Rule = Literal["email", "phone", "text"]

_SPACES: Final = " \t\n\r\f\v\u00a0\u2007\u202f\u200b\ufeff"


def quoted(name: str) -> str:
    """An identifier for SQL, whatever its letters."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Script:
    """How a database writes: a collation that knows the case of its letters, and its encoding."""

    collation: str
    codec: str

    def holds(self, text: str) -> bool:
        """Whether the database can hold this text; it refuses others even in a comparison."""
        try:
            text.encode(self.codec)
        except UnicodeError:
            return False
        return True


def plain_sql(expression: str, rule: Rule, script: Script) -> str:
    """SQL that makes a text expression plain. (One regexp is faster than translate: measured.)"""
    text = f'({expression})::text collate pg_catalog."C"'
    if rule == "phone":
        return f"pg_catalog.regexp_replace({text}, '[^0-9]', '', 'g')"
    spaces = "".join(f"\\u{ord(char):04x}" for char in _SPACES if script.holds(char))
    stripped = f"pg_catalog.regexp_replace({text}, '[{spaces}]', '', 'g')"
    return f"pg_catalog.lower({stripped} collate pg_catalog.{quoted(script.collation)})"


def match_sql(column: str, rule: Rule, script: Script, parameter: int) -> str:
    """SQL that says whether a text expression is one of the forms in a parameter.

    Of phone numbers only those are taken apart that hold the last digits in their order: by far
    the most rows end at that.
    """
    equal = f"{plain_sql(column, rule, script)} = any(${parameter}::text[])"
    if rule != "phone":
        return equal
    patterns = (
        "select array_agg('%' || regexp_replace(right(form, 7), '(.)', '\\1%', 'g')) "
        f"from unnest(${parameter}::text[]) form"
    )
    return f'(({column})::text collate pg_catalog."C" like any(({patterns})::text[]) and {equal})'


def plain(value: str, rule: Rule) -> str:
    """The same in Python."""
    if rule == "phone":
        return re.sub(r"[^0-9]", "", value)
    return value.lower().translate(dict.fromkeys(map(ord, _SPACES)))


def forms(value: str, rule: Rule, calling_code: str | None = None) -> frozenset[str]:
    """Every plain text that a system may hold for this identifier. Empty for an empty one."""
    if rule == "phone":
        return _phone_forms(plain(value, rule), calling_code)
    texts = {plain(unicodedata.normalize(form, value), rule) for form in ("NFC", "NFD")}
    if rule == "email":
        texts |= {form for text in texts for form in _domain_forms(text)}
    return frozenset(texts - {""})


def _phone_forms(digits: str, calling_code: str | None) -> frozenset[str]:
    """+358 40 1, 00358 40 1, +358 (0)40 1 and, with the calling code known, 040 1."""
    digits = digits.removeprefix("00")
    if calling_code and digits.startswith("0"):
        digits = calling_code + digits[1:]
    found = {digits, "00" + digits}
    if calling_code and digits.startswith(calling_code):
        national = "0" + digits[len(calling_code) :].removeprefix("0")
        found |= {national, calling_code + national, calling_code + national[1:]}
    return frozenset(found) if digits.strip("0") else frozenset()


def _domain_forms(address: str) -> set[str]:
    """The address with its domain in Unicode and in ASCII (xn--), label by label (RFC 5891)."""
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    found = {local + at + ".".join(map(_ascii_label, labels))}
    with suppress(UnicodeError):
        found.add(local + at + ".".join(map(_unicode_label, labels)))
    return found


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _unicode_label(label: str) -> str:
    return label[4:].encode().decode("punycode") if label.startswith("xn--") else label


class Identifiers:
    """The person's identifiers in every form, by type and rule."""

    def __init__(self, person: Person, calling_code: str | None) -> None:
        self._values: dict[str, set[str]] = {}
        self._forms: dict[tuple[str, Rule], frozenset[str]] = {}
        self._calling_code = calling_code
        for identity in person.identities:
            self.learn(identity.type, [identity.value])

    def learn(self, type_: str, values: Iterable[str]) -> None:
        """Another value that is the person's."""
        self._values.setdefault(type_, set()).update(value for value in values if value.strip())
        self._forms.clear()

    def copy(self) -> "Identifiers":
        """What is known so far, to be added to separately."""
        other = Identifiers(Person(name="", identities=()), self._calling_code)
        other._values = {type_: set(values) for type_, values in self._values.items()}
        return other

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Everything that is known, in a fixed order."""
        return tuple(
            Identity(type=type_, value=value)
            for type_, values in sorted(self._values.items())
            for value in sorted(values)
        )

    def of(self, column: IdentityColumn) -> frozenset[str]:
        """The forms to look for in a column; empty if the person has no identifier of its type."""
        key = (column.type, column.rule.normalise)
        if key not in self._forms:
            self._forms[key] = frozenset(
                form
                for value in self._values.get(column.type, set())
                for form in forms(value, column.rule.normalise, self._calling_code)
            )
        return self._forms[key]

    def matches(self, column: IdentityColumn, value: Any) -> bool | None:
        """Whether a row's value is one of them. None: no value, or nothing to compare it with."""
        known = self.of(column)
        held = {plain(text, column.rule.normalise) for text in texts(value)} - {""}
        return bool(known & held) if known and held else None


def normalised(
    identities: Iterable[Identity], rules: Mapping[str, Rule], calling_code: str | None
) -> Iterator[Identity]:
    """As `rules.identity` writes them. A malformed one names nobody, and is left out."""
    for one in identities:
        with suppress(BadInput):
            rule = rules.get(one.type, "text")
            if rule == "phone" and calling_code:
                value = phone(one.value, country_code=calling_code)
            else:
                value = normalise(rule, one.value)
            yield Identity(type=one.type, value=value)


def texts(value: Any) -> list[str]:
    """A column's value as texts: an array has several, NULL none."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value if isinstance(value, str) else str(value)]
