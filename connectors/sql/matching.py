"""How identifiers are compared: the same rule as an SQL expression and in Python.

Both sides are made plain (case and spaces do not count, of phone numbers only digits); an
identifier that can be written in several ways is compared in all of them.
"""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Literal

from connectors.contract import Person
from connectors.manifest import IdentityColumn

Rule = Literal["email", "phone", "text"]

_SPACES: Final = " \t\n\r\f\v\u00a0\u2007\u202f\u200b\ufeff"


def quoted(name: str) -> str:
    """An identifier for SQL, whatever its letters."""
    return '"' + name.replace('"', '""') + '"'


def plain_sql(expression: str, rule: Rule, collation: str) -> str:
    """SQL that makes a text expression plain. `collation`: one that knows all letters' cases."""
    cased = f"({expression})::text collate pg_catalog.{quoted(collation)}"
    if rule == "phone":
        return f"pg_catalog.regexp_replace({cased}, '[^0-9]', '', 'g')"
    spaces = "".join(f"\\{ord(char):04x}" for char in _SPACES)
    stripped = f"pg_catalog.translate(pg_catalog.lower({cased}), U&'{spaces}', '')"
    return f"pg_catalog.replace({stripped}, 'ß', 'ss')"


def plain(value: str, rule: Rule) -> str:
    """The same in Python."""
    if rule == "phone":
        return re.sub(r"[^0-9]", "", value)
    return value.lower().translate(dict.fromkeys(map(ord, _SPACES))).replace("ß", "ss")


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
    """The address with its domain in Unicode and in ASCII (xn--)."""
    local, at, domain = address.rpartition("@")
    found: set[str] = set()
    with suppress(UnicodeError):
        found.add(local + at + domain.encode("idna").decode("ascii").lower())
    with suppress(UnicodeError):
        found.add(local + at + domain.encode("ascii").decode("idna").lower())
    return found


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


def texts(value: Any) -> list[str]:
    """A column's value as texts: an array has several, NULL none."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value if isinstance(value, str) else str(value)]
