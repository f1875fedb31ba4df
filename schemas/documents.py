"""Configuration files: YAML text into a checked model, every fault with its file and line.

Sentences name what is wrong and where, and never quote a value: a file may hold personal data.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from schemas.errors import InvalidDocument

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]

_MAX_FAULTS: Final = 20
_SAFE_KEY: Final = re.compile(r"[a-z_][a-z0-9_]{0,40}")


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: only true and false are booleans, so Norway (NO) is a country."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class Document:
    """A YAML file that has been read: its data, and where each part of it stands."""

    def __init__(self, text: str, source: str) -> None:
        """Raises `InvalidDocument` for text that is no YAML, or has a key twice."""
        self.source = source
        self._root, self.data = _read(text, source)
        repeated = list(_repeated_keys(self._root))
        if repeated:
            raise _invalid(source, repeated)

    def build(self, model: type[M]) -> M:
        """The data as `model`. Raises `InvalidDocument` with all faults at once."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)
        raise self.fault((_loc(e["loc"]), fault_sentence(e)) for e in found if not _echo(e, found))

    def fault(self, faults: Iterable[tuple[Loc, str]]) -> InvalidDocument:
        """The error to raise for these faults: the place of the first, all the sentences."""
        return _invalid(self.source, [(self.line(loc), text) for loc, text in faults])

    def line(self, loc: Loc) -> int:
        """The line (from 1) of the part at `loc`, or of the nearest part around it."""
        node, line = self._root, _line(self._root)
        for step in loc:
            found = _child(node, step)
            if found is None:
                return line
            node, line = found
        return line


def parse(text: str, model: type[M], source: str) -> M:
    """`text` (YAML) as `model`; `source` is the file's name for people.

    Raises `InvalidDocument("source:line", sentence)` with all faults, at the first one's line.
    """
    return Document(text, source).build(model)


def _read(text: str, source: str) -> tuple[yaml.Node | None, Any]:
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        fault = (line, "holds a character that YAML does not allow; remove it")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = re.sub(r"(['\"])\w.+?\1", "a word", error.problem or "broken off")
        fault = (mark.line + 1 if mark else 1, f"is not valid YAML: {problem}; correct it here")
    except (ValueError, TypeError, RecursionError):
        fault = (1, "holds a value that YAML cannot read, such as an impossible date; quote it")
    finally:
        if loader is not None:
            loader.dispose()
    raise _invalid(source, [fault])


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """YAML would silently keep the last one."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is not None and name in seen:
                yield _line(key), f"{_named(name)} is written twice; keep one"
            seen.add(name)
            yield from _repeated_keys(value)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return value, _line(key)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], _line(node.value[step])
    return None


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1


def _loc(loc: tuple[int | str, ...]) -> Loc:
    return tuple(step for step in loc if step != "[key]")


def fault_sentence(error: Mapping[str, Any]) -> str:
    """One fault of pydantic as a sentence: where, what. Never the value."""
    where = ".".join(_named(step) for step in _loc(error["loc"])) or "the document"
    if error["type"] == "extra_forbidden":
        return f"{where} is not a known key; remove it or correct its spelling"
    if error["type"] == "missing":
        return f"{where} is missing; add it"
    if error["type"] == "too_short" and error["msg"].startswith("Value"):  # a text, cleaned
        return f"{where} is empty; fill it or leave it out"
    message = error["msg"].removeprefix("Value error, ").removesuffix(".")
    message = re.sub(r"<[\w.]+: ('\w+')>", r"\1", message)  # an enum's member as it is written
    message = re.sub(r"dictionary or instance of \w+", "mapping of keys to values", message)
    message = re.sub(r"^Value (.+\d+) items? after validation.+", r"\1 characters", message)
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _echo(error: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> bool:
    """A list counts as too short as well if one of its items is wrong."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        e["loc"][: len(loc)] == loc and e is not error for e in found
    )


def _named(step: str | int) -> str:
    """A key as it may be shown: a key that is no plain word could be somebody's address."""
    if isinstance(step, int):
        return str(step + 1)
    return step if _SAFE_KEY.fullmatch(step) else "(a key)"


def _invalid(source: str, faults: list[tuple[int, str]]) -> InvalidDocument:
    faults = sorted(faults)
    (line, first), rest = faults[0], faults[1:]
    texts = [first, *(f"line {at}: {text}" for at, text in islice(rest, _MAX_FAULTS))]
    if len(rest) > _MAX_FAULTS:
        texts.append(f"and {len(rest) - _MAX_FAULTS} more")
    return InvalidDocument(f"{source}:{line}", "; ".join(texts) + ".")
