"""A reader of PromQL, as far as config/alerts.yaml uses it: whatever else it meets is an error."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:(?P<word>[a-zA-Z_][a-zA-Z0-9_]*)|(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd])?'
    r'|(?P<text>"[^"\\]*")|(?P<sign>==|!=|=~|!~|>=|<=|[-+*/<>=(){}\[\],]))'
)  # fmt: skip
AGGREGATIONS = frozenset({"max", "min", "sum", "count"})
FUNCTIONS = frozenset({"absent", "histogram_quantile", "increase", "rate", "time"})
OPERATORS = (("or", "and"), ("==", "!=", ">", "<", ">=", "<="), ("+", "-"), ("*", "/"))


@dataclass(frozen=True)
class Selector:
    """A metric that is read, by whom, and with which labels."""

    metric: str
    inside: str  # the innermost function or aggregation
    ranged: bool
    labels: tuple[str, ...]


@dataclass
class Reader:
    """One expression. Raises `SyntaxError` where it is none."""

    text: str
    at: int = 0
    found: list[Selector] = field(default_factory=list)
    grouped: list[str] = field(default_factory=list)

    def read(self) -> "Reader":
        """Every selector of the expression, and the labels it groups by."""
        self._binary(0, "")
        if self.text[self.at :].strip():
            raise SyntaxError(f"not understood: {self.text[self.at :]}")
        return self

    def _peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self.text, self.at)

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token is None or (wanted and token[0].strip() not in wanted):
            raise SyntaxError(f"{wanted} expected at: {self.text[self.at :]}")
        self.at = token.end()
        return token[0].strip()

    def _next_is(self, *wanted: str) -> bool:
        token = self._peek()
        return token is not None and token[0].strip() in wanted

    def _binary(self, level: int, inside: str) -> None:
        if level == len(OPERATORS):
            return self._atom(inside)
        self._binary(level + 1, inside)
        while self._next_is(*OPERATORS[level]):
            self._take()
            self._binary(level + 1, inside)
        return None

    def _atom(self, inside: str) -> None:
        token = self._peek()
        if token is None:
            raise SyntaxError(f"something expected at: {self.text[self.at :]}")
        word = self._take()
        if word == "(":
            self._binary(0, inside)
            self._take(")")
        elif word in AGGREGATIONS or word in FUNCTIONS:
            self._call(word)
        elif token["word"]:
            self._selector(word, inside)
        elif not token["number"] or token["unit"]:
            raise SyntaxError(f"a value expected: {word}")

    def _call(self, name: str) -> None:
        if name in AGGREGATIONS and self._next_is("by"):
            self._take()
            self._take("(")
            self.grouped += self._list(lambda: self._take())
            self._take(")")
        self._take("(")
        if not self._next_is(")"):
            self._list(lambda: self._binary(0, name))
        self._take(")")

    def _selector(self, metric: str, inside: str) -> None:
        labels: list[str] = []
        if self._next_is("{"):
            self._take()
            labels = self._list(self._matcher)
            self._take("}")
        ranged = self._next_is("[")
        if ranged:
            self._take()
            if not re.fullmatch(r"\d+[smhd]", self._take()):
                raise SyntaxError(f"a span of time expected in {self.text}")
            self._take("]")
        if ranged != (inside in ("rate", "increase")):
            raise SyntaxError(f"{inside or 'nothing'} takes no such range: {self.text}")
        self.found.append(Selector(metric, inside, ranged, tuple(labels)))

    def _matcher(self) -> str:
        label = self._take()
        regular = self._take("=", "!=", "=~", "!~") in ("=~", "!~")
        value = self._take()
        if not value.startswith('"'):
            raise SyntaxError(f"a text expected: {value}")
        if regular:
            re.compile(value[1:-1])
        return label

    def _list(self, one: Callable[[], Any]) -> list[Any]:
        items = [one()]
        while self._next_is(","):
            self._take()
            items.append(one())
        return items
